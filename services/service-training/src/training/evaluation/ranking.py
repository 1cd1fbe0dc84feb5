"""How often the right person comes first when everybody is put in the order of likeness to one crop.

Every crop is a query to all other crops; which of them are right and wrong answers, and which are left out, is said in
`pairs`. A query counts where at least one of either remains. Answers that are equally alike stand in the worst order:
the wrong ones first. So vectors that are all the same find nobody first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """How n queries were answered, each by itself; (n,) all, in the order of the crop set.

    average_precision: float32, the mean, over its right answers, of the share of right ones down to each.
    inverse_negative_penalty: float32, right answers by the rank of the last of them (Ye et al., "Deep learning for
    person re-identification: a survey and outlook", 2021). Both are NaN where the query does not count. first_rank:
    int32, the rank of the first right answer, from 1; 0 where the query does not count.
    """

    average_precision: Float32
    inverse_negative_penalty: Float32
    first_rank: npt.NDArray[np.int32]

    @staticmethod
    def of(count: int) -> Answers:
        """For `count` queries, none of which counts yet."""
        nothing = np.full(count, np.nan, np.float32)
        return Answers(nothing, nothing.copy(), np.zeros(count, np.int32))

    def note(self, queries: Index, right: Float32, wrong: Float32) -> None:
        """Writes down k queries, rows `queries` of the crop set, from the likenesses of their answers.

        right: (k, m), in any order, with −inf where there is none, but at least one in each row. wrong: (k, w),
        ascending, w at least 1.
        """
        right = np.sort(right, axis=1)[:, ::-1]
        answers = np.isfinite(right)
        before = np.array([np.searchsorted(row, asked, side="left") for row, asked in zip(wrong, right, strict=True)])
        places = np.arange(1, right.shape[1] + 1)
        ranks = places + wrong.shape[1] - before
        count = answers.sum(axis=1)
        last = np.take_along_axis(ranks, count[:, None] - 1, axis=1)[:, 0]
        self.average_precision[queries] = np.where(answers, places / ranks, 0).sum(axis=1) / count
        self.inverse_negative_penalty[queries] = count / last
        self.first_rank[queries] = ranks[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Fractions, 1 is perfect; NaN where no query counts.

    rank1, rank5, rank10: share of the queries with a right answer among the first so many. The two `…_by_identity` are
    means over identities, each the mean of its own queries, so that those with many crops do not outweigh the rest.
    queries: how many counted. gallery: crops in all.
    """

    rank1: float
    rank5: float
    rank10: float
    mean_average_precision: float
    mean_inverse_negative_penalty: float
    rank1_by_identity: float
    mean_average_precision_by_identity: float
    queries: int
    gallery: int
    answers: Answers

    @staticmethod
    def of(answers: Answers, identity: npt.NDArray[np.int32]) -> Ranking:
        """What the answers come to; identity: int32 (n,), of each query."""
        counts = answers.first_rank > 0
        precision = answers.average_precision[counts].astype(np.float64)
        penalty = answers.inverse_negative_penalty[counts].astype(np.float64)
        first, whose = answers.first_rank[counts], identity[counts]
        return Ranking(
            rank1=_mean(first <= 1),
            rank5=_mean(first <= 5),
            rank10=_mean(first <= 10),
            mean_average_precision=_mean(precision),
            mean_inverse_negative_penalty=_mean(penalty),
            rank1_by_identity=_mean_of_means(first <= 1, whose),
            mean_average_precision_by_identity=_mean_of_means(precision, whose),
            queries=len(first),
            gallery=len(identity),
            answers=answers,
        )

    def cumulative_matches(self, ranks: int) -> Float64:
        """(ranks,): share of the queries with a right answer among the first 1, 2, … – the CMC curve."""
        first = self.answers.first_rank
        found = np.bincount(first[(first > 0) & (first <= ranks)], minlength=ranks + 1)[1:]
        shares: Float64 = np.cumsum(found) / max(1, self.queries)
        return shares


def _mean(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _mean_of_means(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_], group: npt.NDArray[np.int32]) -> float:
    sizes = np.bincount(group)
    sums = np.bincount(group, values)
    return _mean(sums[sizes > 0] / sizes[sizes > 0])
