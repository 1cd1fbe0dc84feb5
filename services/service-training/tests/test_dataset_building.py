"""From films and tracks to a data set on disk and back: the whole path, on a small film."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.tracks import Source, Tracks, write_tracks_json
from shared_libs.common.video import FrameWriter
from training.dataset.building import Request, build_dataset
from training.dataset.description import CROPS, DATASET, read_dataset
from training.dataset.games import Game
from training.dataset.pictures import decode
from training.dataset.reading import read_crops

WIDTH, HEIGHT, FPS, FRAMES, PEOPLE = 480, 160, 25, 150, 12
LAST = 7
"""Of the people, is seen in the first frames only."""


def colour(person: int) -> tuple[int, int, int]:
    return 250 - 18 * person, 40 + 60 * (person % 3), 30 + 18 * person


def seen(person: int) -> range:
    return range(10) if person == LAST else range(FRAMES)


def box_of(person: int, frame: int) -> tuple[float, float, float, float]:
    """left, top, right, bottom; all stand in lanes of their own."""
    left = 8 + 39 * person + 3 * np.sin(frame / (5 + person))
    top = 30 + 8 * (person % 5)
    return left, top, left + 26, top + 70


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    with FrameWriter(path, fps=FPS, quality=15) as writer:
        for frame in range(FRAMES):
            picture = np.full((HEIGHT, WIDTH, 3), (60, 90, 60), np.uint8)
            for person in range(PEOPLE):
                if frame in seen(person):
                    left, top, right, bottom = (round(edge) for edge in box_of(person, frame))
                    picture[top:bottom, left:right] = colour(person)
                    picture[top : top + 10, left:right] = 200
            writer.write(picture)
    return path


def tracks_of(*, filled_in: range = range(0)) -> Tracks:
    """Two tracks a person, 1 + 2 p in the first half of the film and 2 + 2 p in the second."""
    rows = [(frame, person) for person in range(PEOPLE) for frame in seen(person)]
    frame, person = np.array(rows).T
    track = 1 + 2 * person + (frame >= FRAMES // 2)
    xyxy = np.array([box_of(*row[::-1]) for row in rows])
    source = np.where(np.isin(frame, filled_in), Source.INTERPOLATED, Source.DETECTED)
    return Tracks.from_arrays(frame, track, xyxy, np.full(len(rows), 0.9), np.zeros(len(rows)), source)


def players_of() -> Players:
    half, end = FRAMES // 2, FRAMES - 1
    return Players(
        tuple(
            Player(
                person,
                team_id=person % 2,
                segments=(Segment(1 + 2 * person, 0, half - 1),)
                + ((Segment(2 + 2 * person, half, end),) if person != LAST else ()),
            )
            for person in range(PEOPLE)
        )
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What `track` of service-tracking leaves: tracks.json and players.json."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_tracks_json(folder / "tracks.json", tracks_of())
    write_players(folder / "players.json", players_of())
    return folder


def request(film: Path, tracks: Path, **more: Any) -> Request:
    return Request((Game(film, tracks),), tracks.parent / "set", **more)


def person_on(name: str) -> int:
    """Who a crop shows, by its file's name."""
    return (int(Path(name).stem.partition("-t")[2]) - 1) // 2


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder, but for when it was made."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    document = json.loads(files[DATASET])
    del document["created"]
    return files | {DATASET: json.dumps(document).encode()}


