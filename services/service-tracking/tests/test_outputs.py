"""A folder of results is whole or was never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared_libs.common.errors import OutputError
from tracking.outputs import RUN, output_folder

NAMES = ("tracks.txt", "annotated.mp4", RUN)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_new_folder_appears_with_everything_in_it(tmp_path: Path) -> None:
    with output_folder(tmp_path / "a" / "b", NAMES) as (folder, _):
        (folder / "tracks.txt").write_text("tracks")
        (folder / RUN).write_text("run")
        assert not [path for path in (tmp_path / "a" / "b").iterdir() if not path.name.startswith(".")]
    assert contents(tmp_path / "a" / "b") == {"tracks.txt": "tracks", RUN: "run"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_no_folder_and_none_of_its_parents(tmp_path: Path, failure: type[BaseException]) -> None:
    with pytest.raises(failure), output_folder(tmp_path / "a" / "b", NAMES) as (folder, _):
        (folder / "tracks.txt").write_text("half")
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_an_older_result_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").write_text("old")
    (tmp_path / RUN).write_text("old run")
    with pytest.raises(KeyboardInterrupt), output_folder(tmp_path, NAMES) as (folder, _):
        (folder / "tracks.txt").write_text("half")
        raise KeyboardInterrupt
    assert contents(tmp_path) == {"tracks.txt": "old", RUN: "old run"}


def test_a_new_result_replaces_all_of_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    for name in (*NAMES, "coach.md"):
        (tmp_path / name).write_text("old")
    with output_folder(tmp_path, NAMES) as (folder, _):
        (folder / "tracks.txt").write_text("new")
        (folder / RUN).write_text("new run")
    assert contents(tmp_path) == {"tracks.txt": "new", RUN: "new run", "coach.md": "old"}


def test_the_run_file_is_gone_while_the_others_are_exchanged(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_text("old")
    (tmp_path / "tracks.txt").unlink()
    (tmp_path / "tracks.txt").mkdir()  # cannot be replaced by a file
    with pytest.raises(OutputError), output_folder(tmp_path, NAMES) as (folder, _):
        (folder / "tracks.txt").write_text("new")
        (folder / RUN).write_text("new run")
    assert not (tmp_path / RUN).exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for place in (tmp_path / "out", tmp_path / "out" / "below"):
        with pytest.raises(OutputError), output_folder(place, NAMES):
            raise AssertionError("the block must not run")
    assert contents(tmp_path) == {"out": "mine"}


def test_errors_about_other_files_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), output_folder(tmp_path / "out", NAMES):
        Path("/nowhere/at/all").read_text()
