"""A data set's folder is whole, or is what it was before, whatever ends a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.files import atomic_write
from training.dataset.whole_folder import check_replaceable, whole_folder

# Starts to build "set" in the folder where it stands, says so, and waits.
BUILDING = """
import sys, time
from pathlib import Path
from training.dataset.whole_folder import whole_folder
with whole_folder(Path("set")) as folder:
    (folder / "dataset.json").write_text("new")
    print("at work", flush=True)
    time.sleep(600)
"""


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def old_set(folder: Path) -> None:
    (folder / "train").mkdir(parents=True)
    (folder / "dataset.json").write_text("old")
    (folder / "train" / "a.jpg").write_text("old picture")


OLD = {"dataset.json": "old", "train/a.jpg": "old picture"}


def start(folder: Path) -> subprocess.Popen[str]:
    """A run that is at work on folder/set, in a process of its own."""
    variables = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", "")}
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDING], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    return process


def test_a_new_data_set_appears_at_the_end_with_its_parents(tmp_path: Path) -> None:
    out = tmp_path / "a" / "set"
    with whole_folder(out) as folder:
        (folder / "dataset.json").write_text("new")
        assert not out.exists()
    assert contents(tmp_path) == {"a/set/dataset.json": "new"}


def test_a_new_data_set_replaces_all_of_the_old_one(tmp_path: Path) -> None:
    old_set(tmp_path / "set")
    with whole_folder(tmp_path / "set") as folder:
        (folder / "dataset.json").write_text("new")
        assert contents(tmp_path / "set") == OLD
    assert contents(tmp_path) == {"set/dataset.json": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_empty_folder_is_replaced_and_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "set").symlink_to(tmp_path / "real")
    with whole_folder(tmp_path / "set") as folder:
        (folder / "dataset.json").write_text("new")
    assert (tmp_path / "set").is_symlink()
    assert contents(tmp_path / "real") == {"dataset.json": "new"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_changes_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    old_set(tmp_path / "set")
    for out in (tmp_path / "set", tmp_path / "a" / "b"):
        with pytest.raises(failure), whole_folder(out) as folder:
            (folder / "dataset.json").write_text("half")
            raise failure
    assert contents(tmp_path / "set") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_folders_of_other_things_and_files_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "sea.jpg").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, words in (("holiday", "holds something else than a data set"), ("file", "is a file, not a folder")):
        with pytest.raises(InputError, match=words), whole_folder(tmp_path / name):
            raise AssertionError("the block must not run")
        with pytest.raises(InputError, match=words):
            check_replaceable(tmp_path / name)
    assert contents(tmp_path) == {"holiday/sea.jpg": "mine", "file": "mine"}


def test_a_disk_is_refused_since_nothing_can_take_its_place() -> None:
    with pytest.raises(InputError, match=r"is a disk of its own .* – name a folder in it"):
        check_replaceable(Path("/"))


def test_what_somebody_has_put_there_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds something else"), whole_folder(tmp_path / "set") as folder:
        (folder / "dataset.json").write_text("new")
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "sea.jpg").write_text("mine")
    assert contents(tmp_path) == {"set/sea.jpg": "mine"}


def test_a_killed_run_changes_nothing_and_the_next_one_removes_what_it_left(tmp_path: Path) -> None:
    old_set(tmp_path / "set")
    process = start(tmp_path)
    process.kill()
    process.wait()
    assert contents(tmp_path / "set") == OLD
    assert len(list(tmp_path.iterdir())) == 2
    with whole_folder(tmp_path / "set") as folder:
        (folder / "dataset.json").write_text("next")
    assert contents(tmp_path) == {"set/dataset.json": "next"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_a_run_that_is_alive_works_on_is_left_alone(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        others = [path for path in tmp_path.iterdir() if path.name.startswith(".set.")]
        with whole_folder(tmp_path / "set") as folder:
            (folder / "dataset.json").write_text("mine")
        assert [contents(path) for path in others] == [{"new/dataset.json": "new"}]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert contents(tmp_path / "set") == {"dataset.json": "mine"}


def test_an_old_data_set_that_was_just_being_replaced_is_put_back(tmp_path: Path) -> None:
    old_set(tmp_path / ".set.12345678.building" / "replaced")  # killed between the two renames
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "set"):
        assert contents(tmp_path / "set") == OLD
        raise KeyboardInterrupt
    assert contents(tmp_path / "set") == OLD


def test_errors_in_writing_name_the_folder_that_the_user_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught, whole_folder(tmp_path / "set") as folder:
        (folder / "none" / "a.jpg").write_text("no such folder")
    assert str(caught.value).startswith(f"{tmp_path / 'set'}: cannot be written")
    with pytest.raises(OutputError) as caught, whole_folder(tmp_path / "set") as folder:
        (folder / "crops.parquet").mkdir()
        with atomic_write(folder / "crops.parquet"):
            raise AssertionError("not writable")
    assert str(caught.value).startswith(f"{tmp_path / 'set'}: is a folder")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="a part of its path is a file"), whole_folder(tmp_path / "file" / "set"):
        raise AssertionError("the block must not run")


def test_a_full_disk_is_said_so_and_changes_nothing(tmp_path: Path) -> None:
    old_set(tmp_path / "set")
    with pytest.raises(OutputError, match="the disk is full"), whole_folder(tmp_path / "set") as folder:
        (folder / "dataset.json").write_text("half")
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")
    assert contents(tmp_path / "set") == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_errors_about_other_files_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "set"):
        (tmp_path / "film.mp4").read_bytes()
