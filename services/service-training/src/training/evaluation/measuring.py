"""How well vectors tell people apart, in one pass over all pairs of crops: ranking, verification, worst confusions.

Likenesses are cosines, computed so that they do not depend on how the work is cut up, on the number of threads or on
the processor: vectors are rounded to multiples of 2⁻²⁶ – to about what float32 holds – and multiplied in float64, where
every product and every sum of theirs is exact. So what is equally alike is so to the last bit.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from shared_libs.utils.progress import progress
from training.dataset.crop_set import CropSet
from training.evaluation.confusions import Confusion, Nearest, worst_confusions
from training.evaluation.pairs import SAME_MOMENT_SECONDS, Pairs
from training.evaluation.ranking import Answers, Ranking
from training.evaluation.verification import BINS, Verification, binned

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_STEPS_PER_UNIT = 2.0**26
_LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What `measure` found. confusions: the worst, worst first. same_moment_seconds: the one it was measured with."""

    ranking: Ranking
    verification: Verification
    confusions: tuple[Confusion, ...]
    same_moment_seconds: float

    def to_metrics(self) -> dict[str, float]:
        """Names and numbers, as they stand in model.json; without those that nothing could be measured for."""
        ranking, verification = self.ranking, self.verification
        metrics = {
            "rank1": ranking.rank1,
            "rank5": ranking.rank5,
            "rank10": ranking.rank10,
            "mAP": ranking.mean_average_precision,
            "mINP": ranking.mean_inverse_negative_penalty,
            "rank1_by_identity": ranking.rank1_by_identity,
            "mAP_by_identity": ranking.mean_average_precision_by_identity,
            "auc": verification.area_under_curve,
            "eer": verification.equal_error_rate,
            "eer_threshold": verification.equal_error_threshold,
            "far_0.001_threshold": verification.strict_threshold,
            "far_0.001_accepts": verification.strict_accepts,
            "queries": float(ranking.queries),
            "gallery": float(ranking.gallery),
            "right_pairs": float(verification.right_pairs),
            "wrong_pairs": float(verification.wrong_pairs),
        }
        return {name: value for name, value in metrics.items() if not np.isnan(value)}


def measure(
    vectors: Float32,
    crops: CropSet,
    *,
    same_moment_seconds: float = SAME_MOMENT_SECONDS,
    confusions: int = 12,
    chunk: int = 1 << 23,
    quiet: bool = False,
) -> Scores:
    """Scores of `vectors`, float32 (n, d) of length 1, as looks of the n crops.

    `confusions`: how many of the worst are wanted. `chunk`: likenesses at a time, about 20 bytes each; it decides how
    much memory is needed, and nothing else. Raises ValueError where vectors are not as many as crops, not numbers, or
    not of length 1.
    """
    pairs = Pairs.of(crops, same_moment_seconds)
    exact = _exact(vectors, len(crops))[pairs.order]
    answers, nearest = Answers.of(len(pairs)), Nearest.of(len(pairs))
    right, wrong = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    rows = max(1, chunk // max(1, len(pairs)))
    workers = os.cpu_count() or 1
    compare = partial(_compare, pairs, answers, nearest)

    with ThreadPoolExecutor(workers) as pool, progress(len(pairs), "comparing crops", "crops", quiet=quiet) as bar:
        for begin in range(0, len(pairs), rows):
            likeness = exact[begin : begin + rows] @ exact.T
            parts = np.array_split(likeness, workers)
            begins = [begin, *(begin + np.cumsum([len(part) for part in parts[:-1]])).tolist()]
            for more_right, more_wrong in pool.map(compare, begins, parts):
                right += more_right
                wrong += more_wrong
            bar.advance(len(likeness))

    return Scores(
        Ranking.of(answers, crops.identity),
        Verification.of(right, wrong),
        worst_confusions(nearest, crops.identity, confusions),
        same_moment_seconds,
    )


def _exact(vectors: Float32, count: int) -> Float64:
    """The vectors brought to length 1, in steps of 2⁻²⁶. See the top of this file."""
    if vectors.ndim != 2 or len(vectors) != count:
        raise ValueError(f"vectors must be ({count}, d), one for each crop, not {vectors.shape}")
    precise = vectors.astype(np.float64)
    lengths = np.linalg.norm(precise, axis=1, keepdims=True)
    if not (np.abs(lengths - 1) <= _LENGTH_TOLERANCE).all():
        raise ValueError("vectors must be numbers, and of length 1")
    precise /= lengths
    rounded: Float64 = np.rint(precise * _STEPS_PER_UNIT) / _STEPS_PER_UNIT
    return rounded


def _compare(pairs: Pairs, answers: Answers, nearest: Nearest, begin: int, likeness: Float64) -> tuple[Counts, Counts]:
    """Answers the queries at the places from `begin` on, whose likenesses to all crops are the rows (k, n), and counts
    their right and wrong pairs in bins. Each pair is counted once, at that of its two crops which comes first."""
    right_counts, wrong_counts = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    for run in pairs.runs(begin, begin + len(likeness)):
        block = pairs.block(run.identity)
        queries = np.arange(run.begin, run.end)
        rows = likeness[run.begin - begin : run.end - begin]

        is_right = pairs.right(run)
        right = np.where(is_right, rows[:, block], -np.inf).astype(np.float32)
        right_counts += binned(right[is_right & (queries[:, None] < np.arange(block.start, block.stop))])

        is_wrong = pairs.wrong(run.identity)
        wrong = np.compress(is_wrong, rows, axis=1).astype(np.float32)
        wrong_counts += binned(wrong[:, np.count_nonzero(is_wrong[: block.stop]) :])

        counts = is_right.any(axis=1) & is_wrong.any()
        if counts.any():
            right, wrong, query = right[counts], wrong[counts], pairs.order[queries[counts]]
            nearest.note(query, right, wrong, pairs.order[block], pairs.order[is_wrong])
            wrong.sort(axis=1)
            answers.note(query, right, wrong)
    return right_counts, wrong_counts
