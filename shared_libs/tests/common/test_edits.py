import json
import multiprocessing
import resource
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared_libs.common.edits import (
    Anchor,
    Assign,
    Edit,
    Merge,
    Rename,
    Split,
    Undo,
    active_edits,
    append_edit,
    read_edits,
)
from shared_libs.common.errors import InputError, OutputError

AnyEdit = Merge | Split | Assign | Rename | Undo

HERE = Anchor(frame=3, xyxy=(1.0, 2.0, 30.5, 40.25))
THERE = Anchor(frame=90, xyxy=(5.0, 2.0, 30.5, 40.25))

ANCHORS = st.builds(
    lambda frame, x, y, w, h: Anchor(frame=frame, xyxy=(x, y, x + w, y + h)),
    st.integers(0, 10**6),
    *[st.floats(-1e4, 1e4)] * 2,
    *[st.floats(1, 1e4)] * 2,
)
NAMES = st.text(min_size=1, max_size=40)
NUMBERS = st.from_regex(r"[0-9]{1,3}", fullmatch=True)
TIMES = st.datetimes(timezones=st.just(UTC))
COMMON: dict[str, Any] = {"author": NAMES, "time": TIMES}
CORRECTIONS = st.one_of(
    st.builds(Merge, first=ANCHORS, second=ANCHORS, **COMMON),
    st.builds(Split, anchor=ANCHORS, at_frame=st.integers(0, 10**6), **COMMON),
    st.builds(Assign, anchor=ANCHORS, player=ANCHORS, **COMMON),
    st.builds(Assign, anchor=ANCHORS, team=NAMES, number=NUMBERS, **COMMON),
    st.builds(Rename, anchor=ANCHORS, name=NAMES, **COMMON),
    st.builds(Rename, anchor=ANCHORS, number=NUMBERS, team=st.none() | NAMES, **COMMON),
)


@given(st.lists(CORRECTIONS, max_size=5))
def test_a_log_gives_back_what_was_added_in_order(tmp_path: Path, edits: list[Edit]) -> None:
    path = tmp_path / "edits.jsonl"
    path.unlink(missing_ok=True)
    for edit in edits:
        append_edit(path, edit)
    log = read_edits(path)
    assert log.edits == tuple(edits)
    assert log.torn_line is None


