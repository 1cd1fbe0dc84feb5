"""The command line: `bazel run //services/service-training/benchmarks --`, the same as `python -m benchmarks`.

What a command needs is imported inside it: torch takes longer to load than `--help` takes to read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from shared_libs.common.command_line import run_command_line
from shared_libs.common.errors import InputError
from shared_libs.utils.paths import user_path

if TYPE_CHECKING:
    from training.request import Request

app = typer.Typer(
    name="benchmarks",
    help="Measures service-training against a plain PyTorch training, and how well it uses a GPU.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Do not show how far it is.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")]
Network = Annotated[str, typer.Option("--network", help="small or resnet50.")]
Batch = Annotated[str, typer.Option("--batch", metavar="PxK", help="P people with K crops each.")]
Size = Annotated[str, typer.Option("--size", metavar="HxW", help="Of the crops, in pixels.")]
Accelerator = Annotated[str, typer.Option("--accelerator", help="auto, cpu or cuda.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes that make batches for plain PyTorch.")]


class Report(Protocol):
    """What every benchmark gives."""

    def text(self) -> str: ...

    def to_dict(self) -> dict[str, Any]: ...


@app.callback()
def _program() -> None:
    """Measures service-training against a plain PyTorch training, and how well it uses a GPU."""


@app.command("throughput")
def throughput_command(
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="FOLDER", help="A data set, or a folder of person/….jpg. Without it, one is made."
        ),
    ] = None,
    people: Annotated[int, typer.Option("--people", min=4, help="Without --data: how many people.")] = 30,
    crops: Annotated[int, typer.Option("--crops", min=2, help="Without --data: pictures of each.")] = 40,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each runs, in turn.")] = 5,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps in a round.")] = 40,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Over how many our reading is spread.")] = 60,
    batch: Batch = "16x4",
    size: Size = "128x64",
    network: Network = "small",
    workers: Workers = 2,
    accelerator: Accelerator = "auto",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Images a second that are learned from, by plain PyTorch and by ours, and ours over the plain one."""
    from dataclasses import replace

    from benchmarks.contestants import NO_END
    from benchmarks.made_pictures import make_pictures
    from benchmarks.throughput import measure_throughput

    asked = replace(_request(network, batch, size, accelerator, seed), epochs=NO_END)
    with TemporaryDirectory() as made:
        folder = Path(made) if data is None else user_path(data)
        if data is None:
            make_pictures(folder, people, crops, seed)
        report = measure_throughput(
            replace(asked, dataset=folder), rounds=rounds, steps=steps, workers=workers, epochs=epochs, quiet=quiet
        )
    _say(report, as_json)


@app.command("accuracy")
def accuracy_command(
    data: Annotated[str, typer.Option("--data", metavar="DATASET", help="A data set, or a folder of person/….jpg.")],
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="How long each trains (90s, 5m, 2h).")
    ] = "60s",
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Train for so many epochs, however long it takes.")
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="How many trainings of each, with seeds from --seed on.")
    ] = 1,
    batch: Batch = "16x4",
    size: Size = "128x64",
    network: Network = "small",
    workers: Workers = 2,
    accelerator: Accelerator = "auto",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Rank-1 and mAP on the validation part after the same time, of plain PyTorch and of ours."""
    from dataclasses import replace

    from benchmarks.accuracy import measure_accuracy

    asked = replace(_request(network, batch, size, accelerator, seed), dataset=user_path(data))
    asked = replace(asked, budget=_seconds(budget)) if epochs is None else replace(asked, epochs=epochs)
    _say(measure_accuracy(asked, seeds=seeds, workers=workers, quiet=quiet), as_json)


@app.command("gpu")
def gpu_command(
    limit: Annotated[
        str, typer.Option("--limit", metavar="TIME", help="No more is begun after that long (90s, 5m).")
    ] = "100s",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The time of a step on a GPU, how much of it passes before the network begins, and the share of the GPU's peak."""
    from dataclasses import replace

    from benchmarks.gpu import measure_gpu

    asked = replace(_request("small", "16x4", "128x64", "cuda", seed), precision="bf16")
    _say(measure_gpu(asked, limit=_seconds(limit), quiet=quiet), as_json)


def _request(network: str, batch: str, size: str, accelerator: str, seed: int) -> Request:
    """What `train` would be asked for; where the pictures are is not in it yet."""
    from training.loading.sampling import BatchShape
    from training.networks.network import NETWORKS
    from training.request import Request

    height, width = _pair("--size", size, "128x64")
    chosen: Any = _choice("--network", network, NETWORKS)
    device: Any = _choice("--accelerator", accelerator, ("auto", "cpu", "cuda"))
    return Request(
        dataset=Path(),
        out=Path(),
        network=chosen,
        height=height,
        width=width,
        shape=BatchShape(*_pair("--batch", batch, "16x4")),
        seed=seed,
        accelerator=device,
    )


def _choice(option: str, given: str, known: Sequence[str]) -> str:
    if given not in known:
        raise InputError(option, f"there is no {given!r}", hint=f"choose from {', '.join(known)}")
    return given


def _pair(option: str, text: str, example: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text)
    if found is None:
        raise InputError(option, f"is not two numbers: {text!r}", hint=f"for example {example}")
    return int(found[1]), int(found[2])


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)?", text)
    seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"] if found else 0
    if not seconds:
        raise InputError("TIME", f"is no time: {text!r}", hint="for example 90s, 5m or 2h")
    return seconds


def _say(report: Report, as_json: bool) -> None:
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else report.text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one benchmark; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "benchmarks", arguments, interrupted="interrupted")
