"""The boxes of a run as JSON, in columns: written once for each frame, and put together for whoever asks for a range.

Whoever follows a film asks for ever other ranges, and several do for the same: what is kept serves all of them.
"""

from __future__ import annotations

import functools
import itertools
from typing import Final, NamedTuple

import numpy as np
from pydantic_core import to_json

from api.games.players import NOBODY, CorrectedRun
from api.games.runs import RunKey
from api.kept import Kept
from shared_libs.common.tracks import Source

COLUMNS: Final = ("frame", "track_id", "player_id", "team_id", "xyxy", "interpolated")

_BLOCK: Final = 32
"""Frames that are written at a time."""

_BYTES_KEPT: Final = 64 << 20
_BLOCKS_KEPT: Final = 16_384
_BYTES_A_TEXT: Final = 41
"""Of a short text, as Python holds it in a list, besides its letters."""


class _Block(NamedTuple):
    """Of each column, the frames' values, separated by commas; b"" for a frame without boxes."""

    texts: tuple[list[bytes], ...]
    weight: int


class ColumnTexts:
    """What was written of late."""

    def __init__(self) -> None:
        self._kept: Kept[tuple[RunKey, str, int], _Block] = Kept(_BLOCKS_KEPT, _BYTES_KEPT, lambda block: block.weight)

    def dump(self, key: RunKey, run: CorrectedRun, first: int, last: int) -> bytes:
        """The boxes of the frames `first` to `last`, included, as the JSON object `TrackColumns`."""
        frame_count = run.content.tracks.frame_count
        texts: tuple[list[bytes], ...] = tuple([] for _ in COLUMNS)
        end = min(last + 1, frame_count)
        for number in range(first // _BLOCK, -(-end // _BLOCK)):
            block = self._kept.get((key, run.said.etag, number), functools.partial(_write, run, number))
            begin = number * _BLOCK
            for text, more in zip(texts, block.texts, strict=True):
                text += more[max(first - begin, 0) : end - begin]
        columns = (
            b'"%b":[%b]' % (name.encode(), b",".join(filter(None, text)))
            for name, text in zip(COLUMNS, texts, strict=True)
        )
        return b'{"first":%d,"last":%d,"frame_count":%d,%b}' % (first, last, frame_count, b",".join(columns))


def _write(run: CorrectedRun, number: int) -> _Block:
    tracks = run.content.tracks
    begins = np.searchsorted(tracks.frame, np.arange(number * _BLOCK, (number + 1) * _BLOCK + 1, dtype=np.int32))
    rows = slice(int(begins[0]), int(begins[-1]))
    cuts = (begins - begins[0]).tolist()
    owner = run.owner[rows].tolist()
    teams = {player.player_id: player.team_id for player in run.players}
    columns = (
        tracks.frame[rows].tolist(),
        tracks.track_id[rows].tolist(),
        [None if each == NOBODY else each for each in owner],
        [teams.get(each) for each in owner],
        np.round(tracks.xyxy[rows].astype(np.float64), 1).tolist(),
        (tracks.source[rows] == Source.INTERPOLATED).tolist(),
    )
    texts = tuple([to_json(column[begin:end])[1:-1] for begin, end in itertools.pairwise(cuts)] for column in columns)
    weight = sum(len(text) + _BYTES_A_TEXT for column in texts for text in column)
    return _Block(texts, weight)
