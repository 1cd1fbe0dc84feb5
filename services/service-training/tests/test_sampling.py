"""What comes together in a batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training.loading.sampling import BatchShape, PkSampler

Bools = npt.NDArray[np.bool_]


def everybody_differs(people: int) -> Bools:
    return ~np.eye(people, dtype=np.bool_)


def crops_of(*counts: int) -> npt.NDArray[np.int32]:
    """Of each identity so many crops, one identity after the other."""
    return np.repeat(np.arange(len(counts)), counts).astype(np.int32)


@st.composite
def crowds(draw: st.DrawFn) -> tuple[npt.NDArray[np.int32], Bools]:
    """Whose each crop is, in any order, and who differs from whom for certain; something can be learned from it."""
    counts = draw(st.lists(st.integers(0, 9), min_size=2, max_size=12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    upper = np.triu(random.random((len(counts), len(counts))) < draw(st.sampled_from([0.2, 0.6, 1.0])), 1)
    different = upper | upper.T
    assume(((np.array(counts) > 1) & different.any(axis=1)).any())
    return random.permutation(crops_of(*counts)), different


shapes = st.builds(BatchShape, st.integers(2, 8), st.integers(2, 5), st.integers(1, 4))


@given(crowds(), shapes, st.integers(0, 5))
def test_a_batch_has_p_identities_with_k_crops_each_side_by_side(
    crowd: tuple[npt.NDArray[np.int32], Bools], shape: BatchShape, epoch: int
) -> None:
    identity, different = crowd
    together = min(shape.identities, len(np.unique(identity)))
    for rows in PkSampler(identity, different, shape, seed=1).epoch(epoch):
        assert rows.dtype == np.int64
        of_each = identity[rows].reshape(-1, shape.crops)
        assert (of_each == of_each[:, :1]).all()
        assert len(of_each) == together == len(np.unique(of_each))


@given(crowds(), shapes)
def test_crops_of_an_identity_repeat_only_where_there_are_too_few_and_then_evenly(
    crowd: tuple[npt.NDArray[np.int32], Bools], shape: BatchShape
) -> None:
    identity, different = crowd
    for rows in PkSampler(identity, different, shape, seed=2).epoch(0):
        for mine in rows.reshape(-1, shape.crops):
            there = np.flatnonzero(identity == identity[mine[0]])
            times = np.bincount(mine, minlength=len(identity))[there]
            assert times.max() - times.min() <= 1
            assert times.max() == -(-shape.crops // len(there))


@given(crowds(), shapes)
def test_an_epoch_draws_as_many_crops_as_there_are(
    crowd: tuple[npt.NDArray[np.int32], Bools], shape: BatchShape
) -> None:
    identity, different = crowd
    for shares in (1, 3):
        sampler = PkSampler(identity, different, shape, seed=3, shares=shares)
        batches = sampler.epoch(0)
        assert len(batches) == sampler.batches
        drawn = shares * sum(map(len, batches))
        assert drawn >= len(identity)
        assert sampler.batches == 1 or drawn - shares * len(batches[0]) < len(identity)


@given(crowds(), st.integers(2, 6))
def test_everybody_comes_first_in_turn_before_anybody_does_again(
    crowd: tuple[npt.NDArray[np.int32], Bools], crops: int
) -> None:
    identity, different = crowd
    sampler = PkSampler(identity, different, BatchShape(2, crops, groups=1), seed=4)
    firsts = np.array([identity[rows[0]] for rows in sampler.epoch(0)])
    counts = np.bincount(identity, minlength=len(different))
    anchors = np.flatnonzero((counts > 1) & different.any(axis=1))
    for at in range(0, len(firsts), len(anchors)):
        turn = firsts[at : at + len(anchors)]
        assert len(np.unique(turn)) == len(turn)
        assert np.isin(turn, anchors).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_a_group_holds_only_those_who_differ_from_its_first_for_certain(seed: int, groups: int) -> None:
    # Two games: who is in the same one differs for certain, who is in the other may be the same person.
    game = np.repeat([0, 1], 12)
    different = (game[:, None] == game) & everybody_differs(24)
    shape = BatchShape(6, 2, groups)
    for rows in PkSampler(crops_of(*[3] * 24), different, shape, seed=seed).epoch(0):
        of_each = rows.reshape(6, 2)[:, 0] // 3
        for group in np.split(of_each, groups):
            assert different[group[0], group[1:]].all()


def test_a_group_around_somebody_who_is_there_already_still_holds_only_others_for_certain() -> None:
    # Nobody but the first has two crops, so that both groups are around it; 8 to 11 may be the same person.
    different = everybody_differs(12)
    different[0, 8:] = different[8:, 0] = False
    counts = [2, *[1] * 11]
    for seed in range(20):
        for rows in PkSampler(crops_of(*counts), different, BatchShape(8, 2, 2), seed=seed).epoch(0):
            assert set(crops_of(*counts)[rows]) == set(range(8))


def test_where_too_few_differ_for_certain_others_fill_the_batch() -> None:
    different = np.zeros((6, 6), np.bool_)
    different[0, 1] = different[1, 0] = True
    identity = crops_of(*[4] * 6)
    for rows in PkSampler(identity, different, BatchShape(5, 2, 1), seed=0).epoch(0):
        people = identity[rows].reshape(5, 2)[:, 0]
        assert set(people[:2]) == {0, 1}
        assert len(set(people)) == 5


def test_no_group_is_so_small_that_nobody_else_is_in_it() -> None:
    identity, different = crops_of(*[4] * 9), everybody_differs(9)
    alone, asked = (PkSampler(identity, different, BatchShape(3, 2, groups), seed=7).epoch(0) for groups in (1, 4))
    assert all(map(np.array_equal, alone, asked))


@given(crowds(), shapes, st.integers(0, 2**32), st.integers(0, 99))
def test_the_same_seed_epoch_and_share_give_the_same_batches(
    crowd: tuple[npt.NDArray[np.int32], Bools], shape: BatchShape, seed: int, epoch: int
) -> None:
    identity, different = crowd
    one, two = (PkSampler(identity, different, shape, seed=seed, share=1, shares=2) for _ in range(2))
    two.epoch(epoch + 1)  # what was drawn before makes no difference
    assert all(map(np.array_equal, one.epoch(epoch), two.epoch(epoch)))


def test_another_seed_epoch_or_share_gives_other_batches() -> None:
    identity, different = crops_of(*[10] * 30), everybody_differs(30)

    def drawn(seed: int, epoch: int, share: int) -> bytes:
        sampler = PkSampler(identity, different, BatchShape(8, 4), seed=seed, share=share, shares=2)
        return np.concatenate(sampler.epoch(epoch)).tobytes()

    assert len({drawn(seed, epoch, share) for seed in (0, 1) for epoch in (0, 1) for share in (0, 1)}) == 8


@pytest.mark.parametrize(
    ("identity", "different"),
    [
        (crops_of(1, 1, 1), everybody_differs(3)),
        (crops_of(5, 5), np.zeros((2, 2), np.bool_)),
        (crops_of(5, 0, 1, 1), np.eye(4, dtype=np.bool_)[[0, 1, 3, 2]] & ~np.eye(4, dtype=np.bool_)),
    ],
    ids=["one crop each", "nobody differs", "only those with one crop differ"],
)
def test_it_is_refused_to_draw_from_what_nothing_can_be_learned_from(
    identity: npt.NDArray[np.int32], different: Bools
) -> None:
    with pytest.raises(ValueError, match="no identity has two crops and somebody who is certainly another"):
        PkSampler(identity, different, BatchShape(), seed=0)


def test_whom_no_crop_shows_never_comes() -> None:
    identity = crops_of(3, 0, 3, 0, 3)
    for rows in PkSampler(identity, everybody_differs(5), BatchShape(5, 2, 1), seed=0).epoch(0):
        assert set(identity[rows]) == {0, 2, 4}


def test_the_usual_batch_has_sixteen_identities_and_four_crops_of_each() -> None:
    assert BatchShape().size == 64
