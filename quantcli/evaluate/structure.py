"""What can be wrong with a file's layout beyond what the reader refuses outright."""

from __future__ import annotations

from quantcli.container.reader import GgufFile
from quantcli.container.types import aligned


def layout_problems(file: GgufFile) -> list[str]:
    """Return the problems of padding and length.

    The reader has already checked that offsets are aligned, exactly sequential and within the file.
    """
    contents, problems = file.contents, []
    gaps: list[tuple[str | None, int, int]] = [(None, contents.header_end, contents.data_start)]
    for name, tensor in contents.tensors.items():
        end = tensor.offset + tensor.nbytes
        gaps.append((name, end, aligned(end, contents.alignment)))
    for subject, start, stop in gaps:
        if stop > start and file.bytes_at(start, min(stop, file.size)).strip(b"\0"):
            what = "the header" if subject is None else f"tensor {subject}"
            problems.append(f"the padding after {what} (at byte {start}) holds other than zeros")
    padded = contents.data_start + aligned(file.data_end - contents.data_start, contents.alignment)
    if file.size not in (file.data_end, padded):
        problems.append(f"the file has {file.size} bytes; its tensors end at {file.data_end}")
    return problems
