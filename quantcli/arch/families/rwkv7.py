"""RWKV 7 (Goose), as the library fla stores it: a state that each token corrects.

Longer than others as it shares no tensor with a transformer.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import affine, embedding, has, lacks, output, row, switched
from quantcli.arch.keys import width
from quantcli.arch.relations import PLAIN, rows_of, tied_remark, vocabulary_remark, without
from quantcli.arch.rwkv import (
    HEAD_SIZE,
    RWKV7_VECTORS,
    flat,
    low_rank_linear,
    mixes,
    projections,
    rank_key,
    rank_of,
    rwkv_keys,
    value_residual,
)

_AT = "attn."
_FUSED = "layers.{n}.attn.x_x"
_RATES = low_rank_linear("a", _AT)
_INNER = rows_of("layers.0.ffn.key.weight")


def _rank(letter: str, layer: int = 0) -> Key:
    names = {"w": "decay", "a": "iclr", "v": "value_residual_mix", "g": "gate"}
    source = f"layers.{layer}.attn.{letter}_lora.lora.0.weight"
    return rank_key(f"attention.{names[letter]}_lora_rank", rank_of(source, 0))


RWKV7 = Architecture(
    name="rwkv7",
    hf=("RWKV7ForCausalLM", "Rwkv7ForCausalLM"),
    vocab="auto",
    keys=(
        *rwkv_keys(HEAD_SIZE, _INNER),
        Key("{arch}.attention.layer_norm_epsilon", "float32", ("norm_eps", "layer_norm_epsilon")),
        _rank("w"),
        _rank("a"),
        _rank("v", layer=1),
        _rank("g"),
    ),
    globals=(
        *embedding("embeddings"),
        *affine("token_embd_norm", "layers.0.pre_norm", shape=(width,)),
        *output("norm", embedding="embeddings", norm_bias=False),
    ),
    layers=(
        Stack(
            (
                *affine("attn_norm", "attn_norm", shape=(width,)),
                *affine("attn_norm_2", "ffn_norm", shape=(width,)),
                *low_rank_linear("w", _AT),
                *_RATES,
                *value_residual(low_rank_linear("v", _AT), _RATES),
                *low_rank_linear("g", _AT, bias=False),
                *switched((mixes("attn.x_", "rwkvag"),), lacks(_FUSED)),
                row(
                    "time_mix_lerp_fused.weight",
                    "attn.x_x",
                    "reshape",
                    *(6, 1, 1, -1),
                    when=has(_FUSED),
                ),
                *(flat(f"time_mix_{name}", _AT + name) for name in RWKV7_VECTORS),
                *projections(
                    (
                        ("time_mix_key", "attn.k_proj"),
                        ("time_mix_value", "attn.v_proj"),
                        ("time_mix_receptance", "attn.r_proj"),
                        ("time_mix_output", "attn.o_proj"),
                    )
                ),
                *affine("time_mix_ln", "attn.g_norm", shape=(width,)),
                flat("channel_mix_lerp_k", "ffn.x_k"),
                row("channel_mix_key.weight", "ffn.key.weight", shape=(_INNER, width)),
                row("channel_mix_value.weight", "ffn.value.weight", shape=(width, _INNER)),
            )
        ),
    ),
    # The first layer has no earlier values to take over.
    ignored=("layers.0.attn.v_lora.*",),
    defaults={"rwkv7": {"norm_eps": 1e-5, "head_dim": 64, "hidden_act": "sqrelu"}},
    graph=(
        Implements("hidden_act", ("sqrelu", "relu2")),
        Implements("norm_bias", (True,)),
        Implements("norm_first", (True,)),
        without("attn"),
        *PLAIN,
    ),
    remarks=(tied_remark, vocabulary_remark("embeddings.weight")),
    ignored_fields=(
        "*_low_rank_dim",
        "attn_mode",
        "fuse_*",
        "hidden_ratio",
        "intermediate_size",
        "num_heads",
        "use_l2warp",
        "value_dim",
        "max_position_embeddings",
    ),
)
