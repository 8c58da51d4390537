"""Mistral's own format: consolidated*.safetensors beside params.json, read as transformers' config.

The names of params.json are those of mistral-inference and of mistral_common; what they mean in
transformers' words is how vLLM and llama.cpp's converter read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quantcli.checkpoint.json_file import read_object
from quantcli.errors import ConfigError

CONFIG = "config.json"
PARAMS = "params.json"
FILES = "consolidated*.safetensors"
CLASS = "MistralConsolidatedForCausalLM"
"""What stands for the class, which this format does not name; the tables know it."""

# Fields of params.json → what config.json calls them.
_NAMES = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "hidden_dim": "intermediate_size",
    "norm_eps": "rms_norm_eps",
    "tied_embeddings": "tie_word_embeddings",
    "max_seq_len": "max_position_embeddings",
    # What sees is another part, under a name that config.json has for it.
    "vision_encoder": "vision_config",
}
_EXPERTS = ("num_experts", "num_experts_per_tok")
# Positions of a model that does not say how many it was made for, as vLLM has it.
_POSITIONS = 128_000


def config_name(root: Path) -> str:
    """Return the name of the file with the configuration: config.json unless it is consolidated."""
    if not (root / CONFIG).exists() and (root / PARAMS).is_file() and any(root.glob(FILES)):
        return PARAMS
    return CONFIG


def read_config(root: Path) -> dict[str, Any] | None:
    """Return config.json, or params.json in its words; None without either.

    Raises:
        ConfigError: the file is not readable JSON, or a part of params.json is no object.
    """
    name = config_name(root)
    if not (root / name).exists():
        return None
    found = read_object(root, name)
    return found if name == CONFIG else as_config(found, str(root / name))


def as_config(params: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return params.json in the words of config.json.

    Args:
        params: its fields; those that both formats call alike stay.
        where: the file, for errors.

    Raises:
        ConfigError: a part that must be an object is something else.
    """
    given = {_NAMES.get(name, name): value for name, value in params.items()}
    yarn, growth = (_object(given, name, where) for name in ("yarn", "llama_4_scaling"))
    experts = _object(given, "moe", where)
    rope: dict[str, Any] = {"rope_type": "default"}
    if "rope_theta" in given:
        rope["rope_theta"] = given.pop("rope_theta")
    if yarn:
        rope |= {
            "rope_type": "yarn",
            "factor": yarn.get("factor"),
            "original_max_position_embeddings": yarn.get("original_max_position_embeddings"),
            "beta_fast": yarn.get("beta"),
            "beta_slow": yarn.get("alpha"),
        }
        if not yarn.get("apply_scale", True):  # cosines and sines keep their size
            rope |= {"mscale": 1.0, "mscale_all_dim": 1.0}
    if growth:
        rope["llama_4_scaling_beta"] = growth.get("beta")
    return {
        "sliding_window": None,
        "max_position_embeddings": _POSITIONS,
        "tie_word_embeddings": False,
        **given,
        **{name: experts[name] for name in _EXPERTS if name in experts},
        "architectures": [CLASS],
        "model_type": "mistral",
        "rope_parameters": rope,
    }


def _object(given: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """Take a part out of the fields."""
    value = given.pop(name, None) or {}
    if not isinstance(value, dict):
        raise ConfigError(f"{name} is {value!r}, not an object", where=where)
    return value
