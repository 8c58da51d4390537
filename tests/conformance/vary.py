"""Looks for settings that change what a model computes and that no table knows.

Every field of a case's configuration is changed, one at a time. What comes of it must be one of
these: the same numbers in llama.cpp as in transformers, a refusal that names the field, or a note
that does. A file that computes something else without a word, or that llama.cpp does not load, is
what this looks for.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import quantcli
from conformance import checkpoint, isolated, run, runtime, truth
from conformance.case import Case

# Fields that say nothing of the numbers: how a class is used, trained or saved.
_SKIPPED = re.compile(
    r"(\w*_)?(dropout\w*|dropout_p|pdrop|drop\w*)|initializer\w*|\w*init\w*_(range|std)"
    r"|\w*_token_id\w*|\w*_token_index|use_cache|use_return_dict|return_dict\w*|output_\w+"
    r"|transformers_version|model_type|architectures|dtype|torch_dtype|id2label|label2id|num_labels"
    r"|problem_type|_name_or_path|is_encoder_decoder|chunk_size_feed_forward|router_aux_loss_coef"
    r"|router_z_loss_coef|vocab_size\w*|finetuning_task|auto_map|\w*_config|pretraining_tp"
    r"|bad_words_ids|begin_suppress_tokens|prefix|tokenizer_class|summary_\w+|use_mamba_kernels"
    r"|max_(position_embeddings|sequence_length|seq_len)|n_positions|rescale_prenorm_residual"
    r"|use_mambapy|classifier_\w+|num_logits_to_keep|keys_to_ignore\w*|cache_implementation"
    r"|\w*_jitter\w*|\w*loss\w*|per_layer_config|add_cross_attention|tie_encoder_decoder"
    r"|attn_implementation|experts_implementation|reference_compile|sparse_prediction"
)
_ROPES: tuple[dict[str, Any], ...] = (
    {"rope_type": "linear", "factor": 3.0},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    },
    {"rope_type": "dynamic", "factor": 2.0},
    {"rope_theta": 77.0},
    {"partial_rotary_factor": 0.5},
)
_ACTIVATIONS = ("gelu", "relu", "silu", "gelu_pytorch_tanh", "relu2", "quick_gelu")
_KINDS_OF_LAYERS = ("full_attention", "sliding_attention")


@dataclass(slots=True)
class Finding:
    """What one changed field led to.

    Attributes:
        arch, case, field, value: the change.
        what: "same", "refused", "noted", "unmade" (the class itself refuses), or, bad: "silent",
            "unnamed" (refused without naming the field) or "unloadable".
        detail: figures or messages.
    """

    arch: str
    case: str
    field: str
    value: Any
    what: str
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether this is what the search is for."""
        return self.what in {"silent", "unnamed", "unloadable", "crashed"}


def search(cases: list[tuple[str, Case]]) -> Iterator[Finding]:
    """Yield a finding for each changed field of each case, good or bad."""
    run.warm_up({case.hf for _, case in cases})
    for arch, case in cases:
        log = Path(tempfile.gettempdir()) / f"conformance-vary-{arch}.log"
        try:
            changes = isolated.call(_changes, case, log=log, seconds=60)
        except isolated.FailedError as error:
            yield Finding(arch, case.name, "", "", "unmade", str(error))
            continue
        for path, value in changes:
            yield _tried(arch, case, path, value)


def basic(cases: list[tuple[str, Case]]) -> list[tuple[str, Case]]:
    """Return the first case of every class of each architecture that transformers computes."""
    found: dict[tuple[str, str, str], tuple[str, Case]] = {}
    for arch, case in cases:
        usable = case.shapes is None and not case.refused and not case.runtime_wrong
        if usable and not case.changes:
            found.setdefault((arch, case.hf, case.kind), (arch, case))
    return list(found.values())


def _changes(case: Case) -> list[tuple[str, Any]]:
    """Return (path, value) of every change to try."""
    import transformers

    cls = getattr(transformers, case.hf)
    config = checkpoint.configuration(cls, case.config, 320)
    found = list(_of(config.to_dict(), ""))
    if isinstance(case.config.get("text_config"), Mapping):
        found += _of(config.text_config.to_dict(), "text_config.")
    return found


