"""GitHub's workflows and Cloud Build's file: against their schemas, against each other, and what their commands name.

None of this says that GitHub or Google run them as is meant.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
ACTION = ROOT / ".github" / "actions" / "bazel" / "action.yaml"
CLOUD_BUILD = ROOT / "deploy" / "cloud-build" / "cloudbuild.yaml"

SERVICES = ["service-tracking", "service-training", "service-cloud", "service-api"]
COMMANDS_OF_BAZEL = {"build", "run", "test"}
PIN = re.compile(r"uses: (?P<action>[\w.-]+/[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+")


def read(path: Path) -> dict[str, Any]:
    # For YAML 1.1 the word `on` is true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


def schema(name: str) -> dict[str, Any]:
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    document = json.loads((folder / f"{name}.json").read_text())
    assert isinstance(document, dict)
    return document


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield f"{path.stem}: {name}", job


def steps() -> list[tuple[str, dict[str, Any]]]:
    """All steps of GitHub's, each with where it stands."""
    found = [(where, step) for where, job in jobs() for step in job.get("steps", [])]
    return found + [(ACTION.name, step) for step in read(ACTION)["runs"]["steps"]]


def scripts() -> list[tuple[str, str]]:
    """All shell scripts, each with where it stands."""
    github = [(where, step["run"]) for where, step in steps() if "run" in step]
    google = [(f"cloudbuild: {step['id']}", step["script"]) for step in read(CLOUD_BUILD)["steps"]]
    return github + google


def commands() -> list[tuple[str, list[str]]]:
    """What scripts give to ./bazelw: the words of each command, a service's name written out for each."""
    found = []
    for where, script in scripts():
        for line in script.replace("\\\n", " ").splitlines():
            if "./bazelw " not in line:
                continue
            line = line[line.index("./bazelw ") :]
            named = re.search(r"\$(?:SERVICE|service)\b", line)
            for service in SERVICES if named else [""]:
                words = shlex.split(re.sub(r"\$(?:SERVICE|service)\b", service, line))
                found.append((where, words[1:]))
    return found


def existing_labels() -> set[str]:
    if "LABELS" not in os.environ:
        pytest.skip("which targets there are is for Bazel to say, and this is not run by it")
    return set(Path(os.environ["LABELS"]).read_text().split())


def test_there_are_definitions() -> None:
    assert [path.stem for path in WORKFLOWS] == ["images", "release", "test"]
    assert len(commands()) >= 10


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *((path, "github-workflows") for path in WORKFLOWS),
        (ACTION, "github-actions"),
        (CLOUD_BUILD, "cloudbuild"),
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_every_definition_is_of_its_schema(path: Path, name: str) -> None:
    jsonschema.validate(read(path), schema(name))


@pytest.mark.parametrize(("where", "script"), scripts(), ids=str)
def test_every_script_is_bash(where: str, script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("where", "script"), scripts(), ids=str)
def test_no_script_has_foreign_text_put_into_it(where: str, script: str) -> None:
    # An expression is replaced before the shell reads the script: what it holds comes by variables.
    assert "${{" not in script


def test_every_script_ends_at_its_first_failure() -> None:
    assert all(read(path)["defaults"]["run"]["shell"] == "bash" for path in WORKFLOWS)
    assert all(step["shell"] == "bash" for step in read(ACTION)["runs"]["steps"] if "run" in step)
    for step in read(CLOUD_BUILD)["steps"]:
        assert step["script"].startswith("#!/usr/bin/env bash\nset -euo pipefail\n"), step["id"]


def test_actions_of_others_are_pinned_by_commit_with_their_version() -> None:
    pins: dict[str, set[str]] = {}
    for path in (*WORKFLOWS, ACTION):
        for line in path.read_text().splitlines():
            if "uses:" not in line:
                continue
            if "uses: ./" in line:
                ours = ROOT / line.partition("uses: ./")[2]
                assert ours.is_file() or (ours / "action.yaml").is_file(), line
                continue
            pin = PIN.fullmatch(line.strip().removeprefix("- "))
            assert pin is not None, line
            owner_and_name = "/".join(pin["action"].split("/")[:2])
            pins.setdefault(owner_and_name, set()).add(pin["commit"])
    assert pins.keys() == {"actions/cache", "actions/checkout", "actions/upload-artifact"}
    assert all(len(commits) == 1 for commits in pins.values()), "one version of each"


def test_rights_are_to_read_and_only_a_release_writes_packages() -> None:
    for path in WORKFLOWS:
        assert read(path)["permissions"] == {"contents": "read"}, path.name
        assert "pull_request_target" not in read(path)["on"], path.name
    more = {where: job["permissions"] for where, job in jobs() if "permissions" in job}
    assert more == {"release: push": {"contents": "read", "packages": "write"}}


