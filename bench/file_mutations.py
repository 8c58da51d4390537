"""Mutations of files for fuzzing: of bytes as they lie, and of JSON by its structure.

All choices come from one `random.Random`, so that a case is its seed.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]

_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32, 2**53, 2**63, 2**64)
_TEXTS = ("", "\0", "../../etc/hostname", "/etc/hostname", "a" * 5000, "\u202egnp", "[PAD0]", "▁")
_ODD: tuple[Any, ...] = (None, True, False, -1, 0.5, -0.0, 1e308, float("nan"), float("inf"))


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with one to four parts overwritten, inserted, removed, repeated or cut off."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(out) + 1) if out else 0
        length = min(chance.choice((1, 1, 2, 4, 8, 64)), len(out) - at)
        kind = chance.randrange(7)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at : at + length] = chance.randbytes(length)
        elif kind == 2:
            out[at:at] = chance.randbytes(chance.choice((1, 2, 8)))
        elif kind == 3:
            del out[at : at + length]
        elif kind == 4:
            out[at:at] = out[at : at + length] * chance.choice((1, 2, 50))
        elif kind == 5:
            width = chance.choice((1, 2, 4, 8))
            number = chance.choice(_NUMBERS) % (1 << 8 * width)
            out[at : at + width] = number.to_bytes(width, "little")
        elif kind == 6 and chance.random() < 0.3:
            del out[at:]
    return bytes(out)


def mutate_json(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value with one to three of its parts changed by their structure."""
    fresh = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(fresh))
        if not places:
            return chance.choice(_ODD)
        _change(fresh, chance.choice(places), chance)
    return fresh


def mutate_text(data: bytes, chance: random.Random) -> bytes:
    """Return a JSON file mutated by structure or, one time in four, by its bytes."""
    if chance.random() < 0.25:
        return mutate_bytes(data, chance)
    changed = json.dumps(mutate_json(json.loads(data), chance), ensure_ascii=False)
    return changed.encode("utf-8", "surrogatepass")


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the path of every part; of long lists and objects a few, as they are alike."""
    if isinstance(value, dict):
        items: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return
    shown = items if len(items) <= 40 else [*items[:12], *items[-12:]]
    for key, item in shown:
        yield (*place, key)
        yield from _places(item, (*place, key))


def _change(value: Any, place: Place, chance: random.Random) -> None:
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    key = place[-1]
    old = holder[key]
    kind = chance.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(chance.randrange(len(holder) + 1), old)
    elif kind == 3:
        holder[key] = _nested(old, chance)
    elif kind == 4 and isinstance(old, str):
        holder[key] = _other_text(old, chance)
    elif kind == 5 and isinstance(old, list):
        chance.shuffle(old)
    else:
        holder[key] = _other(old, chance)


def _nested(old: Any, chance: random.Random) -> Any:
    for _ in range(chance.choice((1, 2, 300))):
        old = [old] if chance.random() < 0.5 else {"type": "Sequence", "a": old}
    return old


def _other_text(old: str, chance: random.Random) -> str:
    at = chance.randrange(len(old) + 1)
    return chance.choice(
        (old[:at], old + old, old.upper(), f"{old[:at]}\u0301{old[at:]}", "x" + old)
    )


def _other(old: Any, chance: random.Random) -> Any:
    if isinstance(old, int) and not isinstance(old, bool) and chance.random() < 0.6:
        return chance.choice((old + 1, old - 1, -old, 2 * old, old // 2, *_NUMBERS))
    return chance.choice((*_ODD, *_TEXTS, *_NUMBERS, [], {}, [[]], {"content": "x"}))
