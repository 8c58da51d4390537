"""What the rules see of a tensor: its category, its layer, whether it is quantized at all."""

from __future__ import annotations

from quantcli.recipe import rules

# Exact or contained name → category; the first that fits wins, so fused and expert tensors count.
_CATEGORIES = (
    ("attn_qkv.weight", rules.QKV),
    ("attn_kv_b.weight", rules.KV_B),
    ("attn_v.weight", rules.V),
    ("attn_k.weight", rules.K),
    ("attn_q.weight", rules.Q),
    ("attn_output.weight", rules.ATTENTION_OUTPUT),
    ("ffn_up", rules.UP),
    ("ffn_gate", rules.GATE),
    ("ffn_down", rules.DOWN),
)
EMBEDDINGS = ("token_embd.weight", "per_layer_token_embd.weight")

# Tensors whose name contains one of these are never quantized: small ones that matter.
_KEPT = (
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "ssm_conv1d",
    "shortconv.conv.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "attn_rel_b.weight",
    ".position_embd",
    "sam.pos_embd",
    "sam.neck.",
    "sam.net_",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
    "a.rvq.codebook",
    "mm.a.code_embd",
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
)
_KEPT_EXACTLY = ("position_embd.weight", "token_types.weight")

# Roles that the converter writes as F32 whatever the output type.
_FLOAT32_ROLES = frozenset(
    {
        "ffn_gate_inp",
        "ffn_gate_inp_shexp",
        "position_embd",
        "token_types",
        "ssm_conv1d",
        "ssm_conv1d_q",
        "ssm_conv1d_k",
        "ssm_conv1d_v",
        "shortconv.conv",
        "time_mix_first",
        "time_mix_w1",
        "time_mix_w2",
        "time_mix_decay_w1",
        "time_mix_decay_w2",
        "time_mix_lerp_fused",
        "posnet.norm1",
        "posnet.norm2",
        "v.position_embd",
        "a.position_embd",
        "altup_correct_coef",
        "altup_predict_coef",
        "indexer.proj",
    }
)
_WEIGHT_SUFFIXES = (".weight", ".lora_a", ".lora_b")


def category(name: str, *, tied: bool) -> str:
    """Return the category of the tensor `name`; `tied`: the file has no output.weight."""
    if name == "output.weight":
        return rules.HEAD
    if name in EMBEDDINGS:
        return rules.HEAD if tied else rules.EMBEDDING
    return next((found for part, found in _CATEGORIES if part in name), rules.OTHER)


def block_number(name: str) -> int | None:
    """Return N of a name that begins with "blk.N.", else None."""
    parts = name.split(".", 2)
    if len(parts) == 3 and parts[0] == "blk" and parts[1].isdecimal():
        return int(parts[1])
    return None


def processing_order(name: str) -> tuple[int, str]:
    """Return the sort key of llama-quantize: tensors outside the blocks first, then by layer."""
    number = block_number(name)
    return (-1 if number is None else number, name)


def dimensions(shape: tuple[int, ...]) -> int:
    """Return the number of dimensions without outer ones of length 1; at least 1."""
    outer = next((i for i, n in enumerate(shape) if n != 1), len(shape))
    return max(1, len(shape) - outer)


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Whether llama-quantize converts the tensor at all."""
    return (
        dimensions(shape) >= 2
        and name.endswith("weight")
        and name not in _KEPT_EXACTLY
        and not any(part in name for part in _KEPT)
    )


def is_float32(name: str, shape: tuple[int, ...]) -> bool:
    """Whether llama.cpp's converter writes the tensor as F32 whatever the output type."""
    if len(shape) <= 1 or not name.endswith(_WEIGHT_SUFFIXES):
        return True
    if name.endswith("_norm.weight"):
        return True
    # The role: without the suffix, "blk" and the layer's number.
    parts = [part for part in name.split(".")[:-1] if part != "blk" and not part.isdecimal()]
    return ".".join(parts) in _FLOAT32_ROLES
