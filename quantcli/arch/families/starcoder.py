"""StarCoder and SantaCoder: GPT-2 with one key head, matrices as they are."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import embedding, output, row
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import Names, gpt_keys, gpt_layer, kv_key, wide
from quantcli.arch.keys import context_key, heads, width
from quantcli.arch.relations import GELU, PLAIN, tied_remark, vocabulary_remark, whole_heads

_POSITIONS = ("max_position_embeddings", "n_positions")


def _positions(facts: Facts) -> int:
    return facts.integer(*_POSITIONS)


def _heads_kv(facts: Facts) -> int:
    return 1 if facts.get("multi_query") else heads(facts)


STARCODER = Architecture(
    name="starcoder",
    hf=("GPTBigCodeForCausalLM",),
    vocab="auto",
    keys=gpt_keys(context_key(*_POSITIONS), kv_key(_heads_kv), "n_inner"),
    globals=(
        *embedding("wte"),
        row("position_embd.weight", "wpe.weight", shape=(_positions, width)),
        *output("ln_f", embedding="wte", norm_bias=False),
    ),
    layers=(
        Stack(
            # With a key head for every query they are stored head by head; with one, that is the
            # plain order.
            gpt_layer(Names(), inner=wide("n_inner"), kv=_heads_kv, by_head=True),
            "h.{n}.",
        ),
    ),
    prefixes=("transformer.",),
    graph=(
        Implements("activation_function", GELU),
        Implements("scale_attn_weights", (True,)),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("wte.weight")),
    # Of the precision of the softmax and of the first release's inference.
    ignored_fields=(
        "*softmax_in_fp32",
        "inference_runner",
        "max_*_size",
        "pad_key_length",
        "pre_allocate_kv_cache",
        "validate_runner_input",
        "summary_*",
        "num_key_value_heads",
    ),
)
