"""A film with its tracks: who is on them, who differs for certain, and what does not belong together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.errors import InputError
from shared_libs.common.players import Player, Players, Segment, write_players
from shared_libs.common.run import InputFile, Run, write_run
from shared_libs.common.tracks import Source, Tracks, write_mot_tracks, write_tracks_json, write_tracks_parquet
from shared_libs.common.video import FrameWriter
from training.dataset.games import Game, TrackedGame, read_game, seen_together

WIDTH, HEIGHT = 160, 90


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    with FrameWriter(path, fps=25) as writer:
        for _ in range(3):
            writer.write(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    return path


def tracks_of(lives: dict[int, range], filled_in: tuple[tuple[int, int], ...] = ()) -> Tracks:
    """Tracks by id, each with a box in every frame of its life; (frame, id) of those that were not seen."""
    rows = [(frame, track) for track, life in lives.items() for frame in life]
    frame, track = np.array(rows).T
    left = 10.0 * track
    xyxy = np.stack([left, np.full(len(rows), 20.0), left + 8, np.full(len(rows), 50.0)], axis=1)
    source = np.array([Source.INTERPOLATED if row in filled_in else Source.DETECTED for row in rows])
    return Tracks.from_arrays(frame, track, xyxy, np.full(len(rows), 0.9), np.zeros(len(rows)), source)


def run_folder(folder: Path, tracks: Tracks, players: Players | None = None) -> Path:
    write_tracks_json(folder / "tracks.json", tracks)
    if players is not None:
        write_players(folder / "players.json", players)
    return folder


def who(game: TrackedGame) -> dict[tuple[int, int], str | None]:
    """The identity's name, or None, by (frame, track id)."""
    names = (*game.names, None)
    rows = zip(game.tracks.frame.tolist(), game.tracks.track_id.tolist(), game.identity.tolist(), strict=True)
    return {(frame, track): names[identity] for frame, track, identity in rows}


def test_players_are_identities_and_so_are_tracks_that_are_nobody_s(film: Path, tmp_path: Path) -> None:
    tracks = tracks_of({1: range(10), 2: range(20, 30), 5: range(10)})
    linked = Player(7, team_id=1, segments=(Segment(1, 0, 5), Segment(2, 20, 29)))
    game = read_game(Game(film, run_folder(tmp_path, tracks, Players((linked,)))), "game1")
    assert game.names == ("game1-p007", "game1-t0005")
    assert game.kinds == ("player", "track")
    assert game.team.tolist() == [0, -1]
    assert game.source.identity_kind == "player"
    assert game.source.players is not None
    assert who(game) == {
        **{(frame, 1): "game1-p007" for frame in range(6)},
        **{(frame, 1): None for frame in range(6, 10)},  # may be the same player all the same
        **{(frame, 2): "game1-p007" for frame in range(20, 30)},
        **{(frame, 5): "game1-t0005" for frame in range(10)},
    }


