"""What a checkpoint's tensors are, told by their names and dtypes: quantized, an adapter, or empty.

The tensors decide, not what config.json says of them: a merged model often keeps the
quantization_config of the one it was trained from, and a quantized one may lack it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantcli.checkpoint.dtypes import DTYPE_BITS, READABLE
from quantcli.checkpoint.json_file import read_object
from quantcli.checkpoint.source import TensorRef
from quantcli.errors import CheckpointError, ConfigError

_FLAG = "quantization_config"
_METHOD = "quant_method"
# Where tools other than transformers keep the same: AutoGPTQ, AutoAWQ, ModelOpt; MLX within config.
_FLAG_FILES = ("quantize_config.json", "quant_config.json", "hf_quant_config.json")
_MLX_FLAG = "quantization"
_WEIGHT = ".weight"
# Dtypes that matrices have when each element is part of a code or of several packed values.
_PACKED = frozenset(d for d, bits in DTYPE_BITS.items() if bits <= 8 and d != "BOOL") | {
    "I32",
    "U32",
}
_PARAMETERS = (".weight", ".bias")

# quant_method (lower case) → what people call it.
METHODS: Mapping[str, str] = {
    "gptq": "GPTQ",
    "awq": "AWQ",
    "auto-round": "AutoRound",
    "auto_round": "AutoRound",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "fbgemm_fp8": "FBGEMM FP8",
    "fp8": "FP8",
    "modelopt": "ModelOpt",
    "quark": "Quark",
    "hqq": "HQQ",
    "mxfp4": "MXFP4",
    "mxfp8": "MXFP8",
    "nvfp4": "NVFP4",
    "bitnet": "BitNet",
    "quanto": "Quanto",
    "torchao": "torchao",
    "aqlm": "AQLM",
    "vptq": "VPTQ",
    "spqr": "SpQR",
    "eetq": "EETQ",
    "higgs": "HIGGS",
    "fp_quant": "FP-Quant",
    "sinq": "SINQ",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a family of quantized checkpoints names the parts of a matrix.

    Attributes:
        suffixes: a tensor whose name ends so is such a part.
        method: what it is unless config.json names one of `others`.
        others: methods that name their parts alike.
        dtypes: such a part has one of these dtypes; empty for any.
    """

    suffixes: tuple[str, ...]
    method: str
    others: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()

    def parts(self, refs: Iterable[TensorRef]) -> list[str]:
        """Return the names of such parts among `refs`."""
        return [
            ref.name
            for ref in refs
            if ref.name.endswith(self.suffixes) and (not self.dtypes or ref.dtype in self.dtypes)
        ]


# The first that a checkpoint has a tensor of.
ENCODINGS = (
    Encoding((".qweight",), "gptq", ("awq", "auto-round", "auto_round")),
    Encoding(
        (
            ".weight.absmax",
            ".weight.quant_map",
            ".weight.quant_state.bitsandbytes__nf4",
            ".weight.quant_state.bitsandbytes__fp4",
            ".SCB",
        ),
        "bitsandbytes",
    ),
    Encoding((".weight_scale_inv",), "fp8"),
    Encoding((".weight_packed",), "compressed-tensors", ("nvfp4", "quark")),
    Encoding((".weight_scale_2",), "modelopt", ("nvfp4",)),
    Encoding(
        (".weight_scale",),
        "compressed-tensors",
        ("fbgemm_fp8", "fp8", "modelopt", "quark", "bitnet", "mxfp8", "eetq"),
    ),
    Encoding((".W_q",), "hqq"),
    Encoding(("_blocks",), "mxfp4", dtypes=("U8",)),
    Encoding((".codebooks",), "aqlm"),
    Encoding((".centroids.weight",), "vptq"),
    Encoding((".dense_weights",), "spqr"),
    Encoding((".weight._data", ".weight._scale"), "quanto"),
)
_SUFFIXES = tuple(suffix for encoding in ENCODINGS for suffix in encoding.suffixes)
_ADAPTER_PARTS = (
    ".lora_A.",
    ".lora_B.",
    ".lora_embedding_",
    ".lora_magnitude_vector",
    ".base_layer.",
)

_ORIGINAL = (
    "Convert the original, unquantized model; another quantization of it would only add error."
)
_DEQUANTIZE: Mapping[str, tuple[str, str]] = {
    "fp8": ("FineGrainedFP8Config", "dequantize=True"),
    "mxfp4": ("Mxfp4Config", "dequantize=True"),
}


def refuse_contents(root: Path, config: Mapping[str, Any], refs: Mapping[str, TensorRef]) -> None:
    """Raise CheckpointError when the tensors are an adapter's, quantized, or without elements."""
    _refuse_adapter(root, refs)
    _refuse_quantized(root, config, refs)
    _refuse_empty(root, refs)


