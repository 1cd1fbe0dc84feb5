"""What the archives contain that tar.bzl makes."""

import os
import tarfile

import pytest


def entries(variable: str) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(os.environ[variable]) as archive:
        return {member.name.removeprefix("./"): member for member in archive}


def test_files_have_the_place_time_owner_and_mode_that_mutate_gives_them() -> None:
    found = entries("CODE")
    assert list(found) == ["srv", "srv/app", "srv/app/hello.py"]
    assert {(entry.uid, entry.gid, entry.mtime) for entry in found.values()} == {(65532, 65532, 1577836800)}
    assert {name: entry.mode for name, entry in found.items()} == {
        "srv": 0o755,
        "srv/app": 0o755,
        "srv/app/hello.py": 0o644,
    }
    assert found["srv/app/hello.py"].isfile() and found["srv/app"].isdir()


def test_a_files_content_is_archived_not_a_link_to_it() -> None:
    with tarfile.open(os.environ["CODE"]) as archive:
        stream = archive.extractfile("srv/app/hello.py")
        assert stream is not None
        assert b"hello from an image" in stream.read()


def test_lines_in_the_build_file_are_what_the_archive_holds() -> None:
    found = entries("SETTINGS")
    assert list(found) == ["etc/laxai", "etc/laxai/settings.txt", "etc/laxai/current"]
    assert {name: entry.mode for name, entry in found.items() if not entry.issym()} == {
        "etc/laxai": 0o750,
        "etc/laxai/settings.txt": 0o640,
    }
    assert found["etc/laxai/current"].linkname == "settings.txt"
    assert {entry.mtime for entry in found.values()} == {0}


def test_gzip_archives_hold_no_time() -> None:
    with open(os.environ["SETTINGS"], "rb") as stream:
        header = stream.read(8)
    assert header[:2] == b"\x1f\x8b"
    assert header[4:8] == bytes(4)


@pytest.mark.parametrize("name", ["opt/site-packages/iniconfig/__init__.py", "opt/site-packages/iniconfig/_parse.py"])
def test_every_file_of_a_wheel_is_an_entry(name: str) -> None:
    found = entries("PACKAGES")
    assert found[name].isfile()
    assert found[name].size > 0


def test_entries_of_a_wheel_have_one_owner_and_one_time() -> None:
    found = entries("PACKAGES")
    assert {(entry.uid, entry.gid, entry.mtime) for entry in found.values()} == {(0, 0, 1577836800)}
    assert {entry.type for entry in found.values()} == {tarfile.REGTYPE, tarfile.DIRTYPE}
