"""Structure-aware mutations of the small files of a checkpoint.

A mutation is drawn from a generator that is seeded by the case's number, and says what it did.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz_bases import Piece, pieces, sentencepiece_bytes

_BIG = (2**31 - 1, 2**31, 2**32, 2**40, 2**64, 10**30)
_NAMES = (
    *("relu", "gelu", "silu", "gelu_new", "swish", "tanh", "linear", "dynamic", "yarn", "longrope"),
    *("llama3", "su", "default", "none", "mrope", "proportional", "bert", "gpt2", "llama", "qwen2"),
    *("absolute", "relative_key", "BPE", "WordPiece", "Unigram", "WordLevel", "ByteLevel"),
    *("LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "GPT2LMHeadModel", "BertModel"),
    *("<|endoftext|>", "<s>", "</s>", "[PAD]", "[UNK]", "a", "the", "", " ", "\n", "é", "x" * 70),
)
_REGEXES = (r"\p{N}{1,3}", r"\s+", r".", r"(?i:'s|'t)", r"[^\s]+|\s+", r"(", r"\p{L}+|\p{N}")
# Fields that Hugging Face's configurations have, and values that a field of the kind may take.
_CONFIG_FIELDS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("hidden_act", ("relu", "gelu", "silu", "gelu_new")),
    ("activation_function", ("relu", "gelu_new", "gelu")),
    ("head_dim", (8, 16, 24, 25, 32, 48, 0)),
    ("num_attention_heads", (1, 2, 3, 5, 6, 8, 96)),
    ("num_key_value_heads", (1, 3, 4, 5, 0)),
    ("n_head", (1, 2, 3, 5, 8)),
    ("num_hidden_layers", (0, 1, 3, 2000)),
    ("n_layer", (1, 3)),
    ("intermediate_size", (96, 159, 161, 320)),
    ("n_inner", (None, 96, 384, 100)),
    ("hidden_size", (48, 95, 97, 192)),
    ("max_position_embeddings", (0, 1, 63, 65, 128, 10**9)),
    ("n_positions", (1, 63, 65)),
    ("vocab_size", (0, 1, 100, 279, 281, 32000, 32016, 49152, 10**6)),
    ("type_vocab_size", (0, 1, 3)),
    ("rms_norm_eps", (0, 0.0, -1e-5, 1e-45, 1e40, float("nan"), float("inf"), "1e-5")),
    ("layer_norm_eps", (0, -1e-12, float("nan"), 1e-12)),
    ("rope_theta", (0, -1.0, 1, 1e40, float("nan"), float("inf"), "10000")),
    ("rope_scaling", ({"type": "linear", "factor": 0}, {"rope_type": "longrope"}, {}, [], "yarn")),
    ("rope_scaling", ({"rope_type": "yarn", "factor": -2.0}, {"type": "dynamic", "factor": 2.0})),
    ("rope_scaling", ({"rope_type": "llama3", "factor": 8.0}, {"factor": 2.0}, {"type": None})),
    ("rope_parameters", ({"rope_type": "default", "rope_theta": 5e5}, {"rope_theta": -3})),
    ("partial_rotary_factor", (0.5, 0.25, 0.0, 2.0)),
    ("sliding_window", (None, 1, 16, 0, -1)),
    ("tie_word_embeddings", (True, False, None)),
    ("attention_bias", (True, False)),
    ("is_causal", (False, True)),
    ("is_decoder", (True, False)),
    ("position_embedding_type", ("relative_key", "absolute", "rotary")),
    ("scale_attn_weights", (False, True)),
    ("scale_attn_by_inverse_layer_idx", (True, False)),
    ("reorder_and_upcast_attn", (True,)),
    ("add_cross_attention", (True,)),
    ("num_experts", (4,)),
    ("num_local_experts", (8, 0)),
    ("num_experts_per_tok", (2,)),
    ("bos_token_id", (None, -1, 0, 7, 10**6, [1, 2], "1")),
    ("eos_token_id", (None, -1, 0, 7, 10**6, [1, 2], [], [10**6], "2")),
    ("pad_token_id", (None, -1, 0, 7, 10**6)),
    ("id2label", ({"0": "a"}, {"0": "a", "1": "b"}, {}, {"x": "a"}, {"0": "LABEL_0"}, None)),
    ("num_labels", (1, 2, 5)),
    ("mup_enabled", (True,)),
    ("logit_scale", (2.0,)),
    ("embedding_multiplier", (12.0,)),
    ("quantization_config", ({"quant_method": "gptq", "bits": 4}, {})),
    ("use_sliding_window", (True, False)),
    ("layer_types", (["sliding_attention", "full_attention"], [])),
    ("architectures", ([], None, ["LlamaModel"], ["Qwen2Model"], ["BertForMaskedLM"])),
)
_TOKENIZER_FIELDS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("add_bos_token", (True, False, None, "true")),
    ("add_eos_token", (True, False, None)),
    ("add_prefix_space", (True, False)),
    ("legacy", (True, False)),
    ("bos_token", (None, "the", "nowhere", {"content": "a"}, 3, "")),
    ("eos_token", (None, "the", "nowhere", {"content": "a"}, [])),
    ("unk_token", (None, "nowhere", "a")),
    ("pad_token", (None, "nowhere", "a")),
    ("sep_token", (None, "nowhere", "a")),
    ("cls_token", (None, "nowhere", "a")),
    ("mask_token", (None, "nowhere", "a")),
    ("chat_template", (None, "", "{{", "{% for %}", [], [{"name": "default", "template": "x"}], 5)),
    ("added_tokens_decoder", ({}, {"1": {"content": "zz"}}, {"9999": {"content": "zz"}})),
    ("do_lower_case", (True, False)),
    ("strip_accents", (True, False, None)),
    ("tokenizer_class", ("GPT2Tokenizer", "LlamaTokenizer", "BertTokenizer", None, 3)),
    ("additional_special_tokens", (["the"], ["nowhere"], [], None)),
)
_CONFIG, _TOKENIZER, _SETTINGS = "config.json", "tokenizer.json", "tokenizer_config.json"
# How often a file is chosen.
_WEIGHTS = {_CONFIG: 10, _TOKENIZER: 8, _SETTINGS: 5, "tokenizer.model": 4, "vocab.txt": 4}


def mutate(folder: Path, draw: random.Random) -> list[str]:
    """Mutate one or two places in the small files of `folder`; return what was done.

    Args:
        folder: the checkpoint; its files are replaced, not written into.
        draw: decides everything.
    """
    done: list[str] = []
    for _ in range(draw.choice((1, 1, 1, 2))):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and _is_small(path))
        weights = [_WEIGHTS.get(path.name, 2) for path in files]
        path = draw.choices(files, weights)[0]
        data, said = _mutated(path, draw)
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        done.append(f"{path.relative_to(folder)}: {said}")
    return done


def _is_small(path: Path) -> bool:
    return path.suffix in {".json", ".txt", ".model"}


def _mutated(path: Path, draw: random.Random) -> tuple[bytes | None, str]:
    """Return the file's new content, None for none, and what was done."""
    if draw.random() < 0.01:
        return None, "removed"
    if path.name == "tokenizer.model":
        return _mutated_pieces(draw)
    if path.suffix == ".txt":
        return _mutated_lines(path.read_text(encoding="utf-8").splitlines(), draw)
    value = json.loads(path.read_text(encoding="utf-8"))
    fields = {_CONFIG: _CONFIG_FIELDS, _SETTINGS: _TOKENIZER_FIELDS}.get(path.name, ())
    if fields and draw.random() < 0.4:
        name, values = draw.choice(fields)
        value[name] = draw.choice(values)
        said = f"{name} = {_shown(value[name])}"
    elif path.name == _TOKENIZER and draw.random() < 0.5:
        said = _mutate_tokenizer(value, draw)
    else:
        value, said = _mutate_value(value, draw, "")
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), said


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _mutate_value(value: Any, draw: random.Random, path: str) -> tuple[Any, str]:
    """Return `value` with one place changed, and what was done; containers are changed in place."""
    inside = isinstance(value, dict | list) and len(value) > 0
    # The deeper, the more probable it is to stop.
    if inside and (not path or draw.random() < 0.7):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = draw.choice(keys)
        here = f"{path}.{key}" if isinstance(value, dict) else f"{path}[{key}]"
        if draw.random() < 0.15:
            del value[key]
            return value, f"{here} deleted"
        if isinstance(value, dict) and draw.random() < 0.08:
            value[f"{key}_x"] = value.pop(key)
            return value, f"{here} renamed"
        value[key], said = _mutate_value(value[key], draw, here)
        return value, said
    new = _replacement(value, draw)
    return new, f"{path or 'the whole'} {_shown(value)} -> {_shown(new)}"


