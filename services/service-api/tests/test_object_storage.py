"""Games whose files are objects of a store and not files of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.made_games import TENANT, Coach, player, put_run, put_video, run_address
from tests.served import Served, new_site, served

from shared_libs.common.storage import run_path
from shared_libs.utils.ids import new_id


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    database = f"sqlite:///{tmp_path}/jobs.db"
    with served(tmp_path, storage=f"memory://{new_id('bucket')}", database=database) as place:
        yield place


def test_a_run_is_read_corrected_and_removed(place: Served, tmp_path: Path) -> None:
    video = put_video(place.site)
    local = new_site(tmp_path / "local")
    run_id = put_run(local, video)
    folder = run_path(TENANT, video, run_id)
    for name in local.files.names(folder):
        place.site.files.write(f"{folder}/{name}", local.files.read(f"{folder}/{name}") or b"")

    coach = Coach(place.http, video, run_id)
    coach.edit("merge", first=player(1), second=player(3))
    coach.edit("rename", place=player(1), name="Jo")
    assert set(coach.players()) == {1, 2, 4} and coach.players()[1]["name"] == "Jo"
    part = place.http.get(run_address(video, run_id, "/annotated.mp4"), headers={"Range": "bytes=1048570-1048579"})
    assert part.content == (bytes(range(256)) * 5000)[1048570:1048580]
    assert place.http.delete(coach.at).status_code == 204
    assert place.site.files.names(folder) == []