def test_no_token_is_left_in_a_checkout() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 4
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_newer_commit_of_a_pull_request_ends_the_older_ones_run_and_nothing_else_is_ended() -> None:
    test = read(ROOT / ".github" / "workflows" / "test.yaml")["concurrency"]
    assert "github.event.pull_request.number" in test["group"]
    assert test["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    for name in ("images", "release"):
        assert not read(ROOT / ".github" / "workflows" / f"{name}.yaml")["concurrency"].get("cancel-in-progress")


def test_the_writer_s_password_is_given_to_main_alone() -> None:
    given = [
        line.strip()
        for path in (*WORKFLOWS, ACTION)
        for line in path.read_text().splitlines()
        if "secrets.BAZEL_REMOTE_CACHE_WRITE" in line
    ]
    tells_whether = [line for line in given if line.startswith("HAS_REMOTE_CACHE:")]
    others = [line for line in given if line not in tells_whether]
    assert len(others) == 2
    assert all("github.ref == 'refs/heads/main' && secrets.BAZEL_REMOTE_CACHE_WRITE" in line for line in others)
    release = read(ROOT / ".github" / "workflows" / "release.yaml")["jobs"]["test"]
    assert release["secrets"].keys() == {"BAZEL_REMOTE_CACHE"}


def test_what_main_keeps_is_what_others_look_for() -> None:
    kept = {
        step["uses"].partition("@")[0]: step["with"]
        for _, step in steps()
        if step.get("uses", "").startswith("actions/cache/")
    }
    saved, restored = kept["actions/cache/save"], kept["actions/cache/restore"]
    assert saved["path"] == restored["path"]
    assert saved["key"] == restored["key"]
    for prefix in restored["restore-keys"].split("\n")[:-1]:
        assert restored["key"].startswith(prefix)
    # Where .bazelrc puts it.
    assert saved["path"].split()[0] in (ROOT / ".bazelrc").read_text()


def test_a_pull_request_has_its_base_in_the_clone() -> None:
    (steps_of_job,) = (job["steps"] for where, job in jobs() if where == "test: affected")
    assert steps_of_job[0]["with"]["fetch-depth"] == 2
    assert [words for where, words in commands() if where == "test: affected" and "HEAD^1..HEAD" in words]


def test_every_image_is_built_and_pushed_under_one_name_everywhere() -> None:
    for where, job in jobs():
        if "strategy" in job:
            assert job["strategy"]["matrix"] == {"service": SERVICES}, where
            assert job["env"]["SERVICE"] == "${{ matrix.service }}", where
    pushes = [words for _, words in commands() if any(word.endswith(":image_push") for word in words)]
    assert len(pushes) == 2 * len(SERVICES)
    for words in pushes:
        service = next(word for word in words if word.endswith(":image_push")).split("/")[3].partition(":")[0]
        assert "--config=release" in words
        assert words[words.index("--repository") + 1].endswith(f"/laxai-{service}")
        assert words[words.index("--tag") + 1]
    # Where they run.
    run = "".join(path.read_text() for path in sorted((ROOT / "deploy" / "cloud-run").glob("*.yaml")))
    assert set(re.findall(r"laxai-(service-\w+):", run)) == set(SERVICES)


def test_every_command_is_one_of_bazel_s_with_configurations_that_there_are() -> None:
    known = set(re.findall(r"^\w+:([\w-]+) ", (ROOT / ".bazelrc").read_text(), re.MULTILINE))
    assert {"ci", "release", "remote-cache", "remote-cache-write"} <= known
    for where, words in commands():
        assert words[0] in COMMANDS_OF_BAZEL, where
        asked = {word.removeprefix("--config=") for word in words if word.startswith("--config=")}
        assert "ci" in asked, where
        assert asked <= known, where
    written = re.findall(r"--config=([\w-]+)", ACTION.read_text() + CLOUD_BUILD.read_text())
    assert set(written) <= known


def test_every_target_of_a_command_exists() -> None:
    named = set()
    for _, words in commands():
        ours = words[: words.index("--")] if "--" in words else words
        for word in ours:
            if word.startswith("//") and not word.endswith("..."):
                package, _, name = word.removeprefix("//").partition(":")
                named.add(f"//{package}:{name or package.rpartition('/')[2]}")
    assert "//services/service-api:image_push" in named
    assert named == existing_labels()


def test_cloud_build_declares_the_substitutions_that_its_scripts_read() -> None:
    document = read(CLOUD_BUILD)
    used = {name for step in document["steps"] for name in re.findall(r"\$\{?(_[A-Z_]+|PROJECT_ID)\b", step["script"])}
    assert used == {*document["substitutions"], "PROJECT_ID"}
    # They reach scripts as variables, and one is made of another.
    assert document["options"]["automapSubstitutions"] is True
    assert document["options"]["dynamicSubstitutions"] is True
