"""The boxes of a range of frames, put together from what was written of each frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.games.column_texts import COLUMNS, ColumnTexts
from api.games.edits import Said
from api.games.players import NOBODY, CorrectedRun
from api.games.runs import RunContent, RunKey
from shared_libs.common.corrections import corrected
from shared_libs.common.edits import EditLog
from shared_libs.common.players import Player, Players, Segment
from shared_libs.common.run import Run
from shared_libs.common.tracks import Source, Tracks

KEY = RunKey("eagles", "video_0123456789ab", "run_0123456789ab")


def _run(frames: list[int], frame_count: int, owner: int = 1, etag: str = '"one"') -> CorrectedRun:
    """A run with a box of track 1 in each of these frames; of the player `owner`, who is of team 0."""
    frame = np.array(frames, np.int32)
    ones = np.ones(len(frame))
    left = frame * 1.26 - 3
    xyxy = np.stack([left, left, left + 20.04, left + 40.06], axis=1)
    tracks = Tracks.from_arrays(frame, ones, xyxy, ones, ones * 0, frame % 2, frame_count)
    spans = (Segment(1, frames[0], frames[-1]),) if frames else ()
    players = Players((Player(1, 0, segments=spans),))
    record = Run(service="service-tracking", created=datetime(2026, 3, 1, tzinfo=UTC), code_version="0")
    content = RunContent(record, tracks, players)
    replayed = corrected(players, tracks, EditLog(), ())
    return CorrectedRun(content, Said(EditLog(), (), None, etag), replayed, np.full(len(frame), owner, np.int32))


def _expected(run: CorrectedRun, first: int, last: int) -> dict[str, Any]:
    tracks = run.content.tracks
    rows = [row for row in range(len(tracks)) if first <= tracks.frame[row] <= last]
    values: dict[str, Callable[[int], Any]] = {
        "frame": lambda row: int(tracks.frame[row]),
        "track_id": lambda row: int(tracks.track_id[row]),
        "player_id": lambda row: None if run.owner[row] == NOBODY else int(run.owner[row]),
        "team_id": lambda row: None if run.owner[row] == NOBODY else 0,
        "xyxy": lambda row: [round(float(side), 1) for side in tracks.xyxy[row]],
        "interpolated": lambda row: bool(tracks.source[row] == Source.INTERPOLATED),
    }
    columns = {name: [value(row) for row in rows] for name, value in values.items()}
    return {"first": first, "last": last, "frame_count": tracks.frame_count, **columns}


@given(
    frames=st.sets(st.integers(0, 700), max_size=40),
    ranges=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=1, max_size=4),
    owner=st.sampled_from([1, NOBODY]),
)
@settings(max_examples=100)
def test_any_range_holds_the_boxes_of_its_frames(frames: set[int], ranges: list[tuple[int, int]], owner: int) -> None:
    texts = ColumnTexts()
    run = _run(sorted(frames), 701, owner)
    for one, other in ranges:
        first, last = min(one, other), max(one, other)
        assert json.loads(texts.dump(KEY, run, first, last)) == _expected(run, first, last)


def test_every_column_is_there_where_nobody_is() -> None:
    document = json.loads(ColumnTexts().dump(KEY, _run([], 0), 0, 99))
    assert {name: document[name] for name in COLUMNS} == {name: [] for name in COLUMNS}


def test_after_a_correction_boxes_are_written_anew() -> None:
    texts = ColumnTexts()
    before = json.loads(texts.dump(KEY, _run([3], 10), 0, 9))
    after = json.loads(texts.dump(KEY, _run([3], 10, NOBODY, '"two"'), 0, 9))
    assert (before["player_id"], after["player_id"]) == ([1], [None])


def test_a_run_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ColumnTexts()
    run = _run(list(range(300)), 300)
    first = texts.dump(KEY, run, 100, 299)
    monkeypatch.setattr("api.games.column_texts.to_json", None)  # nothing more is written
    assert texts.dump(KEY, run, 100, 299) == first
