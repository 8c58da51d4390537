"""Llama 4: attention in chunks, every fourth layer unrotated, experts beside a shared one.

Longer than most: the loader takes eleven settings for granted that configs can have otherwise.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, attention, norm, swiglu, switched
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_REMARKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.experts import EXPERT_KEYS, routed, router, routing_problems, shared
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, context, experts, inner, replaced
from quantcli.arch.relations import each_layer, without
from quantcli.arch.rope import LLAMA3, LLAMA3_FACTORS

_PERIOD = 4
_CHUNK = 8192
# The loader knows the model without normalised heads by its number of experts.
_WITHOUT_NORM = 128


def _dense_inner(facts: Facts) -> int:
    return facts.integer("intermediate_size_mlp")


def _sparse(facts: Facts) -> bool:
    return ((facts.layer or 0) + 1) % max(1, facts.integer("interleave_moe_layer_step")) == 0


def _rotated(facts: Facts) -> bool:
    return ((facts.layer or 0) + 1) % _PERIOD != 0


def _moe_layers(facts: Facts) -> object:
    """Return the layers with experts where they are not every `interleave_moe_layer_step`-th."""
    said, layers = facts.get("moe_layers"), range(facts.integer(*LAYERS))
    same = said is None or list(said) == [n for n in layers if _sparse(facts.at(n))]
    return None if same else said


def _chunk(facts: Facts) -> object:
    """Return the length of a chunk where it differs and is reached within the context."""
    said = facts.get("attention_chunk_size")
    both = (said or _CHUNK, _CHUNK)
    return None if said == _CHUNK or min(both) >= context(facts) else said


LLAMA4 = Architecture(
    name="llama4",
    hf=("Llama4ForCausalLM",),
    vocab="auto",
    keys=(
        *replaced(
            LLAMA_KEYS[:-2],
            Key("{arch}.feed_forward_length", "uint32", derive=_dense_inner, at_least=1),
        ),
        *EXPERT_KEYS,
        *LLAMA_KEYS[-2:],
        Key("{arch}.interleave_moe_layer_step", "uint32", ("interleave_moe_layer_step",)),
        Key("{arch}.expert_feed_forward_length", "uint32", derive=inner, at_least=1),
    ),
    globals=(*LLAMA3_FACTORS, *EMBEDDING, *OUTPUT),
    layers=(
        Stack(
            (
                *attention(),
                norm("ffn_norm", "post_attention_layernorm"),
                *switched(
                    swiglu(at="feed_forward.", norm_source="", size=_dense_inner),
                    lambda facts: not _sparse(facts),
                ),
                *switched(
                    (
                        router("feed_forward.router"),
                        *routed("feed_forward.experts.", size=inner, inputs_first=True),
                        *shared("feed_forward.shared_expert.", size=inner),
                    ),
                    _sparse,
                ),
            )
        ),
    ),
    graph=(
        *decoder_graph(LLAMA3),
        without("attention_bias"),
        Implements("moe_layers", (None,), _moe_layers),
        each_layer("no_rope_layers", lambda facts: int(_rotated(facts))),
        each_layer(
            "layer_types",
            lambda facts: "chunked_attention" if _rotated(facts) else "full_attention",
        ),
        Implements("attention_chunk_size", (None,), _chunk),
        Implements(
            "attn_temperature_tuning",
            (True,),
            lambda facts: bool(facts.get("attn_temperature_tuning")),
        ),
        Implements("attn_scale", (0.1,)),
        Implements("floor_scale", (8192,)),
        Implements(
            "use_qk_norm",
            (None,),
            lambda facts: (
                None
                if bool(facts.get("use_qk_norm")) == (experts(facts) != _WITHOUT_NORM)
                else facts.get("use_qk_norm")
            ),
        ),
    ),
    checks=(*DECODER_CHECKS, routing_problems),
    remarks=DECODER_REMARKS,
    ignored_fields=("no_rope_layer_interval", "router_jitter_noise", "for_llm_compressor"),
)
