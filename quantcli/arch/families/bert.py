"""BERT: an encoder with learned positions and segment embeddings, norms after each half."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Stack
from quantcli.arch.blocks import affine, optional, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import HEADS_KV, NORM_EPSILON, POOLING_KEY, SIZE_KEYS, context, width
from quantcli.errors import ConfigError


def _labels(facts: Facts) -> tuple[str, ...] | None:
    """Return a classifier's label names in order of their numbers; none for made-up ones."""
    labels = facts.get("id2label")
    if not labels:
        return None
    if not isinstance(labels, dict) or not all(str(key).isdecimal() for key in labels):
        raise ConfigError(f"id2label is {labels!r}, not an object from numbers to names")
    ordered = tuple(str(labels[key]) for key in sorted(labels, key=int))
    return None if len(ordered) == 2 and ordered[0] == "LABEL_0" else ordered


def _segments(facts: Facts) -> int:
    return facts.integer("type_vocab_size")


def _has_labels(facts: Facts) -> bool:
    return _labels(facts) is not None


BERT = Architecture(
    name="bert",
    hf=("BertModel", "BertForMaskedLM", "BertForSequenceClassification"),
    vocab="wordpiece",
    keys=(
        *SIZE_KEYS,
        Key("{arch}.attention.head_count_kv", "uint32", HEADS_KV),
        Key("{arch}.attention.layer_norm_epsilon", "float32", NORM_EPSILON, required=True),
        Key("{arch}.attention.causal", "bool", derive=lambda facts: False),
        POOLING_KEY,
        Key("{arch}.classifier.output_labels", "array:string", derive=_labels),
    ),
    globals=(
        row("token_embd.weight", "embeddings.word_embeddings.weight", shape=(None, width)),
        row(
            "position_embd.weight",
            "embeddings.position_embeddings.weight",
            shape=(context, width),
        ),
        row(
            "token_types.weight",
            "embeddings.token_type_embeddings.weight",
            shape=(_segments, width),
        ),
        *affine("token_embd_norm", "embeddings.LayerNorm"),
        # One linear layer over the pooled output is what the runtime calls the output projection,
        # provided that its outputs have names.
        *(
            optional(f"{name}.{part}", f"classifier.{part}", when=when)
            for name, when in (("cls.output", _has_labels), ("cls", lambda f: not _has_labels(f)))
            for part in ("weight", "bias")
        ),
    ),
    layers=(
        Stack(
            (
                *affine("attn_q", "attention.self.query"),
                *affine("attn_k", "attention.self.key"),
                *affine("attn_v", "attention.self.value"),
                *affine("attn_output", "attention.output.dense"),
                *affine("attn_output_norm", "attention.output.LayerNorm"),
                *affine("ffn_up", "intermediate.dense"),
                *affine("ffn_down", "output.dense"),
                *affine("layer_output_norm", "output.LayerNorm"),
            ),
            "encoder.layer.{n}.",
        ),
    ),
    prefixes=("bert.",),
    suffixes=((".gamma", ".weight"), (".beta", ".bias")),
    # Heads of the pre-training tasks: the runtime embeds and classifies only.
    ignored=("embeddings.position_ids", "pooler.*", "cls.predictions*", "cls.seq_relationship*"),
    defaults={
        "bert": {"max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12},
    },
    vocab_keys=(Key("tokenizer.ggml.token_type_count", "uint32", ("type_vocab_size",)),),
)
