"""CodeShell: StarCoder with rotated heads and groups of key heads."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import affine, embedding
from quantcli.arch.facts import Facts
from quantcli.arch.gpt import Names, gpt_keys, gpt_layer, kv_key, required_output, wide
from quantcli.arch.keys import context_key, width
from quantcli.arch.relations import GELU, PLAIN, tied_remark, vocabulary_remark, whole_heads
from quantcli.arch.rope import KINDS, rope_type


def _heads_kv(facts: Facts) -> int:
    return facts.integer("num_query_groups")


CODESHELL = Architecture(
    name="codeshell",
    hf=("CodeShellForCausalLM",),
    vocab="auto",
    keys=(
        *gpt_keys(context_key("n_positions"), kv_key(_heads_kv), "n_inner"),
        # The code has no other base.
        Key("{arch}.rope.freq_base", "float32", derive=lambda facts: 10000.0),
        Key("{arch}.rope.scaling.type", "string", derive=lambda facts: "linear"),
        Key(
            "{arch}.rope.scaling.factor",
            "float32",
            derive=lambda facts: facts.rope_number("factor") or 1.0,
            above=0,
        ),
    ),
    globals=(
        *embedding("wte"),
        *affine("output_norm", "ln_f", shape=(width,)),
        *required_output("wte"),
    ),
    layers=(Stack(gpt_layer(Names(), inner=wide("n_inner"), kv=_heads_kv), "h.{n}."),),
    prefixes=("transformer.",),
    graph=(
        Implements("activation_function", GELU),
        Implements("scale_attn_weights", (True,)),
        Implements("position_embedding_type", ("rope",)),
        Implements("group_query_attention", (True,)),
        Implements("rope_scaling.type", KINDS[:3], rope_type),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("wte.weight")),
    ignored_fields=("*softmax_in_fp32", "summary_*"),
)