@st.composite
def linked_games(draw: st.DrawFn) -> tuple[Tracks, Players]:
    """Tracks with holes, cut into segments that are dealt out to players."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    lives = {
        track: range(int(start := random.integers(0, 30)), int(start + random.integers(1, 30))) for track in range(1, 7)
    }
    segments: dict[int, list[Segment]] = {}
    for track, life in lives.items():
        cuts = sorted({life.start, *random.integers(life.start, life.stop, 2).tolist()})
        for start, stop in zip(cuts, [*cuts[1:], life.stop], strict=True):
            player = int(random.integers(0, 4))
            mine = segments.setdefault(player, [])
            if all(stop - 1 < other.start or other.end < start for other in mine):
                mine.append(Segment(track, start, stop - 1))
    return tracks_of(lives), Players(tuple(Player(player, segments=tuple(own)) for player, own in segments.items()))


@settings(max_examples=40, deadline=None)
@given(drawn=linked_games())
def test_every_box_shows_the_player_whose_segment_it_lies_in(
    film: Path, tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Tracks, Players]
) -> None:
    tracks, players = drawn
    owner = {
        (frame, segment.track_id): f"g-p{player.player_id:03d}"
        for player in players
        for segment in player.segments
        for frame in range(segment.start, segment.end + 1)
    }
    linked = {segment.track_id for player in players for segment in player.segments}
    game = read_game(Game(film, run_folder(tmp_path_factory.mktemp("run"), tracks, players)), "g")
    for (frame, track), name in who(game).items():
        assert name == owner.get((frame, track), None if track in linked else f"g-t{track:04d}")


def test_without_players_each_track_is_one_identity(film: Path, tmp_path: Path) -> None:
    tracks = tracks_of({1: range(4), 12: range(4)})
    for writer, name in (
        (write_mot_tracks, "a.txt"),
        (write_tracks_json, "a.json"),
        (write_tracks_parquet, "a.parquet"),
    ):
        writer(tmp_path / name, tracks)
        game = read_game(Game(film, tmp_path / name), "game2")
        assert game.names == ("game2-t0001", "game2-t0012")
        assert set(game.kinds) == {game.source.identity_kind} == {"track"}
    nobody_linked = read_game(Game(film, run_folder(tmp_path, tracks, Players())), "game1")
    assert (nobody_linked.source.identity_kind, nobody_linked.source.players) == ("track", None)


def test_players_are_left_aside_where_tracks_are_asked_for(film: Path, tmp_path: Path) -> None:
    tracks = tracks_of({1: range(4), 2: range(4, 8)})
    players = Players((Player(1, segments=(Segment(1, 0, 3), Segment(2, 4, 7))),))
    game = read_game(Game(film, run_folder(tmp_path, tracks, players)), "game1", "track")
    assert game.names == ("game1-t0001", "game1-t0002")
    assert game.source.players is None


def test_in_ground_truth_all_ids_are_people_and_all_people_differ(film: Path, tmp_path: Path) -> None:
    rows = [
        f"{frame},{person},{20 * person},20,8,30,{int(person != 4)},1,1.0"
        for person in (1, 2, 3, 4)
        for frame in (1, 5 * person)
    ]
    (tmp_path / "gt.txt").write_text("\n".join(rows[:4] + rows[5:]))
    game = read_game(Game(film, tmp_path / "gt.txt"), "game1")
    assert game.names == ("game1-p001", "game1-p002", "game1-p003")  # 4 is not to be judged
    assert set(game.kinds) == {"person"}
    assert np.array_equal(game.different(), ~np.eye(3, dtype=bool))


def test_other_tracks_are_people_where_that_is_said(film: Path, tmp_path: Path) -> None:
    tracks = tracks_of({1: range(4), 2: range(4, 8)})
    players = Players((Player(1, segments=(Segment(1, 0, 3), Segment(2, 4, 7))),))
    game = read_game(Game(film, run_folder(tmp_path, tracks, players)), "game1", "person")
    assert game.names == ("game1-p001", "game1-p002")
    assert game.different().tolist() == [[False, True], [True, False]]


def test_tracks_differ_for_certain_where_both_were_seen_in_one_frame(film: Path, tmp_path: Path) -> None:
    tracks = tracks_of({1: range(10), 2: range(9, 20), 3: range(20, 30), 4: range(5)}, filled_in=((4, 4), (9, 2)))
    write_tracks_json(tmp_path / "a.json", tracks)
    different = read_game(Game(film, tmp_path / "a.json"), "game1").different()
    assert np.argwhere(np.triu(different)).tolist() == [[0, 3]]  # 1 and 4; of 2 the box beside 1 was filled in


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), max_size=40))
def test_who_is_seen_together_is_found_as_pair_by_pair(rows: list[tuple[int, int]]) -> None:
    frame, identity = np.array(sorted(rows), np.int32).reshape(-1, 2).T
    expected = np.zeros((6, 6), bool)
    for one_frame, one in rows:
        for other_frame, other in rows:
            expected[one, other] |= one_frame == other_frame and one != other
    assert np.array_equal(seen_together(frame, identity, 6), expected)


def recorded(folder: Path, video: Path | None, **settings: bool) -> None:
    inputs = {"video": InputFile.of(video)} if video is not None else {}
    run = Run(service="t", created=datetime.now(UTC), code_version="1", inputs=inputs, settings=dict(settings))
    write_run(folder / "run.json", run)


def test_players_of_a_run_that_linked_nothing_are_tracks(film: Path, tmp_path: Path) -> None:
    players = Players((Player(3, segments=(Segment(3, 0, 3),)),))
    folder = run_folder(tmp_path, tracks_of({3: range(4)}), players)
    for is_online, kind in ((False, "player"), (True, "track")):
        recorded(folder, film, online=is_online)
        assert read_game(Game(film, folder), "game1").kinds == (kind,)


def test_the_film_must_be_that_of_the_run(film: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(film.read_bytes() + b"\0")
    folder = run_folder(tmp_path, tracks_of({1: range(4)}))
    for video in (film, None):  # a run from detections alone names no film
        recorded(folder, video)
        read_game(Game(film, folder), "game1")
    recorded(folder, other)
    with pytest.raises(
        InputError, match=r"clip.mp4: is not the film of these tracks: .*run.json names another \(other.mp4"
    ):
        read_game(Game(film, folder), "game1")


def moved(tracks: Tracks, by: float) -> Tracks:
    xyxy: npt.NDArray[np.float32] = tracks.xyxy + np.float32(by)
    return Tracks.from_arrays(tracks.frame, tracks.track_id, xyxy, tracks.score, tracks.class_id)


def test_a_film_that_shows_none_of_the_boxes_is_refused(film: Path, tmp_path: Path) -> None:
    tracks = tracks_of({1: range(4)})
    write_tracks_json(tmp_path / "a.json", moved(tracks, 50))
    read_game(Game(film, tmp_path / "a.json"), "game1")
    write_tracks_json(tmp_path / "a.json", moved(tracks, 300))
    with pytest.raises(
        InputError, match="4 of 4 boxes lie outside of its picture of 160 × 90 pixels – it is not the film"
    ):
        read_game(Game(film, tmp_path / "a.json"), "game1")


def test_players_of_tracks_that_are_not_there_are_refused(film: Path, tmp_path: Path) -> None:
    players = Players((Player(3, segments=(Segment(9, 0, 3),)),))
    folder = run_folder(tmp_path, tracks_of({1: range(4)}), players)
    with pytest.raises(
        InputError, match=r"players.json: player 3: there is no track 9 – it does not belong to tracks.json"
    ):
        read_game(Game(film, folder), "game1")


def test_what_is_missing_or_empty_is_named(film: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no tracks.json – name a folder that `track`"):
        read_game(Game(film, tmp_path), "game1")
    with pytest.raises(InputError, match=r"none.txt: no such file"):
        read_game(Game(film, tmp_path / "none.txt"), "game1")
    (tmp_path / "tracks.json").write_text("[]")
    with pytest.raises(InputError, match=r"tracks.json: has no boxes – nobody was found"):
        read_game(Game(film, tmp_path), "game1")
    run_folder(tmp_path, tracks_of({1: range(4)}))
    with pytest.raises(InputError, match=r"none.mp4: no such file"):
        read_game(Game(tmp_path / "none.mp4", tmp_path), "game1")
