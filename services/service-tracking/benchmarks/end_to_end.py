"""From a film to tracks: decoding, camera motion and tracking together, against trackers' BoT-SORT with its own.

BoT-SORT reads the film twice: once as its documentation does, by OpenCV, and once by PyAV with all its threads; what
counts is the faster. Both sides may use all cores.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.excerpt import first_frames
from benchmarks.peers import Contestant, contestants
from benchmarks.pictures import Decoder, Film
from benchmarks.rounds import Race, race
from shared_libs.common.detections import Detections
from shared_libs.common.errors import InputError
from shared_libs.common.video import read_video_info

_PEER = "BoT-SORT"


def measure_end_to_end(
    film: Path, detections: Detections, rounds: int = 5, *, frames: int | None = None, quiet: bool = False
) -> Race:
    """`frames`: how many of the film's frames to use; by default as many as film and detections have in common.

    Raises InputError where the film cannot be read or has no frame rate.
    """
    info = read_video_info(film)
    if not info.average_rate:
        raise InputError(film, "does not say how fast its frames follow")
    length = min(detections.frame_count, info.frame_count or detections.frame_count)
    if frames is not None:
        length = min(length, frames)
    boxes = first_frames(detections, length)
    by_name = {each.name: each for each in contestants()}
    ours, peer = contestants()[-1], by_name[_PEER]
    runners: dict[str, tuple[str, Callable[[], float]]] = {}
    decoders: tuple[tuple[Contestant, Decoder], ...] = ((peer, "cv2"), (peer, "pyav"), (ours, "pyav"))
    for each, decoder in decoders:
        name = each.name if each is ours else f"{each.name}, {decoder}"
        pictures = Film(film, length, decoder, (info.width, info.height))
        runners[name] = (each.made_by, _timed(each, boxes, info.average_rate, pictures))
        _timed(each, first_frames(boxes, 5), info.average_rate, pictures)()
    what = f"decoding, camera motion and tracking, {info.width}x{info.height} {info.codec}, {length} frames"
    return race(what, length, runners, rounds, quiet=quiet)


def _timed(each: Contestant, boxes: Detections, fps: float, pictures: Film) -> Callable[[], float]:
    return lambda: each.run(boxes, fps, pictures).seconds
