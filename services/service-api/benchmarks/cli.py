"""The command line: `bazel run //services/service-api/benchmarks --`, the same as `python -m benchmarks`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from shared_libs.common.command_line import run_command_line

app = typer.Typer(
    name="benchmarks",
    help="Measures service-api.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _program() -> None:
    """Measures service-api."""


@app.command("load")
def load_command(
    readers: Annotated[int, typer.Option("--readers", min=1, help="How many read at once.")] = 200,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="For how long.")] = 20.0,
    pause: Annotated[
        float, typer.Option("--pause", min=0.0, help="Seconds between an answer and a reader's next question.")
    ] = 1.0,
    job: Annotated[float, typer.Option("--job", min=0.0, max=1.0, help="The share of a core that a job takes.")] = 1.0,
    frames: Annotated[int, typer.Option("--frames", min=200, help="Of the run that is read.")] = 7500,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """How long readers wait for one service on this machine, while a job is at work beside it."""
    from benchmarks.load import measure_load

    report = measure_load(readers=readers, seconds=seconds, pause=pause, job=job, frames=frames, seed=seed)
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else report.text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one benchmark; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "benchmarks", arguments, interrupted="interrupted")
