"""Ministral 3, and Mistral Small 3: Llama whose queries grow with the logarithm of the position."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.keys import head_dim, replaced
from quantcli.arch.mistral import CONSOLIDATED, MISTRAL_RENAMES, either_stored
from quantcli.arch.relations import window_remark
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS, LOG_MULTIPLIER_KEYS, TEMPERATURE_KEY

_FACTOR, _MULTIPLIER = LOG_MULTIPLIER_KEYS

MISTRAL3 = Architecture(
    name="mistral3",
    hf=("Ministral3ForCausalLM", "Mistral3ForConditionalGeneration", CONSOLIDATED),
    vocab="llama",
    keys=(
        *replaced(LLAMA_KEYS, _FACTOR),
        _MULTIPLIER,
        TEMPERATURE_KEY,
    ),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(Stack((*either_stored(attention()), *swiglu())),),
    renames=MISTRAL_RENAMES,
    defaults={"mistral": {"head_dim": head_dim}, "ministral3": {"head_dim": head_dim}},
    graph=decoder_graph(LLAMA3, betas=True),
    checks=DECODER_CHECKS,
    remarks=(*DECODER_REMARKS, window_remark),
    ignored_fields=("rope_*.max_position_embeddings",),
    # Mistral's own format does not name a class: what only this graph has tells them apart.
    partly={CONSOLIDATED: lambda facts: facts.rope_number("llama_4_scaling_beta") is not None},
)
