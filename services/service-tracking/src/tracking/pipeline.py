"""From input files to a folder of results: the story of one `track` run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared_libs.common.detections import Detections, read_detections
from shared_libs.common.errors import InputError
from shared_libs.common.files import atomic_write
from shared_libs.common.run import InputFile, Run, write_run
from shared_libs.common.tracks import Source, Tracks, read_tracks, write_mot_tracks, write_tracks_json
from shared_libs.utils.progress import progress
from tracking import __version__
from tracking.evaluate import Scores, evaluate
from tracking.interpolation import interpolate
from tracking.outputs import RUN, whole_folder
from tracking.report import report_html
from tracking.run_facts import facts_of
from tracking.settings import TrackerSettings
from tracking.tracker import track

if TYPE_CHECKING:
    from shared_libs.common.video import VideoInfo

TRACKS_TEXT, TRACKS_JSON, VIDEO, REPORT = "tracks.txt", "tracks.json", "annotated.mp4", "report.html"
OUTPUTS = (TRACKS_TEXT, TRACKS_JSON, VIDEO, REPORT, RUN)


@dataclass(frozen=True, slots=True)
class Request:
    """What to track and where to put it. `fps` is for detections without a video, whose own times count otherwise."""

    detections: Path
    out: Path
    fps: float | None = None
    video: Path | None = None
    truth: Path | None = None
    settings: TrackerSettings = field(default_factory=TrackerSettings)
    render: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What a run made, for the summary."""

    run: Run
    scores: Scores | None
    files: tuple[str, ...]
    """Names in the output folder."""


def run_tracking(request: Request) -> Result:
    """Reads, tracks, evaluates, draws and writes. The folder `request.out` gets all files or none.

    Raises InputError for a bad input, before anything is written, and OutputError where writing fails.
    """
    started = time.perf_counter()
    inputs = {"detections": request.detections, "video": request.video, "truth": request.truth}
    given = {role: path for role, path in inputs.items() if path is not None}
    _refuse_overwriting(given.values(), request.out)
    detections = read_detections(request.detections)
    truth = read_tracks(request.truth) if request.truth is not None else None
    if truth is not None and request.truth is not None and len(truth) == 0:
        raise InputError(request.truth, "has no boxes to compare with", hint="pass ground truth, or leave --truth out")
    info = video_info(request.video) if request.video is not None else None
    fps = frame_rate(request, info)
    if info is not None:
        detections = replace(detections, frame_count=max(detections.frame_count, info.frame_count))
    measured = {role: InputFile.of(path) for role, path in given.items()}

    found, seconds = _follow(detections, fps, request.settings)
    tracks = interpolate(found, round(request.settings.interpolate_seconds * fps))
    scores = evaluate(truth, tracks) if truth is not None else None
    notes = _notes(detections, tracks, request.settings, info)
    timings = {"association_fps": detections.frame_count / seconds, "association": seconds}

    with whole_folder(request.out, OUTPUTS) as folder:
        write_mot_tracks(folder / TRACKS_TEXT, tracks)
        write_tracks_json(folder / TRACKS_JSON, tracks)
        if request.video is not None and request.render:
            began = time.perf_counter()
            notes += draw_video(request.video, tracks, folder / VIDEO)
            timings["render"] = time.perf_counter() - began
        timings["total"] = time.perf_counter() - started
        run = Run(
            service="service-tracking",
            created=datetime.now(UTC),
            code_version=__version__,
            inputs=measured,
            settings={"fps": fps, **request.settings.model_dump()},
            metrics=_metrics(detections, tracks, scores),
            timings=timings,
            notes=tuple(notes),
        )
        page = report_html(tracks, facts_of(run, VIDEO if (folder / VIDEO).exists() else None, detections, truth))
        with atomic_write(folder / REPORT, "w") as file:
            file.write(page)
        write_run(folder / RUN, run)
        files = tuple(name for name in OUTPUTS if (folder / name).exists())
    return Result(run, scores, files)


