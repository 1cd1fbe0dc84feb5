"""Fills the short gaps of tracks with boxes on the straight line between their ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shared_libs.common.tracks import Source, Tracks

_SHARE_OF_HEIGHT = 0.3
"""A person is three times as high as wide: the same distance as a part of the height."""

_TRACKS_AT_A_BORDER = 3
"""So many tracks must have touched the largest coordinate for it to be taken for the picture's border."""


def interpolate(
    tracks: Tracks, longest_gap: int, border_share: float = 0.0, size: tuple[float, float] | None = None
) -> Tracks:
    """The same tracks with every gap of at most `longest_gap` frames filled, but for exits.

    An exit is a gap both of whose ends lie nearer to the picture's border than `border_share` of the box's size: there
    was nobody to be seen. `size` is the picture's, in pixels; where it is not known, the border on the right and below
    is where several tracks were cut off.

    A gap is a run of frames between two boxes of a track in which it has none. The rows put in are marked
    `Source.INTERPOLATED`; their corners and score lie on the line between the gap's ends, and their class is that
    of the box before. What was there stays as it was.
    """
    order = np.lexsort((tracks.frame, tracks.track_id))
    frame = tracks.frame[order].astype(np.int64)
    same = tracks.track_id[order][1:] == tracks.track_id[order][:-1]
    missing = frame[1:] - frame[:-1] - 1
    gaps = (same & (missing >= 1) & (missing <= longest_gap)).nonzero()[0]
    if border_share > 0 and len(gaps):
        at_border = _at_border(tracks, border_share, size)[order]
        gaps = gaps[~(at_border[gaps] & at_border[gaps + 1])]
    if len(gaps) == 0:
        return tracks
    lengths = missing[gaps]
    step = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    before = np.repeat(order[gaps], lengths)
    after = np.repeat(order[gaps + 1], lengths)
    part = step / np.repeat(lengths + 1, lengths)
    start, stop = tracks.xyxy[before].astype(np.float64), tracks.xyxy[after].astype(np.float64)
    return Tracks.from_arrays(
        frame=np.concatenate([tracks.frame, tracks.frame[before] + step]),
        track_id=np.concatenate([tracks.track_id, tracks.track_id[before]]),
        xyxy=np.concatenate([tracks.xyxy, start + part[:, None] * (stop - start)]),
        score=np.concatenate([tracks.score, (1 - part) * tracks.score[before] + part * tracks.score[after]]),
        class_id=np.concatenate([tracks.class_id, tracks.class_id[before]]),
        source=np.concatenate([tracks.source, np.full(len(step), Source.INTERPOLATED, np.uint8)]),
        frame_count=tracks.frame_count,
    )


def _at_border(tracks: Tracks, share: float, size: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Which boxes (n,) touch the picture's border, or nearly."""
    xyxy = tracks.xyxy.astype(np.float64)
    near = share * (xyxy[:, 2:] - xyxy[:, :2]) * (1.0, _SHARE_OF_HEIGHT)
    touches: NDArray[np.bool_] = (xyxy[:, 0] < near[:, 0]) | (xyxy[:, 1] < near[:, 1])
    for axis in range(2):
        edge = size[axis] if size is not None else float(xyxy[:, 2 + axis].max())
        here = xyxy[:, 2 + axis] > edge - near[:, axis]
        if size is not None or len(np.unique(tracks.track_id[here])) >= _TRACKS_AT_A_BORDER:
            touches |= here
    return touches
