"""F32, F16 and BF16: that all values are finite is found out from two maxima, for every value."""

from __future__ import annotations

import numpy as np
import pytest

from quantcli import codec


@pytest.mark.parametrize("name", ["F16", "BF16"])
def test_every_16_bit_value_is_judged_as_decoding_does(name: str) -> None:
    kind = codec.get(name)
    codes = np.arange(1 << 16, dtype=np.uint16)
    finite = np.isfinite(kind.decode_rows(codes.view(np.uint8).reshape(-1, 2)))[:, 0]
    fine = codes[finite]
    assert kind.invalid_blocks(fine.view(np.uint8)) == 0
    for code in codes[~finite]:
        one = np.append(fine[:100], code)
        assert kind.invalid_blocks(one.view(np.uint8)) == 1
    assert kind.invalid_blocks(codes.view(np.uint8)) == np.count_nonzero(~finite)


def test_32_bit_values_around_infinity_are_judged_as_the_processor_does() -> None:
    kind = codec.get("F32")
    edges = [0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0, 1, 0x80000000]
    for bits in (*edges, *(edge ^ 0x80000000 for edge in edges)):
        values = np.array([0, 0x3F800000, bits, 0xBF800000], np.uint32)
        wanted = np.count_nonzero(~np.isfinite(values.view(np.float32)))
        assert kind.invalid_blocks(values.view(np.uint8)) == wanted
    assert kind.invalid_blocks(np.empty(0, np.uint8)) == 0