@given(st.data())
def test_a_log_cut_by_a_crash_keeps_every_whole_edit_and_takes_new_ones(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "edits.jsonl"
    path.unlink(missing_ok=True)
    edits = data.draw(st.lists(CORRECTIONS, min_size=1, max_size=3))
    ends = [0]
    for edit in edits:
        append_edit(path, edit)
        ends.append(path.stat().st_size)
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    filler = data.draw(st.sampled_from([b"", b"\0" * 7]))  # what some file systems leave after a power cut
    path.write_bytes(content[:cut] + filler)
    whole = [edit for edit, end in zip(edits, ends[1:], strict=True) if end - 1 <= cut]
    log = read_edits(path)
    if cut in ends or not filler:
        assert log.edits == tuple(whole)
    else:
        assert log.edits in (tuple(whole), tuple(whole[:-1]))
    assert (log.torn_line is None) == (cut + bool(filler) in ends or (not filler and cut + 1 in ends))
    new = Rename(anchor=HERE, name="Ann", author="coach")
    append_edit(path, new)
    assert read_edits(path).edits == (*log.edits, new)
    assert read_edits(path).torn_line is None


def test_no_log_yet_is_an_empty_log(tmp_path: Path) -> None:
    assert read_edits(tmp_path / "none.jsonl").edits == ()


def test_undone_edits_do_not_count_and_an_undo_can_be_undone() -> None:
    merge, rename = Merge(first=HERE, second=THERE, author="coach"), Rename(anchor=HERE, name="Ann", author="coach")
    undo = Undo(undoes=merge.edit_id, author="coach")
    redo = Undo(undoes=undo.edit_id, author="coach")
    again = Undo(undoes=redo.edit_id, author="coach")
    assert active_edits([merge, rename]) == (merge, rename)
    assert active_edits([merge, rename, undo]) == (rename,)
    assert active_edits([merge, rename, undo, redo]) == (merge, rename)
    assert active_edits([merge, rename, undo, redo, again]) == (rename,)


def test_an_undo_of_what_is_not_there_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    undo = Undo(undoes="edit_0123456789ab", author="coach")
    with pytest.raises(InputError, match="no edit edit_0123456789ab that could be undone"):
        append_edit(path, undo)
    assert not path.exists()
    append_edit(path, Rename(anchor=HERE, name="Ann", author="coach"))
    before = path.read_bytes()
    with pytest.raises(InputError, match="no edit edit_0123456789ab that could be undone"):
        append_edit(path, undo)
    assert path.read_bytes() == before


def test_an_edit_is_added_only_once(tmp_path: Path) -> None:
    edit = Rename(anchor=HERE, name="Ann", author="coach")
    append_edit(tmp_path / "e", edit)
    with pytest.raises(InputError, match=f"has an edit {edit.edit_id} already"):
        append_edit(tmp_path / "e", edit)


def line(**changes: Any) -> str:
    edit = {
        "schema_version": 1,
        "edit_id": "edit_0123456789ab",
        "time": "2026-05-01T12:00:00Z",
        "author": "coach",
        "kind": "rename",
        "anchor": {"frame": 3, "xyxy": [1, 2, 3, 4]},
        "name": "Ann",
    }
    return json.dumps({k: v for k, v in (edit | changes).items() if v is not ...})


OTHER = line(edit_id="edit_ba9876543210")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("oops", "is not a line of JSON"),
        ("[1]", "an edit must be an object"),
        (line(schema_version=2), "has schema version 2, this program reads up to 1"),
        (line(schema_version=...), "has no schema_version"),
        (line(kind="burn"), "kind|tag"),
        (line(name=...), "rename needs at least one of name, number, team"),
        (line(kind="split", name=...), "split.at_frame: field required"),
        (line(anchor={"frame": -1, "xyxy": [1, 2, 3, 4]}), "rename.anchor.frame: .*greater than or equal to 0"),
        (line(anchor={"frame": 3, "xyxy": [1, 2, 0, 4]}), "rename.anchor: xyxy must be left, top, right, bottom"),
        (line(time="2026-05-01T12:00:00"), "rename.time: .*timezone"),
        (line(edit_id="edit_1"), "rename.edit_id: 'edit_1' is not an id"),
        (line(colour="red"), "rename.colour: extra inputs"),
        (line(number="12a"), "rename.number"),
        (OTHER, "edit edit_ba9876543210 stands twice"),
        (line(kind="undo", anchor=..., name=..., undoes="edit_000000000000"), "which does not stand before it"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, bad: str, words: str) -> None:
    path = tmp_path / "edits.jsonl"
    path.write_text(f"{OTHER}\n\n{bad}\n{line(edit_id='edit_aaaaaaaaaaaa')}\n")
    with pytest.raises(InputError, match=f":3: .*{words}") as caught:
        read_edits(path)
    assert str(caught.value).isprintable()
    before = path.read_bytes()
    with pytest.raises(InputError, match=":3: "):
        append_edit(path, Rename(anchor=HERE, name="Bob", author="coach"))
    assert path.read_bytes() == before


def test_a_log_that_an_editor_saved_without_its_last_line_end_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    path.write_text(OTHER)
    assert read_edits(path).torn_line is None
    append_edit(path, Rename(anchor=HERE, name="Bob", author="coach"))
    assert len(read_edits(path).edits) == 2


def test_assign_has_exactly_one_target() -> None:
    for target in ({}, {"team": "Reds"}, {"number": "7"}, {"player": HERE, "team": "Reds", "number": "7"}):
        with pytest.raises(ValidationError, match="either player, or team and number"):
            Assign.model_validate({"anchor": HERE, "author": "coach", **target})


def test_an_edit_has_an_id_and_a_time_of_its_own() -> None:
    one, two = Rename(anchor=HERE, name="Ann", author="coach"), Rename(anchor=HERE, name="Ann", author="coach")
    assert one.edit_id != two.edit_id
    assert one.time.tzinfo is not None
    assert one.time <= datetime.now(UTC)


def test_a_disk_that_fills_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    append_edit(path, Rename(anchor=HERE, name="Ann", author="coach"))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            append_edit(path, Rename(anchor=HERE, name="Bob", author="coach"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before


def test_folders_and_missing_folders_are_named(tmp_path: Path) -> None:
    edit = Rename(anchor=HERE, name="Ann", author="coach")
    with pytest.raises(OutputError, match="is a folder"):
        append_edit(tmp_path, edit)
    with pytest.raises(OutputError, match="folder does not exist"):
        append_edit(tmp_path / "none" / "edits.jsonl", edit)
    with pytest.raises(InputError, match="is a folder"):
        read_edits(tmp_path)


def add_ten(path: Path, name: str) -> None:
    for _ in range(10):
        append_edit(path, Rename(anchor=HERE, name=name, author=name))


def test_writers_in_several_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "edits.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_ten, args=(path, name)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    authors = [edit.author for edit in read_edits(path).edits]
    assert sorted(authors) == sorted("abc" * 10)
