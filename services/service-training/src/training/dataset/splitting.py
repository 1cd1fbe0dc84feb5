"""What is learned from and what is held back: by identity, so that nobody stands on both sides, by game, or by time.

By identity is the honest way: a model is for people whom it has never seen. By game is that, too, and nobody of the
games held back has been seen at all. Of few people too few would be left to
learn from; then each is learned from in the first part of the time in which they were seen, and held back in the last.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

TRAIN, VALIDATION, UNUSED = 0, 1, -1
"""Sides."""

FEWEST_IDENTITIES = 10
"""From so many on a split by identity is worth its while."""
FEWEST_ON_A_SIDE = 2
"""Identities, or crops of one: fewer cannot be compared."""


def split_by_identity(game: Int32s, team: Int32s, *, share: float, seed: int) -> Bools | None:
    """Which identities are for validation, bool (i,), drawn by `seed`; None where they are too few for two sides.

    game: int32 (i,), where each was seen. team: int32 (i,), a number in its game; -1 where unknown. Validation gets
    about `share` of them, two at least, spread over games and teams and two or more of each where that can be: telling
    teammates apart is what is hard.
    """
    if len(game) < 2 * FEWEST_ON_A_SIDE:
        return None
    wanted = min(max(round(share * len(game)), FEWEST_ON_A_SIDE), len(game) - FEWEST_ON_A_SIDE)
    random = np.random.default_rng(seed)
    is_validation = np.zeros(len(game), np.bool_)
    games = [np.flatnonzero(game == each) for each in np.unique(game)]
    for own, own_wanted in zip(games, _parts(wanted, games), strict=True):
        teams = [own[team[own] == each] for each in np.unique(team[own])]
        for mates, drawn in zip(teams, _parts(own_wanted, teams), strict=True):
            is_validation[random.permutation(mates)[:drawn]] = True
    return is_validation


def split_by_game(game: Int32s, *, share: float) -> Bools | None:
    """Which identities are for validation, bool (i,): all of the last games; None where there is one game only.

    game: int32 (i,), where each was seen. About `share` of the games are held back, one at least. It is the hardest
    question of all: other people, in other kits, under another sky.
    """
    games = np.unique(game)
    if len(games) < 2:
        return None
    held_back = min(max(round(share * len(games)), 1), len(games) - 1)
    return np.isin(game, games[-held_back:])


def split_by_time(identity: Int32s, time: Floats, *, share: float, gap_seconds: float) -> Int8s:
    """The side of each of n crops, int8 (n,).

    identity: int32 (n,). time: float64 (n,), seconds. Of each identity the last `share` of its crops are for
    validation, and those that are `gap_seconds` older to learn from; what lies between is unused. Who was seen too
    briefly for two crops on either side is learned from altogether.
    """
    side = np.full(len(identity), TRAIN, np.int8)
    order = np.lexsort((time, identity))
    for own in np.split(order, np.flatnonzero(np.diff(identity[order])) + 1):
        held_back = min(max(round(share * len(own)), FEWEST_ON_A_SIDE), len(own) - 1)
        if held_back < FEWEST_ON_A_SIDE:
            continue
        first, last = own[:-held_back], own[-held_back:]
        is_older = time[last[0]] - time[first] >= gap_seconds
        if is_older.sum() >= FEWEST_ON_A_SIDE:
            side[last] = VALIDATION
            side[first[~is_older]] = UNUSED
    return side


def _parts(total: int, groups: list[Int64s]) -> list[int]:
    """How many of `total` each group gives, by their sizes: in pairs as far as they go round, the rest one by one."""
    sizes = np.array([len(group) for group in groups])
    exact = total // 2 * sizes / sizes.sum()
    pairs = np.minimum(exact.astype(np.int64), sizes // 2)
    while pairs.sum() < total // 2 and (pairs < sizes // 2).any():
        pairs[np.argmax(np.where(pairs < sizes // 2, exact - pairs, -np.inf))] += 1
    given = 2 * pairs
    while given.sum() < total:
        given[np.argmax(np.where(given < sizes, sizes - given + sizes.sum() * (given > 0), -1))] += 1
    return [int(count) for count in given]
