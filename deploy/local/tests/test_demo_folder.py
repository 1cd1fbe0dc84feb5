from __future__ import annotations

from pathlib import Path

import pytest

from local_stack.demo_folder import demo_folder
from shared_libs.common.errors import OutputError


def test_what_an_earlier_demo_left_is_gone_and_all_else_stays(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "demo"
    with demo_folder(place) as folder:
        for path in (folder.storage / "laxai.db", folder.log("api"), folder.tracks("before"), place / "notes.txt"):
            path.write_text("old")
        folder.sample.mkdir()
    with demo_folder(place) as folder:
        assert sorted(path.name for path in place.rglob("*")) == [
            *(".laxai-demo", "log", "notes.txt", "sample", "scratch", "storage")
        ]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    with demo_folder(tmp_path) as folder:
        assert folder.storage.is_dir()


def test_a_link_in_it_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "games").mkdir()
    (tmp_path / "games" / "laxai.db").write_text("mine")
    place = tmp_path / "demo"
    with demo_folder(place) as folder:
        folder.storage.rmdir()
        folder.storage.symlink_to(tmp_path / "games")
    with demo_folder(place) as folder:
        assert not list(folder.storage.iterdir())
    assert (tmp_path / "games" / "laxai.db").read_text() == "mine"


def test_a_folder_of_somebody_elses_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    with pytest.raises(OutputError, match="is not empty, and no demo has made it"), demo_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["storage"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OutputError, match="is a file, not a folder"), demo_folder(tmp_path / "taken"):
        pass
    assert (tmp_path / "taken").read_text() == "mine"


def test_two_demos_do_not_share_it_and_it_is_free_again_afterwards(tmp_path: Path) -> None:
    with demo_folder(tmp_path) as folder:
        (folder.storage / "laxai.db").write_text("in use")
        with pytest.raises(OutputError, match="another demo is running there"), demo_folder(tmp_path):
            pass
        assert (folder.storage / "laxai.db").read_text() == "in use"
    with demo_folder(tmp_path):
        pass


def test_the_results_of_a_run_are_taken_whole(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("annotated.mp4", "report.html", "run.json"):
        (run / name).write_text(name)
    with demo_folder(tmp_path / "demo") as folder:
        folder.take_results(run)

        assert (folder.place / "annotated.mp4").read_text() == "annotated.mp4"
        assert (folder.place / "report.html").read_text() == "report.html"
        assert not (folder.place / "run.json").exists()
