"""The scene: where things are on the field, not in the picture of a camera that pans and zooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.tracks import Tracks
from tracking.camera import Reason

if TYPE_CHECKING:
    from tracking.camera_path import CameraPath

Float = NDArray[np.float64]
Index = NDArray[np.int64]


class Feet(NamedTuple):
    """Where n boxes stand, by the middle of their lower edge, in the scene.

    place: float64 (n, 2), in pixels of the first frame of their shot. scale: float64 (n,), how many of those one pixel
    of the box's own picture is. shot: int64 (n,), from 0, one more after each cut.
    """

    place: Float
    scale: Float
    shot: Index


def feet_in_scene(tracks: Tracks, camera: CameraPath | None = None) -> Feet:
    """Of every row of `tracks`. The camera's motion is taken out where it is known, elsewhere what all players have in
    common."""
    order = np.lexsort((tracks.frame, tracks.track_id))
    frame, xyxy = tracks.frame.astype(np.int64), tracks.xyxy.astype(np.float64)
    feet = np.stack([xyxy[:, [0, 2]].mean(axis=1), xyxy[:, 3]], axis=1)
    steps = common_motion(frame[order], tracks.track_id[order].astype(np.int64), feet[order], tracks.frame_count)
    if len(steps) == 0:
        return Feet(np.empty((0, 2)), np.empty(0), np.empty(0, np.int64))
    back = np.asarray(np.linalg.inv(scene_in_picture(steps, camera)), np.float64)[frame]
    cuts = np.empty(0, np.int64) if camera is None else (camera.reason == Reason.CUT).nonzero()[0]
    scale = np.sqrt(np.abs(np.linalg.det(back[:, :2, :2])))
    return Feet(moved(back, feet), scale, np.searchsorted(cuts, frame, side="right").astype(np.int64))


def common_motion(frame: Index, identity: Index, feet: Float, frame_count: int) -> Float:
    """How far the field has moved in the picture since the frame before, (frame_count, 2) pixels, by the players.

    From rows sorted by identity, then frame: `feet` (n, 2) are the boxes' bottom centres. The median over the players
    seen in both frames; none where there are fewer than three.
    """
    follows = (identity[1:] == identity[:-1]) & (frame[1:] == frame[:-1] + 1)
    at, step = frame[1:][follows], (feet[1:] - feet[:-1])[follows]
    edges = np.searchsorted(np.sort(at), np.arange(frame_count + 1))
    enough = (np.diff(edges) >= 3).nonzero()[0]
    lower, upper = ((edges[enough] + edges[enough + 1] - odd) // 2 for odd in (1, 0))
    motion = np.zeros((frame_count, 2))
    for axis in (0, 1):
        ordered = step[np.lexsort((step[:, axis], at)), axis]
        motion[enough, axis] = (ordered[lower] + ordered[upper]) / 2
    return motion


def scene_in_picture(steps: Float, camera: CameraPath | None = None) -> Float:
    """Where the scene is in each picture, (n, 3, 3): from the coordinates of the first frame to those of each frame.

    From the camera's own motion where it was measured; elsewhere from `steps` (n, 2), as `common_motion` gives them.
    After a cut the coordinates are those of the first frame after it.
    """
    matrix = np.tile(np.eye(3), (len(steps), 1, 1))
    matrix[:, :2, 2] = steps
    starts = np.zeros(len(steps), np.bool_)
    if camera is not None:
        reason = camera.reason[: len(steps)]
        known = (reason == Reason.MEASURED).nonzero()[0]
        matrix[known, :2] = camera.transform[known]
        starts[: len(reason)] = reason == Reason.CUT
        matrix[starts] = np.eye(3)
    for number in range(1, len(matrix)):
        if not starts[number]:
            matrix[number] = matrix[number] @ matrix[number - 1]
    return matrix


def moved(matrix: Float, points: Float) -> Float:
    """Points (n, 2), each under its own of n matrices (n, 3, 3), or all under one (1, 3, 3)."""
    turned: Float = np.einsum("nij,nj->ni", np.broadcast_to(matrix[:, :2, :2], (len(points), 2, 2)), points)
    return turned + matrix[:, :2, 2]
