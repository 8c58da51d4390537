"""Options that several commands share, spelled once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from quantcli.cli import complete

OUTPUT, WORK, SHOWN = "Output", "Work", "What is printed"
METADATA, QUALITY = "Model and metadata", "Quality"

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Folder of a Hugging Face checkpoint, or a .safetensors file beside its config.json.",
        show_default=False,
    ),
]
Arch = Annotated[
    str | None,
    typer.Option(
        "--arch",
        metavar="NAME",
        help="Convert as this architecture, whatever class config.json names (`quantcli archs`).",
        show_default=False,
        rich_help_panel=METADATA,
        autocompletion=complete.architectures,
    ),
]
Imatrix = Annotated[
    list[Path] | None,
    typer.Option(
        "--imatrix",
        metavar="FILE",
        help="Importance matrix of llama-imatrix (GGUF or .dat); several are merged.",
        show_default=False,
        rich_help_panel=QUALITY,
    ),
]
IncludeWeights = Annotated[
    list[str] | None,
    typer.Option(
        "--include-weights",
        metavar="REGEX",
        help="Use the matrix for tensors whose name has this only; may be repeated.",
        show_default=False,
        rich_help_panel=QUALITY,
    ),
]
ExcludeWeights = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude-weights",
        metavar="REGEX",
        help="Do not use the matrix for tensors whose name has this; may be repeated.",
        show_default=False,
        rich_help_panel=QUALITY,
    ),
]
PreTokenizer = Annotated[
    str | None,
    typer.Option(
        "--pre-tokenizer",
        metavar="NAME",
        help="llama.cpp's name of the pre-tokenizer, where it is not recognised.",
        show_default=False,
        rich_help_panel=METADATA,
        autocompletion=complete.pre_tokenizers,
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model-name",
        metavar="NAME",
        help="What the model is called, in general.name and in the output's name. "
        "Default: what its card says, else its folder's name.",
        show_default=False,
        rich_help_panel=METADATA,
        callback=lambda name: None if name is None else as_text(name),
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        metavar="KEY=VALUE",
        help="Set a general.* key or one of your own (KEY=type:VALUE names its type, lists have "
        "commas); can be repeated.",
        show_default=False,
        rich_help_panel=METADATA,
    ),
]
FollowLinks = Annotated[
    bool,
    typer.Option(
        "--follow-links",
        help="Let links lead out of the model's folder.",
        rich_help_panel=METADATA,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Refuse fallbacks to other types and notes.", rich_help_panel=WORK
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object; an error is one on stderr.",
        rich_help_panel=SHOWN,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Show no progress, notes or summary.", rich_help_panel=SHOWN
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="Worker processes. Default: the cores available.",
        show_default=False,
        rich_help_panel=WORK,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="WHERE",
        help="Work on a Dask cluster: dask://HOST:PORT, or the path of a scheduler file.",
        show_default=False,
        rich_help_panel=WORK,
    ),
]
PRESET_HELP = "Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, …, in any case; `quantcli types` lists all."
_TYPE = {
    "metavar": "TYPE",
    "help": PRESET_HELP,
    "show_default": False,
    "autocompletion": complete.presets,
    "rich_help_panel": OUTPUT,
}
PresetType = Annotated[str, typer.Option("--type", "-t", **_TYPE)]
OptionalPresetType = Annotated[str | None, typer.Option("--type", "-t", **_TYPE)]
PresetTypes = Annotated[
    list[str],
    typer.Option("--type", "-t", **{**_TYPE, "help": f"{PRESET_HELP} Can be repeated."}),
]
Effort = Annotated[
    str | None,
    typer.Option(
        "--effort",
        metavar="LEVEL",
        help="How hard the encoders search: fast, normal (the default) or best.",
        show_default=False,
        rich_help_panel=WORK,
        autocompletion=complete.efforts,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File, or folder (DIR/); {name} and {type} are filled in. "
        "Default: MODEL-TYPE.gguf in the current folder.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="Execute a plan saved by `quantcli plan --json` instead of making one.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", "-f", help="Replace an existing output.", rich_help_panel=OUTPUT),
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        help="Leave an output alone whose header is what would be written and that is newer than "
        "the checkpoint; replace one only if quantcli made it. --skip-existing=verify looks at no "
        "times but encodes again and compares contents.",
        rich_help_panel=OUTPUT,
    ),
]
SkipExistingVerify = Annotated[bool, typer.Option("--skip-existing-verify", hidden=True)]
VocabOnly = Annotated[
    bool,
    typer.Option(
        "--vocab-only",
        help="Write metadata and vocabulary only, no tensors: NAME-vocab.gguf.",
        rich_help_panel=OUTPUT,
    ),
]
Modelfile = Annotated[
    bool,
    typer.Option(
        "--modelfile",
        help="Also write an Ollama Modelfile beside the output.",
        rich_help_panel=OUTPUT,
    ),
]
AllowNonfinite = Annotated[
    bool,
    typer.Option(
        "--allow-nonfinite",
        help="Go on with NaN (becomes 0) and infinite weights (the row's largest).",
        rich_help_panel=WORK,
    ),
]
ChunkWeights = Annotated[int, typer.Option("--chunk-weights", min=1, hidden=True)]


def as_text(argument: str) -> str:
    """Return an argument as UTF-8 has it, also in a locale whose encoding cannot read it."""
    return os.fsencode(argument).decode("utf-8", "replace")


def metadata_of(pairs: list[str] | None) -> dict[str, str]:
    """Return what `--metadata KEY=VALUE` says, by key.

    Raises:
        UsageError: no `=`, or a key given twice.
    """
    from quantcli.errors import UsageError

    found: dict[str, str] = {}
    for pair in map(as_text, pairs or ()):
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is not KEY=VALUE", hint="--metadata general.author=NAME")
        if key in found:
            raise UsageError(f"--metadata sets {key} twice", hint="Give it once.")
        found[key] = value
    return found
