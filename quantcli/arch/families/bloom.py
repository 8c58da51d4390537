"""BLOOM: distances weighted by ALiBi, a norm after the embedding, four times the width inside."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Stack
from quantcli.arch.blocks import affine, embedding, output
from quantcli.arch.gpt import gpt_keys, gpt_layer, kv_key, neox_names, wide
from quantcli.arch.keys import context_key, heads, width
from quantcli.arch.relations import PLAIN, tied_remark, vocabulary_remark, whole_heads, without
from quantcli.arch.sentence import POOLING_KEY

# Every release was trained on this many; ALiBi knows no limit and the class no field.
_TRAINED = 2048

BLOOM = Architecture(
    name="bloom",
    hf=("BloomForCausalLM", "BloomModel"),
    vocab="auto",
    keys=(*gpt_keys(context_key("seq_length"), kv_key(heads)), POOLING_KEY),
    globals=(
        *embedding("word_embeddings"),
        *affine("token_embd_norm", "word_embeddings_layernorm", shape=(width,)),
        *output("ln_f", embedding="word_embeddings", norm_bias=False),
    ),
    layers=(Stack(gpt_layer(neox_names("self_attention"), inner=wide(), by_head=True), "h.{n}."),),
    prefixes=("transformer.",),
    defaults={"bloom": {"seq_length": _TRAINED}},
    graph=(without("apply_residual_connection_post_layernorm"), *PLAIN),
    checks=(whole_heads,),
    remarks=(tied_remark, vocabulary_remark("word_embeddings.weight")),
    # Of training and of how the layers were split over devices; ALiBi needs no offset.
    ignored_fields=("slow_but_exact", "offset_alibi", "*fusion", "skip_bias_add*"),
)
