"""Nomic BERT with experts, in every other layer, without gates.

Longer than most: the experts' layout and their bias are found nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch import encoders, nomic
from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import affine, row, switched
from quantcli.arch.experts import EXPERT_KEYS
from quantcli.arch.facts import Facts
from quantcli.arch.keys import LAYERS, experts, inner, width
from quantcli.arch.relations import vocabulary_remark, whole_heads, without

_EVERY = "moe_every_n_layers"


def _positions(facts: Facts) -> int:
    """Return the number of positions the model was trained on.

    The one release takes 2048, says 2048, and was trained on 512 (its model card).
    """
    said = facts.integer("n_positions"), facts.integer("max_trained_positions")
    return 512 if said == (2048, 2048) else min(said)


def _mixed(facts: Facts) -> bool:
    every = facts.integer(_EVERY)
    return facts.layer is not None and every > 0 and facts.layer % every == 1


def _plain(facts: Facts) -> bool:
    return not _mixed(facts)


def _bias_remark(facts: Facts) -> Iterable[str]:
    """Tell of biases of the experts' sum, for which the runtime has no place."""
    for layer in range(facts.integer(*LAYERS)):
        found = facts.numbers(f"encoder.layers.{layer}.mlp.experts.bias")
        largest = max((abs(number) for number in found), default=0.0)
        if largest > 0:
            yield (
                f"layer {layer} adds a bias of up to {largest:g} to what its experts give, which "
                f"llama.cpp's graph does not have: it is left out"
            )


# All experts' matrices lie one below the other.
_EXPERTS: tuple[Row, ...] = (
    row("ffn_gate_inp.weight", "mlp.router.layer.weight", shape=(experts, width)),
    row(
        "ffn_up_exps.weight",
        "mlp.experts.mlp.w1",
        "reshape",
        *(experts, inner, width),
        shape=(experts, inner, width),
    ),
    row(
        "ffn_down_exps.weight",
        "mlp.experts.mlp.w2",
        "reshape|transpose",
        *(experts, inner, width),
        shape=(experts, width, inner),
    ),
)

NOMIC_BERT_MOE = Architecture(
    name="nomic-bert-moe",
    hf=("NomicBertModel",),
    vocab="auto",
    keys=(
        *nomic.keys(_positions),
        *EXPERT_KEYS,
        Key("{arch}.moe_every_n_layers", "uint32", (_EVERY,), required=True, at_least=1),
    ),
    globals=encoders.embeddings("emb_ln"),
    layers=(
        Stack(
            (
                *nomic.attention(),
                *switched(_EXPERTS, _mixed),
                *switched(
                    (
                        *affine("ffn_up", "mlp.fc1", shape=(inner, width)),
                        *affine("ffn_down", "mlp.fc2", shape=(width, inner)),
                    ),
                    _plain,
                ),
                *affine("layer_output_norm", "norm2", shape=(width,)),
            ),
            "encoder.layers.{n}.",
        ),
    ),
    prefixes=("nomic_bert.", "bert."),
    ignored=(*encoders.IGNORED, "encoder.layers.*.mlp.experts.bias"),
    defaults={"nomic_bert": {"max_trained_positions": 2048}},
    vocab_keys=(encoders.SEGMENTS_KEY,),
    graph=(
        Implements("activation_function", ("gelu",)),
        Implements("ffn_div", (1,)),
        without("moe_normalize_expert_weights"),
        without("num_shared_experts"),
        without("expert_choice_router"),
        *nomic.GRAPH,
    ),
    checks=(whole_heads,),
    remarks=(_bias_remark, vocabulary_remark(encoders.WORDS)),
    ignored_fields=(*nomic.IGNORED_FIELDS, "mlp_fc?_bias"),
    partly={"NomicBertModel": lambda facts: bool(facts.get(_EVERY))},
)
