"""What comes out of the same time, or of as many epochs: rank-1 and mAP of each contestant on the validation part."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn

from benchmarks.contestants import PLAIN, device_of, new_network, our_requests
from benchmarks.ours import OurTraining
from benchmarks.plain import PlainTraining
from benchmarks.text_table import aligned
from shared_libs.utils.progress import progress
from training.dataset.crop_set import CropSet
from training.dataset.reading import read_crops
from training.evaluation.embedding import embed
from training.evaluation.measuring import measure
from training.fitting import recipe_of
from training.networks.network import make_network
from training.request import Request
from training.trainer import check_machine


@dataclass(frozen=True, slots=True)
class Outcome:
    """One training: seconds that it took, reading included; images that it saw; scores of its last weights, 0 to 1."""

    seed: int
    seconds: float
    images: int
    rank1: float
    mean_average_precision: float


@dataclass(frozen=True, slots=True)
class AccuracyReport:
    """outcomes: of each contestant, one for each seed; the plain one's first. notes: what was not done as asked."""

    what: str
    outcomes: dict[str, tuple[Outcome, ...]]
    notes: tuple[str, ...]

    def percent(self, name: str) -> tuple[float, float]:
        """Rank-1 and mAP of a contestant as they are printed: the means over all seeds."""
        own = self.outcomes[name]
        rank1, precision = ([outcome.rank1 for outcome in own], [outcome.mean_average_precision for outcome in own])
        return round(100 * statistics.mean(rank1), 2), round(100 * statistics.mean(precision), 2)

    def text(self) -> str:
        plain = self.percent(PLAIN)[1]
        rows = []
        for name, own in self.outcomes.items():
            rank1, precision = self.percent(name)
            seconds, images = (statistics.mean(values) for values in zip(*map(_cost, own), strict=True))
            cost = (f"{seconds:.1f}", f"{images:,.0f}")
            rows.append((name, *cost, f"{rank1:.2f}", f"{precision:.2f}", f"{precision - plain:+.2f}"))
        table = aligned(("", "seconds", "images", "rank-1", "mAP", "mAP over plain"), rows)
        return "\n".join([self.what, table, *(f"note: {note}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        found = {
            name: {
                **dict(zip(("rank1", "mAP"), self.percent(name), strict=True)),
                "runs": [asdict(each) for each in own],
            }
            for name, own in self.outcomes.items()
        }
        return {"what": self.what, "contestants": found, "notes": list(self.notes)}


def measure_accuracy(request: Request, *, seeds: int, workers: int, quiet: bool = False) -> AccuracyReport:
    """Every contestant is trained for the request's budget, or epochs, with each of `seeds` seeds from its own on.

    workers: of the plain one's loader. Nobody is measured before the end, so nobody can choose an epoch. Raises
    InputError for a data set or an accelerator that cannot be used.
    """
    check_machine(request)
    size = {"height": request.height, "width": request.width}
    began = time.monotonic()
    train, _ = read_crops(request.dataset, "train", quiet=quiet, **size)
    reading = time.monotonic() - began
    validation, _ = read_crops(request.dataset, "val", quiet=quiet, **size)
    notes = dict[str, None]()
    names = [PLAIN, *our_requests(request)]
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    with progress(seeds * len(names), "training", "trainings", quiet=quiet) as bar:
        for seed in range(request.seed, request.seed + seeds):
            asked = replace(request, seed=seed)
            for name in names:
                if name == PLAIN:
                    network, seconds, steps = _plain(asked, train, workers)
                else:
                    network, seconds, steps = _ours(our_requests(asked)[name], train, reading, notes.setdefault)
                outcomes[name].append(_measured(asked, network, validation, seconds, steps * request.shape.size))
                bar.advance()
    length = f"{request.epochs} epochs" if request.budget is None else f"{request.budget:g} s"
    seen = f"{len(train):,} crops to learn from, {len(validation):,} to measure on"
    return AccuracyReport(
        what=f"{request.network}, {length}, trainings of each: {seeds}, {device_of(request).type}; {seen}",
        outcomes={name: tuple(own) for name, own in outcomes.items()},
        notes=tuple(notes),
    )


def _plain(request: Request, crops: CropSet, workers: int) -> tuple[nn.Module, float, int]:
    """A trained network, the seconds that it took, and the steps."""
    began = time.monotonic()
    training = PlainTraining(
        new_network(request), request.dataset, crops, recipe_of(request), device=device_of(request), workers=workers
    )
    steps = training.train()
    return training.network, time.monotonic() - began, steps


def _ours(request: Request, crops: CropSet, reading: float, say: Callable[[str], None]) -> tuple[nn.Module, float, int]:
    """The same; the seconds of reading are part of the budget."""
    began = time.monotonic()
    training = OurTraining(new_network(request), crops, request, say)
    steps = training.train(spent=reading)
    return training.network, reading + time.monotonic() - began, steps


def _measured(request: Request, trained: nn.Module, validation: CropSet, seconds: float, images: int) -> Outcome:
    device = device_of(request)
    network = make_network(request.network, request.embedding_size)  # not compiled, whatever the trained one is
    network.load_state_dict(trained.state_dict())
    scores = measure(embed(network.to(device), validation, device=device), validation, quiet=True)
    ranking = scores.ranking
    return Outcome(request.seed, round(seconds, 1), images, ranking.rank1, ranking.mean_average_precision)


def _cost(outcome: Outcome) -> tuple[float, float]:
    return outcome.seconds, float(outcome.images)
