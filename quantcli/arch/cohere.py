"""What Cohere's generations share: one norm a layer, scaled logits, the embedding as output."""

from __future__ import annotations

from quantcli.arch.architecture import Check, Implements, Key
from quantcli.arch.decoders import DECODER_CHECKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner
from quantcli.arch.relations import heads_fill_the_width, vocabulary_remark, without

LOGIT_SCALE_KEY = Key("{arch}.logit_scale", "float32", ("logit_scale",), required=True, above=0)
COHERE_GRAPH: tuple[Implements, ...] = (
    *decoder_graph(),
    without("attention_bias"),
    Implements("tie_word_embeddings", (True,)),
)
COHERE_CHECKS: tuple[Check, ...] = (*DECODER_CHECKS, heads_fill_the_width)
COHERE_REMARKS: tuple[Check, ...] = (vocabulary_remark("embed_tokens.weight"),)
# Of the generation with experts: the inner length of the layers before them.
DENSE_INNER = "prefix_dense_intermediate_size"


def leading(facts: Facts) -> int:
    """Return how many layers come before the first with experts."""
    kinds = facts.get("mlp_layer_types")
    if not isinstance(kinds, list):
        return facts.integer("first_k_dense_replace") if facts.get("first_k_dense_replace") else 0
    return next((i for i, kind in enumerate(kinds) if kind != "dense"), len(kinds))


def dense(facts: Facts) -> bool:
    """Tell whether the layer has a plain feed-forward."""
    return facts.layer is not None and facts.layer < leading(facts)


def sparse(facts: Facts) -> bool:
    """Tell whether the layer has experts."""
    return not dense(facts)


def later_dense(facts: Facts) -> object:
    """Return mlp_layer_types with a plain layer after one with experts, else None."""
    kinds = facts.get("mlp_layer_types")
    return kinds if isinstance(kinds, list) and "dense" in kinds[leading(facts) :] else None


def dense_inner(facts: Facts) -> int:
    """Return the inner length of the plain layers."""
    return facts.integer(DENSE_INNER)


def shared_inner(facts: Facts) -> int:
    """Return the inner length of the shared experts together."""
    return inner(facts) * facts.integer("num_shared_experts")


def shared_count(facts: Facts) -> int | None:
    """Return the number of shared experts, None for none."""
    return facts.get("num_shared_experts") or None


def shared_length(facts: Facts) -> int | None:
    """Return their inner length together, None for none."""
    return shared_inner(facts) if shared_count(facts) else None


def normalised(facts: Facts) -> bool:
    """Return whether the chosen experts' weights sum to 1: the class's softmax is over them."""
    return facts.get("expert_selection_fn") == "softmax" or bool(facts.get("norm_topk_prob"))
