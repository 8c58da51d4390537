from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from quantcli.arch import Model, expand
from quantcli.checkpoint import Checkpoint, TensorRef, open_checkpoint
from quantcli.errors import ArchitectureError, ConfigError, UsageError

Make = Callable[..., Path]
_DROP = object()


@pytest.fixture
def llama(make_tiny: Make) -> Checkpoint:
    return open_checkpoint(make_tiny("llama"))


def expanded(
    checkpoint: Checkpoint,
    refs: Mapping[str, TensorRef] | None = None,
    **config: Any,
) -> Model:
    """Expand `checkpoint` with other tensors or with config fields changed (or _DROPped)."""
    merged = {**checkpoint.config, **config}
    kept = {key: value for key, value in merged.items() if value is not _DROP}
    return expand(kept, checkpoint.refs if refs is None else refs, checkpoint.root)


def values(model: Model) -> dict[str, Any]:
    return {entry.key: entry.value for entry in model.entries}


def without(refs: Mapping[str, TensorRef], *names: str) -> dict[str, TensorRef]:
    return {name: ref for name, ref in refs.items() if name not in names}


def with_tensor(refs: Mapping[str, TensorRef], name: str, shape: tuple[int, ...]) -> Any:
    model = next(iter(refs.values()))
    return {**refs, name: replace(model, name=name, shape=shape)}


# -------------------------------------------------------------------------------------- tensors
@pytest.mark.parametrize("name", sorted(tiny.MODELS))
def test_every_tensor_is_used_once_or_named_in_a_note(make_tiny: Make, name: str) -> None:
    checkpoint = open_checkpoint(make_tiny(name))
    model = expanded(checkpoint)
    used = [source for spec in model.specs for source in spec.sources]
    assert len(used) == len(set(used))
    dropped = set(checkpoint.names()) - set(used)
    assert all(name in " ".join(model.notes) for name in dropped)
    assert len({spec.name for spec in model.specs}) == len(model.specs)
    assert model.traits.arch == tiny.MODELS[name].arch
    embedding = next(spec for spec in model.specs if spec.name == "token_embd.weight")
    assert model.vocab_rows == embedding.shape[0]


def test_layers_follow_the_globals_in_order(llama: Checkpoint) -> None:
    specs = expanded(llama).specs
    assert [spec.name for spec in specs[:3]] == [
        "rope_freqs.weight",
        "token_embd.weight",
        "output_norm.weight",
    ]
    assert [spec.layer for spec in specs[3:]] == sorted(spec.layer for spec in specs[3:])
    query = next(spec for spec in specs if spec.name == "blk.1.attn_q.weight")
    assert (query.role, query.layer, query.op, query.args) == ("attn_q", 1, "rope_permute", (4,))
    assert query.sources == ("model.layers.1.self_attn.q_proj.weight",)


def test_grouped_keys_are_permuted_by_their_own_heads(llama: Checkpoint) -> None:
    ops = {spec.name: spec.args for spec in expanded(llama).specs if spec.op == "rope_permute"}
    assert ops["blk.0.attn_k.weight"] == (2,)


def test_an_absent_output_means_tied_embeddings(llama: Checkpoint) -> None:
    assert expanded(llama).traits.tied
    rows = llama.ref("model.embed_tokens.weight").shape
    assert not expanded(llama, with_tensor(llama.refs, "lm_head.weight", rows)).traits.tied


def test_old_buffers_are_dropped_with_a_note(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("gpt2"))
    refs = with_tensor(checkpoint.refs, "transformer.h.0.attn.bias", (1, 1, 64, 64))
    refs = with_tensor(refs, "transformer.h.1.attn.masked_bias", ())
    model = expanded(checkpoint, refs)
    assert model.notes == (
        "buffers that the runtime computes itself are left out: 1 bias, 1 masked_bias",
    )
    assert model.specs == expanded(checkpoint).specs


def test_gpt2_without_its_prefix(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("gpt2"))
    bare = {name.removeprefix("transformer."): ref for name, ref in checkpoint.refs.items()}
    names = [spec.name for spec in expanded(checkpoint, bare).specs]
    assert names == [spec.name for spec in expanded(checkpoint).specs]


