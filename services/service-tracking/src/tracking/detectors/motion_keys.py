"""Key frames: two a second, more where the camera turns fast. Backgrounds are made of them.

From frame to frame the camera's motion is a similarity, which is nearly true; over many frames of a pan the perspective
shows. A camera that turns and zooms in one place moves its picture by a homography, and that is measured once more
between keys. Frames in between get their part of the difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from shared_libs.common.video import Image
from tracking.camera import Reason
from tracking.camera_features import choose
from tracking.camera_path import CameraPath

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FEATURES = 400
_CELL = 10
"""Side of the squares that give one feature each, in pixels of half the reduced picture."""
_LEAST_TEXTURE = 1e-6
_LEAST_FEATURES = 24
_FARTHEST = 8.0
"""How far a feature may be from where the similarities take it, in reduced pixels."""
_TOLERANCE = 0.7
"""How far a feature may be from the homography, in reduced pixels, to count for it."""
_LEAST_SHARE = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The key frames of a film of n frames.

    frame: int64 (k,), rising. segment: int64 (k,), the number of the piece of film without a cut that each is in.
    nearest: int64 (n,), the key of each frame, one of its own segment. first: int64 (n,), the last key not after each
    frame.
    """

    frame: Integers
    segment: Integers
    nearest: Integers
    first: Integers


def choose_keys(camera: CameraPath, width: int, height: int, key_seconds: float, key_motion: float) -> Keys:
    """Keys at the start of every piece of film through which the camera can be followed, and regularly from there.

    width, height: of the displayed picture. The next key comes after `key_seconds`, or as soon as a corner of the
    picture has moved by `key_motion` of the longer side.
    """
    count = len(camera.reason)
    goes_on = np.isin(camera.reason, (Reason.MEASURED, Reason.TOO_FEW_FEATURES))
    segment_of = np.cumsum(~goes_on)
    corners = np.array([[0.0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    steps = np.abs(camera.transform @ corners.T - corners.T[:2]).max((1, 2)) / max(width, height)
    moved = np.cumsum(steps)
    frames: list[int] = []
    for number, now in enumerate(camera.time.tolist()):
        if (
            not frames
            or not goes_on[number]
            or now - camera.time[frames[-1]] >= key_seconds - 1e-6
            or moved[number] - moved[frames[-1]] >= key_motion
        ):
            frames.append(number)
    frame = np.array(frames, np.int64)
    first = np.searchsorted(frame, np.arange(count), side="right") - 1
    second = np.minimum(first + 1, max(len(frame) - 1, 0))
    segment = segment_of[frame]
    is_nearer = np.arange(count) - frame[first] > frame[second] - np.arange(count)
    nearest = np.where(is_nearer & (segment[second] == segment[first]), second, first)
    return Keys(frame, segment.astype(np.int64), nearest.astype(np.int64), first.astype(np.int64))


class Motion:
    """Where the pixels of a reduced picture are in the others of its piece of film.

    `known_to` must have been given each key's brightness in turn before homographies to it are asked for.
    """

    def __init__(self, camera: CameraPath, keys: Keys, full: tuple[int, int], size: tuple[int, int]) -> None:
        """full, size: width and height of the displayed and of the reduced picture."""
        self.keys = keys
        self._size = size
        scale_x, scale_y = size[0] / full[0], size[1] / full[1]
        # Displayed coordinates begin at a pixel's corner, those of OpenCV in its middle.
        reduce = np.array([[scale_x, 0, -0.5], [0, scale_y, -0.5], [0, 0, 1]])
        steps = np.tile(np.eye(3), (len(camera.transform), 1, 1))
        steps[:, :2] = camera.transform
        self._steps: Floats = reduce @ steps @ np.linalg.inv(reduce)
        self._between: dict[int, tuple[Floats, Floats]] = {}
        """By key: the homography from it to the next, and what that is beyond the similarities."""

    def measure(self, key: int, luma: Image, next_luma: Image) -> None:
        """Measures the way from `key` to the next one; their brightness, uint8 (h, w)."""
        chained = self._chain(int(self.keys.frame[key]), int(self.keys.frame[key + 1]))
        measured = _homography(luma, next_luma, chained)
        self._between[key] = measured, measured @ np.linalg.inv(chained)

    def forget_before(self, key: int) -> None:
        for old in [known for known in self._between if known < key]:
            del self._between[old]

    def between_keys(self, start: int, end: int) -> Floats:
        """(3, 3): from pixels of key `start` to those of key `end`."""
        total = np.eye(3)
        for key in range(min(start, end), max(start, end)):
            total = self._between[key][0] @ total
        return total if end >= start else np.asarray(np.linalg.inv(total))

    def from_nearest_key(self, frame: int) -> Floats:
        """(3, 3): from pixels of the frame's nearest key to those of the frame."""
        first, nearest = int(self.keys.first[frame]), int(self.keys.nearest[frame])
        start = int(self.keys.frame[first])
        here = self._chain(start, frame)
        if first in self._between:
            part = (frame - start) / (self.keys.frame[first + 1] - start)
            here = (np.eye(3) + part * (self._between[first][1] - np.eye(3))) @ here
        return np.asarray(here if nearest == first else here @ np.linalg.inv(self._between[first][0]))

    def _chain(self, start: int, end: int) -> Floats:
        total = np.eye(3)
        for step in self._steps[start + 1 : end + 1]:
            total = step @ total
        return total


def _homography(luma: Image, next_luma: Image, guess: Floats) -> Floats:
    """(3, 3), normed to 1 in its corner, near `guess`; `guess` itself where too few features agree on another."""
    half = max(1, luma.shape[1] // 2), max(1, luma.shape[0] // 2)
    strength = cv2.cornerMinEigenVal(cv2.resize(luma, half, interpolation=cv2.INTER_AREA), 3)
    points, _ = choose(strength, np.zeros(strength.shape, np.bool_), _CELL, _LEAST_TEXTURE, _FEATURES)
    expected = _carried(guess, points)
    limit = np.array([luma.shape[1] - 4, luma.shape[0] - 4])
    inside = ((expected > 3) & (expected < limit)).all(1)
    points, expected = points[inside], expected[inside].astype(np.float32)
    if len(points) < _LEAST_FEATURES:
        return guess
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        luma, next_luma, points[:, None], expected[:, None].copy(), winSize=(13, 13), maxLevel=1,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW, criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03),
    )  # fmt: skip
    agree = (status[:, 0] == 1) & (np.abs(found[:, 0] - expected).max(1) < _FARTHEST)
    if agree.sum() < _LEAST_FEATURES:
        return guess
    pairs = points[agree].astype(np.float64), found[agree, 0].astype(np.float64)
    fitted, voters = cv2.findHomography(*pairs, cv2.RANSAC, _TOLERANCE, maxIters=500)
    if fitted is None or voters.sum() < max(_LEAST_FEATURES, _LEAST_SHARE * len(points)):
        return guess
    corners = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]]) * (luma.shape[1], luma.shape[0])
    if np.abs(_carried(fitted, corners) - _carried(guess, corners)).max() > 0.1 * max(luma.shape):
        return guess
    return np.asarray(fitted, np.float64)


def _carried(matrix: Floats, points: npt.NDArray[np.floating]) -> Floats:
    there = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(there[:, :2] / there[:, 2:])
