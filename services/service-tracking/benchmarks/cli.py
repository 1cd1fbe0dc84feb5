"""The command line: `bazel run //services/service-tracking/benchmarks --`, the same as `python -m benchmarks`.

What a command needs is imported inside it: the peers take longer to load than `--help` takes to read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from shared_libs.common.command_line import run_command_line
from shared_libs.common.errors import InputError
from shared_libs.utils.paths import user_path

if TYPE_CHECKING:
    from benchmarks.peers import Contestant

app = typer.Typer(
    name="benchmarks",
    help="Measures service-tracking against what people would use in its place.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Do not show how far it is.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Another seed is another game.")]
Games = Annotated[int, typer.Option("--games", min=1, help="Without TRUTH: how many games.")]
Seconds = Annotated[float, typer.Option("--seconds", min=1, help="Without TRUTH: how long each is.")]
Truth = Annotated[
    str | None,
    typer.Argument(
        metavar="[TRUTH]",
        help="Folder of <sequence>/gt/gt.txt and seqinfo.ini. Without it, tools/sample makes lacrosse games.",
    ),
]
DetectionFolder = Annotated[
    str | None,
    typer.Argument(
        metavar="[DETECTIONS]",
        help="Folder of <sequence>.txt or <sequence>/det/det.txt. Without it, the truth's own boxes, score 1.",
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        metavar="A,B",
        help="These peers, not all: bytetrack, sort, oc-sort, bot-sort, arc-sort. Ours always runs.",
    ),
]


class Report(Protocol):
    """What every benchmark gives."""

    def text(self) -> str: ...

    def to_dict(self) -> dict[str, Any]: ...


@app.callback()
def _program() -> None:
    """Measures service-tracking against what people would use in its place: same boxes, same run."""


@app.command("accuracy")
def accuracy_command(
    truth: Truth = None,
    detections: DetectionFolder = None,
    only: Only = None,
    look: Annotated[
        bool,
        typer.Option(
            "--look", help="Give pictures to those that use them, where a sequence has any (imDir of its seqinfo.ini)."
        ),
    ] = False,
    games: Games = 4,
    seconds: Seconds = 40.0,
    seed: Seed = 100,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """HOTA, AssA, DetA, IDF1 and MOTA of ours and of every peer, and ours over the best peer in each."""
    from benchmarks.accuracy import measure_accuracy
    from benchmarks.sequences import find_sequences, make_sample_sequences, sequences_of

    wanted = _contestants(only)
    with TemporaryDirectory() as made:
        folder = Path(made) if truth is None else user_path(truth)
        boxes = folder if truth is None else None if detections is None else user_path(detections)
        if truth is None:
            make_sample_sequences(folder, games, seconds, seed, video=look, quiet=quiet)
        found = find_sequences(folder)
        report = measure_accuracy(
            sequences_of(found, boxes), wanted, count_of_sequences=len(found), look=look, quiet=quiet
        )
    _say(report, as_json)


@app.command("speed")
def speed_command(
    frames: Annotated[int, typer.Option("--frames", min=10, help="Frames in a round.")] = 600,
    boxes: Annotated[int, typer.Option("--boxes", min=1, help="Boxes in each frame.")] = 13,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each runs, in turn.")] = 5,
    detections: Annotated[
        str | None, typer.Option("--detections", metavar="FILE", help="Boxes of your own instead of made ones.")
    ] = None,
    fps: Annotated[float, typer.Option("--fps", min=1, max=1000, help="Frames per second of the boxes.")] = 25.0,
    only: Only = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Frames per second of association alone, on one core, and ours over the fastest peer."""
    from benchmarks.games import detections_in_view
    from benchmarks.speed import measure_speed
    from shared_libs.common.detections import read_detections

    own = None if detections is None else read_detections(user_path(detections))
    taken = detections_in_view(boxes, frames, seed) if own is None else own
    *online, _ = _contestants(only)  # without the linker, which no peer has
    _say(measure_speed(taken, fps, online, rounds, quiet=quiet), as_json)


