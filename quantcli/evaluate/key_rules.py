"""Which values llama.cpp takes under a key.

Source: llama.cpp's load_hparams, load_arch_hparams and llama-vocab.cpp, which read a key by its
type and throw on another, and the assertions on what they read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from quantcli.container.reader import Metadata

LAYERS_LIMIT = 512
EXPERTS_LIMIT = 512
INT_LIMIT = 2**31 - 1


Problem = tuple[str, str]
"""The key or tensor that a problem is with, and the whole text."""


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What a value must be.

    Attributes:
        key: the key; "{arch}" stands for the architecture's name.
        type: its value type; for a layered key also an array of int32 or uint32.
        low, high: bounds of a number, both included.
        above: bound of a number, not included.
        even: whether a number must be even.
        among: the strings that are known, or () for any.
        needed: whether llama.cpp fails without the key.
        layered: whether it may be an array of one number a block.
    """

    key: str
    type: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    even: bool = False
    among: tuple[str, ...] = ()
    needed: bool = False
    layered: bool = False

    def problems(self, entries: Mapping[str, Metadata], architecture: str) -> Iterator[Problem]:
        """Yield what is wrong with the key in a file's metadata."""
        key = self.key.format(arch=architecture)
        entry = entries.get(key)
        if entry is None:
            if self.needed:
                yield key, f"key {key} is missing; llama.cpp does not load the file without it"
            return
        if self.layered and isinstance(entry.value, tuple):
            if entry.type not in {"array:int32", "array:uint32"}:
                yield key, f"key {key} has type {entry.type}, llama.cpp reads array:int32"
            return
        if entry.type != self.type:
            yield key, f"key {key} has type {entry.type}, llama.cpp reads {self.type}"
        elif text := self._misfit(entry.value):
            yield key, f"key {key} is {_show(entry.value)}, {text}"

    def _misfit(self, value: object) -> str:
        """Return how `value` is out of what the rule allows, or ""."""
        if isinstance(value, str):
            known = not self.among or value in self.among
            return "" if known else f"llama.cpp knows {', '.join(self.among)}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
        for wrong, text in (
            (not math.isfinite(value), "finite"),
            (self.low is not None and value < self.low, f"at least {self.low}"),
            (self.high is not None and value > self.high, f"at most {self.high}"),
            (self.above is not None and value <= self.above, f"above {self.above}"),
            (self.even and value % 2 != 0, "even"),
        ):
            if wrong:
                return f"it should be {text}"
        return ""


def _show(value: object) -> str:
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:59]}…"


def _numbers(*suffixes: str) -> tuple[KeyRule, ...]:
    return tuple(KeyRule(f"{{arch}}.{suffix}", "uint32") for suffix in suffixes)


def _tokenizer(type_: str, *names: str) -> tuple[KeyRule, ...]:
    return tuple(KeyRule(f"tokenizer.ggml.{name}", type_) for name in names)


# Every architecture. The pooling types are none, mean, cls, last and rank.
MODEL_RULES: tuple[KeyRule, ...] = (
    KeyRule("{arch}.block_count", "uint32", low=1, high=LAYERS_LIMIT, needed=True),
    KeyRule("{arch}.context_length", "uint32", low=1, high=INT_LIMIT, needed=True),
    KeyRule("{arch}.embedding_length", "uint32", low=1, needed=True),
    KeyRule("{arch}.feed_forward_length", "uint32", layered=True),
    KeyRule("{arch}.attention.head_count", "uint32", layered=True),
    KeyRule("{arch}.attention.head_count_kv", "uint32", layered=True),
    *_numbers("embedding_length_out", "nextn_predict_layers", "vocab_size"),
    *_numbers("expert_group_count", "expert_group_used_count"),
    *_numbers("attention.key_length", "attention.key_length_swa"),
    *_numbers("attention.value_length", "attention.value_length_swa"),
    *_numbers("rope.dimension_count", "rope.dimension_count_swa"),
    *_numbers("rope.scaling.original_context_length"),
    KeyRule("{arch}.attention.causal", "bool"),
    KeyRule("{arch}.attention.layer_norm_epsilon", "float32", low=0),
    KeyRule("{arch}.attention.layer_norm_rms_epsilon", "float32", low=0),
    KeyRule("{arch}.pooling_type", "uint32", high=4),
    KeyRule("{arch}.expert_count", "uint32", high=EXPERTS_LIMIT),
    KeyRule("{arch}.expert_used_count", "uint32", layered=True),
    KeyRule("{arch}.rope.freq_base", "float32"),
    KeyRule("{arch}.rope.scaling.finetuned", "bool"),
    KeyRule("{arch}.rope.scaling.type", "string", among=("none", "linear", "yarn", "longrope")),
    KeyRule("{arch}.rope.scaling.factor", "float32"),
    KeyRule("{arch}.rope.scale_linear", "float32"),
    KeyRule("{arch}.rope.scaling.attn_factor", "float32"),
    KeyRule("{arch}.classifier.output_labels", "array:string"),
    KeyRule("split.count", "uint16"),
)

SPECIAL_IDS = (
    *("bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "mask"),
    *("fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep"),
)
"""Names of special tokens, as in tokenizer.ggml.NAME_token_id, spelled as the format does."""

TOKENIZER_RULES: tuple[KeyRule, ...] = (
    *_tokenizer("string", "model", "pre"),
    *_tokenizer("array:string", "tokens", "merges"),
    *_tokenizer("array:float32", "scores"),
    *_tokenizer("array:int32", "token_type", "suppress_tokens"),
    *_tokenizer("uint32", "token_type_count", *(f"{name}_token_id" for name in SPECIAL_IDS)),
    *_tokenizer("bool", "add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix"),
    *_tokenizer("bool", "remove_extra_whitespaces"),
    KeyRule("tokenizer.chat_template", "string"),
)
