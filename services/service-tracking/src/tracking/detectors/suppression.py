"""Of boxes that stand for one person, the surest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def surest(
    xyxy: NDArray[np.float32],
    score: NDArray[np.float32],
    most_overlap: float,
    view: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Rows of `xyxy` (n, 4) to keep, the highest score first; of equal scores, the first row first.

    A box is left out where its intersection over union with a surer one that stays is above `most_overlap`. With
    `view` (n,), only boxes of different views leave each other out: in one view, two boxes were seen as two.
    """
    order = np.argsort(-score, kind="stable")
    box = xyxy[order].astype(np.float64)
    seen_in = view[order] if view is not None else None
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    stays = np.ones(len(box), bool)
    for row in range(len(box)):
        if not stays[row]:
            continue
        later = slice(row + 1, None)
        corner = np.maximum(box[row, :2], box[later, :2])
        sides = np.clip(np.minimum(box[row, 2:], box[later, 2:]) - corner, 0, None)
        common = sides[:, 0] * sides[:, 1]
        same = common > most_overlap * (area[row] + area[later] - common)
        if seen_in is not None:
            same &= seen_in[later] != seen_in[row]
        stays[later] &= ~same
    kept: NDArray[np.intp] = order[stays]
    return kept
