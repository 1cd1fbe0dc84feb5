"""Teams, goalkeepers and referees without labels: from what people wear, who is there at once, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sample.clip import make_clip
from sample.settings import Settings
from shared_libs.common.tracks import Tracks, read_tracks
from tracking.appearance import Looks
from tracking.appearance_stage import look_at_film
from tracking.checkpoint import Checkpoint, Watcher
from tracking.jersey import describe_jerseys
from tracking.kits import wearing
from tracking.teams import Teams, find_teams

Colour = tuple[int, int, int]

NAVY, WHITE, RED, GOLD, SKY = (30, 42, 96), (236, 236, 232), (196, 32, 44), (244, 198, 54), (146, 200, 238)
BLACK, ROYAL, ORANGE, TEAL, PINK = (36, 36, 41), (28, 72, 178), (242, 120, 24), (24, 178, 190), (232, 74, 150)
FRAMES = 400


class Kit(NamedTuple):
    jersey: Colour
    shorts: Colour
    stripes: Colour | None = None
    helmet: Colour | None = None
    """None: as the jersey."""
    digits: Colour | None = None


STRIPED = Kit(WHITE, BLACK, BLACK)
DARK, LIGHT = Kit(NAVY, NAVY), Kit(WHITE, NAVY)


def kit_look(kit: Kit, seed: int, light: float) -> npt.NDArray[np.float32]:
    """Somebody in `kit` on grass, seen by the real descriptor."""
    random = np.random.default_rng(seed)
    picture = np.full((120, 80, 3), (70, 130, 55), np.float64)
    middle = 40 + int(random.integers(-3, 4))
    picture[10:28, middle - 8 : middle + 8] = kit.helmet or kit.jersey
    picture[28:62, middle - 13 : middle + 13] = kit.jersey
    if kit.stripes is not None:
        for x in range(middle - 13, middle + 13, 6):
            picture[28:62, x : x + 3] = kit.stripes
    if kit.digits is not None:
        picture[36:50, middle - 7 : middle + 7] = kit.digits
    picture[62:78, middle - 12 : middle + 12] = kit.shorts
    picture[78:108, middle - 8 : middle + 8] = (200, 150, 120)
    noisy = cv2.GaussianBlur(picture, (0, 0), 0.9) * light + random.normal(0, 6, picture.shape)
    image = noisy.clip(0, 255).astype(np.uint8)
    vector: npt.NDArray[np.float32] = describe_jerseys(image, np.array([[20, 10, 60, 110]], np.float32))[0]
    return vector


class Person(NamedTuple):
    """`path`: where across the picture, in pixels, in every frame; NaN where out of sight. `pieces`: his tracks."""

    kit: Kit
    group: str
    path: npt.NDArray[np.float64]
    pieces: int = 1


class Game(NamedTuple):
    tracks: Tracks
    looks: Looks
    group: dict[int, str]
    """By track id: "A", "B", "goalkeeper", "referee" or whatever else."""


def wandering(seed: int, low: float = 250, high: float = 1030) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(seed)
    time = np.arange(FRAMES) / 40 * random.uniform(0.5, 1.5) + random.uniform(0, 6)
    return np.asarray((low + high) / 2 + (high - low) / 2 * np.sin(time))


def at_end(place: float, first: int, last: int) -> npt.NDArray[np.float64]:
    path = np.full(FRAMES, np.nan)
    path[first:last] = place
    return path


def players(kit: Kit, group: str, count: int = 7, pieces: int = 1) -> list[Person]:
    return [Person(kit, group, wandering(100 * len(group) + ord(group[0]) * 31 + i), pieces) for i in range(count)]


def keepers(first: Kit, second: Kit) -> list[Person]:
    return [
        Person(first, "goalkeeper", at_end(60, 0, 180)),
        Person(second, "goalkeeper", at_end(1220, 220, FRAMES)),
    ]


def referee(kit: Kit = STRIPED, seed: int = 5) -> Person:
    return Person(kit, "referee", wandering(seed, 40, 1240))


def play(people: list[Person], *, seed: int = 1, light: tuple[float, float] = (0.75, 1.0), per_track: int = 6) -> Game:
    """The light changes from one side of the field to the other. Track ids are in no order."""
    random = np.random.default_rng(seed)
    ids = random.permutation(np.arange(1, 200))
    rows: list[tuple[float, ...]] = []
    seen: list[tuple[int, int, float, npt.NDArray[np.float32]]] = []
    group: dict[int, str] = {}
    for number, person in enumerate(people):
        present = np.flatnonzero(~np.isnan(person.path))
        for piece in np.array_split(present, person.pieces):
            track = int(ids[len(group)])
            group[track] = person.group
            for frame in piece.tolist():
                left, top = person.path[frame] - 20, 100 + 20 * number
                rows.append((frame, track, left, top, left + 40, top + 100))
            for frame in piece[:: max(1, len(piece) // per_track)].tolist():
                bright = light[0] + (light[1] - light[0]) * person.path[frame] / 1280
                look = kit_look(person.kit, int(random.integers(10**6)), bright)
                seen.append((track, frame, float(random.uniform(0.6, 1)), look))
    table = np.array(rows)
    tracks = Tracks.from_arrays(table[:, 0], table[:, 1], table[:, 2:], np.full(len(table), 0.9), 0 * table[:, 0])
    identity, frame, quality, vector = (list(column) for column in zip(*seen, strict=True))
    looks = Looks.from_arrays(identity, frame, np.array(vector), quality, "test")
    return Game(tracks, looks, group)


def said(game: Game, teams: Teams) -> dict[int, str]:
    """What was said of every track, the teams by the letters of most of their members."""
    letters = {}
    for team in (0, 1):
        members = [game.group[track] for track, its in teams.team.items() if its == team and game.group[track] in "AB"]
        letters[team] = max(sorted(set(members)), key=members.count) if members else "?"
    return {
        track: letters[teams.team[track]] if teams.role.get(track) == "player" else teams.role.get(track, "nobody")
        for track in game.group
    }


def wrong(game: Game) -> dict[int, tuple[str, str]]:
    """Tracks of which something else is said than is true: (truth, said)."""
    found = said(game, find_teams(game.tracks, game.looks))
    return {track: (true, found[track]) for track, true in game.group.items() if found[track] != true}


@pytest.mark.parametrize(
    ("one", "other", "keeper", "second_keeper"),
    [
        (DARK, LIGHT, Kit(ORANGE, NAVY), Kit(TEAL, NAVY)),
        (Kit(RED, WHITE), Kit(GOLD, GOLD), Kit(TEAL, BLACK), Kit(PINK, BLACK)),
        (Kit(NAVY, NAVY), Kit(ROYAL, ROYAL), Kit(ORANGE, BLACK), Kit(GOLD, BLACK)),
        (Kit(SKY, SKY), Kit(WHITE, WHITE), Kit(ORANGE, BLACK), Kit(ORANGE, BLACK)),
        (Kit(RED, RED, WHITE), Kit(NAVY, NAVY, WHITE), Kit(GOLD, NAVY), Kit(TEAL, NAVY)),
    ],
)
def test_teams_goalkeepers_and_referee_are_told_apart(one: Kit, other: Kit, keeper: Kit, second_keeper: Kit) -> None:
    people = [*players(one, "A"), *players(other, "B"), *keepers(keeper, second_keeper), referee()]
    assert wrong(play(people)) == {}


def test_broken_tracks_and_unequal_teams_do_not_matter() -> None:
    people = [*players(DARK, "A", 9, 4), *players(LIGHT, "B", 4, 3), *keepers(Kit(ORANGE, NAVY), Kit(TEAL, NAVY))]
    assert wrong(play([*people, referee()])) == {}


def test_three_referees_at_once_are_referees_and_no_team() -> None:
    people = [*players(DARK, "A", 5), *players(LIGHT, "B", 5), *(referee(seed=seed) for seed in (5, 6, 7))]
    assert wrong(play(people)) == {}


def test_a_referee_in_a_plain_shirt_is_known_by_where_he_runs_and_a_goalkeeper_by_where_he_stays() -> None:
    yellow = Kit((225, 225, 60), BLACK)
    people = [*players(DARK, "A"), *players(LIGHT, "B"), *keepers(Kit(ORANGE, NAVY), Kit(TEAL, NAVY)), referee(yellow)]
    assert wrong(play(people)) == {}


def test_the_darker_team_is_team_0_whoever_is_seen_first() -> None:
    for first, second in ((DARK, LIGHT), (LIGHT, DARK)):
        game = play([*players(first, "A"), *players(second, "B")])
        teams = find_teams(game.tracks, game.looks)
        assert {team for track, team in teams.team.items() if game.group[track] == "A"} == {int(first is LIGHT)}
        assert set(teams.role.values()) == {"player"}


def test_a_referee_is_no_player_of_a_team_in_black_with_white_numbers() -> None:
    people = [*players(Kit(BLACK, BLACK, digits=WHITE), "A"), *players(Kit(RED, WHITE), "B"), referee()]
    assert wrong(play(people)) == {}


def test_where_one_team_plays_all_are_in_one_team() -> None:
    game = play([*players(Kit(RED, WHITE), "A", 8), referee()])
    teams = find_teams(game.tracks, game.looks)
    assert set(teams.team.values()) == {0}
    assert wrong(game) == {}


@pytest.mark.parametrize("helmets", [(NAVY, WHITE), (WHITE, NAVY)])
def test_a_goalkeeper_is_in_the_team_whose_helmet_he_wears(helmets: tuple[Colour, Colour]) -> None:
    first, second = (Kit(jersey, BLACK, helmet=helmet) for jersey, helmet in zip((ORANGE, TEAL), helmets, strict=True))
    game = play([*players(DARK, "A"), *players(LIGHT, "B"), *keepers(first, second), referee()])
    teams = find_teams(game.tracks, game.looks)
    assert wrong(game) == {}
    for track in [track for track, role in teams.role.items() if role == "goalkeeper"]:
        is_first = game.looks.frame[game.looks.of_track(track)].min() < 200
        assert teams.team[track] == int(helmets[0 if is_first else 1] == WHITE)


def test_a_bench_in_other_clothes_is_in_no_team_and_has_no_role() -> None:
    bench = [Person(Kit(TEAL, BLACK), "nobody", at_end(300 + 60 * i, 0, 60)) for i in range(5)]
    people = [*players(DARK, "A"), *players(LIGHT, "B"), referee(), *bench]
    assert wrong(play(people)) == {}


def test_a_track_that_is_half_of_one_team_and_half_of_the_other_is_left_out() -> None:
    game = play([*players(DARK, "A"), *players(LIGHT, "B")], per_track=8)
    dark, light = (min(track for track, group in game.group.items() if group == name) for name in "AB")
    exchanged = game.looks.vector.copy()
    first, second = game.looks.of_track(dark), game.looks.of_track(light)
    half = (first.stop - first.start) // 2
    here, there = slice(first.start, first.start + half), slice(second.start, second.start + half)
    exchanged[here], exchanged[there] = game.looks.vector[there], game.looks.vector[here]
    looks = Looks.from_arrays(game.looks.track_id, game.looks.frame, exchanged, np.ones(len(exchanged)), "test")
    teams = find_teams(game.tracks, looks)
    assert {dark, light}.isdisjoint(teams.team)
    assert {dark, light}.isdisjoint(teams.role)
    assert set(game.group) - {dark, light} == set(teams.team)


def test_who_wears_something_else_and_was_not_seen_well_is_nobody() -> None:
    people = [*players(DARK, "A"), *players(LIGHT, "B"), *keepers(Kit(ORANGE, BLACK), Kit(TEAL, BLACK))]
    game = play(people)
    others = [track for track, group in game.group.items() if group not in "AB"]
    quality = np.where(np.isin(game.looks.track_id, others), 0.1, game.looks.quality)
    looks = Looks.from_arrays(game.looks.track_id, game.looks.frame, game.looks.vector, quality, "test")
    teams = find_teams(game.tracks, looks)
    assert set(teams.role.values()) == {"player"}
    assert {game.group[track] for track in teams.team} == {"A", "B"}


def test_badly_seen_players_are_still_in_their_team() -> None:
    game = play([*players(DARK, "A"), *players(LIGHT, "B")])
    badly = min(game.group)
    quality = np.where(game.looks.track_id == badly, 0.05, game.looks.quality)
    looks = Looks.from_arrays(game.looks.track_id, game.looks.frame, game.looks.vector, quality, "test")
    assert wrong(Game(game.tracks, looks, game.group)) == {}


def test_tracks_that_were_not_looked_at_are_in_neither() -> None:
    game = play([*players(DARK, "A"), *players(LIGHT, "B")])
    unseen = min(game.group)
    keep = game.looks.track_id != unseen
    looks = Looks.from_arrays(
        game.looks.track_id[keep], game.looks.frame[keep], game.looks.vector[keep], game.looks.quality[keep], "test"
    )
    teams = find_teams(game.tracks, looks)
    assert unseen not in teams.team
    assert unseen not in teams.role
    assert set(teams.team) == set(game.group) - {unseen}


def test_nothing_and_next_to_nothing_give_no_teams() -> None:
    nobody = Looks.from_arrays([], [], np.empty((0, 441)), [], "test")
    assert find_teams(Tracks.empty(), nobody).team == {}
    game = play([*players(DARK, "A", 3), *players(LIGHT, "B", 3)])
    assert find_teams(game.tracks, nobody).team == {}
    assert find_teams(Tracks.empty(10), game.looks).team == {}
    alone = play(players(DARK, "A", 1))
    assert find_teams(alone.tracks, alone.looks).team == {}


GAME = play([*players(DARK, "A"), *players(LIGHT, "B"), *keepers(Kit(ORANGE, NAVY), Kit(TEAL, NAVY)), referee()])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_other_track_ids_change_nothing_and_two_runs_are_equal(seed: int) -> None:
    renamed = np.random.default_rng(seed).permutation(np.arange(1, 400))[:200]
    tracks, looks = GAME.tracks, GAME.looks
    other = Tracks.from_arrays(tracks.frame, renamed[tracks.track_id], tracks.xyxy, tracks.score, tracks.class_id)
    same = Looks.from_arrays(renamed[looks.track_id], looks.frame, looks.vector, looks.quality, "test")
    before, after = find_teams(tracks, looks), find_teams(other, same)
    assert after.team == {int(renamed[track]): team for track, team in before.team.items()}
    assert after.role == {int(renamed[track]): role for track, role in before.role.items()}
    again = find_teams(other, same)
    assert (again.team, again.role) == (after.team, after.role)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), people=st.integers(0, 12), kinds=st.integers(1, 5), size=st.sampled_from([0.0, 0.3]))
def test_whatever_is_seen_the_answer_is_one(seed: int, people: int, kinds: int, size: float) -> None:
    """Any vectors, any tracks, looks at tracks that are not there: no failure, and what is said is consistent."""
    random = np.random.default_rng(seed)
    kits = np.abs(random.normal(size=(kinds, 441)))
    rows, looks = [], []
    for track in range(1, people + 1):
        first, length = random.integers(0, 50), random.integers(1, 80)
        kit = kits[random.integers(kinds)]
        for frame in range(first, first + length):
            left = random.uniform(0, 1200)
            rows.append((frame, track, left, 10, left + 40, 110))
        for frame in range(int(random.integers(0, 6))):
            looks.append((track + int(random.integers(0, 2)) * 50, frame, kit + size * np.abs(random.normal(size=441))))
    table = np.array(rows, np.float64).reshape(-1, 6)
    tracks = Tracks.from_arrays(table[:, 0], table[:, 1], table[:, 2:], np.ones(len(table)), 0 * table[:, 0])
    unique = {(track, frame): vector for track, frame, vector in looks}
    keys = np.array([*unique]).reshape(-1, 2)
    vectors = np.array([*unique.values()]).reshape(-1, 441)
    seen = Looks.from_arrays(keys[:, 0], keys[:, 1], vectors, random.random(len(keys)), "test")
    teams = find_teams(tracks, seen)
    assert set(teams.team.values()) <= {0, 1}
    assert {track for track, role in teams.role.items() if role == "player"} <= set(teams.team)
    assert "referee" not in {teams.role[track] for track in teams.team}
    assert set(teams.role.values()) <= {"player", "goalkeeper", "referee"}
    assert set(teams.role) <= set(seen.track_id.tolist())
    if 1 in teams.team.values():
        assert 0 in teams.team.values()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40), kits=st.integers(1, 2))
def test_how_a_track_goes_with_the_kits_is_counted_look_by_look(seed: int, count: int, kits: int) -> None:
    random = np.random.default_rng(seed)
    frames, ids = np.arange(count), random.integers(1, 8, count)
    looks = Looks.from_arrays(ids, frames, random.random((count, 6)), random.random(count), "test")
    those = np.unique(looks.track_id)[::2]
    kit = looks.vector[random.integers(0, count, kits)]
    worn = wearing(kit, looks, those)
    for row, track in enumerate(those.tolist()):
        mine = looks.of_track(track)
        likeness = looks.vector[mine] @ kit.T
        quality = np.maximum(looks.quality[mine], 1e-3).astype(np.float64)
        distance = 1 - likeness.max(axis=1)
        nearer = quality[distance < worn.distance[row] - 1e-5].sum()
        up_to = quality[distance <= worn.distance[row] + 1e-5].sum()
        assert nearer <= quality.sum() / 2 + 1e-6
        assert up_to >= quality.sum() / 2 - 1e-6
        for number in range(kits):
            own = quality[likeness.argmax(axis=1) == number].sum() / quality.sum()
            assert worn.share[row, number] == pytest.approx(own, abs=1e-5)


def test_in_a_rendered_game_everybody_is_in_his_team(tmp_path: Path) -> None:
    make_clip(Settings(seconds=2, width=640, height=360, fps=8, seed=2), tmp_path / "clip")
    truth = {p["track_id"]: p for p in json.loads((tmp_path / "clip" / "truth.json").read_text())["people"]}
    tracks = read_tracks(tmp_path / "clip" / "gt" / "gt.txt")
    (tmp_path / "work").mkdir()
    checkpoint = Checkpoint(tmp_path / "work", {"command": "test"})
    appearance, _ = look_at_film(tmp_path / "clip" / "clip.mp4", tracks, None, checkpoint, Watcher())
    group = {track: "AB"[p["team"]] if p["team"] is not None else "referee" for track, p in truth.items()}
    group |= {track: "goalkeeper" for track, p in truth.items() if p["role"] == "goalkeeper"}
    known = {track: group[track] for track in np.unique(tracks.track_id).tolist()}
    game = Game(tracks, appearance.jersey, known)
    found = said(game, find_teams(tracks, appearance.jersey))
    right = np.array([found[track] == known[track] for track in tracks.track_id.tolist()])
    is_player = np.array([known[track] in "AB" for track in tracks.track_id.tolist()])
    assert right[is_player].mean() > 0.95
    assert {known[track] for track in known if found[track] in ("A", "B")} == {"A", "B"}
