"""EmbeddingGemma: Gemma 3 whose tokens see both ways, pooled, with two dense layers after it."""

from __future__ import annotations

from quantcli.arch.architecture import Architecture, Implements, Key, Stack
from quantcli.arch.blocks import EMBEDDING, head_norms, norm, optional, plus_one
from quantcli.arch.decoders import DECODER_CHECKS, DECODER_KEYS, decoder_graph
from quantcli.arch.gemma import GELU_GATE, query_scale, sandwich
from quantcli.arch.keys import lacking, width
from quantcli.arch.relations import vocabulary_remark, without
from quantcli.arch.rope import local_rotary
from quantcli.arch.sentence import DENSE, dense_problems, dense_size
from quantcli.arch.windows import layer_kinds, some_of_both, window_keys, windows

_WINDOWS = windows(6)
_DENSE = ("2_Dense", "3_Dense")
_IN, _OUT = "in_features", "out_features"


def _size(path: str, field: str, name: str) -> Key:
    return Key(f"{{arch}}.{name}", "uint32", derive=dense_size(path, field), at_least=1)


GEMMA_EMBEDDING = Architecture(
    name="gemma-embedding",
    hf=("Gemma3TextModel",),
    vocab="auto",
    keys=(
        *lacking(DECODER_KEYS, "attention.causal"),
        *window_keys(_WINDOWS, 6),
        *(
            _size(path, field, f"{path[2:].lower()}_{path[0]}_feat_{end}")
            for path in _DENSE
            for field, end in ((_IN, "in"), (_OUT, "out"))
        ),
    ),
    globals=(
        *EMBEDDING,
        *plus_one((norm("output_norm", "norm"),)),
        optional("dense_2.weight", "2_Dense.linear.weight", shape=(None, width)),
        optional("dense_3.weight", "3_Dense.linear.weight", shape=(width, None)),
    ),
    layers=(Stack(plus_one((*sandwich(), *head_norms()))),),
    graph=(
        *decoder_graph(activation=GELU_GATE),
        without("attention_bias"),
        without("attn_logit_softcapping"),
        Implements("use_bidirectional_attention", (True,)),
        query_scale(),
        layer_kinds(),
        local_rotary(),
        some_of_both(_WINDOWS),
    ),
    checks=(*DECODER_CHECKS, dense_problems(*_DENSE)),
    remarks=(vocabulary_remark("embed_tokens.weight"),),
    # There are no logits to cap.
    ignored_fields=("hidden_act", "cache_implementation", "final_logit_softcapping"),
    modules=(DENSE,),
    partly={"Gemma3TextModel": lambda facts: bool(facts.get("use_bidirectional_attention"))},
)
