"""LLaDA: Llama in OLMo's first spelling, each token seeing all others: text by diffusion."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import attention, embedding, output, paired, swiglu
from quantcli.arch.decoders import DECODER_CHECKS, LLAMA_KEYS, decoder_graph
from quantcli.arch.keys import CAUSAL_KEY, context_key, lacking, replaced
from quantcli.arch.relations import rows_of, vocabulary_remark, without

_EMBEDDING = "transformer.wte"
_NAMES = ("q_proj", "k_proj", "v_proj", "attn_out")

LLADA = Architecture(
    name="llada",
    hf=("LLaDAModelLM",),
    vocab="auto",
    keys=(
        *replaced(
            lacking(LLAMA_KEYS, CAUSAL_KEY.name),
            context_key("max_sequence_length"),
            Key("{arch}.vocab_size", "uint32", derive=rows_of(f"{_EMBEDDING}.weight")),
        ),
        Key(CAUSAL_KEY.name, "bool", derive=lambda facts: False),
        Key("diffusion.shift_logits", "bool", derive=lambda facts: False),
    ),
    globals=(
        *embedding(_EMBEDDING),
        *output("transformer.ln_f", embedding=_EMBEDDING, head="transformer.ff_out"),
    ),
    layers=(
        Stack(
            (
                *paired(attention(at="", names=_NAMES, norm_source="attn_norm")),
                *swiglu(at="", names=("ff_proj", "up_proj", "ff_out"), norm_source="ff_norm"),
            ),
            prefix="transformer.blocks.{n}.",
        ),
    ),
    vocab_keys=(Key("tokenizer.ggml.add_bos_token", "bool", derive=lambda facts: True),),
    defaults={"llada": {"tie_word_embeddings": lambda facts: facts.get("weight_tying")}},
    graph=(
        *decoder_graph(
            activation=Implements(
                "activation_type", ("silu", "swiglu"), lambda facts: facts.get("activation_type")
            )
        ),
        Implements("block_type", ("llama",)),
        Implements("layer_norm_type", ("rms",)),
        Implements("rope", (True,)),
        Implements("block_group_size", (1,)),
        without("alibi"),
        without("attention_layer_norm"),
        without("clip_qkv"),
        without("include_bias"),
        without("include_qkv_bias"),
        without("input_emb_norm"),
        without("scale_logits"),
        without("multi_query_attention"),
    ),
    checks=DECODER_CHECKS,
    remarks=(vocabulary_remark(f"{_EMBEDDING}.weight"),),
    ignored_fields=(
        "embedding_size",
        "flash_attention",
        "init_*",
        "layer_norm_with_affine",
        "attention_layer_norm_with_affine",
        "bias_for_layer_norm",
        "mlp_ratio",
        "precision",
        "rope_full_precision",
    ),
)
