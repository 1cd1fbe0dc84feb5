"""`python -m venvs` on a workspace of its own, with wheels from a folder."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lock.testing import Workspace, make_workspace
from shared_libs.common.errors import InputError
from shared_libs.common.files import sha256_file
from venvs.interpreter import find_interpreter


def lock(workspace: Workspace, name: str, *wheels: Path) -> None:
    """Writes a lock that pins these wheels."""
    rows = []
    for wheel in wheels:
        project, version, _ = wheel.name.split("-", 2)
        rows.append(f"{project}=={version} --hash=sha256:{sha256_file(wheel)}\n")
    workspace.write(f"{name}.txt", "".join(rows))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two services with locks, one of them without a folder yet."""
    made = make_workspace(tmp_path)
    alpha, beta = made.wheel("alpha", "1.0"), made.wheel("beta", "1.0")
    for name, wheels in (("shared_libs", [beta]), ("service_here", [alpha, beta]), ("service_later", [beta])):
        made.write(f"{name}.in", "")
        lock(made, name, *wheels)
    package = made.root / "services" / "service-here" / "src" / "here"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import alpha, beta, shared_libs.thing\nprint('here', alpha.VERSION)\n")
    shared = made.root / "shared_libs"
    shared.mkdir()
    (shared / "thing.py").touch()
    return made


def venvs(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "venvs", *arguments],
        env={**workspace.environment, "BUILD_WORKSPACE_DIRECTORY": str(workspace.root)},
        capture_output=True,
        text=True,
        check=False,
    )


def venv_of(workspace: Workspace) -> Path:
    return workspace.root / "services" / "service-here" / ".venv"


