"""Clip reels: for each of some players a film of all the times when he is in view, with a ring at his feet."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared_libs.common.clips import Clips, Reel, Scene, read_clips, write_clips
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.players import Player, Players, read_players
from shared_libs.common.run import InputFile
from shared_libs.common.tracks import Tracks, read_tracks
from shared_libs.common.video import FrameReader, FrameWriter, Image, presentation_times, read_frames, read_video_info
from shared_libs.utils.progress import progress
from tracking import __version__
from tracking.canvas import SUBPIXEL_BITS, fixed
from tracking.palette import INK, RGB, rgb_of

CLIPS: Final = "clips.json"

LONGEST_BREAK = 1.0
"""Seconds that a player may be out of view, beyond what lies around a scene anyway, without its being cut there."""

_AT_ONCE = 6
"""Reels that are made in one pass over the film: each has an encoder, which takes memory."""
_DECODING_THREADS = 6
"""A fixed number: what becomes of damaged pictures depends on it, and must not depend on the machine."""
_ENCODING_THREADS = 4
"""A fixed number as well: for the same number x264 gives the same bytes."""
_SMALLEST_STEP = 0.001
"""Seconds between frames at least: some files show two frames at the same time, which MP4 does not."""
_USUAL_STEP = 0.04
"""Seconds that a film's only frame is shown."""
_FLATNESS = 0.35
"""How high the ring is, of its width: the camera looks down on the field at an angle."""
_RING_DEGREES = -40, 220
"""From the right, clockwise: not behind the player."""
_MOST_LISTED = 20
_FORM = 1
"""Counted up when reels come out differently."""

Float = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Request:
    """player_ids: whose reels, None for everybody's. padding: seconds before and after each scene. height: of the
    reels in pixels, where the film is higher."""

    video: Path
    players: Path
    tracks: Path
    out: Path
    player_ids: tuple[int, ...] | None = None
    padding: float = 1.0
    height: int = 720


def make_clips(request: Request, say: Callable[[str], None] = lambda words: None) -> Clips:
    """Writes a reel for each player and, whenever some are finished, clips.json; gives what that says in the end.

    Reels that are there already and would come out the same are not made again: a command that was cut short goes on.
    Those of an earlier command, for other players, stay if they would still come out the same, and go otherwise.
    Raises InputError for a player who is not there or never in view, and OutputError where `out` cannot be written.
    """
    players, tracks = read_players(request.players), read_tracks(request.tracks, allow_empty=True)
    chosen = _chosen(request, players)
    _check_places(request, players)
    info = read_video_info(request.video)
    film = InputFile.of(request.video)
    times = read_times(request.video, info.frame_count)
    plans = {player.player_id: (player, _plan(player, tracks, times, request, film)) for player in players}
    seen = [player.player_id for player in chosen if plans[player.player_id][1].frames]
    for player in chosen if request.player_ids is not None else ():
        if player.player_id not in seen:
            hint = "choose another player, or check that it is the right film"
            raise InputError(request.players, f"player {player.player_id} is never in view", hint=hint)
    if not seen:
        raise InputError(request.players, "nobody is ever in view", hint="check that it is the right film")
    if int(tracks.frame[-1]) >= len(times):
        reach = f"the tracks reach frame {int(tracks.frame[-1]) + 1}, the film has {len(times)} frames"
        say(f"note: {reach}: are they of the same film?")
    _make_folder(request.out)
    reels = _kept(request.out, plans)
    missing = [player_id for player_id in seen if player_id not in reels]
    if len(missing) < len(seen):
        say(f"{len(seen) - len(missing)} of {len(seen)} reels are there already")
    with progress(sum(plans[player_id][1].frames for player_id in missing), "making clips", "frames") as bar:
        for start in range(0, len(missing), _AT_ONCE):
            together = [plans[player_id] for player_id in missing[start : start + _AT_ONCE]]
            reels |= _make(request, together, bar)
            _write(request.out, film, reels)
    return _write(request.out, film, reels)


def read_times(video: Path, expected: int) -> Float:
    """When each frame of a film is shown, in seconds, float64 (n,), rising. expected: about how many there are."""
    with progress(expected, "reading times", "frames") as bar:
        stated = presentation_times(video, threads=_DECODING_THREADS, on_frame=bar.update)
        bar.update(len(stated))
    times: list[float] = []
    for time in stated.tolist():
        times.append(max(time, times[-1] + _SMALLEST_STEP if times else 0.0))
    return np.array(times, np.float64)


