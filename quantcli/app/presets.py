"""The presets by what they take: bits per weight and file size, on a model that people know."""

from __future__ import annotations

from dataclasses import dataclass

from quantcli import codec, recipe
from quantcli.arch.architecture import TensorSpec, Traits

REFERENCE = "Llama 3.1 8B"
"""The model whose sizes are given; every row of it is whole blocks of every type."""
_TRAITS = Traits(arch="llama", layers=32, heads=32, heads_kv=8, experts=0, tied=False)
_WIDTH, _NARROW, _INNER, _TOKENS = 4096, 1024, 14336, 128256
_SHAPES = {
    "attn_norm": (_WIDTH,),
    "attn_q": (_WIDTH, _WIDTH),
    "attn_k": (_NARROW, _WIDTH),
    "attn_v": (_NARROW, _WIDTH),
    "attn_output": (_WIDTH, _WIDTH),
    "ffn_norm": (_WIDTH,),
    "ffn_gate": (_INNER, _WIDTH),
    "ffn_up": (_INNER, _WIDTH),
    "ffn_down": (_WIDTH, _INNER),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """What a conversion can be asked for.

    Attributes:
        name: canonical name, "Q4_K_M".
        aliases: other names that mean the same.
        type: tensor type of most weights.
        bits_per_weight: over all tensors of the reference model.
        size: bytes of that model's tensors.
    """

    name: str
    aliases: tuple[str, ...]
    type: str
    bits_per_weight: float
    size: int


def presets() -> tuple[Preset, ...]:
    """Return all presets, the largest first."""
    found = (_preset(recipe.resolve(name)) for name in recipe.names())
    return tuple(sorted(found, key=lambda preset: (-preset.bits_per_weight, preset.name)))


def _preset(made: recipe.Recipe) -> Preset:
    specs = _specs()
    size = weights = 0
    for spec, choice in zip(specs, recipe.assign(made, _TRAITS, specs), strict=True):
        rows = spec.shape[0] if len(spec.shape) == 2 else 1
        size += rows * codec.get(choice.type).row_bytes(spec.shape[-1])
        weights += rows * spec.shape[-1]
    return Preset(made.name, made.aliases, made.type, 8 * size / weights, size)


def _specs() -> list[TensorSpec]:
    """Return the reference model's tensors."""
    matrices = {
        "token_embd": (_TOKENS, _WIDTH),
        "output_norm": (_WIDTH,),
        "output": (_TOKENS, _WIDTH),
    }
    shapes: dict[str, tuple[int, ...]] = {
        f"{name}.weight": shape for name, shape in matrices.items()
    }
    for layer in range(_TRAITS.layers):
        shapes |= {f"blk.{layer}.{role}.weight": shape for role, shape in _SHAPES.items()}
    return [TensorSpec(name, "", None, shape, "identity", (), ()) for name, shape in shapes.items()]