def run_here(workspace: Workspace) -> str:
    """What the service says when it is started by its own .venv, from somewhere else and with no settings."""
    done = subprocess.run(
        [venv_of(workspace) / "bin" / "python", "-m", "here"],
        env={"PATH": os.defpath},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_a_service_runs_from_its_venv_and_those_without_a_folder_are_passed_over(workspace: Workspace) -> None:
    done = venvs(workspace)
    assert done.returncode == 0, done.stderr
    assert "service-later: passed over" in done.stderr
    assert run_here(workspace) == "here 1.0\n"
    assert (workspace.root / "shared_libs" / ".venv").is_dir()
    assert not (workspace.root / "services" / "service-later").exists()


def test_what_is_up_to_date_is_left_alone_and_what_is_not_is_built_anew(workspace: Workspace) -> None:
    assert venvs(workspace, "here").returncode == 0
    marker = venv_of(workspace) / "marker"
    marker.touch()
    done = venvs(workspace, "service-here")
    assert "services/service-here/.venv: up to date" in done.stderr
    assert marker.exists()
    lock(workspace, "service_here", workspace.wheel("alpha", "2.0"), workspace.wheel("beta", "1.0"))
    assert venvs(workspace, "service_here").returncode == 0
    assert run_here(workspace) == "here 2.0\n"
    assert not marker.exists()


def test_with_an_accelerator_a_service_is_built_from_its_lock_for_it(workspace: Workspace) -> None:
    workspace.write("here_cuda.in", "")
    lock(workspace, "here_cuda", workspace.wheel("alpha", "2.0"), workspace.wheel("beta", "1.0"))
    done = venvs(workspace, "here", "--accelerator", "cuda")
    assert done.returncode == 0, done.stderr
    assert "services/service-here/.venv: building from requirements/here_cuda.txt" in done.stderr
    assert run_here(workspace) == "here 2.0\n"
    assert "up to date" in venvs(workspace, "here", "--accelerator", "cuda").stderr
    assert venvs(workspace, "here").returncode == 0
    assert run_here(workspace) == "here 1.0\n"


def test_a_venv_without_its_stamp_is_built_anew(workspace: Workspace) -> None:
    assert venvs(workspace, "here").returncode == 0
    (venv_of(workspace) / "laxai-venv.json").unlink()
    (venv_of(workspace) / "bin" / "python").unlink()
    assert "built in" in venvs(workspace, "here").stderr
    assert run_here(workspace) == "here 1.0\n"


def test_when_a_wheel_is_not_the_locks_the_earlier_venv_stays(workspace: Workspace) -> None:
    assert venvs(workspace, "here").returncode == 0
    workspace.write("service_here.txt", f"alpha==1.0 --hash=sha256:{'0' * 64}\n")
    done = venvs(workspace, "here")
    assert done.returncode == 2
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert "service_here.txt: cannot be installed into .venv of service-here" in done.stderr.splitlines()[-1]
    assert run_here(workspace) == "here 1.0\n"
    assert [path.name for path in venv_of(workspace).parent.iterdir() if path.name.startswith(".")] == [".venv"]


def test_a_lock_that_lacks_what_a_wheel_requires_is_refused(workspace: Workspace) -> None:
    lock(workspace, "service_here", workspace.wheel("gamma", "1.0", ["delta"]))
    done = venvs(workspace, "here")
    assert done.returncode == 2
    assert "gamma 1.0 requires delta, which is not installed" in done.stderr
    assert not venv_of(workspace).exists()


def test_a_run_that_was_killed_is_made_good_by_the_next(workspace: Workspace) -> None:
    assert venvs(workspace, "here").returncode == 0
    lock(workspace, "service_here", workspace.wheel("alpha", "2.0"), workspace.wheel("beta", "1.0"))
    running = subprocess.Popen(
        [sys.executable, "-m", "venvs", "here"],
        env={**workspace.environment, "BUILD_WORKSPACE_DIRECTORY": str(workspace.root)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    aside = venv_of(workspace).with_name(".venv.before")
    while running.poll() is None and not aside.exists():
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    done = venvs(workspace, "here")
    assert done.returncode == 0, done.stderr
    assert run_here(workspace) == "here 2.0\n"
    assert not aside.exists()
    assert json.loads((venv_of(workspace) / "laxai-venv.json").read_bytes())["venv"] == str(venv_of(workspace))


def test_what_cannot_be_built_is_said_in_one_line(workspace: Workspace) -> None:
    (workspace.root / "services" / "service-later" / "src").mkdir(parents=True)
    (workspace.root / "requirements" / "service_later.txt").unlink()
    workspace.write("here_cuda.in", "")
    for arguments, cause in (
        (["nonesuch"], "there is no such virtual environment"),
        (["here", "--accelerator", "tpu"], "tpu: there is no lock for it, for any of service-here"),
        (["here", "--accelerator", "cuda"], "make it: bazel run //tools/lock -- here-cuda"),
        (["tools"], "there is no such virtual environment"),
        (["later"], "make it: bazel run //tools/lock -- service-later"),
        (["here", "--python", "/nonesuch/python"], "/nonesuch/python: cannot be run"),
    ):
        done = venvs(workspace, *arguments)
        assert done.returncode == 2
        assert cause in done.stderr
        assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1


def test_a_named_service_without_a_folder_is_an_error(workspace: Workspace) -> None:
    done = venvs(workspace, "later")
    assert done.returncode == 2
    assert "there is no such folder yet" in done.stderr


def test_an_interpreter_of_another_version_or_none_at_all_is_refused(tmp_path: Path) -> None:
    for says, cause in (('["/x", "3.12.1"]', "3.12.1, and the locks are for 3.11"), ("hello", "not a Python")):
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o755)
        with pytest.raises(InputError, match=cause):
            find_interpreter(program)


def test_a_python_of_a_virtual_environment_leads_to_the_one_below_it() -> None:
    found = find_interpreter(Path(sys.executable))
    assert found.path == found.path.resolve()
    assert found.version == sys.version.split()[0]


def test_the_airgaps_python_is_taken_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "python3.11"
    program.write_text('#!/bin/sh\necho \'["/lasting/python3.11", "3.11.2"]\'\n')
    program.chmod(0o755)
    monkeypatch.setenv("LAXAI_AIRGAP_PYTHON", str(tmp_path))
    found = find_interpreter(None)
    assert (str(found.path), found.version) == ("/lasting/python3.11", "3.11.2")
    assert found.note and "Debian 12" in found.note
