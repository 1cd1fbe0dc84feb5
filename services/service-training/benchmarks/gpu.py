"""How well a GPU is used: the time of a step, what of it passes before the network begins, the share of its peak."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from benchmarks.contestants import NO_END
from benchmarks.peak import Peak, peak_of
from benchmarks.step_times import made_crops, step_flops, step_times
from benchmarks.text_table import aligned
from shared_libs.common.errors import InputError
from shared_libs.utils.progress import progress
from training.loading.sampling import BatchShape
from training.networks.network import NetworkName
from training.request import Request

STEPS = 30
_PEOPLE, _CROPS_OF_ONE = 256, 4
_SECONDS_TO_COMPILE = 40.0
"""Of one case, at most: no such case is begun later than so long before the end."""


class Case(NamedTuple):
    """What is measured. batch: crops in a step."""

    network: NetworkName
    height: int
    width: int
    batch: int
    is_compiled: bool

    def __str__(self) -> str:
        compiled = ", compiled" if self.is_compiled else ""
        return f"{self.network} {self.height}x{self.width}, {self.batch}{compiled}"


_SIZES: tuple[tuple[NetworkName, int, int], ...] = (("resnet50", 128, 64), ("resnet50", 256, 128), ("small", 128, 64))

CASES = (
    *(Case(*size, batch, False) for size in _SIZES for batch in (64, 128, 256, 512)),
    *(Case(*size, 256, True) for size in _SIZES),
)
"""What is quick to measure comes first."""


@dataclass(frozen=True, slots=True)
class Row:
    """step, loading: seconds, medians; loading is the part of a step before the network begins. flops: of the network
    in a step, forwards and backwards."""

    case: Case
    step: float
    loading: float
    flops: float


@dataclass(frozen=True, slots=True)
class GpuReport:
    """notes: what was not measured, or not as asked."""

    device: str
    peak: Peak
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        header = ("", "ms/step", "loading", "images/s", "TFLOP/step", "of the peak")
        rows = [
            (
                str(row.case),
                f"{1000 * row.step:.2f}",
                f"{row.loading / row.step:.1%}",
                f"{row.case.batch / row.step:,.0f}",
                f"{row.flops / 1e12:.3f}",
                f"{self.share_of_peak(row):.1%}",
            )
            for row in self.rows
        ]
        return "\n".join(
            [
                f"{self.device}, torch {torch.__version__}, bf16-mixed, channels last, median of {STEPS} steps",
                f"peak: {self.peak.flops / 1e12:.0f} TFLOP/s of dense bf16, {self.peak.source}",
                aligned(header, rows),
                *(f"note: {note}" for note in self.notes),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "peak": self.peak._asdict(),
            "rows": [
                {
                    **row.case._asdict(),
                    "step_seconds": row.step,
                    "loading_seconds": row.loading,
                    "flops": row.flops,
                    "share_of_peak": self.share_of_peak(row),
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }

    def share_of_peak(self, row: Row) -> float:
        return row.flops / row.step / self.peak.flops


def measure_gpu(request: Request, *, limit: float, cases: Sequence[Case] = CASES, quiet: bool = False) -> GpuReport:
    """Every case, until `limit` seconds are over; those that come too late are named in the notes.

    Raises InputError where there is no GPU.
    """
    if not torch.cuda.is_available():
        cause = "no GPU is seen" if torch.version.cuda else "this build of torch has no CUDA"
        raise InputError("gpu", cause, hint="with Bazel: --config=cuda, on a machine with an NVIDIA GPU")
    device = torch.device("cuda")
    notes: dict[str, None] = {}
    rows = []
    for row in measured_rows(request, cases, limit, notes, quiet=quiet):
        rows.append(row)
        # At once, since machines with a GPU may be lent by the minute.
        print(f"{row.case}: {1000 * row.step:.2f} ms a step, loading {row.loading / row.step:.1%}", file=sys.stderr)
    return GpuReport(torch.cuda.get_device_name(device), peak_of(device), tuple(rows), tuple(notes))


def measured_rows(
    request: Request, cases: Sequence[Case], limit: float, notes: dict[str, None], *, quiet: bool = False
) -> Iterator[Row]:
    """The cases that there is time and memory for; `notes` gets the others. request: all that a case does not say."""
    end = time.monotonic() + limit
    for case in progress(len(cases), "measuring", "cases", quiet=quiet).over(cases):
        if time.monotonic() > end - _SECONDS_TO_COMPILE * case.is_compiled:
            notes[f"{case}: not measured, the time was up"] = None
            continue
        try:
            yield _row(request, case, notes)
        except torch.cuda.OutOfMemoryError:
            notes[f"{case}: not measured, the GPU has too little memory"] = None
        gc.collect()  # trainer and module hold each other, and pictures on the GPU
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _row(request: Request, case: Case, notes: dict[str, None]) -> Row:
    asked = replace(
        request,
        network=case.network,
        height=case.height,
        width=case.width,
        shape=BatchShape(case.batch // _CROPS_OF_ONE, _CROPS_OF_ONE),
        compile="on" if case.is_compiled else "off",
        epochs=NO_END,
    )
    crops = made_crops(case.height, case.width, _PEOPLE)
    times = step_times(asked, crops, STEPS, notes.setdefault)
    return Row(case, times.step, times.loading, step_flops(asked))
