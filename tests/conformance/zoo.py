"""Every text class of transformers' auto mappings, tiny: what quantcli and the peer make of it.

Nobody has tuned these configurations; `shrink` makes them by the names of fields. What the table
shows is where quantcli stands on models that no case was written for.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import quantcli
from conformance import checkpoint, isolated, peer, run, runtime, truth
from conformance.case import Case
from conformance.shrink import shrunken

# Rows of the embedding: more than any tokenizer but WordPiece's has tokens; its are never padded.
ROWS = 320
WORDPIECE = 91
MOST_WEIGHTS = 30_000_000
_UNIGRAM = re.compile(r"XLM|Camembert|T5|Albert|XLNet|Deberta|FNet|BigBird|Rembert", re.IGNORECASE)
_SPM = re.compile(r"Gemma|Phi3|Ernie4|Baichuan|MiniCPM|Plamo|Orion|InternLM|Recurrent")
_BPE = re.compile(r"^(Roberta|ModernBert|Longformer|LED|MPNet|Euro|Data2Vec|Ibert|Mra|Bart|Clip)")


def tokenizers(name: str, kind: str) -> tuple[str, ...]:
    """Return names of tokenizers to try, as the tables of quantcli ask for one or another."""
    if kind == "logits" and _SPM.search(name):
        return ("spm", "gpt2", "llama3", "unigram")
    if kind == "logits":
        return ("gpt2", "spm", "llama3", "unigram")
    if kind == "encoder-decoder" or _UNIGRAM.search(name):
        return ("unigram", "gpt2", "spm")
    return ("gpt2",) if _BPE.search(name) else ("wordpiece",)


_SECTIONS = {"text_config.rope_parameters.mrope_section": [2, 3, 3]}
# What `shrink` cannot know, by class.
OVERRIDES: dict[str, dict[str, Any]] = {
    "DbrxForCausalLM": {"attn_config.rope_theta": 10000.0, "attn_config.clip_qkv": 8.0},
    "DeepseekV2ForCausalLM": {"num_experts_per_tok": 2},
    "Dots1ForCausalLM": {
        "n_routed_experts": 4,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
    },
    "Lfm2ForCausalLM": {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
    "GraniteMoeHybridForCausalLM": {"layer_types": ["mamba", "attention"]},
    "Gemma3nForCausalLM": {"activation_sparsity_pattern": [0.95, 0.95, *[0.0] * 6]},
    "Lfm2MoeForCausalLM": {"layer_types": ["conv", "full_attention"]},
    "Glm4vForConditionalGeneration": _SECTIONS,
    "Glm4vMoeForConditionalGeneration": _SECTIONS,
    "GlmOcrForConditionalGeneration": _SECTIONS,
    "PaddleOCRVLForConditionalGeneration": _SECTIONS,
    "Qwen2VLForConditionalGeneration": _SECTIONS,
    "Qwen2_5OmniThinkerForConditionalGeneration": _SECTIONS,
    "Qwen2_5_VLForConditionalGeneration": _SECTIONS,
    "LongcatFlashForCausalLM": {"expert_ffn_hidden_size": 96, "zero_expert_num": 2},
    "Mamba2ForCausalLM": {"num_heads": 8},
    "NemotronForCausalLM": {"num_key_value_heads": 2},
    "ZayaForCausalLM": {"num_experts_per_tok": 1},
}


@dataclass(slots=True)
class Entry:
    """What became of one class.

    Attributes:
        hf: the class.
        ours: GGUF architecture of quantcli's file, or what it said.
        difference: of quantcli's file in llama.cpp, as figures or the error.
        peer: architecture of the peer's file, or its error.
        peer_difference: of the peer's file in llama.cpp, as figures or the error.
        equal: how many tensors and keys differ between the two, or None.
        notes: of quantcli's on what llama.cpp lacks.
        problem: why there is no checkpoint.
        tokenizers: tried, in this order.
    """

    hf: str
    ours: str = ""
    difference: str = ""
    peer: str = ""
    peer_difference: str = ""
    equal: int | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""
    tokenizers: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether quantcli's file gives the truth."""
        return self.difference.startswith("ok")


