"""Chat templates, from wherever a checkpoint keeps them."""

from __future__ import annotations

from string import ascii_letters, digits

from quantcli.tokenizer.files import SETTINGS, Files
from quantcli.tokenizer.vocabulary import Key

JINJA = "chat_template.jinja"
EXTRA = "additional_chat_templates"
JSON = "chat_template.json"
KEY = "tokenizer.chat_template"


def chat_template_keys(files: Files) -> list[Key]:
    """Return the keys of the chat templates, named ones first, the default one last.

    tokenizer_config.json's `chat_template` (a string, or a list of names and templates) comes
    first; else chat_template.jinja with the files of additional_chat_templates; else
    chat_template.json. Without tokenizer_config.json there is no chat model, and nothing is read.

    Raises:
        TokenizerError: a file cannot be read.
    """
    settings = files.settings
    if not settings:
        return []
    template = settings["chat_template"] if "chat_template" in settings else _beside(files)
    if isinstance(template, str):
        return _default(template)
    if not isinstance(template, list):
        if template is not None:
            files.note(f"chat_template of {SETTINGS} is neither a text nor a list: left out")
        return []
    return _named(template)


def _beside(files: Files) -> object:
    text = files.text(JINJA)
    if text is None:
        return (files.object(JSON) or {}).get("chat_template")
    extra = sorted((files.root / EXTRA).glob("*.jinja"))
    if not extra:
        return text
    return [
        {"name": "default", "template": text},
        *({"name": p.stem, "template": files.text(f"{EXTRA}/{p.name}")} for p in extra),
    ]


def _named(templates: list[object]) -> list[Key]:
    named: dict[str, str] = {}
    for choice in templates:
        if not isinstance(choice, dict):
            continue
        raw, template = choice.get("name"), choice.get("template")
        if isinstance(raw, str) and raw and isinstance(template, str):
            # The name becomes part of a key.
            named["".join(c if c in ascii_letters + digits else "_" for c in raw)] = template
    default = named.pop("default", "")
    keys: list[Key] = [(f"{KEY}.{name}", "string", text) for name, text in named.items() if text]
    if named:
        keys.append(("tokenizer.chat_templates", "array:string", tuple(sorted(named))))
    return keys + _default(default)


def _default(text: str) -> list[Key]:
    # An empty string is not a template, and the reference's writer leaves it out as well.
    return [(KEY, "string", text)] if text else []
