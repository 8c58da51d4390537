"""The rules' conditions one by one, and the tensors that are never quantized."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantcli import recipe
from quantcli.arch.architecture import TensorSpec, Traits
from quantcli.recipe.rules import DOWN, HEAD, LARGE_VALUES, UP, Recipe, Rule, V
from quantcli.recipe.tensors import category, dimensions, is_float32, is_quantized

TRAITS = Traits(arch="llama", layers=16, heads=8, heads_kv=4, experts=0, tied=False)


def spec(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(name, "", None, shape, "identity", (), (f"hf.{name}",))


def types(
    rules: tuple[Rule, ...], traits: Traits, *specs: TensorSpec, importance: bool = False
) -> list[str]:
    preset = Recipe("TEST", file_type=99, type="Q4_K", rules=rules)
    return [got.type for got in recipe.assign(preset, traits, specs, importance=importance)]


def downs(count: int) -> list[TensorSpec]:
    return [spec(f"blk.{layer}.ffn_down.weight", 256, 512) for layer in range(count)]


@pytest.mark.parametrize(
    "position, layers",
    [
        ("first 2", {0, 1}),
        ("first 4", {0, 1, 2, 3}),
        ("first eighth", {0, 1}),
        ("first sixteenth", {0}),
        ("middle", set(range(2, 14))),
        ("more bits", {0, 1, 4, 7, 10, 13, 14, 15}),
    ],
)
def test_positions(position: str, layers: set[int]) -> None:
    found = types((Rule("Q6_K", (DOWN,), position=position),), TRAITS, *downs(16))
    assert {layer for layer, kind in enumerate(found) if kind == "Q6_K"} == layers


def test_with_experts_the_layer_is_that_of_the_name() -> None:
    rule = Rule("Q6_K", (DOWN,), position="first eighth")
    shared = [spec(f"blk.{n}.ffn_down_shexp.weight", 256, 512) for n in range(16)]
    specs = [tensor for pair in zip(downs(16), shared, strict=True) for tensor in pair]
    routed = replace(TRAITS, experts=16)
    assert types((rule,), routed, *specs).count("Q6_K") == 4
    assert types((replace(rule, by_counter=True),), routed, *specs).count("Q6_K") == 2


@pytest.mark.parametrize(
    "rule, traits, holds",
    [
        (Rule("Q6_K", arch="llama"), TRAITS, True),
        (Rule("Q6_K", arch="falcon"), TRAITS, False),
        (Rule("Q6_K", not_arch="llama"), TRAITS, False),
        (Rule("Q6_K", not_arch="falcon"), TRAITS, True),
        (Rule("Q6_K", experts=8), replace(TRAITS, experts=8), True),
        (Rule("Q6_K", experts=8), replace(TRAITS, experts=16), False),
        (Rule("Q6_K", min_experts=4), replace(TRAITS, experts=16), True),
        (Rule("Q6_K", min_experts=4), TRAITS, False),
        (Rule("Q6_K", min_gqa=2), TRAITS, True),
        (Rule("Q6_K", min_gqa=3), TRAITS, False),
        (Rule("Q6_K", min_gqa=1), replace(TRAITS, heads_kv=0), False),
        (Rule("Q6_K", importance=False), TRAITS, True),
        (Rule("Q6_K", importance=True), TRAITS, False),
        (Rule("Q6_K", stacked=True), TRAITS, False),
        (Rule("Q6_K", stacked=False), TRAITS, True),
        (Rule("Q6_K", misfit=True), TRAITS, False),
        (Rule("Q6_K", (UP,)), TRAITS, True),
        (Rule("Q6_K", (HEAD, V)), TRAITS, False),
        (Rule("Q6_K", size="70B"), TRAITS, False),
    ],
)
def test_conditions(rule: Rule, traits: Traits, holds: bool) -> None:
    assert types((rule,), traits, spec("blk.0.ffn_up.weight", 512, 256)) == (
        ["Q6_K"] if holds else ["Q4_K"]
    )


def test_an_importance_matrix_is_a_condition() -> None:
    up = spec("blk.0.ffn_up.weight", 512, 256)
    assert types((Rule("Q6_K", importance=True),), TRAITS, up, importance=True) == ["Q6_K"]


def test_stacked_experts_are_told_from_matrices() -> None:
    rule = (Rule("Q6_K", stacked=True),)
    experts = spec("blk.0.ffn_up_exps.weight", 4, 512, 256)
    assert types(rule, TRAITS, experts) == ["Q6_K"]
    assert types(rule, TRAITS, replace(experts, shape=(1, 512, 256))) == ["Q4_K"]


@pytest.mark.parametrize(
    "arch, layers, heads_kv, large",
    [
        ("llama", 80, 4, True),
        ("llama", 80, 8, False),
        ("llama", 79, 4, False),
        ("qwen2", 80, 8, True),
        ("jais2", 68, 8, True),
        ("qwen3", 80, 4, False),
    ],
)
def test_the_70b_class(arch: str, layers: int, heads_kv: int, large: bool) -> None:
    traits = replace(TRAITS, arch=arch, layers=layers, heads_kv=heads_kv)
    values = spec("blk.0.attn_v.weight", 256, 256)
    assert types(LARGE_VALUES, traits, values) == (["Q5_K"] if large else ["Q4_K"])


def test_value_tensors_of_all_spellings_are_counted_together() -> None:
    rule = Rule("Q6_K", ("v", "qkv", "kv_b"), position="first 2")
    names = ("blk.0.attn_qkv.weight", "blk.1.attn_v.weight", "blk.2.attn_kv_b.weight")
    found = types((rule,), TRAITS, *(spec(name, 256, 256) for name in names))
    assert found == ["Q6_K", "Q6_K", "Q4_K"]


@pytest.mark.parametrize(
    "name, tied, kind",
    [
        ("output.weight", False, "head"),
        ("token_embd.weight", True, "head"),
        ("token_embd.weight", False, "embedding"),
        ("per_layer_token_embd.weight", True, "head"),
        ("blk.1.attn_qkv.weight", True, "qkv"),
        ("dec.blk.0.cross_attn_v.weight", True, "v"),
        ("blk.1.attn_q_a.weight", True, "other"),
        ("blk.1.ffn_down_shexp.weight", True, "down"),
        ("blk.1.vis_attn_output.weight", True, "attention_output"),
        ("cls.weight", True, "other"),
    ],
)
def test_categories(name: str, tied: bool, kind: str) -> None:
    assert category(name, tied=tied) == kind


@pytest.mark.parametrize(
    "name, shape, quantized",
    [
        ("blk.0.attn_q.weight", (8, 256), True),
        ("blk.0.attn_q.weight", (1, 256), False),
        ("blk.0.attn_q.weight", (256, 1), True),
        ("blk.0.attn_q.bias", (8, 256), False),
        ("blk.0.attn_norm.weight", (8, 256), False),
        ("blk.0.ffn_gate_inp.weight", (8, 256), False),
        ("position_embd.weight", (8, 256), False),
        ("token_types.weight", (2, 256), False),
        ("blk.0.ssm_conv1d.weight", (8, 4), False),
        ("blk.0.ssm_a", (8, 4), False),
        ("blk.0.time_mix_w1.weight", (8, 64), False),
        ("blk.0.time_mix_key.weight", (8, 64), True),
        ("cls.weight", (8, 256), True),
    ],
)
def test_what_is_quantized(name: str, shape: tuple[int, ...], quantized: bool) -> None:
    assert is_quantized(name, shape) is quantized


@pytest.mark.parametrize(
    "name, shape, float32",
    [
        ("output_norm.weight", (256,), True),
        ("blk.3.attn_q.bias", (256,), True),
        ("blk.3.attn_q.weight", (256, 256), False),
        ("position_embd.weight", (8, 256), True),
        ("blk.12.ffn_gate_inp.weight", (8, 256), True),
        ("blk.12.ffn_gate.weight", (8, 256), False),
        ("blk.1.shortconv.conv.weight", (8, 4), True),
        ("posnet.0.norm1.weight", (8, 4), True),
        ("blk.1.altup_router.weight", (8, 4), False),
        ("blk.1.altup_correct_coef.weight", (8, 4), True),
        ("blk.0.ssm_a", (8, 4), True),
    ],
)
def test_what_the_converter_writes_as_f32(name: str, shape: tuple[int, ...], float32: bool) -> None:
    assert is_float32(name, shape) is float32


def test_dimensions_ignore_outer_ones() -> None:
    assert [dimensions(s) for s in ((5,), (1, 5), (5, 1), (1, 1), (1, 2, 3), (2, 1, 3))] == [
        1,
        1,
        2,
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(
    "dtypes, kept",
    [({}, "F16"), ({"hf.cls.weight": "BF16"}, "BF16"), ({"hf.cls.weight": "F32"}, "F16")],
)
def test_matrices_never_quantized_keep_the_16_bit_type(dtypes: dict[str, str], kept: str) -> None:
    specs = [spec("cls.weight", 1, 256), spec("cls.bias", 1), spec("token_embd.weight", 9, 256)]
    found = recipe.assign(recipe.resolve("Q4_K_M"), TRAITS, specs, dtypes)
    assert [got.type for got in found] == [kept, "F32", "Q6_K"]


@pytest.mark.parametrize("name", ["F32", "F16", "BF16"])
def test_plain_presets_have_no_mixture_and_no_fallback(name: str) -> None:
    specs = [
        spec("token_embd.weight", 9, 33),
        spec("output_norm.weight", 33),
        spec("position_embd.weight", 5, 33),
        spec("cls.weight", 1, 33),
    ]
    found = recipe.assign(recipe.resolve(name), TRAITS, specs)
    assert [got.type for got in found] == [name, "F32", "F32", name]
    assert {got.fallback for got in found} == {None}


@pytest.mark.parametrize(
    "columns, preset, kind, reason",
    [
        (576, "Q4_K_M", "Q5_0", ("rows of 576 are no multiple of 256", "Q4_K")),
        (576, "Q5_K_S", "Q5_1", ("rows of 576 are no multiple of 256", "Q5_K")),
        (576, "Q6_K", "Q8_0", ("rows of 576 are no multiple of 256", "Q6_K")),
        (48, "Q4_K_M", "F16", ("rows of 48 are no multiple of 256", "Q4_K")),
        (48, "Q8_0", "F16", ("rows of 48 are no multiple of 32", "Q8_0")),
        (512, "Q4_K_M", "Q4_K", (None, None)),
    ],
)
def test_shape_fallbacks(
    columns: int, preset: str, kind: str, reason: tuple[str | None, str | None]
) -> None:
    specs = [spec("blk.0.ffn_up.weight", 8, columns)]
    (got,) = recipe.assign(recipe.resolve(preset), TRAITS, specs)
    assert (got.type, (got.fallback, got.wanted)) == (kind, reason)


def test_a_misfit_output_is_explained_by_what_it_should_have_been() -> None:
    (got,) = recipe.assign(recipe.resolve("Q4_K_M"), TRAITS, [spec("output.weight", 9, 576)])
    assert got.type == "Q8_0"
    assert (got.fallback, got.wanted) == ("rows of 576 are no multiple of 256", "Q6_K")
