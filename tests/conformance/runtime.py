"""What llama.cpp computes, through the C interface of the library inside the wheel xllamacpp.

The wheel's own server gives the logits of the last token only, and keeps keys and values as F16.
Here every position is read, keys and values are F32, and attention is not fused, so that what
differs from transformers is the model and not the precision.
"""

from __future__ import annotations

import ctypes
import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np

from conformance.case import Case
from conformance.truth import DECODED

Values = np.ndarray[Any, Any]
_POOLING = {"states": 0, "mean": 1, "cls": 2, "last": 3, "scores": 4}
_F32, _F16 = 0, 1


class RuntimeRefusedError(Exception):
    """llama.cpp does not load the file, or does not compute it."""


class _Parameters(ctypes.Structure):
    """A parameter structure of any length up to 512 bytes: it is passed by value, as memory."""

    _fields_ = (("bytes", ctypes.c_ubyte * 512),)


class _Batch(ctypes.Structure):
    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


def compute(case: Case, path: Path, tokens: list[int]) -> Values:
    """Return float64 values as `truth.compute` does, of the file at `path`.

    A process that calls this must be one that may be killed: llama.cpp aborts where its graph's
    assumptions do not hold.

    Raises:
        RuntimeRefusedError: the file cannot be loaded or computed.
    """
    library = _library()
    model = library.llama_model_load_from_file(
        str(path).encode(), library.llama_model_default_params()
    )
    if not model:
        raise RuntimeRefusedError("llama.cpp does not load the file")
    parameters = _context_parameters(library, case)
    context = library.llama_init_from_model(model, parameters)
    if not context:
        raise RuntimeRefusedError("llama.cpp makes no context for the model")
    if case.kind == "encoder-decoder":
        _submit(library, library.llama_encode, context, tokens)
        tokens = tokens[:DECODED]
    _submit(library, library.llama_decode, context, tokens)
    vocabulary = library.llama_vocab_n_tokens(library.llama_model_get_vocab(model))
    if case.kind in {"logits", "encoder-decoder"}:
        rows = [library.llama_get_logits_ith(context, i) for i in range(len(tokens))]
        return _copied(rows, vocabulary)
    width = library.llama_model_n_embd_out(model)
    if case.kind == "states":
        rows = [library.llama_get_embeddings_ith(context, i) for i in range(len(tokens))]
        return _copied(rows, width)
    pooled = library.llama_get_embeddings_seq(context, 0)
    if case.kind == "scores":
        return _copied([pooled], library.llama_model_n_cls_out(model))
    values = _copied([pooled], width)
    return values / np.linalg.norm(values)


def version() -> str:
    """Return the version of the wheel, whose last number is llama.cpp's build."""
    from importlib.metadata import version as installed

    return installed("xllamacpp")


def _library() -> Any:
    spec = importlib.util.find_spec("xllamacpp")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeRefusedError("the wheel xllamacpp is not installed")
    (path,) = Path(spec.submodule_search_locations[0]).glob("xllamacpp*.so")
    library = ctypes.CDLL(str(path))
    floats = ctypes.POINTER(ctypes.c_float)
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    for name, result, arguments in (
        ("llama_model_default_params", _Parameters, ()),
        ("llama_context_default_params", _Parameters, ()),
        ("llama_model_load_from_file", pointer, (ctypes.c_char_p, _Parameters)),
        ("llama_init_from_model", pointer, (pointer, _Parameters)),
        ("llama_model_get_vocab", pointer, (pointer,)),
        ("llama_vocab_n_tokens", number, (pointer,)),
        ("llama_model_n_embd_out", number, (pointer,)),
        ("llama_model_n_cls_out", ctypes.c_uint32, (pointer,)),
        ("llama_batch_init", _Batch, (number, number, number)),
        ("llama_encode", number, (pointer, _Batch)),
        ("llama_decode", number, (pointer, _Batch)),
        ("llama_get_logits_ith", floats, (pointer, number)),
        ("llama_get_embeddings_ith", floats, (pointer, number)),
        ("llama_get_embeddings_seq", floats, (pointer, number)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _context_parameters(library: Any, case: Case) -> _Parameters:
    """Return the defaults with what a comparison needs changed.

    The structure grows from build to build, so fields are found by the defaults around them: the
    four whole numbers -1 from the kind of rope scaling to flash attention, then rope base and
    scale 0, YaRN's four -1.0, its context 0; the two types of the cache are F16; then follow the
    flags (embeddings, offload_kqv, no_perf, op_offload, swa_full, kv_unified).
    """
    parameters = library.llama_context_default_params()
    data = bytearray(parameters.bytes)
    middle = struct.pack("<4i2f4fIf", *[-1] * 4, 0.0, 0.0, *[-1.0] * 4, 0, -1.0)
    start = data.find(middle)
    flags = data.find(bytes([0, 1, 1, 1, 1, 0]), start + len(middle))
    cache = data.find(struct.pack("<2i", _F16, _F16), start + len(middle))
    if min(start, flags, cache) < 0 or cache > flags:
        raise RuntimeRefusedError("this build's llama_context_params has another layout")
    size = max(128, case.tokens)
    pooling = {"pooled": case.pooling}.get(case.kind, case.kind)
    struct.pack_into("<4I", data, 0, size, size, size, 1)
    threads = data.find(struct.pack("<2i", 4, 4), 16, start)
    struct.pack_into("<2i", data, threads, 1, 1)
    struct.pack_into("<i", data, start + 4, _POOLING.get(pooling, -1))
    struct.pack_into("<i", data, start + 12, 0)  # no flash attention
    struct.pack_into("<2i", data, cache, _F32, _F32)
    data[flags] = case.kind in {"states", "pooled", "scores"}
    parameters.bytes[:] = list(data)
    return parameters


def _submit(library: Any, function: Any, context: Any, tokens: list[int]) -> None:
    batch = library.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, i, 1
        batch.seq_id[i][0], batch.logits[i] = 0, 1
    if status := function(context, batch):
        raise RuntimeRefusedError(f"llama.cpp does not compute the tokens: it returns {status}")


def _copied(rows: list[Any], width: int) -> Values:
    if not all(rows):
        raise RuntimeRefusedError("llama.cpp gives no output for some position")
    return np.array([np.ctypeslib.as_array(row, (width,)) for row in rows], np.float64)
