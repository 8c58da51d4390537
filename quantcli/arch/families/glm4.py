"""GLM 4 (0414), 4.1V and GLM-OCR: norms around each part, half of each head rotated by pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from quantcli.arch.architecture import Architecture, Arg, Count, Row, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, row, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads, heads_kv, inner, width
from quantcli.arch.mrope import MROPE, MultiRope
from quantcli.arch.nextn import NEXTN_KEY, NEXTN_ROWS, all_blocks, all_layers
from quantcli.arch.relations import unless
from quantcli.arch.rope import ROTARY_KEY, rotary_dim

_ROPE = MultiRope((8, 12, 12))
_HALF = {"partial_rotary_factor": 0.5}
_BIAS = unless("attention_bias")


def _sees(facts: Facts) -> bool:
    """Tell whether heads are turned by sections, which llama.cpp does by halves only."""
    return facts.rope("mrope_section") is not None or "ForConditionalGeneration" in facts.hf


def _order(count: Count, end: Arg) -> Callable[[Facts], tuple[Arg, ...]]:
    """Return the arguments that put the first of each rotated pair before the second ones.

    Args:
        count: the number of heads.
        end: the length of a row, -1 where it follows; "" for a vector.
    """

    def ranges(facts: Facts) -> tuple[Arg, ...]:
        rotated, length, number = rotary_dim(facts), head_dim(facts), count(facts)
        order = (*range(0, rotated, 2), *range(1, rotated, 2), *range(rotated, length))
        singles = (edge for i in order for edge in (i, i + 1))
        back = (number * length,) if end == "" else (number * length, end)
        return (number, length, end or 1, "|", 1, *singles, "|", *back)

    return ranges


def _ordered(each: Row) -> Row:
    part, _, kind = each.name.partition(".")
    count = {"attn_q": heads, "attn_k": heads_kv}.get(part)
    if count is None:
        return each
    args = _order(count, -1 if kind == "weight" else "")
    return replace(each, op="reshape|pick|reshape", args=args)


_ATTENTION = attention(biases=_BIAS)
_BOTH = (
    *switched(_ATTENTION, lambda facts: not _sees(facts)),
    *switched(map(_ordered, _ATTENTION), _sees),
)


def _double(facts: Facts) -> int:
    return 2 * inner(facts)


GLM4 = Architecture(
    name="glm4",
    hf=(
        "Glm4ForCausalLM",
        "Glm4Model",
        "Glm4vForConditionalGeneration",
        "GlmOcrForConditionalGeneration",
    ),
    vocab="glm4",
    keys=(*all_blocks(_ROPE.keys(DECODER_KEYS, when=_sees)), ROTARY_KEY, NEXTN_KEY),
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *_BOTH,
                norm("post_attention_norm", "post_self_attn_layernorm"),
                norm("ffn_norm", "post_attention_layernorm"),
                row("ffn_up.weight", "mlp.gate_up_proj.weight", shape=(_double, width)),
                row("ffn_down.weight", "mlp.down_proj.weight", shape=(width, inner)),
                norm("post_ffw_norm", "post_mlp_layernorm"),
                *NEXTN_ROWS,
            ),
            count=all_layers,
        ),
    ),
    defaults=dict.fromkeys(("glm4", "glm4v", "glm_ocr", "glm4v_text", "glm_ocr_text"), _HALF),
    graph=(*decoder_graph(MROPE, partial=True), _ROPE.graph),
    checks=(*DECODER_CHECKS, _ROPE.problems_when(_sees)),
    remarks=DECODER_REMARKS,
)
