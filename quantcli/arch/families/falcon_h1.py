"""Falcon H1: attention and Mamba 2 beside each other in every layer, all with fixed multipliers.

The runtime has no multipliers, so they go into the weights. Longer than others for their number.
"""

from __future__ import annotations

from collections.abc import Callable

from quantcli.arch.architecture import Architecture, Arg, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, RowArg, attention, output, row, swiglu, transformed
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts, is_number
from quantcli.arch.keys import width
from quantcli.arch.recurrent import (
    STATE_IGNORED,
    State,
    expanded,
    mamba2,
    product,
    size,
    ssm_keys,
    state_graph,
)
from quantcli.arch.relations import rows_of, unless, without
from quantcli.errors import ConfigError

_SIZES = State(
    conv=size("mamba_d_conv"),
    inner=size("mamba_d_ssm", otherwise=expanded("mamba_expand")),
    state=size("mamba_d_state"),
    rank=size("mamba_n_heads"),
    groups=size("mamba_n_groups"),
)


def _factor(field: str, index: int | None = None) -> Callable[[Facts], Arg]:
    """Return the multiplier `field`, or one of several; 1 where the config has none."""

    def read(facts: Facts) -> Arg:
        if index is None:
            return facts.number(field, default=1.0)
        several = facts.get(field)
        if several is None:
            return 1.0
        if not isinstance(several, list) or not all(map(is_number, several)):
            raise ConfigError(f"{field} is {several!r}, not a list of numbers")
        if len(several) <= index:
            raise ConfigError(f"{field} has {len(several)} numbers, it needs {index + 1}")
        return float(several[index])

    return read


def _normed_first(facts: Facts) -> object:
    return facts.get("mamba_norm_before_gate") if facts.get("mamba_rms_norm") else None


_IN, _OUT = _factor("attention_in_multiplier"), _factor("attention_out_multiplier")
_GATE, _DOWN = _factor("mlp_multipliers", 0), _factor("mlp_multipliers", 1)
_HEAD, _EMBEDDING = _factor("lm_head_multiplier"), _factor("embedding_multiplier")
_SHARED = product(size("mamba_n_groups"), _SIZES.state)
# What the projection into the state-space layer gives, one after the other.
_PARTS = (_SIZES.inner, _SIZES.inner, _SHARED, _SHARED, _SIZES.rank)
_RUNS = tuple(
    each for i, part in enumerate(_PARTS) for each in (part, _factor("ssm_multipliers", i))
)
_MULTIPLIERS: dict[str, tuple[str, tuple[RowArg, ...]]] = {
    "attn_q.weight": ("multiply", (_IN,)),
    "attn_k.weight": ("multiply|multiply", (_factor("key_multiplier"), "|", _IN)),
    "attn_v.weight": ("multiply", (_IN,)),
    "attn_output.weight": ("multiply", (_OUT,)),
    "ffn_gate.weight": ("multiply", (_GATE,)),
    "ffn_gate.bias": ("multiply", (_GATE,)),
    "ffn_down.weight": ("multiply", (_DOWN,)),
    "ffn_down.bias": ("multiply", (_DOWN,)),
    "ssm_in.weight": ("multiply|multiply_runs", (_factor("ssm_in_multiplier"), "|", *_RUNS)),
    "ssm_out.weight": ("multiply", (_factor("ssm_out_multiplier"),)),
}


def _apart(facts: Facts) -> bool:
    """Tell whether a tied output layer has a multiplier of its own, so that it must be written."""
    return not facts.has("lm_head.weight") and _HEAD(facts) != _EMBEDDING(facts)


FALCON_H1 = Architecture(
    name="falcon-h1",
    hf=("FalconH1ForCausalLM",),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
        *ssm_keys(_SIZES),
    ),
    globals=(
        row("output.weight", "embed_tokens.weight", "multiply", _HEAD, when=_apart),
        *transformed(
            (*EMBEDDING, *output("final_layernorm")),
            {
                "token_embd.weight": ("multiply", (_EMBEDDING,)),
                "output.weight": ("multiply", (_HEAD,)),
            },
        ),
    ),
    layers=(
        Stack(
            transformed(
                (
                    *attention(),
                    *mamba2("mamba.", _SIZES, norm=unless("mamba_rms_norm")),
                    # The runtime reads this norm without a suffix.
                    row("ffn_norm", "pre_ff_layernorm.weight", shape=(width,)),
                    *swiglu(at="feed_forward.", norm_source="", biases=unless("mlp_bias")),
                ),
                _MULTIPLIERS,
            )
        ),
    ),
    graph=(
        *decoder_graph(),
        # The runtime loads the output projection's bias and does not add it.
        without("attention_bias"),
        without("projectors_bias"),
        Implements("mamba_norm_before_gate", (False, None), _normed_first),
        *state_graph("mamba_proj_bias", "mamba_conv_bias"),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
    ignored_fields=(
        *STATE_IGNORED,
        "num_logits_to_keep",
        "mamba_d_head",
        "mamba_use_mlp",
        "layer_types",
        "layers_block_type",
    ),
)
