"""Makes the configuration of any transformers class tiny, by the names of its fields."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

WIDTH, INNER, HEADS, KEY_HEADS, HEAD = 64, 96, 4, 2, 16
LAYERS = 2
MOST_LAYERS = 8
CONTEXT = 128

# Field name (a regular expression that must match all of it) → value. The first that matches
# decides; None takes the field away, so that the class derives it.
RULES: tuple[tuple[str, Any], ...] = (
    (r"(num_|n_)?hash_layers|num_nextn_predict_layers|mtp_num_hidden_layers|num_mtp_layers", 0),
    (r"first_k_dense_replace|moe_layer_start_index|num_dense_layers|n_dense_layers", 1),
    (r"num_(hidden_)?layers|n_layers?|(en|de)coder_layers|num_(en|de)coder_layers", LAYERS),
    (r"depth|num_(self_)?attention_layers|num_blocks", LAYERS),
    (r"(num_|n_)(attention_)?heads?|(en|de)coder_attention_heads", HEADS),
    (r"num_key_value_heads|num_kv_heads|n_kv_heads|num_attention_groups", KEY_HEADS),
    (r"multi_query_group_num|n_head_kv|kv_n_heads|swa_num_key_value_heads", KEY_HEADS),
    (r"(swa_|global_|attention_)?head_dim|d_kv|head_size|kv_channels|attention_key_size", HEAD),
    (r"hidden_size|d_model|n_embd|model_dim|word_embed_proj_dim|dim|embed_dim", WIDTH),
    (r"lru_width|embedding_size|attention_hidden_size|hidden_size_per_head", WIDTH),
    (r"qk_nope_head_dim|qk_rope_head_dim|v_head_dim|v_head_size", HEAD),
    (r"qk_head_dim", 2 * HEAD),
    (r"index_head_dim", 2 * HEAD),
    (r"index_n_heads", 2),
    (r"index_topk", 16),
    (r"(q|kv|o|attn_q|attn_kv)_lora_rank|\w*_low_rank_dim", 32),
    (r"n_group|topk_group|num_expert_groups?|num_limited_groups|topk_groups", 1),
    (r"(num_|n_)?shared_experts?|num_shared_experts|moe_num_shared_experts", 1),
    (r"(num_|n_)?(local_|routed_)?experts|moe_num_experts|num_local_experts|ffn_num_experts", 4),
    (r"num_experts_per_tok(en)?|top_k_experts|moe_topk?|moe_top_k|experts_per_token|moe_k", 2),
    (r"top_k|num_selects|moe_topk", 2),
    (r"(expert|attn)_layer_period", 2),
    (r"(expert|attn)_layer_offset", 1),
    (r"rotary_dim|rotary_emb_dim", 8),
    (r"(shared_expert_|moe_|dense_|shared_|expert_|block_)?intermediate_size(_mlp)?", INNER),
    (r"moe_shared_expert_intermediate_size|moe_ffn_hidden_size|shared_intermediate_size", INNER),
    (r"ffn_dim|d_ff|n_inner|inner_dim|ffn_hidden_size|(en|de)coder_ffn_dim|mlp_hidden_size", INNER),
    (
        r"max_position_embeddings|n_positions|n_ctx|max_seq_len|max_sequence_length|seq_length",
        CONTEXT,
    ),
    (r"max_target_positions|max_source_positions|(en|de)coder_max_position_embeddings", CONTEXT),
    (r"sliding_window(_size)?|attention_chunk_size|local_attention|attention_window_size", 8),
    (r"linear_(key|value)_head_dim|mamba_d_head|ssm_head_dim|mamba_head_dim", HEAD),
    (r"linear_num_(key|value)_heads", 2),
    (r"mamba_d_ssm|mamba_intermediate|mamba_intermediate_size", 2 * WIDTH),
    (r"(mamba_)?n_mamba_heads|mamba_num_heads|mamba_n_heads", 8),
    (r"(mamba_d_|ssm_|mamba_)?state(_size)?", 16),
    (r"mamba_(n_groups|expand)|n_groups", 2),
    (r"mamba_n_groups|mamba_ngroups", 2),
    (r"mamba_dt_rank|time_step_rank", 8),
    (r"(mamba_)?chunk_size", 16),
    (r"vocab_size_per_layer_input", "size"),
    (r"vocab_size(_\w+)?|\w+_vocab_size", "size"),
    (r"hidden_size_per_layer_input", 16),
    (r"num_kv_shared_layers", 0),
    (r"laurel_rank|altup_\w*rank", 8),
    (r"(pad|bos|eos|unk|cls|sep|mask|decoder_start|boi|eoi|boa|eoa)_token_(id|index)", 1),
    (r"(image|video|audio|vision|image_start|image_end)\w*_token_(id|index)", 2),
    (r"image_size|img_size", 32),
    (r"patch_size|conv_stride", 16),
)


def shrunken(cls: Any, size: int, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return arguments that make a tiny configuration of the class `cls`.

    Args:
        cls: configuration class of transformers.
        size: of the vocabulary.
        overrides: of single fields, by name; a dot leads into a nested configuration, and None
            takes a field away.

    Raises:
        Exception: the class cannot be made without arguments.
    """
    values = cls().to_dict()
    names = _parameters(cls)
    inner = getattr(cls, "sub_configs", {})
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if name in inner and isinstance(value, dict):
            arguments[name] = _nested(inner[name], value, size)
        elif isinstance(value, dict) and "mrope_section" in value:
            arguments[name] = _sections(value)
        elif name in names and (rule := _rule(name, value, values)) is not None:
            arguments[name] = size if rule == "size" else rule
    arguments |= _layers(values)
    for path, value in (overrides or {}).items():
        *parents, name = path.split(".")
        place = arguments
        for parent in parents:
            place = place.setdefault(parent, {})
        place.pop(name, None)
        if value is not None:
            place[name] = value
    return arguments


