"""What Hunyuan's models with experts and without share: the keys of their stretched rotation.

"dynamic" with an alpha is no scaling by the length of the text: it stretches the base once for all.
"""

from __future__ import annotations

from quantcli.arch.architecture import Implements, Key, Value
from quantcli.arch.decoders import DECODER_KEYS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import context, head_dim, replaced
from quantcli.arch.relations import without
from quantcli.arch.rope import KINDS, rope_type

# What the released models were made for although their configs say 32768 (Hunyuan A13B's report).
_STRETCHED, _SAID = 2**18, 2**15


def _alpha(facts: Facts) -> int | float | None:
    """Return what the rotary base is stretched by, None for models without that."""
    return facts.rope_number("alpha") if rope_type(facts) == "dynamic" else None


def _context(facts: Facts) -> int:
    return _STRETCHED if _alpha(facts) and context(facts) == _SAID else context(facts)


def _theta(facts: Facts) -> float | None:
    theta, alpha, length = facts.rope_number("rope_theta"), _alpha(facts), head_dim(facts)
    if theta is None or not alpha or length <= 2:
        return theta
    return float(theta * alpha ** (length / (length - 2)))


def _scaling(name: str, kind: str, value: Value) -> Key:
    """Return the key of a scaling that is said to be none, beside what the config may say."""
    plain = {key.name: key for key in DECODER_KEYS}[f"{{arch}}.rope.scaling.{name}"]

    def derive(facts: Facts) -> Value | None:
        if _alpha(facts):
            return _context(facts) if name == "original_context_length" else value
        return plain.derive(facts) if plain.derive else None

    return Key(plain.name, kind, derive=derive)


HUNYUAN_KEYS: tuple[Key, ...] = replaced(
    DECODER_KEYS,
    Key("{arch}.context_length", "uint32", derive=_context, at_least=1),
    _scaling("type", "string", "none"),
    _scaling("factor", "float32", 1.0),
    _scaling("original_context_length", "uint32", 0),
    Key("{arch}.rope.freq_base", "float32", derive=_theta, above=0),
)
HUNYUAN_GRAPH: tuple[Implements, ...] = (
    *decoder_graph("dynamic"),
    Implements(
        "rope_scaling.rope_type",
        KINDS,
        lambda facts: "" if _alpha(facts) else rope_type(facts),
        "The runtime has the dynamic scaling with an alpha only.",
    ),
    without("attention_bias"),
    without("mlp_bias"),
    without("use_cla"),
    without("use_mla"),
    Implements("use_qk_norm", (True,)),
)
# Fields of the remote code's configs that its released models do not use.
HUNYUAN_IGNORED = (
    "add_classification_head",
    "anyres_*",
    "cla_share_factor",
    "class_num",
    "dense_list",
    "im_*",
    "image_*",
    "mask_init_id",
    "max_image_size",
    "moe_*_dropped*",
    "moe_drop_tokens",
    "norm_type",
    "num_media_embeds",
    "org_vocab_size",
    "pool_type",
    "position_embedding_xdrope",
    "rope_*.beta_*",
    "rope_*.factor",
    "rope_*.mscale*",
    "sep_id",
    "eod_token_id",
    "skip_cls_token",
    "text_*_id",
    "use_rotary_pos_emb",
    "video_*",
    "vit_*",
)
