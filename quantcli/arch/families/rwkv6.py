"""RWKV 6 (Finch): a state whose decay depends on the data, and mixes with the token before.

Longer than others as it shares no tensor with a transformer.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Arg, Key, Stack
from quantcli.arch.blocks import affine, embedding, output, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width
from quantcli.arch.relations import PLAIN, tied_remark, vocabulary_remark
from quantcli.arch.rwkv import HEAD_SIZE, flat, mixes, projections, rank_key, rank_of, rwkv_keys

_AT = "attention."
_RESCALE = "rescale_every"
_MIX = rank_of("blocks.0.attention.time_maa_w2", 1)
_DECAY = rank_of("blocks.0.attention.time_decay_w1", 1)
_BY_MIX = (lambda facts: 5, width, _MIX)


def _inner(facts: Facts) -> int:
    said = facts.get("intermediate_size")
    return (
        int(width(facts) * 3.5 // 32 * 32) if said is None else facts.integer("intermediate_size")
    )


def _share(facts: Facts) -> Arg:
    """Return what keeps the residual from growing: it is halved every few layers."""
    every = facts.get(_RESCALE) or 0
    return 2.0 ** -((facts.layer or 0) // every) if every > 0 else 1.0


RWKV6 = Architecture(
    name="rwkv6",
    hf=("Rwkv6ForCausalLM",),
    vocab="auto",
    keys=(
        *rwkv_keys(HEAD_SIZE, _inner),
        Key("{arch}.attention.layer_norm_epsilon", "float32", ("layer_norm_epsilon",), above=0),
        Key("{arch}.rescale_every_n_layers", "uint32", (_RESCALE,)),
        rank_key("time_mix_extra_dim", _MIX),
        rank_key("time_decay_extra_dim", _DECAY),
    ),
    globals=(
        *embedding("embeddings"),
        *affine("token_embd_norm", "blocks.0.pre_ln", shape=(width,)),
        *output("ln_out", embedding="embeddings", head="head", norm_bias=False),
    ),
    layers=(
        Stack(
            (
                *affine("attn_norm", "ln1", shape=(width,)),
                *affine("attn_norm_2", "ln2", shape=(width,)),
                row("time_mix_w1.weight", f"{_AT}time_maa_w1", "transpose", shape=(None, width)),
                row("time_mix_w2.weight", f"{_AT}time_maa_w2", "transpose", shape=_BY_MIX),
                flat("time_mix_lerp_x", f"{_AT}time_maa_x"),
                mixes(f"{_AT}time_maa_", "wkvrg"),
                row("time_mix_first.weight", f"{_AT}time_faaaa", shape=(None, HEAD_SIZE)),
                flat("time_mix_decay", f"{_AT}time_decay"),
                row("time_mix_decay_w1.weight", f"{_AT}time_decay_w1", "transpose"),
                row("time_mix_decay_w2.weight", f"{_AT}time_decay_w2", "transpose"),
                *projections(
                    (f"time_mix_{name}", _AT + name)
                    for name in ("key", "value", "receptance", "gate")
                ),
                *affine("time_mix_ln", f"{_AT}ln_x", shape=(width,)),
                row("time_mix_output.weight", f"{_AT}output.weight", "multiply", _share),
                flat("channel_mix_lerp_k", "feed_forward.time_maa_k"),
                flat("channel_mix_lerp_r", "feed_forward.time_maa_r"),
                row("channel_mix_key.weight", "feed_forward.key.weight", shape=(_inner, width)),
                row(
                    "channel_mix_value.weight",
                    "feed_forward.value.weight",
                    "multiply",
                    _share,
                    shape=(width, _inner),
                ),
                *projections((("channel_mix_receptance", "feed_forward.receptance"),)),
            ),
            prefix="blocks.{n}.",
        ),
    ),
    prefixes=("rwkv.",),
    defaults={"rwkv6": {"rescale_every": 6, "layer_norm_epsilon": 1e-5, "head_size": 64}},
    graph=PLAIN,
    remarks=(tied_remark, vocabulary_remark("embeddings.weight")),
    ignored_fields=(
        "attention_hidden_size",
        "head_size_divisor",
        "model_version",
        "context_length",
    ),
)
