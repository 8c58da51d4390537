"""Names and shapes of a Llama-like decoder, for cases that only exist as remote code."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.case import Shapes

WIDTH, INNER, HEADS, KEY_HEADS, HEAD = 64, 96, 4, 2, 16
VOCABULARY = {"gpt2": 274, "spm": 309}


def decoder(
    tokenizer: str, layer: Shapes, *, layers: int = 2, at: str = "model.layers.{n}.", **rest: object
) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a decoder, by default Llama's around its layers.

    Args:
        tokenizer: which one the case has; it gives the vocabulary's size.
        layer: the tensors of one layer.
        layers: how many.
        at: what precedes a layer's names.
        rest: `names` of the embedding, the last norm and the output layer where they are not
            Llama's; an output layer without name is left out.
    """
    size = VOCABULARY[tokenizer]
    names = rest.get("names", ("model.embed_tokens", "model.norm", "lm_head"))
    assert isinstance(names, tuple)
    embedding, norm, head = names
    return {
        f"{embedding}.weight": (size, WIDTH),
        **{
            at.replace("{n}", str(n)) + name: shape
            for n in range(layers)
            for name, shape in layer.items()
        },
        f"{norm}.weight": (WIDTH,),
        **({f"{head}.weight": (size, WIDTH)} if head else {}),
    }


def llama_layer(*, heads: int = HEADS, keys: int = KEY_HEADS, biases: str = "") -> Shapes:
    """Return the tensors of one of Llama's layers; `biases` names the projections that have one."""
    matrices: Mapping[str, tuple[int, int]] = {
        "self_attn.q_proj": (heads * HEAD, WIDTH),
        "self_attn.k_proj": (keys * HEAD, WIDTH),
        "self_attn.v_proj": (keys * HEAD, WIDTH),
        "self_attn.o_proj": (WIDTH, heads * HEAD),
        "mlp.gate_proj": (INNER, WIDTH),
        "mlp.up_proj": (INNER, WIDTH),
        "mlp.down_proj": (WIDTH, INNER),
    }
    return {
        "input_layernorm.weight": (WIDTH,),
        **{f"{name}.weight": shape for name, shape in matrices.items()},
        **{
            f"{name}.bias": shape[:1]
            for name, shape in matrices.items()
            if name.rpartition(".")[2][0] in biases
        },
        "post_attention_layernorm.weight": (WIDTH,),
    }
