"""Whether a chat template's syntax is one that llama.cpp reads.

llama.cpp has its own reader of Jinja (common/jinja), and its server does not load a file with a
template that this cannot read. Checked are delimiters, strings, brackets, the statements that it
knows and how they nest, and that values and operators alternate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_OPEN = re.compile(r"\{[{%#]")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<word>\w+)
    |(?P<sign>==|!=|<=|>=|[-+*/%~<>=|.,:()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = "ntrbfv\\'\""
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_BINARY = {*("==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "~", "|", ".", "=")}
_BINARY_WORDS = {"and", "or", "in", "is", "if", "else"}

# Statements that stand around others: what ends them, and what may divide them.
_BLOCKS: dict[str, tuple[str, ...]] = {
    "if": ("endif", "elif", "else"),
    "for": ("endfor", "else"),
    "macro": ("endmacro",),
    "call": ("endcall",),
    "filter": ("endfilter",),
    "set": ("endset",),
}
_BARE = {"break", "continue", "generation", "endgeneration"}


@dataclass(slots=True)
class _Fault(Exception):
    """A syntax error: what, and at which offset."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def syntax_error(template: str) -> str | None:
    """Return what llama.cpp cannot read in a Jinja template, with the line; None if it can."""
    # One line break at the end is no part of a template.
    text = template.removesuffix("\n")
    try:
        _check(text)
    except _Fault as fault:
        return f"line {text.count(chr(10), 0, fault.at) + 1}: {fault.text}"
    return None


def _check(text: str) -> None:
    blocks: list[_Block] = []
    position = 0
    while opening := _OPEN.search(text, position):
        at = opening.start()
        if opening[0] == "{#":
            end = text.find("#}", at + 2)
            if end < 0:
                raise _Fault("a comment without its end #}", at)
            position = end + 2
            continue
        closing = "}}" if opening[0] == "{{" else "%}"
        tokens, position = _inside(text, opening.end(), closing)
        if closing == "}}":
            _expression(tokens, at)
        else:
            _statement(tokens, at, blocks)
    if blocks:
        raise _Fault(f"{blocks[-1].name} without {_BLOCKS[blocks[-1].name][0]}", blocks[-1].at)


def _inside(text: str, start: int, closing: str) -> tuple[list[_Token], int]:
    """Return the tokens up to `closing`, and the position after it."""
    tokens: list[_Token] = []
    position, open_curly = start, 0
    if text[position : position + 1] in {"-", "+"}:
        position += 1
    while position < len(text):
        for mark in (f"-{closing}", closing):
            # Braces of an object may end in two.
            if text.startswith(mark, position) and not (open_curly and closing == "}}"):
                return tokens, position + len(mark)
        found = _TOKEN.match(text, position)
        if found is None:
            what = "a string without its end" if text[position] in "'\"" else "a stray character"
            raise _Fault(f"{what}: {text[position : position + 10]!r}", position)
        kind = str(found.lastgroup)
        if kind == "string":
            _check_escapes(found[0], position)
        open_curly += {"{": 1, "}": -1}.get(found[0], 0)
        if kind != "space":
            tokens.append(_Token(kind, found[0], position))
        position = found.end()
    raise _Fault(f"{'{{' if closing == '}}' else '{%'} without its end {closing}", start - 2)


def _check_escapes(string: str, at: int) -> None:
    for escape in _ESCAPE.finditer(string):
        if escape[1] not in _ESCAPES:
            raise _Fault(f"unknown escape {escape[0]!r} in a string", at + escape.start())


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    at: int


def _statement(tokens: list[_Token], at: int, blocks: list[_Block]) -> None:
    """Check one statement, and open or close the block that it belongs to."""
    if not tokens or tokens[0].kind != "word":
        raise _Fault("a statement without a name", at)
    name, rest = tokens[0].text, tokens[1:]
    inner = blocks[-1].name if blocks else ""
    if name in _BLOCKS:
        if name == "call":
            rest = _after_arguments(rest)
        _expression(rest, at)
        if name != "set" or not _assigns(rest):
            blocks.append(_Block(name, at))
        return
    ends = _BLOCKS.get(inner, ())
    if name == "elif" and name in ends:
        _expression(rest, at)
        return
    _check_name(name, inner, at)
    if ends and name == ends[0]:
        blocks.pop()
    if rest:
        raise _Fault(f"{rest[0].text!r} after {name}", rest[0].at)


