"""The load benchmark in a tiny form."""

from __future__ import annotations

import json

import pytest

from benchmarks.cli import main
from benchmarks.load import waits_of
from benchmarks.readers import Answer


def test_all_kinds_are_read_without_errors(capfd: pytest.CaptureFixture[str]) -> None:
    words = "load --readers 3 --seconds 2 --pause 0 --frames 300 --job 0.1 --json"
    assert main(words.split()) == 0
    found = json.loads(capfd.readouterr().out)
    everything, *kinds = found["waits"]
    assert [each["kind"] for each in kinds] == ["jobs", "one job", "runs", "players", "tracks"]
    assert everything["answers"] == sum(each["answers"] for each in kinds) > 0
    assert everything["errors"] == 0
    assert found["cpu"] > 0 and found["rate"] > 0


def test_percentiles_are_of_the_answers_of_a_kind() -> None:
    answers = [Answer("jobs", 0.0, number / 1000, 200 if number else 503) for number in range(100)]
    waits = waits_of("jobs", [*answers, Answer("runs", 0.0, 5.0, 200)])
    assert (waits.answers, waits.p50, waits.p90, waits.p99, waits.longest, waits.errors) == (100, 50, 90, 99, 99, 1)
    assert waits_of("tracks", answers).answers == 0


def test_a_share_above_one_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["load", "--job", "2"]) == 2
    assert capfd.readouterr().err
