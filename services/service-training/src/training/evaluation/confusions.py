"""Where a wrong answer came before every right one: the cases that people want to see."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]

AT_MOST_PER_PAIR = 3
"""Confusions of the same two identities that are shown: one bad pair would fill the list."""


class Confusion(NamedTuple):
    """Rows of the crop set: a query, its most alike wrong answer, its most alike right one, and how alike they are."""

    query: int
    wrong: int
    right: int
    wrong_likeness: float
    right_likeness: float


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The most alike wrong and right answer of n queries, (n,) all; rows are −1 where the query does not count."""

    wrong: Index
    right: Index
    wrong_likeness: Float32
    right_likeness: Float32

    @staticmethod
    def of(count: int) -> Nearest:
        """For `count` queries, none of which counts yet."""
        nobody, nothing = np.full(count, -1, np.int64), np.full(count, np.nan, np.float32)
        return Nearest(nobody, nobody.copy(), nothing, nothing.copy())

    def note(self, queries: Index, right: Float32, wrong: Float32, right_rows: Index, wrong_rows: Index) -> None:
        """Writes down k queries, rows `queries` of the crop set, from the likenesses of their answers.

        right: (k, m), −inf where there is none. wrong: (k, w). The rows (m,) and (w,) say which crops the columns are.
        """
        best_right, best_wrong = right.argmax(axis=1), wrong.argmax(axis=1)
        query = np.arange(len(queries))
        self.right[queries], self.right_likeness[queries] = right_rows[best_right], right[query, best_right]
        self.wrong[queries], self.wrong_likeness[queries] = wrong_rows[best_wrong], wrong[query, best_wrong]


def worst_confusions(nearest: Nearest, identity: npt.NDArray[np.int32], most: int) -> tuple[Confusion, ...]:
    """The `most` confusions in which the wrong answer leads by the most, at most AT_MOST_PER_PAIR of two identities.

    identity: int32 (n,). An answer as alike as the best right one leads by 0, and counts.
    """
    lead = nearest.wrong_likeness.astype(np.float64) - nearest.right_likeness
    confused = (lead >= 0).nonzero()[0]
    shown: list[Confusion] = []
    times: Counter[tuple[int, int]] = Counter()
    for query in confused[np.argsort(-lead[confused], kind="stable")].tolist():
        if len(shown) == most:
            break
        wrong, right = int(nearest.wrong[query]), int(nearest.right[query])
        one, other = sorted((int(identity[query]), int(identity[wrong])))
        if times[one, other] < AT_MOST_PER_PAIR:
            times[one, other] += 1
            likenesses = float(nearest.wrong_likeness[query]), float(nearest.right_likeness[query])
            shown.append(Confusion(query, wrong, right, *likenesses))
    return tuple(shown)
