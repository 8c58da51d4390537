"""Phi 3.5 MoE: norms and projections with biases, routed experts."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, affine, attention, output
from quantcli.arch.decoders import DECODER_CHECKS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, routed, router
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, lacking, width
from quantcli.arch.phi import PHI_KEYS, PHI_REMARKS
from quantcli.arch.relations import heads_fill_the_width
from quantcli.arch.rope import LONGROPE, LONGROPE_FACTORS


def _mscale(facts: Facts) -> Value | None:
    return facts.rope_number("long_mscale")


def _short_mscale(facts: Facts) -> Value | None:
    return facts.rope_number("short_mscale")


def _graph_remark(facts: Facts) -> Iterable[str]:
    yield (
        "llama.cpp's graph for phimoe is not quite the model: its norms do not subtract the mean, "
        "and it weighs the experts by a softmax over both, not over those within reach of each"
    )


PHIMOE = Architecture(
    name="phimoe",
    hf=("PhimoeForCausalLM", "PhiMoEForCausalLM", "PhimoeModel"),
    vocab="auto",
    keys=(
        *lacking(PHI_KEYS, "rope.scaling.attn_factor"),
        Key("{arch}.rope.scaling.attn_factor", "float32", derive=_mscale, above=0),
        *EXPERT_KEYS,
    ),
    globals=(*LONGROPE_FACTORS, *EMBEDDING, *output(norm_bias=False, bias=False, copied=True)),
    layers=(
        Stack(
            (
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *attention(biases=False, output_bias=False, norm_source=""),
                *affine("ffn_norm", "post_attention_layernorm", shape=(width,)),
                router("block_sparse_moe.gate"),
                *routed("block_sparse_moe.experts.", ("w1", "w3", "w2"), size=inner),
            )
        ),
    ),
    # What newer versions of the class call the experts' matrices.
    suffixes=(
        ("mlp.router.weight", "block_sparse_moe.gate.weight"),
        ("mlp.experts.gate_up_proj", "block_sparse_moe.experts.gate_up_proj"),
        ("mlp.experts.down_proj", "block_sparse_moe.experts.down_proj"),
    ),
    graph=(
        *decoder_graph(*LONGROPE),
        Implements("rope_scaling.short_mscale", lambda facts: (_mscale(facts),), _short_mscale),
        Implements("attention_bias", (True,)),
        Implements("lm_head_bias", (True,)),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=(*PHI_REMARKS, _graph_remark),
    ignored_fields=("*jitter_noise",),
)
