"""What kits say about two pieces being one person: somebody in one team's kit is nobody in the other's.

One look can mislead – another player stands in front – but looks go together: how often two at one piece agree says how
much each is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared_libs.common.tracks import Tracks
from tracking.appearance import Looks
from tracking.kits import find_kits
from tracking.look_evidence import LookedAt, LooksByPiece, covered_share
from tracking.pieces import Pieces
from tracking.scene import Float, Index

_SAME_KIT = 0.08
"""Up to this distance two kits are one, and tell nobody apart."""
_LEAST_SHARE = 0.05
"""Of the looks that must be at the rarer kit."""
_LEAST_LOOKS = 20
_WRONG = (0.03, 0.35)
"""Least and largest share of looks that is ever believed to mislead."""
_SURE = 6.0
"""Most that is ever believed, in natural-log units."""
_CHANGE = 3.5
"""So sure of one kit before and of the other one after, a piece is two people's."""


@dataclass(frozen=True, slots=True, eq=False)
class KitEvidence:
    """The looks of a game, and what each says: float64 (k,), positive for the first kit, in natural-log units."""

    seen: LookedAt
    says: Float

    @classmethod
    def learned(cls, tracks: Tracks, jersey: Looks, pieces: Pieces) -> KitEvidence | None:
        """None where there are not two kits. jersey: looks by the jersey-colour descriptor."""
        seen = LookedAt.of(tracks, jersey)
        if len(seen.row) < _LEAST_LOOKS:
            return None
        kits = find_kits(jersey, jersey.quality.astype(np.float64)).astype(np.float64)
        if len(kits) < 2 or 1 - float(kits[0] @ kits[1]) < _SAME_KIT:
            return None
        first = seen.vector @ kits[0] > seen.vector @ kits[1]
        if min(first.mean(), 1 - first.mean()) < _LEAST_SHARE:
            return None
        by_piece = LooksByPiece.of(seen, pieces)
        piece = pieces.piece[seen.row[by_piece.look]]
        neighbours = piece[1:] == piece[:-1]
        if not neighbours.any():
            return None
        agree = float((first[by_piece.look][1:] == first[by_piece.look][:-1])[neighbours].mean())
        # Two looks of one person agree when both mislead or neither does.
        wrong = float(np.clip((1 - np.sqrt(max(2 * agree - 1, 0))) / 2, *_WRONG))
        # A poor crop says less.
        says = np.where(first, 1, -1) * np.log((1 - wrong) / wrong) * np.clip(2 * seen.quality, 0.2, 1)
        return cls(seen, says)

    def weigh(self, pieces: Pieces, first: Index, second: Index) -> Float:
        """float64 (k,): what kits say for pieces `first` (k,) and `second` (k,) being one person, in natural-log units;
        0 where one of them was not looked at."""
        sure = np.bincount(pieces.piece[self.seen.row], self.says, len(pieces))
        one = 1 / (1 + np.exp(-np.clip(sure, -_SURE, _SURE)))
        same = one[first] * one[second] + (1 - one[first]) * (1 - one[second])
        weight: Float = np.log(2 * same)
        return weight

    def changes(self, tracks: Tracks, pieces: Pieces) -> Index:
        """The rows from which pieces are in another kit than before, one at most for each piece: between the two looks
        that part it best, at the box that was most covered."""
        by_piece = LooksByPiece.of(self.seen, pieces)
        says = self.says[by_piece.look]
        total = np.concatenate([[0.0], np.cumsum(says)])
        piece = pieces.piece[self.seen.row[by_piece.look]]
        place = np.arange(len(piece))
        before = total[place] - total[by_piece.start[piece]]
        after = total[by_piece.stop[piece]] - total[place]
        parted = np.where(before * after < 0, np.minimum(np.abs(before), np.abs(after)), 0)
        covered = covered_share(tracks.xyxy.astype(np.float64), tracks.offsets())
        rows_by_piece = np.argsort(pieces.piece, kind="stable")
        ends = np.cumsum(pieces.length)
        found = []
        for number in np.unique(piece[parted >= _CHANGE]):
            start, stop = by_piece.start[number], by_piece.stop[number]
            split = start + int(parted[start:stop].argmax())
            rows = rows_by_piece[ends[number] - pieces.length[number] : ends[number]]
            earlier, later = self.seen.row[by_piece.look[split - 1]], self.seen.row[by_piece.look[split]]
            rows = rows[(rows > earlier) & (rows <= later)]
            found.append(rows[np.argmax(covered[rows])])
        return np.array(found, np.int64)