def scenes_of(frame: Index, times: Float, padding: float) -> Index:
    """The first and the last frame of each scene, int64 (s, 2), of somebody who is in view in the frames `frame`
    (rising): with `padding` seconds around it, as far as the film goes, and one where two are close to each other."""
    if not len(frame):
        return np.empty((0, 2), np.int64)
    seen = times[frame]
    is_cut = np.diff(seen) > 2 * padding + LONGEST_BREAK
    begins = np.concatenate([seen[:1], seen[1:][is_cut]])
    ends = np.concatenate([seen[:-1][is_cut], seen[-1:]])
    first = np.searchsorted(times, begins - padding, side="left")
    last = np.searchsorted(times, ends + padding, side="right") - 1
    return np.stack([first, last], axis=1).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What becomes of a player's reel. frame: int64 (n,), where he is in view, rising; xyxy: float32 (n, 4), his box
    there. scenes: int64 (s, 2), see `scenes_of`; told: the same in seconds. shown_at: of each scene when its frames are
    shown in the reel, in seconds, float64. made_from: see `Reel`."""

    frame: Index
    xyxy: NDArray[np.float32]
    scenes: Index
    shown_at: tuple[Float, ...]
    told: tuple[Scene, ...]
    made_from: str

    @property
    def frames(self) -> int:
        """How many the reel has."""
        return sum(map(len, self.shown_at))

    def time_of(self, frame: int) -> float | None:
        """When the film's `frame` is shown in the reel, None where it is not."""
        scene = int(np.searchsorted(self.scenes[:, 0], frame, side="right")) - 1
        if scene < 0 or frame > self.scenes[scene, 1]:
            return None
        return float(self.shown_at[scene][frame - self.scenes[scene, 0]])

    def box(self, frame: int) -> NDArray[np.float32] | None:
        """Where the player is, None where he is not seen."""
        row = int(np.searchsorted(self.frame, frame))
        return self.xyxy[row] if row < len(self.frame) and self.frame[row] == frame else None


def _plan(player: Player, tracks: Tracks, times: Float, request: Request, film: InputFile) -> _Plan:
    frame, xyxy = _boxes_of(player, tracks, len(times))
    scenes = scenes_of(frame, times, request.padding)
    steps = np.diff(times)
    steps = np.append(steps, np.median(steps) if len(steps) else _USUAL_STEP)
    shown_at: list[Float] = []
    told: list[Scene] = []
    reached = 0.0
    for first, last in scenes.tolist():
        shown_at.append(times[first : last + 1] - times[first] + reached)
        end = float(times[last] + steps[last])
        begin, reached = reached, reached + end - float(times[first])
        told.append(Scene(start=_ms(times[first]), end=_ms(end), reel_start=_ms(begin), reel_end=_ms(reached)))
    digest = hashlib.sha256(json.dumps([_FORM, film.sha256, request.height, player.player_id]).encode())
    parts: list[NDArray[Any]] = [frame, xyxy, scenes, *shown_at]
    for array in parts:
        digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return _Plan(frame, xyxy, scenes, tuple(shown_at), tuple(told), digest.hexdigest())


def _boxes_of(player: Player, tracks: Tracks, frames: int) -> tuple[Index, NDArray[np.float32]]:
    """The frames of the film in which a player is in view, rising, and his boxes there."""
    is_his = np.zeros(len(tracks), np.bool_)
    for segment in player.segments:
        is_his |= (
            (tracks.track_id == segment.track_id) & (segment.start <= tracks.frame) & (tracks.frame <= segment.end)
        )
    is_his &= tracks.frame < frames
    return tracks.frame[is_his].astype(np.int64), tracks.xyxy[is_his]


def _make(request: Request, together: Sequence[tuple[Player, _Plan]], bar: progress) -> dict[int, Reel]:
    """The reels of some players, in one pass over the film."""
    scenes = np.concatenate([plan.scenes for _, plan in together])
    with contextlib.ExitStack() as opened:
        film = opened.enter_context(read_frames(request.video, threads=_DECODING_THREADS))
        reels = [(*each, opened.enter_context(_writer(request.out, each[0]))) for each in together]
        for index, picture in _pictures(film, scenes):
            small, scale = _fitted(picture, request.height)
            for player, plan, writer in reels:
                shown_at = plan.time_of(index)
                if shown_at is not None:
                    box = plan.box(index)
                    marked = small if box is None else _with_ring(small, box * scale, rgb_of(player.player_id))
                    writer.write(marked, shown_at)
                    bar.advance()
    return {
        player.player_id: Reel(
            player_id=player.player_id,
            number=player.number,
            name=player.name,
            file=InputFile.of(request.out / _file(player.player_id)),
            seconds=plan.told[-1].reel_end,
            made_from=plan.made_from,
            scenes=plan.told,
        )
        for player, plan in together
    }


