"""StarCoder 2: norms and projections with biases, a feed-forward without gate."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import EMBEDDING, affine, attention, output, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, NORM_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width
from quantcli.arch.relations import GELU, full_attention_remark, heads_fill_the_width, window


def _window(facts: Facts) -> Iterable[str]:
    if (length := window(facts)) is not None:
        yield full_attention_remark(facts, length)


STARCODER2 = Architecture(
    name="starcoder2",
    hf=("Starcoder2ForCausalLM", "Starcoder2Model"),
    vocab="auto",
    keys=NORM_KEYS,
    globals=(*EMBEDDING, *output(norm_bias=False)),
    layers=(
        Stack(
            (
                *affine("attn_norm", "input_layernorm", shape=(width,)),
                *attention(biases=False, output_bias=False, norm_source=""),
                *affine("ffn_norm", "post_attention_layernorm", shape=(width,)),
                *swiglu(biases=False, names=("", "c_fc", "c_proj"), norm_source=""),
            )
        ),
    ),
    graph=(
        *decoder_graph(activation=Implements("hidden_act", GELU)),
        Implements("use_bias", (True,)),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=(*DECODER_REMARKS, _window),
    ignored_fields=("norm_type", "mlp_type", "activation_function"),
)
