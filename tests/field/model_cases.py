"""Cases about config.json and tensors: kinds 05, 07-10, 12, 14, 15, 17-20, 23, 26."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from field.case import Case, Refused, Right
from field.folders import (
    ABSENT,
    BF16,
    F32,
    HEAD,
    HEADS,
    INDEX,
    LAYERS,
    WEIGHTS,
    WIDTH,
    Draw,
    Folder,
    Json,
    bert,
    chatml_bpe,
    dense,
    gpt2,
    llama_bpe,
    llama_spm,
    llama_tensors,
    qwen3,
    sentence_transformer,
)


# --------------------------------------------------------------------------- 05, 08: relations
def _head_rows() -> Folder:
    folder = llama_bpe(tied=False, spare=4)
    head = folder.tensors["lm_head.weight"]
    return folder.store({"lm_head.weight": np.concatenate([head, head[:8]])})


def _gpt2_head_rows() -> Folder:
    folder = gpt2(tie_word_embeddings=False)
    head = folder.tensors["transformer.wte.weight"]
    return folder.store({"lm_head.weight": np.concatenate([head, head[:8]])})


def _positions(number: int) -> Folder:
    folder = gpt2()
    return folder.change(n_positions=number)


RELATIONS = (
    Case("05-head-rows", _head_rows, Refused(("lm_head.weight", "344", "336"))),
    Case("05-gpt2-head-rows", _gpt2_head_rows, Refused(("lm_head.weight", "339", "331"))),
    Case(
        "05-head-dim",
        lambda: llama_bpe(head_dim=32),
        Refused(("self_attn.q_proj.weight", "64 x 64", "128 x 64")),
    ),
    Case("05-more-layers-stored", lambda: llama_bpe(num_hidden_layers=1), Refused(("layers.1",))),
    Case("05-fewer-layers-stored", lambda: llama_bpe(num_hidden_layers=3), Refused(("layers.2",))),
    Case(
        "05-vocab-size-small",
        lambda: llama_bpe(spare=8, vocab_size=333),
        Right(notes=(("vocab_size", "333", "340"),), oracle=lambda: llama_bpe(spare=8)),
    ),
    Case(
        "05-vocab-size-large",
        lambda: llama_bpe(vocab_size=400),
        Right(notes=(("vocab_size", "400", "332"),), oracle=llama_bpe),
    ),
    Case(
        "05-feed-forward",
        lambda: llama_bpe(intermediate_size=128),
        Refused(("mlp.gate_proj.weight", "96 x 64", "128 x 64")),
    ),
    Case("05-epsilon", lambda: llama_bpe(rms_norm_eps=0.0), Refused(("rms_norm_eps", "0"))),
    Case("05-epsilon-infinite", lambda: llama_bpe(rms_norm_eps=1e60), Refused(("rms_norm_eps",))),
    Case(
        "05-key-heads",
        lambda: llama_bpe(num_key_value_heads=3),
        Refused(("num_key_value_heads", "3")),
    ),
    Case(
        "05-heads", lambda: llama_bpe(num_attention_heads=0), Refused(("num_attention_heads", "0"))
    ),
    Case(
        "05-context",
        lambda: llama_bpe(max_position_embeddings=0),
        Refused(("max_position_embeddings", "0")),
    ),
    Case(
        "05-context-negative",
        lambda: llama_bpe(max_position_embeddings=-1),
        Refused(("max_position_embeddings", "-1")),
    ),
    Case("05-rope-theta", lambda: llama_bpe(rope_theta=0), Refused(("rope_theta", "0"))),
    Case("05-width-text", lambda: llama_bpe(hidden_size="64x"), Refused(("hidden_size", "64x"))),
    Case(
        "05-bert-positions",
        lambda: bert(max_position_embeddings=32),
        Refused(("position_embeddings.weight", "64 x 64", "32 x 64")),
    ),
    Case(
        "05-bert-segments",
        lambda: bert(type_vocab_size=1),
        Refused(("token_type_embeddings.weight", "2 x 64", "1 x 64")),
    ),
    Case(
        "08-said",
        lambda: _headless(llama_bpe(tied=False)),
        Refused(("lm_head.weight", "tie_word_embeddings")),
    ),
    Case(
        "08-default",
        lambda: _headless(llama_bpe(tied=False)).change(tie_word_embeddings=ABSENT),
        Refused(("lm_head.weight", "tie_word_embeddings")),
    ),
    Case(
        "08-mistral",
        lambda: _headless(llama_spm(kind="mistral")).change(tie_word_embeddings=ABSENT),
        Refused(("lm_head.weight", "tie_word_embeddings")),
    ),
    Case(
        "08-qwen2-said",
        lambda: chatml_bpe("qwen2", tie_word_embeddings=False),
        Refused(("lm_head.weight", "tie_word_embeddings")),
    ),
    Case(
        "08-gpt2-said",
        lambda: gpt2(tie_word_embeddings=False),
        Refused(("lm_head.weight", "tie_word_embeddings")),
    ),
    Case("08-gpt2-default", gpt2, Right()),
)


def _headless(folder: Folder) -> Folder:
    del folder.tensors["lm_head.weight"]
    return folder


# ---------------------------------------------------------------- 07, 14: pooling and classes
def _st_dense(size: int, activation: str, *, normalize: bool) -> Folder:
    config, tensors, file = dense(2, size, activation)
    modules = [("Dense", config), *([("Normalize", {})] if normalize else [])]
    return sentence_transformer(bert(), *modules).store(tensors, file)


def _pooled(**modes: Any) -> Folder:
    return sentence_transformer(bert(), ("Normalize", {}), pooling=modes)


def _layer_norm() -> Folder:
    draw = Draw(4)
    tensors = {"norm.weight": draw.norm(WIDTH), "norm.bias": draw.bias(WIDTH)}
    folder = sentence_transformer(bert(), ("LayerNorm", {"dimension": WIDTH}))
    return folder.store(tensors, f"2_LayerNorm/{WEIGHTS}")


def _classifier(*labels: str, bias: bool = True, **config: Any) -> Folder:
    names = {str(i): label for i, label in enumerate(labels)}
    folder = bert(
        prefix="bert.",
        architectures=["BertForSequenceClassification"],
        id2label=names,
        label2id={label: int(i) for i, label in names.items()},
        **config,
    )
    draw = Draw(9)
    folder.store({"classifier.weight": draw.matrix(len(labels), WIDTH, scale=1.0)})
    return folder.store({"classifier.bias": draw.matrix(len(labels), scale=1.0)} if bias else {})


def _poolerless() -> Folder:
    folder = _classifier("LABEL_0")
    for name in ("weight", "bias"):
        del folder.tensors[f"bert.pooler.dense.{name}"]
    return folder


# A score is a sum of 64 products of about one, each off by what llama.cpp's table of GELU in 16
# bits costs; its own size says little.
_SCORE = Right(tolerance=4e-3)
SENTENCES = (
    Case("07-dense", lambda: _st_dense(32, "activation.Tanh", normalize=True), Refused(("Dense",))),
    Case(
        "07-dense-identity",
        lambda: _st_dense(64, "linear.Identity", normalize=False),
        Refused(("Dense",)),
    ),
    Case("07-layer-norm", _layer_norm, Refused(("LayerNorm",))),
    Case(
        "07-max",
        lambda: _pooled(pooling_mode_cls_token=False, pooling_mode_max_tokens=True),
        Refused(("max",)),
    ),
    Case(
        "07-two-poolings",
        lambda: _pooled(pooling_mode_cls_token=True, pooling_mode_mean_tokens=True),
        Refused(("pooling",)),
    ),
    Case(
        "07-weighted-mean",
        lambda: _pooled(pooling_mode_mean_tokens=False, pooling_mode_weightedmean_tokens=True),
        Refused(("weightedmean",)),
    ),
    Case("07-no-normalize", lambda: sentence_transformer(bert()), Right()),
    Case("07-mean", lambda: sentence_transformer(bert(), ("Normalize", {})), Right()),
    Case(
        "07-cls",
        lambda: _pooled(pooling_mode_cls_token=True, pooling_mode_mean_tokens=False),
        Right(keys={"bert.pooling_type": 2}),
    ),
    Case("07-cls-named", lambda: _pooled(pooling_mode="cls"), Right(keys={"bert.pooling_type": 2})),
    Case(
        "07-last",
        lambda: _pooled(pooling_mode_mean_tokens=False, pooling_mode_lasttoken=True),
        Right(keys={"bert.pooling_type": 3}),
    ),
    Case("14-one-label", lambda: _classifier("LABEL_0"), _SCORE),
    Case("14-relevance", lambda: _classifier("relevance", problem_type="regression"), _SCORE),
    Case("14-gelu-new", lambda: _classifier("LABEL_0", hidden_act="gelu_new"), _SCORE),
    Case("14-lost-pooler", _poolerless, Refused(("pooler",))),
)


# ------------------------------------------------------------------------ 09, 10, 17, 23: files
_TIED = {"lm_head.weight": "model-00001-of-00002.safetensors"}
_BUFFER = "model.layers.1.self_attn.rotary_emb.inv_freq"


def _named_not_stored() -> Folder:
    folder = llama_bpe().shard()
    folder.files[INDEX]["weight_map"].update(_TIED)
    return folder


def _stored_not_named() -> Folder:
    folder = llama_bpe().store({_BUFFER: np.ones(HEAD // 2, F32)})
    return folder.shard(unnamed=[_BUFFER])


def _weight_named_not_stored() -> Folder:
    """A file lacks what the index says it has, and nothing else gives it."""
    folder = llama_bpe().shard()
    file = folder.files[INDEX]["weight_map"]["model.layers.0.mlp.up_proj.weight"]
    del folder.stores[file]["model.layers.0.mlp.up_proj.weight"]
    return folder


def _shards_gone() -> Folder:
    folder = llama_bpe()
    other = Folder({}, {WEIGHTS: llama_tensors(folder.size, seed=1)}).shard()
    return folder.put({INDEX: other.files[INDEX]})


def _both_whole() -> Folder:
    """An earlier, sharded save is whole too: model.safetensors comes first."""
    folder = llama_bpe()
    other = Folder({}, {WEIGHTS: llama_tensors(folder.size, seed=1)}).shard()
    folder.stores.update(other.stores)
    return folder.put({INDEX: other.files[INDEX]})


def _beside(file: str, tensors: dict[str, Any] | None = None, **files: Any) -> Folder:
    """A whole model with another safetensors file beside it."""
    folder = llama_bpe()
    more = llama_tensors(folder.size, seed=7) if tensors is None else tensors
    return folder.store(more, file).put({n.replace("__", "."): v for n, v in files.items()})


def _sharded_beside_consolidated() -> Folder:
    folder = llama_bpe().shard()
    return folder.store({"tok_embeddings.weight": np.ones((4, 4), F32)}, "consolidated.safetensors")


def _in_subfolder() -> Folder:
    folder = llama_bpe()
    return folder.shard(folder="weights/")


_LORA = {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": np.ones((2, WIDTH), F32)}
_ADAPTER = {"peft_type": "LORA", "base_model_name_or_path": "org/name", "r": 2}
FILES = (
    Case("09-named-not-stored", _named_not_stored, Right(notes=(("lm_head.weight",),))),
    Case("09-stored-not-named", _stored_not_named, Right()),
    Case(
        "09-weight-lost",
        _weight_named_not_stored,
        Refused(("layers.0.mlp.up_proj.weight",)),
    ),
    Case("09-subfolder", _in_subfolder, Right()),
    Case("10-shards-gone", _shards_gone, Right(notes=((INDEX,),))),
    Case("10-both-whole", _both_whole, Right(notes=((INDEX,),))),
    Case("10-fp16-variant", lambda: _beside("model.fp16.safetensors"), Right()),
    Case(
        "10-index-of-pickles",
        lambda: llama_bpe().put({"pytorch_model.bin.index.json": {"weight_map": {"a": "b.bin"}}}),
        Right(),
    ),
    Case("10-consolidated", _sharded_beside_consolidated, Right()),
    Case(
        "10-adapter",
        lambda: _beside("adapter_model.safetensors", _LORA, adapter_config__json=_ADAPTER),
        Right(notes=(("adapter",),)),
    ),
    Case(
        "10-training-files",
        lambda: _beside(
            "checkpoint-7/model.safetensors", training_args__bin=b"x", pytorch_model__bin=b"x"
        ),
        Right(),
    ),
)


def _buffers(folder: Folder, **tensors: Any) -> Folder:
    return folder.store({name.replace("__", "."): tensor for name, tensor in tensors.items()})


_ONES = np.ones(HEAD // 2, F32)
BUFFERS = (
    Case(
        "17-top-inv-freq", lambda: _buffers(llama_bpe(), model__rotary_emb__inv_freq=_ONES), Right()
    ),
    Case(
        "17-layer-inv-freq",
        lambda: llama_bpe().store(
            {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": _ONES for i in range(LAYERS)}
        ),
        Right(compute=False),
    ),
    Case(
        "17-original-inv-freq",
        lambda: _buffers(llama_bpe(), model__rotary_emb__original_inv_freq=_ONES),
        Right(compute=False),
    ),
    Case(
        "17-causal-mask",
        lambda: _buffers(llama_bpe(), model__causal_mask=np.ones((4, 4), F32)),
        Right(compute=False),
    ),
    Case(
        "17-gpt2-bias",
        lambda: gpt2().store(
            {
                "transformer.h.0.attn.bias": np.ones((1, 1, 64, 64), np.uint8),
                "transformer.h.0.attn.masked_bias": np.array(-1e4, F32),
            }
        ),
        Right(),
    ),
    Case(
        "17-bert-position-ids",
        lambda: bert().store({"embeddings.position_ids": np.arange(64, dtype=np.int64)[None]}),
        Right(),
    ),
    Case(
        "17-scalar",
        lambda: _buffers(llama_bpe(), model__num_batches_tracked=np.array(3, np.int64)),
        Right(compute=False),
    ),
    Case(
        "17-rotary-tables",
        lambda: llama_bpe().store(
            {
                f"model.layers.{i}.self_attn.rotary_emb.{name}_cached": np.ones(
                    (1, 1, 64, HEAD), F32
                )
                for i in range(LAYERS)
                for name in ("cos", "sin")
            }
        ),
        Right(),
    ),
    Case(
        "17-bert-token-type-ids",
        lambda: bert().store({"embeddings.token_type_ids": np.zeros((1, 64), np.int64)}),
        Right(compute=False),
    ),
    Case(
        "17-a-weight-is-no-buffer",
        lambda: llama_bpe().store({"model.layers.0.mlp.extra_proj.weight": np.ones((4, 4), F32)}),
        Refused(("model.layers.0.mlp.extra_proj.weight",)),
    ),
)


def _stored_head(folder: Folder, *, other: bool) -> Folder:
    embedding = folder.tensors.get("model.embed_tokens.weight")
    if embedding is None:
        embedding = folder.tensors["transformer.wte.weight"]
    return folder.store({"lm_head.weight": embedding[::-1] if other else embedding.copy()})


TIED = (
    Case("23-equal", lambda: _stored_head(chatml_bpe("qwen2"), other=False), Right()),
    Case(
        "23-different",
        lambda: _stored_head(chatml_bpe("qwen2"), other=True),
        Right(notes=(("lm_head.weight",),)),
    ),
    Case(
        "23-llama-different",
        lambda: _stored_head(llama_bpe(), other=True),
        Right(notes=(("lm_head.weight",),)),
    ),
    Case("23-gpt2-equal", lambda: _stored_head(gpt2(), other=False), Right()),
    Case(
        "23-untied-equal",
        lambda: _stored_head(llama_bpe(tie_word_embeddings=False), other=False),
        Right(),
    ),
)


# --------------------------------------------------------------------------- 12, 15, 26: config
def _llama3_scaling(**more: Any) -> Json:
    return {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
        **more,
    }


def _v5(parameters: Json, **more: Any) -> Folder:
    folder = llama_bpe()
    folder.change(rope_theta=ABSENT, torch_dtype=ABSENT, dtype="float32", head_dim=HEAD)
    folder.change(rope_parameters=parameters, pad_token_id=None, transformers_version="5.12.1")
    folder.change(max_position_embeddings=128, **more)
    return folder.say(tokenizer_class="TokenizersBackend", backend="tokenizers", is_local=True)


_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
_LONGROPE = {
    "rope_type": "longrope",
    "factor": 8.0,
    "short_factor": [1.0] * 8,
    "long_factor": [1.0 + i for i in range(8)],
    # Below the length of the prompt: both libraries take the long factors.
    "original_max_position_embeddings": 8,
}


def _without(fields: Json, *names: str) -> Json:
    return {name: value for name, value in fields.items() if name not in names}


def _mapped_names() -> Folder:
    """The general names of sizes, which GPT-2's class takes for its own."""
    folder = gpt2(n_embd=ABSENT, n_layer=ABSENT, n_head=ABSENT, n_positions=ABSENT)
    folder.change(hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS)
    return folder.change(max_position_embeddings=64)


