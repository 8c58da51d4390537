"""GPT-NeoX and Pythia: attention and feed-forward side by side, a part of each head rotated."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import affine, embedding
from quantcli.arch.gpt import gpt_layer, neox_names, required_output
from quantcli.arch.keys import CAUSAL_KEY, NORM_EPSILON_KEY, SIZE_KEYS, inner, width
from quantcli.arch.relations import GELU, PLAIN, tied_remark, vocabulary_remark, whole_heads
from quantcli.arch.rope import ROPE_KEYS, ROTARY_KEY, rotary, rotary_problems, sparing

GPTNEOX = Architecture(
    name="gptneox",
    hf=("GPTNeoXForCausalLM",),
    vocab="auto",
    keys=(
        *SIZE_KEYS,
        ROTARY_KEY,
        Key("{arch}.use_parallel_residual", "bool", ("use_parallel_residual",), required=True),
        NORM_EPSILON_KEY,
        CAUSAL_KEY,
        *sparing(ROPE_KEYS),
    ),
    globals=(
        *embedding("embed_in"),
        *affine("output_norm", "final_layer_norm", shape=(width,)),
        *required_output("embed_in", "embed_out"),
    ),
    layers=(Stack(gpt_layer(neox_names("attention"), inner=inner, by_head=True)),),
    prefixes=("gpt_neox.",),
    defaults={"gpt_neox": {"rotary_pct": 0.25}},
    graph=(
        Implements("hidden_act", GELU),
        Implements("attention_bias", (True,)),
        *rotary(partial=True),
        *PLAIN,
    ),
    checks=(whole_heads, rotary_problems),
    remarks=(tied_remark, vocabulary_remark("embed_in.weight")),
)