def test_players_are_cut_split_and_read_back(film: Path, run: Path) -> None:
    description = build_dataset(request(film, run, per_identity=12), quiet=True)
    out = run.parent / "set"
    again, table = read_dataset(out)
    assert again == description
    on_disk = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert on_disk == {DATASET, CROPS, *table.file}
    assert description.split.by == "identity"
    assert description.games[0].players is not None
    assert len(description.identities) == PEOPLE
    assert {identity.name: identity.crops.train + identity.crops.val for identity in description.identities} == {
        f"game1-p{person:03d}": 2 if person == LAST else 12 for person in range(PEOPLE)
    }
    for identity in description.identities:
        assert min(identity.crops.train, identity.crops.val) == 0
    assert description.counts.identities.val == 2
    val = [place for place, identity in enumerate(description.identities) if identity.crops.val]
    assert val[0] % 2 == val[1] % 2  # teammates
    assert len(description.certain_negatives) == PEOPLE * (PEOPLE - 1) // 2
    assert np.allclose(table.time, table.frame / FPS, atol=1e-3)
    assert (table.quality > 0.4).all()

    for name in table.file:
        crop = decode((out / name).read_bytes())
        assert not isinstance(crop, str)
        assert np.abs(np.median(crop[15:], axis=(0, 1)) - colour(person_on(name))).max() < 15
        assert name.split("/")[1] == f"game1-p{person_on(name):03d}"
        assert 69 <= crop.shape[0] <= 71

    crops, problems = read_crops(out, quiet=True)
    assert problems == ()
    assert len(crops) == len(table)
    assert crops.identities == tuple(identity.name for identity in description.identities)
    assert np.array_equal(crops.different, description.different())
    assert (np.diff(crops.time)[np.diff(crops.identity) == 0] > 0.19).all()
    time_of = dict(zip(table.file, table.time.tolist(), strict=True))
    assert crops.time.tolist() == [time_of[name] for name in crops.names]
    train, _ = read_crops(out, "train", quiet=True)
    held_back, _ = read_crops(out, "val", quiet=True)
    assert not {*train.identities} & {*held_back.identities}
    assert sorted((*train.names, *held_back.names)) == sorted(crops.names)


def test_a_split_by_time_leaves_a_gap_between_the_sides_of_everybody(film: Path, run: Path) -> None:
    description = build_dataset(request(film, run, by="time", gap_seconds=1.0), quiet=True)
    assert (description.split.by, description.split.gap_seconds) == ("time", 1.0)
    _, table = read_dataset(run.parent / "set")
    is_val = np.array(table.split) == "val"
    for place, identity in enumerate(description.identities):
        train, val = (table.time[side & (table.identity == place)] for side in (~is_val, is_val))
        if identity.name == f"game1-p{LAST:03d}":
            assert (len(train), len(val)) == (2, 0)
        else:
            assert val.min() - train.max() >= 1.0
    assert description.notes == ("1 of 12 identities are seen too briefly to be split by time: they are in train only",)


def test_the_same_request_gives_the_same_bytes_and_replaces_what_was_there(film: Path, run: Path) -> None:
    out = run.parent / "set"
    build_dataset(request(film, run, per_identity=5), quiet=True)
    first = bytes_of(out)
    (out / "train" / "mine.txt").write_text("goes with the old data set")
    build_dataset(request(film, run, per_identity=5), quiet=True)
    assert bytes_of(out) == first
    build_dataset(request(film, run, per_identity=5, seed=1), quiet=True)
    assert bytes_of(out) != first
    assert sorted(path.name for path in run.parent.iterdir()) == ["run", "set"]


def test_few_identities_are_split_by_time_and_it_is_said(film: Path, run: Path) -> None:
    few = tracks_of()
    few = Tracks.from_arrays(*(column[few.track_id <= 6] for column in columns(few)))
    write_tracks_json(run / "tracks.json", few)
    (run / "players.json").unlink()
    description = build_dataset(request(film, run, gap_seconds=0.5), quiet=True)
    assert description.split.by == "time"
    assert [identity.name for identity in description.identities] == [f"game1-t{track:04d}" for track in range(1, 7)]
    assert description.notes == (
        "game1: tracks that are not linked to players may be one and the same person's",
        "split by time: 6 identities are too few to hold some of them back",
    )
    # 1, 3 and 5 are seen together, and so are 2, 4 and 6.
    assert description.certain_negatives == ((0, 2), (0, 4), (1, 3), (1, 5), (2, 4), (3, 5))
    assert build_dataset(request(film, run, by="identity"), quiet=True).split.by == "identity"
    three = Tracks.from_arrays(*(column[few.track_id % 2 == 0] for column in columns(few)))
    write_tracks_json(run / "tracks.json", three)
    description = build_dataset(request(film, run, by="identity", gap_seconds=0.5), quiet=True)
    assert description.split.by == "time"
    assert description.notes[-1] == "split by time: 3 identities are too few to hold some of them back"


def columns(tracks: Tracks) -> tuple[Any, ...]:
    return tracks.frame, tracks.track_id, tracks.xyxy, tracks.score, tracks.class_id, tracks.source


