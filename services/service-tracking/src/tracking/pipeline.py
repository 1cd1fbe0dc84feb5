"""From input files to a folder of results: the story of one `track` run."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pydantic import JsonValue

from shared_libs.common import files
from shared_libs.common.detections import Detections, read_detections, write_mot_detections
from shared_libs.common.edits import EditLog, read_edits
from shared_libs.common.errors import InputError
from shared_libs.common.files import atomic_write
from shared_libs.common.players import team_called, write_players
from shared_libs.common.roster import read_roster
from shared_libs.common.run import InputFile, Run, write_run
from shared_libs.common.tracks import Source, Tracks, read_tracks, write_mot_tracks, write_tracks_json
from shared_libs.utils.progress import progress
from tracking import __version__
from tracking.boxes_stage import MOTION, MOTION_ONLY, Finder, find_people
from tracking.checkpoint import Checkpoint
from tracking.evaluate import Scores, evaluate
from tracking.interpolation import interpolate
from tracking.outputs import RUN, output_folder
from tracking.people_stage import People, Said, by_player, linked, look, people_on
from tracking.report import report_html
from tracking.run_facts import facts_of
from tracking.settings import TrackerSettings
from tracking.standing import BarWatcher, Standing
from tracking.tracker import track

if TYPE_CHECKING:  # FFmpeg and OpenCV take a while to load, and only videos need them
    from shared_libs.common.video import VideoInfo
    from tracking.camera_path import CameraPath
    from tracking.reid_model import ReidModel
    from tracking.render import Drawing, Rendered
    from tracking.teams import Teams

_NOTHING = Detections.empty(1)

DETECTIONS, PLAYERS, PLAYERS_FOUND = "detections.txt", "players.json", "players_found.json"
TRACKS_TEXT, TRACKS_JSON, VIDEO, REPORT = "tracks.txt", "tracks.json", "annotated.mp4", "report.html"
_LIBRARIES = ("av", "numba", "numpy", "onnxruntime", "opencv-python", "opencv-python-headless", "scipy")
"""Which can change the results."""
_NEEDED_LAST = ("truth", "roster", "edits")
"""Inputs on which only what is never saved depends, and the film, whose segments know what is drawn on them: a run that
was cut short goes on whatever has become of these."""
OUTPUTS = (DETECTIONS, TRACKS_TEXT, TRACKS_JSON, PLAYERS, PLAYERS_FOUND, VIDEO, REPORT, RUN)


@dataclass(frozen=True, slots=True)
class Request:
    """What to track and where to put it. `fps` is for boxes without a video, whose own times count otherwise.

    Boxes come from the file `detections`, from the `tracks` of another run, or are found in `video` by `detector`:
    "motion", or onnx:MODEL.onnx, which looks at `tiles` of the picture ("auto", "off", "3x2"). `online`: leave tracks
    as the online tracker has them. `reid`: a re-identification model; `reid_is_promoted`: nobody named it, it is the
    one that is in use in storage. `roster` and `edits`: files with who plays and what was corrected. `camera`: whether
    to follow the camera's motion in the video; `fresh`: whether to begin anew where an earlier run was cut short.
    """

    out: Path
    detections: Path | None = None
    tracks: Path | None = None
    detector: str = MOTION
    tiles: str = "auto"
    reid: Path | None = None
    reid_is_promoted: bool = False
    roster: Path | None = None
    edits: Path | None = None
    online: bool = False
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

    Where an earlier run of the same request was cut short, it goes on from there, with the same result; roster, edits
    and truth may have changed meanwhile. `say` is told so. Raises InputError for a bad input, before anything is
    written, and OutputError where writing fails; these and interrupts carry a note (`__notes__`) of how far the run
    got, where the same request will go on from there.
    """
    started = time.perf_counter()
    given = _given(request)
    _refuse_overwriting(given.values(), request.out)
    boxes = _read_boxes(request)
    truth = read_tracks(request.truth) if request.truth is not None else None
    if truth is not None and request.truth is not None and len(truth) == 0:
        raise InputError(request.truth, "has no boxes to compare with", hint="pass ground truth, or leave --truth out")
    said = Said(
        roster=read_roster(request.roster) if request.roster is not None else (),
        edits=read_edits(request.edits) if request.edits is not None else EditLog(),
    )
    info = video_info(request.video) if request.video is not None else None
    fps = frame_rate(request, info)
    finder = Finder.named(request.detector, request.tiles) if boxes is None else None
    model = _reid_model(request)
    measured = {role: InputFile.of(path) for role, path in given.items() if path.exists()}
    settings: dict[str, JsonValue] = {"fps": fps, **request.settings.model_dump()}
    if request.video is not None:
        settings["camera"] = request.camera
    if finder is not None:
        settings |= {"detector": finder.name, "tiles": request.tiles}
    if request.online:
        settings["online"] = True

    with output_folder(request.out, OUTPUTS) as (folder, work):
        command = _command(measured, settings, finder, render=request.render)
        checkpoint = Checkpoint(work, command, fresh=request.fresh, say=say)
        standing = Standing(checkpoint, say)
        if model is not None and request.reid_is_promoted:
            say(f"re-identification: {model.name} (promoted)")
        with standing.noted():
            timings: dict[str, float] = {}
            notes: list[str] = [MOTION_ONLY] if finder is not None and finder.name == MOTION else []
            film = _Film(request.video, info, checkpoint, standing) if request.video and info else None
            _compile(
                fps, film=film is not None and request.camera, motion=finder is not None and finder.detector is None
            )
            camera, detections = _see(film, request, boxes, finder, timings)
            if camera is not None:
                notes += camera_notes(camera)
            if request.tracks is not None and isinstance(boxes, Tracks):
                tracked = boxes
            else:
                tracked, seconds = _follow(detections, fps, request.settings, camera)
                timings |= {"association_fps": detections.frame_count / seconds, "association": seconds}
            size = (info.width, info.height) if info is not None else None
            teams: Teams | None = None
            if not request.online:
                appearance = None
                if film is not None:
                    appearance, timings["looking"] = look(film.video, tracked, model, checkpoint, standing)
                began = time.perf_counter()
                tracked, teams = linked(tracked, fps, request.settings, camera, appearance)
                timings["linking"] = time.perf_counter() - began
            longest_gap = round(request.settings.interpolate_seconds * fps)
            tracks = interpolate(tracked, longest_gap, request.settings.border_share, size)
            people = people_on(tracks, fps, request.settings, teams, said)
            scores = evaluate(truth, tracks) if truth is not None else None
            notes += [*_notes(detections, tracks, request.settings, info), *people.notes]

            if finder is not None:
                write_mot_detections(folder / DETECTIONS, detections)
            write_mot_tracks(folder / TRACKS_TEXT, tracks)
            write_tracks_json(folder / TRACKS_JSON, tracks)
            write_players(folder / PLAYERS, people.players)
            if people.found is not None:
                write_players(folder / PLAYERS_FOUND, people.found)
            if film is not None and request.render:
                remark = MOTION_ONLY.partition(":")[0] if MOTION_ONLY in notes else ""
                rendered = _draw(film, drawing_of(people, camera, remark), folder / VIDEO)
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
                model_ids=_models(finder, model),
                metrics=_metrics(detections, people, scores) | camera_metrics(camera),
                timings=timings,
                notes=tuple(notes),
            )
            facts = facts_of(run, VIDEO if (folder / VIDEO).exists() else None, detections, truth, people.players)
            with atomic_write(folder / REPORT, "w") as file:
                file.write(report_html(tracks, facts))
            write_run(folder / RUN, run)
            written = tuple(name for name in OUTPUTS if (folder / name).exists())
    return Result(run, scores, written)


