"""Builds a service's image by its Dockerfile, and compares it with the one that Bazel builds.

buildah builds, in the workspace itself, with `--isolation chroot`, which needs no engine and no registry. BASE_IMAGE is
the base of Bazel's images, BUILD_IMAGE has their interpreter; the wheels are fetched beforehand.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from container import Container, Image

SERVICE = os.environ["SERVICE"]

# What our layers hold, and the folders for it.
OURS = re.compile(r"/(app|opt)(/|$)")

# What says how a package was installed. RECORD names files that stay out of the image as well.
OF_INSTALLERS = re.compile(r"/opt/site-packages/[^/]+\.dist-info/(INSTALLER|RECORD|REQUESTED|direct_url\.json)")

# Where this file's link leads: the checkout, as whoever has no Bazel has it.
WORKSPACE = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Entry:
    """A file, a link or a folder. what: a file's SHA-256, or where a link leads."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    time: float
    what: str | None


Tree = dict[str, Entry]


def tree(image: Image) -> Tree:
    """{path: entry} of an image's file system."""
    found: Tree = {}
    for layer in image.layers:
        with tarfile.open(layer) as archive:
            for member in archive:
                what: str | None = member.linkname or None
                if member.isfile():
                    stream = archive.extractfile(member)
                    assert stream is not None
                    what = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                name = os.path.normpath("/" + member.name)
                assert not Path(name).name.startswith(".wh."), f"{name}: something of the base is removed"
                found[name] = Entry(member.type, member.mode, (member.uid, member.gid), member.mtime, what)
    return found


def below(of: Tree, place: str) -> Tree:
    return {path: entry for path, entry in of.items() if path.startswith(place)}


def differing(one: Tree, other: Tree) -> list[str]:
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def require_what_buildah_needs() -> None:
    if shutil.which("buildah") is None:
        pytest.skip("there is no buildah on this machine")
    if os.geteuid() != 0 or Path("/proc/self/setgroups").read_text().strip() != "allow":
        pytest.skip("buildah changes users and groups, which root alone may do, outside of Bazel's sandbox")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("buildah mounts, which is forbidden here")


def fetch_wheels(folder: Path) -> None:
    """Downloads the wheels of the image with the machine's own pip configuration."""
    lock = WORKSPACE / "requirements" / f"{SERVICE.replace('-', '_')}.txt"
    packages = WORKSPACE / "deploy" / "dockerfiles" / "packages" / f"{SERVICE}.txt"
    command = [os.environ["FILL_LAYER"], "wheels", f"--lock={lock}", f"--packages={packages}", f"--into={folder}"]
    ended = subprocess.run(command, env={**os.environ, "PIP_RETRIES": "2"}, capture_output=True, text=True)
    if ended.returncode and "Retrying (" in ended.stdout + ended.stderr:
        pytest.skip(f"there is no network to fetch wheels from: {ended.stderr.strip().splitlines()[-1]}")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def limits() -> list[str]:
    """The limits as they are: buildah would raise them, which not every root may do."""
    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    found = {
        name: [2**63 - 1 if one == resource.RLIM_INFINITY else one for one in resource.getrlimit(kind)]
        for name, kind in kinds.items()
    }
    return [f"--ulimit={name}={soft}:{hard}" for name, (soft, hard) in found.items()]