def test_several_games_keep_their_names_apart_and_nobody_differs_across_them(film: Path, run: Path) -> None:
    truth = run.parent / "gt.txt"
    lines = [
        f"{frame + 1},{person + 1},{left},{top},{right - left},{bottom - top},1,1,1"
        for person in range(3)
        for frame in range(0, FRAMES, 5)
        for left, top, right, bottom in [box_of(person, frame)]
    ]
    truth.write_text("\n".join(lines))
    games = (Game(film, run), Game(film, truth))
    description = build_dataset(Request(games, run.parent / "set", per_identity=6), quiet=True)
    names = [identity.name for identity in description.identities]
    assert len(set(names)) == PEOPLE + 3
    assert names[PEOPLE:] == ["game2-p001", "game2-p002", "game2-p003"]
    assert [game.identity_kind for game in description.games] == ["player", "person"]
    different = description.different()
    assert not different[:PEOPLE, PEOPLE:].any()
    assert different[PEOPLE:, PEOPLE:].sum() == 6
    _, table = read_dataset(run.parent / "set")
    assert set(table.game[np.array(table.identity) >= PEOPLE].tolist()) == {1}


def test_boxes_that_were_filled_in_are_never_cut(film: Path, run: Path) -> None:
    write_tracks_json(run / "tracks.json", tracks_of(filled_in=range(40, 110)))
    build_dataset(request(film, run), quiet=True)
    _, table = read_dataset(run.parent / "set")
    assert len(table)
    assert not ((table.frame >= 40) & (table.frame < 110)).any()


def test_of_a_film_that_is_shorter_than_its_tracks_is_cut_what_there_is(film: Path, run: Path) -> None:
    longer = tracks_of()
    late = Tracks.from_arrays(longer.frame + FRAMES - 60, *columns(longer)[1:])
    write_tracks_json(run / "tracks.json", late)
    (run / "players.json").unlink()
    description = build_dataset(request(film, run, gap_seconds=0), quiet=True)
    _, table = read_dataset(run.parent / "set")
    assert table.frame.max() < FRAMES
    assert any("boxes were not cut, since the film ends after 150 frames" in note for note in description.notes)
    assert any("identities have fewer than two good crops and were left out" in note for note in description.notes)


def test_pictures_put_in_and_taken_out_by_hand_count(film: Path, run: Path) -> None:
    out = run.parent / "set"
    build_dataset(request(film, run, per_identity=4), quiet=True)
    _, table = read_dataset(out)
    train = [name for name, split in zip(table.file, table.split, strict=True) if split == "train"]
    gone, copied = train[0], train[1]
    (out / gone).unlink()
    (out / Path(copied).with_name("mine.jpg")).write_bytes((out / copied).read_bytes())
    (out / "train" / "stranger").mkdir()
    (out / "train" / "stranger" / "a.jpg").write_bytes((out / copied).read_bytes())
    crops, problems = read_crops(out, "train", quiet=True)
    assert problems == (f"{gone}: is missing",)
    assert gone not in crops.names
    mine = crops.names.index(str(Path(copied).with_name("mine.jpg")))
    assert np.isnan(crops.time[mine])
    assert crops.identity[mine] == crops.identity[crops.names.index(copied)]
    assert crops.identities[-1] == "stranger"
    assert crops.game[-1] == 1
    assert not crops.different[-1].any()
    _, problems = read_crops(out, "val", quiet=True)
    assert problems == ()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(linked=st.lists(st.integers(0, 15), min_size=2 * PEOPLE, max_size=2 * PEOPLE), seed=st.integers(0, 99))
