"""`quantcli plan`."""

from __future__ import annotations

from typing import Annotated

import typer

from quantcli.cli import console, conversion_view
from quantcli.cli.options import (
    SHOWN,
    Arch,
    Effort,
    ExcludeWeights,
    FollowLinks,
    Imatrix,
    IncludeWeights,
    Jobs,
    Json,
    Metadata,
    Model,
    ModelName,
    PresetType,
    PreTokenizer,
    Strict,
    metadata_of,
)
from quantcli.cli.sizes import TYPES

_SHORT = "Show what a conversion would do, to the byte."
_EXAMPLES = """Examples:
quantcli plan SmolLM2-135M-Instruct -t Q4_K_M
quantcli plan SmolLM2-135M-Instruct -t Q4_K_M --tensors | grep ffn_down
quantcli plan SmolLM2-135M-Instruct -t Q4_K_M --json > plan.json
"""
_EPILOG = f"{_EXAMPLES}\n{TYPES}"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("plan", short_help=_SHORT, epilog=_EPILOG)(plan)


def plan(
    model: Model,
    type_: PresetType,
    tensors: Annotated[
        bool,
        typer.Option(
            "--tensors", help="List every tensor, not only how many.", rich_help_panel=SHOWN
        ),
    ] = False,
    imatrix: Imatrix = None,
    include_weights: IncludeWeights = None,
    exclude_weights: ExcludeWeights = None,
    jobs: Jobs = None,
    effort: Effort = None,
    model_name: ModelName = None,
    metadata: Metadata = None,
    arch: Arch = None,
    pre_tokenizer: PreTokenizer = None,
    follow_links: FollowLinks = False,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Show what a conversion would do, to the byte, without reading tensor data."""
    from quantcli.app.plan import DEFAULT_EFFORT, expected_memory
    from quantcli.app.plan import plan as run
    from quantcli.execute.chunks import CHUNK_WEIGHTS
    from quantcli.execute.cores import available_cores

    made = run(
        model,
        type_,
        effort=effort or DEFAULT_EFFORT,
        pre_tokenizer=pre_tokenizer,
        arch=arch,
        imatrix=imatrix,
        imatrix_include=include_weights or (),
        imatrix_exclude=exclude_weights or (),
        model_name=model_name,
        metadata=metadata_of(metadata),
        follow_links=follow_links,
        strict=strict,
    )
    if json:
        console.json(made.to_json())
        return
    (conversion_view.tensors if tensors else conversion_view.groups)(made)
    memory = expected_memory(made, jobs or available_cores(), CHUNK_WEIGHTS)
    conversion_view.totals(made, memory)
