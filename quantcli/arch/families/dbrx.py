"""DBRX: clipped attention in one matrix, experts of all layers in three."""

from __future__ import annotations

from typing import Any

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import embedding, norm, output, row
from quantcli.arch.decoders import DECODER_CHECKS
from quantcli.arch.experts import EXPERT_KEYS, router, routing_problems
from quantcli.arch.facts import Facts
from quantcli.arch.keys import NORM_EPSILON_KEY, SIZE_KEYS, experts, heads_kv, inner, width
from quantcli.arch.keys import key_width as keys_together
from quantcli.arch.relations import PLAIN, heads_fill_the_width, vocabulary_remark
from quantcli.arch.rope import ROPE_KEYS, rotary

_ATTENTION = "norm_attn_norm.attn"


def _part(holder: str, field: str, default: Any = None) -> Any:
    """Return the question for a field of a nested config."""

    def read(facts: Facts) -> Any:
        nested = facts.get(holder)
        value = nested.get(field, default) if isinstance(nested, dict) else default
        return default if value is None else value

    return read


def _fused_width(facts: Facts) -> int:
    return width(facts) + 2 * keys_together(facts)


DBRX = Architecture(
    name="dbrx",
    hf=("DbrxForCausalLM",),
    vocab="auto",
    keys=(
        *SIZE_KEYS,
        Key("{arch}.attention.head_count_kv", "uint32", derive=heads_kv, at_least=1),
        *ROPE_KEYS,
        # 0 does not clip; the loader wants the key.
        Key("{arch}.attention.clamp_kqv", "float32", derive=_part("attn_config", "clip_qkv", 0.0)),
        *EXPERT_KEYS,
        NORM_EPSILON_KEY,
    ),
    globals=(*embedding("wte"), *output("norm_f", embedding="wte")),
    layers=(
        Stack(
            (
                norm("attn_norm", "norm_attn_norm.norm_1"),
                row(
                    "attn_qkv.weight",
                    "norm_attn_norm.attn.Wqkv.weight",
                    shape=(_fused_width, width),
                ),
                row(
                    "attn_output.weight",
                    "norm_attn_norm.attn.out_proj.weight",
                    shape=(width, width),
                ),
                norm("attn_output_norm", "norm_attn_norm.norm_2"),
                router("ffn.router.layer"),
                row("ffn_gate_exps.weight", "ffn.experts.mlp.w1", "reshape", experts, inner, width),
                row("ffn_up_exps.weight", "ffn.experts.mlp.v1", "reshape", experts, inner, width),
                row(
                    "ffn_down_exps.weight",
                    "ffn.experts.mlp.w2",
                    "reshape|transpose",
                    experts,
                    inner,
                    width,
                ),
            ),
            prefix="blocks.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    defaults={
        "dbrx": {
            "max_position_embeddings": lambda facts: facts.integer("max_seq_len"),
            "intermediate_size": _part("ffn_config", "ffn_hidden_size", 3584),
            "num_key_value_heads": _part("attn_config", "kv_n_heads", 1),
            "num_experts": _part("ffn_config", "moe_num_experts", 4),
            "num_experts_per_tok": _part("ffn_config", "moe_top_k", 1),
            "rope_theta": _part("attn_config", "rope_theta", 10000.0),
            # The class's norms take torch's.
            "layer_norm_eps": 1e-5,
        }
    },
    graph=(
        *rotary(),
        *PLAIN,
        Implements(
            "ffn_config.ffn_act_fn",
            ("silu",),
            lambda facts: (_part("ffn_config", "ffn_act_fn")(facts) or {}).get("name", "silu"),
        ),
        Implements(
            "ffn_config.moe_normalize_expert_weights",
            (1,),
            lambda facts: (facts.get("ffn_config") or {}).get("moe_normalize_expert_weights", 1),
        ),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width, routing_problems),
    remarks=(vocabulary_remark("wte.weight"),),
)