def test_however_tracks_are_linked_no_player_is_on_both_sides(
    film: Path, run: Path, linked: list[int], seed: int
) -> None:
    """Track t belongs to player linked[t - 1], as far as that player is not somewhere else in that half already; to
    nobody otherwise."""
    player_of: dict[int, int] = {}
    segments: dict[int, list[Segment]] = {}
    for track, player in enumerate(linked, start=1):
        is_late = track % 2 == 0
        if not any(own.track_id % 2 == track % 2 for own in segments.setdefault(player, [])) and track != 2 * LAST + 2:
            segments[player].append(Segment(track, is_late * FRAMES // 2, (1 + is_late) * FRAMES // 2 - 1))
            player_of[track] = player
    write_players(run / "players.json", Players(tuple(Player(p, segments=tuple(own)) for p, own in segments.items())))
    description = build_dataset(request(film, run, per_identity=4, by="identity", seed=seed), quiet=True)
    assert description.split.by == "identity"
    _, table = read_dataset(run.parent / "set")
    tracks = [int(Path(file).stem.partition("-t")[2]) for file in table.file]
    people = [(track in player_of, player_of.get(track, track)) for track in tracks]
    train, val = (
        {who for who, side in zip(people, table.split, strict=True) if side == part} for part in ("train", "val")
    )
    assert len(val) >= 2
    assert not train & val


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"games": ()}, "GAMES: are needed"),
        ({"per_identity": 1}, "--per-identity: must be at least 2, not 1"),
        ({"validation_share": 1.0}, "--validation-share: must lie between 0 and 1, not 1"),
        ({"gap_seconds": -1.0}, "--gap-seconds: must not be negative"),
        ({"seconds_apart": float("nan")}, "--seconds-apart: must not be negative, nor infinite, but is nan"),
        ({"seed": -1}, "--seed: must not be negative"),
        ({"by": "time", "gap_seconds": 60.0}, "run: 0 of 12 identities are seen for long enough to hold back"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_one_line(
    film: Path, run: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        build_dataset(replace(request(film, run), **change), quiet=True)
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_fewer_than_two_identities_are_refused(film: Path, run: Path) -> None:
    (run / "players.json").unlink()
    everybody = tracks_of()
    for tracks, words in (
        (everybody.track_id == 1, "only one identity, game1-t0001, has two crops"),
        (everybody.frame == 3, "no identity has two crops"),
    ):
        write_tracks_json(run / "tracks.json", Tracks.from_arrays(*(column[tracks] for column in columns(everybody))))
        with pytest.raises(InputError, match=words):
            build_dataset(request(film, run), quiet=True)
    after_the_end = Tracks.from_arrays(everybody.frame + 1000, *columns(everybody)[1:])
    write_tracks_json(run / "tracks.json", after_the_end)
    with pytest.raises(InputError, match=r"no identity has two crops .* since the film ends after 150 frames"):
        build_dataset(request(film, run), quiet=True)
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_a_data_set_never_takes_the_place_of_what_it_is_made_from(film: Path, run: Path) -> None:
    (run / DATASET).write_text("{}")
    with pytest.raises(InputError, match=r"holds tracks.json, and would be replaced"):
        build_dataset(Request((Game(film, run / "tracks.json"),), run), quiet=True)
    with pytest.raises(InputError, match="holds something else than a data set"):
        build_dataset(Request((Game(film, run),), film.parent), quiet=True)
    assert (run / "tracks.json").exists()
    assert film.exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(film: Path, run: Path) -> None:
    (run.parent / "file").write_text("mine")
    with pytest.raises(OutputError, match="a part of its path is a file"):
        build_dataset(replace(request(film, run), out=run.parent / "file" / "set"), quiet=True)


BUILD = """
import sys
from pathlib import Path
from training.dataset.building import Request, build_dataset
from training.dataset.games import Game
film, tracks, out = map(Path, sys.argv[1:])
build_dataset(Request((Game(film, tracks),), out), quiet=True)
"""


@pytest.mark.parametrize(("number", "leaves"), [(signal.SIGINT, []), (signal.SIGKILL, [".set"])])
def test_a_build_that_is_stopped_changes_nothing_and_the_next_one_cleans_up(
    number: int, leaves: list[str], film: Path, run: Path
) -> None:
    out = run.parent / "set"
    build_dataset(request(film, run, per_identity=4), quiet=True)
    before = bytes_of(out)
    variables = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BUILD, str(film), str(run), str(out)]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)
    while not list(run.parent.glob(".set.*/new/.candidates/*.jpg")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    assert process.wait() != 0
    assert bytes_of(out) == before
    assert sorted(path.name[:4] for path in run.parent.iterdir()) == [*leaves, "run", "set"]
    build_dataset(request(film, run, per_identity=4), quiet=True)
    assert bytes_of(out) == before
    assert sorted(path.name for path in run.parent.iterdir()) == ["run", "set"]
