"""Mamba 2: groups of heads, tied and untied; limits of the time step are refused."""

from __future__ import annotations

from conformance.case import Case, Tensors, Twin
from conformance.recurrent import DECAY

_MAMBA = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "state_size": 16,
    "num_heads": 8,
    "head_dim": 16,
    "n_groups": 2,
}

_RELEASED = {**_MAMBA, "num_hidden_layers": 1, "vocab_size": 320}
# Names as Codestral Mamba was released.
_CODESTRAL = {
    "model.backbone.embeddings.weight": (320, 64),
    "model.backbone.layers.0.mixer.A_log": (8,),
    "model.backbone.layers.0.mixer.D": (8,),
    "model.backbone.layers.0.mixer.conv1d.bias": (192,),
    "model.backbone.layers.0.mixer.conv1d.weight": (192, 1, 4),
    "model.backbone.layers.0.mixer.dt_bias": (8,),
    "model.backbone.layers.0.mixer.in_proj.weight": (328, 64),
    "model.backbone.layers.0.mixer.norm.weight": (128,),
    "model.backbone.layers.0.mixer.out_proj.weight": (64, 128),
    "model.backbone.layers.0.norm.weight": (64,),
    "model.backbone.norm_f.weight": (64,),
    "model.lm_head.weight": (320, 64),
}


def _without_model(tensors: Tensors) -> Tensors:
    return {name.removeprefix("model."): value for name, value in tensors.items()}


CASES = (
    Case("groups", "Mamba2ForCausalLM", _MAMBA, peer_differs=DECAY),
    Case(
        "tied",
        "Mamba2ForCausalLM",
        {**_MAMBA, "tie_word_embeddings": True, "n_groups": 1, "conv_kernel": 3},
        peer_differs=DECAY,
    ),
    Case(
        "codestral",
        "Mamba2ForCausalLM",
        {**_RELEASED, "model_type": "mamba2"},
        shapes=_CODESTRAL,
        twin=Twin(
            "Mamba2ForCausalLM",
            _RELEASED,
            _without_model,
        ),
    ),
    Case("wide", "Mamba2ForCausalLM", {**_MAMBA, "expand": 4, "num_heads": 16}, peer_differs=DECAY),
    Case(
        "limits",
        "Mamba2ForCausalLM",
        {**_MAMBA, "time_step_limit": (0.0, 0.1)},
        refused="time_step_limit is",
    ),
)
