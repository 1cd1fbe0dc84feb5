"""Crops on their way to the network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.dataset.crop_set import CropSet
from training.loading.crops import IMAGENET_MEAN, IMAGENET_STD, Pictures, RowBatches, TrainingBatches, normalise
from training.loading.sampling import BatchShape, PkSampler

CPU = torch.device("cpu")


def crop_set(count: int) -> CropSet:
    """Random crops of two people."""
    return CropSet(
        pictures=np.random.default_rng(count).integers(0, 256, (count, 6, 4, 3)).astype(np.uint8),
        identity=(np.arange(count) >= count // 2).astype(np.int32),
        time=np.zeros(count),
        names=tuple(f"{number}.png" for number in range(count)),
        identities=("a", "b"),
        game=np.zeros(2, np.int32),
        different=~np.eye(2, dtype=np.bool_),
    )


def five_an_epoch(position: Callable[[], int]) -> TrainingBatches:
    identity = np.repeat(np.arange(5), 8).astype(np.int32)
    sampler = PkSampler(identity, ~np.eye(5, dtype=np.bool_), BatchShape(4, 2), seed=6)
    return TrainingBatches(sampler, position)


def batches(done: int) -> list[list[int]]:
    """What is left of the epoch after `done` batches."""
    return [rows.tolist() for rows in five_an_epoch(lambda: done)]


def test_a_batch_of_pictures_is_rows_of_them_as_floats() -> None:
    crops = crop_set(9)
    pictures = Pictures(crops, CPU)
    rows = torch.tensor([4, 0, 4])
    batch = pictures.batch(rows)
    assert (len(pictures), batch.shape, batch.dtype) == (9, (3, 3, 6, 4), torch.float32)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal((batch * 255).round().numpy().transpose(0, 2, 3, 1), crops.pictures[rows.numpy()])
    batch.zero_()
    assert pictures.batch(rows).any()  # the originals are not written to


def test_normalised_is_less_the_mean_by_the_deviation() -> None:
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    assert torch.equal(normalise(mean.expand(2, 3, 4, 5)), torch.zeros(2, 3, 4, 5))
    assert torch.allclose(normalise(mean + 2 * std), torch.tensor(2.0), atol=1e-6)


def test_epoch_follows_epoch_and_each_is_another() -> None:
    first, second = batches(0), batches(5)
    assert len(first) == len(second) == 5
    assert first != second
    assert first == batches(0)


@given(st.integers(0, 14))
def test_an_epoch_goes_on_with_the_very_rest(done: int) -> None:
    assert batches(done) == batches(done - done % 5)[done % 5 :]


def test_where_it_is_counts_when_an_epoch_begins() -> None:
    drawn: list[list[int]] = []
    source = five_an_epoch(lambda: len(drawn))
    assert len(source) == 5
    for _ in range(2):
        for rows in source:
            drawn.append(rows.tolist())
    assert drawn == batches(0) + batches(5)


@given(st.integers(0, 300), st.integers(2, 70), st.integers(1, 5))
def test_every_row_comes_once_over_all_processes(count: int, size: int, shares: int) -> None:
    parts = [list(RowBatches(count, size, share=share, shares=shares)) for share in range(shares)]
    rows = torch.cat([batch for part in parts for batch in part])
    assert sorted(rows.tolist()) == list(range(count))
    assert {len(part) for part in parts} == {len(RowBatches(count, size, shares=shares))}
    assert all(len(batch) <= size for part in parts for batch in part)
    assert count < shares or all(len(batch) for part in parts for batch in part)


def test_one_process_has_rows_in_order_and_as_few_batches_as_can_be() -> None:
    batches = [batch.tolist() for batch in RowBatches(10, 4)]
    assert [row for batch in batches for row in batch] == list(range(10))
    assert list(map(len, batches)) == [4, 3, 3]
