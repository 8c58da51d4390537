"""Chat templates, from wherever a checkpoint keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_letters, digits

from quantcli.tokenizer.files import SETTINGS, Files
from quantcli.tokenizer.template_syntax import syntax_error
from quantcli.tokenizer.vocabulary import Key

JINJA = "chat_template.jinja"
EXTRA = "additional_chat_templates"
JSON = "chat_template.json"
KEY = "tokenizer.chat_template"


def chat_template_keys(files: Files) -> list[Key]:
    """Return the keys of the chat templates, named ones first, the default one last.

    As transformers takes them: chat_template.jinja and the files of additional_chat_templates, when
    there are any, instead of tokenizer_config.json's `chat_template` (a string, names and their
    templates, or null, which says nothing). chat_template.json, of older processors, comes last.

    Raises:
        TokenizerError: a file cannot be read.
    """
    templates = _files(files)
    said = _named(files, files.settings.get("chat_template"), SETTINGS)
    if templates and said and said != templates:
        beside = JINJA if "default" in templates else EXTRA
        files.note(f"the chat template of {SETTINGS} is left aside: {beside} comes first")
    templates = templates or said
    if not templates:
        templates = _named(files, (files.object(JSON) or {}).get("chat_template"), JSON)
    return _keys({name: text for name, text in templates.items() if _is_readable(files, text)})


def _is_readable(files: Files, template: str) -> bool:
    """Return whether llama.cpp can read a template; its server does not load a file otherwise."""
    fault = syntax_error(template)
    if fault is not None:
        files.note("a chat template that llama.cpp cannot read is left out", fault)
    return fault is None


def _files(files: Files) -> dict[str, str]:
    found: dict[str, str] = {}
    text = files.text(JINJA)
    if text is not None:
        found["default"] = text
    for path in sorted((files.root / EXTRA).glob("*.jinja")):
        found[path.stem] = files.text(f"{EXTRA}/{path.name}") or ""
    return found


def _named(files: Files, said: object, source: str) -> dict[str, str]:
    if said is None:
        return {}
    if isinstance(said, str):
        return {"default": said}
    pairs: list[tuple[object, object]] = []
    if isinstance(said, Mapping):
        pairs = list(said.items())
    elif isinstance(said, list):
        pairs = [(c.get("name"), c.get("template")) for c in said if isinstance(c, Mapping)]
    found = {k: v for k, v in pairs if isinstance(k, str) and k and isinstance(v, str)}
    if not found and said:
        files.note(f"chat_template of {source} holds no template: left out")
    return found


def _keys(templates: Mapping[str, str]) -> list[Key]:
    named: dict[str, str] = {}
    for raw, template in templates.items():
        # The name becomes part of a key.
        named["".join(c if c in ascii_letters + digits else "_" for c in raw)] = template
    default = named.pop("default", "")
    keys: list[Key] = [(f"{KEY}.{name}", "string", text) for name, text in named.items() if text]
    if named:
        keys.append(("tokenizer.chat_templates", "array:string", tuple(sorted(named))))
    # An empty string is not a template, and the reference's writer leaves it out as well.
    return keys + ([(KEY, "string", default)] if default else [])
