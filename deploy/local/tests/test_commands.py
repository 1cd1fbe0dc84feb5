from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local_stack.commands import command, environment_of_child
from shared_libs.common.errors import InputError


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_relative_program_is_found_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path / "services" / "service-x" / "service-x")
    monkeypatch.chdir(tmp_path)

    assert command("X", {"X": "services/service-x/service-x"}) == [str(path)]


def test_words_are_split_as_a_shell_does(tmp_path: Path) -> None:
    path = program(tmp_path / "a folder" / "run")

    assert command("X", {"X": f"'{path}' -m 'two words'"}) == [str(path), "-m", "two words"]


def test_a_program_without_a_folder_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))

    assert command("X", {"X": Path(sys.executable).name}) == [sys.executable]


@pytest.mark.parametrize(
    ("value", "cause"),
    [(None, "is not set"), ("  ", "is not set"), ("'open", "is not a command"), ("./none", "names no program")],
)
def test_a_setting_that_names_no_program_is_refused(value: str | None, cause: str) -> None:
    with pytest.raises(InputError, match=rf"^LAXAI_X_COMMAND: {cause}"):
        command("LAXAI_X_COMMAND", {} if value is None else {"LAXAI_X_COMMAND": value})


def test_a_file_that_may_not_be_executed_is_refused(tmp_path: Path) -> None:
    program(tmp_path / "run").chmod(0o644)

    with pytest.raises(InputError, match="names no program"):
        command("X", {"X": str(tmp_path / "run")})


def test_a_part_does_not_inherit_the_import_path() -> None:
    assert environment_of_child({"PYTHONPATH": "/a", "HOME": "/b"}) == {"HOME": "/b"}
