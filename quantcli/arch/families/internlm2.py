"""InternLM 2: Llama whose queries, keys and values are one matrix, sorted by key head."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Arg, Row, Stack
from quantcli.arch.blocks import embedding, norm, output, row, swiglu
from quantcli.arch.decoders import (
    DECODER_CHECKS,
    DECODER_KEYS,
    DECODER_REMARKS,
    decoder_graph,
)
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads, heads_kv, key_width, query_width, width
from quantcli.arch.relations import heads_fill_the_width, vocabulary_remark, without

_TOKENS = "tok_embeddings"


def _part(name: str) -> Row:
    """Return the row of the queries, keys or values out of all key heads' groups."""

    def args(facts: Facts) -> tuple[Arg, ...]:
        length = head_dim(facts)
        queries = heads(facts) // max(1, heads_kv(facts)) * length
        first = {"q": 0, "k": queries, "v": queries + length}[name]
        picked = (heads_kv(facts), first, first + (queries if name == "q" else length))
        return picked if name == "v" else (*picked, "|", counts[name](facts))

    counts = {"q": heads, "k": heads_kv}
    op = "pick" if name == "v" else "pick|rope_permute"
    size = query_width if name == "q" else key_width
    return Row(f"attn_{name}.weight", ("attention.wqkv.weight",), op, args, shape=(size, width))


INTERNLM2 = Architecture(
    name="internlm2",
    hf=("InternLM2ForCausalLM",),
    vocab="auto",
    keys=DECODER_KEYS,
    globals=(
        *embedding(_TOKENS),
        *output(embedding=_TOKENS, head="output", copied=True),
    ),
    layers=(
        Stack(
            (
                norm("attn_norm", "attention_norm"),
                *(_part(name) for name in ("q", "k", "v")),
                row("attn_output.weight", "attention.wo.weight", shape=(width, query_width)),
                *swiglu(at="feed_forward.", names=("w1", "w3", "w2"), norm_source="ffn_norm"),
            )
        ),
    ),
    graph=(*decoder_graph(), without("bias")),
    checks=(*DECODER_CHECKS, heads_fill_the_width),
    remarks=(DECODER_REMARKS[0], vocabulary_remark(f"{_TOKENS}.weight")),
)
