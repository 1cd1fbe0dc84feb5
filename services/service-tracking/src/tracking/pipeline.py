"""From input files to a folder of results: the story of one `track` run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from shared_libs.common import files
from shared_libs.common.detections import Detections, read_detections
from shared_libs.common.errors import InputError
from shared_libs.common.files import atomic_write
from shared_libs.common.run import InputFile, Run, write_run
from shared_libs.common.tracks import Source, Tracks, read_tracks, write_mot_tracks, write_tracks_json
from shared_libs.utils.progress import progress
from tracking import __version__
from tracking.checkpoint import Checkpoint
from tracking.evaluate import Scores, evaluate
from tracking.interpolation import interpolate
from tracking.outputs import RUN, output_folder
from tracking.report import report_html
from tracking.run_facts import facts_of
from tracking.settings import TrackerSettings
from tracking.standing import BarWatcher, Standing
from tracking.tracker import track

if TYPE_CHECKING:  # FFmpeg and OpenCV take a while to load, and only videos need them
    from shared_libs.common.video import VideoInfo
    from tracking.camera_path import CameraPath
    from tracking.render import Drawing, Rendered

_NOTHING = Detections.empty(1)

TRACKS_TEXT, TRACKS_JSON, VIDEO, REPORT = "tracks.txt", "tracks.json", "annotated.mp4", "report.html"
_LIBRARIES = ("av", "numba", "numpy", "opencv-python", "opencv-python-headless", "scipy")
"""Which can change the results."""
OUTPUTS = (TRACKS_TEXT, TRACKS_JSON, VIDEO, REPORT, RUN)


@dataclass(frozen=True, slots=True)
class Request:
    """What to track and where to put it. `fps` is for detections without a video, whose own times count otherwise.

    `camera`: whether to follow the camera's motion in the video; `fresh`: whether to begin anew where an earlier run
    was cut short.
    """

    detections: Path
    out: Path
    fps: float | None = None
    video: Path | None = None
    truth: Path | None = None
    settings: TrackerSettings = field(default_factory=TrackerSettings)
    render: bool = True
    camera: bool = True
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a run made, for the summary."""

    run: Run
    scores: Scores | None
    files: tuple[str, ...]
    """Names in the output folder."""


def run_tracking(request: Request, say: Callable[[str], None] = lambda words: None) -> Result:
    """Reads, tracks, evaluates, draws and writes. The folder `request.out` gets all files or none.

    Where an earlier run of the same request was cut short, it goes on from there, with the same result. `say` is told
    so. Raises InputError for a bad input, before anything is written, and OutputError where writing fails; these and
    interrupts carry a note (`__notes__`) of how far the run got, where the same request will go on from there.
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
    settings: dict[str, JsonValue] = {"fps": fps, **request.settings.model_dump()}
    if request.video is not None:
        settings["camera"] = request.camera

    with output_folder(request.out, OUTPUTS) as (folder, work):
        command = _command(measured, settings, render=request.render)
        checkpoint = Checkpoint(work, command, fresh=request.fresh, say=say)
        standing = Standing(checkpoint, say)
        with standing.noted():
            camera: CameraPath | None = None
            timings: dict[str, float] = {}
            notes: list[str] = []
            _compile(fps, film=request.video is not None and request.camera)
            if request.video is not None and info is not None and request.camera:
                camera, timings["camera"] = _follow_camera(request.video, info, detections, checkpoint, standing)
                notes += camera_notes(camera)
            tracked, seconds = _follow(detections, fps, request.settings, camera)
            timings |= {"association_fps": detections.frame_count / seconds, "association": seconds}
            size = (info.width, info.height) if info is not None else None
            longest_gap = round(request.settings.interpolate_seconds * fps)
            tracks = interpolate(tracked, longest_gap, request.settings.border_share, size)
            scores = evaluate(truth, tracks) if truth is not None else None
            notes = _notes(detections, tracks, request.settings, info) + notes

            write_mot_tracks(folder / TRACKS_TEXT, tracks)
            write_tracks_json(folder / TRACKS_JSON, tracks)
            if request.video is not None and request.render:
                rendered = _draw(request.video, tracks, camera, folder / VIDEO, checkpoint, standing)
                timings["render"] = rendered.work_seconds
                notes += video_notes(rendered, rendered.frames, tracks)
            elif camera is not None:
                notes += video_notes(camera, len(camera.reason), tracks)
            elif info is not None and info.frame_count:
                notes += video_notes(None, info.frame_count, tracks)
            timings["total"] = standing.earlier_seconds + time.perf_counter() - started
            run = Run(
                service="service-tracking",
                created=datetime.now(UTC),
                code_version=__version__,
                inputs=measured,
                settings=settings,
                metrics=_metrics(detections, tracks, scores) | camera_metrics(camera),
                timings=timings,
                notes=tuple(notes),
            )
            page = report_html(tracks, facts_of(run, VIDEO if (folder / VIDEO).exists() else None, detections, truth))
            with atomic_write(folder / REPORT, "w") as file:
                file.write(page)
            write_run(folder / RUN, run)
            written = tuple(name for name in OUTPUTS if (folder / name).exists())
    return Result(run, scores, written)


def video_info(path: Path) -> VideoInfo:
    """What a video says of itself. Raises InputError."""
    from shared_libs.common.video import read_video_info

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


def draw_video(video: Path, drawing: Drawing, out: Path) -> list[str]:
    """Renders with a progress bar; returns what has to be said about the video."""
    from tracking.render import render

    with progress(video_info(video).frame_count, "rendering", "frames") as bar:
        rendered = render(video, drawing, out, watcher=BarWatcher(bar))
    return video_notes(rendered, rendered.frames, drawing.tracks)


def video_notes(film: Rendered | CameraPath | None, frames: int, tracks: Tracks) -> list[str]:
    """What has to be said about a video of `frames`; `film`: what came of reading it, None where it was not read."""
    ended_early = film.ended_early if film is not None else None
    notes = [f"the video ended early: {ended_early}"] if ended_early else []
    if film is not None and film.damaged:
        notes.append(f"{film.damaged:,} damaged packet{'s' * (film.damaged > 1)} inside the video left out")
    if ended_early is None and len(tracks) and int(tracks.frame[-1]) >= frames:
        notes.append(
            f"the tracks reach frame {int(tracks.frame[-1]) + 1}, the video has {frames} frames: "
            "are they of the same film?"
        )
    return notes


def _command(inputs: Mapping[str, InputFile], settings: Mapping[str, JsonValue], *, render: bool) -> dict[str, object]:
    """Everything that decides the results, by name: a checkpoint serves no other command."""
    return {
        **{role: file.sha256 for role, file in inputs.items()},
        "settings": {**settings, "render": render},
        "version": {"service-tracking": __version__, "code": _code_digest()}
        | {name: _version(name) for name in _LIBRARIES},
    }


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:  # one of the two that give cv2
        return None


def _code_digest() -> str:
    """Of the service's and the contracts' sources: the version alone does not change from commit to commit."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(files.__file__).parent):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _compile(fps: float, *, film: bool) -> None:
    """Has what is compiled ready before it is needed: takes a while once on a machine, then nothing."""
    with progress(1, "compiling, once on this machine", "steps") as bar:
        track(_NOTHING, fps)
        if film:
            from tracking.camera import compile_camera

            compile_camera()
        bar.update(1)