def flag_note(
    root: Path, config: Mapping[str, Any], refs: Mapping[str, TensorRef]
) -> tuple[str, ...]:
    """Return a note when config.json calls plain tensors quantized."""
    method = _flagged(root, config)
    if method is None or _encoded(refs)[1]:
        return ()
    dtypes = ", ".join(sorted({ref.dtype for ref in refs.values() if ref.dtype in READABLE}))
    said = f"config.json says the weights are quantized ({_label(method)})"
    return (f"{said}, but they are stored as {dtypes}: taken as they are",)


def _refuse_adapter(root: Path, refs: Mapping[str, TensorRef]) -> None:
    # All names as one text: there may be many, and none is an adapter's.
    text = "\n".join(refs)
    present = [part for part in _ADAPTER_PARTS if part in text]
    parts = [name for name in refs if any(part in name for part in present)] if present else []
    if not parts:
        return
    whole = len(parts) < len(refs)
    what = "a model with a LoRA adapter that is not merged" if whole else "a LoRA adapter, no model"
    raise CheckpointError(
        f"{what}: {_some(parts)}",
        where=str(root),
        hint="Merge the adapter into its base model first (peft: merge_and_unload), save that with "
        "save_pretrained, then convert it.",
    )


def _refuse_quantized(root: Path, config: Mapping[str, Any], refs: Mapping[str, TensorRef]) -> None:
    encoding, parts = _encoded(refs)
    if not parts:
        return
    method = _method(encoding, _flagged(root, config), refs)
    dtypes = ", ".join(sorted({refs[name].dtype for name in parts}))
    raise CheckpointError(
        f"{_called(method)}: {_some(parts)} ({dtypes}); quantcli converts weights stored as "
        f"{', '.join(READABLE)}",
        where=str(root),
        hint=_hint(root, method),
    )


def _called(method: str | None) -> str:
    return "a quantized checkpoint" if method is None else f"quantized already ({_label(method)})"


def _label(method: str) -> str:
    return METHODS.get(method, method)


def _hint(root: Path, method: str | None) -> str:
    if method is None or method not in _DEQUANTIZE:
        return _ORIGINAL
    name, argument = _DEQUANTIZE[method]
    saved = f"{root.name}-BF16"
    return (
        f"{_ORIGINAL} Where there is none, transformers can restore BF16:\n"
        f"  from transformers import AutoModelForCausalLM, {name}\n"
        f"  AutoModelForCausalLM.from_pretrained({str(root)!r}, "
        f"quantization_config={name}({argument})).save_pretrained({saved!r})"
    )


def _encoded(refs: Mapping[str, TensorRef]) -> tuple[Encoding | None, list[str]]:
    """Return the encoding that the tensors' names show, and the tensors that hold encoded values.

    A matrix of a dtype that packs values counts whatever is beside it.
    """
    opaque = [
        name
        for name, ref in refs.items()
        if name.endswith(_WEIGHT) and ref.dtype in _PACKED and len(ref.shape) > 1
    ]
    likely = [ref for name, ref in refs.items() if name.endswith(_SUFFIXES)]
    for encoding in ENCODINGS:
        if parts := encoding.parts(likely):
            return encoding, [*parts, *opaque]
    return None, opaque


def _method(
    encoding: Encoding | None, flagged: str | None, refs: Mapping[str, TensorRef]
) -> str | None:
    if encoding is None or flagged in encoding.others:
        return flagged
    if encoding.method == "gptq" and flagged != "gptq":
        # Both keep qweight; only GPTQ's has an order of groups.
        return "gptq" if any(name.endswith(".g_idx") for name in refs) else "awq"
    return encoding.method


def _flagged(root: Path, config: Mapping[str, Any]) -> str | None:
    """Return the method by which the checkpoint says it is quantized, in lower case, or None."""
    said = config.get(_FLAG)
    if isinstance(said, Mapping):
        return str(said.get(_METHOD) or "unknown method").lower()
    if isinstance(config.get(_MLX_FLAG), Mapping):
        return "MLX"
    for file in _FLAG_FILES:
        try:
            inside = read_object(root, file)
        except ConfigError:
            continue
        return str(inside.get(_METHOD) or ("awq" if "zero_point" in inside else "gptq")).lower()
    return None


def _refuse_empty(root: Path, refs: Mapping[str, TensorRef]) -> None:
    """Refuse parameters of no elements; other empty tensors are states of modules and harmless."""
    empty = [name for name, ref in refs.items() if 0 in ref.shape and name.endswith(_PARAMETERS)]
    if empty:
        raise CheckpointError(
            f"{len(empty)} of {len(refs)} tensors have no elements, as when DeepSpeed ZeRO-3 saves "
            f"without gathering the parts: {_some(empty)}",
            where=str(root),
            hint="Save again with stage3_gather_16bit_weights_on_model_save (accelerate: "
            "zero3_save_16bit_model), or rebuild the weights from the training checkpoint with "
            "zero_to_fp32.py and save them with save_pretrained.",
        )


def _some(names: Iterable[str]) -> str:
    """Return one name and the count of the others."""
    first, *others = names
    return f"{first!r} and {len(others)} more tensors" if others else repr(first)
