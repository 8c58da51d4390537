"""Nemotron H with experts, as Nemotron 3 has them: blocks of experts in place of feed-forwards.

Longer than others for the blocks that predict a further token, which have names of their own.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import Shape, has, lacks, norm, row, switched
from quantcli.arch.experts import (
    EXPERT_KEYS,
    GROUP_KEYS,
    SHARED_COUNT_KEY,
    WEIGHTS_NORM_KEY,
    WEIGHTS_SCALE_KEY,
    router,
    routing_problems,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import experts, width
from quantcli.arch.nemotron_h import (
    NEMOTRON_ATTENTION,
    NEMOTRON_BLOCK,
    NEMOTRON_CHECKS,
    NEMOTRON_GLOBALS,
    NEMOTRON_GRAPH,
    NEMOTRON_IGNORED,
    NEMOTRON_REMARKS,
    blocks,
    is_kind,
    kinds,
    nemotron_keys,
    predicting,
)
from quantcli.arch.recurrent import size, total
from quantcli.arch.relations import without

_INNER = size("moe_intermediate_size")
_SHARED = size("moe_shared_expert_intermediate_size")
_LATENT = size("moe_latent_size", otherwise=width)


def _routes(facts: Facts) -> bool:
    return "moe" in kinds(facts)


def _dense(facts: Facts) -> object:
    return "mlp" if "mlp" in kinds(facts) else None


def _experts(layer: str, name: str, part: str, shape: Shape) -> tuple[Row, ...]:
    stacked, at = f"{layer}mixer.experts.{part}", "mixer.experts."
    apart = Row(name, (f"{at}{{i}}.{part}.weight",), "stack", each=experts, shape=shape)
    return (
        *switched((apart,), lacks(stacked)),
        *switched((row(name, at + part, shape=shape),), has(stacked)),
    )


def _routed(layer: str) -> tuple[Row, ...]:
    """Return the rows of a block of experts; `layer` is what precedes a block's names."""
    at, latent = "mixer.shared_experts.", lambda facts: facts.get("moe_latent_size") is not None
    return (
        router("mixer.gate"),
        row("exp_probs_b.bias", "mixer.gate.e_score_correction_bias", shape=(experts,)),
        *_experts(layer, "ffn_up_exps.weight", "up_proj", (experts, _INNER, _LATENT)),
        *_experts(layer, "ffn_down_exps.weight", "down_proj", (experts, _LATENT, _INNER)),
        row("ffn_up_shexp.weight", f"{at}up_proj.weight", shape=(_SHARED, width)),
        row("ffn_down_shexp.weight", f"{at}down_proj.weight", shape=(width, _SHARED)),
        *switched(
            (
                row(
                    "ffn_latent_down.weight",
                    "mixer.fc1_latent_proj.weight",
                    shape=(_LATENT, width),
                ),
                row("ffn_latent_up.weight", "mixer.fc2_latent_proj.weight", shape=(width, _LATENT)),
            ),
            latent,
        ),
    )


# One block of the runtime predicts a further token: two of the checkpoint, and what joins the
# token's embedding to the last states.
_PREDICTING = (
    Stack(
        (
            norm("attn_norm", "norm"),
            *NEMOTRON_ATTENTION,
            norm("nextn.enorm", "enorm"),
            norm("nextn.hnorm", "hnorm"),
            row("nextn.eh_proj.weight", "eh_proj.weight", shape=(width, total(width, width))),
        ),
        prefix="mtp.layers.0.",
        count=predicting,
        first=blocks,
    ),
    Stack(
        (
            norm("post_attention_norm", "norm"),
            *_routed("mtp.layers.1."),
            norm("nextn.shared_head_norm", "final_layernorm"),
        ),
        prefix="mtp.layers.1.",
        count=predicting,
        first=blocks,
    ),
)

NEMOTRON_H_MOE = Architecture(
    name="nemotron_h_moe",
    hf=("NemotronHForCausalLM",),
    partly={"NemotronHForCausalLM": _routes},
    vocab="auto",
    keys=(
        *nemotron_keys("moe", _INNER),
        *EXPERT_KEYS,
        Key("{arch}.expert_feed_forward_length", "uint32", derive=_INNER),
        Key("{arch}.expert_shared_feed_forward_length", "uint32", derive=_SHARED),
        SHARED_COUNT_KEY,
        WEIGHTS_NORM_KEY,
        WEIGHTS_SCALE_KEY,
        *GROUP_KEYS,
        Key(
            "{arch}.nextn_predict_layers", "uint32", derive=lambda facts: predicting(facts) or None
        ),
        Key("{arch}.moe_latent_size", "uint32", ("moe_latent_size",)),
    ),
    globals=NEMOTRON_GLOBALS,
    layers=(
        Stack((*NEMOTRON_BLOCK, *switched(_routed("layers.{n}."), is_kind("moe")))),
        *_PREDICTING,
    ),
    prefixes=("model.", "backbone."),
    suffixes=(("gate.e_score_correction.bias", "gate.e_score_correction_bias"),),
    defaults={"nemotron_h": {"num_hidden_layers": blocks}},
    graph=(*NEMOTRON_GRAPH, without("mlp_bias"), Implements("layers_block_type", (None,), _dense)),
    checks=(*NEMOTRON_CHECKS, routing_problems),
    remarks=NEMOTRON_REMARKS,
    ignored_fields=(*NEMOTRON_IGNORED, "intermediate_size"),
)
