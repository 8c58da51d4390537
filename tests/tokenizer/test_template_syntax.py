"""Templates that llama.cpp's server loads and that it does not, as tried with xllamacpp."""

from __future__ import annotations

import pytest

from quantcli.tokenizer.template_syntax import syntax_error

READ = [
    "",
    "plain",
    "{{ 1 }}",
    "{{ messages[0]['content'] }}",
    "{% for m in messages %}{{ m.content }}{% endfor %}",
    "{%- for m in messages -%}\n{{- m['role'] + ': ' + m['content'] -}}\n{%- endfor -%}",
    "{% if messages %}a{% elif not messages %}b{% else %}c{% endif %}",
    "{% if x is defined and x is not none %}a{% endif %}",
    "{{ {'a': {'b': 1}}['a'] }}",
    "{{ 'a' ~ \"b\" }}",
    "{# a comment #}x",
    "{% set a = [1, 2, 3] %}{{ a[1:] | length }}",
    "{% set a %}text{% endset %}{{ a }}",
    "{% macro f(x, y=1) %}{{ x }}{% endmacro %}{{ f('a') }}",
    "{{ messages | map(attribute='role') | join(', ') }}",
    "{{ 1 if messages else 2 }}",
    "{{ 'user' in ['user'] and 'x' not in ['y'] }}",
    "{% generation %}x{% endgeneration %}",
    "{{ -1 + +2 }}",
    "{% for k, v in {'a': 1}.items() %}{{ k }}{% endfor %}",
    "{{ 5 is divisibleby 5 }}",
    "{{ [1, 2,] }}",
    "{% for x in y if z %}{% else %}n{% endfor %}",
]
NOT_READ = {
    "{{": "without its end }}",
    "{% for m in messages %}{{ m }}": "for without endfor",
    "{{ 'a }}": "a string without its end",
    '{{ "\\d" }}': "unknown escape",
    "{# none": "a comment without its end",
    "{% endif %}": "endif without a beginning",
    "{% include 'x' %}": "unknown statement 'include'",
    "{% FOR m IN messages %}{% ENDFOR %}": "unknown statement 'FOR'",
    "{{ a b }}": "'b' where an operator should be",
    "{{ (1 + 2 }}": "'(' is not closed",
    "{{ 1 + 2) }}": "')' without '('",
    "{{ }}": "an expression without a value",
    "{% %}": "a statement without a name",
    "{% for m in messages }}{% endfor %}": "'}' without '{'",
    "{{ messages[ }}": "'[' is not closed",
    "{{ 1, }}": "an expression without a value",
    "{% raw %}{{ x }}{% endraw %}": "unknown statement 'raw'",
    "{% if messages %}{% endfor %}": "endfor inside if",
    "{% do x %}": "unknown statement 'do'",
}


@pytest.mark.parametrize("template", READ)
def test_what_llamacpp_reads_has_no_error(template: str) -> None:
    assert syntax_error(template) is None


@pytest.mark.parametrize("template", NOT_READ)
def test_what_llamacpp_does_not_read_has_one(template: str) -> None:
    assert NOT_READ[template] in str(syntax_error(template))


def test_the_line_is_named() -> None:
    assert str(syntax_error("a\nb\n{{ c d }}\n")).startswith("line 3: ")