def build(folder: Path) -> Image:
    """Builds an image in a store of its own, which lies in `folder` with everything else that buildah writes."""
    (folder / "helpers").mkdir()
    # buildah looks for it at once, and starts it only for a network of a container's own.
    (folder / "helpers" / "netavark").symlink_to(str(shutil.which("true")))
    settings = {
        "containers.conf": f'[engine]\nhelper_binaries_dir = ["{folder}/helpers"]\n',
        "pip.conf": "[global]\nno-index = true\nfind-links = /wheels\n",
        "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}',
    }
    for name, text in settings.items():
        (folder / name).write_text(text)
    for name in ("home", "run", "temporary"):
        (folder / name).mkdir()
    environment = {
        "CONTAINERS_CONF": f"{folder}/containers.conf",
        "HOME": f"{folder}/home",
        "PATH": os.environ["PATH"],
        "TMPDIR": f"{folder}/temporary",
        "XDG_RUNTIME_DIR": f"{folder}/run",
    }
    bases = {name: Path(os.environ[name]).absolute() for name in ("BASE_IMAGE", "BUILD_IMAGE")}
    command = ["buildah", f"--root={folder}/store", f"--runroot={folder}/run/store", "--storage-driver=vfs", "build"]
    command += [
        "--isolation=chroot",
        "--network=host",
        "--disable-compression=false",
        *limits(),
        f"--signature-policy={folder}/policy.json",
    ]
    command += [f"--build-arg={name}=oci:{path}" for name, path in bases.items()]
    command += [f"--secret=id=pip.conf,src={folder}/pip.conf", f"--volume={folder}/wheels:/wheels:ro"]
    command += [f"--file=services/{SERVICE}/Dockerfile", f"--tag=oci:{folder}/image", "."]
    ended = subprocess.run(command, cwd=WORKSPACE, env=environment, text=True, capture_output=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Image(folder / "image")


@dataclass(frozen=True)
class Pair:
    """The image by the Dockerfile, and the one by Bazel, with what is in them."""

    by_dockerfile: Image
    by_bazel: Image
    files: Tree
    files_by_bazel: Tree


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    require_what_buildah_needs()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as temporary:
        folder = Path(temporary)
        fetch_wheels(folder / "wheels")
        by_dockerfile = build(folder)
        shutil.rmtree(folder / "store")
        by_bazel = Image(Path(os.environ["IMAGE"]).absolute())
        yield Pair(by_dockerfile, by_bazel, tree(by_dockerfile), tree(by_bazel))


@pytest.mark.parametrize("place", ["/app/", "/opt/python/"])
def test_our_files_and_the_interpreter_are_the_same_bytes(pair: Pair, place: str) -> None:
    ours = below(pair.files, place)
    assert len(ours) > 100
    assert differing(ours, below(pair.files_by_bazel, place)) == []


def test_the_packages_are_the_same_bytes(pair: Pair) -> None:
    packages, by_bazel = (
        {
            path: entry
            for path, entry in below(files, "/opt/site-packages/").items()
            if not OF_INSTALLERS.fullmatch(path)
        }
        for files in (pair.files, pair.files_by_bazel)
    )
    assert len(packages) > 1000
    assert differing(packages, by_bazel) == []


def test_everything_else_is_the_base_s(pair: Pair) -> None:
    base = tree(Image(Path(os.environ["BASE_IMAGE"]).absolute()))
    rest, of_base = ({path: files[path] for path in files if not OURS.match(path)} for files in (pair.files, base))
    assert set(rest) == set(of_base)
    # A folder that something is put into is written once more, with a time of its own.
    assert [path for path in differing(rest, of_base) if rest[path].kind != tarfile.DIRTYPE] == []


def test_the_settings_are_the_same(pair: Pair) -> None:
    settings, by_bazel = (
        {name: value for name, value in image.config["config"].items() if value}
        for image in (pair.by_dockerfile, pair.by_bazel)
    )
    for told in (settings, by_bazel):
        told["Env"] = sorted(told["Env"])
    del settings["Labels"]["io.buildah.version"]
    assert settings == by_bazel
    for name in ("architecture", "os"):
        assert pair.by_dockerfile.config[name] == pair.by_bazel.config[name]


def test_the_entry_point_runs_as_its_user_in_a_read_only_root_without_a_network(pair: Pair, tmp_path: Path) -> None:
    container = Container(pair.by_dockerfile, tmp_path / "root")
    try:
        ended = container.run(["--help"])
    finally:
        shutil.rmtree(container.root)
    assert ended.returncode == 0, ended.stderr
    assert "Usage" in ended.stdout
