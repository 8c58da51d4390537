"""Draw the README's picture from docs/data/size_error.json, once for light and once for dark pages.

    python scripts/draw_size_error.py

Writes docs/pictures/size-error-light.svg and -dark.svg; tests/test_docs.py holds them to the data.
Left: bits per weight of a file against how far llama.cpp's predictions move (Kullback-Leibler
divergence, logarithmic). Right: quantcli over llama-quantize for both measures of loss.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "docs" / "data" / "size_error.json"
PICTURES = ROOT / "docs" / "pictures"
MODEL = "SmolLM2-135M-Instruct, 768 wide"
OURS, PEER = "quantcli normal", "llama-quantize"

WIDTH, HEIGHT = 860, 420
TOP, BOTTOM = 84, 356
LEFT, MIDDLE = 62, 500
NAMES, RATIOS, RIGHT = 596, 612, 836
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
# Where a preset's label stands beside its points: right, down, anchor. Elsewhere: to the right.
ASIDE = (10, 5, "start")
LABELS = {
    "Q4_0": (-10, 4, "end"),
    "Q4_K_S": (-10, 5, "end"),
    "Q4_K_M": (-10, 8, "end"),
    "Q5_0": (-10, 1, "end"),
    "Q5_K_S": (-10, 5, "end"),
    "Q5_K_M": (-6, 18, "end"),
}


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one picture."""

    name: str
    text: str
    muted: str
    grid: str
    ours: str
    peer: str


THEMES = (
    Theme("light", "#1f2328", "#59636e", "#d8dee4", "#0969da", "#bc4c00"),
    Theme("dark", "#f0f6fc", "#9198a1", "#30363d", "#58a6ff", "#f0883e"),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """One preset: what both programs made of it."""

    type: str
    ours: dict[str, Any]
    peer: dict[str, Any]

    @property
    def bits(self) -> float:
        """Return the bits per weight of the tensors, which are as many in both files."""
        return float(8 * self.ours["tensor_bytes"] / self.ours["weights"])

    def ratio(self, measure: str) -> float:
        """Return quantcli's figure over the peer's."""
        return float(self.ours[measure] / self.peer[measure])

    def ratio_error(self) -> float:
        """Return the standard error of the ratio of divergences, from the windows of the text.

        Both programs' files read the same windows, so what counts is how the differences vary.
        """
        ours, peer, ratio = self.ours["by_window"], self.peer["by_window"], self.ratio("divergence")
        rest = [a - ratio * b for a, b in zip(ours, peer, strict=True)]
        count = len(rest)
        return math.sqrt(sum(value * value for value in rest) / (count * (count - 1))) / float(
            self.peer["divergence"]
        )


def pairs(model: dict[str, Any]) -> list[Pair]:
    """Return the presets that both programs made, smallest first."""
    found = {(record["program"], record["type"]): record for record in model["files"]}
    types = [kind for program, kind in found if program == OURS and (PEER, kind) in found]
    every = [Pair(kind, found[OURS, kind], found[PEER, kind]) for kind in types]
    return sorted(every, key=lambda pair: (pair.bits, pair.type))


def load() -> dict[str, Any]:
    """Return the data, by model."""
    data: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return data


@dataclass(slots=True)
class Canvas:
    """An SVG picture that is being drawn."""

    theme: Theme
    title: str
    parts: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, color: str, **more: str) -> None:
        """Draw a line."""
        self._add("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": color}, more)

    def dot(self, x: float, y: float, radius: float, color: str, *, hollow: bool = False) -> None:
        """Draw a disc, or a ring."""
        fill = {"fill": "none", "stroke": color, "stroke-width": "2"} if hollow else {"fill": color}
        self._add("circle", {"cx": x, "cy": y, "r": radius, **fill}, {})

    def text(
        self, x: float, y: float, words: str, color: str, anchor: str = "start", **more: str
    ) -> None:
        """Write words, their baseline at y."""
        place: dict[str, float | str] = {"x": x, "y": y, "fill": color, "text-anchor": anchor}
        self._add("text", place, more, escape(words))

    def _add(
        self, tag: str, place: dict[str, Any], more: dict[str, str], content: str = ""
    ) -> None:
        named = place | {name.replace("_", "-"): value for name, value in more.items()}
        inside = " ".join(f'{name}="{_number(value)}"' for name, value in named.items())
        self.parts.append(f"<{tag} {inside}>{content}</{tag}>" if content else f"<{tag} {inside}/>")

    def __str__(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="{FONT}" font-size="14" role="img">'
        )
        return "\n".join([head, f"<title>{escape(self.title)}</title>", *self.parts, "</svg>\n"])


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def against_size(canvas: Canvas, every: list[Pair]) -> None:
    """Draw bits per weight against divergence, a pair of dots a preset."""
    theme = canvas.theme
    low, high = math.floor(every[0].bits), math.ceil(every[-1].bits)
    values = [record["divergence"] for pair in every for record in (pair.ours, pair.peer)]
    bottom, top = min(values) / 1.6, max(values) * 1.6

    def across(bits: float) -> float:
        return LEFT + (bits - low) / (high - low) * (MIDDLE - LEFT)

    def down(value: float) -> float:
        return BOTTOM - math.log(value / bottom) / math.log(top / bottom) * (BOTTOM - TOP)

    for tick in (m * 10.0**power for power in range(-4, 1) for m in (1, 2, 5)):
        if bottom <= tick <= top:
            canvas.line(LEFT, down(tick), MIDDLE, down(tick), theme.grid)
            canvas.text(LEFT - 8, down(tick) + 5, f"{tick:g}", theme.muted, "end")
    for bits in range(low, high + 1):
        canvas.text(across(bits), BOTTOM + 22, str(bits), theme.muted, "middle")
        canvas.line(across(bits), BOTTOM, across(bits), BOTTOM + 5, theme.grid)
    middle = (LEFT + MIDDLE) / 2
    canvas.text(middle, BOTTOM + 46, "bits per weight of the file", theme.muted, "middle")
    canvas.text(LEFT - 46, 62, "KL divergence of predictions from F32, nats", theme.muted)
    for pair in every:
        x, theirs, ours = (
            across(pair.bits),
            down(pair.peer["divergence"]),
            down(pair.ours["divergence"]),
        )
        canvas.line(x, theirs, x, ours, theme.peer, stroke_width="2")
        canvas.dot(x, theirs, 5, theme.peer)
        canvas.dot(x, ours, 5, theme.ours)
    for pair in every:
        right, under, anchor = LABELS.get(pair.type, ASIDE)
        y = down(pair.ours["divergence"]) + under
        canvas.text(across(pair.bits) + right, y, pair.type, theme.text, anchor)


