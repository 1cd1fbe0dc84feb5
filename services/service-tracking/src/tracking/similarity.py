"""The similarity that most of the given point pairs agree on: turn, zoom and shift, found by vote and then fitted.

Points are complex numbers, so that a similarity is `turn * point + shift` with two complex numbers. Everything is
drawn from one fixed table: equal input gives equal output.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Complexes = npt.NDArray[np.complex128]
Bools = npt.NDArray[np.bool_]

_PAIRS, _SINGLES, _ROUNDS = 80, 16, 3
_RANDOM = np.random.Generator(np.random.PCG64(20))
_FIRST, _SECOND, _ALONE = (_RANDOM.random(size) for size in (_PAIRS, _PAIRS, _SINGLES))


class Similarity(NamedTuple):
    """Maps z to `turn * z + shift`; |turn| is the zoom, its angle the rotation."""

    turn: complex
    shift: complex

    def __call__(self, points: Complexes) -> Complexes:
        return self.turn * points + self.shift


def vote(source: Complexes, target: Complexes, tolerance: float) -> Similarity:
    """The hypothesis that most of the pairs (n,) support, each by how near it is within `tolerance`.

    Hypotheses come from two pairs of points each, and from one pair as a plain shift; those that double or halve the
    picture are left aside. n is at least 1. At most 2 in 3 pairs may be wrong.
    """
    count = len(source)
    first, second, alone = ((table * count).astype(np.intp) for table in (_FIRST, _SECOND, _ALONE))
    across = source[second] - source[first]
    far = np.abs(across) >= 0.5 * float(np.median(np.abs(source - source.mean())))
    far &= across != 0
    turn = (target[second[far]] - target[first[far]]) / across[far]
    anchor = first[far]
    size = np.abs(turn)
    sane = (size > 0.5) & (size < 2)
    turn = np.concatenate([turn[sane], np.ones(len(alone))])
    anchor = np.concatenate([anchor[sane], alone])
    shift = target[anchor] - turn * source[anchor]
    # As real matrices of single precision: one product for all hypotheses and points.
    plain = np.stack([source.real, source.imag, np.ones(count)], 1).astype(np.float32)
    right = np.stack([turn.real, -turn.imag, shift.real]).astype(np.float32)
    down = np.stack([turn.imag, turn.real, shift.imag]).astype(np.float32)
    error = (plain @ right - target.real.astype(np.float32)[:, None]) ** 2
    error += (plain @ down - target.imag.astype(np.float32)[:, None]) ** 2
    np.minimum(error, np.float32(tolerance**2), out=error)
    best = int(np.argmin(error.sum(0)))
    return Similarity(complex(turn[best]), complex(shift[best]))


def refine(
    source: Complexes, target: Complexes, tolerance: float, start: Similarity, *, turns: bool
) -> tuple[Similarity, Bools]:
    """Least squares from `start` in which a pair counts less the worse it fits, and nothing beyond `tolerance`.

    turns: False fits a shift alone. Returns the fit and who is within tolerance (n,).
    """
    fit = start
    if not turns:
        moved = target - source
        fit = Similarity(1.0, complex(np.median(moved.real), np.median(moved.imag)))
    for _ in range(_ROUNDS):
        off = np.abs(target - fit(source)) / tolerance
        trust = np.maximum(0.0, 1 - off * off) ** 2
        total = float(trust.sum())
        if total <= 0:
            break
        from_mean, to_mean = complex(trust @ source) / total, complex(trust @ target) / total
        turn = 1.0 + 0j
        if turns:
            centred = source - from_mean
            spread = float(trust @ (centred.real**2 + centred.imag**2))
            if spread <= 0:
                break
            turn = complex((trust * centred.conj()) @ (target - to_mean)) / spread
        fit = Similarity(turn, to_mean - turn * from_mean)
    return fit, np.abs(target - fit(source)) < tolerance