def _follow_camera(
    video: Path, info: VideoInfo, detections: Detections, checkpoint: Checkpoint, standing: Standing
) -> tuple[CameraPath, float]:
    from tracking.camera_settings import CameraSettings
    from tracking.camera_stage import follow_film

    with standing.stage("camera", info.frame_count) as watcher:
        return follow_film(video, detections, CameraSettings(), checkpoint, watcher)


def _draw(
    video: Path, tracks: Tracks, camera: CameraPath | None, out: Path, checkpoint: Checkpoint, standing: Standing
) -> Rendered:
    from tracking.render import Drawing, render

    with standing.stage("rendering", video_info(video).frame_count) as watcher:
        return render(video, Drawing(tracks, camera), out, checkpoint, watcher)


def camera_notes(camera: CameraPath) -> list[str]:
    """In how many frames the camera's motion is not known, and why."""
    from tracking.camera import Reason

    counts = {reason: int((camera.reason == reason).sum()) for reason in Reason}
    words = ", ".join(
        f"{count} {reason.name.lower().replace('_', ' ')}"
        for reason, count in counts.items()
        if count and reason not in (Reason.MEASURED, Reason.FIRST_FRAME)
    )
    unknown = len(camera.reason) - counts[Reason.MEASURED] - counts[Reason.FIRST_FRAME]
    if not words:
        return []
    return [f"the camera's motion is not known in {unknown:,} of {len(camera.reason):,} frames: {words}"]


def camera_metrics(camera: CameraPath | None) -> dict[str, float]:
    """In how many frames the camera's motion is known."""
    if camera is None:
        return {}
    from tracking.camera import Reason

    known = (camera.reason == Reason.MEASURED) | (camera.reason == Reason.FIRST_FRAME)
    return {"camera_frames": float(len(known)), "camera_known": float(known.sum())}


def _follow(
    detections: Detections, fps: float, settings: TrackerSettings, camera: CameraPath | None
) -> tuple[Tracks, float]:
    """The tracks, and how many seconds finding them took."""
    with progress(detections.frame_count, "tracking", "frames") as bar:
        began = time.perf_counter()
        transforms = camera.known_transform() if camera is not None else None
        tracks = track(detections, fps, settings, transforms, on_frame=bar.update)
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