def _of(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if not _SKIPPED.fullmatch(name):
            for other in _others(name, value, values):
                yield prefix + name, other


def _others(name: str, value: Any, values: Mapping[str, Any]) -> Iterator[Any]:
    """Yield other values of a field, each of which should change what is computed."""
    if name in {"rope_parameters", "rope_scaling"} and isinstance(value, Mapping):
        yield from _ropes(value)
    elif "act" in name and isinstance(value, str):
        yield from (other for other in _ACTIVATIONS if other != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from _integers(name, value, values)
    elif isinstance(value, float):
        yield 0.05 if re.search("eps", name) else value * 1.5 + 0.25
    elif value is None:
        yield from (8, 2.5, True)
    elif name == "layer_types" and isinstance(value, list) and {*value} <= {*_KINDS_OF_LAYERS}:
        yield from ([kind] * len(value) for kind in _KINDS_OF_LAYERS if {kind} != set(value))
        yield list(reversed(value))
    elif isinstance(value, list) and len(value) > 1 and len(set(map(str, value))) > 1:
        yield list(reversed(value))


def _ropes(value: Mapping[str, Any]) -> Iterator[Any]:
    if "rope_theta" in value or "rope_type" in value:
        yield from ({**value, **change} for change in _ROPES)
    else:  # by kind of layer
        for kind in value:
            if isinstance(value[kind], Mapping):
                yield from ({**value, kind: {**value[kind], **change}} for change in _ROPES)


def _integers(name: str, value: int, values: Mapping[str, Any]) -> Iterator[int]:
    if re.search("key_value_heads|kv_heads|n_head_kv", name):
        yield from {1, 2, values.get("num_attention_heads", 4)} - {value}
    elif re.search("head_dim|rank", name):
        yield 2 * value
    elif re.search("layers|experts|size|dim|width", name):
        yield value * 2
        yield value + 1
    else:
        # No group and no expert to choose is no model.
        least = {1} if re.search("top_?k|per_tok", name) else {0, 1}
        yield from {*least, value + 1} - {value}


def _tried(arch: str, case: Case, path: str, value: Any) -> Finding:
    finding = Finding(arch, case.name, path, value, "")
    changed = _with(case, path, value)
    with tempfile.TemporaryDirectory(prefix="vary-") as temporary:
        folder = Path(temporary)
        try:
            log = folder / "transformers.log"
            made, expected = isolated.call(_truth, changed, folder, log=log, seconds=60)
        except isolated.FailedError as error:
            finding.what, finding.detail = "unmade", str(error)
            return finding
        checkpoint.write(changed, made, folder / "model")
        try:
            done = quantcli.convert(folder / "model", "F32", folder / "F32.gguf", jobs=1)
        except quantcli.QuantcliError as error:
            finding.detail = str(error).replace("\n", " ")
            finding.what = "refused" if _named(path, value, finding.detail) else "unnamed"
            return finding
        except Exception as error:  # noqa: BLE001 - a crash is a finding
            finding.what, finding.detail = "crashed", f"{type(error).__name__}: {error}"
            return finding
        _held(finding, changed, folder, expected, done.notes)
    return finding


def _named(path: str, value: Any, said: str) -> bool:
    """Whether a refusal names the field that was changed, or its value."""
    name = path.rpartition(".")[2]
    if isinstance(value, Mapping):
        return name in said or any(f"{key} " in said for key in value) or "rope" in said
    windows = {"layer_types": "sliding_window", "use_sliding_window": "sliding_window"}
    about = windows.get(name, name)
    return name in said or about in said or bool(re.search(rf"\b{value}\b", said))


def _held(
    finding: Finding, case: Case, folder: Path, expected: Any, notes: tuple[str, ...]
) -> None:
    """Say whether the converted file computes what it should."""
    tokens = checkpoint.token_ids(case)
    path, log = folder / "F32.gguf", folder / "llama.cpp.log"
    try:
        got = isolated.call(runtime.compute, case, path, tokens, log=log, seconds=60)
    except isolated.FailedError as error:
        finding.what = "unloadable"
        finding.detail = f"{error} {run.last_error(error.detail)}"
        return
    result = run.Result(finding.arch, case)
    run.compare(result, expected, got, lambda: run.rounded(case, folder / "model", tokens))
    finding.detail = "; ".join(result.failures) or f"{result.difference:.1e}"
    noted = [note for note in notes if _named(finding.field, finding.value, note)]
    finding.what = "same" if not result.failures else "noted" if noted else "silent"
    if finding.what == "noted":
        finding.detail = noted[0].replace("\n", " ")


def _truth(case: Case, folder: Path) -> tuple[Any, Any]:
    made = checkpoint.made(case, folder / "made")
    checkpoint.write(case, made, folder / "model")
    return made, truth.compute(case, folder / "model", checkpoint.token_ids(case))


# What else must be said for a field to act.
_TOGETHER: dict[str, dict[str, Any]] = {
    "layer_types": {"sliding_window": 8},
    "use_sliding_window": {"sliding_window": 8, "max_window_layers": 0},
}


def _with(case: Case, path: str, value: Any) -> Case:
    config = dict(case.config)
    prefix, _, name = path.rpartition(".")
    before = config[prefix] if prefix else config
    needed = {k: v for k, v in _TOGETHER.get(name, {}).items() if not before.get(k)}
    after = {**before, **needed, name: value}
    config = {**config, prefix: after} if prefix else after
    return replace(case, config=config, peer_differs={}, peer_fails="", noted="")


def line(finding: Finding) -> str:
    """Return the finding in one line."""
    where = f"{finding.arch}/{finding.case}"
    value = str(finding.value)[:90]
    return f"{finding.what:10} {where:28} {finding.field} = {value}: {finding.detail[:200]}"
