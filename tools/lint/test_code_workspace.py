"""laxai.code-workspace: what it names is there, so that it opens with every interpreter, test, task and program."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from venvs.places import FOLDER, places

TREE = Path(os.environ["FILES"]).parent
FILES = set(Path(os.environ["FILES"]).read_text(encoding="utf-8").splitlines())
FOLDERS_OF_FILES = {str(parent) for file in FILES for parent in Path(file).parents}
ROOT_OF_LOCKS = Path(os.environ["REQUIREMENTS"]).parent.parent

WORKSPACE: dict[str, Any] = json.loads((TREE / "laxai.code-workspace").read_text(encoding="utf-8"))
FOLDERS: dict[str, str] = {entry["name"]: entry["path"] for entry in WORKSPACE["folders"]}
TASKS: list[dict[str, Any]] = WORKSPACE["tasks"]["tasks"]
PROGRAMS: list[dict[str, Any]] = WORKSPACE["launch"]["configurations"]
CHOICES: dict[str, list[str]] = {entry["id"]: entry["options"] for entry in WORKSPACE["tasks"]["inputs"]}


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, but not the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def meant(text: str, *, folders: list[str]) -> list[str]:
    """The paths from the root that a text with ${workspaceFolder…} stands for, one per folder that it can be in."""
    named = re.sub(r"\$\{workspaceFolder:([^}]+)\}", lambda match: FOLDERS[match[1]], text)
    placed = [
        named.replace("${workspaceFolder}", folder).replace("${fileWorkspaceFolder}", folder) for folder in folders
    ]
    return [os.path.normpath(path) for path in placed]


def chosen(text: str) -> list[str]:
    """A text with each answer to what it asks for."""
    asked = re.search(r"\$\{input:([^}]+)\}", text)
    return [text.replace(asked[0], answer) for answer in CHOICES[asked[1]]] if asked else [text]


def is_there(path: str) -> bool:
    return path in FILES or path in FOLDERS_OF_FILES


def is_target(label: str) -> bool:
    """Whether a BUILD file has something of that name."""
    folder, _, name = label.removeprefix("//").partition(":")
    text = (TREE / folder / "BUILD.bazel.txt").read_text(encoding="utf-8")
    return f'name = "{name or Path(folder).name}"' in text


def test_every_place_with_an_interpreter_is_a_folder_and_so_is_the_root() -> None:
    with_interpreter = {str(place.folder.relative_to(ROOT_OF_LOCKS)) for place in places(ROOT_OF_LOCKS, "cpu")}
    assert set(FOLDERS.values()) == with_interpreter | {"."}
    assert all(map(is_there, FOLDERS.values()))
    assert len(FOLDERS) == len(WORKSPACE["folders"])


def test_the_interpreter_is_the_one_that_the_venvs_tool_makes() -> None:
    assert WORKSPACE["settings"]["python.defaultInterpreterPath"] == f"${{workspaceFolder}}/{FOLDER}/bin/python"


def test_pytest_finds_the_tests_of_every_service() -> None:
    assert WORKSPACE["settings"]["python.testing.pytestEnabled"]
    for service in CHOICES["service"]:
        assert f"{FOLDERS[service]}/pytest.ini" in FILES
        assert f"{FOLDERS[service]}/tests" in FOLDERS_OF_FILES


@pytest.mark.parametrize("path", sorted({text for text in texts(WORKSPACE) if "orkspaceFolder" in text}))
def test_a_path_that_is_named_is_there(path: str) -> None:
    found = [place for place in meant(path, folders=list(FOLDERS.values())) if f"/{FOLDER}/" not in f"/{place}"]
    assert not found or any(map(is_there, found))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task["label"]))
def test_a_task_starts_bazel_with_labels_that_exist(task: dict[str, Any]) -> None:
    assert task["command"] == "${workspaceFolder:laxai}/bazelw"
    assert task["options"]["cwd"] == "${workspaceFolder:laxai}"
    command, *words = task["args"]
    assert command in ("run", "test")
    labels = [label for word in words if word.startswith("//") for label in chosen(word)]
    assert labels
    for label in labels:
        folder, wildcard, _ = label.removeprefix("//").partition("...")
        assert is_there(os.path.normpath(folder)) if wildcard else is_target(label)


def test_there_is_a_program_to_debug_for_every_service() -> None:
    assert set(CHOICES["service"]) == {name for name in FOLDERS if name.startswith("service-")}
    started = {program["name"]: program for program in PROGRAMS if program["module"] != "pytest"}
    assert len(started) == len(CHOICES["service"])
    for service in CHOICES["service"]:
        (program,) = (program for program in started.values() if f":{service}}}" in program["python"])
        assert f"{FOLDERS[service]}/src/{program['module']}/__main__.py" in FILES


def test_every_question_is_asked_by_a_task_and_every_task_is_named_once() -> None:
    asked = {name for text in texts(TASKS) for name in re.findall(r"\$\{input:([^}]+)\}", text)}
    assert asked == CHOICES.keys()
    assert len({task["label"] for task in TASKS}) == len(TASKS)
