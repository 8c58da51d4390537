"""What cases of state-space models share."""

from __future__ import annotations

from conformance.case import Shapes

DECAY = {
    r"ssm_a$": "-exp(A_log) is computed in float64 here and rounded once; the converter's exp in "
    "float32 is off by one in the last place for some numbers"
}

STATELESS = {
    r"head_count_kv|\.ssm\.|expert_": "the converter writes the sizes of a state and of experts "
    "that this model of a hybrid class does not have"
}
NO_MTP = "it asserts that there is a block that predicts, which transformers does not save"
SECTIONS = {
    "dimension_sections": "sections beyond a head's pairs are cut: the converter writes those of "
    "longer heads"
}
VISION = {
    "depth": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": 64,
}
"""Arguments of the configuration of a small part that sees, for models of the width 64."""
_ATTENTION = {
    "self_attn.q_proj.weight": (256, 64),
    "self_attn.k_proj.weight": (64, 64),
    "self_attn.v_proj.weight": (64, 64),
    "self_attn.o_proj.weight": (64, 128),
    "self_attn.q_norm.weight": (32,),
    "self_attn.k_norm.weight": (32,),
    "input_layernorm.weight": (64,),
    "post_attention_layernorm.weight": (64,),
}


def mtp(feed_forward: Shapes) -> Shapes:
    """Return the block of Qwen's models that predicts a further token, which transformers ignores.

    The width is 64, with four heads of 32 numbers and two key heads.
    """
    block = {
        f"mtp.layers.0.{name}": shape for name, shape in {**_ATTENTION, **feed_forward}.items()
    }
    return {
        "mtp.fc.weight": (64, 128),
        "mtp.norm.weight": (64,),
        "mtp.pre_fc_norm_embedding.weight": (64,),
        "mtp.pre_fc_norm_hidden.weight": (64,),
        **block,
    }
