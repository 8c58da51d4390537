"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="Folder of a Hugging Face checkpoint, or a .safetensors file beside its config.json.",
        show_default=False,
    ),
]
PreTokenizer = Annotated[
    str | None,
    typer.Option(
        "--pre-tokenizer",
        metavar="NAME",
        help="llama.cpp's name of the pre-tokenizer, where it is not recognised.",
        show_default=False,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse fallbacks to other types and notes.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show neither progress nor summary.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        help="Worker processes. Default: the cores available.",
        show_default=False,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="WHERE",
        help="Work on a Dask cluster: dask://HOST:PORT, or the path of a scheduler file.",
        show_default=False,
    ),
]
PRESET_HELP = "Preset such as Q4_K_M, in any case; an unknown one lists them."
PresetType = Annotated[
    str, typer.Option("--type", "-t", metavar="TYPE", help=PRESET_HELP, show_default=False)
]
OptionalPresetType = Annotated[
    str | None, typer.Option("--type", "-t", metavar="TYPE", help=PRESET_HELP, show_default=False)
]
Effort = Annotated[
    str,
    typer.Option("--effort", help="How hard the encoders search: fast, normal or best."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Default: MODEL-TYPE.gguf in the current folder.",
        show_default=False,
    ),
]
PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="Execute a plan saved by `quantcli plan --json`.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace an existing output.")]
SkipExisting = Annotated[
    bool,
    typer.Option("--skip-existing", help="Leave an output that is up to date alone and exit 0."),
]
AllowNonfinite = Annotated[
    bool,
    typer.Option(
        "--allow-nonfinite",
        help="Go on with NaN (becomes 0) and infinite weights (the row's largest).",
    ),
]
ChunkWeights = Annotated[int, typer.Option("--chunk-weights", min=1, hidden=True)]
