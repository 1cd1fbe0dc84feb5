"""The plain training learns from the same batches by the same loss for as long as ours does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.contestants import new_network
from benchmarks.ours import OurTraining
from benchmarks.plain import PlainTraining
from benchmarks.plain_loading import PkBatches, plain_loader
from training.dataset.crop_set import CropSet
from training.dataset.reading import read_crops
from training.fitting import recipe_of
from training.loading.augmenting import AugmentSettings
from training.loading.crops import Pictures, normalise
from training.loading.sampling import BatchShape, PkSampler
from training.losses import LOSSES, LossName
from training.module import ReidModule
from training.request import Request

CPU = torch.device("cpu")
AS_THEY_ARE = AugmentSettings(flip=0, shift=0, zoom=0, blur=0, light=0, erase=0)


@pytest.fixture
def request_(people: Path) -> Request:
    return Request(
        people, Path(), height=64, width=32, embedding_size=16, shape=BatchShape(4, 2), epochs=2, augment=AS_THEY_ARE
    )


@pytest.fixture
def crops(request_: Request) -> CropSet:
    found, problems = read_crops(request_.dataset, "train", height=request_.height, width=request_.width, quiet=True)
    assert not problems
    return found


def rows_of(crops: CropSet, request: Request, count: int) -> list[Tensor]:
    """The rows of our first batches."""
    sampler = PkSampler(crops.identity, crops.different, request.shape, seed=request.seed)
    epochs = itertools.chain.from_iterable(sampler.epoch(number) for number in itertools.count())
    return [torch.from_numpy(rows) for rows in itertools.islice(epochs, count)]


@pytest.mark.parametrize("workers", [0, 1])
def test_its_loader_gives_the_same_batches_as_ours(request_: Request, crops: CropSet, workers: int) -> None:
    count = 6  # an epoch has four
    loader = plain_loader(request_.dataset, crops, recipe_of(request_), batches=count, workers=workers, pin=False)
    pictures, identity = Pictures(crops, CPU), torch.from_numpy(crops.identity)
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == count
        for (theirs, whose), rows in zip(batches, rows_of(crops, request_, count), strict=True):
            torch.testing.assert_close(theirs, normalise(pictures.batch(rows)).contiguous())
            assert torch.equal(whose, identity[rows].long())


def test_varied_batches_are_of_the_same_kind(request_: Request, crops: CropSet) -> None:
    recipe = recipe_of(replace(request_, augment=AugmentSettings()))
    varied, _ = next(iter(plain_loader(request_.dataset, crops, recipe, batches=1, workers=1, pin=False)))
    [rows] = rows_of(crops, request_, 1)
    plain = normalise(Pictures(crops, CPU).batch(rows))
    assert varied.shape == plain.shape and varied.dtype == plain.dtype
    differs = (varied - plain).abs().mean(dim=(1, 2, 3))
    assert (differs > 0.01).all() and differs.mean() < 1


def test_workers_vary_differently(request_: Request, crops: CropSet) -> None:
    settings = replace(request_, augment=AS_THEY_ARE.model_copy(update={"light": 0.5}), shape=BatchShape(2, 2))
    loader = plain_loader(request_.dataset, crops, recipe_of(settings), batches=2, workers=2, pin=False)
    rows = rows_of(crops, settings, 2)
    pictures = Pictures(crops, CPU)
    batches = zip(loader, rows, strict=True)
    one, other = ((varied - normalise(pictures.batch(own))).mean(dim=(2, 3)) for (varied, _), own in batches)
    assert not torch.allclose(one, other, atol=1e-3)


def test_batches_go_on_through_the_epochs(request_: Request, crops: CropSet) -> None:
    sampler = PkSampler(crops.identity, crops.different, request_.shape, seed=request_.seed)
    given = list(PkBatches(sampler, sampler.batches + 1))
    wanted = [*sampler.epoch(0), sampler.epoch(1)[0]]
    assert len(given) == len(wanted)
    assert all(np.array_equal(one, other) for one, other in zip(given, wanted, strict=True))


@pytest.mark.parametrize("weight", [0.0, 0.7])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_same_batch_has_the_same_loss(request_: Request, crops: CropSet, loss: LossName, weight: float) -> None:
    request = replace(request_, loss=loss, identity_weight=weight)
    recipe = recipe_of(request)
    plain = PlainTraining(new_network(request), request.dataset, crops, recipe, device=CPU, workers=0)
    ours = ReidModule(new_network(request), crops, crops, recipe)
    ours.setup("fit")
    batches = plain_loader(request.dataset, crops, recipe, batches=2, workers=0, pin=False)
    for batch, rows in zip(batches, rows_of(crops, request, 2), strict=True):
        torch.testing.assert_close(plain.loss(*batch), ours.training_step(rows, 0), rtol=1e-4, atol=1e-4)


def test_both_train_for_the_same_steps_to_nearly_the_same_weights(request_: Request, crops: CropSet) -> None:
    request = replace(request_, rate=1e-4)
    plain = PlainTraining(new_network(request), request.dataset, crops, recipe_of(request), device=CPU, workers=0)
    ours = OurTraining(new_network(request), crops, replace(request, accelerator="cpu"), pytest.fail)
    assert plain.train() == ours.train() == 2 * 4
    before = new_network(request).state_dict()
    theirs, mine = plain.network.state_dict(), ours.network.state_dict()
    moved, apart = (
        sum(float((one[name] - other[name]).abs().sum()) for name in before if before[name].ndim > 1)
        for one, other in ((theirs, before), (theirs, mine))
    )
    assert 0 < apart < 0.2 * moved


def test_a_budget_ends_it(request_: Request, crops: CropSet) -> None:
    request = replace(request_, budget=0.2)
    training = PlainTraining(new_network(request), request.dataset, crops, recipe_of(request), device=CPU, workers=0)
    assert training.train() >= 1


def test_rounds_go_on_with_the_same_workers_and_torch_s_settings_are_given_back(
    request_: Request, crops: CropSet
) -> None:
    training = PlainTraining(new_network(request_), request_.dataset, crops, recipe_of(request_), device=CPU, workers=1)
    torch.use_deterministic_algorithms(True)  # as Lightning leaves it
    try:
        rounds = training.timed_rounds(2)
        assert all(next(rounds) > 0 for _ in range(3))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