def ratios(canvas: Canvas, every: list[Pair]) -> None:
    """Draw quantcli over llama-quantize, a line a preset."""
    theme = canvas.theme
    marks = [pair.ratio("error") for pair in every] + [pair.ratio("divergence") for pair in every]
    marks += [pair.ratio("divergence") + pair.ratio_error() for pair in every]
    low, high = math.floor(min(marks) * 20) / 20, max(math.ceil(max(marks) * 20) / 20, 1.1)

    def across(ratio: float) -> float:
        return RATIOS + (ratio - low) / (high - low) * (RIGHT - RATIOS)

    step = (BOTTOM - TOP) / len(every)
    for number in range(round((high - low) * 20) + 1):
        tick = low + number / 20
        at = across(tick)
        canvas.line(at, TOP, at, BOTTOM, theme.peer if abs(tick - 1) < 1e-9 else theme.grid)
        if round(tick * 20) % 2 == 0:
            canvas.text(at, BOTTOM + 22, f"{tick:.1f}", theme.muted, "middle")
    for index, pair in enumerate(every):
        y = TOP + (index + 0.5) * step
        canvas.text(NAMES, y + 5, pair.type, theme.text, "end")
        found, spread = pair.ratio("divergence"), pair.ratio_error()
        start, end = (min(max(found + side * spread, low), high) for side in (-1, 1))
        canvas.line(across(start), y, across(end), y, theme.ours, stroke_opacity="0.6")
        canvas.dot(across(found), y, 4.5, theme.ours, hollow=True)
        canvas.dot(across(pair.ratio("error")), y, 4.5, theme.ours)
    middle = (RATIOS + RIGHT) / 2
    canvas.text(middle, BOTTOM + 46, "quantcli ÷ llama-quantize", theme.muted, "middle")
    canvas.dot(NAMES - 56, 57, 4.5, theme.ours)
    canvas.text(NAMES - 46, 62, "error of weights", theme.muted)
    canvas.dot(NAMES + 94, 57, 4.5, theme.ours, hollow=True)
    canvas.text(NAMES + 104, 62, "divergence ± s.e.", theme.muted)


def picture(data: dict[str, Any], theme: Theme) -> str:
    """Return the SVG text of the picture in one theme."""
    every = pairs(data[MODEL])
    canvas = Canvas(theme, "Size against error: quantcli beside llama-quantize")
    canvas.text(16, 28, "Size against error", theme.text, font_size="18", font_weight="600")
    for x, name, color in ((216, "quantcli", theme.ours), (312, "llama-quantize", theme.peer)):
        canvas.dot(x, 23, 5, color)
        canvas.text(x + 12, 28, name, color, font_weight="600")
    about = "SmolLM2-135M-Instruct, no importance matrix"
    canvas.text(RIGHT, 28, about, theme.muted, "end")
    against_size(canvas, every)
    ratios(canvas, every)
    return str(canvas)


def main() -> None:
    """Draw both pictures."""
    data = load()
    PICTURES.mkdir(exist_ok=True)
    for theme in THEMES:
        path = PICTURES / f"size-error-{theme.name}.svg"
        path.write_text(picture(data, theme), encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
