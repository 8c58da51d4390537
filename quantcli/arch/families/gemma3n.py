"""Gemma 3n: several streams side by side, low-rank short cuts, sparse feed-forwards first.

The graph has the released models' sizes and patterns built in: a third of the table says which.
"""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, OUTPUT, head_norms, norm, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.gemma import FINAL_CAP, FINAL_CAP_KEY, GELU_GATE, GEMMA_GRAPH, sandwich
from quantcli.arch.gemma_layers import (
    LAYER_EMBEDDING,
    LAYER_INPUT,
    LAYER_WIDTH,
    LAYER_WIDTH_KEY,
    SHARED_KEY,
    SHARED_LAYERS,
    lent,
    unused_keys,
)
from quantcli.arch.keys import LAYERS, lacking, width
from quantcli.arch.rope import local_rotary
from quantcli.arch.windows import layered_window_keys, periodic, windows

_WINDOWS = windows(5)
# The layers that come before those that use others' keys, and those whose gate is sparse.
_OWN_KEYS, _SPARSE, _SPARSITY = 20, 10, 0.95


def _inner(facts: Facts) -> int:
    """Return the inner length, of the first layer where the config gives one a layer."""
    sizes = facts.get("intermediate_size")
    return sizes[0] if isinstance(sizes, list) and sizes else facts.integer("intermediate_size")


def _uneven(facts: Facts) -> object:
    sizes = facts.get("intermediate_size")
    alike = not isinstance(sizes, list) or all(size == _inner(facts) for size in sizes)
    return None if alike else sizes


def _sparsity(facts: Facts) -> tuple[list[float] | None, ...]:
    layers = facts.integer(*LAYERS)
    return ([_SPARSITY if i < _SPARSE else 0.0 for i in range(layers)],)


def _pattern(facts: Facts) -> object:
    """Return layer_types that are not the graph's: of every five layers the last has no window."""
    return None if _WINDOWS(facts) == periodic(facts, 5) else facts.get("layer_types")


def _low_rank(name: str, source: str) -> Row:
    return row(f"{name}.weight", f"{source}.weight")


_STREAMS = tuple(
    Row(f"{name}.weight", (f"{source}.{{i}}.weight",), "stack", each=lambda facts: 3, shape=shape)
    for name, source, shape in (
        ("altup_proj", "altup_projections", (None, width, width)),
        ("altup_unembd_proj", "altup_unembed_projections", (None, width, width)),
    )
)
_BESIDE = (
    _low_rank("altup_correct_coef", "altup.correction_coefs"),
    row("altup_correct_scale.weight", "altup.correct_output_scale", shape=(width,)),
    _low_rank("altup_predict_coef", "altup.prediction_coefs"),
    _low_rank("altup_router", "altup.modality_router"),
    norm("altup_router_norm", "altup.router_norm"),
    _low_rank("laurel_l", "laurel.linear_left"),
    _low_rank("laurel_r", "laurel.linear_right"),
    norm("laurel_post_norm", "laurel.post_laurel_norm"),
)

GEMMA3N = Architecture(
    name="gemma3n",
    hf=("Gemma3nForCausalLM", "Gemma3nTextModel"),
    vocab="auto",
    keys=(
        *lacking(DECODER_KEYS, "feed_forward_length"),
        Key("{arch}.feed_forward_length", "uint32", ("intermediate_size",), layered=True),
        FINAL_CAP_KEY,
        *layered_window_keys(_WINDOWS),
        Key("{arch}.altup.active_idx", "uint32", ("altup_active_idx",)),
        Key("{arch}.altup.num_inputs", "uint32", ("altup_num_inputs",)),
        LAYER_WIDTH_KEY,
        SHARED_KEY,
    ),
    globals=(*EMBEDDING, *LAYER_EMBEDDING, *_STREAMS, *OUTPUT),
    layers=(
        Stack((*lent((*sandwich(_inner), *head_norms())), *unused_keys(), *LAYER_INPUT, *_BESIDE)),
    ),
    graph=(
        *decoder_graph(activation=GELU_GATE),
        *GEMMA_GRAPH,
        Implements(FINAL_CAP, (30,)),
        Implements("intermediate_size", (None,), _uneven),
        Implements("layer_types", (None,), _pattern),
        local_rotary(),
        Implements("activation_sparsity_pattern", _sparsity),
        Implements(SHARED_LAYERS, lambda facts: (max(0, facts.integer(*LAYERS) - _OWN_KEYS),)),
        Implements(LAYER_WIDTH, (256,)),
        Implements("laurel_rank", (64,)),
        Implements("altup_num_inputs", (4,)),
        Implements("altup_active_idx", (0,)),
        Implements("altup_correct_scale", (True,)),
    ),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
    # The clip is for training.
    ignored_fields=("altup_coef_clip", "vocab_size_per_layer_input"),
)
