"""How many images a second are learned from: the same batches for all, in turn, on all cores or one GPU."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import lightning
import torch

from benchmarks.contestants import PLAIN, device_of, new_network, our_requests
from benchmarks.ours import OurTraining
from benchmarks.plain import PlainTraining
from benchmarks.rounds import Pace, race
from benchmarks.text_table import aligned
from training.dataset.reading import read_crops
from training.fitting import recipe_of
from training.request import Request
from training.trainer import check_machine


@dataclass(frozen=True, slots=True)
class ThroughputReport:
    """The paces of all, the plain one's first. reading_seconds: ours reads all `crops` crops into memory once.
    with_reading: images per second by contestant, if that is spread over a training of `epochs` epochs. Ratios are
    those of the printed figures. notes: what could not be done as asked."""

    what: str
    versions: Mapping[str, str]
    rounds: int
    crops: int
    reading_seconds: float
    epochs: int
    paces: tuple[Pace, ...]
    with_reading: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def ratios(self) -> dict[str, tuple[float, float]]:
        """Each of ours over the plain one: without and with the time of reading."""
        plain, *ours = self.paces
        return {
            pace.name: (
                round(pace.median / plain.median, 2),
                round(self.with_reading[pace.name] / self.with_reading[plain.name], 2),
            )
            for pace in ours
        }

    def text(self) -> str:
        header = ("", "images/s", "slowest", "fastest", "with reading", "over plain", "with reading")
        rows = []
        for pace in self.paces:
            figures = (pace.median, pace.slowest, pace.fastest, self.with_reading[pace.name])
            ratios = self.ratios.get(pace.name)
            shown = ("", "") if ratios is None else tuple(f"{ratio:.2f}" for ratio in ratios)
            rows.append((pace.name, *(f"{figure:.1f}" for figure in figures), *shown))
        return "\n".join(
            [
                f"{self.what}; {', '.join(f'{name} {version}' for name, version in self.versions.items())}",
                aligned(header, rows),
                f"median of {self.rounds} interleaved rounds; ours reads the {self.crops:,} crops into memory once, in "
                f"{self.reading_seconds:.2f} s, which is spread over {self.epochs} epochs",
                *(f"note: {note}" for note in self.notes),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        ratios = {name: {"steps": steps, "with_reading": all_} for name, (steps, all_) in self.ratios.items()}
        return {**asdict(self), "ratios_to_plain": ratios}


def measure_throughput(
    request: Request, *, rounds: int, steps: int, workers: int, epochs: int, quiet: bool = False
) -> ThroughputReport:
    """Every contestant makes `steps` steps on the training part of `request.dataset` in each round.

    workers: of the plain one's loader. epochs: over how many the reading is spread. Raises InputError for a data set
    or an accelerator that cannot be used.
    """
    check_machine(request)
    began = time.perf_counter()
    crops, _ = read_crops(request.dataset, "train", height=request.height, width=request.width, quiet=quiet)
    reading = time.perf_counter() - began
    device, notes = device_of(request), dict[str, None]()
    plain = PlainTraining(
        new_network(request), request.dataset, crops, recipe_of(request), device=device, workers=workers
    )
    runners: dict[str, Callable[[], float]] = {PLAIN: functools.partial(next, plain.timed_rounds(steps))}
    for name, asked in our_requests(request).items():
        training = OurTraining(new_network(request), crops, asked, notes.setdefault)
        runners[name] = functools.partial(training.timed_round, steps)
    paces = race(steps * request.shape.size, runners, rounds, quiet=quiet)
    images = len(crops) * epochs
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"threads: {torch.get_num_threads()}"
    batch = f"{request.shape.size} crops of {request.height}x{request.width} a step"
    return ThroughputReport(
        what=f"{request.network}, {batch}, {steps} steps a round, {where}, workers of the plain one: {workers}",
        versions={"torch": torch.__version__, "lightning": lightning.__version__},
        rounds=rounds,
        crops=len(crops),
        reading_seconds=round(reading, 3),
        epochs=epochs,
        paces=paces,
        with_reading={
            pace.name: pace.median if pace.name == PLAIN else round(images / (images / pace.median + reading), 1)
            for pace in paces
        },
        notes=tuple(notes),
    )
