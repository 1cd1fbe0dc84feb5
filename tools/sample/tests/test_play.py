import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sample.field import GOAL_X, HALF_LENGTH, HALF_WIDTH
from sample.people import Role, make_people
from sample.play import MAX_ACCELERATION, MAX_SPEED, STEP, Phase, Play, simulate
from sample.settings import Settings


@pytest.fixture(scope="module")
def play() -> Play:
    chosen = Settings(seconds=40, seed=6)
    return simulate(chosen, make_people(chosen))


@given(seed=st.integers(0, 10_000), players=st.integers(2, 14))
@settings(max_examples=12, deadline=None)
def test_nobody_runs_faster_than_people_can(seed: int, players: int) -> None:
    chosen = Settings(seconds=6, seed=seed, players=players)
    play = simulate(chosen, make_people(chosen))
    moved = np.linalg.norm(np.diff(play.position, axis=0), axis=-1) / STEP
    assert moved.max() <= MAX_SPEED + 1e-6
    change = np.linalg.norm(np.diff(play.velocity, axis=0), axis=-1) / STEP
    assert change.max() <= MAX_ACCELERATION + 1e-6
    assert np.isfinite(play.ball).all()


def test_the_play_goes_to_both_ends(play: Play) -> None:
    assert play.ball[:, 0].max() > GOAL_X - 12
    assert play.ball[:, 0].min() < -GOAL_X + 12
    assert set(play.phase) >= {Phase.FACE_OFF, Phase.GROUND_BALL, Phase.TRANSITION, Phase.OFFENCE}


def test_the_ball_is_passed_shot_and_stays_on_the_field(play: Play) -> None:
    changes = np.flatnonzero(np.diff(play.holder))
    assert len(set(play.holder) - {-1}) >= 5
    assert len(changes) >= 10
    speed = np.linalg.norm(np.diff(play.ball, axis=0), axis=-1) / STEP
    free = (play.holder[1:] < 0) & (play.holder[:-1] < 0)
    assert speed[free].max() > 20
    assert np.abs(play.ball[:, 0]).max() <= HALF_LENGTH
    assert np.abs(play.ball[:, 1]).max() <= HALF_WIDTH + 1


def test_bodies_come_close_but_do_not_run_through_each_other(play: Play) -> None:
    gap = np.linalg.norm(play.position[:, :, None] - play.position[:, None], axis=-1)
    gap += np.eye(gap.shape[1]) * 99
    nearest = gap.min((1, 2))
    assert np.median(nearest) < 1.2
    assert np.quantile(nearest, 0.02) > 0.25


def test_players_run_off_to_the_bench_and_others_come_on(play: Play) -> None:
    people = make_people(Settings(seconds=40, seed=6))
    started_on_bench = [i for i, person in enumerate(people) if person.substitute]
    started_playing = [i for i, person in enumerate(people) if person.role is Role.MIDFIELD and not person.substitute]
    y = play.position[..., 1]
    assert (y[:, started_on_bench].max(0) > -HALF_WIDTH + 5).any()
    assert (y[:, started_playing].min(0) < -HALF_WIDTH).any()


def test_the_goalkeepers_stay_at_their_goals(play: Play) -> None:
    people = make_people(Settings(seconds=40, seed=6))
    for i, person in enumerate(people):
        if person.role is Role.KEEPER:
            goal = np.array([-GOAL_X if person.team == 0 else GOAL_X, 0.0])
            assert np.linalg.norm(play.position[:, i] - goal, axis=-1).max() < 7


def test_the_same_seed_plays_the_same_game() -> None:
    chosen = Settings(seconds=3, seed=11)
    first, second = (simulate(chosen, make_people(chosen)) for _ in range(2))
    assert (first.position == second.position).all()
    assert (first.ball == second.ball).all()
