"""What encoders share: no mask of what follows, pooling, segments, and heads that classify.

llama.cpp scores a text by the state of its first token (for ModernBERT by the mean of all): one
layer with an activation, then one with an output a class (`llm_graph_context::build_pooling`).
"""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch.architecture import Key, Row
from quantcli.arch.blocks import Present, Shape, When, affine, optional, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import width
from quantcli.arch.sentence import RANK, pooling
from quantcli.errors import ConfigError

WORDS = "embeddings.word_embeddings.weight"
_HEAD = "classifier.weight"


def classifies(facts: Facts) -> bool:
    """Tell whether the model is a classifier of whole texts."""
    return facts.hf.endswith("ForSequenceClassification")


def outputs(facts: Facts) -> int:
    """Return how many classes the head tells apart."""
    shape = facts.shape(_HEAD)
    return shape[0] if shape else 0


def labels(facts: Facts) -> tuple[str, ...] | None:
    """Return the names of a classifier's outputs in order of their numbers.

    Their count tells the runtime how many outputs there are, so two made-up names are names too.

    Raises:
        ConfigError: id2label is no object from numbers to names.
    """
    given = facts.get("id2label")
    if not given and not classifies(facts):
        return None
    if not given:
        return tuple(f"LABEL_{number}" for number in range(outputs(facts)))
    if not isinstance(given, dict) or not all(str(key).isdecimal() for key in given):
        raise ConfigError(f"id2label is {given!r}, not an object from numbers to names")
    ordered = tuple(str(given[key]) for key in sorted(given, key=int))
    if classifies(facts):
        return ordered
    return None if len(ordered) == 2 and ordered[0] == "LABEL_0" else ordered


def label_problems(facts: Facts) -> Iterable[str]:
    """Give labels that are not as many as the head has outputs."""
    names, count = labels(facts), outputs(facts)
    if classifies(facts) and count and names and len(names) != count:
        yield f"id2label names {len(names)} classes, classifier.weight has {count} rows"


def classifier_remarks(facts: Facts) -> Iterable[str]:
    """Tell in what a classifier's score differs between the runtimes."""
    if not classifies(facts):
        return
    segments = facts.get("type_vocab_size")
    if isinstance(segments, int) and segments > 1:
        yield (
            "llama.cpp gives every token the first segment's embedding: scores of pairs of texts "
            "differ from those of transformers, which gives the second text the second segment's"
        )
    own = facts.get("sentence_transformers")
    if isinstance(own, dict) and "Sigmoid" in str(own.get("activation_fn")):
        yield "llama.cpp gives a classifier's score as it is, without the sigmoid of the config"


BOTH_WAYS_KEY = Key("{arch}.attention.causal", "bool", derive=lambda facts: False)
"""Tokens see those after them."""


def encoder_keys(usual: int | None = None) -> tuple[Key, ...]:
    """Return the keys that no token is hidden, of the pooling, and of a classifier's outputs.

    Args:
        usual: the pooling where no sentence-transformers folder says another.
    """

    def pooled(facts: Facts) -> int | None:
        said = pooling(facts)
        if isinstance(said, int):
            return said
        return RANK if classifies(facts) else usual

    return (
        BOTH_WAYS_KEY,
        Key("{arch}.pooling_type", "uint32", derive=pooled),
        Key("{arch}.classifier.output_labels", "array:string", derive=labels),
    )


ENCODER_KEYS = encoder_keys()
SEGMENTS_KEY = Key(
    "tokenizer.ggml.token_type_count", "uint32", ("type_vocab_size",), at_least=1, required=True
)
# What describes a head that no class of today reads, or how sentence-transformers calls the model.
IGNORED_FIELDS = (
    "pooler_*",
    "directionality",
    "sentence_transformers",
    "sbert_ce_*",
    "classifier_*",
    "is_decoder",
    "matryoshka_dimensions",
    "truncate_dim",
    "tie_weights_",
    "sinusoidal_pos_embds",
    "task_type_vocab_size",
    "summary_*",
)
# Heads of the pre-training tasks and poolers: the runtime embeds and classifies only.
IGNORED = (
    "pooler.*",
    "cls.predictions*",
    "cls.seq_relationship*",
    "lm_head.*",
    "vocab_*",
    "decoder.*",
    "head.*",
)


def segments(facts: Facts) -> int:
    """Return the number of segments whose embeddings are stored."""
    return facts.integer("type_vocab_size")


def embeddings(
    norm: str = "embeddings.LayerNorm", *, segments_absent: Present = False
) -> tuple[Row, ...]:
    """Return the rows of the embeddings of words and segments, and of the norm after their sum."""
    return (
        row("token_embd.weight", WORDS, shape=(None, width)),
        optional(
            "token_types.weight",
            "embeddings.token_type_embeddings.weight",
            shape=(segments, width),
            absent=segments_absent,
        ),
        *affine("token_embd_norm", norm, shape=(width,)),
    )


def classifier(source: str, when: When = classifies) -> tuple[Row, ...]:
    """Return the rows of a classifier: one layer over the first token, then one a class.

    Args:
        source: how the checkpoint calls the first of the two.
        when: for which models.
    """
    rows = (
        *affine("cls", source, shape=(width, width)),
        *affine("cls.output", "classifier", shape=(outputs, width)),
    )
    return switched(rows, when)


def self_attention(at: str = "attention.") -> tuple[Row, ...]:
    """Return the rows of BERT's attention: queries, keys, values, and what comes of them."""
    shape: Shape = (width, width)
    return (
        *affine("attn_q", f"{at}self.query", shape=shape),
        *affine("attn_k", f"{at}self.key", shape=shape),
        *affine("attn_v", f"{at}self.value", shape=shape),
        *affine("attn_output", f"{at}output.dense", shape=shape),
    )
