"""BERT, RoBERTa, XLM-R, CamemBERT, DistilBERT, ERNIE: learned positions, norms after each half.

Longer than most: eight classes that spell the same model differently.
"""

from __future__ import annotations

from quantcli.arch import encoders
from quantcli.arch.architecture import Architecture, Arg, Implements, Key, Row, Stack
from quantcli.arch.blocks import affine
from quantcli.arch.facts import Facts
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    FEED_FORWARD_KEY,
    HEADS_KEY,
    MOST_POSITIONS,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    inner,
    width,
)
from quantcli.arch.relations import GELU, PLAIN, vocabulary_remark, whole_heads, without

# These number positions from behind the padding token's id, and have a classifier's head of its
# own where BERT takes the pooler.
_ROBERTAS = ("Roberta", "XLMRoberta", "Camembert", "Data2VecText")
_PADDED = ("roberta", "xlm-roberta", "camembert", "data2vec-text")
_POSITIONS = "embeddings.position_embeddings.weight"
_NAMES = {
    ".transformer.layer.": ".encoder.layer.",
    ".attention.q_lin.": ".attention.self.query.",
    ".attention.k_lin.": ".attention.self.key.",
    ".attention.v_lin.": ".attention.self.value.",
    ".attention.out_lin.": ".attention.output.dense.",
    ".sa_layer_norm.": ".attention.output.LayerNorm.",
    ".ffn.lin1.": ".intermediate.dense.",
    ".ffn.lin2.": ".output.dense.",
    ".output_layer_norm.": ".output.LayerNorm.",
    ".classifier.out_proj.": ".classifier.",
}


def _like_roberta(facts: Facts) -> bool:
    return facts.hf.startswith(_ROBERTAS)


def _offset(facts: Facts) -> int:
    """Return the number of the first token's position."""
    return facts.integer("pad_token_id") + 1 if _like_roberta(facts) else 0


def _positions(facts: Facts) -> int:
    return facts.integer("max_position_embeddings") - _offset(facts)


def _from_first(facts: Facts) -> tuple[Arg, ...]:
    """Return which rows of the table of positions are used, as arguments of `pick`."""
    return 1, _offset(facts), (facts.shape(_POSITIONS) or (0,))[0]


def _activation(facts: Facts) -> str | None:
    """Return the activation of a classifier's first layer, where it is not the graph's."""
    return "relu" if facts.hf == "DistilBertForSequenceClassification" else None


BERT = Architecture(
    name="bert",
    hf=(
        "BertModel",
        "BertForMaskedLM",
        "BertForPreTraining",
        "BertForSequenceClassification",
        "ErnieModel",
        "ErnieForMaskedLM",
        "ErnieForSequenceClassification",
        "ElectraModel",
        "DistilBertModel",
        "DistilBertForMaskedLM",
        "DistilBertForSequenceClassification",
        *(f"{name}{head}" for name in _ROBERTAS for head in ("Model", "ForMaskedLM")),
        *(f"{name}ForSequenceClassification" for name in _ROBERTAS),
    ),
    vocab="auto",
    keys=(
        BLOCK_COUNT_KEY,
        Key(
            "{arch}.context_length",
            "uint32",
            derive=_positions,
            at_least=1,
            at_most=MOST_POSITIONS,
        ),
        WIDTH_KEY,
        FEED_FORWARD_KEY,
        HEADS_KEY,
        NORM_EPSILON_KEY,
        *encoders.ENCODER_KEYS,
    ),
    globals=(
        *encoders.embeddings(segments_absent=lambda facts: facts.hf.startswith("DistilBert")),
        Row("position_embd.weight", (_POSITIONS,), "pick", _from_first, shape=(_positions, width)),
        *encoders.classifier(
            "pooler.dense", lambda facts: encoders.classifies(facts) and not _like_roberta(facts)
        ),
        *encoders.classifier(
            "classifier.dense", lambda facts: encoders.classifies(facts) and _like_roberta(facts)
        ),
    ),
    layers=(
        Stack(
            (
                *encoders.self_attention(),
                *affine("attn_output_norm", "attention.output.LayerNorm", shape=(width,)),
                *affine("ffn_up", "intermediate.dense", shape=(inner, width)),
                *affine("ffn_down", "output.dense", shape=(width, inner)),
                *affine("layer_output_norm", "output.LayerNorm", shape=(width,)),
            ),
            "encoder.layer.{n}.",
        ),
    ),
    prefixes=("bert.", "roberta.", "distilbert.", "data2vec_text.", "ernie.", "electra."),
    suffixes=((".gamma", ".weight"), (".beta", ".bias")),
    renames=tuple(_NAMES.items()),
    ignored=encoders.IGNORED,
    defaults={
        # DistilBERT's class has no field for these.
        "distilbert": {"layer_norm_eps": 1e-12, "type_vocab_size": 1},
        **{name: {"pad_token_id": 1} for name in _PADDED},
    },
    vocab_keys=(encoders.SEGMENTS_KEY,),
    graph=(
        Implements("hidden_act", GELU),
        Implements("activation", GELU),
        Implements("position_embedding_type", ("absolute", None)),
        Implements("activation of the classifier", ("tanh", None), _activation),
        without("is_decoder"),
        # ERNIE's embedding of the task, ELECTRA's projection of a narrower embedding.
        without("use_task_id"),
        Implements("embedding_size", lambda facts: (None, width(facts))),
        *PLAIN,
    ),
    checks=(whole_heads, encoders.label_problems),
    remarks=(encoders.classifier_remarks, vocabulary_remark(encoders.WORDS)),
    ignored_fields=encoders.IGNORED_FIELDS,
)
