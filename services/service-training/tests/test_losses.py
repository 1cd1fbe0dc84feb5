"""What is learned from which pairs of a batch."""

from __future__ import annotations

from typing import NamedTuple, Self

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from training.losses import (
    LOSSES,
    IdentityLoss,
    LossName,
    MetricLoss,
    all_pairs,
    batch_hard,
    certain_masks,
    informative_pairs,
)

EPSILON = 0.1
"""Of the mining of Wang et al. 2019."""


class Batch(NamedTuple):
    """vectors float32 (b, d); identity int64 (b,); different bool (i, i)."""

    vectors: Tensor
    identity: Tensor
    different: Tensor

    @classmethod
    def random(cls, seed: int, rows: int, people: int, certain: float = 1.0, size: int = 4) -> Self:
        random = torch.Generator().manual_seed(seed)
        upper = torch.rand(people, people, generator=random).triu(1) > 1 - certain
        return cls(
            torch.randn(rows, size, generator=random),
            torch.randint(0, people, (rows,), generator=random),
            upper | upper.T,
        )

    def likeness(self) -> Tensor:
        unit = functional.normalize(self.vectors, dim=1)
        return unit @ unit.T

    def pairs(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """All ordered pairs of one person's rows; of rows that are two people's for certain."""
        rows = [(one, two) for one in range(len(self.vectors)) for two in range(len(self.vectors)) if one != two]
        return (
            [pair for pair in rows if self.identity[pair[0]] == self.identity[pair[1]]],
            [pair for pair in rows if self.different[self.identity[pair[0]], self.identity[pair[1]]]],
        )


batches = st.builds(Batch.random, st.integers(0, 2**32), st.integers(2, 10), st.integers(1, 5), st.floats(0, 1))


@given(batches)
def test_pairs_are_one_person_or_two_for_certain_or_neither(batch: Batch) -> None:
    same, other = certain_masks(batch.identity, batch.different)
    assert (list(map(tuple, same.nonzero().tolist())), list(map(tuple, other.nonzero().tolist()))) == batch.pairs()
    every = all_pairs(batch.likeness(), same, other)
    found = (torch.stack(every[:2], dim=1).tolist(), torch.stack(every[2:], dim=1).tolist())
    assert tuple(list(map(tuple, pairs)) for pairs in found) == batch.pairs()


@given(batches)
def test_the_hardest_are_the_least_alike_of_one_person_and_the_most_alike_of_two(batch: Batch) -> None:
    likeness, (same, other) = batch.likeness(), batch.pairs()
    expected = []
    for anchor in range(len(batch.vectors)):
        mine = [two for one, two in same if one == anchor]
        others = [two for one, two in other if one == anchor]
        if mine and others:
            hardest = (min(mine, key=lambda row: likeness[anchor, row]), max(others, key=lambda r: likeness[anchor, r]))
            expected.append((anchor, *hardest))
    triplets = batch_hard(likeness, *certain_masks(batch.identity, batch.different))
    assert list(zip(*(part.tolist() for part in triplets), strict=True)) == expected


@given(batches)
def test_informative_pairs_are_those_of_the_paper(batch: Batch) -> None:
    likeness, (same, other) = batch.likeness(), batch.pairs()

    def of(pairs: list[tuple[int, int]], anchor: int) -> list[float]:
        return [float(likeness[pair]) for pair in pairs if pair[0] == anchor]

    # Equations 10 and 11: a negative above the hardest positive less ε, a positive below the hardest negative plus ε.
    positives = [p for p in same if float(likeness[p]) - EPSILON < max(of(other, p[0]), default=-torch.inf)]
    negatives = [p for p in other if float(likeness[p]) + EPSILON > min(of(same, p[0]), default=torch.inf)]
    found = informative_pairs(likeness, *certain_masks(batch.identity, batch.different))
    assert list(zip(found.anchor.tolist(), found.positive.tolist(), strict=True)) == positives
    assert list(zip(found.negative_anchor.tolist(), found.negative.tolist(), strict=True)) == negatives


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_who_may_be_anybody_changes_nothing_and_is_moved_nowhere(name: LossName, seed: int) -> None:
    # The last two have one crop each and may be any of the others.
    batch = Batch.random(seed, 12, 4)
    different = torch.zeros(6, 6, dtype=torch.bool)
    different[:4, :4] = batch.different
    identity = torch.cat([batch.identity, torch.tensor([4, 5])])
    results = []
    for other_seed in (1, 2):
        others = torch.randn(2, 4, generator=torch.Generator().manual_seed(other_seed))
        vectors = torch.cat([batch.vectors, others]).requires_grad_()
        loss = MetricLoss(name)(vectors, identity, different)
        loss.backward()
        assert vectors.grad is not None
        assert not vectors.grad[12:].any()
        results.append((loss.detach(), vectors.grad[:12]))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("name", LOSSES)
def test_two_who_may_be_one_do_not_push_each_other_away(name: LossName) -> None:
    # 0 and 1 may be one person, and both differ from 2, who is at the pole.
    different = torch.tensor([[False, False, True], [False, False, True], [True, True, False]])
    identity = torch.tensor([0, 0, 1, 1, 2, 2])
    from_pole = torch.tensor([0.1, 1.0, 0.2, 0.8, 0.0, 0.0])

    def loss(turned: float) -> Tensor:
        # Likenesses of 0 and 1 to each other change with the turn of 1 about the pole, and no others.
        around = turned * (identity == 1)
        sides = from_pole.sin() * torch.stack([around.cos(), around.sin()])
        value: Tensor = MetricLoss(name)(torch.vstack([from_pole.cos(), sides]).T, identity, different)
        return value

    assert loss(0.0) > 0
    assert torch.allclose(loss(0.0), loss(2.0), atol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("identity", "certain"),
    [([0, 1, 2, 3], 1.0), ([0, 0, 0, 0], 1.0), ([0, 0, 1, 1], 0.0)],
    ids=["no positives", "no negatives", "nothing certain"],
)
def test_where_there_is_nothing_to_learn_the_loss_is_zero_and_nothing_moves(
    name: LossName, identity: list[int], certain: float
) -> None:
    batch = Batch.random(0, 4, 4, certain)
    vectors = batch.vectors.requires_grad_()
    loss = MetricLoss(name)(vectors, torch.tensor(identity), batch.different)
    loss.backward()
    assert loss == 0
    assert vectors.grad is not None
    assert not vectors.grad.any()


@pytest.mark.parametrize("name", ["triplet", "multi-similarity"])
def test_who_is_told_apart_by_the_margin_moves_nowhere(name: LossName) -> None:
    vectors = torch.eye(4)[[0, 0, 1, 1]].requires_grad_()
    loss = MetricLoss(name)(vectors, torch.tensor([0, 0, 1, 1]), ~torch.eye(2, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert vectors.grad is not None
    assert not vectors.grad.any()


@pytest.mark.parametrize("name", LOSSES)
def test_the_length_of_vectors_does_not_count(name: LossName) -> None:
    batch = Batch.random(5, 16, 4)
    loss = MetricLoss(name)
    lengths = torch.linspace(0.1, 10, 16)[:, None]
    one, two = (loss(vectors, batch.identity, batch.different) for vectors in (batch.vectors, batch.vectors * lengths))
    assert torch.allclose(one, two, rtol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_thirty_steps_bring_a_person_together_and_others_apart(name: LossName) -> None:
    batch = Batch.random(1, 24, 6, size=8)
    vectors, loss = batch.vectors.clone().requires_grad_(), MetricLoss(name)
    optimizer = torch.optim.Adam([vectors], lr=0.05)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        value = loss(vectors, batch.identity, batch.different)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]
    same, other = certain_masks(batch.identity, batch.different)
    likeness = Batch(vectors.detach(), batch.identity, batch.different).likeness()
    assert likeness[same].mean() > batch.likeness()[same].mean() + 0.3
    assert likeness[other].mean() < batch.likeness()[other].mean()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_floats_are_reckoned_with_in_whole_ones(name: LossName, dtype: torch.dtype) -> None:
    batch = Batch.random(2, 16, 4)
    halves = batch.vectors.to(dtype).requires_grad_()
    loss = MetricLoss(name)(halves, batch.identity, batch.different)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss == MetricLoss(name)(halves.detach().float(), batch.identity, batch.different)
    assert halves.grad is not None
    assert halves.grad.dtype == dtype
    assert torch.isfinite(halves.grad).all()


def test_whose_a_crop_is_is_a_smoothed_cross_entropy_where_all_are_different() -> None:
    batch, loss = Batch.random(3, 12, 5), IdentityLoss(5, 4)
    expected = functional.cross_entropy(batch.vectors @ loss.weight.T, batch.identity, label_smoothing=0.1)
    assert torch.allclose(loss(batch.vectors, batch.identity, batch.different), expected)


@settings(max_examples=25, deadline=None)
@given(batches, st.sampled_from([torch.float32, torch.bfloat16]))
def test_whom_a_crop_may_show_as_well_is_no_wrong_answer(batch: Batch, dtype: torch.dtype) -> None:
    people = len(batch.different)
    for row in range(len(batch.vectors)):
        vector, whose = batch.vectors[row : row + 1].to(dtype).requires_grad_(), batch.identity[row : row + 1]
        loss = IdentityLoss(people, 4)
        value = loss(vector, whose, batch.different)
        value.backward()
        assert value.dtype == torch.float32
        assert loss.weight.grad is not None
        assert vector.grad is not None
        assert torch.isfinite(vector.grad).all()
        moved = loss.weight.grad.any(dim=1)
        other = batch.different[whose[0]]
        assert torch.equal(moved, other | ((torch.arange(people) == whose) & other.any()))


def test_what_is_learned_of_identities_tells_them_apart() -> None:
    batch, loss = Batch.random(1, 24, 6, size=8), IdentityLoss(6, 8)
    vectors = batch.vectors.clone().requires_grad_()
    optimizer = torch.optim.Adam([vectors, loss.weight], lr=0.1)
    for _ in range(30):
        optimizer.zero_grad()
        loss(vectors, batch.identity, batch.different).backward()
        optimizer.step()
    assert torch.equal((vectors @ loss.weight.T).argmax(dim=1), batch.identity)
