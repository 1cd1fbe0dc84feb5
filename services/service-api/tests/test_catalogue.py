"""The table of videos, on every kind of database: no share is exceeded, and no change overwritten, whoever is at it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest
import sqlalchemy as sa

from api.database import open_database
from api.problems import Problem
from api.videos.catalogue import (
    Video,
    VideoState,
    add_video,
    change_from,
    change_video,
    find_video,
    forget_video,
    page_of_videos,
    the_video,
    videos_in,
    videos_of_film,
)
from postgresql.databases import KINDS, NewDatabase, databases

TENANT = "eagles"
SHA256 = "0" * 64


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture
def engine(new_database: NewDatabase) -> Iterator[sa.Engine]:
    made = open_database(new_database())
    yield made
    made.dispose()


def _add(
    engine: sa.Engine,
    name: str = "A game",
    *,
    tenant: str = TENANT,
    size: int = 10,
    at_most: int = 100,
    bytes_at_most: int = 1 << 50,
) -> Video:
    return add_video(engine, tenant, name, size, SHA256, at_most=at_most, bytes_at_most=bytes_at_most)


def _at_once(count: int, work: Callable[[int], object]) -> None:
    """So many threads that begin at the same moment."""
    begin = threading.Barrier(count)

    def run(number: int) -> None:
        begin.wait()
        work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("at_most", "bytes_at_most"), [(3, 1 << 50), (100, 39)], ids=["videos", "bytes"])
def test_of_many_who_add_at_once_as_many_succeed_as_there_is_room_for(
    engine: sa.Engine, at_most: int, bytes_at_most: int
) -> None:
    added: list[Video] = []
    refused: list[Problem] = []

    def add(number: int) -> None:
        try:
            added.append(_add(engine, at_most=at_most, bytes_at_most=bytes_at_most))
        except Problem as problem:
            refused.append(problem)

    _add(engine, tenant="blues")
    _at_once(8, add)
    assert len(added) == 3 and len(refused) == 5
    assert {each.slug for each in refused} == {"quota-exceeded"}
    assert {each.status_code for each in refused} == {HTTPStatus.FORBIDDEN}


def test_large_videos_are_counted_to_the_byte(engine: sa.Engine) -> None:
    size = (1 << 49) + 1
    _add(engine, size=size)
    with pytest.raises(Problem) as refused:
        _add(engine, size=size)
    assert (refused.value.more["has"], refused.value.more["at_most"]) == (size, 1 << 50)
    assert _add(engine, size=(1 << 49) - 1).size == (1 << 49) - 1


def test_what_was_refused_does_not_count(engine: sa.Engine) -> None:
    video = _add(engine, at_most=1)
    assert change_video(engine, video, state=VideoState.REFUSED, reason="é" * 1000)
    assert len(the_video(engine, TENANT, video.video_id).reason or "") == 500
    assert _add(engine, at_most=1).state == VideoState.UPLOADING


def test_of_many_who_change_what_they_saw_one_does(engine: sa.Engine) -> None:
    video = _add(engine)
    done: list[Video | None] = []
    _at_once(6, lambda number: done.append(change_video(engine, video, name=f"Game {number}")))
    [changed] = [each for each in done if each is not None]
    assert changed.revision == video.revision + 1 and len(done) == 6
    assert find_video(engine, TENANT, video.video_id) == changed


def test_a_change_that_holds_for_any_form_is_never_lost_beside_others(engine: sa.Engine) -> None:
    video = _add(engine)
    _at_once(6, lambda number: change_from(engine, video, [VideoState.UPLOADING], name=f"Game {number}"))
    assert the_video(engine, TENANT, video.video_id).revision == 6
    assert change_from(engine, video, [VideoState.READY], name="Another") is None


def test_pages_hold_every_video_once_newest_first(engine: sa.Engine) -> None:
    made = [_add(engine, f"Game {number}") for number in range(5)]
    _add(engine, tenant="blues")
    found: list[Video] = []
    following = None
    while True:
        page, following = page_of_videos(engine, TENANT, [], 2, following)
        found += page
        if following is None:
            break
    assert found == made[::-1]
    assert page_of_videos(engine, TENANT, [VideoState.READY], 2, None) == ([], None)


def test_videos_are_found_by_what_they_are(engine: sa.Engine) -> None:
    one, other = _add(engine), _add(engine, tenant="blues")
    assert videos_in(engine, [VideoState.UPLOADING]) == [one, other]
    assert videos_of_film(engine, TENANT, SHA256) == []
    ready = change_video(engine, one, state=VideoState.READY)
    assert ready is not None and videos_of_film(engine, TENANT, SHA256) == [ready]
    with pytest.raises(Problem):
        the_video(engine, "blues", one.video_id)
    forget_video(engine, one)
    assert find_video(engine, TENANT, one.video_id) is None and videos_in(engine) == [other]
