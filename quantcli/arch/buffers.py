"""Buffers among a checkpoint's tensors: values that every runtime computes for itself.

They are known by the last part of their name and their shape, wherever they hang: libraries moved
them between releases (`layers.0.self_attn.rotary_emb.inv_freq`, `rotary_emb.inv_freq`), and
trainers save those that the library would not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from quantcli.checkpoint.source import TensorRef

_TABLES = {"cos_cached", "sin_cached", "cos_cache", "sin_cache", "freqs_cis", "embed_positions"}
_MASKS = {"masked_bias", "causal_mask", "attn_mask", "attention_mask"}
_COUNTERS = {"position_ids", "token_type_ids", "num_batches_tracked"}
_INTEGERS = {"I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64"}


def is_buffer(ref: TensorRef) -> bool:
    """Tell whether a tensor that no row of the table uses is a buffer by its kind."""
    last = ref.name.rpartition(".")[2]
    if last in _COUNTERS:
        return ref.dtype in _INTEGERS
    # inv_freq, original_inv_freq, full_attention_inv_freq
    return last.endswith("inv_freq") or last in _TABLES | _MASKS or _is_mask(last, ref.shape)


def _is_mask(last: str, shape: tuple[int, ...]) -> bool:
    """Tell whether this is the lower triangle that GPT-2's attention calls its bias."""
    return last == "bias" and len(shape) == 4 and shape[:2] == (1, 1) and shape[2] == shape[3]


def buffers_note(refs: Iterable[TensorRef]) -> tuple[str, ...]:
    """Return the note that counts what was left out by name, or nothing."""
    counts = Counter(ref.name.rpartition(".")[2] for ref in refs)
    if not counts:
        return ()
    kinds = ", ".join(f"{count} {name}" for name, count in counts.items())
    return (f"buffers that the runtime computes itself are left out: {kinds}",)