def _check_name(name: str, inner: str, at: int) -> None:
    """Refuse a statement that is unknown, or that ends or divides another block than `inner`."""
    if name in _BLOCKS.get(inner, ()) or name in _BARE:
        return
    if any(name in ends for ends in _BLOCKS.values()):
        raise _Fault(f"{name} inside {inner}" if inner else f"{name} without a beginning", at)
    raise _Fault(f"unknown statement {name!r}", at)


def _assigns(tokens: list[_Token]) -> bool:
    depth = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        if token.text == "=" and token.kind == "sign" and depth == 0:
            return True
    return False


def _after_arguments(tokens: list[_Token]) -> list[_Token]:
    """Return what follows the arguments of a caller: {% call(user) listed(users) %}."""
    depth = 0
    for number, token in enumerate(tokens):
        if number == 0 and token.text != "(":
            return tokens
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0:
            return tokens[number + 1 :]
    return tokens


@dataclass(slots=True)
class _Machine:
    """Walks through an expression: after a value comes an operator, after that a value."""

    wants_value: bool = True
    brackets: list[_Token] = field(default_factory=list)
    before: str = ""
    testing: bool = False  # after `is`, whose test may have an argument without brackets

    def step(self, token: _Token) -> None:
        """Take one token."""
        (self._value if self.wants_value else self._operator)(token)
        self.before = token.text

    def _value(self, token: _Token) -> None:
        text = token.text
        if token.kind in {"string", "number"}:
            self.wants_value = False
        elif token.kind == "word":
            if text in _BINARY_WORDS:
                raise _Fault(f"{text!r} where a value should be", token.at)
            self.wants_value = text == "not"
        elif text in {"(", "[", "{"}:
            self.brackets.append(token)
        elif text in _BRACKETS and self.before in {",", _BRACKETS[text], ":"}:
            self._close(token)
        elif not (
            text in {"-", "+"}
            or (text == "*" and self.before in {"(", ","})
            or (text == ":" and self._within("["))
        ):
            raise _Fault(f"{text!r} where a value should be", token.at)

    def _operator(self, token: _Token) -> None:
        text = token.text
        testing, self.testing = self.testing, text == "is"
        if text in _BRACKETS and token.kind == "sign":
            self._close(token)
        elif token.kind == "sign" and text in {"(", "["}:
            self.brackets.append(token)
            self.wants_value = True
        elif (
            (token.kind == "sign" and (text in _BINARY or text == ","))
            or (token.kind == "word" and text in _BINARY_WORDS)
            or (text == ":" and (self._within("[") or self._within("{")))
        ):
            self.wants_value = True
        elif token.kind == "sign" or not (
            testing or (token.kind == "string" and self.before[:1] in {"'", '"'})
        ):
            raise _Fault(f"{text!r} where an operator should be", token.at)

    def _within(self, bracket: str) -> bool:
        return bool(self.brackets) and self.brackets[-1].text == bracket

    def _close(self, token: _Token) -> None:
        if not self._within(_BRACKETS[token.text]):
            raise _Fault(f"{token.text!r} without {_BRACKETS[token.text]!r}", token.at)
        self.brackets.pop()
        self.wants_value = False


def _expression(tokens: list[_Token], at: int) -> None:
    machine = _Machine()
    for token in _joined(tokens):
        machine.step(token)
    if machine.brackets:
        opened = machine.brackets[-1]
        raise _Fault(f"{opened.text!r} is not closed", opened.at)
    if machine.wants_value:
        raise _Fault("an expression without a value at its end", at)


def _joined(tokens: list[_Token]) -> Iterator[_Token]:
    """Yield the tokens with `not in` as one."""
    afterwards = [*(token.text for token in tokens[1:]), ""]
    skip = False
    for token, after in zip(tokens, afterwards[: len(tokens)], strict=True):
        if skip:
            skip = False
        elif token.text == "not" and after == "in":
            skip = True
            yield _Token("word", "in", token.at)
        else:
            yield token
