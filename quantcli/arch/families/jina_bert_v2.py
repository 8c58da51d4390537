"""Jina embeddings v2: BERT with ALiBi and a gated feed-forward, two layouts of it."""

from __future__ import annotations

from quantcli.arch import encoders
from quantcli.arch.architecture import Architecture, Arg, Implements, Row, Stack
from quantcli.arch.blocks import affine, has, lacks, optional, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import NORM_EPSILON_KEY, SIZE_KEYS, inner, width
from quantcli.arch.relations import PLAIN, vocabulary_remark, whole_heads, without

# The model for code norms queries and keys, and the sum of attention and text once more.
_CODE = "encoder.layer.{n}.mlp.up_gated_layer.weight"


def _both(facts: Facts) -> int:
    return 2 * inner(facts)


def _gate_first(facts: Facts) -> tuple[Arg, ...]:
    """Return the halves of the fused matrix in the runtime's order, as arguments of `pick`."""
    size = inner(facts)
    return 1, size, 2 * size, 0, size


def _head_norm(part: str) -> tuple[Row, ...]:
    source = f"attention.self.layer_norm_{part}"
    return tuple(
        optional(f"attn_{part}_norm.{kind}", f"{source}.{kind}", shape=(width,))
        for kind in ("weight", "bias")
    )


JINA_BERT_V2 = Architecture(
    name="jina-bert-v2",
    hf=("JinaBertModel", "JinaBertForMaskedLM"),
    vocab="auto",
    keys=(*SIZE_KEYS, NORM_EPSILON_KEY, *encoders.ENCODER_KEYS),
    globals=encoders.embeddings(),
    layers=(
        Stack(
            (
                *encoders.self_attention(),
                *_head_norm("q"),
                *_head_norm("k"),
                *affine("attn_output_norm", "attention.output.LayerNorm", shape=(width,)),
                *switched(
                    (
                        row("ffn_up.weight", "mlp.gated_layers.weight", shape=(_both, width)),
                        *affine("ffn_down", "mlp.wo", shape=(width, inner)),
                        *affine("layer_output_norm", "mlp.layernorm", shape=(width,)),
                    ),
                    lacks(_CODE),
                ),
                *switched(
                    (
                        *affine("attn_norm_2", "layer_norm_1", shape=(width,)),
                        Row(
                            "ffn_up.weight",
                            ("mlp.up_gated_layer.weight",),
                            "pick",
                            _gate_first,
                            shape=(_both, width),
                        ),
                        *affine("ffn_down", "mlp.down_layer", shape=(width, inner)),
                        *affine("layer_output_norm", "layer_norm_2", shape=(width,)),
                    ),
                    has(_CODE),
                ),
            ),
            "encoder.layer.{n}.",
        ),
    ),
    prefixes=("bert.",),
    ignored=encoders.IGNORED,
    vocab_keys=(encoders.SEGMENTS_KEY,),
    graph=(
        Implements("feed_forward_type", ("geglu",)),
        Implements("position_embedding_type", ("alibi",)),
        without("is_decoder"),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(vocabulary_remark(encoders.WORDS),),
    # The gate's activation is in feed_forward_type.
    ignored_fields=(*encoders.IGNORED_FIELDS, "hidden_act", "emb_pooler", "attn_implementation"),
)
