"""What holds for the image of every service; laxai_image makes a test of it for each."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from container import USER, Container, Image

SERVICE: Final = os.environ["SERVICE"]
PACKAGE: Final = os.environ["PACKAGE"]

OUR_LAYERS: Final = ("opt/python", "opt/site-packages", "app")
"""Where our layers lie, in the order in which they stand on the base's."""


def _file(variable: str) -> Path:
    return Path(os.environ[variable]).absolute()


@pytest.fixture(scope="module")
def image() -> Image:
    return Image(_file("IMAGE"))


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("container")
    yield Container(image, folder / "root")
    shutil.rmtree(folder)


@functools.cache
def _members(layer: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(layer) as archive:
        return archive.getmembers()


def _crane() -> str:
    """rules_oci's own crane, which stands beside the program that pushes, or the one on the PATH."""
    for program in sorted(Path(os.environ["RUNFILES_DIR"]).glob("*oci_crane_*/crane")):
        return str(program)
    found = shutil.which("crane")
    assert found, "there is no crane, neither in the runfiles nor on the PATH"
    return found


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No credentials of the machine, and no proxy between a program and this machine."""
    keep = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**keep, "DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}


class Registry:
    """crane's own registry, on a free port. address: its host and port."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        command = [_crane(), "registry", "serve", "--address", "127.0.0.1:0", "--disk", str(folder)]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if match := re.search(r"serving on port (\d+)", line):
                self.address = f"127.0.0.1:{match[1]}"
                break
        else:
            pytest.fail("the registry did not start: " + "".join(said))
        self.log: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def registry(tmp_path: Path, environment: dict[str, str]) -> Iterator[Registry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    registry = Registry(folder, environment)
    yield registry
    registry.end()


def _push(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_file("PUSH"), *arguments], env=environment, text=True, capture_output=True)


def _said(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=True).stdout


def test_the_layers_on_the_base_are_interpreter_packages_and_code(image: Image) -> None:
    for layer, place in zip(image.layers[-len(OUR_LAYERS) :], OUR_LAYERS, strict=True):
        names = [os.path.normpath(member.name) for member in _members(layer)]
        above = {str(folder) for folder in Path(place).parents}
        assert [name for name in names if not (name == place or name.startswith(place + "/") or name in above)] == []
        assert len(names) > len(above)


def test_no_entry_of_our_layers_says_by_whom_or_when_it_was_made(image: Image) -> None:
    for layer in image.layers[-len(OUR_LAYERS) :]:
        assert {(member.uid, member.gid, member.mtime) for member in _members(layer)} == {(0, 0, 1577836800)}


def test_links_in_our_layers_lead_to_what_is_there(image: Image) -> None:
    for layer in image.layers[-len(OUR_LAYERS) :]:
        members = _members(layer)
        names = {os.path.normpath(member.name) for member in members}
        for member in members:
            if member.issym():
                assert os.path.normpath(os.path.join(os.path.dirname(member.name), member.linkname)) in names


def test_a_change_of_code_alone_uploads_less_than_a_megabyte(image: Image) -> None:
    assert image.layers[-1].stat().st_size < 1_000_000


def test_tests_and_headers_of_libraries_stay_out(image: Image) -> None:
    names = [os.path.normpath(member.name) for member in _members(image.layers[-2])]
    assert [name for name in names if re.search(r"/tests/|\.(h|pyi|a)$", name)] == []
    distributions = {Path(name).name.split("-")[0].lower() for name in names if name.endswith(".dist-info")}
    assert distributions & {"pytest", "hypothesis", "pip"} == set()


def test_the_settings_are_those_of_the_design(image: Image) -> None:
    config = image.config["config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Entrypoint"] == ["/opt/python/bin/python3.11", "-m", PACKAGE]
    assert config.get("Cmd") is None
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    assert environment["PYTHONPATH"] == "/app:/opt/site-packages"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == SERVICE
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", labels["org.opencontainers.image.version"])
    assert labels["org.opencontainers.image.source"].startswith("https://")
    assert labels["org.opencontainers.image.revision"] == "unstamped"


def test_the_command_line_answers_as_another_user_in_a_read_only_root_without_a_network(container: Container) -> None:
    ended = container.run(["--help"])
    assert ended.returncode == 0, ended.stderr
    assert "Usage" in ended.stdout
    program = """
import os, socket, sys
print(os.getuid(), os.getgid(), os.getpid(), sys.prefix, os.access("/app", os.W_OK))
try:
    open("/app/new", "w")
except OSError as error:
    print(error.strerror)
open("/tmp/new", "w").close()
try:
    socket.create_connection(("192.0.2.1", 80), timeout=3)
except OSError as error:
    print(error.strerror)
"""
    ended = container.python(program)
    assert ended.stdout.splitlines() == [
        f"{USER} {USER} 1 /opt/python False",
        "Read-only file system",
        "Network is unreachable",
    ], ended.stderr


def test_every_module_of_ours_is_imported_in_the_image(container: Container) -> None:
    program = f"""
import importlib, os, pkgutil, sys
for name in ("{PACKAGE}", "shared_libs"):
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        if not found.name.endswith("__main__") and ".migrations." not in found.name:
            importlib.import_module(found.name)
ours = [module for name, module in sys.modules.items() if name.split(".")[0] in ("{PACKAGE}", "shared_libs")]
print(len(ours), {{os.path.exists(module.__cached__) for module in ours if module.__file__}})
"""
    ended = container.python(program)
    assert ended.returncode == 0, ended.stderr
    count, has_byte_code = ended.stdout.splitlines()[-1].split()
    assert int(count) > 10
    assert has_byte_code == "{True}"


def test_sigterm_ends_what_runs_as_process_1(container: Container) -> None:
    waiting = """
from shared_libs.common.command_line import run_command_line
import time, typer
app = typer.Typer()
@app.command()
def wait():
    print("waits", flush=True)
    time.sleep(600)
import sys
sys.exit(run_command_line(app, "wait", []))
"""
    process = container.start_python(waiting)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "waits\n", process.stderr.read()
    # Process 1 of the namespace is the only child of unshare.
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    assert process.wait() == 143


def test_it_is_pushed_and_pulled_back_the_same(
    image: Image, registry: Registry, environment: dict[str, str], tmp_path: Path
) -> None:
    repository = f"{registry.address}/laxai/{SERVICE}"
    ended = _push(["--repository", repository, "--tag", "v1", "--tag", "latest"], environment)
    assert ended.returncode == 0, ended.stderr
    for tag in ("v1", "latest"):
        assert _said([_crane(), "digest", f"{repository}:{tag}"], environment).strip() == image.digest
    _said([_crane(), "validate", "--remote", f"{repository}:v1"], environment)
    _said([_crane(), "pull", "--format=oci", f"{repository}:v1", str(tmp_path / "pulled")], environment)
    assert Image(tmp_path / "pulled").digest == image.digest
    if shutil.which("skopeo"):
        inspected: dict[str, Any] = json.loads(
            _said(["skopeo", "inspect", "--tls-verify=false", f"docker://{repository}:v1"], environment)
        )
        assert inspected["Digest"] == image.digest
        assert inspected["Labels"]["org.opencontainers.image.title"] == SERVICE


def test_a_registry_that_is_not_there_is_one_error(environment: dict[str, str]) -> None:
    ended = _push(["--repository", f"127.0.0.1:9/laxai/{SERVICE}"], environment)
    assert ended.returncode != 0
    assert "127.0.0.1:9" in ended.stderr
    assert "connection refused" in ended.stderr


def test_without_a_repository_the_push_says_what_is_missing(environment: dict[str, str]) -> None:
    ended = _push([], environment)
    assert ended.returncode != 0
    assert "--repository" in ended.stderr
