"""The command line: `python -m tracking`, the same as `bazel run //services/service-tracking --`.

What a command needs is imported inside it: most of the libraries take longer to load than `--help` takes to read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shared_libs.common.command_line import run_command_line
from shared_libs.common.errors import InputError
from shared_libs.utils.paths import user_path
from tracking import __version__

if TYPE_CHECKING:
    from tracking.pipeline import Result

NO_MODEL = "none"

app = typer.Typer(
    name="tracking",
    help="Finds lacrosse players and follows them: a film or detections in, players out.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"service-tracking {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Finds lacrosse players and follows them: a film or detections in, players out."""


Out = Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the results; made if needed.")]
Video = Annotated[str | None, typer.Argument(metavar="[VIDEO]", help="The film.")]
FramesPerSecond = Annotated[
    float | None, typer.Option("--fps", help="Frames per second; needed without VIDEO, whose own times count.")
]
Truth = Annotated[
    str | None, typer.Option("--truth", metavar="FILE", help="Ground truth to measure against (HOTA, IDF1, MOTA).")
]
SettingsFile = Annotated[
    str | None, typer.Option("--settings", metavar="FILE", help="TOML or JSON with settings that differ.")
]
Render = Annotated[
    bool | None, typer.Option("--render/--no-render", help="With VIDEO: write annotated.mp4 (the default) or not.")
]
FollowCamera = Annotated[
    bool | None,
    typer.Option(
        "--camera/--no-camera", help="With VIDEO: follow the camera's motion in the pictures (the default) or not."
    ),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Begin anew, where the same command was cut short before and would go on.")
]
Reid = Annotated[
    str | None,
    typer.Option(
        "--reid",
        metavar="MODEL.onnx",
        help="With VIDEO: a re-identification model that tells people apart, or none for jersey colours alone. By "
        "default the model that was promoted in storage (LAXAI_STORAGE), if one was.",
    ),
]
Roster = Annotated[str | None, typer.Option("--roster", metavar="FILE.csv", help="Who plays: number, name, team.")]
Edits = Annotated[
    str | None,
    typer.Option("--edits", metavar="FILE.jsonl", help="What people corrected in earlier runs, to be done again."),
]


@app.command("track")
def track_command(
    out: Out,
    video: Video = None,
    detections: Annotated[
        str | None,
        typer.Option(
            "--detections",
            metavar="FILE",
            help="Boxes of every frame: MOTChallenge text, LaxAI JSON (columns, rows, or objects per frame), Parquet.",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector",
            metavar="NAME",
            help="Who finds the boxes in VIDEO: onnx:MODEL.onnx (RF-DETR or YOLOX), or motion, which needs no model "
            "(the default without --detections).",
        ),
    ] = None,
    tiles: Annotated[
        str | None,
        typer.Option("--tiles", help="How a model looks at the picture: auto, off (once, faster), or 3x2."),
    ] = None,
    reid: Reid = None,
    roster: Roster = None,
    edits: Edits = None,
    online: Annotated[
        bool, typer.Option("--online", help="Leave tracks as the online tracker has them: no linking, no teams.")
    ] = False,
    fps: FramesPerSecond = None,
    truth: Truth = None,
    settings: SettingsFile = None,
    render: Render = None,
    camera: FollowCamera = None,
    fresh: Fresh = False,
) -> None:
    """Finds tracks and players: writes tracks.txt, tracks.json, players.json, run.json, report.html and, with VIDEO,
    annotated.mp4 to DIR.

    A run that was cut short, by whatever, goes on where it was when the same command is given again.
    """
    if detections is not None and (detector is not None or tiles is not None):
        name = "--detector" if detector is not None else "--tiles"
        raise InputError(name, "the boxes come from --detections already", hint="leave one of the two out")
    if detections is None and video is None:
        raise InputError("--detections", "is needed where there is no VIDEO to find people in", hint="pass a film")
    if online and reid not in (None, NO_MODEL):
        raise InputError("--reid", "is for linking, which --online leaves out", hint="leave one of the two out")
    _run(
        video,
        {"detections": detections, "reid": reid, "roster": roster, "edits": edits, "truth": truth},
        {"detector": detector, "tiles": tiles, "online": online, "fps": fps, "fresh": fresh},
        out,
        settings,
        render,
        camera,
    )


