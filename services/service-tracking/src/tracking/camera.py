"""How the camera moves: what the whole scene has in common from one frame to the next, the players left out.

Features spread over the reduced previous picture are followed into this one (pyramidal Lucas-Kanade), and vote for a
similarity: turn, zoom and shift (`similarity.py`). Where no motion can be told, it is none, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
import numpy.typing as npt

from shared_libs.common.video import Image
from tracking.camera_settings import CameraSettings
from tracking.similarity import Bools, Complexes, Similarity, refine, vote

Floats = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.floating[Any]]
Squares = npt.NDArray[np.int16]

_NO_BOXES = np.empty((0, 4), np.float32)
_NONE = Similarity(1.0, 0.0)
_SURE = 0.5
"""Share of the voters from which a motion needs no second proof."""
_LEAST_EXTENT = 3
"""In how many of the picture's 24 parts those who agree have to be."""


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
        fit, reason, reference = _NONE, Reason.TOO_FEW_FEATURES, luma
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
        points, found = self._follow(before, luma, features.points, covered)
        old, new = (self._full_size(where[found], luma.shape) for where in (features.points, points))
        square = features.square[found]
        pixel = self.width / luma.shape[1]
        stands = np.abs(new - old) < knobs.still * pixel
        voters = still.ravel()[square] < knobs.still_frames
        fit, agree = self._agree(old, new, voters, pixel)
        # What is laid over the picture stands still while the scene moves; in a scene at rest, people may all run the
        # same way. The motion in which more of the picture takes part is the scene's.
        resting = stands & voters
        if float(np.abs(fit(old) - old).max(initial=0.0)) < 2 * knobs.tolerance * pixel:
            moving = voters & ~stands
            other, others = self._agree(old, new, moving, pixel)
            if self._convinces(old, others, moving) and self._extent(old, others) > self._extent(old, agree):
                fit, agree, voters = other, others, moving
        elif self._convinces(old, resting, voters) and self._extent(old, resting) > self._extent(old, agree):
            fit, agree = _NONE, resting
        calmer = np.maximum(still - 1, 0).astype(np.int16)  # who was silenced wrongly is heard again in the end
        share = float(agree.sum()) / max(1, int(voters.sum()))
        if not self._convinces(old, agree, voters) or (
            share < _SURE and self._likeness(before, luma, fit) < knobs.least_likeness
        ):
            reason = Reason.NO_CONSENSUS
            if self._likeness(before, luma, _NONE) < knobs.least_likeness:
                reason = Reason.CUT
            return _NONE, reason, calmer
        if not self._is_plausible(fit):
            return _NONE, Reason.IMPLAUSIBLE, calmer
        carried = np.abs(fit(old) - old) > 4 * knobs.still * pixel
        counts = still.copy().ravel()
        counts[square[carried]] += np.where(stands[carried], 1, -1).astype(np.int16)
        return fit, Reason.MEASURED, np.clip(counts, 0, 2 * knobs.still_frames).reshape(still.shape)

    def _agree(self, old: Complexes, new: Complexes, voters: Bools, pixel: float) -> tuple[Similarity, Bools]:
        """The motion that most of the voters (n,) share, and who of them (n,): a shift where they are too close
        together to tell a turn or a zoom."""
        knobs = self.settings
        agree = np.zeros(len(old), np.bool_)
        if int(voters.sum()) < knobs.least_features:
            return _NONE, agree
        start, tolerance = old[voters], knobs.tolerance * pixel
        fit = vote(start, new[voters], tolerance)
        fit, inside = refine(start, new[voters], tolerance, fit, turns=True)
        if not inside.any() or float(np.abs(start[inside] - start[inside].mean()).mean()) < 0.05 * self._longest:
            fit, inside = refine(start, new[voters], tolerance, fit, turns=False)
        agree[voters] = inside
        return fit, agree

    def _convinces(self, old: Complexes, agree: Bools, voters: Bools) -> bool:
        count = int(agree.sum())
        return (
            count >= max(self.settings.least_features, self.settings.least_share * int(voters.sum()))
            and self._extent(old, agree) >= _LEAST_EXTENT
        )

    def _extent(self, points: Complexes, which: Bools) -> int:
        """In how many of the picture's 6 by 4 parts the chosen points lie."""
        across = (points.real[which] / self.width + 0.5) * 6
        down = (points.imag[which] / self.height + 0.5) * 4
        return len(set((across.astype(np.intp).clip(0, 5) * 4 + down.astype(np.intp).clip(0, 3)).tolist()))

    def _is_plausible(self, fit: Similarity) -> bool:
        knobs = self.settings
        zoom, turn = abs(fit.turn), abs(float(np.angle(fit.turn)))
        return (
            1 / knobs.largest_zoom <= zoom <= knobs.largest_zoom
            and turn <= knobs.largest_turn
            and abs(fit.shift) <= knobs.largest_shift * self._longest
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
        window = (knobs.window, knobs.window)
        there, status, _ = cv2.calcOpticalFlowPyrLK(
            before, luma, points[:, None], None, winSize=window, maxLevel=knobs.pyramid, criteria=criteria
        )
        there = there[:, 0]
        x, y = np.floor(np.nan_to_num(there, nan=-1.0).T.clip(-1, 1e6)).astype(np.intp)
        inside = (status[:, 0] == 1) & (x >= 0) & (y >= 0) & (x < luma.shape[1]) & (y < luma.shape[0])
        rows, columns = covered.shape
        return there, inside & ~covered[(y // 2).clip(0, rows - 1), (x // 2).clip(0, columns - 1)]

    def _choose(self, luma: Image, covered: Bools) -> _Features:
        """The most distinct feature of each square that has one, outside of what is covered."""
        knobs = self.settings
        rows, columns = self._squares(luma.shape)
        side = knobs.cell // 2
        # Found on half the size, which is enough: where exactly a feature sits does not matter.
        small = cv2.resize(luma, covered.shape[::-1], interpolation=cv2.INTER_AREA)
        strength = cv2.cornerMinEigenVal(small, 3)
        strength[covered] = 0
        board = np.zeros((rows * side, columns * side), np.float32)
        board[: strength.shape[0], : strength.shape[1]] = strength
        squares = board.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(rows * columns, side * side)
        place = squares.argmax(1)
        best = squares[np.arange(len(squares)), place]
        chosen = np.flatnonzero(best >= knobs.least_texture)
        row, column = np.divmod(chosen, columns)
        if len(chosen) > knobs.features:
            # Every part of the picture gives its strongest, then its second, and so on: the vote is one by area.
            part = (row * 4 // rows) * 6 + column * 6 // columns
            order = np.lexsort((-best[chosen], part))
            begins = np.searchsorted(part[order], part[order])
            turn = np.arange(len(order)) - begins
            keep = np.sort(order[np.argsort(turn, kind="stable")[: knobs.features]])
            chosen, row, column = chosen[keep], row[keep], column[keep]
        down, across = np.divmod(place[chosen], side)
        points = np.stack([column * side + across, row * side + down], 1) * 2 + 0.5
        return _Features(points.astype(np.float32), chosen)

    def _squares(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of squares in a picture of this shape."""
        rows, columns = (-(-max(1, length // 2) // (self.settings.cell // 2)) for length in shape)
        return rows, columns

    def _covered(self, xyxy: Boxes, shape: tuple[int, ...]) -> Bools:
        """Where people are, at half the size of the reduced picture."""
        rows, columns = (max(1, length // 2) for length in shape)
        covered = np.zeros((rows, columns), np.bool_)
        margin = np.tile(xyxy[:, 2:] - xyxy[:, :2], 2) * self.settings.box_margin * (-1, -1, 1, 1)
        edges = (xyxy + margin) * np.tile([columns / self.width, rows / self.height], 2)
        edges[:, :2], edges[:, 2:] = np.floor(edges[:, :2]), np.ceil(edges[:, 2:])
        for left, top, right, bottom in edges.clip(0, max(rows, columns)).astype(np.intp).tolist():
            covered[top:bottom, left:right] = True
        return covered

    def _full_size(self, points: npt.NDArray[np.float32], shape: tuple[int, ...]) -> Complexes:
        """Reduced pixels, from the middle of the first, to displayed ones, from the middle of the picture."""
        scaled = (points.astype(np.float64) + 0.5) * (self.width / shape[1], self.height / shape[0])
        return np.asarray(scaled[:, 0] - self.width / 2 + 1j * (scaled[:, 1] - self.height / 2))

    def _matrix(self, fit: Similarity) -> Floats:
        """(2, 3) in displayed pixels from a similarity about the picture's middle."""
        turn, middle = complex(fit.turn), complex(self.width / 2, self.height / 2)
        shift = fit.shift + middle - turn * middle
        return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])

    @property
    def _longest(self) -> int:
        return max(self.width, self.height)


def _in_light_of(before: Image, luma: Image) -> Image:
    """`luma` with the mean and the contrast of `before`."""
    wanted, given = cv2.meanStdDev(before), cv2.meanStdDev(luma)
    gain = float(wanted[1].item() / max(given[1].item(), 1e-3))
    return np.asarray(cv2.convertScaleAbs(luma, alpha=gain, beta=wanted[0].item() - gain * given[0].item()), np.uint8)
