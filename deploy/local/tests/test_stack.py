from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local_stack.children import Children
from local_stack.endings import PartFailed
from local_stack.stack import Part, Stack

SETTINGS = {"LAXAI_STORAGE": "s3://key:word@bucket/games"}


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_a_program_that_is_no_part_is_told_when_it_ends(tmp_path: Path) -> None:
    said: list[str] = []
    with Children() as children:
        part = Part("worker", python("import time; time.sleep(600)"))
        stack = Stack(children, [part], SETTINGS, lambda part, text: said.append(f"{part.name} {text}"))
        assert stack.tend(0.05) is None
        pid = children.start(python("raise SystemExit(3)"))
        assert stack.tend() == (pid, 3)

    assert len(said) == 1 and said[0].startswith("worker running, pid ")
    assert said[0].endswith(", storage s3://bucket/games")


def test_what_a_part_prints_goes_to_its_log_at_every_start(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    source = "import os, sys; print(os.environ['LAXAI_STORAGE']); print('up', file=sys.stderr); sys.exit(75)"
    with Children() as children, pytest.raises(PartFailed):
        Stack(children, [Part("worker", python(source), log)], SETTINGS, lambda part, text: None, patience=2).tend()

    assert sorted(log.read_text().splitlines()) == [SETTINGS["LAXAI_STORAGE"]] * 2 + ["up"] * 2


def test_a_part_that_ends_again_and_again_is_given_up_where_there_is_no_patience() -> None:
    said: list[str] = []
    with Children() as children:
        stack = Stack(
            children, [Part("api", python("raise SystemExit(1)"))], SETTINGS, lambda part, text: said.append(text), 2
        )
        with pytest.raises(PartFailed, match="api ended with exit code 1") as failure:
            stack.tend()

    assert (failure.value.part, failure.value.exit_code) == ("api", 1)
    assert said[1] == "ended with exit code 1; started again in 1 s"