def test_missing_left_over_and_unfit_are_in_one_error(llama: Checkpoint) -> None:
    refs = without(llama.refs, "model.norm.weight", "model.layers.1.mlp.up_proj.weight")
    refs = with_tensor(refs, "model.layers.7.mlp.up_proj.weight", (3, 3))
    refs = with_tensor(refs, "extra", (3,))
    odd = "model.layers.0.self_attn.q_proj.weight"
    whole = "model.layers.0.self_attn.v_proj.weight"
    wide = "model.layers.0.self_attn.k_proj.weight"
    refs[wide] = replace(refs[wide], shape=(64, 96))
    refs[odd] = replace(refs[odd], shape=(97, 96))
    refs[whole] = replace(refs[whole], dtype="I64")
    with pytest.raises(ArchitectureError) as caught:
        expanded(llama, refs)
    text = str(caught.value)
    missing, _, rest = text.partition("tensors the architecture has no place for:")
    left, _, unfit = rest.partition("tensors of a dtype or shape that does not fit:")
    assert "norm.weight (for output_norm.weight)" in missing
    assert "layers.1.mlp.up_proj.weight (for blk.1.ffn_up.weight)" in missing
    assert left.split() == ["model.layers.7.mlp.up_proj.weight", "extra"]
    assert f"{odd}: 97 rows do not make 4 heads" in unfit
    fields = "head_dim, num_key_value_heads, hidden_size"
    assert f"{wide}: attn_k.weight is 64 x 96, by {fields} it should be 48 x 96" in unfit
    assert f"{whole}: dtype I64" in unfit
    assert caught.value.where == str(llama.root)
    assert caught.value.exit_code == 3


def test_a_bias_that_the_architecture_requires(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("bert"))
    name = "encoder.layer.1.attention.self.key.bias"
    with pytest.raises(ArchitectureError, match=name):
        expanded(checkpoint, without(checkpoint.refs, name))


def test_one_tensor_under_two_names(llama: Checkpoint) -> None:
    refs = with_tensor(llama.refs, "norm.weight", (96,))
    with pytest.raises(ArchitectureError, match=r"'model\.norm\.weight' and 'norm\.weight'"):
        expanded(llama, refs)


def test_an_absurd_number_of_layers_is_refused_at_once(llama: Checkpoint) -> None:
    with pytest.raises(ConfigError, match=r"4000000000 .*llama\.block_count.* at most 512"):
        expanded(llama, num_hidden_layers=4_000_000_000)
    with pytest.raises(ArchitectureError, match=r"500 layers.*only 20 tensors"):
        expanded(llama, num_hidden_layers=500)


# ---------------------------------------------------------------------------------------- names
def test_an_unknown_class_is_told_which_architecture_its_tensors_fit(llama: Checkpoint) -> None:
    """The names and shapes decide, never the spelling of the class."""
    with pytest.raises(ArchitectureError) as caught:
        expanded(llama, architectures=["BertModels"])
    text = str(caught.value)
    assert "unknown architecture 'BertModels', but all its tensors have the names" in text
    assert "of llama (" in text
    assert "To convert it as llama, name that by `arch`" in text
    assert caught.value.where == str(llama.root / "config.json")


def test_an_architecture_taken_by_name_is_that_of_the_class(llama: Checkpoint) -> None:
    config = {**llama.config, "architectures": ["NobodyKnows"]}
    model = expand(config, llama.refs, llama.root, "llama")
    usual = expanded(llama)
    assert model.specs == usual.specs
    assert model.entries == usual.entries
    assert (model.assumed, usual.assumed) == (True, False)


def test_an_unknown_class_whose_tensors_fit_nothing(llama: Checkpoint) -> None:
    refs = {f"odd.{name}.odd": ref for name, ref in llama.refs.items()}
    with pytest.raises(ArchitectureError) as caught:
        expand({**llama.config, "architectures": ["X"]}, refs, llama.root)
    assert "unknown architecture 'X'" in caught.value.message
    assert "No known architecture has these tensors" in str(caught.value.hint)


def test_an_unknown_name_of_an_architecture_gives_the_nearest(llama: Checkpoint) -> None:
    with pytest.raises(UsageError, match=r"unknown architecture 'lama', perhaps .*llama"):
        expand(llama.config, llama.refs, llama.root, "lama")


@pytest.mark.parametrize("architectures", [_DROP, None, [], [3], "LlamaForCausalLM"])
def test_no_architecture_at_all(llama: Checkpoint, architectures: Any) -> None:
    with pytest.raises(ConfigError, match="architectures"):
        expanded(llama, architectures=architectures)


