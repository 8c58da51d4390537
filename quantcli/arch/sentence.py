"""Sentence-transformers folders: the modules after the transformer, carried or refused by name.

What llama.cpp does after its graph: it pools (`pooling_type`), and its tools and server normalise
what they give out unless told otherwise. Dense layers exist in the graphs of a few architectures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from quantcli.arch.architecture import Check, Key, Value
from quantcli.arch.facts import Facts
from quantcli.errors import ConfigError

MEAN, CLS, LAST, RANK = 1, 2, 3, 4
_POOLING_FIELDS = {
    "pooling_mode_mean_tokens": MEAN,
    "pooling_mode_cls_token": CLS,
    "pooling_mode_lasttoken": LAST,
}
_POOLING_MODES = {"mean": MEAN, "cls": CLS, "lasttoken": LAST}
DENSE = "Dense"
# Dropout is the identity outside of training.
_CARRIED = {"Transformer", "Pooling", "Normalize", "Dropout"}


def _modules(facts: Facts) -> list[tuple[str, str]]:
    """Return kind ("Pooling") and path of each module of the folder; none without modules.json."""
    modules = facts.json("modules.json")
    if modules is None:
        return []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ConfigError("is not a list of modules", where=str(facts.root / "modules.json"))
    return [
        (str(module.get("type", "")).rpartition(".")[2], str(module.get("path") or ""))
        for module in modules
    ]


def module_problems(carried: Iterable[str]) -> Check:
    """Return the check of a sentence-transformers folder's modules, which the runtime must have.

    Args:
        carried: kinds of modules that the architecture's graph has beside those it always has.
    """
    known = {*_CARRIED, *carried}

    def problems(facts: Facts) -> Iterable[str]:
        for kind, path in _modules(facts):
            if kind not in known:
                place = path or "at the top"
                yield f"modules.json has a {kind} module ({place}){_sizes(facts, path)}"

    return problems


def dense_problems(*paths: str) -> Check:
    """Return the check of dense layers that a graph applies as plain matrices, in this order."""

    def problems(facts: Facts) -> Iterable[str]:
        found = [path for kind, path in _modules(facts) if kind == DENSE]
        if found != list(paths[: len(found)]):
            yield f"modules.json has dense layers {', '.join(found)}, not {', '.join(paths)}"
        for path in found:
            config = dense_config(facts, path)
            activation = str(config.get("activation_function", "")).rpartition(".")[2]
            if activation != "Identity" or config.get("bias"):
                yield (
                    f"{path}/config.json asks for the activation {activation} or a bias; "
                    f"llama.cpp multiplies by the matrix"
                )

    return problems


def dense_config(facts: Facts, path: str) -> dict[str, Any]:
    """Return the config.json of a dense layer, {} when there is none."""
    config = facts.json(str(PurePosixPath(path, "config.json"))) if path else None
    return config if isinstance(config, dict) else {}


def dense_size(path: str, field: str) -> Callable[[Facts], int | None]:
    """Return the question for a size of a dense layer, None where the folder does not have it."""

    def size(facts: Facts) -> int | None:
        there = any(each == (DENSE, path) for each in _modules(facts))
        value = dense_config(facts, path).get(field) if there else None
        return value if isinstance(value, int) else None

    return size


def _sizes(facts: Facts, path: str) -> str:
    """Return what a module's own config says of its sizes, for a dense layer."""
    config = dense_config(facts, path)
    if "out_features" not in config:
        return ""
    return f" from {config.get('in_features')} to {config['out_features']} numbers"


def prompt_remarks(facts: Facts) -> Iterable[str]:
    """Tell what sentence-transformers does to a text first, which llama.cpp does not."""
    config = facts.json("config_sentence_transformers.json")
    prompts = config.get("prompts") if isinstance(config, dict) else None
    if isinstance(prompts, dict) and (given := [name for name, text in prompts.items() if text]):
        yield (
            f"the prompts of config_sentence_transformers.json ({', '.join(given)}) are no part "
            f"of a GGUF file: put them before each text yourself"
        )
    bert = facts.json("sentence_bert_config.json")
    lowers = isinstance(bert, dict) and bert.get("do_lower_case") is True
    tokenizer = facts.json("tokenizer_config.json") if lowers else None
    if lowers and not (isinstance(tokenizer, dict) and tokenizer.get("do_lower_case") is True):
        yield "sentence_bert_config.json lower-cases every text (do_lower_case): do so yourself"


def pooling(facts: Facts) -> Value | None:
    """Return llama.cpp's number of the pooling that a sentence-transformers folder asks for."""
    for kind, path in _modules(facts):
        if kind == "Pooling":
            file = str(PurePosixPath(path, "config.json"))
            return _pooling_number(facts.json(file), file)
    return None


def _pooling_number(pooling: Any, file: str) -> int:
    if not isinstance(pooling, dict):
        raise ConfigError("modules.json names a pooling module without config.json", where=file)
    flags = [
        name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True
    ]
    mode = pooling.get("pooling_mode")
    number = None
    if len(flags) == 1:
        number = _POOLING_FIELDS.get(flags[0])
    elif not flags and isinstance(mode, str):
        number = _POOLING_MODES.get(mode)
    if number is None:
        asked = " and ".join(flags) or f"pooling_mode {mode!r}"
        raise ConfigError(f"the pooling is none of mean, cls and lasttoken: {asked}", where=file)
    return number


POOLING_KEY = Key("{arch}.pooling_type", "uint32", derive=pooling)
