"""What the recipes put into storage, what they say of it, and that nothing is left of what was broken off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue
from tests.stored_game import (
    DATASET,
    MADE,
    OTHER_REID,
    RUN,
    TENANT,
    VIDEO,
    StoredGame,
    clips_files,
    dataset_files,
    model_files,
    run_files,
)

from cloud.recipes.choosing import recipe_for
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import BuildDataset, LinkPlayers, MakeClips, Payload, RunReference, TrackVideo, TrainReid

TRACK = TrackVideo(video_id=VIDEO)
LINK = LinkPlayers(video_id=VIDEO, run_id=RUN)
BUILD = BuildDataset(runs=(RunReference(video_id=VIDEO, run_id=RUN),))
TRAIN = TrainReid(dataset_id=DATASET)
CLIPS = MakeClips(video_id=VIDEO, run_id=RUN)

Made = Callable[[Path], object]
KINDS: list[tuple[Payload, str, Made, str, str]] = [
    (TRACK, "run", run_files, f"videos/{VIDEO}/runs/run_{MADE}", "run.json"),
    (LINK, "run", run_files, f"videos/{VIDEO}/runs/run_{MADE}", "run.json"),
    (BUILD, "dataset", dataset_files, f"datasets/dataset_{MADE}", "dataset.json"),
    (TRAIN, "model", lambda folder: model_files(folder, OTHER_REID), f"models/model_{MADE}", "model.json"),
    (CLIPS, "clips", clips_files, f"videos/{VIDEO}/runs/{RUN}/clips/clips_{MADE}", "clips.json"),
]
each_kind = pytest.mark.parametrize(("payload", "out", "made", "place", "last"), KINDS, ids=[k[0].kind for k in KINDS])


class LeaseLost(Exception):
    pass


@pytest.fixture
def game(tmp_path: Path) -> StoredGame:
    return StoredGame(tmp_path)


def store(game: StoredGame, payload: Payload, allowed: Callable[[], None] = lambda: None) -> dict[str, JsonValue]:
    return recipe_for(payload).store(TENANT, game.files, game.out, MADE, allowed, lambda done, of: None)


def seen(game: StoredGame, payload: Payload) -> list[dict[str, bytes]]:
    """What is in storage each time when leave is asked to write another file, and at last."""
    states: list[dict[str, bytes]] = []
    store(game, payload, lambda: states.append(game.stored("")))
    return [*states, game.stored("")]


@each_kind
def test_what_was_made_is_in_its_place_and_what_says_so_comes_last(
    game: StoredGame, payload: Payload, out: str, made: Made, place: str, last: str
) -> None:
    made(game.out / out)
    there = {path.relative_to(game.out / out) for path in (game.out / out).rglob("*") if path.is_file()}
    before = game.stored("")
    states = seen(game, payload)
    assert states[0] == before
    assert all(f"{place}/{last}" not in state for state in states[:-1])
    expected = {str(path) for path in there if not str(path).startswith(".tracking")}
    assert game.stored(place).keys() == expected
    assert states[-1].keys() - before.keys() == {f"{place}/{name}" for name in expected}


@each_kind
def test_a_store_that_was_broken_off_is_invisible_and_goes(
    game: StoredGame, payload: Payload, out: str, made: Made, place: str, last: str
) -> None:
    made(game.out / out)
    before = game.stored("")
    asked = 0

    def allowed() -> None:
        nonlocal asked
        asked += 1
        if asked == len(list((game.out / out).glob("[!.]*"))):
            raise LeaseLost

    with pytest.raises(LeaseLost):
        store(game, payload, allowed)
    assert f"{place}/{last}" not in game.stored("") and game.stored("") != before
    recipe_for(payload).discard(TENANT, game.files, MADE)
    assert game.stored("") == before
    recipe_for(payload).discard(TENANT, game.files, MADE)  # once more does no harm


@each_kind
def test_a_store_that_is_repeated_writes_nothing_twice(
    game: StoredGame, payload: Payload, out: str, made: Made, place: str, last: str
) -> None:
    made(game.out / out)
    first = store(game, payload)
    folder = game.storage / TENANT / place
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert store(game, payload) == first
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@each_kind
def test_where_the_commands_left_nothing_that_is_said(
    game: StoredGame, payload: Payload, out: str, made: Made, place: str, last: str
) -> None:
    with pytest.raises(InputError, match=rf"{last}: no such file"):
        store(game, payload)
    assert game.stored(place) == {}


def test_a_run_is_told_of_in_the_result(game: StoredGame) -> None:
    run_files(game.out / "run")
    told = {"frames": 500, "detections": 4480, "tracks": 31, "players": 25, "notes": ["motion only"]}
    expected = {"video_id": VIDEO, "run_id": f"run_{MADE}", **told}
    assert store(game, TRACK) == expected
    assert store(game, LINK) == {**expected, "tracks_of": RUN}


def test_a_dataset_is_told_of_in_the_result(game: StoredGame) -> None:
    dataset_files(game.out / "dataset")
    counts = {"train_crops": 80, "train_identities": 8, "val_crops": 20, "val_identities": 2}
    assert store(game, BUILD) == {"dataset_id": f"dataset_{MADE}", **counts, "notes": ["brief"]}


def test_a_model_is_in_the_store_under_its_own_id_and_can_be_promoted(game: StoredGame) -> None:
    model_files(game.out / "model", OTHER_REID)
    assert store(game, TRAIN) == {"model_id": f"model_{MADE}", "rank1": 0.75, "mAP": 0.5}
    assert [card.model_id for card in game.models.list().models] == [f"model_{MADE}"]
    assert game.models.promote(f"model_{MADE}").reid == f"model_{MADE}"
    assert store(game, TRAIN)["model_id"] == f"model_{MADE}"


def test_reels_are_told_of_in_the_result(game: StoredGame) -> None:
    clips_files(game.out / "clips")
    scene = {"start": 3.0, "end": 5.0, "reel_start": 0.0, "reel_end": 2.0}
    assert store(game, CLIPS) == {
        "video_id": VIDEO,
        "run_id": RUN,
        "clips_id": f"clips_{MADE}",
        "reels": [
            {
                "player_id": 7,
                "number": "12",
                "name": None,
                "file": "player-7.mp4",
                "seconds": 2.0,
                "scenes": [scene],
            }
        ],
    }


def test_a_document_that_cannot_be_understood_is_not_stored(game: StoredGame) -> None:
    dataset_files(game.out / "dataset")
    (game.out / "dataset" / "dataset.json").write_text('{"schema": "laxai.dataset", "schema_version": 1}')
    with pytest.raises(InputError, match=r"dataset\.json: counts"):
        store(game, BUILD)
    assert game.stored("datasets") == {}