# --------------------------------------------------------------------------------------- config
def test_missing_fields_are_all_named(llama: Checkpoint) -> None:
    with pytest.raises(ConfigError) as caught:
        expanded(llama, hidden_size=None, num_attention_heads=None, rms_norm_eps=None)
    text = str(caught.value)
    assert re.search(r"missing field hidden_size or .* \(for llama.embedding_length\)", text)
    assert "missing field num_attention_heads or n_head or n_heads" in text
    assert "missing field rms_norm_eps" in text
    assert caught.value.where == str(llama.root / "config.json")


@pytest.mark.parametrize(
    "field, value",
    [
        ("hidden_size", "96"),
        ("hidden_size", 96.0),
        ("num_hidden_layers", True),
        ("num_attention_heads", -4),
        ("max_position_embeddings", 2**32),
        ("rms_norm_eps", "1e-5"),
        ("rms_norm_eps", float("nan")),
        ("rope_theta", "big"),
        ("rope_theta", 10**400),
        ("rms_norm_eps", 10**400),
        ("rope_scaling", "linear"),
        ("num_key_value_heads", [2]),
    ],
)
def test_fields_of_the_wrong_kind_are_named(llama: Checkpoint, field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        expanded(llama, **{field: value})


def test_class_defaults_fill_absent_fields(llama: Checkpoint) -> None:
    got = values(
        expanded(
            llama,
            max_position_embeddings=_DROP,
            rms_norm_eps=_DROP,
            rope_theta=_DROP,
            rope_scaling=_DROP,
        )
    )
    assert got["llama.context_length"] == 2048
    assert got["llama.attention.layer_norm_rms_epsilon"] == 1e-6
    assert got["llama.rope.freq_base"] == 10000.0
    assert got["llama.attention.key_length"] == got["llama.rope.dimension_count"] == 24


def test_a_null_is_filled_only_where_the_class_computes_it(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("qwen2"))
    refs = {
        name: replace(ref, shape=(96, *ref.shape[1:]))
        if "k_proj" in name or "v_proj" in name
        else ref
        for name, ref in checkpoint.refs.items()
    }
    model = expanded(checkpoint, refs, num_key_value_heads=None, head_dim=None)
    assert model.traits.heads_kv == values(model)["qwen2.attention.head_count_kv"] == 4
    assert "qwen2.attention.key_length" not in values(model)


def test_positions_are_as_many_as_the_config_says(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("gpt2"))
    with pytest.raises(ArchitectureError, match=r"position_embd\.weight is 64 x 96.* 32 x 96"):
        expanded(checkpoint, n_positions=32)
    # The name of the first release, which today's class does not read.
    assert values(expanded(checkpoint, n_ctx=32))["gpt2.context_length"] == 64


def test_fields_of_a_nested_text_model(llama: Checkpoint) -> None:
    text = dict(llama.config)
    model = expand(
        {"architectures": ["Outer"], "model_type": "outer", "text_config": text},
        llama.refs,
        llama.root,
    )
    assert model == expanded(llama)


@pytest.mark.parametrize("spelling", ["rope_scaling", "rope_parameters"])
def test_linear_scaling(llama: Checkpoint, spelling: str) -> None:
    scaling = {"rope_type": "linear", "factor": 4}
    got = values(expanded(llama, **{"rope_scaling": _DROP, spelling: scaling}))
    assert got["llama.rope.scaling.type"] == "linear"
    assert got["llama.rope.scaling.factor"] == 4.0
    assert "rope_freqs.weight" not in {
        spec.name for spec in expanded(llama, rope_scaling=scaling).specs
    }


def test_yarn_starts_from_the_models_context(llama: Checkpoint) -> None:
    yarn = {"type": "yarn", "factor": 4.0}
    got = values(expanded(llama, rope_scaling=yarn))
    assert got["llama.rope.scaling.original_context_length"] == 64
    got = values(
        expanded(llama, rope_scaling={**yarn, "beta_slow": 1}, original_max_position_embeddings=16)
    )
    assert got["llama.rope.scaling.original_context_length"] == 16
    assert got["llama.rope.scaling.yarn_beta_slow"] == 1.0


def test_kinds_of_scaling_that_are_not_written(llama: Checkpoint) -> None:
    for scaling in (None, {}, {"rope_type": "default"}):
        assert "llama.rope.scaling.type" not in values(expanded(llama, rope_scaling=scaling))


# ------------------------------------------------------------------------------------------ bert
def pooling(folder: Path, record: Any) -> Any:
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(record), encoding="utf-8")
    return values(expanded(open_checkpoint(folder))).get("bert.pooling_type")


