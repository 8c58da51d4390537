"""BERT and its kin: states, embeddings and scores, positions from 0 or from behind the padding."""

from __future__ import annotations

from conformance.case import Case, tiny

SMALL = tiny(num_key_value_heads=None)
ROBERTA = {**SMALL, "type_vocab_size": 1, "max_position_embeddings": 130}
DISTIL = {"dim": 64, "hidden_dim": 96, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 128}
WORDS = {"tokenizer": "wordpiece", "kind": "states"}
PIECES = {"tokenizer": "unigram", "kind": "states"}
BYTES = {"tokenizer": "gpt2", "kind": "states"}
POOL = {
    "modules.json": '[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]',
    "1_Pooling/config.json": '{"pooling_mode_cls_token": true}',
}
SCORE = {
    "^cls.(weight|bias)$": "the score passes through the pooler, which the peer drops",
    "pooling_type": "without it the score is not that of the first token",
}

RANK = {"pooling_type": "without it llama.cpp gives states, not a score"}
CLASS = "it has no place for the class"
OFFSET = "the peer forgets that the class numbers positions from behind the padding's id"

CASES = (
    Case("states", "BertModel", SMALL, **WORDS),
    Case(
        "classifier",
        "BertForSequenceClassification",
        {**SMALL, "num_labels": 3},
        tokenizer="wordpiece",
        kind="scores",
        peer_differs=SCORE,
    ),
    Case("roberta", "RobertaModel", ROBERTA, **BYTES),
    Case(
        "masked",
        "RobertaModel",
        ROBERTA,
        **BYTES,
        rename={part: f"roberta.{part}" for part in ("embeddings.", "encoder.", "pooler.")},
        extra={"lm_head.dense.weight": (64, 64), "lm_head.bias": (274,)},
        changes={"architectures": ["RobertaForMaskedLM"]},
        peer_fails=CLASS,
    ),
    Case("xlm_roberta", "XLMRobertaModel", ROBERTA, **PIECES),
    Case(
        "camembert",
        "CamembertModel",
        ROBERTA,
        **PIECES,
        peer_differs={"position_embd|context_length": OFFSET},
    ),
    Case("distilbert", "DistilBertModel", DISTIL, **WORDS),
    Case("data2vec", "Data2VecTextModel", ROBERTA, **BYTES, peer_fails=CLASS),
    Case("ernie", "ErnieModel", SMALL, **WORDS, peer_fails=CLASS),
    Case("electra", "ElectraModel", {**SMALL, "embedding_size": 64}, **WORDS, peer_fails=CLASS),
    Case(
        "electra_projection",
        "ElectraModel",
        {**SMALL, "embedding_size": 32},
        tokenizer="wordpiece",
        refused="embedding_size is 32",
    ),
    Case(
        "ernie_tasks",
        "ErnieModel",
        {**SMALL, "use_task_id": True},
        tokenizer="wordpiece",
        refused="use_task_id",
    ),
    Case(
        "ernie_classifier",
        "ErnieForSequenceClassification",
        {**SMALL, "num_labels": 3},
        tokenizer="wordpiece",
        kind="scores",
        peer_fails=CLASS,
    ),
    Case(
        "pooled",
        "XLMRobertaModel",
        ROBERTA,
        tokenizer="unigram",
        kind="pooled",
        pooling="cls",
        files=POOL,
    ),
    Case(
        "roberta_classifier",
        "RobertaForSequenceClassification",
        {**ROBERTA, "num_labels": 3},
        tokenizer="gpt2",
        kind="scores",
        peer_differs=RANK,
    ),
    Case(
        "xlm_roberta_classifier",
        "XLMRobertaForSequenceClassification",
        {**ROBERTA, "num_labels": 1},
        tokenizer="unigram",
        kind="scores",
        peer_differs=RANK,
    ),
    Case(
        "distilbert_classifier",
        "DistilBertForSequenceClassification",
        DISTIL,
        tokenizer="wordpiece",
        refused="activation of the classifier is .relu",
    ),
    Case(
        "relu",
        "BertModel",
        {**SMALL, "hidden_act": "relu"},
        tokenizer="wordpiece",
        refused="hidden_act",
    ),
    Case(
        "relu_distil",
        "DistilBertModel",
        {**DISTIL, "activation": "relu"},
        tokenizer="wordpiece",
        refused="activation",
    ),
)