@app.command("link")
def link_command(
    tracks: Annotated[str, typer.Argument(metavar="TRACKS", help="Tracks: tracks.json, MOT text or Parquet.")],
    out: Out,
    video: Video = None,
    reid: Reid = None,
    roster: Roster = None,
    edits: Edits = None,
    fps: FramesPerSecond = None,
    truth: Truth = None,
    settings: SettingsFile = None,
    render: Render = None,
    camera: FollowCamera = None,
    fresh: Fresh = False,
) -> None:
    """Joins the tracks of an earlier run into players anew, with all corrections done again; writes what `track` does.

    With VIDEO, the film of these tracks, people are told apart by their looks as well.
    """
    _run(
        video,
        {"tracks": tracks, "reid": reid, "roster": roster, "edits": edits, "truth": truth},
        {"fps": fps, "fresh": fresh},
        out,
        settings,
        render,
        camera,
    )


def _run(
    video: str | None,
    files: dict[str, str | None],
    choices: dict[str, Any],
    out: str,
    settings: str | None,
    render: bool | None,
    camera: bool | None,
) -> None:
    fps = choices["fps"]
    if fps is not None and not 0 < fps <= 1000:
        raise InputError("--fps", f"must lie between 0 and 1000, not {fps:g}")
    asked = files.pop("reid")
    reid = None if asked == NO_MODEL else asked
    for option, wanted in (("--render", render), ("--camera", camera), ("--reid", reid)):
        if wanted and video is None:
            what = {"--render": "to draw on", "--camera": "to see its motion in", "--reid": "to see people in"}[option]
            raise InputError(option, f"there is no video {what}", hint="pass VIDEO")
    from tracking.pipeline import Request, run_tracking
    from tracking.settings import TrackerSettings, read_settings

    given: dict[str, Any] = {role: user_path(path) for role, path in files.items() if path is not None}
    given |= {name: choice for name, choice in choices.items() if choice is not None}
    if reid is not None:
        given["reid"] = user_path(reid)
    elif asked is None and video is not None and not choices.get("online"):
        from tracking.promoted_model import promoted_reid_model

        given["reid"] = promoted_reid_model()
        given["reid_is_promoted"] = given["reid"] is not None
    result = run_tracking(
        Request(
            out=user_path(out),
            video=user_path(video) if video is not None else None,
            settings=read_settings(user_path(settings)) if settings is not None else TrackerSettings(),
            render=render is not False,
            camera=camera is not False,
            **given,
        ),
        say=lambda words: typer.echo(words, err=True),
    )
    typer.echo(_summary(result, out))


@app.command("evaluate")
def evaluate_command(
    truth: Annotated[
        str,
        typer.Argument(
            metavar="TRUTH",
            help="Ground truth: MOTChallenge text, JSON or Parquet; or a folder of <sequence>/gt/gt.txt.",
        ),
    ],
    tracks: Annotated[
        str, typer.Argument(metavar="TRACKS", help="Tracks in any of the same formats; or a folder of <sequence>.txt.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, ratios as fractions.")] = False,
) -> None:
    """Measures tracks against the truth: HOTA, CLEAR and IDF1. Two folders: each sequence, then all combined."""
    import json

    from tracking.evaluate import evaluate, table
    from tracking.exact_tracks import read_exact_tracks

    true_path, path = user_path(truth), user_path(tracks)
    if true_path.is_dir() or path.is_dir():
        _evaluate_folders(true_path, path, as_json)
        return
    true = read_exact_tracks(true_path)
    if len(true.frame) == 0:
        raise InputError(true_path, "has no boxes to compare with")
    # A run that found nothing writes a tracks.txt of no lines.
    scores = evaluate(true, read_exact_tracks(path, allow_empty=True))
    typer.echo(json.dumps(scores.to_dict(), indent=2) if as_json else table(scores))


def _evaluate_folders(truth: Path, results: Path, as_json: bool) -> None:
    import json
    from functools import reduce
    from operator import add

    from tracking.evaluate import count, table
    from tracking.motchallenge import sequences

    for path in (truth, results):
        if not path.is_dir():
            raise InputError(path, "is not a folder, and the other one is", hint="pass two files or two folders")
    counts = {name: count(true, tracks) for name, true, tracks in sequences(truth, results)}
    each = {name: counted.scores() for name, counted in counts.items()}
    combined = reduce(add, counts.values()).scores()
    if as_json:
        rows = {name: scores.to_dict() for name, scores in each.items()}
        typer.echo(json.dumps({"combined": combined.to_dict(), "sequences": rows}, indent=2))
    else:
        typer.echo(table({**each, "combined": combined}))


