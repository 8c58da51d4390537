"""Mamba 2, and Codestral Mamba, whose release has other names."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import embedding, norm, output
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width
from quantcli.arch.recurrent import (
    STATE_IGNORED,
    UNBOUNDED_KEYS,
    State,
    expanded,
    mamba2,
    size,
    ssm_keys,
    state_graph,
)
from quantcli.arch.relations import PLAIN, SILU, tied_remark, vocabulary_remark

_INNER = expanded("expand")


def _heads(facts: Facts) -> int:
    return _INNER(facts) // max(1, facts.integer("head_dim"))


def _head_problems(facts: Facts) -> Iterable[str]:
    said = facts.get("num_heads")
    if said is not None and said * facts.integer("head_dim") != _INNER(facts):
        yield (
            f"num_heads x head_dim is {said} x {facts.integer('head_dim')}, not expand x the width "
            f"{width(facts)}"
        )


_SIZES = State(
    conv=size("conv_kernel", "d_conv"),
    inner=_INNER,
    state=size("state_size", "d_state"),
    rank=_heads,
    groups=size("n_groups"),
)

MAMBA2 = Architecture(
    name="mamba2",
    hf=("Mamba2ForCausalLM",),
    vocab="auto",
    keys=(
        *UNBOUNDED_KEYS,
        *ssm_keys(_SIZES),
        Key("{arch}.attention.layer_norm_rms_epsilon", "float32", ("layer_norm_epsilon",)),
    ),
    globals=(
        *embedding("embeddings"),
        *output("norm_f", embedding="embeddings"),
    ),
    layers=(Stack((norm("attn_norm", "norm"), *mamba2("mixer.", _SIZES))),),
    prefixes=("model.", "backbone."),
    suffixes=(("embedding.weight", "embeddings.weight"),),
    graph=(SILU, *state_graph(), *PLAIN),
    checks=(_head_problems,),
    remarks=(tied_remark, vocabulary_remark("embeddings.weight")),
    ignored_fields=(*STATE_IGNORED, "time_step_rank"),
)