SIZES = (
    Case(
        "12-longer", lambda: gpt2(positions=96, n_ctx=64), Right(keys={"gpt2.context_length": 96})
    ),
    Case(
        "12-shorter",
        lambda: gpt2(positions=32, n_ctx=1024),
        Right(keys={"gpt2.context_length": 32}),
    ),
    Case("12-mapped-names", _mapped_names, Right(keys={"gpt2.context_length": 64})),
    Case(
        "12-inner", lambda: gpt2(inner=96, n_inner=96), Right(keys={"gpt2.feed_forward_length": 96})
    ),
    Case(
        "12-positions-differ", lambda: _positions(32), Refused(("wpe.weight", "64 x 64", "32 x 64"))
    ),
    Case("15-llama3", lambda: _v5(_llama3_scaling(rope_theta=500000.0)), Right()),
    Case("15-default", lambda: _v5({"rope_type": "default", "rope_theta": 1e6}), Right()),
    Case("15-yarn", lambda: _v5({**_YARN, "rope_theta": 1e6}), Right()),
    Case(
        "15-linear", lambda: _v5({"rope_type": "linear", "rope_theta": 1e5, "factor": 2.0}), Right()
    ),
    Case("15-without-kind", lambda: _v5({"rope_theta": 5e5}), Right()),
    Case(
        "15-qwen3-layer-types",
        lambda: qwen3(
            layer_types=["full_attention"] * LAYERS,
            rope_theta=ABSENT,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        ),
        Right(),
    ),
)


