"""What a base image must hold for our programs, wherever it comes from."""

import io
import posixpath
import tarfile

import pytest
from oci_layout import Image, file_of


class RootFileSystem:
    """The layers of an image, one over the other."""

    def __init__(self, image: Image) -> None:
        self.entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
        for layer in image.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(image.blob(layer["digest"]))) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isfile() else None
                    content = stream.read() if stream else b""
                    self.entries[posixpath.normpath(member.name)] = (member, content)

    def find(self, path: str) -> tuple[tarfile.TarInfo, bytes]:
        """What a path leads to, symbolic links followed in every part of it."""
        at = ""
        parts = path.strip("/").split("/")
        for _ in range(100):
            if not parts:
                return self.entries[at]
            at = posixpath.join(at, parts.pop(0))
            entry = self.entries.get(at)
            if entry and entry[0].issym():
                target = posixpath.normpath(posixpath.join("/", posixpath.dirname(at), entry[0].linkname))
                parts = target.strip("/").split("/") + parts
                at = ""
        raise AssertionError(f"too many links in {path}")


@pytest.fixture(scope="module")
def base() -> RootFileSystem:
    return RootFileSystem(Image(file_of("BASE")))


@pytest.mark.parametrize("library", ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libgomp.so.1", "libstdc++.so.6"])
def test_the_libraries_that_compiled_wheels_need_are_there(base: RootFileSystem, library: str) -> None:
    folders = (
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib/aarch64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    )
    for folder in folders:
        try:
            content = base.find(f"{folder}/{library}")[1]
        except KeyError:
            continue
        assert content.startswith(b"\x7fELF")
        return
    pytest.fail(f"{library} is in none of {folders}")


def test_certificates_and_time_zones_are_there(base: RootFileSystem) -> None:
    assert b"BEGIN CERTIFICATE" in base.find("/etc/ssl/certs/ca-certificates.crt")[1]
    assert base.find("/usr/share/zoneinfo/America/New_York")[1].startswith(b"TZif")


def test_there_is_a_user_who_is_not_root(base: RootFileSystem) -> None:
    users = base.find("/etc/passwd")[1].decode().splitlines()
    assert [line.split(":")[2:4] for line in users if line.startswith("nonroot:")] == [["65532", "65532"]]
    assert base.find("/home/nonroot")[0].uid == 65532


def test_everyone_can_write_temporary_files(base: RootFileSystem) -> None:
    assert base.find("/tmp")[0].mode & 0o7777 == 0o1777


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash", "/usr/bin/env"])
def test_there_is_no_shell(base: RootFileSystem, shell: str) -> None:
    with pytest.raises(KeyError):
        base.find(shell)


def test_an_image_on_the_base_starts_from_its_layers_and_settings() -> None:
    base, image = Image(file_of("BASE")), Image(file_of("IMAGE"))
    assert image.manifest["layers"][:-1] == base.manifest["layers"]
    assert image.config["rootfs"]["diff_ids"][:-1] == base.config["rootfs"]["diff_ids"]
    assert (image.config["os"], image.config["architecture"]) == (base.config["os"], base.config["architecture"])
    [path] = [entry for entry in base.config["config"]["Env"] if entry.startswith("PATH=")]
    assert "PATH=/opt/python/bin:" + path.removeprefix("PATH=") in image.config["config"]["Env"]
    assert image.config["config"]["User"] == "65532"