def test_poolings(make_tiny: Make) -> None:
    folder = make_tiny("bert")
    assert pooling(folder, {"pooling_mode_mean_tokens": True}) == 1
    assert pooling(folder, {"pooling_mode_cls_token": True}) == 2
    assert pooling(folder, {"pooling_mode_lasttoken": True}) == 3
    assert pooling(folder, {"pooling_mode": "cls"}) == 2
    with pytest.raises(ConfigError, match="none of mean, cls and lasttoken"):
        pooling(folder, {"pooling_mode_max_tokens": True})
    (folder / "1_Pooling" / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"without config\.json"):
        expanded(open_checkpoint(folder))
    (folder / "modules.json").unlink()
    assert "bert.pooling_type" not in values(expanded(open_checkpoint(folder)))


def test_a_pooling_outside_the_folder_is_refused(make_tiny: Make) -> None:
    folder = make_tiny("bert")
    modules = [{"type": "x.Pooling", "path": "../../secret"}]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    with pytest.raises(ConfigError, match="outside the model's folder"):
        expanded(open_checkpoint(folder))


def test_a_classifier_has_its_pooler_and_a_name_for_each_output(make_tiny: Make) -> None:
    checkpoint = open_checkpoint(make_tiny("bert_classifier"))
    named = expanded(checkpoint)
    head = {"cls.weight", "cls.bias", "cls.output.weight", "cls.output.bias"}
    assert head <= {spec.name for spec in named.specs}
    assert values(named)["bert.classifier.output_labels"] == ("no", "perhaps", "yes")
    unnamed = expanded(checkpoint, id2label=_DROP)
    assert values(unnamed)["bert.classifier.output_labels"] == ("LABEL_0", "LABEL_1", "LABEL_2")
    with pytest.raises(ConfigError, match=r"names 2 classes, classifier\.weight has 3 rows"):
        expanded(checkpoint, id2label={"0": "LABEL_0", "1": "LABEL_1"})
    with pytest.raises(ConfigError, match="id2label"):
        expanded(checkpoint, id2label={"zero": "no"})
    with pytest.raises(ArchitectureError, match=r"pooler\.dense\.weight \(for cls\.weight\)"):
        expanded(checkpoint, without(checkpoint.refs, "bert.pooler.dense.weight"))


def test_random_tensors_are_reproducible() -> None:
    first, second = (tiny.random_tensors({"a": (3, 4)}, "BF16", 5)["a"] for _ in range(2))
    assert np.array_equal(first, second)


# ----------------------------------------------------------------------------------------- fuzz
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=5)
)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS)
ROPE = st.dictionaries(
    st.sampled_from(
        ["rope_type", "type", "factor", "rope_theta", "mrope_section", "full_attention"]
    ),
    JSON | st.sampled_from(["yarn", "llama3", "linear"]),
)
FIELDS = st.sampled_from(
    [
        "architectures",
        "head_dim",
        "hidden_size",
        "id2label",
        "is_causal",
        "max_position_embeddings",
        "model_type",
        "n_inner",
        "n_layer",
        "num_attention_heads",
        "num_experts",
        "num_hidden_layers",
        "num_key_value_heads",
        "rms_norm_eps",
        "rope_local_base_freq",
        "rope_parameters",
        "rope_scaling",
        "text_config",
        "type_vocab_size",
        "vocab_size",
    ]
)


@pytest.fixture(scope="module")
def each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("fuzz") / request.param
    return open_checkpoint(tiny.write_tiny(request.param, folder))


@pytest.mark.parametrize("each", sorted(tiny.MODELS), indirect=True)
@given(changed=st.dictionaries(FIELDS, JSON | ROPE, max_size=3))
def test_any_json_in_the_config_gives_a_model_or_a_named_error(
    each: Checkpoint, changed: dict[str, Any]
) -> None:
    try:
        model = expanded(each, **changed)
    except (ConfigError, ArchitectureError) as error:
        refused = error
    else:
        assert model.specs
        return
    assert refused.where
