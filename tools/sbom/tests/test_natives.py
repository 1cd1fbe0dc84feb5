"""Machine code: what it is called, and what it holds traces of."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbom.natives import Native, find_natives
from sbom.reviewed import Library, Trace
from sbom.tests.image_files import ELF

ZLIB = Library(name="zlib", licence="Zlib", trace=Trace(after="inflate ", version=r"(\d+\.\d+[\w.]*) Copyright"))
PROTOBUF = Library(name="protobuf", licence="MIT", trace=Trace(after="N6google8protobuf", version="()"))


@pytest.mark.parametrize(
    ("path", "stem", "version"),
    [
        ("av.libs/libx264-d6533a8d.so.165", "libx264", "165"),
        ("numpy.libs/libgfortran-040039e1-0352e75f.so.5.0.0", "libgfortran", "5.0.0"),
        ("cv.libs/libopenblasp-r0-59ffcd50.3.15.so", "libopenblasp-r0", "3.15"),
        ("cv.libs/libcrypto-a324fe28.so.1.1.1k", "libcrypto", "1.1.1k"),
        ("av.libs/libxcb-shm-0be6dfbf.so.0.0.0", "libxcb-shm", "0.0.0"),
        ("torch/lib/libtorch_cpu.so", "libtorch_cpu", None),
        ("torch/bin/protoc-3.13.0.0", "protoc-3.13.0.0", None),
    ],
)
def test_names_are_read_without_the_hashes_in_them(path: str, stem: str, version: str | None) -> None:
    native = Native(path, "", False, ())

    assert (native.stem, native.version) == (stem, version)


@given(
    stem=st.text("abcxyz0123_", min_size=1).map("lib{}".format),
    version=st.lists(st.integers(0, 99).map(str), min_size=1, max_size=4).map(".".join),
)
def test_a_name_with_any_number_of_hashes_is_the_same_library(stem: str, version: str) -> None:
    for hashes in ("", "-0123abcd", "-0123abcd-89abcdef"):
        native = Native(f"x.libs/{stem}{hashes}.so.{version}", "", False, ())
        assert (native.stem, native.version) == (stem, version)


def test_only_machine_code_is_found_and_modules_are_told_apart(tmp_path: Path) -> None:
    contents = {
        "a/lib/liba.so.1": ELF,
        "a/_b.cpython-311-x86_64-linux-gnu.so": ELF,
        "a/_c.abi3.so": ELF,
        "a/script.so": b"INPUT(-la)",
        "a/tool": ELF,
        "a/empty.so": b"",
        "a/not_looked_into.py": ELF,
    }
    files = {}
    for number, (path, content) in enumerate(contents.items()):
        files[path] = tmp_path / str(number)
        files[path].write_bytes(content)

    found = find_natives(files, [])

    assert [(native.path, native.is_extension_module) for native in found] == [
        ("a/_b.cpython-311-x86_64-linux-gnu.so", True),
        ("a/_c.abi3.so", True),
        ("a/lib/liba.so.1", False),
        ("a/tool", False),
    ]


@pytest.mark.parametrize(
    ("content", "traces"),
    [
        (b"", []),
        (b"could not inflate it; inflate 1.3.2 Copyright 1995", [("zlib", "1.3.2")]),
        (b"inflate 1.3.2 by others", []),
        (b"_ZN6google8protobuf_inflate 1.2 Copyright", [("protobuf", None), ("zlib", "1.2")]),
    ],
)
def test_traces_are_found_with_their_version(
    tmp_path: Path, content: bytes, traces: list[tuple[str, str | None]]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(ELF + content)

    (native,) = find_natives({"libx.so": path}, [ZLIB, PROTOBUF])

    assert sorted((found.library.name, found.version) for found in native.traces) == traces
