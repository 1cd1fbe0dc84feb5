import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.clips import Clips, Reel, Scene, read_clips, write_clips
from shared_libs.common.errors import InputError
from shared_libs.common.run import InputFile

SECONDS = st.floats(0, 1e5)
FILES = st.builds(InputFile, name=st.text(min_size=1, max_size=5), size=st.integers(0, 2**40), sha256=st.just("a" * 64))
SCENES = st.tuples(SECONDS, SECONDS, SECONDS, SECONDS).map(
    lambda four: Scene(start=four[0], end=four[0] + four[1], reel_start=four[2], reel_end=four[2] + four[3])
)
REELS = st.builds(
    Reel,
    player_id=st.integers(0, 10**6),
    number=st.none() | st.text(max_size=3),
    name=st.none() | st.text(max_size=5),
    file=FILES,
    seconds=SECONDS,
    made_from=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    scenes=st.lists(SCENES, max_size=3).map(tuple),
)
CLIPS = st.builds(
    Clips,
    code_version=st.text(min_size=1, max_size=5),
    video=FILES,
    reels=st.lists(REELS, max_size=3, unique_by=lambda reel: reel.player_id).map(
        lambda reels: tuple(sorted(reels, key=lambda reel: reel.player_id))
    ),
)


@given(CLIPS)
def test_clips_come_back_as_they_were(tmp_path: Path, clips: Clips) -> None:
    path = tmp_path / "clips.json"
    write_clips(path, clips)
    assert read_clips(path) == clips


FILE = {"name": "film.mp4", "size": 1, "sha256": "a" * 64}
REEL: dict[str, Any] = {
    "player_id": 7,
    "number": None,
    "name": None,
    "file": FILE,
    "seconds": 2.0,
    "made_from": "b" * 64,
    "scenes": [{"start": 3.0, "end": 5.0, "reel_start": 0.0, "reel_end": 2.0}],
}
DOCUMENT = {"schema": "laxai.clips", "schema_version": 1, "code_version": "1", "video": FILE, "reels": [REEL]}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"schema": "laxai.run"}, "is not a laxai.clips document"),
        ({"schema_version": 2}, "has schema version 2"),
        ({"reels": [REEL, REEL]}, "one of each player"),
        ({"reels": [REEL | {"scenes": [{"start": 3, "end": 2, "reel_start": 0, "reel_end": 2}]}]}, "before it starts"),
        ({"reels": [REEL | {"seconds": -1}]}, r"reels\[0\].seconds"),
    ],
)
def test_what_is_no_list_of_clips_is_refused(tmp_path: Path, changes: dict[str, Any], cause: str) -> None:
    path = tmp_path / "clips.json"
    path.write_text(json.dumps(DOCUMENT))
    assert read_clips(path).reels[0].player_id == 7
    path.write_text(json.dumps(DOCUMENT | changes))
    with pytest.raises(InputError, match=cause):
        read_clips(path)
