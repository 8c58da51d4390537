"""Baichuan 1 and 2: Llama with one matrix for the attention; the larger one has no rotation."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Row, Stack
from quantcli.arch.blocks import EMBEDDING, norm, output, row, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    LAYOUT_KEY,
    decoder_graph,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import heads, width
from quantcli.arch.relations import heads_fill_the_width, rows_of
from quantcli.arch.rope import ROTARY_KEY

# The second's vocabulary, by which vLLM too tells the two apart: its output layer is normalised.
_SECOND = 125696
# The loader knows the rotated model and the one with linear biases by their layers.
_LAYERS = (32, 40)


def _normalised(facts: Facts) -> bool:
    return rows_of("embed_tokens.weight")(facts) == _SECOND


def _part(name: str, place: int) -> Row:
    """Return the row of the queries, keys or values out of the matrix of all."""

    def first(facts: Facts) -> int:
        return place * width(facts)

    def end(facts: Facts) -> int:
        return (place + 1) * width(facts)

    source = "self_attn.W_pack.weight"
    if name == "v":
        return row("attn_v.weight", source, "pick", 1, first, end, shape=(width, width))
    op = "pick|rope_permute"
    shape = (width, width)
    return row(f"attn_{name}.weight", source, op, 1, first, end, "|", heads, shape=shape)


def _output() -> tuple[Row, ...]:
    last, head = output()
    unit = Row(head.name, head.sources, "unit_rows", shape=head.shape, when=_normalised)
    plain = Row(
        head.name,
        head.sources,
        shape=head.shape,
        when=lambda facts: not _normalised(facts),
    )
    return (last, plain, unit)


BAICHUAN = Architecture(
    name="baichuan",
    hf=("BaichuanForCausalLM", "BaiChuanForCausalLM"),
    vocab="auto",
    keys=(*DECODER_KEYS, LAYOUT_KEY, ROTARY_KEY),
    globals=(*EMBEDDING, *_output()),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                *(_part(name, place) for place, name in enumerate("qkv")),
                row("attn_output.weight", "self_attn.o_proj.weight", shape=(width, width)),
                *swiglu(),
            )
        ),
    ),
    graph=(*decoder_graph(), Implements("num_hidden_layers", _LAYERS)),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
    ignored_fields=("z_loss_weight", "user_token_id", "gradient_checkpointing"),
)