def _yarn(**more: Any) -> Folder:
    return llama_bpe(rope_scaling={**_YARN, **more}, max_position_embeddings=128)


def _config(make: Callable[..., Folder], **fields: Any) -> Callable[[], Folder]:
    return lambda: make(**fields)


def _refused_field(name: str, make: Callable[..., Folder], *words: str, **fields: Any) -> Case:
    """A field that the graph lacks: the message names it and its value."""
    field, value = next(iter(fields.items()))
    shown = words or (field, str(value).lower())
    return Case(f"26-{name}", _config(make, **fields), Refused(shown))


COMPUTATION = (
    _refused_field("llama-relu", llama_bpe, hidden_act="relu"),
    _refused_field("llama-gelu", llama_bpe, hidden_act="gelu"),
    _refused_field(
        "llama-dynamic", llama_bpe, "dynamic", rope_scaling={"type": "dynamic", "factor": 2.0}
    ),
    _refused_field(
        "llama-longrope-no-factors",
        llama_bpe,
        "long_factor",
        rope_scaling=_without(_LONGROPE, "short_factor", "long_factor"),
    ),
    _refused_field(
        "llama-unknown-rope", llama_bpe, "spiral", rope_scaling={"rope_type": "spiral", "factor": 2}
    ),
    _refused_field("gpt2-inverse-layer", gpt2, scale_attn_by_inverse_layer_idx=True),
    _refused_field("gpt2-unscaled", gpt2, scale_attn_weights=False),
    _refused_field("gpt2-relu", gpt2, activation_function="relu"),
    _refused_field("gpt2-quick-gelu", gpt2, activation_function="quick_gelu"),
    _refused_field("bert-relu", bert, hidden_act="relu"),
    _refused_field("bert-relative", bert, position_embedding_type="relative_key"),
    _refused_field("bert-relative-query", bert, position_embedding_type="relative_key_query"),
    _refused_field("bert-decoder", bert, is_decoder=True),
    Case(
        "26-qwen2-sliding",
        lambda: chatml_bpe("qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=0),
        Right(notes=(("sliding_window", "8"),), compute=False),
    ),
    Case(
        "26-mistral-sliding",
        lambda: llama_spm(kind="mistral", sliding_window=32),
        Right(notes=(("sliding_window", "32"),)),
    ),
    Case(
        "26-qwen2-not-sliding",
        lambda: chatml_bpe("qwen2", use_sliding_window=False, sliding_window=8),
        Right(),
    ),
    Case(
        "26-llama-longrope",
        _config(llama_bpe, rope_scaling=_LONGROPE),
        Right(notes=(("longrope",),)),
    ),
    _refused_field("bert-silu", bert, hidden_act="silu"),
    _refused_field("qwen3-gelu", qwen3, hidden_act="gelu"),
    Case("26-bert-gelu-tanh", _config(bert, hidden_act="gelu_pytorch_tanh"), Right()),
    # llama.cpp has the tanh approximation of GELU only; so near that it is no other function.
    Case("26-gpt2-gelu", _config(gpt2, activation_function="gelu"), Right()),
    Case("26-yarn-attention-factor", lambda: _yarn(attention_factor=0.5), Right()),
    # The keys for these are read for other architectures only.
    Case("26-yarn-betas", lambda: _yarn(beta_fast=8.0), Refused(("beta_fast", "8"))),
    Case("26-yarn-mscale", lambda: _yarn(mscale=1.0, mscale_all_dim=0.5), Right()),
    Case("26-yarn-not-truncated", lambda: _yarn(truncate=False), Refused(("truncate", "false"))),
    Case("26-gpt2-gelu-fast", _config(gpt2, activation_function="gelu_fast"), Right()),
    Case("26-gpt2-gelu-tanh", _config(gpt2, activation_function="gelu_pytorch_tanh"), Right()),
    Case("26-gpt2-reordered", _config(gpt2, reorder_and_upcast_attn=True), Right()),
    Case("26-llama-swish", _config(llama_bpe, hidden_act="swish"), Right()),
    Case(
        "26-llama-linear",
        _config(llama_bpe, rope_scaling={"type": "linear", "factor": 2.0}),
        Right(),
    ),
    Case(
        "26-llama-unknown-field",
        _config(llama_bpe, logit_multiplier=0.5),
        Right(notes=(("logit_multiplier",),)),
    ),
    Case(
        "26-llama-training-fields",
        _config(llama_bpe, attention_dropout=0.1, initializer_range=0.5, use_cache=False),
        Right(),
    ),
    Case(
        "26-llama-partial-rotary",
        _config(llama_bpe, partial_rotary_factor=0.5),
        Refused(("partial_rotary_factor", "0.5")),
    ),
)


# ------------------------------------------------------------------------------ 18-20: tensors
def _prefixed(prefix: str, make: Callable[..., Folder] = llama_bpe) -> Callable[[], Folder]:
    return lambda: make().rename(lambda name: prefix + name)


def _partly() -> Folder:
    """Only the layers are wrapped, as by activation checkpointing."""
    return llama_bpe().rename(
        lambda name: name.replace(".mlp.", "._checkpoint_wrapped_module.mlp.")
    )


def _prefix_case(name: str, prefix: str) -> Case:
    return Case(
        f"18-{name}",
        _prefixed(prefix),
        Right(notes=(tuple(prefix.split(".")[:-1]),), oracle=llama_bpe),
    )


def _nan(tensor: str, value: float) -> Folder:
    folder = llama_bpe()
    folder.stores[WEIGHTS] = llama_tensors(folder.size, dtype=BF16)
    folder.tensors[tensor].reshape(-1)[5] = value
    return folder


def _empty(keep: Callable[[str], bool]) -> Folder:
    folder = llama_bpe()
    folder.stores[WEIGHTS] = {
        name: tensor if keep(name) else np.zeros(0, F32) for name, tensor in folder.tensors.items()
    }
    return folder


TENSORS = (
    _prefix_case("compile", "_orig_mod."),
    _prefix_case("ddp", "module."),
    _prefix_case("peft", "base_model.model."),
    _prefix_case("fsdp", "_fsdp_wrapped_module."),
    _prefix_case("ddp-compile", "module._orig_mod."),
    _prefix_case("lightning", "student."),
    Case(
        "18-none",
        lambda: llama_bpe().rename(lambda n: n.removeprefix("model.")),
        Right(oracle=llama_bpe),
    ),
    Case("18-causal", _prefixed("model."), Right(oracle=llama_bpe)),
    Case("18-gpt2-none", lambda: gpt2().rename(lambda n: n.removeprefix("transformer.")), Right()),
    Case("18-bert-prefixed", lambda: bert(prefix="bert."), Right()),
    Case(
        "18-partly",
        _partly,
        Right(notes=(("_checkpoint_wrapped_module",),), oracle=llama_bpe),
    ),
    Case(
        "19-nan",
        lambda: _nan("model.layers.1.mlp.down_proj.weight", np.nan),
        Refused(("blk.1.ffn_down.weight",)),
    ),
    Case(
        "19-infinite",
        lambda: _nan("model.embed_tokens.weight", np.inf),
        Refused(("token_embd.weight",)),
    ),
    Case(
        "19-norm",
        lambda: _nan("model.norm.weight", -np.inf),
        Refused(("output_norm.weight",)),
    ),
    Case("20-matrices", lambda: _empty(lambda n: "norm" in n), Refused(("no elements",))),
    Case("20-all", lambda: _empty(lambda n: False), Refused(("no elements",))),
    Case(
        "20-one",
        lambda: _empty(lambda n: "embed" not in n),
        Refused(("model.embed_tokens.weight",)),
    ),
)

CASES = (
    *RELATIONS,
    *SENTENCES,
    *FILES,
    *BUFFERS,
    *TIED,
    *SIZES,
    *COMPUTATION,
    *TENSORS,
)
