"""The one way to open and parse a file of a stranger."""

from __future__ import annotations

import json
import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from quantcli.errors import ConfigError, InputError, QuantcliError
from quantcli.inputs import boundary, open_input, parse_json, read_input, read_text


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 70_000)
    assert read_input(file, limit=70_000) == b"x" * 70_000
    with pytest.raises(InputError, match="70,000 bytes, more than the 69,999"):
        read_input(file, limit=69_999)


def test_a_fifo_a_socket_a_folder_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(tmp_path / "socket"))
    try:
        for name, words in (("fifo", "a FIFO"), ("folder", "a folder"), ("socket", "cannot be")):
            with pytest.raises(ConfigError, match=words):
                open_input(tmp_path / name, error=ConfigError)
    finally:
        listener.close()
    with pytest.raises(InputError, match="a device"):
        open_input(Path(os.devnull))


def test_what_cannot_be_a_path_is_told(tmp_path: Path) -> None:
    for name in ("none", "n" * 300, "a\0b"):
        with pytest.raises(InputError, match="cannot be read"):
            open_input(tmp_path / name)


def test_text_that_is_not_utf8_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "card.md"
    file.write_bytes("é".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not UTF-8") as caught:
        read_text(file, limit=10, error=ConfigError)
    assert caught.value.where == str(file)


HOSTILE = {
    "deep": "[" * 100_000,
    "digits": "1" * 100_000,
    "surrogates in bytes": b'"\xed\xa0\x80"',
    "brackets": "[" + "{}," * 3_300_000 + "{}]",
    "members": "{" + ",".join(f'"{n:x}":0' for n in range(1_100_000)) + "}",
    "cut off": '{"a": ',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_is_one_error_and_costs_little(name: str) -> None:
    data = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            parse_json(data, "config.json")
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_ordinary_json_is_what_the_library_reads() -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {}}
    assert parse_json(json.dumps(value).encode(), "config.json") == value


@pytest.mark.parametrize(
    "failure", [ValueError("v"), RecursionError(), MemoryError(), KeyError("k"), OverflowError("o")]
)
def test_whatever_a_parser_raises_names_the_file(failure: Exception) -> None:
    with (
        pytest.raises(ConfigError, match=r"cannot be understood: .") as caught,
        boundary("some/file", error=ConfigError),
    ):
        raise failure
    assert caught.value.where == "some/file"
    assert caught.value.__cause__ is failure


def test_our_own_errors_and_interruptions_pass_the_boundary() -> None:
    for passing in (QuantcliError("ours"), KeyboardInterrupt()):
        with pytest.raises(type(passing)), boundary("some/file"):
            raise passing


def test_no_message_is_longer_than_a_screen() -> None:
    error = InputError("\n".join(["x" * 10_000] * 10_000))
    assert len(error.message) < 30_000
    assert error.message.endswith("… and 9936 more lines")
