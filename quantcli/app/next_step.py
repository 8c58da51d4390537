"""What to do with a finished file: the commands that run it, and an Ollama Modelfile."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from quantcli.container.reader import Contents, parse
from quantcli.errors import OutputError
from quantcli.planning.plan import Plan

MARK = "# Written by quantcli for Ollama"
_TEMPLATE = "tokenizer.chat_template"
_TOKENS = "tokenizer.ggml.tokens"
_STOPS = ("eos", "eot", "eom")
_RANKING = 4
"""Pooling type of llama.cpp for models that score pairs of texts."""
# Ollama's parameters and the keys they are taken from.
_PARAMETERS = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
    "repeat_last_n": "general.sampling.penalty_last_n",
}


def next_steps(plan: Plan, output: Path) -> tuple[str, ...]:
    """Return commands of llama.cpp that run the file `output`, by what kind of model it is."""
    if not plan.steps:
        return ()
    contents = parse(plan.header, plan.size, "the plan")
    file = shlex.quote(str(output))
    pooling = _value(contents, f"{plan.architecture}.pooling_type")
    if pooling == _RANKING:
        return (f"llama-server -m {file} --rerank",)
    if pooling is not None:
        return f'llama-embedding -m {file} -p "Some text"', f"llama-server -m {file} --embedding"
    if _TEMPLATE in contents.entries:
        return f"llama-cli -m {file}", f"llama-server -m {file}"
    text = '-no-cnv -p "Once upon a time"'
    return f"llama-completion -m {file} {text}", f"llama-server -m {file}"


def modelfile_path(output: Path) -> Path:
    """Return where the Modelfile of `output` lies: beside it, its suffix replaced."""
    return output.with_suffix(".Modelfile")


def modelfile(plan: Plan, output: Path) -> str:
    """Return an Ollama Modelfile for the file `output`, which lies beside it.

    Ollama takes the prompt's format from the chat template in the file itself, so none is written;
    the tokens that end a turn and the model's sampling advice are.
    """
    contents = parse(plan.header, plan.size, "the plan")
    lines = [MARK, f"FROM {_from(output.name)}"]
    for name, key in _PARAMETERS.items():
        value = _value(contents, key)
        if isinstance(value, (int, float)):
            lines.append(f"PARAMETER {name} {value:.7g}")
    if _TEMPLATE in contents.entries:
        lines += [f"PARAMETER stop {_quoted(text)}" for text in _stop_texts(contents)]
    return "\n".join(lines) + "\n"


def refuse_foreign_modelfile(path: Path, *, force: bool) -> None:
    """Raise OutputError when a Modelfile is at `path` that quantcli did not write."""
    if force or not path.exists():
        return
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            own = file.readline().rstrip("\n") == MARK
    except OSError:
        own = False
    if not own:
        raise OutputError(
            "exists already and was not written by quantcli, so it is left alone",
            where=str(path),
            hint="Use --force to replace it, or go on without --modelfile.",
        )


def write_modelfile(plan: Plan, output: Path) -> Path:
    """Write the Modelfile beside `output` and return its path.

    Raises:
        OutputError: it cannot be written.
    """
    path = modelfile_path(output)
    try:
        path.write_text(modelfile(plan, output), encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", where=str(path)) from error
    return path


def _value(contents: Contents, key: str) -> object:
    entry = contents.entries.get(key)
    return None if entry is None else entry.value


def _stop_texts(contents: Contents) -> list[str]:
    """Return the texts of the tokens that end a turn, each once."""
    tokens = _value(contents, _TOKENS)
    texts: Mapping[str, None] = {
        str(tokens[number]): None
        for role in _STOPS
        if isinstance(number := _value(contents, f"tokenizer.ggml.{role}_token_id"), int)
        and isinstance(tokens, tuple)
        and 0 <= number < len(tokens)
    }
    return list(texts)


def _from(name: str) -> str:
    return f"./{name}" if name.isprintable() and '"' not in name else _quoted(f"./{name}")


def _quoted(text: str) -> str:
    return f'"""{text}"""' if '"' in text or "\n" in text else f'"{text}"'
