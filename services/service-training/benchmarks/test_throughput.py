"""The throughput benchmark in a tiny form, and how rounds are run and compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.command import Command
from benchmarks.contestants import ALIKE, FASTER, PLAIN
from benchmarks.rounds import race

TINY = ("--steps", 2, "--rounds", 2, "--batch", "4x2", "--size", "64x32", "--workers", 1, "--accelerator", "cpu")


def test_ratios_are_those_of_the_printed_figures(command: Command, people: Path) -> None:
    done = command("throughput", "--data", people, *TINY, "--quiet")
    assert (done.code, done.err) == (0, "")
    what, header, *lines, reading = done.out.splitlines()
    assert what.startswith("small, 8 crops of 64x32 a step, 2 steps a round, threads: ")
    assert header.split("  ")[-2:] == ["over plain", "with reading"]
    assert reading.startswith("median of 2 interleaved rounds; ours reads the 32 crops into memory once, in ")
    rows = {name: line.removeprefix(name).split() for name, line in zip((PLAIN, ALIKE, FASTER), lines, strict=True)}
    for name, cells in rows.items():
        median, slowest, fastest, with_reading = (float(cell) for cell in cells[:4])
        assert 0 < slowest <= median <= fastest
        assert with_reading <= median
        if name == PLAIN:
            assert len(cells) == 4 and with_reading == median
        else:
            assert cells[4] == f"{round(median / float(rows[PLAIN][0]), 2):.2f}"
            assert cells[5] == f"{round(with_reading / float(rows[PLAIN][3]), 2):.2f}"


def test_pictures_are_made_where_none_are_named(command: Command) -> None:
    done = command("throughput", "--people", 10, "--crops", 4, *TINY, "--epochs", 2, "--json", "--quiet")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert [pace["name"] for pace in found["paces"]] == [PLAIN, ALIKE, FASTER]
    assert found["crops"] == 32
    for pace in found["paces"][1:]:
        seconds = 2 * 32 / pace["median"] + found["reading_seconds"]
        assert found["with_reading"][pace["name"]] == pytest.approx(2 * 32 / seconds, rel=0.01)
    assert set(found["ratios_to_plain"]) == {ALIKE, FASTER}


def test_rounds_are_interleaved_and_the_median_counts() -> None:
    order: list[str] = []

    def runner(name: str, *seconds: float) -> Callable[[], float]:
        left = list(seconds)

        def run() -> float:
            order.append(name)
            return left.pop(0)

        return run

    plain, ours = race(12, {"plain": runner("plain", 9, 3, 4), "ours": runner("ours", 1, 1, 7)}, 3, quiet=True)
    assert order == ["plain", "ours"] * 3
    assert (plain.median, plain.slowest, plain.fastest) == (3.0, 1.3, 4.0)
    assert (ours.median, ours.slowest, ours.fastest) == (12.0, 1.7, 12.0)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--network", "vgg", "choose from small, resnet50"),
        ("--batch", "16", "for example 16x4"),
        ("--batch", "0x4", "for example 16x4"),
        ("--size", "tall", "for example 128x64"),
        ("--accelerator", "tpu", "choose from auto, cpu, cuda"),
        ("--data", "no/such/folder", "no such folder"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    option: str, value: str, message: str, command: Command
) -> None:
    done = command("throughput", option, value, "--quiet")
    assert done.code == 2
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert message in done.err
