"""Nomic BERT: rotated heads, a gate in the feed-forward, norms after each half."""

from __future__ import annotations

from quantcli.arch import encoders, nomic
from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import affine, row
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, width
from quantcli.arch.relations import vocabulary_remark, whole_heads, without


def _positions(facts: Facts) -> int:
    """Return how many positions the model was trained on, which may be less than it takes."""
    said = facts.get("n_positions")
    if said is None:
        return facts.integer("max_position_embeddings")
    return min(facts.integer("n_positions"), facts.integer("max_trained_positions"))


NOMIC_BERT = Architecture(
    name="nomic-bert",
    hf=("NomicBertModel", "NomicBertForMaskedLM"),
    vocab="auto",
    keys=nomic.keys(_positions),
    globals=encoders.embeddings("emb_ln"),
    layers=(
        Stack(
            (
                *nomic.attention(),
                row("ffn_up.weight", "mlp.fc11.weight", shape=(inner, width)),
                row("ffn_gate.weight", "mlp.fc12.weight", shape=(inner, width)),
                row("ffn_down.weight", "mlp.fc2.weight", shape=(width, inner)),
                *affine("layer_output_norm", "norm2", shape=(width,)),
            ),
            "encoder.layers.{n}.",
        ),
    ),
    prefixes=("nomic_bert.", "bert."),
    ignored=encoders.IGNORED,
    defaults={"nomic_bert": {"max_trained_positions": 2048}},
    vocab_keys=(encoders.SEGMENTS_KEY,),
    graph=(
        Implements("hidden_act", ("silu", "swish")),
        Implements("activation_function", ("swiglu",)),
        *(without(name) for name in ("mlp_fc1_bias", "mlp_fc2_bias")),
        *nomic.GRAPH,
    ),
    checks=(whole_heads,),
    remarks=(vocabulary_remark(encoders.WORDS),),
    ignored_fields=nomic.IGNORED_FIELDS,
)