@app.command("ablation")
def ablation_command(
    truth: Truth = None,
    detections: DetectionFolder = None,
    games: Games = 4,
    seconds: Seconds = 40.0,
    seed: Seed = 100,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """HOTA, AssA, IDF1 and ids of our tracker alone, and with each part of the linker at work."""
    from benchmarks.ablation import measure_ablation
    from benchmarks.sequences import find_sequences, make_sample_sequences, sequences_of

    with TemporaryDirectory() as made:
        folder = Path(made) if truth is None else user_path(truth)
        boxes = folder if truth is None else None if detections is None else user_path(detections)
        if truth is None:
            make_sample_sequences(folder, games, seconds, seed, quiet=quiet)
        found = find_sequences(folder)
        report = measure_ablation(sequences_of(found, boxes), count_of_sequences=len(found), quiet=quiet)
    _say(report, as_json)


@app.command("fit-linker")
def fit_linker_command(
    sets: Annotated[
        list[str],
        typer.Argument(
            metavar="TRUTH[:DETECTIONS] ...",
            help="Folders as for `accuracy`, several sets at once. Without DETECTIONS, the truth's own boxes.",
        ),
    ],
    ridge: Annotated[float, typer.Option("--ridge", min=0, help="What large weights cost.")] = 1e-3,
    ask: Annotated[
        float, typer.Option("--ask", help="What is asked of a pair beyond the fit, in natural-log units.")
    ] = -1.0,
    ask_newcomers: Annotated[
        float, typer.Option("--ask-newcomers", help="How much more for each unit of `newcomers`.")
    ] = 0.6,
    ask_returns: Annotated[float, typer.Option("--ask-returns", help="The same for `returns`.")] = -0.4,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """The weights in link_weights.py, fitted to sequences whose truth is known."""
    from benchmarks.fit_linker import Asked, measure_weights

    named = (each.partition(":") for each in sets)
    folders = [(user_path(truth), user_path(boxes) if boxes else None) for truth, _, boxes in named]
    asked = Asked(ask, ask_newcomers, ask_returns)
    _say(measure_weights(folders, ridge=ridge, asked=asked, quiet=quiet), as_json)


@app.command("end-to-end")
def end_to_end_command(
    film: Annotated[
        str | None, typer.Argument(metavar="[FILM]", help="A film. Without it, tools/sample makes one of 1920x1080.")
    ] = None,
    detections: Annotated[
        str | None, typer.Option("--detections", metavar="FILE", help="The boxes in FILM, in any of our formats.")
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=2, help="Use no more than so many frames.")] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each runs, in turn.")] = 5,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="Without FILM: how long the one made is.")] = 12.0,
    seed: Seed = 1,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Frames per second from film to tracks, camera motion included, and ours over BoT-SORT with its own."""
    from benchmarks.end_to_end import measure_end_to_end
    from benchmarks.sequences import make_sample_sequences
    from shared_libs.common.detections import read_detections

    if (film is None) != (detections is None):
        raise InputError("--detections", "is needed with FILM, and only with it")
    with TemporaryDirectory() as made:
        if film is None or detections is None:
            make_sample_sequences(Path(made), 1, seconds, seed, video=True, width=1920, height=1080, quiet=quiet)
            (place,) = Path(made).iterdir()
            path, boxes = place / "clip.mp4", place / "det" / "det.txt"
        else:
            path, boxes = user_path(film), user_path(detections)
        report = measure_end_to_end(path, read_detections(boxes), rounds, frames=frames, quiet=quiet)
    _say(report, as_json)


@app.command("evaluate")
def evaluate_command(
    frames: Annotated[int, typer.Option("--frames", min=10, help="Frames of the game.")] = 27_000,
    boxes: Annotated[int, typer.Option("--boxes", min=10, help="True boxes in it.")] = 300_000,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Seconds to score a long game, from files to numbers: ours and TrackEval, and how far their scores differ."""
    from benchmarks.evaluate_speed import measure_evaluate

    _say(measure_evaluate(frames, boxes, seed, quiet=quiet), as_json)


def _contestants(only: str | None) -> tuple[Contestant, ...]:
    from benchmarks.peers import ONLINE, OURS, chosen

    try:
        wanted = chosen(only.split(",") if only is not None else [])
    except ValueError as error:
        raise InputError("--only", str(error)) from error
    if {each.name for each in wanted} <= {OURS, ONLINE}:
        raise InputError("--only", "names no peer to compare with")
    return wanted


def _say(report: Report, as_json: bool) -> None:
    typer.echo(json.dumps(report.to_dict(), indent=2) if as_json else report.text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one benchmark; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "benchmarks", arguments, interrupted="interrupted")
