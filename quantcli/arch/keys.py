"""Config fields, derived numbers and metadata keys that many architectures share."""

from __future__ import annotations

from pathlib import PurePosixPath

from quantcli.arch.architecture import Key, Value
from quantcli.arch.facts import Facts
from quantcli.errors import ConfigError

LAYERS = ("n_layers", "num_hidden_layers", "n_layer", "num_layers")
CONTEXT = (
    "max_position_embeddings",
    "n_ctx",
    "n_positions",
    "max_length",
    "max_sequence_length",
    "model_max_length",
)
WIDTH = ("hidden_size", "n_embd", "dim")
FEED_FORWARD = (
    "prefix_dense_intermediate_size",
    "dense_intermediate_size",
    "intermediate_size",
    "n_inner",
    "hidden_dim",
)
HEADS = ("num_attention_heads", "n_head", "n_heads")
HEADS_KV = ("num_key_value_heads", "n_kv_heads")
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
RMS_EPSILON = ("rms_norm_eps", "norm_eps")
NORM_EPSILON = ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")


def width(facts: Facts) -> int:
    """Return the length of the residual stream."""
    return facts.integer(*WIDTH)


def context(facts: Facts) -> int:
    """Return the number of positions the model was made for."""
    return facts.integer(*CONTEXT)


def heads(facts: Facts) -> int:
    """Return the number of query heads."""
    return facts.integer(*HEADS)


def heads_kv(facts: Facts) -> int:
    """Return the number of key and value heads; as many as query heads unless said otherwise."""
    return facts.integer(*HEADS_KV) if facts.get(*HEADS_KV) is not None else heads(facts)


def experts(facts: Facts) -> int:
    """Return the number of routed experts, 0 for a dense model."""
    return facts.integer(*EXPERTS) if facts.get(*EXPERTS) is not None else 0


def head_dim(facts: Facts) -> int:
    """Return the length of a head: said, or the width over the heads."""
    if facts.get("head_dim") is not None:
        return facts.integer("head_dim")
    return width(facts) // max(1, heads(facts))


def query_width(facts: Facts) -> int:
    """Return the length of all query heads together."""
    return heads(facts) * head_dim(facts)


def key_width(facts: Facts) -> int:
    """Return the length of all key heads together."""
    return heads_kv(facts) * head_dim(facts)


def rope_type(facts: Facts) -> str:
    """Return the kind of rotary scaling in lower case, "" for none."""
    return str(facts.rope.get("rope_type") or "").lower()


def _scaling_type(facts: Facts) -> Value | None:
    kind = rope_type(facts)
    if kind in ("su", "longrope"):
        return "longrope"
    return kind if _scaled(facts) else None


def _scaled(facts: Facts) -> bool:
    return rope_type(facts) in ("linear", "yarn") and facts.rope.get("factor") is not None


def _scaling_factor(facts: Facts) -> Value | None:
    return facts.rope_number("factor") if _scaled(facts) else None


def original_context(facts: Facts) -> int | float:
    """Return the context before rotary scaling; without a word about it, the model's context."""
    return facts.rope_number("original_max_position_embeddings") or context(facts)


def _is_yarn(facts: Facts) -> bool:
    return _scaled(facts) and rope_type(facts) == "yarn"


def _yarn_context(facts: Facts) -> Value | None:
    return original_context(facts) if _is_yarn(facts) else None


def _yarn(name: str, *fields: str) -> Key:
    return Key(
        f"{{arch}}.rope.scaling.{name}",
        "float32",
        derive=lambda facts: facts.rope_number(*fields) if _is_yarn(facts) else None,
    )


def _sections(facts: Facts) -> Value | None:
    sections = facts.rope.get("mrope_section")
    if sections is None:
        return None
    if not isinstance(sections, list):
        raise ConfigError(f"rotary parameter mrope_section is {sections!r}, not a list")
    return tuple([*sections, 0, 0, 0, 0][:4])


ROPE_KEYS: tuple[Key, ...] = (
    Key("{arch}.rope.scaling.type", "string", derive=_scaling_type),
    Key("{arch}.rope.scaling.factor", "float32", derive=_scaling_factor),
    Key("{arch}.rope.scaling.original_context_length", "uint32", derive=_yarn_context),
    _yarn("yarn_ext_factor", "extrapolation_factor"),
    _yarn("yarn_attn_factor", "attention_factor", "attn_factor"),
    _yarn("yarn_beta_fast", "beta_fast"),
    _yarn("yarn_beta_slow", "beta_slow"),
    Key("{arch}.rope.dimension_sections", "array:int32", derive=_sections),
    Key("{arch}.rope.freq_base", "float32", derive=lambda facts: facts.rope_number("rope_theta")),
    Key("{arch}.rope.freq_base_swa", "float32", derive=lambda facts: facts.rope_local_theta),
)
SIZE_KEYS: tuple[Key, ...] = (
    Key("{arch}.block_count", "uint32", LAYERS, required=True),
    Key("{arch}.context_length", "uint32", CONTEXT, required=True),
    Key("{arch}.embedding_length", "uint32", WIDTH, required=True),
    Key("{arch}.feed_forward_length", "uint32", FEED_FORWARD, required=True),
    Key("{arch}.attention.head_count", "uint32", HEADS, required=True),
)


def _not_causal(facts: Facts) -> Value | None:
    return False if facts.get("is_causal") is False else None


COMMON_KEYS: tuple[Key, ...] = (
    *SIZE_KEYS,
    Key("{arch}.attention.head_count_kv", "uint32", derive=heads_kv),
    Key("{arch}.attention.causal", "bool", derive=_not_causal),
    *ROPE_KEYS,
    Key("{arch}.attention.layer_norm_rms_epsilon", "float32", RMS_EPSILON),
    Key("{arch}.attention.layer_norm_epsilon", "float32", NORM_EPSILON),
    Key("{arch}.attention.key_length", "uint32", ("head_dim",)),
    Key("{arch}.attention.value_length", "uint32", ("head_dim",)),
)

_POOLING_FIELDS = {
    "pooling_mode_mean_tokens": 1,
    "pooling_mode_cls_token": 2,
    "pooling_mode_lasttoken": 3,
}
_POOLING_MODES = {"mean": 1, "cls": 2, "lasttoken": 3}


def _pooling(facts: Facts) -> Value | None:
    """Return llama.cpp's number of the pooling that a sentence-transformers folder asks for."""
    modules = facts.json("modules.json")
    if not isinstance(modules, list):
        return None
    for module in modules:
        if isinstance(module, dict) and str(module.get("type", "")).endswith("Pooling"):
            file = str(PurePosixPath(str(module.get("path", "")), "config.json"))
            return _pooling_number(facts.json(file), file)
    return None


def _pooling_number(pooling: object, file: str) -> int:
    if not isinstance(pooling, dict):
        raise ConfigError("modules.json names a pooling module without config.json", where=file)
    for field, number in _POOLING_FIELDS.items():
        if pooling.get(field):
            return number
    mode = pooling.get("pooling_mode")
    if not isinstance(mode, str) or mode not in _POOLING_MODES:
        raise ConfigError(
            f"the pooling is none of mean, cls and lasttoken (pooling_mode {mode!r})", where=file
        )
    return _POOLING_MODES[mode]


POOLING_KEY = Key("{arch}.pooling_type", "uint32", derive=_pooling)
