"""PLaMo 2: Mamba 2 without groups in most layers, attention in the others, a norm on all sides.

Longer than others as none of its tensors has the usual name.
"""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, linear, norm, plus_one, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    CONTEXT,
    HEADS_KEY,
    LAYERS,
    RMS_EPSILON_KEY,
    WIDTH_KEY,
    context_key,
    heads,
    heads_kv,
    inner,
    width,
)
from quantcli.arch.recurrent import (
    State,
    both_kinds,
    convolution,
    heads_kv_key,
    other,
    product,
    size,
    ssm_keys,
    total,
)
from quantcli.arch.relations import (
    PLAIN,
    full_attention_remark,
    rows_of,
    tied_remark,
    vocabulary_remark,
)

_HEAD = size("hidden_size_per_head")
_SIZES = State(
    conv=size("mamba_d_conv"),
    inner=product(size("mamba_num_heads"), _HEAD),
    state=size("mamba_d_state"),
    rank=size("mamba_num_heads"),
)
_KEYS, _QUERIES = product(heads_kv, _HEAD), product(heads, _HEAD)


def _recurs(facts: Facts) -> bool:
    """Tell whether a layer has a state: all but one of each `mamba_step`, or but the last."""
    layers, step, layer = facts.integer(*LAYERS), facts.integer("mamba_step"), facts.layer or 0
    if layers <= step // 2:
        return layer != layers - 1
    return layer % max(1, step) != step // 2


def _steps(facts: Facts) -> int:
    """Return the rank of the time step's projection, which the runtime takes for granted."""
    return max(64, width(facts) // 16)


def _window(facts: Facts) -> Iterable[str]:
    length = facts.get("attention_window_size")
    everywhere = facts.get("full_attention_idx")
    attend = [n for n in range(facts.integer(*LAYERS)) if not _recurs(facts.at(n))]
    if isinstance(length, int) and set(attend) - {*(everywhere or ())}:
        sentence = full_attention_remark(facts, length)
        yield sentence.replace("sliding_window", "attention_window_size")


_ATTENDS = other(_recurs)
_AT = "mixer."
_ATTENTION = (
    *linear("attn_qkv", f"{_AT}qkv_proj", shape=(total(_QUERIES, _KEYS, _KEYS), width))[:1],
    row("attn_q_norm.weight", f"{_AT}q_weight", shape=(heads, _HEAD)),
    row("attn_k_norm.weight", f"{_AT}k_weight", shape=(heads_kv, _HEAD)),
    *linear("attn_output", f"{_AT}o_proj", shape=(width, _QUERIES))[:1],
)
_MIXED = total(_SIZES.state, _SIZES.state, _steps)
_STATE = (
    row("ssm_in.weight", f"{_AT}in_proj.weight", shape=(total(_SIZES.inner, _SIZES.inner), width)),
    *convolution("ssm_conv1d", f"{_AT}conv1d", _SIZES.conv)[:1],
    row("ssm_x.weight", f"{_AT}bcdt_proj.weight", shape=(_MIXED, _SIZES.inner)),
    row("ssm_dt.weight", f"{_AT}dt_proj.weight", shape=(_SIZES.rank, _steps)),
    row("ssm_dt.bias", f"{_AT}dt_bias", shape=(_SIZES.rank,)),
    row("ssm_a", f"{_AT}A_log", "neg_exp", shape=(_SIZES.rank,)),
    row("ssm_d", f"{_AT}D", shape=(_SIZES.rank,)),
    # The runtime reads these norms without a suffix.
    row("ssm_dt_norm", f"{_AT}dt_norm_weight", shape=(_steps,)),
    row("ssm_b_norm", f"{_AT}B_norm_weight", shape=(_SIZES.state,)),
    row("ssm_c_norm", f"{_AT}C_norm_weight", shape=(_SIZES.state,)),
    row("ssm_out.weight", f"{_AT}out_proj.weight", shape=(width, _SIZES.inner)),
)

PLAMO2 = Architecture(
    name="plamo2",
    hf=("Plamo2ForCausalLM", "PLaMo2ForCausalLM"),
    vocab="auto",
    keys=(
        BLOCK_COUNT_KEY,
        context_key(*CONTEXT),
        WIDTH_KEY,
        Key("{arch}.feed_forward_length", "uint32", derive=inner, at_least=1),
        # Of all layers, as the runtime takes the lengths of heads from the first: without heads
        # there it does not rotate any.
        HEADS_KEY,
        heads_kv_key(_ATTENDS),
        Key("{arch}.attention.key_length", "uint32", derive=_HEAD, at_least=1),
        Key("{arch}.attention.value_length", "uint32", derive=_HEAD, at_least=1),
        Key("{arch}.rope.freq_base", "float32", ("rope_theta",), above=0),
        RMS_EPSILON_KEY,
        Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
        *ssm_keys(_SIZES),
        Key("{arch}.ssm.group_count", "uint32", derive=lambda facts: 0),
    ),
    globals=plus_one((*EMBEDDING, *OUTPUT)),
    layers=(
        Stack(
            (
                *plus_one((norm("attn_norm", "pre_mixer_norm"),)),
                *switched(_STATE, _recurs),
                *switched(_ATTENTION, _ATTENDS),
                # The class starts these norms at 1/5 and at 5**-1.5, and stores the difference.
                row("post_attention_norm", "post_mixer_norm.weight", "add", 1 / 5, shape=(width,)),
                *plus_one((norm("ffn_norm", "pre_mlp_norm"),)),
                row("ffn_up.weight", "mlp.gate_up_proj.weight", shape=(total(inner, inner), width)),
                row("ffn_down.weight", "mlp.down_proj.weight", shape=(width, inner)),
                row("post_ffw_norm", "post_mlp_norm.weight", "add", 5**-1.5, shape=(width,)),
            ),
            prefix="layers.layers.{n}.",
        ),
    ),
    defaults={
        "plamo2": {
            "hidden_size_per_head": 128,
            "mamba_d_conv": 4,
            "mamba_d_state": 64,
            "mamba_num_heads": 64,
            "mamba_step": 2,
            "max_position_embeddings": 2048,
            "num_attention_heads": 32,
            "num_key_value_heads": 4,
            "rms_norm_eps": 1e-6,
            "rope_theta": 10000.0,
            "tie_word_embeddings": True,
        }
    },
    graph=(
        both_kinds("mamba_step", _ATTENDS, _recurs),
        Implements("mamba_enabled", (True,)),
        *PLAIN,
    ),
    remarks=(tied_remark, vocabulary_remark("embed_tokens.weight"), _window),
    ignored_fields=("linear_type", "mamba_chunk_size", "eval_*", "use_predefined_initial_state"),
)
