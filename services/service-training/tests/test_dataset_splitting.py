"""Nobody on both sides, or nothing of one moment on both sides; teammates among those who are held back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.splitting import (
    TRAIN,
    UNUSED,
    VALIDATION,
    split_by_game,
    split_by_identity,
    split_by_time,
)


@settings(max_examples=200, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2)), min_size=4, max_size=80),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 1000),
)
def test_about_the_share_is_held_back_and_two_are_left_on_either_side(
    places: list[tuple[int, int]], share: float, seed: int
) -> None:
    game, team = np.array(places, np.int32).T
    is_validation = split_by_identity(game, team, share=share, seed=seed)
    assert is_validation is not None
    assert is_validation.shape == game.shape
    held_back = int(is_validation.sum())
    assert held_back == min(max(round(share * len(places)), 2), len(places) - 2)
    again = split_by_identity(game, team, share=share, seed=seed)
    assert again is not None
    assert np.array_equal(again, is_validation)


@pytest.mark.parametrize("sizes", [(10, 10), (20, 7), (5, 5), (12, 12, 3), (30, 30, 30)])
def test_whoever_is_held_back_has_a_teammate(sizes: tuple[int, ...]) -> None:
    team = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    for seed in range(10):
        is_validation = split_by_identity(np.zeros(len(team), np.int32), team, share=0.2, seed=seed)
        assert is_validation is not None
        assert 1 not in np.bincount(team[is_validation])


def test_teams_of_one_size_are_held_back_alike_and_every_game_has_its_part() -> None:
    game = np.repeat(np.array([0, 1], np.int32), 20)
    team = np.tile(np.repeat(np.array([0, 1], np.int32), 10), 2)
    is_validation = split_by_identity(game, team, share=0.2, seed=3)
    assert is_validation is not None
    assert np.bincount(2 * game[is_validation] + team[is_validation]).tolist() == [2, 2, 2, 2]


def test_another_seed_holds_others_back() -> None:
    game = np.zeros(40, np.int32)
    drawn = {str(split_by_identity(game, game, share=0.2, seed=seed)) for seed in range(5)}
    assert len(drawn) == 5


def test_fewer_than_four_cannot_be_split_by_identity() -> None:
    three = np.zeros(3, np.int32)
    assert split_by_identity(three, three, share=0.2, seed=0) is None


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 120),
    share=st.floats(0.01, 0.99),
    gap=st.sampled_from([0.0, 0.5, 2.0, 20.0]),
)
def test_in_a_split_by_time_no_two_crops_of_one_identity_on_two_sides_are_closer_than_the_gap(
    seed: int, count: int, share: float, gap: float
) -> None:
    random = np.random.default_rng(seed)
    identity = random.integers(0, 5, count).astype(np.int32)
    time = random.uniform(0, 60, count)
    side = split_by_time(identity, time, share=share, gap_seconds=gap)
    assert side.shape == identity.shape
    for each in np.unique(identity):
        own, when = side[identity == each], time[identity == each]
        train, validation = when[own == TRAIN], when[own == VALIDATION]
        if len(validation):
            assert min(len(train), len(validation)) >= 2
            assert validation.min() - train.max() >= gap
            assert len(validation) <= max(2, round(share * len(own)))
            unused = when[own == UNUSED]
            assert ((unused > train.max()) & (unused < validation.min())).all()
        else:
            assert (own == TRAIN).all()


def test_the_last_part_of_each_identity_s_time_is_held_back() -> None:
    identity = np.repeat(np.array([3, 5], np.int32), 50)
    time = np.concatenate([np.arange(50) * 0.5, 100 + np.arange(50) * 0.2])
    side = split_by_time(identity, time, share=0.2, gap_seconds=2.0)
    assert (side[:50] == np.repeat([TRAIN, UNUSED, VALIDATION], [37, 3, 10])).all()
    assert (side[50:] == np.repeat([TRAIN, UNUSED, VALIDATION], [31, 9, 10])).all()


def test_somebody_seen_too_briefly_is_learned_from_altogether() -> None:
    side = split_by_time(np.zeros(8, np.int32), np.linspace(0, 1.4, 8), share=0.2, gap_seconds=2.0)
    assert (side == TRAIN).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_by_game_the_last_games_are_held_back_whole(games: list[int], share: float) -> None:
    game = np.array(games, np.int32)
    held_back = split_by_game(game, share=share)
    count = len(np.unique(game))
    if count == 1:
        assert held_back is None
        return
    assert held_back is not None
    back, learned = np.unique(game[held_back]), np.unique(game[~held_back])
    assert len(learned) and len(back) == min(max(round(share * count), 1), count - 1)
    assert learned.max() < back.min()
