"""Fits the linker's weights to sequences whose truth is known, by conditional logistic regression (McFadden, 1974).

Every end of a piece chooses which beginning continues it, or none; every beginning chooses which end it continues, or
none. The choices compete in the fit as they do in the linker, and "none" weighs 0 in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, minimize

from benchmarks.sequences import LabelledSequence, find_sequences, read_sequence
from shared_libs.common.errors import InputError
from shared_libs.common.tracks import Tracks
from shared_libs.utils.progress import progress
from tracking.exact_tracks import ExactTracks
from tracking.link_evidence import FEATURES, Pairs, Scene, features_of, pairs_to_weigh
from tracking.linker import scene_of
from tracking.pieces import Pieces
from tracking.settings import TrackerSettings
from tracking.tracker import track

Float = NDArray[np.float64]
Index = NDArray[np.int64]

RIDGE = 1e-3
"""What the square of a weight costs, each feature in units of its standard deviation, beside the mean surprise."""
_RIDGE_OF_ONE = 0.01
"""Part of that for the constant: how common joins are is not to be shrunk."""
_LEAST_OVERLAP = 0.5
"""IoU from which a box of the tracker is one of the truth's, as in CLEAR and IDF1."""
_LARGEST = 300.0
"""Weights above this count as this: their exponential is still a number."""
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a pair beyond the fit: `always` + `newcomers` and `returns` times what `Game` says of them.

    The fit weighs a wrong join like a missed one. The scores do not: with many newcomers wrong joins cost more.
    """

    always: float = -1.0
    newcomers: float = 0.6
    returns: float = -0.4

    def taken_from(self, weights: Float) -> Float:
        """The weights (2 · len(FEATURES),) with which a pair is joined from 0 on."""
        shifted = weights.reshape(2, len(FEATURES)).copy()
        for name, amount in (("one", self.always), ("newcomers", self.newcomers), ("returns", self.returns)):
            shifted[:, FEATURES.index(name)] -= amount
        return shifted.ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One sequence, to learn from. features: float64 (k, 2 · len(FEATURES)), of the pairs. right: bool (k,), whether
    the second of a pair is the next piece of the first's person."""

    truth: ExactTracks
    tracks: Tracks
    scene: Scene
    pairs: Pairs
    features: Float
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class FitReport:
    """weights: float64 (2 · len(FEATURES),), rounded as they are printed, and what they were learned from."""

    weights: Float
    sequences: int
    pieces: int
    pairs: int
    right: int

    def text(self) -> str:
        """The table as it stands in link_weights.py."""
        rows = [f'    "{name}": ({short:g}, {long:g}),' for name, short, long in self._rows()]
        return "\n".join(["_WEIGHTS = {", "    # what: (after a short gap, after a long one)", *rows, "}"])

    def to_dict(self) -> dict[str, Any]:
        return {
            "weights": {name: {"short": short, "long": long} for name, short, long in self._rows()},
            "sequences": self.sequences,
            "pieces": self.pieces,
            "pairs": self.pairs,
            "right_pairs": self.right,
        }

    def _rows(self) -> list[tuple[str, float, float]]:
        short, long = self.weights.reshape(2, len(FEATURES)).tolist()
        return list(zip(FEATURES, short, long, strict=True))


def measure_weights(
    sets: Sequence[tuple[Path, Path | None]],
    *,
    ridge: float = RIDGE,
    asked: Asked | None = None,
    quiet: bool = False,
) -> FitReport:
    """Tracks all sequences of `sets`, folders of truth and of detections as for `read_sequence`, and fits.

    Raises InputError for a folder that cannot be read and where there is nothing to learn from.
    """
    found = [(folder, boxes) for truth, boxes in sets for folder in find_sequences(truth)]
    lessons = []
    with progress(len(found), "tracking", "sequences", quiet=quiet) as bar:
        for folder, boxes in found:
            lessons.append(lesson_of(read_sequence(folder, boxes)))
            bar.advance()
    right = sum(int(lesson.right.sum()) for lesson in lessons)
    if right == 0:
        where = ", ".join(str(truth) for truth, _ in sets)
        raise InputError(where, "no track in it is ever broken", hint="joining is learned from harder sequences")
    weights = (asked or Asked()).taken_from(fitted(lessons, ridge))
    return FitReport(
        np.round(weights, _DECIMALS) + 0.0,  # no "-0"
        sequences=len(lessons),
        pieces=sum(len(lesson.scene.pieces) for lesson in lessons),
        pairs=sum(len(lesson.right) for lesson in lessons),
        right=right,
    )


