"""What Nomic BERT has with experts and without: keys, attention and norms, what the graph has."""

from __future__ import annotations

from quantcli.arch import encoders
from quantcli.arch.architecture import Count, Implements, Key, Row
from quantcli.arch.blocks import Present, Shape, affine, linear
from quantcli.arch.gpt import fused
from quantcli.arch.keys import (
    BLOCK_COUNT_KEY,
    FEED_FORWARD_KEY,
    HEADS_KEY,
    MOST_POSITIONS,
    NORM_EPSILON_KEY,
    WIDTH_KEY,
    width,
)
from quantcli.arch.relations import PLAIN, without
from quantcli.arch.rope import ROPE_KEYS, rotary

# Beside them are what the class of transformers calls otherwise, and settings of the training.
IGNORED_FIELDS = (
    *encoders.IGNORED_FIELDS,
    "fused_*",
    "use_xentropy",
    "pad_vocab_size_multiple",
    "summary_*",
    "n_ctx",
    "n_positions",
    # Beyond the trained context, which is the file's, the original code stretches its base.
    "rotary_scaling_factor",
    "dense_seq_output",
    "add_pooling_layer",
    "moe_impl",
    # Of what the tensors tell.
    "qkv_proj_bias",
)
# What the original code can do otherwise.
GRAPH: tuple[Implements, ...] = (
    *(without(name) for name in ("prenorm", "parallel_block", "use_rms_norm", "causal")),
    Implements("rotary_emb_fraction", (1,)),
    without("rotary_emb_interleaved"),
    without("rotary_emb_scale_base"),
    Implements("scale_attn_weights", (True,)),
    *rotary(),
    *PLAIN,
)


def keys(positions: Count) -> tuple[Key, ...]:
    """Return the keys that both have; `positions` gives the context."""
    return (
        BLOCK_COUNT_KEY,
        Key(
            "{arch}.context_length",
            "uint32",
            derive=positions,
            at_least=1,
            at_most=MOST_POSITIONS,
        ),
        WIDTH_KEY,
        FEED_FORWARD_KEY,
        HEADS_KEY,
        *ROPE_KEYS,
        NORM_EPSILON_KEY,
        *encoders.ENCODER_KEYS,
    )


def attention(name: str = "attn", *, bias: Present = True) -> tuple[Row, ...]:
    """Return the rows of the attention and of the norm after it.

    Args:
        name: how the checkpoint calls the attention.
        bias: whether the biases may be absent.
    """
    square: Shape = (width, width)
    return (
        *fused(f"{name}.Wqkv", bias=bias),
        *linear("attn_output", f"{name}.out_proj", shape=square, bias=bias),
        *affine("attn_output_norm", "norm1", shape=(width,)),
    )
