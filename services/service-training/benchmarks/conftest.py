"""A few people to learn from, and the benchmarks' command line to measure with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cli import main
from benchmarks.command import Command, Done
from benchmarks.made_pictures import make_pictures


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a benchmark by its command line, in this process."""
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)

    def run(*arguments: str | Path | int) -> Done:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten people with four pictures each, of whom two are for validation."""
    folder = tmp_path_factory.mktemp("people")
    make_pictures(folder, 10, 4, seed=3)
    return folder