@app.command("render")
def render_command(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="The film.")],
    tracks: Annotated[str, typer.Option("--tracks", metavar="FILE", help="Tracks: tracks.json, MOT text or Parquet.")],
    out: Annotated[str, typer.Option("--out", metavar="FILE.mp4", help="The annotated film.")],
) -> None:
    """Draws boxes, ids and trails on a film: H.264 that browsers play."""
    from shared_libs.common.tracks import read_tracks
    from tracking.pipeline import draw_video
    from tracking.render import Drawing

    source, target = user_path(video), user_path(out)
    if source.resolve() == target.resolve():
        raise InputError("--out", "is the film itself", hint="name another file")
    notes = draw_video(source, Drawing(read_tracks(user_path(tracks), allow_empty=True)), target)
    typer.echo("\n".join([*(f"note: {note}" for note in notes), f"written: {out}"]))


@app.command("clips")
def clips_command(
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="The film.")],
    players: Annotated[str, typer.Option("--players", metavar="FILE", help="Players: the players.json of a run.")],
    tracks: Annotated[str, typer.Option("--tracks", metavar="FILE", help="Its tracks: tracks.json, MOT or Parquet.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the reels; made if needed.")],
    player: Annotated[
        list[int] | None, typer.Option("--player", metavar="ID", help="Whose reel; may be given again. [default: all]")
    ] = None,
    padding: Annotated[
        float, typer.Option("--padding", min=0, max=60, help="Seconds before and after each scene.")
    ] = 1.0,
    height: Annotated[
        int, typer.Option("--height", min=90, max=4320, help="Of the reels in pixels; never higher than the film.")
    ] = 720,
) -> None:
    """Cuts a reel for each player, of all the times when he is in view: writes player-ID.mp4 and clips.json to DIR.

    A command that was cut short goes on with the reels that are missing when it is given again.
    """
    from tracking.clips import Request, make_clips

    if not math.isfinite(padding):
        raise InputError("--padding", f"must be a number of seconds, not {padding}")
    clips = make_clips(
        Request(
            video=user_path(video),
            players=user_path(players),
            tracks=user_path(tracks),
            out=user_path(out),
            player_ids=tuple(player) if player else None,
            padding=padding,
            height=height,
        ),
        say=lambda words: typer.echo(words, err=True),
    )
    for reel in clips.reels:
        called = " ".join(filter(None, (reel.number, reel.name)))
        who = f"player {reel.player_id}" + (f" ({called})" if called else "")
        typer.echo(f"{who}: {_counted(len(reel.scenes), 'scene')}, {reel.seconds:.1f} s: {reel.file.name}")
    typer.echo(f"reels in {out.rstrip('/') or '/'}")


@app.command("report")
def report_command(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A folder that `track` wrote.")],
) -> None:
    """Writes report.html anew from the tracks.json and run.json in DIR."""
    from dataclasses import replace

    from shared_libs.common.files import atomic_write
    from shared_libs.common.players import read_players
    from shared_libs.common.run import read_run
    from shared_libs.common.tracks import read_tracks
    from tracking.outputs import RUN
    from tracking.pipeline import PLAYERS, REPORT, TRACKS_JSON, VIDEO
    from tracking.report import report_html
    from tracking.run_facts import facts_of

    place = user_path(folder)
    run, tracks = read_run(place / RUN), read_tracks(place / TRACKS_JSON)
    players = read_players(place / PLAYERS) if (place / PLAYERS).exists() else None
    frames = max(tracks.frame_count, int(run.metrics.get("frames", 0)))
    facts = facts_of(run, VIDEO if (place / VIDEO).exists() else None, players=players)
    with atomic_write(place / REPORT, "w") as file:
        file.write(report_html(replace(tracks, frame_count=frames), facts))
    typer.echo(f"written: {Path(folder) / REPORT}")


def _summary(result: Result, out: str) -> str:
    """What happened and where it lies."""
    from tracking.evaluate import table

    run, metrics = result.run, result.run.metrics
    found = f"{_counted(metrics['players'], 'player')} from {_counted(metrics['detections'], 'detection')}"
    fast = f"associated at {run.timings['association_fps']:,.0f} frames/s; " if "association_fps" in run.timings else ""
    lines = [f"{found} in {_counted(metrics['frames'], 'frame')}, {fast}{run.timings['total']:.1f} s in all"]
    if result.scores is not None:
        lines.append(table(result.scores))
    lines += [f"note: {note}" for note in run.notes]
    lines.append(f"results in {out.rstrip('/') or '/'}: {', '.join(result.files)}")
    return "\n".join(lines)


def _counted(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "tracking", arguments)