def classes() -> dict[str, str]:
    """Return class name → kind of output, of every class worth trying."""
    from transformers.models.auto import modeling_auto as auto

    found: dict[str, str] = {}

    def add(mapping: str, kind: str) -> None:
        for value in getattr(auto, mapping).values():
            for name in (value,) if isinstance(value, str) else value:
                found.setdefault(name, kind)

    add("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "logits")
    add("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "encoder-decoder")
    add("MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES", "logits")
    add("MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES", "states")
    known = auto.MODEL_MAPPING_NAMES
    for model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        value = known.get(model_type)
        for name in (value,) if isinstance(value, str) else value or ():
            found.setdefault(name, "states")
    return found


def known() -> set[str]:
    """Return the classes that llama.cpp's converter or a table of quantcli names."""
    from quantcli.arch.registry import architectures

    log = Path(tempfile.gettempdir()) / "conformance-peer-classes.log"
    theirs = isolated.call(peer.classes, log=log, seconds=60)
    return set(theirs) | {name for table in architectures() for name in table.hf}


def explore(names: list[str], keep: Path | None) -> Iterator[Entry]:
    """Yield an entry for each of the classes, or of all."""
    import torch
    import transformers

    run.warm_up(set(names))
    torch.set_num_threads(1)
    kinds = classes()
    for name in names or list(kinds):
        kind = kinds.get(name, "logits")
        with tempfile.TemporaryDirectory(prefix="zoo-") as temporary:
            folder = Path(temporary) if keep is None else keep / name
            folder.mkdir(parents=True, exist_ok=True)
            getattr(transformers, name, None)
            try:
                log = folder / "entry.log"
                yield isolated.call(_explore, name, kind, folder, log=log, seconds=400.0)
            except isolated.FailedError as error:
                yield Entry(name, problem=str(error))


def _explore(name: str, kind: Any, folder: Path) -> Entry:
    import transformers

    entry = Entry(name)
    try:
        cls = getattr(transformers, name)
        tried = tokenizers(name, kind)
        rows = WORDPIECE if tried == ("wordpiece",) else ROWS
        config = shrunken(cls.config_class, rows, OVERRIDES.get(name))
        _refuse_large(cls, config)
        if not getattr(cls.config_class(**config), "is_encoder_decoder", False):
            # Models that listen are in the list of those that translate.
            kind = "logits" if kind == "encoder-decoder" else kind
        case = Case("zoo", name, config, kind=kind, vocabulary=(5, 40))
        case, made, tokens, expected = _truth(case, folder)
    except (isolated.FailedError, Exception) as error:  # noqa: BLE001 - any class may fail anyhow
        entry.problem = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        return entry
    entry.tokenizers = tried
    for tokenizer in tried:
        model = folder / f"checkpoint-{tokenizer}"
        checkpoint.write(replace(case, tokenizer=tokenizer), made, model)
    for tokenizer in tried:
        model = folder / f"checkpoint-{tokenizer}"
        try:
            done = quantcli.convert(model, "F32", folder / "ours.gguf", jobs=1, force=True)
            entry.ours = done.architecture
            entry.notes = tuple(note for note in done.notes if "llama.cpp" in note)
            break
        except quantcli.QuantcliError as error:
            entry.ours = f"{type(error).__name__}: {error}".replace("\n", " ")
            if "okeniz" not in type(error).__name__:
                break
    if (folder / "ours.gguf").is_file():
        output = folder / "ours.gguf"
        entry.difference = _figures(case, output, tokens, expected, folder / "truth")
    _peer(entry, case, folder, tokens, expected)
    return entry


def _refuse_large(cls: Any, config: dict[str, Any]) -> None:
    """Raise ValueError for what the rules have left too large to be written."""
    import torch

    with torch.device("meta"):
        count = sum(p.numel() for p in cls(cls.config_class(**config)).parameters())
    if count > MOST_WEIGHTS:
        raise ValueError(f"{count} weights are left")


def _truth(case: Case, folder: Path) -> tuple[Case, Any, Any, Any]:
    made = isolated.call(
        checkpoint.made, case, folder / "made", log=folder / "made.log", seconds=100
    )
    tokens = checkpoint.token_ids(case)
    checkpoint.write(case, made, folder / "truth")
    expected = isolated.call(
        truth.compute, case, folder / "truth", tokens, log=folder / "truth.log", seconds=100
    )
    return case, made, tokens, expected


def _figures(case: Case, path: Path, tokens: Any, expected: Any, model: Path) -> str:
    try:
        log = path.with_suffix(".log")
        got = isolated.call(runtime.compute, case, path, tokens, log=log, seconds=60)
    except isolated.FailedError as error:
        return f"error: {error} {run.last_error(error.detail)}".replace("\n", " ")[:250]
    result = run.Result("zoo", case)
    run.compare(result, expected, got, lambda: run.rounded(case, model, tokens))
    if result.difference is None:
        return f"error: {result.failures}"
    same, of = result.tops or (0, 0)
    word = "DIFFERS" if result.failures else "ok"
    gelu = "" if result.rounded is None else f" (GELU as F16: {result.rounded:.0e})"
    return f"{word} {result.difference:.1e} {same}/{of}{gelu}"


def _peer(entry: Entry, case: Case, folder: Path, tokens: Any, expected: Any) -> None:
    """Let the peer convert, with every tokenizer in turn, at last without one."""
    output = folder / "peer.gguf"
    ways = [*((name, True) for name in entry.tokenizers), (entry.tokenizers[-1], False)]
    error = ""
    for tokenizer, vocabulary in ways:
        arguments = (replace(case, tokenizer=tokenizer), folder / f"checkpoint-{tokenizer}")
        log = folder / f"peer-{tokenizer}-{vocabulary}.log"
        try:
            isolated.call(
                run.peer_convert, *arguments, output, "f32", vocabulary, log=log, seconds=100
            )
            break
        except isolated.FailedError as failure:
            said = str(failure)
            if said.startswith("SystemExit"):
                said = (failure.detail.strip().splitlines() or [said])[-1]
            error = error or said
    else:
        entry.peer = f"fails: {error}".replace("\n", " ")[:200]
        return
    arch = run.architecture(output)
    entry.peer = arch if vocabulary else f"{arch} (vocabulary left out: {error[:60]})"
    if vocabulary:
        entry.peer_difference = _figures(case, output, tokens, expected, folder / "truth")
    if (folder / "ours.gguf").is_file():
        both = (peer.contents(folder / "ours.gguf", arch), peer.contents(output, arch))
        entry.equal = len(peer.differences(*both))


def line(entry: Entry) -> str:
    """Return the entry's line of the table."""
    if entry.problem:
        return f"{entry.hf:42} | no checkpoint: {entry.problem[:160]}"
    ours = re.sub(r".*unknown architecture.*", "unknown", entry.ours)
    ours = re.sub(r"/\S*/checkpoint-\w+/", "", ours)[:200]
    if entry.difference.startswith("DIFFERS") and entry.notes:
        ours += f" (noted: {entry.notes[0][:60]})"
    equal = "" if entry.equal is None else f", {entry.equal} differ"
    return (
        f"{entry.hf:42} | {ours} {entry.difference} | "
        f"peer: {entry.peer} {entry.peer_difference}{equal}"
    )
