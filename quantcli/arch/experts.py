"""What mixtures of experts share: router, stacked experts, shared expert, and their keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from quantcli.arch.architecture import Count, Implements, Key, Row, Value
from quantcli.arch.blocks import (
    Shape,
    When,
    has,
    lacks,
    linear,
    norm,
    optional,
    row,
    swiglu,
    switched,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import EXPERTS, LAYERS, experts, twice, width

EXPERTS_USED = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "top_k_experts",
    "moe_top_k",
    "moe_k",
    "moe_topk",
)
_GATING = {"softmax": 1, "sigmoid": 2, "sqrtsoftplus": 4}


def expert_inner(facts: Facts) -> int:
    """Return the inner length of one routed expert."""
    return facts.integer("moe_intermediate_size", "expert_intermediate_size", "intermediate_size")


EXPERT_COUNT_KEY = Key("{arch}.expert_count", "uint32", EXPERTS, required=True, at_least=1)
EXPERT_USED_KEY = Key("{arch}.expert_used_count", "uint32", EXPERTS_USED, required=True, at_least=1)
EXPERT_LENGTH_KEY = Key(
    "{arch}.expert_feed_forward_length", "uint32", ("moe_intermediate_size",), at_least=1
)
EXPERT_KEYS: tuple[Key, ...] = (EXPERT_COUNT_KEY, EXPERT_USED_KEY)
SHARED = ("n_shared_experts", "num_shared_experts")
SHARED_COUNT_KEY = Key("{arch}.expert_shared_count", "uint32", SHARED)
WEIGHTS_SCALE_KEY = Key("{arch}.expert_weights_scale", "float32", ("routed_scaling_factor",))
WEIGHTS_NORM_KEY = Key("{arch}.expert_weights_norm", "bool", ("norm_topk_prob",))
# Where the converter only writes what is not the runtime's default.
SPARING_NORM_KEY = Key(
    "{arch}.expert_weights_norm",
    "bool",
    derive=lambda facts: True if facts.get("norm_topk_prob") is True else None,
)
# For classes whose router has no other function and says nothing of it in its config.
SIGMOID = {"scoring_func": "sigmoid"}
# Routed experts that llama.cpp has room for (LLAMA_MAX_EXPERTS).
_MOST_EXPERTS = 512
# Layers with a feed-forward of their own between those with experts: for runtimes without them.
EVERY_LAYER_SPARSE: tuple[Implements, ...] = (
    Implements("decoder_sparse_step", (1, None)),
    Implements("mlp_only_layers", ([], None)),
)


# Of a family whose models have experts or not: the runtime wants both keys or neither.
OPTIONAL_EXPERT_KEYS: tuple[Key, ...] = (
    Key("{arch}.expert_count", "uint32", derive=lambda facts: experts(facts) or None),
    Key(
        "{arch}.expert_used_count",
        "uint32",
        derive=lambda facts: facts.integer(*EXPERTS_USED) if experts(facts) else None,
        at_least=1,
    ),
)


def sparse(facts: Facts) -> bool:
    """Tell whether the model has routed experts."""
    return experts(facts) > 0


def dense(facts: Facts) -> bool:
    """Tell whether the model has no routed experts."""
    return not sparse(facts)


def routing_problems(facts: Facts) -> Iterable[str]:
    """Give numbers of experts and of groups of them that llama.cpp aborts on."""
    count, used = experts(facts), facts.get(*EXPERTS_USED)
    if count > _MOST_EXPERTS:
        yield f"{count} routed experts; llama.cpp has room for {_MOST_EXPERTS}"
    if isinstance(used, int) and used > count:
        yield f"each token goes to {used} experts of {count}"
    groups, chosen = facts.get("n_group"), facts.get("topk_group")
    if not isinstance(groups, int) or not groups or not count:
        return
    if groups > 1 and (count % groups or groups == count):
        yield f"{count} experts do not divide into {groups} groups (n_group) of several"
    if isinstance(chosen, int) and not 0 < chosen <= groups:
        yield f"topk_group is {chosen} of {groups} groups"


def _groups(field: str) -> Key:
    """Return the key that says `field` of a routing by groups.

    None for a routing that leaves no group out: that is one without groups, and the runtime aborts
    on groups that are all taken. "greedy" is DeepSeek V2's name for not looking at groups.
    """

    def read(facts: Facts) -> Value | None:
        groups, chosen = facts.get("n_group"), facts.get("topk_group")
        all_taken = groups == chosen or facts.get("topk_method") == "greedy"
        plain = all_taken and isinstance(groups, int) and groups > 1
        value: Value | None = facts.get(field)
        return None if plain else value

    name = "count" if field == "n_group" else "used_count"
    return Key(f"{{arch}}.expert_group_{name}", "uint32", derive=read)


GROUP_KEYS: tuple[Key, ...] = (_groups("n_group"), _groups("topk_group"))


_DENSE = ("first_k_dense_replace", "num_dense_layers")


def leading_dense(facts: Facts) -> int:
    """Return how many of the first layers have one feed-forward instead of experts."""
    # Asked for even where the list decides, so that it counts as looked at.
    kinds, said = facts.get("mlp_layer_types"), facts.get(*_DENSE)
    if not sparse(facts):
        return facts.integer(*LAYERS)
    if isinstance(kinds, list):
        return next((i for i, kind in enumerate(kinds) if kind != "dense"), len(kinds))
    return 0 if said is None else min(facts.integer(*_DENSE), facts.integer(*LAYERS))


def _alternating(facts: Facts) -> object:
    """Return the kinds of layers where dense ones are not the first, else None."""
    kinds = facts.get("mlp_layer_types")
    if not isinstance(kinds, list):
        return kinds
    rest = kinds[leading_dense(facts) :]
    whole = len(kinds) == facts.integer(*LAYERS) and set(rest) <= {"sparse"}
    return None if whole or not sparse(facts) else kinds


# For graphs whose dense layers are the first ones.
DENSE_FIRST: tuple[Implements, ...] = (
    Implements("mlp_layer_types", (None,), _alternating),
    Implements("moe_layer_freq", (1, None)),
)
LEADING_DENSE_KEY = Key("{arch}.leading_dense_block_count", "uint32", derive=leading_dense)


# Of a family with DeepSeek's feed-forward; the loader asks even where all layers are dense.
EXPERT_SIZE_KEYS: tuple[Key, ...] = (
    LEADING_DENSE_KEY,
    *OPTIONAL_EXPERT_KEYS,
    Key("{arch}.expert_feed_forward_length", "uint32", derive=expert_inner, at_least=1),
    Key(
        "{arch}.expert_shared_count",
        "uint32",
        derive=lambda facts: facts.get("n_shared_experts") or 0,
    ),
    WEIGHTS_SCALE_KEY,
)


def dense_layer(facts: Facts) -> bool:
    """Tell whether a layer is one of the first that have one feed-forward instead of experts."""
    return (facts.layer or 0) < leading_dense(facts)


def sparse_layer(facts: Facts) -> bool:
    """Tell whether a layer has experts."""
    return not dense_layer(facts)


def gating_key(*fields: str) -> Key:
    """Return the key of how the router's numbers become weights, from the first of `fields`."""
    return Key(
        "{arch}.expert_gating_func",
        "uint32",
        derive=lambda facts: _GATING.get(str(facts.get(*fields))),
        at_least=1,
    )


