"""What the recipes bring from storage for the commands to read, and what they say where it is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.stored_game import (
    DATASET,
    DETECTOR,
    OTHER_REID,
    OTHER_RUN,
    OTHER_VIDEO,
    PLAYERS,
    REID,
    RUN,
    TENANT,
    TRACKS,
    VIDEO,
    StoredGame,
)

from cloud.recipes.choosing import recipe_for
from shared_libs.common.edits import Anchor, Rename, append_edit
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import (
    BuildDataset,
    LinkPlayers,
    MakeClips,
    Payload,
    RunReference,
    TrackVideo,
    TrainReid,
)
from shared_libs.common.players import Player, Players, Segment, read_players, write_players
from shared_libs.common.tracks import read_tracks


@pytest.fixture
def game(tmp_path: Path) -> StoredGame:
    return StoredGame(tmp_path)


def fetch(game: StoredGame, payload: Payload) -> list[tuple[int, int]]:
    """Fetches; gives what was reported."""
    reported: list[tuple[int, int]] = []
    recipe_for(payload).fetch(TENANT, game.files, game.models, game.inputs, lambda *each: reported.append(each))
    return reported


def options(game: StoredGame, payload: Payload) -> list[str]:
    """The arguments of the first command."""
    return list(recipe_for(payload).commands(game.inputs, game.out)[0].arguments)


def test_a_film_is_fetched_as_one_transfer(game: StoredGame) -> None:
    game.put("edits.jsonl", "{}\n" * 1000)
    reported = fetch(game, TrackVideo(video_id=VIDEO))
    assert game.fetched() == {"source.mp4", "edits.jsonl", "choices.json"}
    total = len("a film") + 3000
    assert {of for _, of in reported} == {total} and reported[-1] == (total, total)
    assert [done for done, _ in reported] == sorted(done for done, _ in reported)


def test_what_is_there_and_equal_is_not_fetched_again(game: StoredGame) -> None:
    game.put_run()
    payload = LinkPlayers(video_id=VIDEO, run_id=RUN)
    fetch(game, payload)
    before = {path: path.stat().st_mtime_ns for path in game.inputs.rglob("*")}
    (game.inputs / "tracks.json").write_text("damaged")
    fetch(game, payload)
    assert len(read_tracks(game.inputs / "tracks.json")) == len(TRACKS)
    after = {path: path.stat().st_mtime_ns for path in game.inputs.rglob("*")}
    assert {path.name for path in after if after[path] != before[path]} == {"tracks.json"}


def test_a_film_that_was_replaced_by_one_of_another_kind_is_the_one_that_counts(game: StoredGame) -> None:
    payload = TrackVideo(video_id=VIDEO)
    fetch(game, payload)
    (game.storage / TENANT / "videos" / VIDEO / "source.mp4").unlink()
    game.put("source.mov", "another film")
    fetch(game, payload)
    assert options(game, payload)[1] == str(game.inputs / "source.mov")
    assert game.fetched() == {"source.mov", "choices.json"}


def test_what_people_have_said_by_now_counts_and_what_they_took_back_does_not(game: StoredGame) -> None:
    payload = TrackVideo(video_id=VIDEO)
    game.put("edits.jsonl", "one")
    fetch(game, payload)
    assert options(game, payload)[-2:] == ["--edits", str(game.inputs / "edits.jsonl")]
    game.put("edits.jsonl", "one, two")
    game.put("roster.csv", "number,name,team")
    fetch(game, payload)
    assert (game.inputs / "edits.jsonl").read_text() == "one, two"
    roster = ["--roster", str(game.inputs / "roster.csv"), "--edits", str(game.inputs / "edits.jsonl")]
    assert options(game, payload)[-4:] == roster
    for name in ("edits.jsonl", "roster.csv"):
        (game.storage / TENANT / "videos" / VIDEO / name).unlink()
    fetch(game, payload)
    assert options(game, payload)[-2:] == ["--reid", "none"]


@pytest.mark.parametrize("payload", [TrackVideo(video_id=VIDEO), LinkPlayers(video_id=VIDEO, run_id=RUN)])
def test_the_promoted_model_is_used_and_stays_the_one_that_was_chosen(
    game: StoredGame, payload: Payload, tmp_path: Path
) -> None:
    game.put_run()
    game.put_model(tmp_path, REID)
    game.put_model(tmp_path, OTHER_REID)
    game.models.promote(REID)
    fetch(game, payload)
    assert (game.inputs / "reid" / "model.onnx").read_text() == f"model.onnx of {REID}"
    assert json.loads((game.inputs / "reid" / "model.json").read_bytes())["model_id"] == REID
    game.models.promote(OTHER_REID)
    fetch(game, payload)
    assert (game.inputs / "reid" / "model.onnx").read_text() == f"model.onnx of {REID}"
    assert str(game.inputs / "reid" / "model.onnx") in options(game, payload)


def test_where_no_model_was_promoted_a_later_promotion_changes_nothing(game: StoredGame, tmp_path: Path) -> None:
    payload = TrackVideo(video_id=VIDEO)
    fetch(game, payload)
    game.put_model(tmp_path, REID)
    game.models.promote(REID)
    fetch(game, payload)
    assert game.fetched() == {"source.mp4", "choices.json"} and options(game, payload)[-2:] == ["--reid", "none"]


def test_a_named_model_counts_more_than_the_promoted_one(game: StoredGame, tmp_path: Path) -> None:
    game.put_model(tmp_path, REID)
    game.put_model(tmp_path, OTHER_REID)
    game.models.promote(REID)
    fetch(game, TrackVideo(video_id=VIDEO, reid_model_id=OTHER_REID))
    assert (game.inputs / "reid" / "model.onnx").read_text() == f"model.onnx of {OTHER_REID}"


def test_an_online_run_needs_no_model_that_tells_people_apart(game: StoredGame, tmp_path: Path) -> None:
    game.put_model(tmp_path, REID)
    game.models.promote(REID)
    payload = TrackVideo(video_id=VIDEO, online=True)
    fetch(game, payload)
    assert game.fetched() == {"source.mp4"} and options(game, payload)[-1] == "--online"
    with pytest.raises(InputError, match="online run leaves out"):
        fetch(game, TrackVideo(video_id=VIDEO, online=True, reid_model_id=REID))


def test_a_detector_comes_with_a_card_as_tracking_reads_it(game: StoredGame, tmp_path: Path) -> None:
    game.put_model(tmp_path, DETECTOR, has_checkpoint=False)
    fetch(game, TrackVideo(video_id=VIDEO, detector_model_id=DETECTOR))
    card = json.loads((game.inputs / "detector" / "model.json").read_bytes())
    assert [*card] == ["input"] and card["input"]["height"] == 128 and card["input"]["colour"] == "rgb"


@pytest.mark.parametrize("name", ["det.txt", "edits.jsonl", "choices.json"])
def test_boxes_under_any_name_do_not_get_in_the_way_of_other_inputs(game: StoredGame, name: str) -> None:
    game.put("edits.jsonl", "what was corrected")
    game.put(name, "boxes")
    payload = TrackVideo(video_id=VIDEO, detections_file=name)
    fetch(game, payload)
    assert options(game, payload)[4:6] == ["--detections", str(game.inputs / "detections" / name)]
    assert (game.inputs / "detections" / name).read_text() == "boxes"
    assert options(game, payload)[6:8] == ["--reid", "none"]


def test_a_dataset_of_several_runs_has_each_film_once(game: StoredGame) -> None:
    game.put("source.mkv", "another film", OTHER_VIDEO)
    runs = [(VIDEO, RUN), (VIDEO, OTHER_RUN), (OTHER_VIDEO, RUN), (VIDEO, RUN)]
    for run in runs:
        game.put_run(*run)
    payload = BuildDataset(runs=tuple(RunReference(video_id=video, run_id=run) for video, run in runs))
    fetch(game, payload)
    files = {"tracks.json", "players.json", "run.json"}
    assert game.fetched() == {
        f"{VIDEO}/source.mp4",
        f"{OTHER_VIDEO}/source.mkv",
        *(f"{video}/{run}/{name}" for video, run in runs for name in files),
    }
    games = options(game, payload)[1:7]
    assert games == [
        str(game.inputs / path)
        for video, source, run in (
            (VIDEO, "source.mp4", RUN),
            (VIDEO, "source.mp4", OTHER_RUN),
            (OTHER_VIDEO, "source.mkv", RUN),
        )
        for path in (f"{video}/{source}", f"{video}/{run}")
    ]


def test_a_training_has_its_dataset_and_the_weights_that_it_begins_with(game: StoredGame, tmp_path: Path) -> None:
    game.put_dataset()
    game.put_model(tmp_path, REID)
    fetch(game, TrainReid(dataset_id=DATASET, base_model_id=REID))
    dataset = {f"dataset/{name}" for name in ("train/p1/1.jpg", "val/p2/2.jpg", "crops.parquet", "dataset.json")}
    assert game.fetched() == dataset | {"base/checkpoint.ckpt", "base/model.json"}
    assert (game.inputs / "base" / "checkpoint.ckpt").read_text() == f"checkpoint.ckpt of {REID}"


def no_film(game: StoredGame, folder: Path) -> Payload:
    return TrackVideo(video_id=OTHER_VIDEO)


def two_films(game: StoredGame, folder: Path) -> Payload:
    game.put("source.mov", "another film")
    return TrackVideo(video_id=VIDEO)


def no_detections(game: StoredGame, folder: Path) -> Payload:
    return TrackVideo(video_id=VIDEO, detections_file="det.txt")


def no_model(game: StoredGame, folder: Path) -> Payload:
    return TrackVideo(video_id=VIDEO, reid_model_id=REID)


def a_model_of_another_kind(game: StoredGame, folder: Path) -> Payload:
    game.put_model(folder, REID)
    return TrackVideo(video_id=VIDEO, detector_model_id=REID)


def a_damaged_model(game: StoredGame, folder: Path) -> Payload:
    game.put_model(folder, REID)
    (game.storage / TENANT / "models" / REID / "model.onnx").write_text("damaged")
    return TrackVideo(video_id=VIDEO, reid_model_id=REID)


def half_a_model(game: StoredGame, folder: Path) -> Payload:
    game.put_model(folder, REID)
    (game.storage / TENANT / "models" / REID / "model.onnx").unlink()
    return TrackVideo(video_id=VIDEO, reid_model_id=REID)


def no_run(game: StoredGame, folder: Path) -> Payload:
    return LinkPlayers(video_id=VIDEO, run_id=RUN)


def test_reels_are_of_the_players_as_they_are_corrected_by_now(game: StoredGame) -> None:
    game.put_run()
    payload = MakeClips(video_id=VIDEO, run_id=RUN)
    fetch(game, payload)
    assert [player.name for player in read_players(game.inputs / "players_now.json")] == [None, None]
    anchor = Anchor(frame=4, xyxy=(114, 10, 134, 60))
    log = game.storage / TENANT / "videos" / VIDEO / "edits.jsonl"
    append_edit(log, Rename(author="coach", anchor=anchor, name="Cleo"))
    fetch(game, payload)
    assert [player.name for player in read_players(game.inputs / "players_now.json")] == [None, "Cleo"]
    # A run that corrections went into before: they count once.
    folder = game.storage / TENANT / "videos" / VIDEO / "runs" / RUN
    write_players(folder / "players_found.json", PLAYERS)
    write_players(folder / "players.json", Players((Player(3, name="Bo", segments=(Segment(3, 0, 9),)),)))
    fetch(game, payload)
    assert [player.name for player in read_players(game.inputs / "players_now.json")] == [None, "Cleo"]


def no_run_to_cut(game: StoredGame, folder: Path) -> Payload:
    return MakeClips(video_id=VIDEO, run_id=RUN)


def no_dataset(game: StoredGame, folder: Path) -> Payload:
    return TrainReid(dataset_id=DATASET)


def no_checkpoint(game: StoredGame, folder: Path) -> Payload:
    game.put_dataset()
    game.put_model(folder, REID, has_checkpoint=False)
    return TrainReid(dataset_id=DATASET, base_model_id=REID)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (no_film, f"{OTHER_VIDEO}: the video has no film yet – upload it first"),
        (two_films, f"{VIDEO}: has more than one film: source.mov, source.mp4 – delete the video"),
        (no_detections, f"det.txt: the video {VIDEO} has no such file of detections – upload it"),
        (no_model, f"there is no model {REID} – list the models"),
        (a_model_of_another_kind, f"{REID}: is a re-identification model, not a detector – choose another model"),
        (a_damaged_model, f"{REID}: is not the file that the card of {REID} describes"),
        (half_a_model, f"{REID}: the model's file model.onnx is missing – choose another model"),
        (no_run, f"{RUN}: there is no such run of {VIDEO}, or it has no tracks.json – choose another run"),
        (no_run_to_cut, f"{RUN}: there is no such run of {VIDEO}, or it has no tracks.json – choose another run"),
        (no_dataset, f"{DATASET}: there is no such dataset – choose another one"),
        (no_checkpoint, f"{REID}: training cannot begin with this model: it has no checkpoint"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(
    game: StoredGame, given: Callable[[StoredGame, Path], Payload], message: str, tmp_path: Path
) -> None:
    payload = given(game, tmp_path)
    with pytest.raises(InputError) as caught:
        fetch(game, payload)
    assert message in str(caught.value) and "\n" not in str(caught.value)
