"""gpt-oss: experts with biases and a clipped gate, attention sinks, every other layer a window."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, output, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts, heads, inner, width
from quantcli.arch.windows import layer_kinds, some_window, window_keys, windows

_WINDOWS = windows(2)


def _ramp_remark(facts: Facts) -> Iterable[str]:
    if facts.rope("truncate") is False:
        yield (
            "YaRN: llama.cpp rounds the ends of the ramp to whole dimensions, the model does not "
            "(rope_scaling.truncate is false); its rotary angles differ a little"
        )


def _split(part: str, first: int) -> tuple[Row, Row]:
    """Return the rows of one of gate and up, which the experts' matrices have in turn."""
    source = "mlp.experts.gate_up_proj"
    turn = (inner, first, first + 1)
    return (
        row(
            f"ffn_{part}_exps.weight",
            source,
            "transpose|pick",
            "|",
            *turn,
            shape=(experts, inner, width),
        ),
        row(
            f"ffn_{part}_exps.bias", f"{source}_bias", "pick_columns", *turn, shape=(experts, inner)
        ),
    )


GPT_OSS = Architecture(
    name="gpt-oss",
    hf=("GptOssForCausalLM", "GptOssModel"),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        *EXPERT_KEYS,
        Key("{arch}.expert_feed_forward_length", "uint32", ("intermediate_size",), at_least=1),
        *window_keys(_WINDOWS, 2),
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(biases=False, output_bias=False),
                row("attn_sinks.weight", "self_attn.sinks", shape=(heads,)),
                norm("post_attention_norm", "post_attention_layernorm"),
                row("ffn_gate_inp.weight", "mlp.router.weight", shape=(experts, width)),
                row("ffn_gate_inp.bias", "mlp.router.bias", shape=(experts,)),
                *_split("gate", 0),
                *_split("up", 1),
                row(
                    "ffn_down_exps.weight",
                    "mlp.experts.down_proj",
                    "transpose",
                    shape=(experts, width, inner),
                ),
                row("ffn_down_exps.bias", "mlp.experts.down_proj_bias", shape=(experts, width)),
            )
        ),
    ),
    graph=(
        *decoder_graph(truncated=False),
        Implements("attention_bias", (True,)),
        Implements("swiglu_alpha", (1.702,)),
        Implements("swiglu_limit", (7.0,)),
        layer_kinds(),
        some_window(_WINDOWS),
    ),
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, _ramp_remark),
    ignored_fields=("experts_per_token", "initial_context_length"),
)
