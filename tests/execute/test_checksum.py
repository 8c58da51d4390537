"""The journal's checksum: what it is, and which losses it shows."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from quantcli.execute.checksum import PAGE, checksum

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]


def chunk(size: int) -> Bytes:
    return np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)


@pytest.mark.parametrize("size", [0, 1, 7, 4095, 4096, 4097, 8192, 3 * 4096 + 13])
def test_it_is_the_crc_of_the_sums_of_pages_and_of_the_rest(size: int) -> None:
    data = chunk(size).tobytes()
    whole = len(data) // 4096 * 4096
    sums = b""
    for at in range(0, whole, 4096):
        words = [int.from_bytes(data[i : i + 8], "little") for i in range(at, at + 4096, 8)]
        sums += (sum(words) % 2**64).to_bytes(8, "little")
    assert checksum(np.frombuffer(data, np.uint8)) == zlib.crc32(sums + data[whole:])


def test_rows_count_as_their_bytes_one_after_the_other() -> None:
    data = chunk(6 * 5000)
    assert checksum(data.reshape(6, 5000)) == checksum(data)


@pytest.mark.parametrize("at", [0, 8, 4095, 4096, 9999, 5 * 4096 + 99])
def test_a_single_bit_shows(at: int) -> None:
    data = chunk(5 * PAGE + 100)
    before = checksum(data)
    for bit in range(8):
        data[at] ^= 1 << bit
        assert checksum(data) != before
        data[at] ^= 1 << bit


def test_pages_that_are_lost_or_in_another_s_place_show() -> None:
    data = chunk(16 * PAGE)
    pages = data.reshape(16, PAGE)
    before = checksum(data)
    for lost in range(16):
        other = pages.copy()
        other[lost] = 0
        assert checksum(other) != before
        other[lost] = pages[lost - 1]
        assert checksum(other) != before
    for swapped in range(15):
        order = list(range(16))
        order[swapped], order[15] = 15, swapped
        assert checksum(pages[order]) != before


def test_a_torn_write_shows_wherever_it_was_torn() -> None:
    new, old = chunk(3 * PAGE), chunk(3 * PAGE + 1)[:-1]
    for at in range(512, 3 * PAGE, 512):
        assert checksum(np.concatenate([new[:at], old[at:]])) != checksum(new)