def router(source: str = "mlp.gate") -> Row:
    """Return the row of the router's matrix."""
    return row("ffn_gate_inp.weight", f"{source}.weight", shape=(experts, width))


def routed(
    at: str = "mlp.experts.",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    *,
    size: Count = expert_inner,
    layer: str = "layers.{n}.",
    fused: tuple[str, str] = ("gate_up_proj", "down_proj"),
    inputs_first: bool | None = False,
) -> tuple[Row, ...]:
    """Return the rows of the routed experts, in both layouts that checkpoints have.

    One is a tensor an expert (`at`, its number, the projection); the other, of newer releases, has
    all experts in one tensor: gate and up as one (experts, 2 inner, width), and down.

    Args:
        at: what precedes the experts' numbers.
        names: how an expert's gate, up and down projections are called.
        size: the inner length of one expert.
        layer: what precedes a layer's names, {n} being its number.
        fused: how the stacked projections are called: gate and up as one, and down.
        inputs_first: whether the stacked matrices are (inputs, outputs), to be transposed; None
            where both exist and, as in transformers, the shape tells: outputs first if that fits.
    """
    gate, up, down = names
    stacked, lowered = (f"{layer}{at}{name}" for name in fused)

    def single(name: str, part: str, shape: Shape) -> Row:
        sources = (f"{at}{{i}}.{part}.weight",)
        return Row(f"{name}.weight", sources, "stack", each=experts, shape=shape)

    apart = (
        single("ffn_gate_exps", gate, (experts, size, width)),
        single("ffn_up_exps", up, (experts, size, width)),
        single("ffn_down_exps", down, (experts, width, size)),
    )
    rows = switched(apart, lacks(stacked))
    plain, turned = (_together(at, fused, size, inputs_first=first) for first in (False, True))
    if inputs_first is not None:
        return (*rows, *switched(turned if inputs_first else plain, has(stacked)))
    fits, narrow = _shaped(stacked, twice(size), width), _shaped(lowered, width, size)
    return (
        *rows,
        *switched(plain[:2], _all(has(stacked), fits)),
        *switched(turned[:2], _all(has(stacked), _not(fits))),
        *switched(plain[2:], _all(has(stacked), narrow)),
        *switched(turned[2:], _all(has(stacked), _not(narrow))),
    )