def video_info(path: Path) -> VideoInfo:
    """What a video says of itself. Raises InputError."""
    from shared_libs.common.video import read_video_info  # FFmpeg takes a while to load, and only videos need it

    return read_video_info(path)


def frame_rate(request: Request, info: VideoInfo | None) -> float:
    """Frames per second: the video's own, or what was asked for where there is none. Raises InputError."""
    if info is None or request.video is None:
        if request.fps is None:
            raise InputError("--fps", "is needed with detections alone", hint="say the film's frames per second")
        return request.fps
    rate = info.average_rate or (info.frame_count / info.duration if info.duration else 0.0)
    if rate > 0 and request.fps is not None:
        raise InputError("--fps", f"the video says itself that it has {rate:g} frames a second", hint="leave --fps out")
    if rate <= 0 and request.fps is None:
        raise InputError(request.video, "the video does not say its frame rate", hint="pass --fps")
    return rate if rate > 0 else request.fps or 0.0


def draw_video(video: Path, tracks: Tracks, out: Path) -> list[str]:
    """Renders with a progress bar; returns what has to be said about the video."""
    from tracking.render import render  # the same for OpenCV

    with progress(video_info(video).frame_count, "rendering", "frames") as bar:
        rendered = render(video, tracks, out, on_frame=bar.update)
    notes = [f"the video ended early: {rendered.ended_early}"] if rendered.ended_early else []
    if rendered.ended_early is None and len(tracks) and int(tracks.frame[-1]) >= rendered.frames:
        notes.append(
            f"the tracks reach frame {int(tracks.frame[-1]) + 1}, the video has {rendered.frames} frames: "
            "are they of the same film?"
        )
    return notes


def _follow(detections: Detections, fps: float, settings: TrackerSettings) -> tuple[Tracks, float]:
    """The tracks, and how many seconds finding them took."""
    with progress(detections.frame_count, "tracking", "frames") as bar:
        began = time.perf_counter()
        tracks = track(detections, fps, settings, on_frame=bar.update)
        seconds = time.perf_counter() - began
        bar.update(detections.frame_count)
    return tracks, max(seconds, 1e-9)


def _metrics(detections: Detections, tracks: Tracks, scores: Scores | None) -> dict[str, float]:
    counts = {
        "frames": detections.frame_count,
        "detections": len(detections),
        "tracks": len(np.unique(tracks.track_id)),
        "boxes": len(tracks),
        "interpolated_boxes": int((tracks.source == Source.INTERPOLATED).sum()),
    }
    return {name: float(value) for name, value in (counts | (scores.to_dict() if scores else {})).items()}


def _notes(detections: Detections, tracks: Tracks, settings: TrackerSettings, info: VideoInfo | None) -> list[str]:
    """What a user would otherwise wonder about."""
    notes = []
    if len(detections) and not len(tracks):
        best = float(detections.score.max())
        if best < settings.new_track_score:
            notes.append(
                f"no tracks: the highest score is {best:.2f}, and a track starts at {settings.new_track_score:g} "
                "(new_track_score in --settings)"
            )
        else:
            notes.append(f"no tracks: nothing was seen in {settings.confirm_hits} successive frames")
    if info is not None and len(detections):
        reach = detections.xyxy[:, 2:].max(axis=0)
        if reach[0] > 1.5 * info.width or reach[1] > 1.5 * info.height:
            notes.append(
                f"boxes reach {reach[0]:.0f} by {reach[1]:.0f}, the video is {info.width} by {info.height}: "
                "are they of the same film?"
            )
    return notes


def _refuse_overwriting(inputs: Iterable[Path], out: Path) -> None:
    """An input that stands where an output will stand would be lost."""
    targets = {(out / name).resolve() for name in OUTPUTS}
    for path in inputs:
        if path.resolve() in targets:
            raise InputError(path, "would be replaced by the result", hint="choose another folder for --out")