class _Film(NamedTuple):
    """A film, and how far it has been gone through."""

    video: Path
    info: VideoInfo
    checkpoint: Checkpoint
    standing: Standing


def _given(request: Request) -> dict[str, Path]:
    """The files that decide the results, by role."""
    files = {
        "detections": request.detections,
        "tracks": request.tracks,
        "video": request.video,
        "truth": request.truth,
        "reid": request.reid,
        "roster": request.roster,
        "edits": request.edits,
    }
    return {role: path for role, path in files.items() if path is not None}


def _read_boxes(request: Request) -> Detections | Tracks | None:
    """None where they are to be found in the film. Of tracks those that were detected. Raises InputError."""
    if request.detections is not None:
        return read_detections(request.detections)
    if request.tracks is not None:
        tracks = read_tracks(request.tracks)
        seen = tracks.source == Source.DETECTED
        columns = (
            tracks.frame[seen],
            tracks.track_id[seen],
            tracks.xyxy[seen],
            tracks.score[seen],
            tracks.class_id[seen],
        )
        return Tracks.from_arrays(*columns, None, tracks.frame_count)
    if request.video is None:
        raise InputError("VIDEO", "is needed, or boxes", hint="name a film, or pass --detections FILE")
    return None


def _see(
    film: _Film | None,
    request: Request,
    boxes: Detections | Tracks | None,
    finder: Finder | None,
    timings: dict[str, float],
) -> tuple[CameraPath | None, Detections]:
    """How the camera moves, and the boxes. Whoever is known to be in the picture is left out of the camera's motion;
    the motion detector, which finds people by it, comes after."""
    detections = boxes if isinstance(boxes, Detections) else _as_detections(boxes)
    if film is None:
        return None, detections
    camera: CameraPath | None = None
    if finder is not None and finder.detector is not None:
        detections, timings["detecting"] = find_people(finder, film.video, film.info, None, *film[2:])
    detections = replace(detections, frame_count=max(detections.frame_count, film.info.frame_count))
    if request.camera:
        camera, timings["camera"] = _follow_camera(film, detections)
    if finder is not None and finder.detector is None:
        detections, timings["detecting"] = find_people(finder, film.video, film.info, camera, *film[2:])
        detections = replace(detections, frame_count=max(detections.frame_count, film.info.frame_count))
    return camera, detections