def _together(
    at: str, fused: tuple[str, str], size: Count, *, inputs_first: bool
) -> tuple[Row, ...]:
    """Return the rows of experts that are stored as two tensors."""
    shape: Shape = (experts, size, width)

    def half(name: str, first: Count, end: Count) -> Row:
        if inputs_first:
            return row(name, at + fused[0], "transpose|pick", "|", 1, first, end, shape=shape)
        return row(name, at + fused[0], "pick", 1, first, end, shape=shape)

    return (
        half("ffn_gate_exps.weight", lambda facts: 0, size),
        half("ffn_up_exps.weight", size, twice(size)),
        row(
            "ffn_down_exps.weight",
            at + fused[1],
            "transpose" if inputs_first else "identity",
            shape=(experts, width, size),
        ),
    )


def _shaped(name: str, rows: Count, columns: Count) -> When:
    """Return whether each expert's matrix in the tensor `name` has these rows and columns."""
    return lambda facts: (facts.shape(name) or ())[1:] == (rows(facts), columns(facts))


def _not(when: When) -> When:
    return lambda facts: not when(facts)


def _all(*whens: When) -> When:
    return lambda facts: all(when(facts) for when in whens)


def shared(
    at: str = "mlp.shared_expert.",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
    *,
    size: Count,
) -> tuple[Row, ...]:
    """Return the rows of the shared expert, or of several that are stored as one."""
    gate, up, down = names
    return (
        *linear("ffn_gate_shexp", at + gate, shape=(size, width))[:1],
        *linear("ffn_up_shexp", at + up, shape=(size, width))[:1],
        *linear("ffn_down_shexp", at + down, shape=(width, size))[:1],
    )


def maybe_all_sparse(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    """Return the keys; a model all of whose layers have experts may not say the dense length."""
    return tuple(
        replace(key, required=False) if key.name == "{arch}.feed_forward_length" else key
        for key in keys
    )


def shared_problems(facts: Facts) -> Iterable[str]:
    """Give a mixture without shared experts, where the runtime does not load it."""
    if leading_dense(facts) < facts.integer(*LAYERS) and not has_shared(facts):
        yield f"n_shared_experts is {facts.get(*SHARED)}; llama.cpp needs one"


def shared_inner(facts: Facts) -> int:
    """Return the inner length of the shared experts together."""
    return facts.integer(*SHARED) * expert_inner(facts)


def has_shared(facts: Facts) -> bool:
    """Tell whether there are shared experts."""
    return bool(facts.get(*SHARED))


def dense_then_routed(
    bias: str = "mlp.gate.e_score_correction_bias",
    *,
    router_source: str = "mlp.gate",
    shared_at: str = "mlp.shared_experts.",
    norm_source: str = "post_attention_layernorm",
    bias_name: str = "exp_probs_b.bias",
    names: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj"),
) -> tuple[Row, ...]:
    """Return the rows of a feed-forward of DeepSeek's kind.

    The first layers have one; the others have experts, perhaps shared ones, and perhaps a bias that
    only counts in choosing.

    Args:
        bias: what the checkpoint calls that bias; "" where the runtime has none.
        router_source: what it calls the router.
        shared_at: what precedes the names of the shared experts' projections; "" for a family
            without them.
        norm_source: what it calls the norm; "" for a family that brings its own.
        bias_name: what the runtime calls the bias.
        names: how an expert's gate, up and down projections are called where it is stored alone.
    """
    mixture = (
        router(router_source),
        *routed(names=names),
        *(switched(shared(shared_at, size=shared_inner), has_shared) if shared_at else ()),
        *((optional(bias_name, bias, shape=(experts,)),) if bias else ()),
    )
    return (
        *((norm("ffn_norm", norm_source),) if norm_source else ()),
        *switched(swiglu(norm_source=""), dense_layer),
        *switched(mixture, sparse_layer),
    )


_GATED_SHARED = "shared_expert_intermediate_size"
GATED_SHARED_KEY = Key(
    "{arch}.expert_shared_feed_forward_length", "uint32", (_GATED_SHARED,), at_least=1
)


def gated_experts(layer: str = "layers.{n}.") -> tuple[Row, ...]:
    """Return the rows of Qwen's experts: routed ones, and a shared one with a gate of its own."""
    gate = row("ffn_gate_inp_shexp.weight", "mlp.shared_expert_gate.weight", shape=(None, width))

    def size(facts: Facts) -> int:
        return facts.integer(_GATED_SHARED)

    return (router(), *routed(layer=layer), *shared(size=size), gate)
