"""Networks: a crop in, a vector out, and every weight of them learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from training.networks.embedding import Embedding, GeneralisedMeanPool, StripedEmbedding
from training.networks.network import NETWORKS, NetworkName, make_network
from training.networks.resnet import resnet50


def crops(count: int, height: int = 64, width: int = 32) -> Tensor:
    """float32 (count, 3, height, width), as normalised pictures are."""
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(7))


def network(name: NetworkName, embedding_size: int = 20) -> nn.Module:
    torch.manual_seed(0)
    return make_network(name, embedding_size)


def step(learner: nn.Module, pictures: Tensor) -> None:
    """Gradients of something that every value of the vectors has a part in."""
    vectors = learner(pictures)
    (vectors * torch.randn(vectors.shape, generator=torch.Generator().manual_seed(1))).sum().backward()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("height", [64, 128])
def test_a_crop_gives_a_vector_of_the_size_asked_for(name: NetworkName, height: int) -> None:
    for size in (20, 33):  # 33 values do not go evenly into the whole and four stripes
        learner = network(name, size).eval()
        with torch.inference_mode():
            vectors = learner(crops(3, height, height // 2))
        assert (vectors.shape, vectors.dtype) == ((3, size), torch.float32)
        assert torch.isfinite(vectors).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_that_is_to_learn_gets_a_gradient(name: NetworkName) -> None:
    learner = network(name)
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.1)
    # Blocks that begin as their shortcut pass gradients on from the second step.
    for _ in range(2):
        optimizer.zero_grad()
        step(learner, crops(4))
        optimizer.step()
    learners = [(name, weight.grad) for name, weight in learner.named_parameters() if weight.requires_grad]
    assert [name for name, gradient in learners if gradient is None or not gradient.any()] == []


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_neck_has_a_bias_that_stays_at_nothing(name: NetworkName) -> None:
    learner = network(name)
    step(learner, crops(4))
    still = [(name, weight) for name, weight in learner.named_parameters() if not weight.requires_grad]
    assert [name.split(".")[-2:] for name, _ in still] == [["neck", "bias"]]
    assert not still[0][1].any()


@pytest.mark.parametrize("name", NETWORKS)
def test_how_pictures_lie_in_memory_makes_no_difference(name: NetworkName) -> None:
    learner = network(name).eval()
    with torch.inference_mode():
        usual = learner(crops(4))
        learner = learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        last = learner(crops(4).contiguous(memory_format=torch.channels_last))
    assert torch.allclose(usual, last, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_vector_of_a_crop_does_not_depend_on_its_neighbours(name: NetworkName) -> None:
    learner = network(name)
    step(learner, crops(4))
    with torch.inference_mode():
        together = learner.eval()(crops(4))
        alone = torch.cat([learner(each) for each in torch.split(crops(4), 1)])
    assert torch.allclose(together, alone, rtol=1e-3, atol=1e-4)


def test_the_body_of_resnet50_has_as_many_weights_as_is_published() -> None:
    body = nn.Sequential(*resnet50(20)[:-1])  # type: ignore[index]
    # He et al. 2016 with 1000 classes: 25,557,032, of which 2,049,000 are the classifier's.
    assert sum(weight.numel() for weight in body.parameters()) == 25_557_032 - 2_049_000


def test_resnet50_begins_as_its_shortcuts_and_keeps_the_last_stage_large() -> None:
    body = nn.Sequential(*resnet50(20)[:-1]).eval()  # type: ignore[index]
    with torch.inference_mode():
        features = body(crops(1, 128, 64))
    assert features.shape == (1, 2048, 8, 4)
    assert torch.isfinite(features).all()


def test_a_mean_of_first_powers_is_the_mean_and_one_of_high_powers_nearly_the_maximum() -> None:
    features = torch.rand(2, 5, 4, 3, generator=torch.Generator().manual_seed(2)) + 0.1
    assert torch.allclose(GeneralisedMeanPool(1.0)(features), features.mean(dim=(2, 3)), atol=1e-6)
    largest = features.amax(dim=(2, 3))
    apart = [(GeneralisedMeanPool(power)(features) - largest).abs().max() for power in (3.0, 10.0, 60.0)]
    assert apart == sorted(apart, reverse=True)
    assert apart[-1] < 0.05


def test_pooling_bears_features_of_nothing_and_half_floats() -> None:
    pool = GeneralisedMeanPool()
    nothing = torch.zeros(1, 2, 3, 3, requires_grad=True)
    pool(nothing).sum().backward()
    assert nothing.grad is not None
    assert torch.isfinite(nothing.grad).all()
    assert pool.power.grad is not None
    assert torch.isfinite(pool.power.grad).all()
    high = torch.full((1, 2, 3, 3), 100.0, dtype=torch.bfloat16)  # to the power of three too much for a half float
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(pool(high), torch.tensor(100.0), rtol=1e-4)


def test_each_stripe_is_seen_by_values_of_its_own() -> None:
    embedding = StripedEmbedding(6, 33).eval()
    features = torch.rand(1, 6, 8, 4, generator=torch.Generator().manual_seed(3))
    assert [part.out_features for part in embedding.project] == [9, 6, 6, 6, 6]
    with torch.inference_mode():
        before = embedding(features)
        for stripe in range(4):
            other = features.clone()
            other[:, :, 2 * stripe : 2 * stripe + 2] += 1
            moved = [bool((part != 0).any()) for part in (embedding(other) - before).split([9, 6, 6, 6, 6], dim=1)]
            assert moved == [True, *(each == stripe for each in range(4))]


def test_vectors_of_a_batch_are_brought_to_one_scale_while_it_learns() -> None:
    vectors = Embedding(6, 10)(torch.rand(32, 6, 4, 2, generator=torch.Generator().manual_seed(4)))
    assert torch.allclose(vectors.mean(dim=0), torch.zeros(10), atol=1e-4)
    assert torch.allclose(vectors.std(dim=0, unbiased=False), torch.ones(10), atol=1e-2)
