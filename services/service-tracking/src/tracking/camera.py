"""How the camera moves: what the whole scene has in common from one frame to the next, the players left out.

Features spread over the reduced previous picture (`camera_features.py`) are followed into this one (pyramidal
Lucas-Kanade), and vote for a similarity: turn, zoom and shift (`camera_consensus.py`). Where no motion can be told, it
is none, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt

from shared_libs.common.video import Image
from tracking.camera_consensus import NONE, Limits, Similarity, common_motion
from tracking.camera_features import choose
from tracking.camera_settings import CameraSettings

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Boxes = npt.NDArray[np.floating[Any]]
Squares = npt.NDArray[np.int16]

_NO_BOXES = np.empty((0, 4), np.float32)
_SURE = 0.5
"""Share of the voters from which a motion needs no second proof."""


class Reason(IntEnum):
    """Why a frame's transform is what it is. All but MEASURED come with the identity."""

    MEASURED = 0
    """The scene's common motion was found."""
    FIRST_FRAME = 1
    """There is no frame before it."""
    TOO_FEW_FEATURES = 2
    """One of the two pictures has too little texture outside the players' boxes: blank, dark, blurred, or covered."""
    NO_CONSENSUS = 3
    """The pictures are alike, but too few features agree on one motion."""
    CUT = 4
    """The picture is of something else than the one before."""
    IMPLAUSIBLE = 5
    """Most features agree on a motion that no camera makes from one frame to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraState:
    """All that has to be kept to go on after a frame as if nothing had happened in between.

    frames: how many were seen. luma: uint8 (h, w), the reduced picture that the next one is compared with, 0 by 0
    before the first. xyxy: float32 (n, 4), its boxes. still: int16 (rows, columns), per square of the picture in how
    many frames it kept still while the scene moved.
    """

    frames: int
    luma: Image
    xyxy: npt.NDArray[np.float32]
    still: npt.NDArray[np.int16]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The state as plain arrays by name, for `numpy.savez`."""
        return {"frames": np.array(self.frames), "luma": self.luma, "xyxy": self.xyxy, "still": self.still}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The state that `arrays` gave. Raises KeyError where one is missing."""
        return cls(int(arrays["frames"]), arrays["luma"], arrays["xyxy"], arrays["still"])


class _Features(NamedTuple):
    """Where to look in the next picture: points float32 (n, 2) in reduced pixels, and the square that each is from."""

    points: npt.NDArray[np.float32]
    square: npt.NDArray[np.intp]


class CameraMotion:
    """Follows the camera frame by frame.

    Args:
        width, height: the displayed full size, to which boxes and transforms refer, in pixels.
        state: where to go on, from `state()` of another one of the same size and settings.
    """

    def __init__(
        self, width: int, height: int, settings: CameraSettings | None = None, *, state: CameraState | None = None
    ) -> None:
        self.width, self.height = width, height
        self.settings = settings or CameraSettings()
        self._state = state or CameraState(0, np.empty((0, 0), np.uint8), _NO_BOXES, np.empty((0, 0), np.int16))
        self._features: _Features | None = None

    def state(self) -> CameraState:
        """All that has to be kept to go on from here; later updates do not change it."""
        return self._state

    def update(self, luma: Image, xyxy: Boxes) -> tuple[Floats, Reason]:
        """The motion from the frame before to this one.

        luma: uint8 (h, w), the picture at any size, the same for all frames; the settings are made for a longest side
        of `CameraSettings.longest_side`. xyxy: (n, 4), boxes of people in displayed full-size pixels.
        Returns the transform, float64 (2, 3): where a point (x, y, 1) of the frame before, in displayed full-size
        pixels, is in this one. A picture without texture is passed over: the next is compared with the one before it.
        Raises ValueError where the luma is not uint8 (h, w) or has another size than before.
        """
        before = self._state
        if luma.dtype != np.uint8 or luma.ndim != 2 or not luma.size:
            raise ValueError(f"luma is uint8 (height, width), not {luma.dtype} {luma.shape}")
        if before.luma.size and before.luma.shape != luma.shape:
            raise ValueError(f"the luma before was {before.luma.shape}, this one is {luma.shape} (height, width)")
        boxes = np.array(xyxy, np.float32).reshape(-1, 4)
        old = self._features
        if old is None and before.luma.size:
            old = self._choose(before.luma, self._covered(before.xyxy, before.luma.shape))
        covered = self._covered(boxes, luma.shape)
        new = self._choose(luma, covered)
        still = before.still if before.still.size else np.zeros(self._squares(luma.shape), np.int16)
        fit, reason, reference = NONE, Reason.TOO_FEW_FEATURES, luma
        if old is None:
            reason = Reason.FIRST_FRAME
        elif self._enough(old) and self._enough(new):
            fit, reason, counts = self._compare(before.luma, luma, old, covered, still)
            if reason in (Reason.NO_CONSENSUS, Reason.CUT):
                # A flash, or the sun behind a cloud: once more with the light of the frame before.
                evened = _in_light_of(before.luma, luma)
                fit, again, counts = self._compare(before.luma, evened, old, covered, still)
                reason = again if again == Reason.MEASURED else reason
            still = counts
        elif self._enough(old):
            reference, boxes, new = before.luma, before.xyxy, old
        self._state = CameraState(before.frames + 1, reference.copy(), boxes, still)
        self._features = new
        return self._matrix(fit), reason

    def _enough(self, features: _Features) -> bool:
        return len(features.points) >= self.settings.least_features

    def _compare(
        self, before: Image, luma: Image, features: _Features, covered: Bools, still: Squares
    ) -> tuple[Similarity, Reason, Squares]:
        """The motion between two pictures, or none and why; and `still` with what this frame shows."""
        knobs = self.settings
        there, found = self._follow(before, luma, features.points, covered)
        scale = self.width / luma.shape[1], self.height / luma.shape[0]
        middle = np.array([self.width / 2, self.height / 2] * 2)
        pairs = (np.concatenate([features.points, there], 1).astype(np.float64) + 0.5) * (scale * 2) - middle
        limits = Limits(
            width=float(self.width),
            height=float(self.height),
            tolerance=knobs.tolerance * scale[0],
            still=knobs.still * scale[0],
            least_features=float(knobs.least_features),
            least_share=knobs.least_share,
        )
        voters = found & (still.ravel()[features.square] < knobs.still_frames)
        fit, share, convinces = common_motion(pairs, voters, limits)
        if not convinces or (share < _SURE and self._likeness(before, luma, fit) < knobs.least_likeness):
            reason = Reason.NO_CONSENSUS
            if self._likeness(before, luma, NONE) < knobs.least_likeness:
                reason = Reason.CUT
            return NONE, reason, _calmer(still)
        if not self._is_plausible(fit):
            return NONE, Reason.IMPLAUSIBLE, _calmer(still)
        old, new = pairs[found, :2], pairs[found, 2:]
        carried = _distance(fit.carry(old), old) > 4 * limits.still
        counts = still.copy().ravel()
        stands = _distance(new[carried], old[carried]) < limits.still
        counts[features.square[found][carried]] += np.where(stands, 1, -1).astype(np.int16)
        return fit, Reason.MEASURED, np.clip(counts, 0, 2 * knobs.still_frames).reshape(still.shape)

    def _is_plausible(self, fit: Similarity) -> bool:
        knobs = self.settings
        zoom, turn = math.hypot(fit.real, fit.imaginary), abs(math.atan2(fit.imaginary, fit.real))
        return (
            1 / knobs.largest_zoom <= zoom <= knobs.largest_zoom
            and turn <= knobs.largest_turn
            and math.hypot(fit.right, fit.down) <= knobs.largest_shift * max(self.width, self.height)
        )

    def _likeness(self, before: Image, luma: Image, fit: Similarity) -> float:
        """Correlation of the two pictures, much reduced, where both show the scene if `fit` is right."""
        height, width = luma.shape
        size = max(1, width // 8), max(1, height // 8)
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) for image in (before, luma)]
        scale = np.array([size[0] / self.width, size[1] / self.height])
        matrix = self._matrix(fit)
        matrix[:, :2] *= scale[:, None] / scale
        matrix[:, 2] *= scale
        warped = cv2.warpAffine(small[0], matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=-1.0)
        seen = warped >= 0
        if seen.sum() < 0.2 * seen.size:
            return 0.0
        one, two = (image[seen] - image[seen].mean() for image in (warped, small[1]))
        norm = float(np.sqrt((one @ one) * (two @ two)))
        return float(one @ two) / norm if norm > 0 else 0.0

    def _follow(
        self, before: Image, luma: Image, points: npt.NDArray[np.float32], covered: Bools
    ) -> tuple[npt.NDArray[np.float32], Bools]:
        """Where the points (n, 2) are now, and which of them (n,) were found, in the picture and outside of boxes."""
        knobs = self.settings
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)
        # cv2's types leave out that there may be no first guess.
        there, status, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
            before, luma, points[:, None], None, winSize=knobs.window, maxLevel=knobs.pyramid, criteria=criteria
        )
        there = there[:, 0]
        x, y = there.T
        found = (status[:, 0] == 1) & (x >= 0) & (y >= 0) & (x < luma.shape[1]) & (y < luma.shape[0])
        across, down = np.where(found, there.T, 0).astype(np.intp) // 2
        rows, columns = covered.shape
        return there, found & ~covered[np.minimum(down, rows - 1), np.minimum(across, columns - 1)]

    def _choose(self, luma: Image, covered: Bools) -> _Features:
        """The most distinct feature of each square that has one, outside of what is covered."""
        knobs = self.settings
        # Found on half the size, which is enough: where exactly a feature sits does not matter.
        small = cv2.resize(luma, covered.shape[::-1], interpolation=cv2.INTER_AREA)
        strength = cv2.cornerMinEigenVal(small, 3)
        return _Features(*choose(strength, covered, knobs.cell // 2, knobs.least_texture, knobs.features))

    def _squares(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of squares in a picture of this shape."""
        rows, columns = (-(-max(1, length // 2) // (self.settings.cell // 2)) for length in shape)
        return rows, columns

    def _covered(self, xyxy: Boxes, shape: tuple[int, ...]) -> Bools:
        """Where people are, at half the size of the reduced picture."""
        rows, columns = (max(1, length // 2) for length in shape)
        covered = np.zeros((rows, columns), np.bool_)
        margin = (xyxy[:, 2:] - xyxy[:, :2]) * self.settings.box_margin
        scale = columns / self.width, rows / self.height
        begin = np.floor((xyxy[:, :2] - margin) * scale).clip(0, (columns, rows)).astype(np.intp)
        end = np.ceil((xyxy[:, 2:] + margin) * scale).clip(0, (columns, rows)).astype(np.intp)
        for (left, top), (right, bottom) in zip(begin.tolist(), end.tolist(), strict=True):
            covered[top:bottom, left:right] = True
        return covered

    def _matrix(self, fit: Similarity) -> Floats:
        """(2, 3) in displayed pixels from a similarity about the picture's middle."""
        x, y = self.width / 2, self.height / 2
        right = fit.right + x - fit.real * x + fit.imaginary * y
        down = fit.down + y - fit.imaginary * x - fit.real * y
        return np.array([[fit.real, -fit.imaginary, right], [fit.imaginary, fit.real, down]])


def _calmer(still: Squares) -> Squares:
    """Who was silenced wrongly is heard again in the end."""
    return np.maximum(still - 1, 0).astype(np.int16)


def _distance(points: Floats, others: Floats) -> Floats:
    off = points - others
    return np.asarray(np.hypot(off[:, 0], off[:, 1]))


def _in_light_of(before: Image, luma: Image) -> Image:
    """`luma` with the mean and the contrast of `before`."""
    wanted, given = cv2.meanStdDev(before), cv2.meanStdDev(luma)
    gain = float(wanted[1].item() / max(given[1].item(), 1e-3))
    return np.asarray(cv2.convertScaleAbs(luma, alpha=gain, beta=wanted[0].item() - gain * given[0].item()), np.uint8)


def compile_camera() -> None:
    """Has the compiled parts ready, by following any texture at rest: once on a machine this takes some seconds."""
    texture = np.random.default_rng(0).integers(0, 256, (270, 480), np.uint8)
    motion = CameraMotion(480, 270)
    for _ in range(2):
        motion.update(texture, _NO_BOXES)
