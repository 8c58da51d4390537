"""GPT-2: learned positions, fused q/k/v, and weights stored as (inputs, outputs)."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Row, Stack
from quantcli.arch.blocks import affine, optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import HEADS, LAYERS, NORM_EPSILON, WIDTH, width

_POSITIONS = ("n_ctx", "n_positions")


def _feed_forward(facts: Facts) -> int:
    """Return the inner width: said, or four times the width."""
    return facts.integer("n_inner") if facts.get("n_inner") else 4 * width(facts)


def _positions(facts: Facts) -> int:
    return facts.integer(*_POSITIONS)


def _conv1d(name: str, source: str) -> tuple[Row, ...]:
    """Return the rows of a Conv1D layer: its matrix transposed, its bias as it is."""
    return (
        row(f"{name}.weight", f"{source}.weight", "transpose"),
        row(f"{name}.bias", f"{source}.bias"),
    )


GPT2 = Architecture(
    name="gpt2",
    hf=("GPT2LMHeadModel",),
    vocab="bpe",
    keys=(
        Key("{arch}.block_count", "uint32", LAYERS, required=True),
        Key("{arch}.context_length", "uint32", _POSITIONS, required=True),
        Key("{arch}.embedding_length", "uint32", WIDTH, required=True),
        Key("{arch}.feed_forward_length", "uint32", derive=_feed_forward),
        Key("{arch}.attention.head_count", "uint32", HEADS, required=True),
        Key("{arch}.attention.layer_norm_epsilon", "float32", NORM_EPSILON, required=True),
    ),
    globals=(
        row("token_embd.weight", "wte.weight", shape=(None, width)),
        row("position_embd.weight", "wpe.weight", shape=(_positions, width)),
        *affine("output_norm", "ln_f"),
        optional("output.weight", "lm_head.weight"),
    ),
    layers=(
        Stack(
            (
                *affine("attn_norm", "ln_1"),
                *_conv1d("attn_qkv", "attn.c_attn"),
                *_conv1d("attn_output", "attn.c_proj"),
                *affine("ffn_norm", "ln_2"),
                *_conv1d("ffn_up", "mlp.c_fc"),
                *_conv1d("ffn_down", "mlp.c_proj"),
            ),
            "h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    # The causal mask, which old checkpoints carry as a buffer.
    ignored=("h.*.attn.bias", "h.*.attn.masked_bias"),
    defaults={"gpt2": {"n_positions": 1024, "layer_norm_epsilon": 1e-5}},
)