def _as_detections(tracks: Tracks | None) -> Detections:
    if tracks is None:
        return Detections.empty()
    return Detections.from_arrays(tracks.frame, tracks.xyxy, tracks.score, tracks.class_id, tracks.frame_count)


def _reid_model(request: Request) -> ReidModel | None:
    if request.reid is None:
        return None
    from tracking.promoted_model import way_out
    from tracking.reid_model import open_reid_model

    with way_out() if request.reid_is_promoted else contextlib.nullcontext():
        return open_reid_model(request.reid)


def _models(finder: Finder | None, model: ReidModel | None) -> dict[str, str]:
    models = {} if finder is None else {"detector": finder.name}
    return models if model is None else models | {"reid": model.name}


def drawing_of(people: People, camera: CameraPath | None, remark: str) -> Drawing:
    """The players on their film, by name or number where they have one, in the colours of their teams where there are
    two."""
    from tracking.render import Drawing

    shown = by_player(people.tracks, people.players)
    labels = {p.player_id: " ".join(filter(None, (p.number, p.name))) for p in people.players if p.number or p.name}
    teams = {
        player.player_id: team_called(player.team_id, people.players.team_names)
        for player in people.players
        if player.team_id is not None and player.role in (None, "player")
    }
    return Drawing(shown, camera, teams if len(set(teams.values())) > 1 else None, labels, remark)


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


def _command(
    inputs: Mapping[str, InputFile], settings: Mapping[str, JsonValue], finder: Finder | None, *, render: bool
) -> dict[str, object]:
    """Everything that decides what is saved, by name: a checkpoint serves no other command."""
    return {
        **{role: file.sha256 for role, file in inputs.items() if role not in _NEEDED_LAST},
        "settings": {**settings, "render": render},
        "detector": finder.digest if finder is not None else None,
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
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _compile(fps: float, *, film: bool, motion: bool) -> None:
    """Has what is compiled ready before it is needed: takes a while once on a machine, then nothing."""
    with progress(1, "compiling, once on this machine", "steps") as bar:
        track(_NOTHING, fps)
        if film:
            from tracking.camera import compile_camera

            compile_camera()
        if motion:
            from tracking.detectors.motion import compile_motion

            compile_motion()
        bar.update(1)


def _follow_camera(film: _Film, detections: Detections) -> tuple[CameraPath, float]:
    from tracking.camera_settings import CameraSettings
    from tracking.camera_stage import follow_film

    with film.standing.stage("camera", film.info.frame_count) as watcher:
        return follow_film(film.video, detections, CameraSettings(), film.checkpoint, watcher)


def _draw(film: _Film, drawing: Drawing, out: Path) -> Rendered:
    from tracking.render import render

    with film.standing.stage("rendering", film.info.frame_count) as watcher:
        return render(film.video, drawing, out, film.checkpoint, watcher)


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


def _metrics(detections: Detections, people: People, scores: Scores | None) -> dict[str, float]:
    tracks = people.tracks
    counts = {
        "frames": detections.frame_count,
        "detections": len(detections),
        "tracks": len(np.unique(tracks.track_id)),
        "boxes": len(tracks),
        "interpolated_boxes": int((tracks.source == Source.INTERPOLATED).sum()),
        "players": len(people.players),
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
