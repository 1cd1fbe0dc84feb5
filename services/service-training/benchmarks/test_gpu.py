"""The GPU benchmark: what of it can be measured on a processor, and that it says so where there is no GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.command import Command
from benchmarks.gpu import CASES, Case, GpuReport, Row, measured_rows
from benchmarks.peak import Peak, known_peak, measured_peak
from benchmarks.step_times import made_crops, step_flops
from benchmarks.timeline import Timeline
from training.loading.sampling import BatchShape
from training.request import Request

CPU = torch.device("cpu")
HERE = Request(Path(), Path(), accelerator="cpu", height=64, width=32)


@pytest.mark.parametrize(("build", "message"), [(None, "this build of torch has no CUDA"), ("13.0", "no GPU is seen")])
def test_without_a_gpu_it_says_so(
    build: str | None, message: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", build)
    done = command("gpu", "--quiet")
    assert done.code == 2
    assert done.err.startswith(f"error: gpu: {message} ") and done.err.count("\n") == 1


def test_a_step_takes_longer_than_what_comes_before_the_network() -> None:
    notes: dict[str, None] = {}
    [row] = measured_rows(HERE, [Case("small", 64, 32, 8, False)], 100, notes, quiet=True)
    assert 0 < row.loading < row.step
    assert row.flops > 0
    assert not notes


def test_what_there_is_no_time_for_is_named() -> None:
    notes: dict[str, None] = {}
    cases = [Case("small", 64, 32, 8, False), Case("resnet50", 256, 128, 64, True)]
    assert not list(measured_rows(HERE, cases, -1, notes, quiet=True))
    assert list(notes) == [
        "small 64x32, 8: not measured, the time was up",
        "resnet50 256x128, 64, compiled: not measured, the time was up",
    ]


def test_nothing_is_compiled_shortly_before_the_end() -> None:
    notes: dict[str, None] = {}
    assert not list(measured_rows(HERE, [Case("small", 64, 32, 8, True)], 20, notes, quiet=True))
    assert len(notes) == 1


def test_cases_are_batches_of_four_crops_each_of_people_whom_there_are_enough_of() -> None:
    assert all(case.batch % 4 == 0 and case.batch // 4 <= 256 for case in CASES)
    assert len(set(CASES)) == len(CASES)


def test_operations_grow_with_the_batch_and_the_area() -> None:
    small = step_flops(replace(HERE, shape=BatchShape(1, 1)))
    assert step_flops(replace(HERE, shape=BatchShape(4, 2))) == 8 * small
    larger = step_flops(replace(HERE, shape=BatchShape(1, 1), height=128, width=64))
    assert larger / small == pytest.approx(4, rel=0.1)


def test_operations_of_a_step_are_thrice_those_of_looking() -> None:
    """Backwards there are two products for each one forwards, but for the first layer's: of pictures no gradient is
    wanted. ResNet-50 has 4.1e9 products at 224x224; at 128x64 with its last stage at full stride that is 1.0e9."""
    found = step_flops(replace(HERE, network="resnet50", height=128, width=64, shape=BatchShape(1, 1)))
    assert found == pytest.approx(3 * 2 * 1.0e9, rel=0.1)


def test_people_of_made_crops_are_all_different() -> None:
    crops = made_crops(8, 4, 5)
    assert len(crops) == 5 * 16
    assert crops.different.sum() == 5 * 4


@pytest.mark.parametrize(
    ("name", "flops"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H200 NVL", None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", None),
        ("NVIDIA L4", None),
    ],
)
def test_the_peak_is_looked_up_by_the_card_s_name(name: str, flops: float | None) -> None:
    found = known_peak(name)
    assert (found.flops if found else None) == flops


def test_a_peak_that_is_measured_says_so() -> None:
    peak = measured_peak(CPU, 64)
    assert peak.flops > 0
    assert peak.source == "measured by a product of 64x64 matrices"


def test_times_between_marks_do_not_run_backwards() -> None:
    timeline = Timeline(CPU)
    seconds = timeline.seconds([timeline.mark() for _ in range(4)])
    assert len(seconds) == 3 and all(each >= 0 for each in seconds)


def test_the_table() -> None:
    row = Row(Case("resnet50", 256, 128, 256, True), step=0.02, loading=0.001, flops=6e12)
    report = GpuReport("a card", Peak(1e15, "its data sheet"), (row,), ("a note",))
    first, peak, header, line, note = report.text().splitlines()
    assert first.startswith("a card, torch ")
    assert peak == "peak: 1000 TFLOP/s of dense bf16, its data sheet"
    assert header.split("  ")[-1] == "of the peak"
    assert line.split() == ["resnet50", "256x128,", "256,", "compiled", "20.00", "5.0%", "12,800", "6.000", "30.0%"]
    assert note == "note: a note"
    assert report.to_dict()["rows"][0]["share_of_peak"] == pytest.approx(0.3)