def _pictures(film: FrameReader, scenes: Index) -> Iterator[tuple[int, Image]]:
    """The film's frames that are in one of `scenes` (s, 2), which may overlap, and their numbers."""
    for first, last in _joined(scenes):
        film.skip(first - film.frames_read)
        for index, _, picture in itertools.islice(film, last - first + 1):
            yield index, picture


def _joined(scenes: Index) -> list[tuple[int, int]]:
    """The ranges without overlaps, rising."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(scenes.tolist()):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def _fitted(picture: Image, height: int) -> tuple[Image, float]:
    """The picture, at most so high, and how much smaller that is."""
    scale = min(1.0, height / picture.shape[0])
    if scale == 1.0:
        return picture, scale
    size = max(1, round(picture.shape[1] * scale)), height
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False), scale


def _with_ring(picture: Image, box: NDArray[np.float32], colour: RGB) -> Image:
    """A copy of the picture with a ring on the ground around whoever stands in `box`, open behind him."""
    left, _, right, bottom = box.tolist()
    across = max(0.6 * (right - left), 4.0)
    [centre, axes] = fixed(np.array([((left + right) / 2, bottom), (across, _FLATNESS * across)])).tolist()
    width = max(2, round(3 * picture.shape[0] / 720))
    copy = picture.copy()
    for ink, stroke in ((INK, width + 2), (colour, width)):
        cv2.ellipse(copy, centre, axes, 0, *_RING_DEGREES, ink, stroke, cv2.LINE_AA, SUBPIXEL_BITS)
    return copy


def _chosen(request: Request, players: Players) -> list[Player]:
    """Whose reels are asked for. Raises InputError."""
    if request.player_ids is None:
        return list(players)
    known = {player.player_id: player for player in players}
    for player_id in request.player_ids:
        if player_id not in known:
            listed = ", ".join(map(str, list(known)[:_MOST_LISTED])) + (", …" if len(known) > _MOST_LISTED else "")
            raise InputError(request.players, f"there is no player {player_id}", hint=f"there are: {listed or 'none'}")
    return [known[player_id] for player_id in sorted(set(request.player_ids))]


def _kept(folder: Path, plans: Mapping[int, tuple[Player, _Plan]]) -> dict[int, Reel]:
    """Reels that an earlier command has left and that would come out the same; the other ones of it go."""
    try:
        earlier = read_clips(folder / CLIPS).reels
    except InputError:  # none, or not one of ours
        return {}
    kept = {}
    for reel in earlier:
        path = folder / _file(reel.player_id)
        player, plan = plans.get(reel.player_id, (None, None))
        if player is None or plan is None or reel.made_from != plan.made_from:
            path.unlink(missing_ok=True)
        elif path.is_file() and InputFile.of(path) == reel.file:
            kept[reel.player_id] = reel.model_copy(update={"number": player.number, "name": player.name})
    return kept


def _write(folder: Path, film: InputFile, reels: Mapping[int, Reel]) -> Clips:
    ordered = tuple(reels[player_id] for player_id in sorted(reels))
    clips = Clips(code_version=__version__, video=film, reels=ordered)
    write_clips(folder / CLIPS, clips)
    return clips


def _check_places(request: Request, players: Players) -> None:
    """Raises InputError where a file that is read would be replaced."""
    targets = {(request.out / name).resolve() for name in (CLIPS, *(_file(player.player_id) for player in players))}
    for path in (request.video, request.players, request.tracks):
        if path.resolve() in targets:
            raise InputError(path, "would be replaced by the result", hint="choose another folder for --out")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(folder, "is a file, not a folder", hint="name a folder for the reels") from None
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error


def _writer(folder: Path, player: Player) -> FrameWriter:
    return FrameWriter(folder / _file(player.player_id), threads=_ENCODING_THREADS)


def _file(player_id: int) -> str:
    return f"player-{player_id}.mp4"


def _ms(seconds: float) -> float:
    return round(float(seconds), 3)
