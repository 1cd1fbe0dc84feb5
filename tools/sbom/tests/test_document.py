"""An image's document, from its files to the JSON, and what `check` says about it."""

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sbom.__main__ import main
from sbom.tests.image_files import ELF, HASH, ImageFiles

SAID = {
    "bomFormat": "CycloneDX",
    "components": [
        {"type": "library", "name": "big", "purl": "pkg:pypi/big@1.0"},
        {"type": "library", "name": "libgomp", "version": "8.5", "purl": "pkg:rpm/almalinux/libgomp@8.5"},
        {
            "type": "library",
            "name": "serde",
            "version": "1",
            "purl": "pkg:cargo/serde@1",
            "licenses": [{"expression": "MIT"}],
        },
        {
            "type": "library",
            "name": "serde",
            "version": "2",
            "purl": "pkg:cargo/serde@2",
            "licenses": [{"expression": "MIT"}],
        },
        {
            "type": "library",
            "name": "perhaps",
            "version": "3",
            "scope": "optional",
            "licenses": [{"license": {"id": "0BSD"}}],
        },
        {"type": "library", "name": "old", "version": "4", "licenses": [{"license": {"name": "MIT/Apache-2.0"}}]},
    ],
}


def make(image: ImageFiles, base: Path, *, asked: tuple[str, ...] = (), name: str = "out.cdx.json") -> dict[str, Any]:
    """Makes the document of an image, with the program's own lists."""
    path = image.folder / name
    assert main([*arguments(image, base, asked), f"--output={path}"]) == 0
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def arguments(image: ImageFiles, base: Path, asked: tuple[str, ...] = ()) -> list[str]:
    files = [f"--lock={image.lock()}", f"--asked={image.asked(*asked)}", f"--specification={image.specification()}"]
    return ["make", "--name=service-x", "--version=0.1.0", f"--base={base}", *files]


