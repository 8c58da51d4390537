"""Jina embeddings v3: XLM-R with rotated heads, its adapters left out."""

from __future__ import annotations

from collections.abc import Iterable

from quantcli.arch import encoders, nomic
from quantcli.arch.architecture import Architecture, Implements, Stack
from quantcli.arch.blocks import affine
from quantcli.arch.facts import Facts
from quantcli.arch.keys import inner, width
from quantcli.arch.relations import GELU, PLAIN, vocabulary_remark, whole_heads, without
from quantcli.arch.rope import rotary


def _positions(facts: Facts) -> int:
    """Return the number of positions, without those before the first token's."""
    return facts.integer("max_position_embeddings") - facts.integer("pad_token_id") - 1


def _is_jina(facts: Facts) -> bool:
    """Tell the first release, which names the class that it was made from."""
    said = facts.get("lora_adaptations")
    return bool(said) or facts.get("model_type") == "jina_embeddings_v3"


def _adapters(facts: Facts) -> Iterable[str]:
    names = facts.get("lora_adaptations")
    if isinstance(names, list) and names:
        yield (
            f"the adapters ({', '.join(map(str, names))}) are left out: the file embeds as the "
            f"model does without a task"
        )


JINA_BERT_V3 = Architecture(
    name="jina-bert-v3",
    hf=("JinaEmbeddingsV3Model", "JinaEmbeddingsV3ForMaskedLM", "XLMRobertaModel"),
    vocab="auto",
    keys=nomic.keys(_positions),
    globals=encoders.embeddings("emb_ln"),
    layers=(
        Stack(
            (
                *nomic.attention("mixer", bias=False),
                *affine("ffn_up", "mlp.fc1", shape=(inner, width)),
                *affine("ffn_down", "mlp.fc2", shape=(width, inner)),
                *affine("layer_output_norm", "norm2", shape=(width,)),
            ),
            "encoder.layers.{n}.",
        ),
    ),
    prefixes=("roberta.",),
    # A weight with adapters is stored as the original that they change.
    suffixes=((".original", ""),),
    renames=((".parametrizations.", "."),),
    ignored=(*encoders.IGNORED, "*.lora_A", "*.lora_B"),
    # The first release names the class of XLM-R, whose padding is 1 as well.
    defaults={name: {"pad_token_id": 1} for name in ("jina_embeddings_v3", "xlm-roberta")},
    vocab_keys=(encoders.SEGMENTS_KEY,),
    graph=(
        Implements("hidden_act", GELU),
        Implements("position_embedding_type", ("rotary",)),
        without("is_decoder"),
        *rotary(),
        *PLAIN,
    ),
    checks=(whole_heads,),
    remarks=(_adapters, vocabulary_remark(encoders.WORDS)),
    ignored_fields=(
        *encoders.IGNORED_FIELDS,
        "load_trained_adapters",
        "lora_*",
        "emb_pooler",
        "task_instructions",
        "use_reentrant",
    ),
    partly={"XLMRobertaModel": _is_jina},
)
