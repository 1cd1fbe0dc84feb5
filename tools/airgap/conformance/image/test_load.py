"""The archive that container engines load."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

from oci_layout import Image, file_of, sha256

ENGINES = ("docker", "podman", "nerdctl")


def check_archive(path: Path) -> None:
    image = Image(file_of("IMAGE"))
    with tarfile.open(path) as archive:
        contents = {member.name: stream.read() for member in archive if (stream := archive.extractfile(member))}
    [entry] = json.loads(contents["manifest.json"])
    assert entry["RepoTags"] == ["example.org/conformance:latest"]
    assert sha256(contents[entry["Config"]]) == image.manifest["config"]["digest"]
    digests = [layer["digest"] for layer in image.manifest["layers"]]
    assert [sha256(contents[layer]) for layer in entry["Layers"]] == digests


def load(path: list[Path | str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": os.pathsep.join(map(str, path)), "RECEIVED": str(tmp_path / "received.tar")}
    return subprocess.run([file_of("IMAGE_LOAD")], env=environment, capture_output=True, text=True, check=False)


def test_the_tarball_is_a_docker_archive_of_the_image() -> None:
    check_archive(file_of("IMAGE_ARCHIVE"))


def test_loading_hands_the_archive_to_the_engine(tmp_path: Path) -> None:
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text('#!/bin/sh\n[ "$1 $2" = "load --input" ] || exit 3\nexec cat "$3" > "$RECEIVED"\n')
    engine.chmod(0o755)
    result = load([engine.parent, os.environ["PATH"]], tmp_path)
    assert result.returncode == 0, result.stderr
    check_archive(tmp_path / "received.tar")


def test_the_engines_exit_code_is_passed_on(tmp_path: Path) -> None:
    engine = tmp_path / "docker"
    engine.write_text("#!/bin/sh\nexit 7\n")
    engine.chmod(0o755)
    assert load([tmp_path, os.environ["PATH"]], tmp_path).returncode == 7


def test_without_an_engine_the_error_names_those_that_would_do(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if program.name not in ENGINES and not (tools / program.name).is_symlink():
                (tools / program.name).symlink_to(program)
    result = load([tools], tmp_path)
    assert result.returncode == 1
    assert all(engine in result.stderr for engine in ENGINES)
