"""Mistral's own format gives the file that transformers' format of the same model gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny import MODELS

import quantcli
from quantcli.errors import ConfigError

WIDTH, INNER, HEADS, KEYS, HEAD, LAYERS = 64, 96, 4, 2, 16, 2
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e6,
    "factor": 16.0,
    "original_max_position_embeddings": 8,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 1.0,
    "llama_4_scaling_beta": 0.1,
}
OURS = {
    "dim": WIDTH,
    "n_layers": LAYERS,
    "head_dim": HEAD,
    "hidden_dim": INNER,
    "n_heads": HEADS,
    "n_kv_heads": KEYS,
    "norm_eps": 1e-5,
    "rope_theta": 1e6,
    "max_seq_len": 128,
}
THEIRS = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "head_dim": HEAD,
    "intermediate_size": INNER,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEYS,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 128,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
}
# What params.json says → what config.json says, and the architecture of both.
MODELS_OF = {
    "dense": ({}, {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}, "llama"),
    "experts": (
        {"moe": {"num_experts": 4, "num_experts_per_tok": 2}},
        {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", **EXPERTS},
        "llama",
    ),
    "growing": (
        {
            "yarn": {
                "factor": 16.0,
                "original_max_position_embeddings": 8,
                "beta": 32.0,
                "alpha": 1.0,
                "apply_scale": False,
            },
            "llama_4_scaling": {"beta": 0.1, "original_max_position_embeddings": 8},
            "vision_encoder": {"hidden_size": 32},
        },
        {
            "architectures": ["Ministral3ForCausalLM"],
            "model_type": "ministral3",
            "rope_parameters": YARN,
        },
        "mistral3",
    ),
}


def consolidated(vocab: int, name: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return the tensors of a model as Mistral stores them."""
    feed = {"w1": (INNER, WIDTH), "w2": (WIDTH, INNER), "w3": (INNER, WIDTH)}
    layer = {
        "attention.wq": (HEADS * HEAD, WIDTH),
        "attention.wk": (KEYS * HEAD, WIDTH),
        "attention.wv": (KEYS * HEAD, WIDTH),
        "attention.wo": (WIDTH, HEADS * HEAD),
        "attention_norm": (WIDTH,),
        "ffn_norm": (WIDTH,),
    }
    if name == "experts":
        layer |= {f"feed_forward.experts.{i}.{w}": s for i in range(4) for w, s in feed.items()}
        layer["feed_forward.gate"] = (4, WIDTH)
    else:
        layer |= {f"feed_forward.{w}": shape for w, shape in feed.items()}
    shapes = {"tok_embeddings": (vocab, WIDTH), "norm": (WIDTH,), "output": (vocab, WIDTH)}
    shapes |= {f"layers.{n}.{part}": s for n in range(LAYERS) for part, s in layer.items()}
    random = np.random.default_rng(0)
    return {
        f"{part}.weight": random.standard_normal(shape).astype(np.float32)
        for part, shape in shapes.items()
    }


def of_transformers(
    tensors: Mapping[str, np.ndarray[Any, Any]],
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the same weights as transformers' conversion writes them: halves, not pairs."""
    names = {
        "tok_embeddings": "model.embed_tokens",
        "norm": "model.norm",
        "output": "lm_head",
        "attention.wq": "self_attn.q_proj",
        "attention.wk": "self_attn.k_proj",
        "attention.wv": "self_attn.v_proj",
        "attention.wo": "self_attn.o_proj",
        "attention_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "feed_forward.w1": "mlp.gate_proj",
        "feed_forward.w2": "mlp.down_proj",
        "feed_forward.w3": "mlp.up_proj",
        "feed_forward.gate": "block_sparse_moe.gate",
    }
    found = {}
    for name, values in tensors.items():
        part = name.removesuffix(".weight")
        prefix = ""
        if part.startswith("layers."):
            _, n, part = part.split(".", 2)
            prefix = f"model.layers.{n}."
        heads = {"attention.wq": HEADS, "attention.wk": KEYS}.get(part)
        pairs = values.reshape(heads, HEAD // 2, 2, WIDTH) if heads else None
        halves = None if pairs is None else np.ascontiguousarray(pairs.swapaxes(1, 2))
        new = names.get(part, part.replace("feed_forward.", "block_sparse_moe."))
        found[f"{prefix}{new}.weight"] = values if halves is None else halves.reshape(values.shape)
    return found


def contents(path: Path, arch: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the architecture's keys and the bytes of the tensors."""
    reader = gguf.GGUFReader(path)
    keys = {k: f.contents() for k, f in reader.fields.items() if k.startswith(f"{arch}.")}
    return keys, {tensor.name: tensor.data.tobytes() for tensor in reader.tensors}


@pytest.mark.parametrize("name", MODELS_OF)
def test_both_formats_give_the_same_file(tmp_path: Path, name: str) -> None:
    params, config, arch = MODELS_OF[name]
    files = {}
    for kind in ("own", "transformers"):
        folder = tmp_path / kind
        folder.mkdir()
        vocab = MODELS["llama"].tokenizer(folder)
        tensors = consolidated(vocab, name)
        if kind == "own":
            said: Mapping[str, Any] = {**OURS, **params, "vocab_size": vocab}
            if "vision_encoder" in said:
                tensors["vision_encoder.ln_pre.weight"] = np.ones(32, np.float32)
            save_file(tensors, folder / "consolidated.safetensors")
            (folder / "params.json").write_text(json.dumps(said))
        else:
            save_file(of_transformers(tensors), folder / "model.safetensors")
            said = {**THEIRS, **config, "vocab_size": vocab}
            (folder / "config.json").write_text(json.dumps(said))
        done = quantcli.convert(folder, "F32", tmp_path / f"{kind}.gguf", jobs=1)
        files[kind] = contents(tmp_path / f"{kind}.gguf", arch)
        if kind == "own":
            assert any("Mistral's own format" in note for note in done.notes)
    keys, tensors_of_file = files["own"]
    assert keys == files["transformers"][0]
    assert tensors_of_file == files["transformers"][1]
    assert len(keys) > 10


def test_a_part_that_is_no_object_is_named(tmp_path: Path) -> None:
    MODELS["llama"].tokenizer(tmp_path)
    save_file({"norm.weight": np.ones(4, np.float32)}, tmp_path / "consolidated.safetensors")
    (tmp_path / "params.json").write_text(json.dumps({**OURS, "moe": 8}))
    with pytest.raises(ConfigError, match=r"params\.json: moe is 8, not an object"):
        quantcli.plan(tmp_path, "F32")
