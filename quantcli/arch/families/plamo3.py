"""PLaMo 3: norms around both halves, windows in most layers."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Key, Row, Stack
from quantcli.arch.blocks import EMBEDDING, head_norms, output, row
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, DECODER_REMARKS, decoder_graph
from quantcli.arch.facts import Facts
from quantcli.arch.keys import head_dim, heads, heads_kv, inner, query_width, width
from quantcli.arch.relations import rows_of

_WINDOW = ("window_size", "sliding_window")


def _norm(name: str, source: str, offset: float) -> Row:
    """Return the row of a norm that is stored as its difference from `offset`."""
    return row(name, f"{source}.weight", "add", offset, shape=(width,))


def _fused(facts: Facts) -> int:
    return (heads(facts) + 2 * heads_kv(facts)) * head_dim(facts)


def _both(facts: Facts) -> int:
    return 2 * inner(facts)


PLAMO3 = Architecture(
    name="plamo3",
    hf=("Plamo3ForCausalLM", "PLaMo3ForCausalLM"),
    vocab="auto",
    keys=(
        *DECODER_KEYS,
        Key("{arch}.vocab_size", "uint32", derive=rows_of("embed_tokens.weight")),
        Key("{arch}.attention.sliding_window", "uint32", _WINDOW, at_least=1),
        Key(
            "{arch}.attention.sliding_window_pattern",
            "uint32",
            ("sliding_window_pattern",),
            at_least=1,
        ),
    ),
    globals=(
        *EMBEDDING,
        _norm("output_norm.weight", "norm", 1.0),
        *output()[1:],
    ),
    layers=(
        Stack(
            (
                _norm("attn_norm.weight", "pre_mixer_norm", 1.0),
                row("attn_qkv.weight", "mixer.qkv_proj.weight", shape=(_fused, width)),
                *(
                    row(each.name, each.sources[0], "add", 1.0, shape=each.shape)
                    for each in head_norms("mixer.")
                ),
                row("attn_output.weight", "mixer.o_proj.weight", shape=(width, query_width)),
                # The scales that the code adds to keep a deep stack even.
                _norm("post_attention_norm", "post_mixer_norm", 1 / 5),
                _norm("ffn_norm.weight", "pre_mlp_norm", 1.0),
                row("ffn_up.weight", "mlp.gate_up_proj.weight", shape=(_both, width)),
                row("ffn_down.weight", "mlp.down_proj.weight", shape=(width, inner)),
                _norm("post_ffw_norm", "post_mlp_norm", 1 / 5**1.5),
            ),
            "layers.layers.{n}.",
        ),
    ),
    graph=decoder_graph(),
    checks=DECODER_CHECKS,
    remarks=DECODER_REMARKS,
)
