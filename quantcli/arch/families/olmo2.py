"""OLMo 2 and 3: norms after both halves, one norm over all heads, in OLMo 3 sliding windows."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.keys import key_width, query_width
from quantcli.arch.relations import heads_fill_the_width, without
from quantcli.arch.rope import local_rotary
from quantcli.arch.windows import layer_kinds, layered_window_keys, windows

OLMO2 = Architecture(
    name="olmo2",
    hf=("Olmo2ForCausalLM", "Olmo2Model", "Olmo3ForCausalLM", "Olmo3Model"),
    vocab="auto",
    keys=(*DECODER_KEYS, *layered_window_keys(windows(4))),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(norm_source=""),
                norm("attn_q_norm", "self_attn.q_norm", query_width),
                norm("attn_k_norm", "self_attn.k_norm", key_width),
                norm("post_attention_norm", "post_attention_layernorm"),
                *swiglu(norm_source=""),
                norm("post_ffw_norm", "post_feedforward_layernorm"),
            )
        ),
    ),
    graph=(*decoder_graph(), without("attention_bias"), layer_kinds(), local_rotary(base=False)),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
