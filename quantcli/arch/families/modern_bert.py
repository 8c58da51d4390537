"""ModernBERT: windows on both sides in most layers, gated feed-forward, norms before each half.

Longer than most: its classifier is none of the other encoders', and most of its settings are
refused.
"""

from __future__ import annotations

from quantcli.arch import encoders
from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import norm, optional, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import SIZE_KEYS, inner, norm_epsilon_key, width
from quantcli.arch.relations import PLAIN, rows_of, vocabulary_remark, whole_heads, without
from quantcli.arch.rope import ROPE_KEYS, said_type
from quantcli.arch.windows import FULL, SLIDING, full_first

_EMBEDDING = "embeddings.tok_embeddings.weight"
_PERIOD, _OTHER_WINDOWS = full_first(3, "global_attn_every_n_layers")


def _pooling_of_scores(facts: Facts) -> object:
    return facts.get("classifier_pooling") if encoders.classifies(facts) else None


def _both(facts: Facts) -> int:
    return 2 * inner(facts)


def _fused(facts: Facts) -> int:
    return 3 * width(facts)


MODERN_BERT = Architecture(
    name="modern-bert",
    hf=("ModernBertModel", "ModernBertForMaskedLM", "ModernBertForSequenceClassification"),
    vocab="auto",
    keys=(
        *SIZE_KEYS,
        *said_type(ROPE_KEYS),
        norm_epsilon_key("norm_eps", "layer_norm_eps"),
        *encoders.ENCODER_KEYS,
        Key("{arch}.attention.sliding_window", "uint32", ("local_attention",), required=True),
        _PERIOD,
        Key("{arch}.vocab_size", "uint32", derive=rows_of(_EMBEDDING)),
        Key("{arch}.hidden_activation", "string", ("hidden_activation",)),
    ),
    globals=(
        row("token_embd.weight", _EMBEDDING, shape=(None, width)),
        norm("token_embd_norm", "embeddings.norm"),
        norm("output_norm", "final_norm"),
        *switched(
            (
                row("cls.weight", "head.dense.weight", shape=(width, width)),
                norm("cls.norm", "head.norm"),
                row("cls.output.weight", "classifier.weight", shape=(encoders.outputs, width)),
                row("cls.output.bias", "classifier.bias", shape=(encoders.outputs,)),
            ),
            encoders.classifies,
        ),
    ),
    layers=(
        Stack(
            (
                # The first layer's is the one after the embedding.
                optional(
                    "attn_norm.weight",
                    "attn_norm.weight",
                    shape=(width,),
                    absent=lambda facts: facts.layer == 0,
                ),
                row("attn_qkv.weight", "attn.Wqkv.weight", shape=(_fused, width)),
                row("attn_output.weight", "attn.Wo.weight", shape=(width, width)),
                norm("ffn_norm", "mlp_norm"),
                row("ffn_up.weight", "mlp.Wi.weight", shape=(_both, width)),
                row("ffn_down.weight", "mlp.Wo.weight", shape=(width, inner)),
            )
        ),
    ),
    ignored=encoders.IGNORED,
    graph=(
        Implements("hidden_activation", ("gelu", "gelu_pytorch_tanh", "silu")),
        _OTHER_WINDOWS,
        *(without(f"{part}_bias") for part in ("attention", "mlp", "norm", "classifier")),
        Implements("classifier_activation", ("gelu",)),
        Implements("classifier_pooling", ("mean", None), _pooling_of_scores),
        *(
            Implements(f"rope_parameters.{kind}.rope_type", ("default", None))
            for kind in (FULL, SLIDING)
        ),
        *PLAIN,
    ),
    checks=(whole_heads, encoders.label_problems),
    remarks=(encoders.classifier_remarks, vocabulary_remark(_EMBEDDING)),
    ignored_fields=(
        *encoders.IGNORED_FIELDS,
        "decoder_bias",
        "deterministic_flash_attn",
        "sparse_*",
        "reference_compile",
        "repad_logits_with_grad",
        "position_embedding_type",
    ),
)
