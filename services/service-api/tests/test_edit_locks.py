"""One writer at a time to the corrections of a video, on every kind of database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from api.games import edit_locks
from api.games.edit_locks import one_writer
from postgresql.databases import KINDS, NewDatabase, databases
from shared_libs.common.errors import TransientError
from shared_libs.common.job_client.table import connect

TENANT, VIDEO, OTHER = "eagles", "video_0123456789ab", "video_ba9876543210"

ONLY_SHARED = pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
"""What SQLite, which is of one machine, has no such thing as."""


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture
def engines(new_database: NewDatabase) -> Iterator[list[sa.Engine]]:
    """Of several processes, as it were, for one database."""
    url = new_database()
    made = [connect(url) for _ in range(4)]
    yield made
    for engine in made:
        engine.dispose()


def test_of_many_writers_one_at_a_time_is_in(engines: list[sa.Engine]) -> None:
    inside: list[int] = []
    most: list[int] = []

    def write(engine: sa.Engine) -> None:
        for _ in range(10):
            with one_writer(engine, TENANT, VIDEO) as check:
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.002)
                check()
                inside.pop()

    writers = [threading.Thread(target=write, args=(engine,)) for engine in engines]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert most == [1] * 40


def test_after_a_writer_who_failed_another_gets_in(engines: list[sa.Engine]) -> None:
    with pytest.raises(ValueError, match="mine"), one_writer(engines[0], TENANT, VIDEO):
        raise ValueError("mine")
    with one_writer(engines[1], TENANT, VIDEO) as check:
        check()


@ONLY_SHARED
def test_who_waits_too_long_is_told_so_and_other_videos_are_not_waited_for(
    engines: list[sa.Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edit_locks, "WAIT_SECONDS", 0.2)
    with one_writer(engines[0], TENANT, VIDEO):
        with one_writer(engines[1], TENANT, OTHER) as check:
            check()
        with one_writer(engines[1], "blues", VIDEO) as check:
            check()
        with pytest.raises(TransientError), one_writer(engines[1], TENANT, VIDEO):
            pass


@ONLY_SHARED
def test_a_writer_who_was_cut_off_finds_that_out_before_writing(engines: list[sa.Engine]) -> None:
    with pytest.raises(TransientError), one_writer(engines[0], TENANT, VIDEO) as check:
        with engines[1].connect() as connection:
            ends = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            assert connection.exec_driver_sql(ends).all() == [(True,)]
        check()
    with one_writer(engines[1], TENANT, VIDEO) as check:
        check()
