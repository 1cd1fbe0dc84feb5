"""Corrections by HTTP: made for what was seen, replayed, undone, and never lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.made_games import TENANT, Coach, player, put_roster, put_run, put_video, run_address
from tests.served import Served, new_site, problem, served

from api.games import edits as edit_log
from api.games.edits import read_said
from postgresql.databases import KINDS, NewDatabase, databases
from shared_libs.common.edits import Anchor, Rename, read_edits
from shared_libs.common.errors import OutputError
from shared_libs.common.players import Player, Players, Segment
from shared_libs.common.storage import EDITS, video_file
from shared_libs.utils.ids import new_id


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games"), database=new_database()) as place:
        yield place


@pytest.fixture
def video() -> str:
    return new_id("video")


@pytest.fixture
def coach(place: Served, video: str) -> Coach:
    return Coach(place.http, video, put_run(place.site, video))


def _log(place: Served, video: str) -> list[str]:
    path = Path(place.site.files.place(video_file(TENANT, video, EDITS)))
    return [edit.edit_id for edit in read_edits(path).edits]


def test_merging_makes_one_player_of_two(coach: Coach) -> None:
    made = coach.edit("merge", first=player(1), second=player(3))
    assert made["made"]["outcome"] == "applied" and made["count"] == 1 and made["unfit"] == []
    assert made["made"]["edit"]["author"] == "local"
    merged = coach.players()
    assert set(merged) == {1, 2, 4}
    assert [segment["track_id"] for segment in merged[1]["segments"]] == [1, 3]


def test_what_is_made_of_a_player_stands_in_the_log_as_a_box(place: Served, video: str, coach: Coach) -> None:
    coach.edit("rename", place=player(2, 17), name="Jo")
    coach.edit("rename", place=player(4), number="8")
    first, second = read_said(place.site.files, TENANT, video).log.edits
    assert isinstance(first, Rename) and first.anchor == Anchor(frame=17, xyxy=first.anchor.xyxy)
    assert first.anchor.xyxy[0] == pytest.approx(200 + 17 * 0.13, abs=1e-4)
    assert isinstance(second, Rename) and 90 <= second.anchor.frame <= 110  # the middle of where they were seen


def test_a_box_can_be_named_itself(coach: Coach) -> None:
    box = {"frame": 60, "xyxy": [408, 50, 438, 110]}
    coach.edit("rename", place=box, name="Al")
    assert coach.players()[4]["name"] == "Al"


def test_splitting_keeps_the_name_before_the_frame(coach: Coach) -> None:
    coach.edit("rename", place=player(2), name="Jo")
    coach.edit("split", place=player(2), at_frame=150)
    halves = {each["segments"][0]["start"]: each["name"] for each in coach.players().values()}
    assert halves[0] == "Jo" and halves[150] is None


def test_assigning_moves_a_track_to_another_player(coach: Coach) -> None:
    coach.edit("merge", first=player(1), second=player(3))
    coach.edit("rename", place=player(4), name="Al")
    coach.edit("split", place=player(4), at_frame=110)
    [late] = [each for each in coach.players().values() if each["segments"][0]["start"] == 110]
    coach.edit("merge", first=player(4), second=player(late["player_id"]))
    refused = coach.ask({"kind": "assign", "place": player(1, 150), "player": player(2)})
    assert "both seen at once" in problem(refused, 409, "edit-does-not-fit")["detail"]
    coach.edit("assign", place=player(1, 150), team="Eagles", number="3")
    assert coach.players()[1]["number"] == "3"


def test_an_edit_that_does_not_fit_is_refused_and_leaves_the_log_as_it_was(
    place: Served, video: str, coach: Coach
) -> None:
    coach.edit("rename", place=player(1), name="Jo")
    before = coach.etag()
    refused = coach.ask({"kind": "merge", "first": player(1), "second": player(2)})
    assert "both seen at once" in problem(refused, 409, "edit-does-not-fit")["detail"]
    nowhere = {"frame": 3, "xyxy": [5000, 5000, 5010, 5010]}
    assert "nobody is there" in coach.ask({"kind": "rename", "place": nowhere, "name": "x"}).text.lower()
    assert coach.etag() == before and len(_log(place, video)) == 1


def test_a_player_who_is_not_there_or_not_in_view_is_said_so(coach: Coach) -> None:
    problem(coach.ask({"kind": "rename", "place": player(77), "name": "Jo"}), 404, "no-such-player")
    said = problem(coach.ask({"kind": "rename", "place": player(3, 10), "name": "Jo"}), 422, "not-in-view")
    assert said["nearest_frame"] == 120


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "rename", "place": {"player_id": 1}},
        {"kind": "rename", "place": {"player_id": 1}, "name": "   "},
        {"kind": "rename", "place": {"player_id": 1}, "number": "1234"},
        {"kind": "assign", "place": {"player_id": 1}, "team": "Eagles"},
        {"kind": "split", "place": {"player_id": 1}},
        {"kind": "merge", "first": {"player_id": 1}, "second": {"player_id": -1}},
        {"kind": "merge", "first": {"player_id": 1}, "second": {"frame": 0, "xyxy": [5, 5, 1, 1]}},
        {"kind": "rename", "place": {"player_id": 1}, "name": "Jo", "edit_id": "edit_0123456789ab"},
        {"kind": "undo", "undoes": "edit_x"},
        {"kind": "paint"},
    ],
)
def test_what_is_no_edit_is_refused(coach: Coach, edit: dict[str, Any]) -> None:
    problem(coach.ask(edit), 422, "invalid-request")


def test_undo_takes_an_edit_back_and_can_be_undone(coach: Coach) -> None:
    merge = coach.edit("merge", first=player(1), second=player(3))["made"]["edit"]["edit_id"]
    undo = coach.edit("undo", undoes=merge)["made"]["edit"]["edit_id"]
    assert set(coach.players()) == {1, 2, 3, 4}
    coach.edit("undo", undoes=undo)
    assert set(coach.players()) == {1, 2, 4}
    problem(coach.ask({"kind": "undo", "undoes": "edit_0123456789ab"}), 404, "no-such-edit")


def test_an_undo_that_leaves_later_edits_without_ground_says_which(coach: Coach) -> None:
    split = coach.edit("split", place=player(2), at_frame=100)["made"]["edit"]["edit_id"]
    [late] = [each["player_id"] for each in coach.players().values() if each["segments"][0]["start"] == 100]
    merge = coach.edit("merge", first=player(1), second=player(late))["made"]["edit"]["edit_id"]
    undone = coach.edit("undo", undoes=split)
    assert [each["edit"]["edit_id"] for each in undone["unfit"]] == [merge]
    assert "both seen at once" in undone["unfit"][0]["why"]


def test_the_history_says_what_became_of_each_edit(coach: Coach, place: Served, video: str) -> None:
    put_roster(place.site, video, "7,Jo Smith,Eagles")
    rename = coach.edit("rename", place=player(1), name="Al", number="7", team="Eagles")
    assert rename["made"]["remarks"] == ["the roster calls number 7 of Eagles Jo Smith, not Al"]
    merge = coach.edit("merge", first=player(1), second=player(3), author="Coach Kim")["made"]["edit"]["edit_id"]
    undo = coach.edit("undo", undoes=merge)["made"]["edit"]["edit_id"]
    items = place.http.get(f"{coach.at}/edits").json()["items"]
    assert [each["outcome"] for each in items] == ["none", "undone", "applied"]
    assert items[1]["undone_by"] == undo and items[1]["edit"]["author"] == "Coach Kim"
    answer = place.http.get(f"/api/v1/videos/{video}/edits")
    assert [each["edit"]["edit_id"] for each in answer.json()["items"]][:2] == [undo, merge]
    assert answer.headers["ETag"] == coach.etag()


def test_the_history_comes_in_pages_that_new_edits_do_not_shift(coach: Coach, place: Served, video: str) -> None:
    made = [coach.edit("rename", place=player(1), name=f"Jo {count}")["made"]["edit"]["edit_id"] for count in range(5)]
    at = f"/api/v1/videos/{video}/edits"
    first = place.http.get(at, params={"limit": 2}).json()
    coach.edit("rename", place=player(1), name="Jo again")
    second = place.http.get(at, params={"limit": 2, "following": first["following"]}).json()
    third = place.http.get(at, params={"limit": 2, "following": second["following"]}).json()
    pages = [[each["edit"]["edit_id"] for each in page["items"]] for page in (first, second, third)]
    assert pages == [made[:2:-1], made[2:0:-1], made[:1]] and third["following"] is None
    problem(place.http.get(at, params={"following": "nonsense"}), 422, "invalid-request")


def test_an_edit_needs_to_say_what_it_was_made_for(coach: Coach, place: Served) -> None:
    edit = {"kind": "rename", "place": player(1), "name": "Jo"}
    problem(place.http.post(f"{coach.at}/edits", json=edit), 428, "if-match-missing")
    stale = coach.etag()
    coach.edit("rename", place=player(1), name="Al")
    refused = coach.ask(edit, stale)
    problem(refused, 412, "stale")
    assert refused.headers["ETag"] == coach.etag() and coach.players()[1]["name"] == "Al"


def test_of_many_writers_at_once_one_wins_each_time_and_the_others_are_told(
    place: Served, video: str, coach: Coach
) -> None:
    statuses: list[int] = []
    for attempt in range(5):
        etag, begin = coach.etag(), threading.Barrier(6)

        def write(name: str, etag: str = etag, begin: threading.Barrier = begin) -> None:
            begin.wait()
            statuses.append(coach.ask({"kind": "rename", "place": player(1), "name": name}, etag).status_code)

        writers = [threading.Thread(target=write, args=(f"{attempt} {count}",)) for count in range(6)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert sorted(statuses) == [201] * 5 + [412] * 25 and len(_log(place, video)) == 5


_WRITES_TEN = """
import sys
from api.games.edits import add_edit
from shared_libs.common.edits import Anchor, Rename
from api.settings import ApiSettings
from api.site import open_site
folder, database, tenant, video_id, author = sys.argv[1:]
site = open_site(ApiSettings.load(storage=folder + "/storage", database=database))
for frame in range(10):
    edit = Rename(author=author, anchor=Anchor(frame=frame, xyxy=(0.0, 0.0, 1.0, 1.0)), name="Jo")
    add_edit(site.files, site.engine, tenant, video_id, lambda said: edit)
