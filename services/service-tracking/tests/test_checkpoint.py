"""What a checkpoint gives back is what was saved, or nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import OutputError
from tracking.checkpoint import Checkpoint

ARRAYS = {"numbers": np.arange(6.0).reshape(2, 3), "words": np.array("why"), "none": np.empty((0, 4), np.float32)}


def test_what_was_saved_is_found_by_the_same_command(tmp_path: Path) -> None:
    assert Checkpoint(tmp_path, {"fps": 25}).is_empty
    Checkpoint(tmp_path, {"fps": 25}).save("part", ARRAYS, b"tracks")
    again = Checkpoint(tmp_path, {"fps": 25})
    loaded = again.load("part", b"tracks")
    assert not again.is_empty
    assert loaded is not None
    assert loaded.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (loaded[name].dtype, loaded[name].tolist()) == (array.dtype, array.tolist())
    assert again.load("other") is None
    assert again.load("part", b"other tracks") is None


@pytest.mark.parametrize("command", [{"fps": 30}, {"fps": 25, "truth": "x"}, {}])
def test_another_command_removes_it_and_says_why(command: dict[str, object], tmp_path: Path) -> None:
    Checkpoint(tmp_path, {"fps": 25, "film": "a"}).save("part", ARRAYS)
    said: list[str] = []
    other = Checkpoint(tmp_path, command | {"film": "a"}, say=said.append)
    assert other.is_empty
    name = "fps" if command.get("fps") != 25 else "truth"
    assert said == [f"starting afresh: an earlier run that was cut short there had another {name}"]


def test_a_file_of_another_name_or_command_is_not_taken(tmp_path: Path) -> None:
    for name, fps in (("one", 25), ("two", 30)):
        (tmp_path / name).mkdir()
        Checkpoint(tmp_path / name, {"fps": fps}).save("part", ARRAYS)
    mine = Checkpoint(tmp_path / "one", {"fps": 25})
    (tmp_path / "one" / "copy.saved").write_bytes((tmp_path / "one" / "part.saved").read_bytes())
    assert mine.load("copy") is None
    (tmp_path / "one" / "part.saved").write_bytes((tmp_path / "two" / "part.saved").read_bytes())
    assert mine.load("part") is None


@given(st.data())
def test_no_damage_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    said: list[str] = []
    checkpoint = Checkpoint(folder, {"fps": 25}, say=said.append)
    checkpoint.save("part", ARRAYS)
    path = folder / "part.saved"
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[at : at + data.draw(st.integers(1, 5000))]
    path.write_bytes(content)
    assert checkpoint.load("part") is None
    assert said == ["a saved part (part) is damaged, or of another version; it is made anew"]


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"fps": 26}'])
def test_whatever_stands_in_the_command_s_place_is_survived(left: bytes, tmp_path: Path) -> None:
    Checkpoint(tmp_path, {"fps": 25}).save("part", ARRAYS)
    (tmp_path / "command.json").write_bytes(left)
    said: list[str] = []
    assert Checkpoint(tmp_path, {"fps": 25}, say=said.append).is_empty
    assert len(said) == 1
    assert said[0].startswith("starting afresh: ")


def test_a_fresh_start_says_nothing(tmp_path: Path) -> None:
    Checkpoint(tmp_path, {"fps": 25}).save("part", ARRAYS)
    said: list[str] = []
    assert Checkpoint(tmp_path, {"fps": 25}, fresh=True, say=said.append).is_empty
    assert said == []


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    checkpoint = Checkpoint(tmp_path / "work", {"fps": 25})
    (tmp_path / "work" / "command.json").unlink()
    (tmp_path / "work").rmdir()
    with pytest.raises(OutputError):
        checkpoint.save("part", ARRAYS)
