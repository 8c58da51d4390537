"""Whether a GGUF file's tensors, keys and vocabulary agree, seen from the file alone.

A file that has no problem here is one that llama.cpp loads and runs, if it knows the architecture
and `GRAPHS` has it. Files of other architectures are held to what is true of all, so that nothing
right is called wrong.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from quantcli.arch.outputs import runtime_tensors
from quantcli.container.reader import GgufFile, Metadata, Tensor
from quantcli.evaluate import graphs, vocabulary
from quantcli.evaluate.graphs import GRAPHS, Part
from quantcli.evaluate.key_rules import MODEL_RULES, Problem
from quantcli.evaluate.sizes import Sizes

# What general.type or general.architecture says of a file that is not a model by itself.
_NO_MODEL = {"adapter", "clip", "controlvector", "imatrix", "mmproj"}
# Tensors of one number that a matrix of a product may have beside it.
_SCALES = (".scale", ".input_scale")
_SCALED = re.compile(r"(^output|\.attn_(q|k|v|qkv|output)|\.ffn_\w+)(?<!_norm)\.weight$")
_BLOCK = re.compile(r"blk\.(\d+)\.")


def relation_problems(file: GgufFile) -> list[Problem]:
    """Return what contradicts itself in a file's keys, vocabulary and shapes of tensors."""
    entries = file.entries
    if isinstance(number := file.value("split.no", 0), int) and number > 0:
        return []  # the first shard has the keys
    architecture = file.value("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        key = "general.architecture"
        return [(key, f"key {key} is missing, empty or not a string")]
    if file.value("general.type") in _NO_MODEL or architecture in _NO_MODEL:
        return []
    known = architecture in runtime_tensors()
    problems = list(vocabulary.problems(entries)) if known or vocabulary.MODEL in entries else []
    if not file.tensors:
        return problems  # a vocabulary alone
    model = _Model(file, architecture)
    return [*problems, *(model.problems() if known else model.shapes(graphs.UNKNOWN))]


def unchecked(file: GgufFile) -> str | None:
    """Return what `relation_problems` cannot know about a file's architecture, or None."""
    architecture = file.value("general.architecture")
    if not isinstance(architecture, str) or architecture in GRAPHS or not file.tensors:
        return None
    if architecture in _NO_MODEL or file.value("general.type") in _NO_MODEL:
        return None
    return (
        f"architecture {architecture}: tensors and keys are held against what all architectures "
        "of llama.cpp share; whether it has all that its graph needs is not known"
    )


@dataclass(frozen=True, slots=True)
class _Model:
    """A file that has a model's keys and at least some of its tensors."""

    file: GgufFile
    architecture: str

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with a file of an architecture that llama.cpp knows."""
        entries, sizes = self.file.entries, Sizes(self.file.entries, self.architecture)
        graph = GRAPHS.get(self.architecture)
        if graph is None and self.architecture in graphs.UNLIKE:
            return
        rules = [*MODEL_RULES, *(() if graph is None else graph.keys)]
        # A key of both lists is told of once.
        found: dict[str, str] = {}
        for rule in rules:
            for key, text in rule.problems(entries, self.architecture):
                found.setdefault(key, text)
        yield from found.items()
        yield from self._not_finite(entries, found)
        yield from _experts(sizes, self.architecture)
        yield from self._layered(sizes)
        if graph is not None:
            yield from _unequal(sizes, graph.equal)
        yield from _grouping(sizes)
        yield from self._blocks(sizes)
        yield from self.shapes(_common(self.architecture) if graph is None else graph.parts)
        if graph is not None and self._is_whole():
            yield from self._presence(sizes, graph.parts)

    def _is_whole(self) -> bool:
        count = self.file.value("split.count", 0)
        return not isinstance(count, int) or count < 2

    def _not_finite(
        self, entries: Mapping[str, Metadata], told: Mapping[str, str]
    ) -> Iterator[Problem]:
        """Yield the numbers of the model's keys that are no numbers and have no rule."""
        for key, entry in entries.items():
            if not key.startswith((f"{self.architecture}.", "general.")) or key in told:
                continue
            values = entry.value if isinstance(entry.value, tuple) else (entry.value,)
            bad = [v for v in values if isinstance(v, float) and math.isnan(v)]
            if bad or (isinstance(entry.value, float) and math.isinf(entry.value)):
                yield key, f"key {key} holds {bad[0] if bad else entry.value}, it should be finite"

    def _layered(self, sizes: Sizes) -> Iterator[Problem]:
        """Yield the arrays of one number a block that have another length."""
        blocks = sizes.get("blocks")
        if blocks is None:
            return
        ahead = sizes.key("nextn_predict_layers")
        own = blocks.number - (0 if ahead is None else ahead.number)
        for suffix in ("feed_forward_length", "attention.head_count", "attention.head_count_kv"):
            key = f"{self.architecture}.{suffix}"
            length = sizes.length(key)
            # Blocks that predict further tokens are counted by some tools and not by others.
            if length is not None and length.number not in {own, blocks.number}:
                yield (
                    key,
                    f"key {key} has {length.number} elements, {blocks.text} is {blocks.number}",
                )

    def _blocks(self, sizes: Sizes) -> Iterator[Problem]:
        numbers = {int(m[1]) for m in map(_BLOCK.match, self.file.tensors) if m}
        blocks = sizes.get("blocks")
        if not numbers or blocks is None or not self._is_whole():
            return
        if max(numbers) >= blocks.number:
            yield (
                blocks.text,
                (
                    f"key {blocks.text} is {blocks.number}, but the file has tensors of block "
                    f"{max(numbers)} (blk.{max(numbers)}.*)"
                ),
            )
        ahead = sizes.key("nextn_predict_layers")
        if ahead is not None and ahead.number > blocks.number:
            text = f"key {ahead.text} is {ahead.number}, {blocks.text} is {blocks.number}"
            yield ahead.text, text
        last = min(blocks.number, 1 << 20) - (0 if ahead is None else ahead.number)
        absent = [n for n in range(last) if n not in numbers]
        if absent and self.architecture not in graphs.EMPTY_BLOCKS:
            which = "block" if len(absent) == 1 else f"{len(absent)} blocks, the first is"
            yield (
                blocks.text,
                (
                    f"key {blocks.text} is {blocks.number}, but the file has no tensor of {which} "
                    f"{absent[0]} (blk.{absent[0]}.*)"
                ),
            )

    def shapes(self, parts: Iterable[Part]) -> Iterator[Problem]:
        """Yield the tensors of `parts` that are there with other dimensions than the keys say."""
        sizes = Sizes(self.file.entries, self.architecture)
        found: dict[tuple[str, str], list[Problem]] = defaultdict(list)
        for name, part, layer in self._known(parts):
            for said, text in _misfits(self.file.tensors[name], part, sizes, layer):
                found[part.name, said].append((name, f"tensor {name} {text}"))
        for problems in found.values():
            name, text = problems[0]
            yield name, text + _alike(len(problems) - 1)

    def _known(self, parts: Iterable[Part]) -> Iterator[tuple[str, Part, int]]:
        """Yield (name, part, number of the block or 0) of the tensors that are in `parts`."""
        by_name = {part.name: part for part in parts}
        exact = self.architecture in GRAPHS
        for name in self.file.tensors:
            number = _BLOCK.match(name)
            part = by_name.get(_BLOCK.sub("blk.{n}.", name, count=1) if number else name)
            if part is not None:
                # These graphs take the first block's numbers for all.
                yield name, part, int(number[1]) if number and not exact else 0

    def _presence(self, sizes: Sizes, parts: tuple[Part, ...]) -> Iterator[Problem]:
        """Yield the tensors that llama.cpp lacks, and those that it has no use for."""
        blocks = sizes.get("blocks")
        numbers = range(min(blocks.number, 1 << 10) if blocks is not None else 0)
        used: set[str] = set()
        there = {number[0] for number in map(_BLOCK.match, self.file.tensors) if number}
        for part in parts:
            names = [part.name.format(n=n) for n in numbers] if "{n}" in part.name else [part.name]
            names = [name for name in names if self._uses(part, name, sizes)]
            used.update(names)
            # A block of which nothing is there has been told of.
            absent = [n for n in names if n not in self.file.tensors and _is_in(n, there)]
            if absent and part.when == "always":
                text = f"tensor {absent[0]} is missing; llama.cpp does not load the file without it"
                yield absent[0], text + _alike(len(absent) - 1)
        used |= {
            f"{name.removesuffix('.weight')}{scale}"
            for name in used
            for scale in _SCALES
            if _SCALED.search(name)
        }
        for name, tensor in self.file.tensors.items():
            if (
                name in used
                and name.endswith(_SCALES)
                and tensor.weights > 1
                and "_exps" not in name
            ):
                yield name, f"tensor {name} has {tensor.weights} elements, a scale is one number"
            if name not in used:
                text = f"tensor {name} has no place in llama.cpp's graph of {self.architecture}"
                yield name, f"{text}, which does not load files with tensors left over"

    def _uses(self, part: Part, name: str, sizes: Sizes) -> bool:
        """Return whether the graph of this file takes the tensor at all."""
        experts = sizes.get("experts")
        scaling = self.file.value(f"{self.architecture}.rope.scaling.type")
        fused = f"{name.rpartition('.attn_')[0]}.attn_qkv.weight" in self.file.tensors
        return {
            "": True,
            "experts": experts is not None and experts.number > 0,
            "dense": experts is None or experts.number == 0,
            "fused": fused,
            "apart": not fused,
            "longrope": scaling == "longrope",
            "not longrope": scaling != "longrope",
        }[part.used]


def _is_in(name: str, blocks: Collection[str]) -> bool:
    """Return whether a tensor belongs to one of the blocks ("blk.3."), or to none at all."""
    number = _BLOCK.match(name)
    return number is None or number[0] in blocks


def _alike(more: int) -> str:
    return f" (and {more} more blocks alike)" if more else ""


def _common(architecture: str) -> tuple[Part, ...]:
    """Return the parts that are true of an architecture without a table of its own."""
    parts = graphs.COMMON
    if architecture not in graphs.OTHER_FEED_FORWARD:
        parts += graphs.FEED_FORWARD
    return parts + (graphs.SPLIT_HEADS if architecture in graphs.PLAIN_HEADS else ())


def _misfits(tensor: Tensor, part: Part, sizes: Sizes, layer: int) -> Iterator[tuple[str, str]]:
    """Yield (what is the same in all blocks, the text) for each dimension that does not fit."""
    rank = len(part.shape)
    # Dimensions of one element in front count for nothing.
    front, shape = tensor.shape[:-rank], tensor.shape[-rank:]
    if math.prod(front) != 1:
        yield str(tensor.shape), f"has shape {tensor.shape}; llama.cpp reads {rank} dimensions"
        return
    shape = (1,) * (rank - len(shape)) + shape
    for place, (found, name) in enumerate(zip(shape, part.shape, strict=True)):
        expected = None if name is None else sizes.get(name, layer)
        if expected is not None and expected.number != found:
            text = f"has {found} {_dimension(rank - place, rank)}"
            text = f"{text}; {expected.text} is {expected.number}"
            yield f"{place} {found} {expected.number}", text


def _dimension(place: int, rank: int) -> str:
    """Return what the dimension `place` from the innermost (1) is called."""
    if rank == 1:
        return "elements"
    return {1: "columns", 2: "rows", 3: "matrices"}.get(place, "outer elements")


def _unequal(sizes: Sizes, pairs: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    for first, second in pairs:
        one, two = sizes.get(first), sizes.get(second)
        if one is not None and two is not None and one.number != two.number:
            text = f"{one.text} is {one.number}, {two.text} is {two.number}"
            yield one.text, f"{text}; llama.cpp's graph needs them equal"


def _grouping(sizes: Sizes) -> Iterator[Problem]:
    """Yield the first block whose query heads do not share its key heads evenly."""
    blocks = sizes.get("blocks")
    for layer in range(min(blocks.number, 1 << 10) if blocks is not None else 0):
        heads, shared = sizes.get("heads", layer), sizes.get("heads_kv", layer)
        if heads is None or shared is None or heads.number < 1 or shared.number < 1:
            continue
        if heads.number % shared.number:
            text = f"key {heads.text} is {heads.number}, no multiple of {shared.text}"
            yield heads.text, f"{text}, {shared.number}"
            return


def _experts(sizes: Sizes, architecture: str) -> Iterator[Problem]:
    """Yield what llama.cpp asserts about the number of experts."""
    count, used = sizes.get("experts"), sizes.key("expert_used_count")
    total, taken = (0 if size is None else size.number for size in (count, used))
    if architecture.startswith("hunyuan") and total <= 1:
        return  # taken for a model without experts
    groups = sizes.key("expert_group_count")
    if groups is not None and groups.number and groups.number >= max(total, 1):
        yield groups.text, f"key {groups.text} is {groups.number}, with {total} experts"
    if taken > total or (total and not taken):
        key = f"{architecture}.expert_used_count"
        yield (
            key,
            (
                f"key {key} is {taken} of {architecture}.expert_count {total}; "
                "it should be from 1 to that, or 0 of 0"
            ),
        )