def _replacement(value: Any, draw: random.Random) -> Any:
    """Return another value in place of `value`."""
    if draw.random() < 0.2:
        return draw.choice((None, True, "", "7", 7, 0.5, [], {}, [1], {"a": 1}))
    for kind, replace in _REPLACE.items():
        if isinstance(value, kind):
            return replace(value, draw)
    return draw.choice((0, 1, 5, "a", True, [], {}, 0.5, -1))


def _other_number(value: Any, draw: random.Random) -> Any:
    near = (value + 1, value - 1, value * 2, value // 2, -value, 0, -1, 1, 3, float(value))
    far = (*_BIG, value + 0.5, float("nan"), float("inf"), str(value))
    return draw.choice((*near, *near, *far))


def _other_text(value: str, draw: random.Random) -> Any:
    if "{%" in value and draw.random() < 0.7:
        at = draw.randrange(len(value))
        # A template with a character less, more or another.
        return value[:at] + draw.choice(("", "", "{", "}", "'", "%", "(", " ")) + value[at + 1 :]
    return draw.choice((*_NAMES, *_REGEXES, value.upper(), value + "x", value[:-1], [value]))


def _other_list(value: list[Any], draw: random.Random) -> Any:
    return draw.choice(
        (value[:-1], value[1:], value[: len(value) // 2], value + value[:1], value[::-1], [])
    )


def _other_object(value: dict[str, Any], draw: random.Random) -> Any:
    values = list(value.values())
    draw.shuffle(values)
    shuffled = dict(zip(value, values, strict=True))
    return draw.choice((shuffled, dict(list(value.items())[: len(value) // 2]), {}, list(value)))


_REPLACE: dict[type, Callable[[Any, random.Random], Any]] = {
    bool: lambda value, draw: not value,
    int: _other_number,
    float: _other_number,
    str: _other_text,
    list: _other_list,
    dict: _other_object,
}


def _mutate_tokenizer(value: Any, draw: random.Random) -> str:
    """Change tokenizer.json in a way that its readers must notice; return what was done."""
    if not isinstance(value, dict) or not isinstance(value.get("model"), dict):
        return "nothing"
    model, added = value["model"], value.get("added_tokens")
    vocab = model.get("vocab")
    changes = [_flip, _regex]
    changes += [_permute, _rename, _drop_token, _shift] if isinstance(vocab, dict) and vocab else []
    changes += [_merges] if isinstance(model.get("merges"), list) and model["merges"] else []
    changes += [_added] if isinstance(added, list) and added else []
    return draw.choice(changes)(value, draw)


def _flip(value: Any, draw: random.Random) -> str:
    names = ("byte_fallback", "ignore_merges", "fuse_unk")
    name = draw.choice(names)
    value["model"][name] = not value["model"].get(name)
    return f"model.{name} flipped"


def _regex(value: Any, draw: random.Random) -> str:
    old = value.get("pre_tokenizer")
    split = {
        "type": "Split",
        "pattern": {"Regex": draw.choice(_REGEXES)},
        "behavior": draw.choice(("Isolated", "Removed", "MergedWithPrevious")),
        "invert": draw.random() < 0.2,
    }
    value["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [split, *([old] if isinstance(old, dict) else [])],
    }
    return f"pre_tokenizer begins with Split {split['pattern']['Regex']}"


def _permute(value: Any, draw: random.Random) -> str:
    vocab = value["model"]["vocab"]
    one, two = draw.choice(list(vocab)), draw.choice(list(vocab))
    vocab[one], vocab[two] = vocab[two], vocab[one]
    return f"ids of {one!r} and {two!r} exchanged"


def _rename(value: Any, draw: random.Random) -> str:
    vocab = value["model"]["vocab"]
    old = draw.choice(list(vocab))
    new = draw.choice((*_NAMES, "[PAD270]", "Ġthe", "\u2581a", "[DUPLICATE_3]", "\x00", "\ufffd"))
    vocab[new] = vocab.pop(old)
    return f"token {old!r} renamed to {new!r}"


def _drop_token(value: Any, draw: random.Random) -> str:
    vocab = value["model"]["vocab"]
    names = draw.sample(list(vocab), min(len(vocab), draw.choice((1, 1, 3, 40, len(vocab) - 4))))
    for name in names:
        del vocab[name]
    return f"{len(names)} tokens dropped, {names[0]!r} first"


def _shift(value: Any, draw: random.Random) -> str:
    vocab = value["model"]["vocab"]
    name = draw.choice(list(vocab))
    vocab[name] = draw.choice((0, 1, 5, -1, 10**6, 2**40, 2.5, None, "3", len(vocab) + 3, True))
    return f"id of {name!r} = {vocab[name]!r}"


def _merges(value: Any, draw: random.Random) -> str:
    merges = value["model"]["merges"]
    at = draw.randrange(len(merges))
    merge = draw.choice(("a", "a b", "zz zz", "", " ", "a  b", ["a", "b"], ["a"], 7, None, "é a"))
    if draw.random() < 0.3:
        del merges[at:]
        return f"merges cut to {at}"
    merges[at] = merge
    return f"merges[{at}] = {merge!r}"


def _added(value: Any, draw: random.Random) -> str:
    added = value["added_tokens"]
    token = draw.choice(added)
    if not isinstance(token, dict) or draw.random() < 0.2:
        added.append(token)
        return "an added token twice"
    changes: dict[str, tuple[Any, ...]] = {
        "id": (0, 1, 5, 90, 300, 10**6, -1, None, "3"),
        "content": ("the", "a", "", "\u2581", " ", 3, None, "x y"),
        "special": (False, None),
        "normalized": (True,),
        "lstrip": (True,),
    }
    name = draw.choice(list(changes))
    token[name] = draw.choice(changes[name])
    return f"added token's {name} = {token[name]!r}"


def _mutated_lines(lines: list[str], draw: random.Random) -> tuple[bytes, str]:
    """Return a text file of one token or merge a line with some of them changed."""
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    what = draw.choice(("dropped", "twice", "exchanged", "changed", "cut", "emptied"))
    if what == "dropped":
        del lines[at]
    elif what == "twice":
        lines[at] = lines[other]
    elif what == "exchanged":
        lines[at], lines[other] = lines[other], lines[at]
    elif what == "changed":
        lines[at] = draw.choice((*_NAMES, "a b", "zz zz", "##", "##a"))
    else:
        lines = lines[:at] if what == "cut" else [*lines[:at], "", *lines[at + 1 :]]
    return "\n".join([*lines, ""]).encode(), f"line {at} {what}"


def _mutated_pieces(draw: random.Random) -> tuple[bytes, str]:
    """Return tokenizer.model with some pieces changed."""
    found = pieces()
    at = draw.randrange(len(found))
    text, score, kind = found[at]
    what = draw.choice(("dropped", "twice", "renamed", "scored", "retyped", "cut", "truncated"))
    changed: dict[str, list[Piece]] = {
        "dropped": [],
        "twice": [found[at], found[at]],
        "renamed": [(draw.choice(_NAMES), score, kind)],
        "scored": [(text, draw.choice((float("nan"), float("inf"), -1e30, 5.0)), kind)],
        "retyped": [(text, score, draw.choice((1, 2, 3, 4, 5, 6)))],
    }
    said = f"piece {at} {text!r} {what}"
    if what == "truncated":
        data = sentencepiece_bytes(found)
        return data[: draw.randrange(len(data))], "truncated"
    if what == "cut":
        return sentencepiece_bytes(found[: max(1, at)]), f"cut to {max(1, at)} pieces"
    found[at : at + 1] = changed[what]
    return sentencepiece_bytes(found), said
