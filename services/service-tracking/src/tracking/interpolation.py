"""Fills the short gaps of tracks with boxes on the straight line between their ends."""

from __future__ import annotations

import numpy as np

from shared_libs.common.tracks import Source, Tracks


def interpolate(tracks: Tracks, longest_gap: int) -> Tracks:
    """The same tracks with every gap of at most `longest_gap` frames filled.

    A gap is a run of frames between two boxes of a track in which it has none. The rows put in are marked
    `Source.INTERPOLATED`; their corners and score lie on the line between the gap's ends, and their class is that
    of the box before. What was there stays as it was.
    """
    order = np.lexsort((tracks.frame, tracks.track_id))
    frame = tracks.frame[order].astype(np.int64)
    same = tracks.track_id[order][1:] == tracks.track_id[order][:-1]
    missing = frame[1:] - frame[:-1] - 1
    gaps = (same & (missing >= 1) & (missing <= longest_gap)).nonzero()[0]
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
