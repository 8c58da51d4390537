"""BERT: an encoder with learned positions and segment embeddings, norms after each half."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import affine, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import NORM_EPSILON_KEY, SIZE_KEYS, context, inner, width
from quantcli.arch.relations import GELU, PLAIN, vocabulary_remark, whole_heads, without
from quantcli.arch.sentence import RANK, pooling
from quantcli.errors import ConfigError

_EMBEDDING = "embeddings.word_embeddings.weight"


def _classifies(facts: Facts) -> bool:
    return facts.hf.endswith("ForSequenceClassification")


def _outputs(facts: Facts) -> int:
    """Return how many classes the head tells apart."""
    shape = facts.shape("classifier.weight")
    return shape[0] if shape else 0


def _labels(facts: Facts) -> tuple[str, ...] | None:
    """Return the names of a classifier's outputs in order of their numbers.

    Their count tells the runtime how many outputs there are, so two made-up names are names too.
    """
    labels = facts.get("id2label")
    if not labels and not _classifies(facts):
        return None
    if not labels:
        return tuple(f"LABEL_{number}" for number in range(_outputs(facts)))
    if not isinstance(labels, dict) or not all(str(key).isdecimal() for key in labels):
        raise ConfigError(f"id2label is {labels!r}, not an object from numbers to names")
    ordered = tuple(str(labels[key]) for key in sorted(labels, key=int))
    if _classifies(facts):
        return ordered
    return None if len(ordered) == 2 and ordered[0] == "LABEL_0" else ordered


def _label_problems(facts: Facts) -> Iterable[str]:
    """Give labels that are not as many as the head has outputs."""
    names, outputs = _labels(facts), _outputs(facts)
    if _classifies(facts) and outputs and names and len(names) != outputs:
        yield f"id2label names {len(names)} classes, classifier.weight has {outputs} rows"


def _pooling(facts: Facts) -> int | None:
    """Return the pooling of a sentence-transformers folder, or for a classifier its score."""
    said = pooling(facts)
    if isinstance(said, int):
        return said
    return RANK if _classifies(facts) else None


def _classifier_remarks(facts: Facts) -> Iterable[str]:
    """Tell in what a classifier's score differs between the runtimes."""
    if not _classifies(facts):
        return
    if facts.integer("type_vocab_size") > 1:
        yield (
            "llama.cpp gives every token the first segment's embedding: scores of pairs of texts "
            "differ from those of transformers, which gives the second text the second segment's"
        )
    own = facts.get("sentence_transformers")
    if isinstance(own, dict) and "Sigmoid" in str(own.get("activation_fn")):
        yield "llama.cpp gives a classifier's score as it is, without the sigmoid of the config"


def _segments(facts: Facts) -> int:
    return facts.integer("type_vocab_size")


BERT = Architecture(
    name="bert",
    hf=("BertModel", "BertForMaskedLM", "BertForSequenceClassification"),
    vocab="wordpiece",
    keys=(
        *SIZE_KEYS,
        NORM_EPSILON_KEY,
        Key("{arch}.attention.causal", "bool", derive=lambda facts: False),
        Key("{arch}.pooling_type", "uint32", derive=_pooling),
        Key("{arch}.classifier.output_labels", "array:string", derive=_labels),
    ),
    globals=(
        row("token_embd.weight", _EMBEDDING, shape=(None, width)),
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
        *affine("token_embd_norm", "embeddings.LayerNorm", shape=(width,)),
        # A classifier's score: one layer over the first token and tanh, then one a class.
        row("cls.weight", "pooler.dense.weight", shape=(width, width), when=_classifies),
        row("cls.bias", "pooler.dense.bias", shape=(width,), when=_classifies),
        row("cls.output.weight", "classifier.weight", shape=(_outputs, width), when=_classifies),
        row("cls.output.bias", "classifier.bias", shape=(_outputs,), when=_classifies),
    ),
    layers=(
        Stack(
            (
                *affine("attn_q", "attention.self.query", shape=(width, width)),
                *affine("attn_k", "attention.self.key", shape=(width, width)),
                *affine("attn_v", "attention.self.value", shape=(width, width)),
                *affine("attn_output", "attention.output.dense", shape=(width, width)),
                *affine("attn_output_norm", "attention.output.LayerNorm", shape=(width,)),
                *affine("ffn_up", "intermediate.dense", shape=(inner, width)),
                *affine("ffn_down", "output.dense", shape=(width, inner)),
                *affine("layer_output_norm", "output.LayerNorm", shape=(width,)),
            ),
            "encoder.layer.{n}.",
        ),
    ),
    prefixes=("bert.",),
    suffixes=((".gamma", ".weight"), (".beta", ".bias")),
    # Heads of the pre-training tasks: the runtime embeds and classifies only.
    ignored=("pooler.*", "cls.predictions*", "cls.seq_relationship*"),
    vocab_keys=(
        Key("tokenizer.ggml.token_type_count", "uint32", ("type_vocab_size",), at_least=1),
    ),
    graph=(
        Implements("hidden_act", GELU),
        Implements("position_embedding_type", ("absolute", None)),
        without("is_decoder"),
        *PLAIN,
    ),
    checks=(whole_heads, _label_problems),
    remarks=(_classifier_remarks, vocabulary_remark(_EMBEDDING)),
    # The Chinese release describes its pooler; the class reads none of it.
    ignored_fields=("pooler_*", "directionality", "sentence_transformers", "sbert_ce_*"),
)
