"""Apertus: normalised heads, and xIELU, whose trained numbers the file's metadata holds."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack, Value
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, head_norms, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, heads
from quantcli.arch.relations import without
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS


def _xielu(part: str) -> Key:
    """Return the key of one of xIELU's numbers, of all layers."""

    def numbers(facts: Facts) -> Value | None:
        names = [f"layers.{n}.mlp.act_fn.{part}" for n in range(facts.integer(*LAYERS))]
        return tuple(value for name in names for value in facts.numbers(name)) or None

    return Key(f"xielu.{part}", "array:float32", derive=numbers)


APERTUS = Architecture(
    name="apertus",
    hf=("ApertusForCausalLM",),
    vocab="llama",
    keys=(*LLAMA_KEYS, *(_xielu(part) for part in ("alpha_n", "alpha_p", "beta", "eps"))),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(biases=True, output_bias=True),
                *head_norms(),
                *swiglu(
                    names=("", "up_proj", "down_proj"),
                    norm_source="feedforward_layernorm",
                ),
            )
        ),
    ),
    renames=((".attention_layernorm.", ".input_layernorm."),),
    ignored=("layers.*.mlp.act_fn.*",),
    defaults={"apertus": {"num_key_value_heads": heads}},
    graph=(
        *decoder_graph(LLAMA3, activation=Implements("hidden_act", ("xielu",))),
        without("tie_word_embeddings"),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