def lesson_of(sequence: LabelledSequence, settings: TrackerSettings | None = None) -> Lesson:
    """Of the pieces that the linker makes of a sequence, by the boxes alone: which pairs it should join."""
    settings = settings or TrackerSettings()
    tracks = track(sequence.detections, sequence.fps, settings)
    scene = scene_of(tracks, sequence.fps, settings, None)
    pairs = pairs_to_weigh(scene, settings.link_seconds)
    owner = owners(scene.pieces, true_identities(sequence.truth, tracks))
    following = next_of_same(owner, scene.frame[scene.pieces.first], scene.frame[scene.pieces.last])
    right = following[pairs.first] == pairs.second
    return Lesson(sequence.truth, tracks, scene, pairs, features_of(scene, pairs), right)


def fitted(lessons: Iterable[Lesson], ridge: float = RIDGE) -> Float:
    """float64 (2 · len(FEATURES),): the weights under which the right choices of all lessons surprise least."""
    lessons = list(lessons)
    features = np.concatenate([lesson.features for lesson in lessons])
    spread = features.std(axis=0)
    spread[spread == 0] = 1
    features = features / spread
    right = np.concatenate([lesson.right for lesson in lessons]).astype(np.float64)
    counts = [len(lesson.scene.pieces) for lesson in lessons]
    before = np.cumsum([0, *counts])
    sides = [
        np.concatenate([lesson.pairs[side] + start for lesson, start in zip(lessons, before[:-1], strict=True)])
        for side in (0, 1)
    ]
    pieces = int(before[-1])
    cost = ridge * np.tile(np.where(np.array(FEATURES) == "one", _RIDGE_OF_ONE, 1.0), 2)

    def surprise(weights: Float) -> tuple[float, Float]:
        weight = features @ weights
        odds = np.exp(np.minimum(weight, _LARGEST))
        loss, wrongness = -2 * float(right @ weight), -2 * right
        for side in sides:
            chances = 1 + np.bincount(side, odds, pieces)
            loss += float(np.log(chances).sum())
            wrongness = wrongness + odds / chances[side]
        penalty = cost * weights
        return loss / pieces + float(penalty @ weights) / 2, features.T @ wrongness / pieces + penalty

    start = np.zeros(features.shape[1])
    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-13, "gtol": 1e-8}
    weights: Float = minimize(surprise, start, jac=True, method="L-BFGS-B", options=options).x / spread
    return weights


def true_identities(truth: ExactTracks, tracks: Tracks) -> Index:
    """The truth's id of each box of `tracks` (n,), one to one in every frame by overlap; -1 where there is none."""
    identity = np.full(len(tracks), -1, np.int64)
    edges = np.arange(truth.frame_count + 1)
    theirs, ours = np.searchsorted(truth.frame, edges), np.searchsorted(tracks.frame, edges)
    boxes = tracks.xyxy.astype(np.float64)
    for frame in range(truth.frame_count):
        these, those = slice(*theirs[frame : frame + 2]), slice(*ours[frame : frame + 2])
        overlap = _overlaps(truth.xyxy[these], boxes[those])
        row, column = linear_sum_assignment(-overlap)
        same = overlap[row, column] >= _LEAST_OVERLAP
        identity[those.start + column[same]] = truth.track_id[these.start + row[same]]
    return identity


def _overlaps(some: Float, others: Float) -> Float:
    """IoU (n, m) of boxes (n, 4) and (m, 4)."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    area, other_area = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (some, others))
    overlap: Float = common / (area[:, None] + other_area - common)
    return overlap


def owners(pieces: Pieces, identity: Index) -> Index:
    """The person (m,) to whom most boxes of each piece belong, by the identity (n,) of boxes; -1 for nobody."""
    people, number = np.unique(identity, return_inverse=True)
    kinds, count = np.unique(pieces.piece * len(people) + number, return_counts=True)
    piece = kinds // len(people)
    most = np.lexsort((count, piece))[np.cumsum(np.bincount(piece)) - 1]
    owner: Index = people[kinds[most] % len(people)]
    return owner


def next_of_same(owner: Index, began: Index, ended: Index) -> Index:
    """For each of m pieces the first one of the same owner that begins after it has ended; -1 where there is none.

    Where two pieces of one person overlap in time, one of them is not that person's, and both may name the same next.
    """
    following = np.full(len(owner), -1, np.int64)
    order = np.lexsort((began, owner))
    for mine in np.split(order, np.diff(owner[order]).nonzero()[0] + 1):
        if len(mine) and owner[mine[0]] >= 0:
            place = np.searchsorted(began[mine], ended[mine] + 1)
            found = place < len(mine)
            following[mine[found]] = mine[place[found]]
    return following
