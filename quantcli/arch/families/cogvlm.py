"""CogVLM: Llama with a second set of matrices for the tokens of an image."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Row, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, norm, row, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width
from quantcli.arch.relations import heads_fill_the_width
from quantcli.arch.rope import rope_type


def _three(facts: Facts) -> int:
    return 3 * width(facts)


def _expert(kind: str, prefix: str) -> tuple[Row, ...]:
    """Return the matrices for one kind of token."""
    at = f"self_attn.{kind}_expert_"
    return (
        row(f"{prefix}attn_qkv.weight", f"{at}query_key_value.weight", shape=(_three, width)),
        row(f"{prefix}attn_output.weight", f"{at}dense.weight", shape=(width, width)),
    )


_IMAGE = tuple(
    Row(each.name.replace("ffn_", "vis_"), each.sources, each.op, shape=each.shape)
    for each in swiglu(at="mlp.vision_mlp.", norm_source="")
)

COGVLM = Architecture(
    name="cogvlm",
    hf=("CogVLMForCausalLM",),
    vocab="llama",
    keys=LLAMA_KEYS,
    globals=(*EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                norm("attn_norm", "input_layernorm"),
                *_expert("language", ""),
                *_expert("vision", "vis_"),
                norm("ffn_norm", "post_attention_layernorm"),
                *swiglu(at="mlp.language_mlp.", norm_source=""),
                *_IMAGE,
            )
        ),
    ),
    kept=("model.layers.*",),
    graph=(
        *decoder_graph(),
        # The graph rotates without asking the file how.
        Implements("rope_theta", (10000.0, None), lambda facts: facts.rope_number("rope_theta")),
        Implements("rope_scaling.rope_type", ("", "default"), rope_type),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
