"""Accounts for every field of config.json: used, refused, ignored by name, or reported."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from quantcli.arch.architecture import Architecture
from quantcli.arch.facts import Facts

# Fields that say nothing about what a trained model computes for a text.
IGNORED = (
    # What the file is, who wrote it, with what.
    "architectures",
    "model_type",
    "_*",
    "name_or_path",
    "transformers_version",
    "transformers.js_config",
    "auto_map",
    "torch_dtype",
    "dtype",
    "torchscript",
    "use_bfloat16",
    "bf16",
    "fp16",
    "fp32",
    "is_local",
    "unsloth_*",
    "model_name",
    "is_llama_config",
    # Parts beside the language model; a table that wants something of them asks for it.
    "vision_config",
    "audio_config",
    # How a framework runs it.
    "use_cache",
    "return_dict",
    "return_dict_in_generate",
    "output_*",
    "chunk_size_feed_forward",
    "pretraining_tp",
    "attn_implementation",
    "use_flash_attn*",
    "use_flash_attention*",
    "gradient_checkpointing*",
    "tf_legacy_loss",
    "is_decoder",
    "cross_attention_hidden_size",
    # Other parts of a model of several, which a note names.
    "vision_config",
    "visual_config",
    "audio_config",
    "speech_config",
    "sound_config",
    # Training.
    "*dropout*",
    "*_pdrop",
    "initializer_*",
    "*_initializer_range",
    "*_init_std",
    "init_std",
    "router_aux_loss_coef",
    "label_smoothing*",
    "z_loss*",
    # Tasks and their labels: an architecture that has them asks for them.
    "finetuning_task",
    "task_specific_params",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "language",
    # The tokenizer's business.
    "*_token_id",
    "*_token_ids",
    "*_token_index",
    "tokenizer_class",
    "vocab_size",
    "prefix",
    # Defaults of generation that older files carry.
    "max_length",
    "min_length",
    "max_new_tokens",
    "do_sample",
    "early_stopping",
    "num_beams",
    "num_beam_groups",
    "num_return_sequences",
    "diversity_penalty",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
    "repetition_penalty",
    "length_penalty",
    "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size",
    "bad_words_ids",
    "exponential_decay_length_penalty",
    "suppress_tokens",
    "begin_suppress_tokens",
    "remove_invalid_values",
)
# Fields that a note names; the rest is counted.
_NAMED = 8
_NEUTRAL: tuple[Any, ...] = (None, False, 0, "", [], {}, ())


def refusals(table: Architecture, facts: Facts) -> tuple[list[str], list[str]]:
    """Return what the runtime's graph lacks, a sentence each, and what a user can do about it."""
    problems, hints = [], []
    for row in table.graph:
        present = row.read is not None or facts.says(row.field)
        value = row.read(facts) if row.read else facts.get(row.field)
        values = row.values(facts) if callable(row.values) else row.values
        if present and not _among(value, values):
            graph = f"llama.cpp's graph for {table.name}"
            problems.append(f"{row.field} is {_spelled(value)}; {graph} has {_has(values)}")
            hints += [row.hint] if row.hint else []
    return problems, hints


def _among(value: Any, values: tuple[Any, ...]) -> bool:
    """Tell whether `value` is one of `values`; true is not 1, but 1.0 is."""
    return any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in values
    )


def _has(values: tuple[Any, ...]) -> str:
    shown = [_spelled(value) for value in values if value not in _NEUTRAL]
    return f"only {', '.join(shown)}" if shown else "nothing like it"


def _spelled(value: Any) -> str:
    """Return a field's value as a config spells it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def unaccounted(given: Mapping[str, Any], table: Architecture, facts: Facts) -> Iterable[str]:
    """Give one note on the fields of a config that nobody asked for and that say something.

    Args:
        given: the config's own fields.
        table: the architecture, whose own list of fields without effect counts too.
        facts: the facts, after everything has asked its questions.
    """
    ignored = _matching((*IGNORED, *table.ignored_fields))
    left = [
        (name, value)
        for name, value in _leaves(given, facts.asked)
        if name not in facts.asked
        and not _among(value, _NEUTRAL)
        and facts.defaults.get(name) != value
        and not ignored.match(name)
    ]
    if left:
        named = (f"{name} ({_spelled(value)})" for name, value in left[:_NAMED])
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        yield f"fields of config.json that nothing here reads: {', '.join(named)}{more}"


@cache
def _matching(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Return one expression for all `patterns` (fnmatch): a config may have very many fields."""
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))


def _leaves(given: Mapping[str, Any], asked: Iterable[str]) -> Iterable[tuple[str, Any]]:
    """Give fields and values, those of objects that were asked for one by one each by itself."""
    inner = (name.partition(".")[0] for name in asked if "." in name)
    opened = {"rope_scaling", "rope_parameters", *inner}
    for name, value in given.items():
        if name in opened and isinstance(value, dict):
            yield from ((f"{name}.{part}", each) for part, each in value.items())
        else:
            yield name, value
