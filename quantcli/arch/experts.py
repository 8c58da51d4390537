"""What mixtures of experts share: router, stacked experts, shared expert, and their keys."""

from __future__ import annotations

from quantcli.arch.architecture import Count, Key, Row
from quantcli.arch.blocks import Shape, has, lacks, linear, row, switched
from quantcli.arch.facts import Facts
from quantcli.arch.keys import EXPERTS, experts, twice, width

EXPERTS_USED = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "top_k_experts",
    "moe_top_k",
    "moe_k",
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
    fused: str = "gate_up_proj",
    inputs_first: bool = False,
) -> tuple[Row, ...]:
    """Return the rows of the routed experts, in both layouts that checkpoints have.

    One is a tensor an expert (`at`, its number, the projection); the other, of newer releases, has
    all experts in one tensor: gate and up as one (experts, 2 inner, width), and down.

    Args:
        at: what precedes the experts' numbers.
        names: how an expert's gate, up and down projections are called.
        size: the inner length of one expert.
        layer: what precedes a layer's names, {n} being its number.
        fused: how the stacked gate and up projection is called.
        inputs_first: whether the stacked matrices are (inputs, outputs), to be transposed.
    """
    gate, up, down = names
    stacked = f"{layer}{at}{fused}"
    tall: Shape = (experts, size, width)
    wide: Shape = (experts, width, size)

    def single(name: str, part: str, shape: Shape) -> Row:
        sources = (f"{at}{{i}}.{part}.weight",)
        return Row(f"{name}.weight", sources, "stack", each=experts, shape=shape)

    def half(name: str, first: Count, end: Count) -> Row:
        if inputs_first:
            return row(name, at + fused, "transpose|pick", "|", 1, first, end, shape=tall)
        return row(name, at + fused, "pick", 1, first, end, shape=tall)

    apart = (
        single("ffn_gate_exps", gate, tall),
        single("ffn_up_exps", up, tall),
        single("ffn_down_exps", down, wide),
    )
    together = (
        half("ffn_gate_exps.weight", lambda facts: 0, size),
        half("ffn_up_exps.weight", size, twice(size)),
        row(
            "ffn_down_exps.weight",
            at + down,
            "transpose" if inputs_first else "identity",
            shape=wide,
        ),
    )
    return (*switched(apart, lacks(stacked)), *switched(together, has(stacked)))


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