def component(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """A component by the names of those above it and its own."""
    found = document
    for name in names:
        (found,) = [each for each in found["components"] if each["name"] == name]
    return found


def properties(component: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in component["properties"]}


def check(image: ImageFiles, capsys: pytest.CaptureFixture[str], name: str = "out.cdx.json") -> list[str]:
    """What `check` says, without the file's name."""
    status = main(["check", str(image.folder / name)])
    said = [row.split(": ", 1)[1] for row in capsys.readouterr().out.splitlines()]
    assert status == (1 if said else 0)
    return said


def test_every_part_of_an_image_is_named_once(image: ImageFiles, debian: Path) -> None:
    image.add_wheel("a-b", "1.0+cpu", "License-Expression: MIT\nRequires-Dist: c\nRequires-Dist: missing\n")
    image.add_wheel(
        "c", "2", 'License: ISC\nRequires-Dist: d; extra == "more"\nRequires-Dist: e; sys_platform == "win32"\n'
    )
    image.add_wheel("d")
    image.add_wheel("e")
    image.pins[1] = "c[more]==2"

    document = make(image, debian, asked=("C>=1", "elsewhere"))

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None
    assert [(each["name"], each.get("version")) for each in document["components"]] == [
        ("service-x", "0.1.0"),
        ("a-b", "1.0+cpu"),
        ("c", "2"),
        ("d", "1.0"),
        ("e", "1.0"),
        ("debian", "12"),
        ("cpython", "3.11.2"),
    ]
    wheel = component(document, "a-b")
    assert wheel["purl"] == "pkg:pypi/a-b@1.0%2Bcpu"
    assert wheel["hashes"] == [{"alg": "SHA-256", "content": HASH}]
    libc = component(document, "debian", "libc6")
    assert libc["purl"] == "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12"
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert edges["image"] == ["base", "code"]
    assert edges["code"] == ["interpreter", "wheel/c"]
    assert (edges["wheel/a-b"], edges["wheel/c"], edges["wheel/d"]) == (["wheel/c"], ["wheel/d"], [])
    assert edges["base"] == ["base/libc6"]


def test_libraries_are_under_the_wheel_that_bundles_them(image: ImageFiles, debian: Path) -> None:
    files = {
        "av.libs/libx264-0f0f0f0f.so.165": ELF,
        "av.libs/libavcodec-0f0f0f0f.so.62.1.2": ELF,
        "av.libs/libavutil-0f0f0f0f.so.60.1.2": ELF + b"FFmpeg version 8.1.2\0",
        "av/core.abi3.so": ELF + b" inflate 1.3.1 Copyright ",
        "av.libs/libnobody-knows.so": ELF,
    }
    image.add_wheel("av", "18.1.0", "License-Expression: BSD-3-Clause\n", files)

    document = make(image, debian)

    inside = {each["name"]: each for each in component(document, "av")["components"]}
    assert sorted(inside) == ["ffmpeg", "libnobody-knows", "x264", "zlib"]
    (file,) = inside["x264"]["components"]
    assert (file["type"], file["name"]) == ("file", "/opt/site-packages/av.libs/libx264-0f0f0f0f.so.165")
    assert len(file["hashes"][0]["content"]) == 64
    assert inside["x264"]["licenses"] == [{"license": {"id": "GPL-2.0-or-later", "acknowledgement": "concluded"}}]
    assert (inside["x264"]["version"], inside["ffmpeg"]["version"]) == ("165", "8.1.2")
    assert len(inside["ffmpeg"]["components"]) == 2
    assert inside["zlib"]["purl"] == "pkg:generic/zlib@1.3.1"
    assert properties(inside["zlib"])["laxai:linked-into"] == "/opt/site-packages/av/core.abi3.so"
    assert inside["libnobody-knows"]["licenses"] == [{"license": {"name": "NOASSERTION"}}]
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    assert edges["wheel/av"] == [f"wheel/av/{name}" for name in sorted(inside)]


def test_what_a_wheel_says_of_itself_counts(image: ImageFiles, debian: Path) -> None:
    notice = b"\nName: libgomp\nFiles: big.libs/libgomp*.so\nLicense: GPL-3.0-or-later\n"
    info = {"sboms/auditwheel.cdx.json": json.dumps(SAID).encode(), "licenses/LICENSE": notice}
    image.add_wheel("big", files={"big.libs/libgomp-0f0f0f0f.so.1.0.0": ELF}, info=info)

    document = make(image, debian)

    inside = [(each["name"], each["version"]) for each in component(document, "big")["components"]]
    assert sorted(inside) == [("libgomp", "8.5"), ("old", "4"), ("serde", "1"), ("serde", "2")]
    gomp = component(document, "big", "libgomp")
    assert gomp["licenses"] == [{"license": {"id": "GPL-3.0-or-later", "acknowledgement": "declared"}}]
    assert gomp["purl"] == "pkg:rpm/almalinux/libgomp@8.5"
    assert component(document, "big", "old")["licenses"][0]["expression"] == "MIT OR Apache-2.0"
    assert properties(component(document, "big"))["laxai:may-hold"] == "perhaps 3"


def test_a_wheels_own_libraries_are_its_files(image: ImageFiles, debian: Path) -> None:
    files = {"torch/lib/libtorch.so": ELF, "torch/lib/libgomp.so.1": ELF}
    image.add_wheel("torch", files=files)

    document = make(image, debian)

    inside = [(each["type"], each["name"]) for each in component(document, "torch")["components"]]
    assert sorted(inside) == [("file", "/opt/site-packages/torch/lib/libtorch.so"), ("library", "libgomp")]


def test_what_binds_and_what_nobody_knows_is_told_until_somebody_decides(
    image: ImageFiles, debian: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image.add_wheel("certifi", metadata="License: MPL-2.0\n")
    image.add_wheel("free", metadata="License-Expression: MIT OR GPL-2.0-only\n", files={"free.libs/libnew.so.1": ELF})
    image.add_wheel("new", metadata="License-Expression: AGPL-3.0-only\n")
    image.add_wheel("silent", metadata="")
    image.add_wheel("x264", metadata="License-Expression: GPL-2.0-or-later\n")
    make(image, debian)

    decide = "binds whoever passes the image on: decide about it in tools/sbom/decisions.toml"
    find_out = "nobody knows its licence: find out, and write it into tools/sbom/libraries.toml"
    assert check(image, capsys) == [
        f"free/libnew: {find_out}",
        f"new: AGPL-3.0-only {decide}",
        f"silent: {find_out}",
        f"x264: GPL-2.0-or-later {decide}",
    ]


def test_paths_are_those_of_whoever_runs_it_with_bazel(
    image: ImageFiles, debian: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    image.add_wheel("silent", metadata="")
    make(image, debian)
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(image.folder))

    assert main(["check", "out.cdx.json"]) == 1
    assert capsys.readouterr().out.startswith("out.cdx.json: silent: ")


def test_an_image_about_which_all_is_decided_passes(
    image: ImageFiles, debian: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image.add_wheel("psycopg", metadata="License-Expression: LGPL-3.0-only\n")
    image.add_wheel("av", files={"av.libs/libx265-0f0f0f0f.so.216": ELF})
    make(image, debian)

    assert check(image, capsys) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=8)
@given(order=st.permutations(range(12)), elsewhere=st.booleans())
def test_the_same_image_has_the_same_bytes_wherever_and_in_whatever_order(
    image: ImageFiles, debian: Path, tmp_path_factory: pytest.TempPathFactory, order: list[int], elsewhere: bool
) -> None:
    if not image.pins:
        image.add_wheel("a", metadata="Requires-Dist: b\nRequires-Dist: c\n", files={"a.libs/libx264.so.1": ELF})
        image.add_wheel("b", files={"b.libs/libx264.so.1": ELF, "b.libs/liby.so": ELF})
        image.add_wheel("c")
    other = ImageFiles(tmp_path_factory.mktemp("other")) if elsewhere else image
    places = list(image.files)
    assert len(places) == len(order) - 1
    for place in (places[index] for index in order if index < len(places)):
        other.files.pop(place, None)
        if elsewhere:
            other.add(place, image.files[place].read_bytes())
        else:
            other.files[place] = image.folder / "content" / place
    other.pins = [image.pins[index] for index in order if index < len(image.pins)]

    make(image, debian, name="first.cdx.json")
    make(other, debian, name="second.cdx.json")

    first = (image.folder / "first.cdx.json").read_bytes()
    assert first == (other.folder / "second.cdx.json").read_bytes()
    assert b"timestamp" not in first and str(image.folder).encode() not in first


def test_another_image_has_another_serial_number(image: ImageFiles, debian: Path) -> None:
    before = make(image, debian)
    image.add_wheel("a")

    assert make(image, debian)["serialNumber"] != before["serialNumber"]


@pytest.mark.parametrize(
    ("pin", "cause"),
    [("b==1.0", "does not pin a, which is in the image"), ("a==1.1", "pins a 1.1, and the image holds 1.0")],
)
def test_a_wheel_that_is_not_the_locks_is_refused(
    image: ImageFiles, debian: Path, capsys: pytest.CaptureFixture[str], pin: str, cause: str
) -> None:
    image.add_wheel("a")
    image.pins = [pin]

    assert main([*arguments(image, debian), f"--output={image.folder / 'out'}"]) == 2
    assert cause in capsys.readouterr().err
    assert not (image.folder / "out").exists()


@pytest.mark.parametrize(
    ("place", "content", "cause"),
    [
        ("opt/site-packages/stray.libs/libx.so", ELF, "/opt/site-packages/stray.libs/libx.so belongs to no wheel"),
        ("opt/python/bin/python3.11", None, "no interpreter is in the image"),
        ("app/tool/__init__.py", None, "no code is in the image"),
    ],
)
def test_an_image_that_cannot_be_accounted_for_is_refused(
    image: ImageFiles, debian: Path, capsys: pytest.CaptureFixture[str], place: str, content: bytes | None, cause: str
) -> None:
    if content is None:
        del image.files[place]
    else:
        image.add(place, content)

    assert main([*arguments(image, debian), f"--output={image.folder / 'out'}"]) == 2
    assert cause in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "configuration", "version"),
    [
        (b"\x003.2.0\x003.11.2+\x00", b"", "3.11.2"),
        (b"a 3.11.4 b", b"'srcdir': '/build/Python-3.11.14/x',", "3.11.14"),
        (b"\x003.12.1\x00", b"Python-3.11.x", "3.11"),
    ],
)
def test_the_interpreter_is_named_as_exactly_as_it_says(
    image: ImageFiles, debian: Path, content: bytes, configuration: bytes, version: str
) -> None:
    image.add("opt/python/bin/python3.11", ELF + content)
    image.add("opt/python/lib/python3.11/_sysconfigdata__linux.py", configuration)

    assert component(make(image, debian), "cpython")["version"] == version


@pytest.mark.parametrize("text", ["{", "[]", '{"bomFormat": "CycloneDX"}', '{"bomFormat": "SPDX", "components": []}'])
def test_a_wheels_document_that_cannot_be_read_is_no_reason_to_leave_it_out(
    image: ImageFiles, debian: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    image.add_wheel("a", info={"sboms/x.json": text.encode()})

    assert main([*arguments(image, debian), f"--output={image.folder / 'out'}"]) == 2
    assert "sboms/x.json: not a CycloneDX document with components" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "cause"), [("{", "not JSON"), ("[]", "not a CycloneDX"), (None, "no such file")])
def test_what_is_no_document_is_not_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, cause: str
) -> None:
    path = tmp_path / "x.cdx.json"
    if text is not None:
        path.write_text(text)

    assert main(["check", str(path)]) == 2
    assert cause in capsys.readouterr().err
