"""LLaDA MoE: OLMoE's layers with normalised heads, each token seeing all others."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, attention, head_norms, norm, output
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, routed, router, routing_problems
from quantcli.arch.facts import Facts
from quantcli.arch.keys import CAUSAL_KEY, lacking
from quantcli.arch.relations import heads_fill_the_width, rows_of

# No file of the released models says it; the converter of llama.cpp knows it as we do.
_MASK = 156895


def _mask(facts: Facts) -> int | None:
    """Return the masked token, where no file says another and the vocabulary reaches so far."""
    known = facts.says("mask_token_id") or rows_of("embed_tokens.weight")(facts) <= _MASK
    return None if known else _MASK


LLADA_MOE = Architecture(
    name="llada-moe",
    hf=("LLaDAMoEModelLM", "LLaDAMoEModel"),
    vocab="auto",
    keys=(
        *lacking(DECODER_KEYS, CAUSAL_KEY.name),
        *EXPERT_KEYS,
        Key("{arch}.expert_feed_forward_length", "uint32", ("expert_intermediate_size",)),
        Key(CAUSAL_KEY.name, "bool", derive=lambda facts: False),
        Key("diffusion.shift_logits", "bool", derive=lambda facts: False),
    ),
    globals=(*EMBEDDING, *output(copied=True)),
    layers=(
        Stack(
            (
                *attention(),
                *head_norms(),
                norm("ffn_norm", "post_attention_layernorm"),
                router(),
                *routed(),
            )
        ),
    ),
    vocab_keys=(
        Key(
            "tokenizer.ggml.mask_token_id",
            "uint32",
            derive=_mask,
        ),
    ),
    graph=(
        *decoder_graph(),
        Implements("norm_topk_prob", (False, None)),
        Implements("qk_layernorm", (True,)),
    ),
    checks=(*DECODER_CHECKS, routing_problems, heads_fill_the_width),
    remarks=DECODER_REMARKS,
)
