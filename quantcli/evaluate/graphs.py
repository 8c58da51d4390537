"""Which tensors llama.cpp's graphs have, and what each of their dimensions is.

Source: load_arch_tensors, load_arch_hparams and the graph of each file in llama.cpp's src/models.
This is not made from `quantcli.arch`: a mistake there must not be repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass

from quantcli.evaluate.key_rules import KeyRule

Shape = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor, or one in every block.

    Attributes:
        name: its name; "{n}" stands for the block's number.
        shape: names of sizes (`Sizes.get`), outermost dimension first; None is anything.
        when: "always" it must be there, if the graph uses it; or "optional".
        used: what the graph must be for it to use the tensor: "dense" or with "experts"; with q, k
            and v "fused" (attn_qkv.weight is there) or "apart"; scaled by "longrope" or not.
            "" is in any case.
    """

    name: str
    shape: Shape
    when: str = "optional"
    used: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """What llama.cpp needs of an architecture's file.

    Attributes:
        parts: every tensor that it knows; a file with another one does not load.
        keys: keys that the graph needs beyond those of every architecture.
        equal: pairs of sizes that the graph asserts to be the same.
    """

    parts: tuple[Part, ...]
    keys: tuple[KeyRule, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()


def _affine(
    name: str, shape: Shape, when: str = "always", bias: str = "optional", used: str = ""
) -> tuple[Part, ...]:
    """Return the parts of a weight and its bias."""
    return (Part(f"{name}.weight", shape, when, used), Part(f"{name}.bias", shape[:1], bias, used))


_EPSILON_RMS = KeyRule("{arch}.attention.layer_norm_rms_epsilon", "float32", above=0, needed=True)
_EPSILON = KeyRule("{arch}.attention.layer_norm_epsilon", "float32", above=0, needed=True)
_TRANSFORMER = (
    KeyRule("{arch}.attention.head_count", "uint32", low=1, needed=True, layered=True),
    KeyRule("{arch}.attention.head_count_kv", "uint32", low=1, layered=True),
    KeyRule("{arch}.feed_forward_length", "uint32", low=1, needed=True, layered=True),
    KeyRule("{arch}.nextn_predict_layers", "uint32", high=0),
    KeyRule("{arch}.attention.key_length", "uint32", low=1),
    KeyRule("{arch}.attention.value_length", "uint32", low=1),
)
_ROTARY = (
    *_TRANSFORMER,
    _EPSILON_RMS,
    KeyRule("{arch}.rope.dimension_count", "uint32", low=2, even=True),
    KeyRule("{arch}.rope.freq_base", "float32", above=0),
    KeyRule("{arch}.rope.scaling.factor", "float32", above=0),
    KeyRule("{arch}.rope.scaling.original_context_length", "uint32", low=1),
)
_TABLED = (*_TRANSFORMER, _EPSILON)

_ENDS = (
    Part("token_embd.weight", ("tokens", "width"), "always"),
    Part("output.weight", ("tokens", "width")),
)
_DECODER_ENDS = (*_ENDS, Part("output_norm.weight", ("width",), "always"))

_ATTENTION = (
    *_affine("blk.{n}.attn_qkv", ("fused", "width"), "optional", used="fused"),
    *_affine("blk.{n}.attn_q", ("query", "width"), used="apart"),
    *_affine("blk.{n}.attn_k", ("key", "width"), used="apart"),
    *_affine("blk.{n}.attn_v", ("value", "width"), used="apart"),
    *_affine("blk.{n}.attn_output", ("width", "query")),
)
_SWIGLU = (
    Part("blk.{n}.ffn_norm.weight", ("width",), "always"),
    *_affine("blk.{n}.ffn_gate", ("inner", "width"), used="dense"),
    *_affine("blk.{n}.ffn_up", ("inner", "width"), used="dense"),
    *_affine("blk.{n}.ffn_down", ("width", "inner"), used="dense"),
)
_PRE_NORM = (
    Part("blk.{n}.attn_norm.weight", ("width",), "always"),
    *_ATTENTION,
    *_SWIGLU,
)
_EXPERTS = (
    Part("blk.{n}.ffn_gate_inp.weight", ("experts", "width"), "always", "experts"),
    Part("blk.{n}.ffn_gate_exps.weight", ("experts", "inner", "width"), used="experts"),
    Part("blk.{n}.ffn_up_exps.weight", ("experts", "inner", "width"), "always", "experts"),
    Part("blk.{n}.ffn_down_exps.weight", ("experts", "width", "inner"), "always", "experts"),
)
_ROPE_FACTORS = (
    Part("rope_freqs.weight", ("half_rotary",), used="not longrope"),
    Part("rope_factors_long.weight", ("half_rotary",), used="longrope"),
    Part("rope_factors_short.weight", ("half_rotary",), used="longrope"),
)

_SAME_HEADS = ("head", "value_head")
_WHOLE_HEAD = ("rotary", "head")
_FULL_WIDTH = ("query", "width")

GRAPHS: dict[str, Graph] = {
    "llama": Graph(
        (*_DECODER_ENDS, *_ROPE_FACTORS, *_PRE_NORM, *_EXPERTS),
        _ROTARY,
        (_SAME_HEADS, _WHOLE_HEAD),
    ),
    "qwen2": Graph(
        (*_DECODER_ENDS, Part("output.bias", ("tokens",)), *_PRE_NORM),
        _ROTARY,
        (_SAME_HEADS, _WHOLE_HEAD, _FULL_WIDTH),
    ),
    "qwen3": Graph(
        (
            *_DECODER_ENDS,
            Part("cls.output.weight", ("labels", "width")),
            *_PRE_NORM,
            Part("blk.{n}.attn_q_norm.weight", ("head",), "always"),
            Part("blk.{n}.attn_k_norm.weight", ("head",), "always"),
        ),
        _ROTARY,
        (_SAME_HEADS, _WHOLE_HEAD),
    ),
    "gpt2": Graph(
        (
            *_ENDS,
            Part("position_embd.weight", ("context", "width"), "always"),
            *_affine("output_norm", ("width",), bias="always"),
            *_affine("blk.{n}.attn_norm", ("width",), bias="always"),
            *_affine("blk.{n}.attn_qkv", ("fused", "width"), bias="always"),
            *_affine("blk.{n}.attn_output", ("width", "query"), bias="always"),
            *_affine("blk.{n}.ffn_norm", ("width",), bias="always"),
            *_affine("blk.{n}.ffn_up", ("inner", "width"), bias="always"),
            *_affine("blk.{n}.ffn_down", ("width", "inner"), bias="always"),
        ),
        _TABLED,
        (_SAME_HEADS, _FULL_WIDTH),
    ),
    "bert": Graph(
        (
            Part("token_embd.weight", ("tokens", "width"), "always"),
            Part("position_embd.weight", ("context", "width"), "always"),
            Part("token_types.weight", ("segments", "width")),
            *_affine("token_embd_norm", ("width",), bias="always"),
            *_affine("cls", ("width", "width"), "optional"),
            *_affine("cls.output", ("labels", "width"), "optional"),
            *_ATTENTION,
            *_affine("blk.{n}.attn_output_norm", ("width",), bias="always"),
            *_affine("blk.{n}.ffn_up", ("inner", "width")),
            *_affine("blk.{n}.ffn_down", ("width", "inner")),
            *_affine("blk.{n}.layer_output_norm", ("width",), bias="always"),
        ),
        (*_TABLED, KeyRule("tokenizer.ggml.token_type_count", "uint32", low=1, needed=True)),
        (_SAME_HEADS, _FULL_WIDTH),
    ),
}
"""The architectures whose files are checked as a whole."""

# ------------------------------------------------------------------- what holds everywhere else
COMMON: tuple[Part, ...] = (
    *_ENDS,
    Part("output.bias", ("tokens",)),
    *_affine("output_norm", ("width",), "optional"),
    *_affine("token_embd_norm", ("width",), "optional"),
    Part("position_embd.weight", ("context", "width")),
    Part("token_types.weight", ("segments", "width")),
    *_affine("blk.{n}.attn_norm", ("width",), "optional"),
    *_affine("blk.{n}.ffn_norm", ("width",), "optional"),
    Part("blk.{n}.attn_output.weight", ("width", None)),
    Part("blk.{n}.ffn_gate_inp.weight", ("experts", "width")),
    Part("blk.{n}.ffn_gate_exps.weight", ("experts", None, None)),
    Part("blk.{n}.ffn_up_exps.weight", ("experts", None, None)),
    Part("blk.{n}.ffn_down_exps.weight", ("experts", None, None)),
)
"""Tensors whose dimensions are the same in every graph but those of `UNLIKE`, if they are there."""

UNKNOWN: tuple[Part, ...] = (Part("token_embd.weight", ("tokens", "width")),)
"""What is held against graphs that llama.cpp does not have."""

UNLIKE = frozenset({"dflash", "eagle3", "gemma4-assistant", "wavtokenizer-dec"})
"""Graphs with tensors of the names in `COMMON` and other shapes: parts of other models."""

FEED_FORWARD: tuple[Part, ...] = (Part("blk.{n}.ffn_down.weight", ("width", "inner")),)
OTHER_FEED_FORWARD = frozenset({"arctic", "gemma4", "qwen"})
"""Graphs whose feed-forward is not as long as the key says, or not in every block."""

SPLIT_HEADS: tuple[Part, ...] = (
    Part("blk.{n}.attn_q.weight", ("query", "width")),
    Part("blk.{n}.attn_k.weight", ("key", "width")),
    Part("blk.{n}.attn_v.weight", ("value", "width")),
)
PLAIN_HEADS = frozenset(
    {
        *("arcee", "baichuan", "cohere2", "command-r", "deepseek", "dream", "ernie4_5"),
        *("eurobert", "exaone", "exaone4", "gemma", "gemma2", "gemma3", "gemma-embedding"),
        *("glm4", "granite", "granitemoe", "internlm2", "minicpm", "mistral3", "nemotron"),
        *("nomic-bert", "olmo", "olmoe", "orion", "qwen2moe", "qwen2vl", "qwen3moe", "qwen3vl"),
        *("seed_oss", "smollm3", "stablelm", "starcoder2", "xverse"),
    }
)
"""Graphs whose q, k and v are as long as their heads, in every block."""

EMPTY_BLOCKS = frozenset({"deci"})
"""Graphs in which a block may have no tensor at all."""
