"""StableLM: norms with biases, a part of each head rotated, in some both halves in parallel."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Count, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, affine, attention, output, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, NORM_KEYS, decoder_graph
from quantcli.arch.keys import head_dim, heads, heads_kv, width
from quantcli.arch.relations import heads_fill_the_width, unless, where
from quantcli.arch.rope import ROTARY_KEY, sparing


def _head_norm(part: str, count: Count) -> Row:
    source = f"self_attn.{part}_layernorm.norms.{{i}}.weight"
    shape = (count, head_dim)
    return Row(f"attn_{part}_norm.weight", (source,), "stack", each=count, shape=shape)


_PARALLEL = "use_parallel_residual"

STABLELM = Architecture(
    name="stablelm",
    hf=("StableLmForCausalLM", "StableLMEpochForCausalLM", "StableLmModel"),
    vocab="auto",
    keys=(
        *sparing(NORM_KEYS),
        ROTARY_KEY,
        Key("{arch}.use_parallel_residual", "bool", (_PARALLEL,)),
    ),
    globals=(*EMBEDDING, *output(norm_bias=False, copied=True)),
    layers=(
        Stack(
            (
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *attention(biases=unless("use_qkv_bias"), norm_source=""),
                *switched(
                    (_head_norm("q", heads), _head_norm("k", heads_kv)), where("qk_layernorm")
                ),
                *switched(
                    affine("ffn_norm", "post_attention_layernorm", shape=(width,)),
                    unless(_PARALLEL),
                ),
                *swiglu(norm_source=""),
            )
        ),
    ),
    defaults={"stablelm": {"partial_rotary_factor": 0.25}},
    graph=decoder_graph(partial=True),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
