"""Mamba, and Falcon Mamba, which norms what it projects into the state."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, norm, output
from quantcli.arch.facts import Facts
from quantcli.arch.recurrent import (
    STATE_IGNORED,
    UNBOUNDED_KEYS,
    State,
    expanded,
    mamba,
    sixteenth,
    size,
    ssm_keys,
    state_graph,
)
from quantcli.arch.relations import PLAIN, SILU, tied_remark, vocabulary_remark


def _normed(facts: Facts) -> bool:
    return facts.get("model_type") == "falcon_mamba" or facts.hf.startswith("FalconMamba")


def _epsilon_remark(facts: Facts) -> Iterable[str]:
    inside, others = facts.get("mixer_rms_eps"), facts.get("layer_norm_epsilon")
    if _normed(facts) and inside != others:
        yield (
            f"mixer_rms_eps is {inside}, layer_norm_epsilon {others}: llama.cpp's graph for mamba "
            f"has one epsilon, the latter"
        )


_SIZES = State(
    conv=size("conv_kernel", "d_conv"),
    inner=expanded("expand"),
    state=size("state_size", "d_state"),
    rank=size("time_step_rank", "dt_rank", otherwise=sixteenth),
)

MAMBA = Architecture(
    name="mamba",
    hf=("MambaForCausalLM", "MambaLMHeadModel", "FalconMambaForCausalLM"),
    vocab="auto",
    keys=(
        *UNBOUNDED_KEYS,
        *ssm_keys(_SIZES),
        Key("{arch}.attention.layer_norm_rms_epsilon", "float32", ("layer_norm_epsilon",)),
        Key("{arch}.ssm.dt_b_c_rms", "bool", derive=_normed),
    ),
    globals=(
        *embedding("embeddings"),
        *output("norm_f", embedding="embeddings"),
    ),
    layers=(Stack((norm("attn_norm", "norm"), *mamba("mixer.", _SIZES))),),
    prefixes=("backbone.",),
    suffixes=(("embedding.weight", "embeddings.weight"),),
    graph=(SILU, Implements("expand", (2,)), *state_graph(), *PLAIN),
    remarks=(tied_remark, vocabulary_remark("embeddings.weight"), _epsilon_remark),
    # The class computes it from the expansion.
    ignored_fields=(*STATE_IGNORED, "intermediate_size"),
)
