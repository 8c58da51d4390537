"""Config fields against each other, against tensors, and against what llama.cpp loads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quantcli.arch import Model, expand
from quantcli.checkpoint import Checkpoint, open_checkpoint
from quantcli.errors import ArchitectureError, ConfigError, InputError

Make = Callable[..., Path]
Rename = Callable[[str], str]


Shapes = Mapping[str, tuple[int, ...]]


def made(
    checkpoint: Checkpoint, rename: Rename = str, more: Shapes | None = None, **config: Any
) -> Model:
    """Expand `checkpoint` with names or fields changed and with further F32 tensors."""
    refs = {rename(n): replace(ref, name=rename(n)) for n, ref in checkpoint.refs.items()}
    model = next(iter(refs.values()))
    refs |= {n: replace(model, name=n, shape=shape) for n, shape in (more or {}).items()}
    return expand({**checkpoint.config, **config}, refs, checkpoint.root)


@pytest.mark.parametrize(
    "name, field, values",
    [
        ("llama", "num_attention_heads", (0, 3, 5, 8, 96)),
        ("llama", "num_key_value_heads", (0, 1, 3, 4, 8)),
        ("llama", "head_dim", (0, 12, 23, 25, 48)),
        ("llama", "hidden_size", (0, 48, 95, 192)),
        ("llama", "intermediate_size", (0, 159, 161, 320)),
        ("llama", "num_hidden_layers", (0, 1, 3)),
        ("llama", "rms_norm_eps", (0, -1e-5, 1e-50, 1e39)),
        ("llama", "rope_theta", (0, -1.0)),
        ("llama", "max_position_embeddings", (0, 2**31)),
        ("qwen2", "num_attention_heads", (0, 3, 8)),
        ("qwen2", "head_dim", (12, 48)),
        ("qwen2", "intermediate_size", (80,)),
        ("qwen3", "head_dim", (16, 31)),
        ("gpt2", "n_head", (0, 5, 7)),
        ("gpt2", "n_embd", (48, 97)),
        ("gpt2", "n_inner", (96,)),
        ("gpt2", "n_positions", (0, 63, 128)),
        ("gpt2", "layer_norm_epsilon", (0, -1)),
        ("bert", "num_attention_heads", (0, 5)),
        ("bert", "intermediate_size", (96,)),
        ("bert", "max_position_embeddings", (32, 512)),
        ("bert", "type_vocab_size", (0, 1, 3)),
        ("bert", "layer_norm_eps", (0,)),
    ],
)
def test_sizes_that_the_tensors_do_not_have_are_refused(
    make_tiny: Make, name: str, field: str, values: tuple[float, ...]
) -> None:
    checkpoint = open_checkpoint(make_tiny(name))
    for value in values:
        with pytest.raises(InputError):
            made(checkpoint, **{field: value})


def test_ranges_say_field_value_and_limit(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("gpt2"))
    with pytest.raises(ConfigError) as caught:
        made(checkpoint, n_head=0, layer_norm_epsilon=0.0)
    text = str(caught.value)
    assert "n_head is 0 (for gpt2.attention.head_count), not at least 1" in text
    assert "layer_norm_epsilon is 0.0 (for gpt2.attention.layer_norm_epsilon), not above 0" in text


def test_messages_name_the_fields_that_were_read(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("llama"))
    for config, said in (
        ({"rope_theta": 0, "rope_scaling": None}, r"^rope_theta is 0"),
        ({"num_key_value_heads": 3}, "num_key_value_heads"),
        ({"intermediate_size": 80}, "by intermediate_size, hidden_size it should be 80 x 96"),
        ({"head_dim": 12}, "by head_dim, num_attention_heads, hidden_size it should be 48 x 96"),
    ):
        with pytest.raises(InputError) as caught:
            made(checkpoint, **config)
        lines = [line.strip() for line in str(caught.value).splitlines()]
        assert any(re.search(said, line) for line in lines), lines


def test_gpt2_by_the_names_that_its_class_takes_for_its_own(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("gpt2"))
    common = {
        "n_embd": "hidden_size",
        "n_layer": "num_hidden_layers",
        "n_head": "num_attention_heads",
        "n_positions": "max_position_embeddings",
    }
    config = {common.get(name, name): value for name, value in checkpoint.config.items()}
    assert expand(config, checkpoint.refs, checkpoint.root) == made(checkpoint)


# ------------------------------------------------------------------------------------ the head
@pytest.mark.parametrize("said", [False, None])
@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2"])
def test_a_missing_head_is_legal_only_when_tied(
    make_tiny: Make, name: str, said: bool | None
) -> None:
    checkpoint = open_checkpoint(make_tiny(name))
    assert made(checkpoint).traits.tied
    config = {key: v for key, v in checkpoint.config.items() if key != "tie_word_embeddings"}
    if said is not None:
        config["tie_word_embeddings"] = said
    elif name == "gpt2":  # its class ties unless told otherwise
        assert expand(config, checkpoint.refs, checkpoint.root).traits.tied
        return
    with pytest.raises(ArchitectureError) as caught:
        expand(config, checkpoint.refs, checkpoint.root)
    assert "lm_head.weight (for output.weight)" in str(caught.value)
    assert caught.value.hint
    assert '"tie_word_embeddings": true' in caught.value.hint


def test_a_class_without_head_needs_none(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("llama_headless"))
    assert made(checkpoint).notes == ()
    assert made(checkpoint, tie_word_embeddings=False).traits.tied


@pytest.mark.parametrize(
    "name, embedding",
    [("llama", "model.embed_tokens.weight"), ("gpt2", "transformer.wte.weight")],
)
def test_the_head_has_a_row_for_each_of_the_embedding(
    make_tiny: Make, name: str, embedding: str
) -> None:
    checkpoint = open_checkpoint(make_tiny(name))
    rows, width = checkpoint.ref(embedding).shape
    (note,) = made(checkpoint, more={"lm_head.weight": (rows, width)}).notes
    assert "lm_head.weight is stored although tie_word_embeddings is true" in note
    for tied in (True, False):
        with pytest.raises(ArchitectureError, match=rf"output\.weight is {rows + 8} x {width}"):
            made(checkpoint, more={"lm_head.weight": (rows + 8, width)}, tie_word_embeddings=tied)


def test_an_embedding_of_another_size_than_vocab_size_decides(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("llama"))
    rows = checkpoint.ref("model.embed_tokens.weight").shape[0]
    model = made(checkpoint, vocab_size=rows + 24)
    assert model.notes == (
        f"vocab_size is {rows + 24}, the embedding has {rows} rows; the embedding decides",
    )
    assert {e.key: e.value for e in model.entries}["llama.vocab_size"] == model.vocab_rows == rows


# ----------------------------------------------------------------------------- names and buffers
@pytest.mark.parametrize(
    "prefix",
    [
        "_orig_mod.",
        "module.",
        "base_model.model.",
        "_fsdp_wrapped_module.",
        "model.",
        "module._orig_mod.",
        "student.backbone.",
        "0.",
    ],
)
@pytest.mark.parametrize("name", ["llama_untied_biases", "gpt2", "bert"])
def test_one_common_prefix_is_taken_off_with_a_note(
    make_tiny: Make, name: str, prefix: str
) -> None:
    checkpoint = open_checkpoint(make_tiny(name))
    plain = made(checkpoint)
    model = made(checkpoint, lambda n: prefix + n)
    assert [s.name for s in model.specs] == [s.name for s in plain.specs]
    note = next(note for note in model.notes if "are read without" in note)
    assert repr(prefix) in note


def test_wrappers_between_the_parts_of_a_name(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("llama"))
    wrapped = made(
        checkpoint,
        lambda n: n.replace("self_attn.", "_checkpoint_wrapped_module.self_attn."),
    )
    assert [s.name for s in wrapped.specs] == [s.name for s in made(checkpoint).specs]
    assert "_checkpoint_wrapped_module" in wrapped.notes[0]


def test_a_prefix_that_is_not_all_is_named_in_the_error(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("llama"))
    with pytest.raises(ArchitectureError, match=r"begin with 'vision\.model\.'"):
        made(checkpoint, lambda n: "vision." + n.replace("embed_tokens", "e").replace("norm", "x"))


BUFFERS = {
    "llama": {
        "model.rotary_emb.inv_freq": (12,),
        "model.layers.0.self_attn.rotary_emb.inv_freq": (12,),
        "rotary_emb.original_inv_freq": (12,),
        "model.full_attention_inv_freq": (12,),
        "model.layers.1.self_attn.rotary_emb.cos_cached": (1, 1, 64, 24),
        "model.causal_mask": (4, 4),
        "lm_head.attention_mask": (1, 4),
    },
    "gpt2": {
        "transformer.h.0.attn.bias": (1, 1, 64, 64),
        "transformer.h.0.attn.masked_bias": (),
        "h.1.crossattention.bias": (1, 1, 8, 8),
    },
}


@pytest.mark.parametrize("name", BUFFERS)
def test_buffers_are_left_out_by_kind_with_one_note(make_tiny: Make, name: str) -> None:
    checkpoint = open_checkpoint(make_tiny(name))
    more = BUFFERS[name]
    model = made(checkpoint, more=more)
    assert model.specs == made(checkpoint).specs
    (note,) = model.notes
    assert note.startswith("buffers that the runtime computes itself are left out: ")
    assert sum(int(w) for w in note.replace(",", "").split() if w.isdigit()) == len(more)


@pytest.mark.parametrize(
    "name", ["model.layers.0.self_attn.bias", "model.position_ids", "model.inv_freq.weight"]
)
def test_what_only_looks_like_a_buffer_is_left_over(make_tiny: Make, name: str) -> None:
    """A bias that is no mask, position ids that are no integers, an unknown weight."""
    checkpoint = open_checkpoint(make_tiny("llama"))
    with pytest.raises(ArchitectureError, match="has no place for"):
        made(checkpoint, more={name: (4, 4)})


# --------------------------------------------------------------------------------------- lists
def test_a_foreign_layout_gives_a_short_message(make_tiny: Make) -> None:
    """As from a quantized checkpoint of many layers: each matrix is four other tensors."""
    checkpoint = open_checkpoint(make_tiny("llama"))
    refs = {}
    for layer in range(80):
        for name, ref in checkpoint.refs.items():
            if ".layers.0." not in name:
                refs[name] = ref
                continue
            moved = name.replace(".0.", f".{layer}.")
            parts = ("qweight", "qzeros", "scales", "g_idx") if "proj" in name else ("weight",)
            for part in parts:
                other = moved.removesuffix("weight") + part
                refs[other] = replace(ref, name=other)
    refs = {name: ref for name, ref in refs.items() if ".layers.1.mlp" not in name}
    with pytest.raises(ArchitectureError) as caught:
        expand({**checkpoint.config, "num_hidden_layers": 80}, refs, checkpoint.root)
    lines = str(caught.value).splitlines()
    assert len(lines) < 50
    assert any("layers.0,2-79.mlp.up_proj.qweight, 79 tensors" in line for line in lines)
    assert any("… and " in line for line in lines)


# -------------------------------------------------------------------------- sentence-transformers
def modules(folder: Path, *kinds: str) -> None:
    """Write modules.json with a pooling at its usual place and other modules at numbers."""
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    listed = [
        {"path": paths.get(kind, f"{i}_{kind}"), "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), encoding="utf-8")


@pytest.mark.parametrize("kind", ["Dense", "LSTM", "WeightedLayerPooling", "SpladePooling"])
def test_modules_that_the_runtime_lacks_are_refused_by_name(make_tiny: Make, kind: str) -> None:
    folder = make_tiny("bert")
    modules(folder, "Transformer", "Pooling", kind, "Normalize")
    dense = folder / f"2_{kind}"
    dense.mkdir()
    sizes = {"in_features": 96, "out_features": 32}
    (dense / "config.json").write_text(json.dumps(sizes), encoding="utf-8")
    with pytest.raises(ArchitectureError, match=rf"{kind} module \(2_{kind}\) from 96 to 32"):
        made(open_checkpoint(folder))


@pytest.mark.parametrize("name", ["bert", "llama_headless", "gpt2"])
def test_pooling_and_normalising_are_carried(make_tiny: Make, name: str) -> None:
    folder = make_tiny(name)
    modules(folder, "Transformer", "Pooling", "Dropout", "Normalize")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"pooling_mode_lasttoken": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    model = made(open_checkpoint(folder))
    assert {e.key: e.value for e in model.entries}[f"{model.traits.arch}.pooling_type"] == 3


def test_two_poolings_at_once_are_refused(make_tiny: Make) -> None:
    folder = make_tiny("bert")
    both = {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(both), encoding="utf-8")
    with pytest.raises(ConfigError, match="pooling_mode_mean_tokens and pooling_mode_max_tokens"):
        made(open_checkpoint(folder))


def test_prompts_are_a_note(make_tiny: Make) -> None:
    folder = make_tiny("bert")
    config = {"prompts": {"query": "search: ", "document": ""}, "similarity_fn_name": "cosine"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    notes = made(open_checkpoint(folder)).notes
    assert any("the prompts of config_sentence_transformers.json (query)" in n for n in notes)


def test_a_classifier_scores_by_itself(make_tiny: Make) -> None:
    folder = make_tiny("bert_classifier")
    (folder / "modules.json").unlink()
    model = made(open_checkpoint(folder))
    assert {e.key: e.value for e in model.entries}["bert.pooling_type"] == 4
    assert any("first segment's embedding" in note for note in model.notes)
