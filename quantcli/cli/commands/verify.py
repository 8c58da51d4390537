"""`quantcli verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quantcli.cli import console, verification_view
from quantcli.cli.options import (
    Engine,
    ExcludeWeights,
    FollowLinks,
    Imatrix,
    IncludeWeights,
    Jobs,
    Json,
    Quiet,
)
from quantcli.cli.progress import progress
from quantcli.errors import VerificationError

_SHORT = "Check a GGUF file, alone or against its checkpoint."
_EXAMPLES = """Examples:
quantcli verify SmolLM2-135M-Instruct-Q4_K_M.gguf
quantcli verify SmolLM2-135M-Instruct-Q4_K_M.gguf --against SmolLM2-135M-Instruct
"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("verify", short_help=_SHORT, epilog=_EXAMPLES)(verify)


def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="GGUF file to check.", show_default=False)
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="MODEL",
            help="The checkpoint it was made from: compare every key, token and tensor with it.",
            show_default=False,
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Also encode MODEL again and compare every byte. Slow."),
    ] = False,
    imatrix: Imatrix = None,
    include_weights: IncludeWeights = None,
    exclude_weights: ExcludeWeights = None,
    jobs: Jobs = None,
    engine: Engine = None,
    follow_links: FollowLinks = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Check a GGUF file's structure, or that it holds what its checkpoint says."""
    from quantcli.app.verify import verify as run

    with progress("verifying", quiet=quiet, json=json, unit="bytes") as update:
        result = run(
            file,
            against,
            exact=exact,
            imatrix=imatrix,
            imatrix_include=include_weights or (),
            imatrix_exclude=exclude_weights or (),
            jobs=jobs,
            engine=engine,
            follow_links=follow_links,
            progress=update,
        )
    if json:
        console.json(result.to_json())
    elif not quiet:
        verification_view.show(result)
    if not result.passed:
        raise VerificationError(verification_view.listed(result), where=str(file))
