"""The state folder: what is written comes back, damage is told, and only one works in it at a time."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.executing import InPlace, execute
from migrate.journal import (
    Content,
    History,
    Journal,
    Original,
    Print,
    Standing,
    State,
    Step,
    locked,
    print_of,
    read_record,
    write_record,
)
from migrate.model import Component, Kind, Mapping, MigrationError, Operations, Record, Source, Style, Undecided
from migrate.repository import find_repository
from migrate.rollback import rollback
from migrate.testing.trees import File, contents, in_child, make_tree, picture, record_of

# Names as they are on a disk: any bytes but / and NUL.
NAMES = st.binary(min_size=1, max_size=12).map(lambda name: os.fsdecode(name.replace(b"/", b"-").replace(b"\0", b"-")))
PRINTS = st.builds(Print, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 0o7777), st.booleans())
JOURNALS = st.builds(
    Journal,
    st.lists(st.builds(Original, NAMES, NAMES, PRINTS), max_size=4).map(tuple),
    st.lists(
        st.builds(Content, NAMES, PRINTS, st.none() | st.integers(0, 9), st.tuples(st.integers(0), st.integers(0))),
        max_size=4,
    ).map(tuple),
    st.lists(NAMES, max_size=3).map(tuple),
    st.lists(st.tuples(NAMES, st.integers(0, 0o777)), max_size=3).map(tuple),
    st.none() | st.builds(History, NAMES, NAMES, NAMES),
)


# The same examples every time, none timed.
CALM = settings(
    max_examples=50, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@CALM
@given(journal=JOURNALS)
def test_a_journal_comes_back_as_it_was_written(journal: Journal, folder: Path) -> None:
    state = State(folder)
    state.folder.mkdir(exist_ok=True)
    state.write_journal(journal)
    assert state.read_journal() == journal


@CALM
@given(names=st.lists(NAMES, min_size=3, max_size=3))
def test_a_record_comes_back_as_it_was_written(names: list[str], folder: Path) -> None:
    state = State(folder)
    state.folder.mkdir(exist_ok=True)
    component = Component(
        "track", Kind.SERVICE, "services/track", (Source("src/**", names[0]),), Style.FLAT, tests=("tests/*",)
    )
    mapping = Mapping((component,), leave=(names[1],), allow_edges=(("a", "b"),), text="# toml\n")
    record = Record(mapping, {names[0]: names[1]}, (names[2],), {names[2]: names[2]}, ("a.py:1: broken",), ("", "src"))
    write_record(state, record)
    assert read_record(folder) == record


def test_a_record_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migration was done here – run `migrate apply` first"):
        read_record(tmp_path)


def test_a_damaged_journal_is_told_and_nothing_is_touched(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", {"a.py": File(b"a\n")})
    operations = Operations(moves={"a.py": "b.py"}, deletes=[])
    execute(find_repository(tmp_path / "repo"), operations, record_of(operations), InPlace())
    journal = tmp_path / "repo/.migrate/journal.json"
    whole = journal.read_bytes()
    for damage, says in (
        (whole[:-20], "damaged"),
        (whole.replace(b'"form": 1', b'"form": 9'), "written by another version of migrate"),
    ):
        journal.write_bytes(damage)
        before = picture(tmp_path / "repo")
        with pytest.raises(MigrationError, match=says):
            rollback(find_repository(tmp_path / "repo"))
        assert picture(tmp_path / "repo") == before
    journal.write_bytes(whole)
    rollback(find_repository(tmp_path / "repo"))
    assert contents(tmp_path / "repo") == {"a.py": b"a\n"}


def test_files_whose_journal_is_gone_are_never_removed(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    make_tree(root, {"a.py": File(b"a\n"), "b.py": File(b"b\n")})
    operations = Operations(deletes=["a.py"])
    execute(find_repository(root), operations, record_of(operations), InPlace())
    (root / ".migrate/journal.json").unlink()
    before = picture(root)
    for action in (
        lambda: rollback(find_repository(root)),
        lambda: execute(find_repository(root), Operations(deletes=["b.py"]), record_of(operations), InPlace()),
    ):
        with pytest.raises(Undecided, match="files of an earlier migration, and its journal is gone"):
            action()
        assert picture(root) == before
    assert (root / ".migrate/kept/0").read_bytes() == b"a\n"


def test_steps_are_told_from_the_disk(tmp_path: Path) -> None:
    state = State(tmp_path)
    with locked(state):
        assert state.standing() is Standing.NOTHING
        state.begin()
        state.write_journal(Journal())
        assert state.standing() is Standing.UNFINISHED
        for step in Step:
            assert not State(tmp_path).reached(step)
            state.reach(step)
            state.reach(step)  # twice is once
            assert State(tmp_path).reached(step)
            if step is Step.DONE:
                assert State(tmp_path).standing() is Standing.DONE
        assert state.standing() is Standing.UNDOING
        state.end()
    assert os.listdir(tmp_path) == []


def test_only_one_process_works_there_and_who_is_told(tmp_path: Path) -> None:
    def second() -> None:
        with (
            pytest.raises(Undecided, match=rf"at work \(process {number}\) – wait for its end"),
            locked(State(tmp_path)),
        ):
            pass

    number = os.getpid()
    with locked(State(tmp_path)):
        assert in_child(second) == 0
    assert os.listdir(tmp_path) == []  # nothing came to lie there
    with locked(State(tmp_path)):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    def killed() -> None:
        with locked(State(tmp_path)):
            os.kill(os.getpid(), 9)

    assert in_child(killed) == -9
    with locked(State(tmp_path)):
        assert (tmp_path / ".migrate/.gitignore").read_bytes() == b"*\n"
    assert os.listdir(tmp_path) == []


def test_a_print_tells_contents_modes_and_links(tmp_path: Path) -> None:
    make_tree(tmp_path, {"a": File(b"x"), "b": File(b"x", 0o755), "c": File(b"y")})
    (tmp_path / "link").symlink_to("x")
    prints = [print_of(tmp_path / name) for name in ("a", "b", "c", "link")]
    assert len(set(prints)) == 4
    assert print_of(tmp_path / "nothing") is None
    assert print_of(tmp_path) is None
    assert print_of(tmp_path / "a/below") is None
