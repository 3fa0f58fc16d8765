"""`keras-sr report`: what became of the pictures of a batch, told by several runs."""

from pathlib import Path
from typing import Annotated

import typer

from keras_sr.cli.say import say

report = typer.Typer(
    help="Work with the reports that `keras-sr upscale --report` writes.", no_args_is_help=True
)


@report.callback()
def _of_reports() -> None:
    """Work with the reports that `keras-sr upscale --report` writes."""


@report.command()
def merge(
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT...", help="Reports, as JSON.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="File for the merged report.")
    ],
) -> None:
    """Merge the reports of all shards, or of several runs of a batch, into one.

    \b
        keras-sr report merge reports/*.json -o report.json

    A picture in several reports counts once, as done if any of them has done it. The exit code is 1 if a
    picture failed, or if the report of a shard is missing; you are told which.
    """  # noqa: D301  (typer: keep these line breaks)
    from keras_sr.tasks.batch.report import merge_reports

    whole, missing = merge_reports(reports, output)
    if missing:
        say(f"keras-sr: no report of shard {', '.join(missing)}")
    told = len(whole["pictures"])
    if told < whole["total"]:
        say(f"keras-sr: {whole['total'] - told} pictures are left: run their shards again with --resume")
    if whole["failed"]:
        say(f"keras-sr: {whole['failed']} of {whole['total']} pictures failed")
    typer.echo(str(output))
    if missing or whole["failed"] or told < whole["total"]:
        raise typer.Exit(1)