"""


def test_writers_in_several_processes_lose_nothing(tmp_path: Path, new_database: NewDatabase, video: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    database = new_database()
    authors = ["Al", "Jo", "Kim"]
    command = [sys.executable, "-c", _WRITES_TEN, str(tmp_path), database, TENANT, video]
    writers = [subprocess.Popen([*command, author], env=environment) for author in authors]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    log = read_said(new_site(tmp_path, database=database).files, TENANT, video).log
    assert sorted(edit.author for edit in log.edits) == sorted(authors * 10)


def test_a_log_that_cannot_be_written_is_as_it_was(
    place: Served, video: str, coach: Coach, monkeypatch: pytest.MonkeyPatch
) -> None:
    coach.edit("rename", place=player(1), name="Al")
    before = coach.etag()

    def fail(path: str, content: bytes) -> None:
        raise OutputError.from_os_error(path, OSError(28, "No space left on device"))

    monkeypatch.setattr(place.site.files, "write", fail)
    problem(coach.ask({"kind": "rename", "place": player(1), "name": "Jo"}), 507, "disk-full")
    monkeypatch.undo()
    assert coach.etag() == before
    coach.edit("rename", place=player(1), name="Jo")


def test_half_a_line_that_a_crash_left_gives_way_to_the_next_edit(place: Served, video: str, coach: Coach) -> None:
    coach.edit("rename", place=player(1), name="Al")
    path = video_file(TENANT, video, EDITS)
    content = place.site.files.read(path) or b""
    place.site.files.write(path, content + content[:40])
    assert coach.players()[1]["name"] == "Al"
    coach.edit("rename", place=player(2), name="Jo")
    assert len(_log(place, video)) == 2


def test_a_damaged_log_is_refused_and_not_written_over(place: Served, video: str, coach: Coach) -> None:
    coach.edit("rename", place=player(1), name="Al")
    etag, path = coach.etag(), video_file(TENANT, video, EDITS)
    damaged = b"garbage\n" + (place.site.files.read(path) or b"")
    place.site.files.write(path, damaged)
    problem(coach.ask({"kind": "rename", "place": player(1), "name": "Jo"}, etag), 422, "not-usable")
    assert place.site.files.read(path) == damaged


def test_there_is_an_end_to_how_many_edits_a_video_has(coach: Coach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit_log, "MOST_EDITS", 2)
    for _ in range(2):
        coach.edit("rename", place=player(1), name="Jo")
    problem(coach.ask({"kind": "rename", "place": player(1), "name": "Al"}), 403, "quota-exceeded")


def test_an_edit_of_a_run_that_is_not_there_leaves_no_log(place: Served, video: str) -> None:
    put_video(place.site, video)
    at = run_address(video, new_id("run"), "/edits")
    edit = {"kind": "rename", "place": player(1), "name": "Jo"}
    problem(place.http.post(at, json=edit, headers={"If-Match": "*"}), 404, "no-such-run")
    assert place.site.files.read(video_file(TENANT, video, EDITS)) is None


def test_of_fifty_edits_none_is_lost_silently_on_a_new_run(place: Served, video: str, coach: Coach) -> None:
    """Other ids, somebody not found any more, another found twice: each edit is applied, or waits for a decision."""
    choose = random.Random(7)
    made: list[str] = []
    while len(made) < 50:
        ids = sorted(coach.players())
        one, other, frame = choose.choice(ids), choose.choice(ids), choose.randrange(5, 195)
        edit: dict[str, Any] = choose.choice(
            [
                {"kind": "merge", "first": player(one), "second": player(other)},
                {"kind": "split", "place": player(one), "at_frame": frame},
                {"kind": "rename", "place": player(one), "name": f"N {len(made)}", "number": str(len(made))},
                {"kind": "assign", "place": player(one), "team": choose.choice(["Eagles", "Owls"]), "number": "5"},
                {"kind": "undo", "undoes": choose.choice(made) if made else "edit_0123456789ab"},
            ]
        )
        answer = coach.ask(edit)
        if answer.status_code == 201:
            made.append(answer.json()["made"]["edit"]["edit_id"])
        else:
            assert answer.status_code in (404, 409), answer.text
    assert _log(place, video) == made

    # Whoever stood in the second lane is not found; ids are others; the last lane is in two pieces.
    spans = [(11, 0, 99), (13, 120, 199), (14, 50, 90), (15, 91, 150)]
    moved = Players(tuple(Player(i, 0, segments=(Segment(i, a, b),)) for i, a, b in spans))
    later = Coach(place.http, video, _shifted_run(place, video, spans, moved))
    items: list[dict[str, Any]] = []
    following = None
    while True:
        query = {"limit": 20} | ({"following": following} if following else {})
        page = place.http.get(f"{later.at}/edits", params=query).json()
        items += page["items"]
        following = page["following"]
        if following is None:
            break
    assert [each["edit"]["edit_id"] for each in reversed(items)] == made
    for each in items:
        assert each["outcome"] in ("applied", "unfit", "undone", "none")
        assert (each["why"] is not None) == (each["outcome"] == "unfit")
        assert (each["undone_by"] is not None) == (each["outcome"] == "undone")
    unfit = later.unfit()
    assert unfit == [each for each in reversed(items) if each["outcome"] == "unfit"] and unfit
    assert any(each["outcome"] == "applied" for each in items)

    for waiting in unfit:  # dismissed, one by one
        later.edit("undo", undoes=waiting["edit"]["edit_id"])
    still = {each["edit"]["edit_id"] for each in later.unfit()}
    assert not still & {each["edit"]["edit_id"] for each in unfit}


def _shifted_run(place: Served, video: str, spans: list[tuple[int, int, int]], players: Players) -> str:
    """A run whose tracks 11 to 15 stand where 1 to 4 stood."""
    run_id = put_run(place.site, video, spans=spans, found=players)
    at = Path(place.site.files.place(f"{TENANT}/videos/{video}/runs/{run_id}/tracks.json"))
    rows = json.loads(at.read_text())
    for row in rows:
        lane = {11: 1, 13: 3, 14: 4, 15: 4}[row["tracker_id"]]
        for side in ("x_min", "x_max"):
            row[side] += (lane - row["tracker_id"]) * 100
    at.write_text(json.dumps(rows))
    return run_id
