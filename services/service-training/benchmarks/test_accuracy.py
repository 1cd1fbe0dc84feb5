"""The accuracy benchmark in a tiny form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.accuracy import AccuracyReport, Outcome
from benchmarks.command import Command
from benchmarks.contestants import ALIKE, FASTER, PLAIN

TINY = ("--batch", "4x2", "--size", "64x32", "--workers", 0, "--accelerator", "cpu")


def test_all_see_as_many_images_in_as_many_epochs(command: Command, people: Path) -> None:
    done = command("accuracy", "--data", people, *TINY, "--epochs", 2, "--seeds", 2, "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["what"].startswith("small, 2 epochs, trainings of each: 2, cpu; 32 crops to learn from, 8 to measure")
    assert list(found["contestants"]) == [PLAIN, ALIKE, FASTER]
    for contestant in found["contestants"].values():
        assert [run["seed"] for run in contestant["runs"]] == [0, 1]
        assert [run["images"] for run in contestant["runs"]] == [2 * 32] * 2
        assert all(0 <= run["rank1"] <= 1 and 0 < run["mean_average_precision"] <= 1 for run in contestant["runs"])
    # On a processor the two are the same training.
    alike, faster = (found["contestants"][name] for name in (ALIKE, FASTER))
    assert (alike["rank1"], alike["mAP"]) == (faster["rank1"], faster["mAP"])


def test_a_budget_ends_all_of_them(command: Command, people: Path) -> None:
    done = command("accuracy", "--data", people, *TINY, "--budget", "0.3s", "--quiet")
    assert (done.code, done.err) == (0, "")
    what, header, *rows = done.out.splitlines()
    assert what.startswith("small, 0.3 s, ")
    assert header.split() == ["seconds", "images", "rank-1", "mAP", "mAP", "over", "plain"]
    assert [row[:5] for row in rows] == ["plain", "ours,", "ours,"]
    assert all(int(row.split()[-4]) >= 8 for row in rows)


def test_the_means_over_all_seeds_are_printed_and_their_difference() -> None:
    report = AccuracyReport(
        "what",
        {
            PLAIN: (Outcome(0, 10.0, 1000, 0.5, 0.4), Outcome(1, 12.0, 3000, 0.7, 0.5)),
            ALIKE: (Outcome(0, 10.0, 8000, 0.8, 0.6), Outcome(1, 10.0, 8000, 0.9, 0.7)),
        },
        ("a note",),
    )
    assert report.text().splitlines() == [
        "what",
        "                     seconds  images  rank-1    mAP  mAP over plain",
        "plain PyTorch           11.0   2,000   60.00  45.00           +0.00",
        "ours, like for like     10.0   8,000   85.00  65.00          +20.00",
        "note: a note",
    ]


@pytest.mark.parametrize(("value", "message"), [("soon", "for example 90s"), ("0s", "for example 90s")])
def test_a_budget_that_is_no_time(value: str, message: str, command: Command, people: Path) -> None:
    done = command("accuracy", "--data", people, "--budget", value)
    assert done.code == 2
    assert message in done.err and done.err.count("\n") == 1
