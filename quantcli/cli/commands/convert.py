"""`quantcli convert`."""

from __future__ import annotations

import typer

from quantcli.cli import console, conversion_view
from quantcli.cli.options import (
    AllowNonfinite,
    Arch,
    ChunkWeights,
    Effort,
    Engine,
    ExcludeWeights,
    FollowLinks,
    Force,
    Imatrix,
    IncludeWeights,
    Jobs,
    Json,
    Metadata,
    Model,
    Modelfile,
    ModelName,
    OptionalPresetType,
    Output,
    PlanFile,
    PreTokenizer,
    Quiet,
    SkipExisting,
    SkipExistingVerify,
    Strict,
    VocabOnly,
    metadata_of,
)
from quantcli.cli.progress import progress
from quantcli.cli.sizes import TYPES
from quantcli.errors import UsageError

_SHORT = "Convert a checkpoint to a quantized GGUF file."
_EXAMPLES = """Examples:
quantcli convert SmolLM2-135M-Instruct -t Q4_K_M
quantcli convert SmolLM2-135M-Instruct -t Q8_0 -o models/ --modelfile
quantcli convert SmolLM2-135M-Instruct -t Q6_K -o '{name}.{type}.gguf' --metadata general.author=Me
"""
_WHICH = "For example -t Q4_K_M (4.9 bits per weight) or -t Q8_0 (8.5); `quantcli types` lists all."
_EPILOG = f"{_EXAMPLES}\n{TYPES}"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("convert", short_help=_SHORT, epilog=_EPILOG)(convert)


def convert(
    model: Model,
    type_: OptionalPresetType = None,
    output: Output = None,
    plan_file: PlanFile = None,
    force: Force = False,
    skip_existing: SkipExisting = False,
    skip_existing_verify: SkipExistingVerify = False,
    vocab_only: VocabOnly = False,
    modelfile: Modelfile = False,
    imatrix: Imatrix = None,
    include_weights: IncludeWeights = None,
    exclude_weights: ExcludeWeights = None,
    jobs: Jobs = None,
    engine: Engine = None,
    effort: Effort = None,
    follow_links: FollowLinks = False,
    strict: Strict = False,
    allow_nonfinite: AllowNonfinite = False,
    model_name: ModelName = None,
    metadata: Metadata = None,
    arch: Arch = None,
    pre_tokenizer: PreTokenizer = None,
    quiet: Quiet = False,
    json: Json = False,
    chunk_weights: ChunkWeights = 1 << 20,
) -> None:
    """Convert a checkpoint to one quantized GGUF file; interrupted, the same command goes on."""
    if type_ is None and plan_file is None and not vocab_only:
        raise UsageError("nothing says which type to take", hint=_WHICH)
    from quantcli.app.convert import convert as run

    silent = quiet or json
    with progress("converting", quiet=quiet, json=json) as update:
        result = run(
            model,
            type_,
            output,
            plan=plan_file,
            jobs=jobs,
            engine=engine,
            effort=effort,
            pre_tokenizer=pre_tokenizer,
            arch=arch,
            imatrix=imatrix,
            imatrix_include=include_weights or (),
            imatrix_exclude=exclude_weights or (),
            model_name=model_name,
            metadata=metadata_of(metadata),
            vocab_only=vocab_only,
            modelfile=modelfile,
            force=force,
            skip_existing="verify" if skip_existing_verify else skip_existing,
            follow_links=follow_links,
            strict=strict,
            allow_nonfinite=allow_nonfinite,
            chunk_weights=chunk_weights,
            progress=update,
            on_plan=lambda made: None if silent else conversion_view.announce(made),
            on_note=lambda text: None if silent else console.note(text),
        )
    if json:
        console.json(result.to_json())
    elif not quiet:
        conversion_view.summary(result)
