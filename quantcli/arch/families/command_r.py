"""Command R and Aya 23: one norm, attention and feed-forward side by side, scaled logits."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Count, Implements, Row, Stack
from quantcli.arch.blocks import EMBEDDING, attention, norm, row, swiglu, switched
from quantcli.arch.cohere import COHERE_CHECKS, COHERE_GRAPH, COHERE_REMARKS, LOGIT_SCALE_KEY
from quantcli.arch.decoders import NORM_KEYS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, context_key, head_dim, heads, heads_kv, lacking
from quantcli.arch.relations import where
from quantcli.arch.rope import said_type


def _has_head_norms(facts: Facts) -> tuple[bool]:
    """Return what the loader takes for granted of use_qk_norm."""
    return (facts.integer(*LAYERS) >= 64,)


def _head_norm(part: str, count: Count) -> Row:
    return row(f"attn_{part}_norm.weight", f"self_attn.{part}_norm.weight", shape=(count, head_dim))


COMMAND_R = Architecture(
    name="command-r",
    hf=("CohereForCausalLM", "CohereModel"),
    vocab="auto",
    keys=(
        *lacking(said_type(NORM_KEYS), "context_length"),
        context_key("model_max_length", "max_position_embeddings"),
        LOGIT_SCALE_KEY,
    ),
    globals=(*EMBEDDING, norm("output_norm", "norm")),
    layers=(
        Stack(
            (
                *attention(),
                *switched(
                    (_head_norm("q", heads), _head_norm("k", heads_kv)), where("use_qk_norm")
                ),
                *swiglu(norm_source=""),
            )
        ),
    ),
    graph=(*COHERE_GRAPH, Implements("use_qk_norm", _has_head_norms)),
    checks=COHERE_CHECKS,
    remarks=COHERE_REMARKS,
)