def _nested(cls: Any, value: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Return the arguments of a nested configuration, of the class that `value` names."""
    import transformers

    if cls is transformers.AutoConfig:
        cls = type(transformers.AutoConfig.for_model(value["model_type"]))
    made = shrunken(cls, size)
    return {**made, "model_type": value["model_type"]} if "model_type" in value else made


def _sections(rope: Mapping[str, Any]) -> dict[str, Any]:
    """Return rotary parameters whose sections fill half of the rotated part of a small head."""
    half = int(HEAD * rope.get("partial_rotary_factor", 1.0)) // 2
    share = max(1, half // 3)
    return {**rope, "mrope_section": [half - 2 * share, share, share]}


def _parameters(cls: Any) -> set[str]:
    names = set(inspect.signature(cls.__init__).parameters)
    for base in cls.__mro__:
        names |= set(getattr(base, "__annotations__", {}))
    mapped = getattr(cls, "attribute_map", {})
    return names | set(mapped) | set(mapped.values())


def _rule(name: str, value: Any, values: Mapping[str, Any]) -> Any:
    """Return the small value of a field, or None to leave it to the class."""
    if isinstance(value, (bool, str, dict, list, float)):
        return None
    if value is None and not re.fullmatch(r"(bos|eos|pad)_token_id|head_dim", name):
        return None
    if value == 0 and not name.endswith("id"):
        return None
    if re.fullmatch(r"num_key_value_heads|num_kv_heads", name):
        heads = values.get("num_attention_heads")
        # As many as heads stay so: some graphs have no others.
        return HEADS if value == heads else min(value, KEY_HEADS)
    return next((small for pattern, small in RULES if re.fullmatch(pattern, name)), None)


def _layers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return lists with one item a layer, cut so that every kind of layer is there."""
    counts = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
    name = next((name for name in counts if name in values), None)
    if name is None or not values[name]:
        return {}
    lists = {n: v for n, v in values.items() if isinstance(v, list) and len(v) == values[name]}
    if not lists:
        return {}
    kinds = list(zip(*([str(item) for item in v] for v in lists.values()), strict=True))
    last = max(kinds.index(kind) for kind in set(kinds))
    layers = min(max(LAYERS, last + 1), MOST_LAYERS)
    small = {n: [_item(n, item, values) for item in v[:layers]] for n, v in lists.items()}
    return {name: layers, **small}


def _item(name: str, value: Any, values: Mapping[str, Any]) -> Any:
    found = _rule(name, value, values)
    return value if found is None else found
