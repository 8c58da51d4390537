"""Every field of config.json is used, refused by name and value, ignored by name, or noted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quantcli.arch import Model, expand
from quantcli.checkpoint import open_checkpoint
from quantcli.errors import ArchitectureError, ConfigError

Make = Callable[..., Path]


def made(make_tiny: Make, name: str, **config: Any) -> Model:
    checkpoint = open_checkpoint(make_tiny(name))
    return expand({**checkpoint.config, **config}, checkpoint.refs, checkpoint.root)


def keys(model: Model) -> dict[str, Any]:
    return {entry.key.partition(".")[2]: entry.value for entry in model.entries}


REFUSED = [
    ("llama", {"hidden_act": "relu"}),
    ("llama", {"hidden_act": "gelu_pytorch_tanh"}),
    ("llama", {"hidden_act": None}),
    ("qwen2", {"hidden_act": "gelu"}),
    ("qwen3", {"hidden_act": "relu2"}),
    ("gpt2", {"activation_function": "relu"}),
    ("gpt2", {"activation_function": "quick_gelu"}),
    ("bert", {"hidden_act": "relu"}),
    ("bert", {"hidden_act": "silu"}),
    ("gpt2", {"scale_attn_weights": False}),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
    ("gpt2", {"add_cross_attention": True}),
    ("bert", {"position_embedding_type": "relative_key"}),
    ("bert", {"position_embedding_type": "relative_key_query"}),
    ("bert", {"is_decoder": True}),
    ("bert", {"pruned_heads": {"0": [1]}}),
    ("llama", {"is_encoder_decoder": True}),
    ("llama", {"per_layer_config": {"0": {"intermediate_size": 8}}}),
    ("qwen3", {"attention_bias": True}),
    ("qwen2", {"layer_types": ["full_attention", "linear_attention"]}),
]


@pytest.mark.parametrize("name, config", REFUSED)
def test_what_the_graph_lacks_is_refused_by_field_and_value(
    make_tiny: Make, name: str, config: dict[str, Any]
) -> None:
    with pytest.raises(ArchitectureError) as caught:
        made(make_tiny, name, **config)
    ((field, value),) = config.items()
    text = str(caught.value)
    found = "linear_attention" if field == "layer_types" else value
    assert f"{field} is {json.dumps(found)}; llama.cpp's graph for " in text
    assert caught.value.where
    assert caught.value.where.endswith("config.json")


SCALING = {"factor": 2.0, "original_max_position_embeddings": 32}
LISTS = {"short_factor": [1.0] * 12, "long_factor": [2.0] * 12}


@pytest.mark.parametrize(
    "name, scaling",
    [
        ("llama", {"type": "dynamic", **SCALING}),
        ("llama", {"rope_type": "proportional", **SCALING}),
        ("qwen2", {"rope_type": "llama3", **SCALING, "low_freq_factor": 1, "high_freq_factor": 4}),
        ("qwen3", {"rope_type": "longrope", **SCALING, **LISTS}),
        ("llama", {"rope_type": "yarn", **SCALING, "truncate": False}),
        ("llama", {"rope_type": "yarn", **SCALING, "beta_fast": 16}),
        ("qwen2", {"rope_type": "yarn", **SCALING, "beta_slow": 2}),
        ("llama", {"rope_type": "default", "partial_rotary_factor": 0.5}),
    ],
)
@pytest.mark.parametrize("spelling", ["rope_scaling", "rope_parameters"])
def test_rotary_scalings_that_the_graph_lacks(
    make_tiny: Make, name: str, scaling: dict[str, Any], spelling: str
) -> None:
    config = {"rope_scaling": None, "rope_parameters": None, spelling: scaling}
    with pytest.raises(ArchitectureError, match=r"rope_scaling\.\w+ is "):
        made(make_tiny, name, **config)


@pytest.mark.parametrize(
    "scaling, said",
    [
        ({"rope_type": "longrope", "long_factor": [2.0] * 12}, "short_factor"),
        ({"rope_type": "longrope", **LISTS, "long_factor": [2.0] * 11}, "long_factor"),
        ({"rope_type": "longrope", **LISTS, "long_factor": [2.0] * 11 + ["x"]}, "long_factor"),
        ({"rope_type": "llama3", "low_freq_factor": 1, "high_freq_factor": 4}, "factor"),
        ({"rope_type": "linear"}, "has no factor"),
        ({"rope_type": "yarn", "factor": 0}, "factor is 0"),
        ({"rope_type": "yarn", "factor": -2.0}, "factor is -2"),
        ({"rope_type": "yarn", "factor": 4.0, "attention_factor": -1}, "attn_factor"),
        ({"rope_type": "yarn", "factor": 4.0, "rope_theta": 1.0}, "YaRN"),
        ({"rope_type": "default", "rope_theta": 0}, r"rope\.freq_base"),
    ],
)
def test_rotary_scalings_that_are_incomplete(
    make_tiny: Make, scaling: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        made(make_tiny, "llama", rope_scaling=scaling, max_position_embeddings=64)


def test_longrope_is_carried_as_tensors_and_keys(make_tiny: Make) -> None:
    model = made(make_tiny, "llama", rope_scaling={"rope_type": "longrope", **SCALING, **LISTS})
    tensors = {spec.name: spec for spec in model.specs}
    assert tensors["rope_factors_long.weight"].args == (2.0,) * 12
    assert tensors["rope_factors_short.weight"].shape == (12,)
    assert keys(model)["rope.scaling.type"] == "longrope"
    assert keys(model)["rope.scaling.original_context_length"] == 32
    # sqrt(1 + ln 2 / ln 32) = sqrt(1.2)
    assert keys(model)["rope.scaling.attn_factor"] == pytest.approx(1.2**0.5)
    assert any("long factors" in note for note in model.notes)


def test_fields_that_nobody_reads_are_one_note(make_tiny: Make) -> None:
    model = made(
        make_tiny,
        "llama",
        clip_qkv=8.0,
        logit_scale=0.5,
        use_qk_norm=False,
        extra=None,
        n_layers=7,
        rope_scaling={"rope_type": "default", "factor": 3},
    )
    (note,) = model.notes
    for said in ("clip_qkv (8.0)", "logit_scale (0.5)", "n_layers (7)", "rope_scaling.factor (3)"):
        assert said in note
    assert "use_qk_norm" not in note
    assert "extra" not in note


def test_two_places_for_rotary_parameters(make_tiny: Make) -> None:
    """The older one wins, as in transformers; what the other one says else is noted."""
    linear = {"rope_type": "linear", "factor": 2.0}
    both = {"rope_scaling": linear, "rope_parameters": {**linear, "factor": 4.0}}
    model = made(make_tiny, "llama", **both)
    assert keys(model)["rope.scaling.factor"] == 2.0
    (note,) = model.notes
    assert note.endswith(": rope_parameters.factor (4.0)")


def test_a_note_names_some_fields_and_counts_the_rest(make_tiny: Make) -> None:
    (note,) = made(make_tiny, "llama", **{f"odd_{i}": i + 1 for i in range(30)}).notes
    assert "odd_0 (1)" in note
    assert note.endswith("and 22 more")


@pytest.mark.parametrize(
    "name, config",
    [
        # As the released models have them.
        (
            "llama",
            {
                "attention_bias": False,
                "attention_dropout": 0.0,
                "bos_token_id": 128000,
                "eos_token_id": [128001, 128008],
                "initializer_range": 0.02,
                "mlp_bias": False,
                "pretraining_tp": 1,
                "transformers_version": "4.45.0",
                "use_cache": True,
                "num_hidden_layers": 2,
                "n_layers": 2,
            },
        ),
        (
            "qwen2",
            {
                "max_window_layers": 21,
                "sliding_window": 16,
                "use_sliding_window": False,
                "layer_types": ["full_attention"] * 2,
                "use_mrope": False,
            },
        ),
        (
            "gpt2",
            {
                "attn_pdrop": 0.1,
                "n_ctx": 1024,
                "reorder_and_upcast_attn": True,
                "summary_type": "cls_index",
                "task_specific_params": {"text-generation": {"max_length": 50}},
            },
        ),
    ],
)
def test_released_configs_give_no_note(make_tiny: Make, name: str, config: dict[str, Any]) -> None:
    assert made(make_tiny, name, **config).notes == ()


@pytest.mark.parametrize(
    "name, config, noted",
    [
        ("mistral", {"sliding_window": 32}, True),
        ("mistral", {"sliding_window": 64}, False),
        ("mistral", {"sliding_window": None}, False),
        ("qwen2", {"sliding_window": 32, "use_sliding_window": True}, False),
        ("qwen2", {"sliding_window": 32, "use_sliding_window": True, "max_window_layers": 1}, True),
        (
            "qwen3",
            {
                "sliding_window": 32,
                "use_sliding_window": True,
                "layer_types": ["full_attention", "sliding_attention"],
            },
            True,
        ),
    ],
)
def test_a_window_shorter_than_the_context_is_a_note(
    make_tiny: Make, name: str, config: dict[str, Any], noted: bool
) -> None:
    notes = [n for n in made(make_tiny, name, **config).notes if "sliding_window is 32" in n]
    assert len(notes) == noted


def test_biases_that_the_config_does_not_announce(make_tiny: Make) -> None:
    (note,) = made(make_tiny, "llama_untied_biases", attention_bias=False, mlp_bias=True).notes
    assert "8 biases are stored although attention_bias is not set" in note
    with pytest.raises(ArchitectureError) as caught:
        made(make_tiny, "llama", attention_bias=True)
    assert "layers.0-1.self_attn.q_proj.bias (for blk.0-1.attn_q.bias), 2 tensors" in str(
        caught.value
    )
