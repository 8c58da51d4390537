"""Writes docs/conformance.md from the fixtures alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance import frozen

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
HEAD = """\
# Conformance

`make conformance` writes a tiny checkpoint for each row with every weight random, converts it to
F32 and BF16, and asks two witnesses who know nothing of quantcli:

- **transformers** ({transformers}) computes {what} for 32 random tokens;
  a real llama.cpp (xllamacpp {xllamacpp}) computes them from quantcli's F32 file. *Difference* is
  the largest difference over the largest value, *tops* how many positions have the same largest
  value. llama.cpp looks GELU up in a table of F16 numbers; where that shows, the second figure is
  what remains when transformers rounds likewise.
- **llama.cpp's converter** ({peer}) converts the same folder. *Equal* is how many of
  all tensors (to the bit) and architecture keys, of both types, are equal.

`tests/conformance/cases` has the cases, `tests/fixtures/conformance` what was measured;
`make test` makes every checkpoint again and holds what quantcli writes to that, without torch.

{cases} cases of {archs} architectures; {computed} compared with transformers, {equal} equal to the
converter in everything, {fails} that the converter does not convert, {refused} refused as llama.cpp
lacks what they ask for.
"""


def write() -> str:
    """Write the page; return a line that says so."""
    PAGE.write_text(page(), encoding="utf-8")
    return f"{PAGE.parent.name}/{PAGE.name}"


def page() -> str:
    """Return the page's text."""
    fixtures = {path.stem: frozen.read(path) for path in sorted(frozen.FOLDER.glob("*.json"))}
    lines = [_head(fixtures)]
    for arch, fixture in fixtures.items():
        lines += ["", *_section(arch.replace("_", "-"), fixture)]
    return "\n".join(lines) + "\n"


def _head(fixtures: Mapping[str, Any]) -> str:
    records = [one for fixture in fixtures.values() for one in fixture["cases"].values()]
    versions = {
        name: ", ".join(sorted({fixture["versions"][name] for fixture in fixtures.values()}))
        for name in ("transformers", "xllamacpp", "peer")
    }
    equal = [one for one in records if one.get("peer", {}).get("differ") == 0]
    return HEAD.format(
        **versions,
        what="logits (or states, an embedding, scores)",
        cases=len(records),
        archs=len(fixtures),
        computed=sum("difference" in one for one in records),
        equal=len(equal),
        fails=sum("fails" in one.get("peer", {}) for one in records),
        refused=sum("refused" in one for one in records),
    ).rstrip()


def _section(arch: str, fixture: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {arch}"
    yield ""
    yield "| case | class | difference | tops | equal |"
    yield "|---|---|---|---|---|"
    notes: dict[str, None] = {}
    for name, one in fixture["cases"].items():
        difference, tops = _figures(one)
        yield f"| {name} | {one['hf']} | {difference} | {tops} | {_equal(one)} |"
        notes |= dict.fromkeys(_notes(name, one))
    if notes:
        yield ""
        yield from notes


def _figures(one: Mapping[str, Any]) -> tuple[str, str]:
    if "refused" in one:
        return "refused", ""
    if "difference" not in one:
        return "computes" if "runtime_wrong" not in one else "does not compute", ""
    rounded = f" ({one['rounded']:.0e})" if "rounded" in one else ""
    return f"{one['difference']:.0e}{rounded}", f"{one['tops'][0]}/{one['tops'][1]}"


def _equal(one: Mapping[str, Any]) -> str:
    peer = one.get("peer")
    if peer is None:
        return ""
    if "fails" in peer:
        return "converter fails"
    return f"{peer['compared'] - peer['differ']}/{peer['compared']}"


def _notes(name: str, one: Mapping[str, Any]) -> Iterator[str]:
    if "refused" in one:
        yield f"- {name}: refused, naming `{one['refused']}`."
    if "runtime_wrong" in one:
        yield f"- {name}: llama.cpp computes something else: {one['runtime_wrong']}."
    peer = one.get("peer", {})
    if "fails" in peer:
        yield f"- {name}: the converter fails with `{peer['fails'][:100]}`: {peer['why']}."
    for pattern, reason in peer.get("why", {}).items() if "fails" not in peer else ():
        yield f"- `{pattern}`: {reason}."
