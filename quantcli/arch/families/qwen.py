"""Qwen, the first: fused heads with biases, a feed-forward of half the length its config says."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import affine, embedding, norm, output, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, width
from quantcli.arch.relations import PLAIN, heads_fill_the_width, vocabulary_remark, without
from quantcli.arch.rope import rotary


def _tripled(facts: Facts) -> int:
    return 3 * width(facts)


def _half(facts: Facts) -> int:
    return inner(facts) // 2


QWEN = Architecture(
    name="qwen",
    hf=("QWenLMHeadModel",),
    vocab="auto",
    keys=tuple(key for key in DECODER_KEYS if not key.name.endswith("head_count_kv")),
    globals=(*embedding("wte"), *output("ln_f", embedding="wte", copied=True)),
    layers=(
        Stack(
            (
                norm("attn_norm", "ln_1"),
                *affine("attn_qkv", "attn.c_attn", shape=(_tripled, width)),
                row("attn_output.weight", "attn.c_proj.weight", shape=(width, width)),
                norm("ffn_norm", "ln_2"),
                # Its names are the other way about: the activation is on w2.
                row("ffn_gate.weight", "mlp.w2.weight", shape=(_half, width)),
                row("ffn_up.weight", "mlp.w1.weight", shape=(_half, width)),
                row("ffn_down.weight", "mlp.c_proj.weight", shape=(width, _half)),
            ),
            prefix="h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    defaults={
        "qwen": {
            "max_position_embeddings": lambda facts: facts.get("seq_length"),
            "rms_norm_eps": lambda facts: facts.get("layer_norm_epsilon"),
            "rope_theta": lambda facts: facts.get("rotary_emb_base"),
            "tie_word_embeddings": False,
        }
    },
    graph=(
        *rotary(),
        *PLAIN,
        Implements("rotary_pct", (1, None)),
        Implements("no_bias", (True,)),
        without("scale_attn_by_inverse_layer_idx"),
    ),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=(vocabulary_remark("wte.weight"),),
    ignored_fields=(
        "kv_channels",
        "onnx_safe",
        "scale_attn_weights",
        "softmax_in_fp32",
        "use_*",
        "apply_residual_connection_post_layernorm",
    ),
)
