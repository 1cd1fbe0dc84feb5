"""The packages of a base image."""

from pathlib import Path

import pytest

from sbom.base import DebianPackage, read_base
from sbom.tests.image_files import DEBIAN, BaseImage
from shared_libs.common.errors import InputError


def test_packages_are_read_with_the_place_of_their_licence(base: BaseImage) -> None:
    linked = {
        "./usr/share/doc/libgcc-s1@": "gcc-12-base",
        "./var/lib/dpkg/status.d/gcc": "Package: libgcc-s1\nVersion: 12.2.0-14\nDescription: x\n y\n",
        "./var/lib/dpkg/status.d/gcc.md5sums": "0f usr/lib/x\n",
    }
    found = read_base(base.add_layer(DEBIAN | linked).written())

    assert (found.distribution, found.release) == ("debian", "12")
    assert found.packages == (
        DebianPackage("libc6", "2.36-9", "amd64", "/usr/share/doc/libc6/copyright"),
        DebianPackage("libgcc-s1", "12.2.0-14", "all", "/usr/share/doc/libgcc-s1/copyright"),
    )


def test_a_later_layer_covers_an_earlier_one(base: BaseImage) -> None:
    newer = {"var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.36-10\nArchitecture: amd64\n"}

    (package,) = read_base(base.add_layer(DEBIAN).add_layer(newer).written()).packages

    assert package.version == "2.36-10"


def test_an_image_that_does_not_say_what_it_holds_is_refused(base: BaseImage) -> None:
    layout = base.add_layer({"etc/os-release": "ID=debian\n"}).written()

    with pytest.raises(InputError, match=r"the base image has no /var/lib/dpkg/status\.d/"):
        read_base(layout)


def test_a_package_without_a_version_is_refused(base: BaseImage) -> None:
    layout = base.add_layer({"var/lib/dpkg/status.d/x": "Package: x\n"}).written()

    with pytest.raises(InputError, match=r"/var/lib/dpkg/status\.d/x does not say the package's name and version"):
        read_base(layout)


def test_a_layer_that_is_cut_off_or_of_an_unknown_kind_is_refused(base: BaseImage) -> None:
    layout = base.add_layer(DEBIAN).written()
    digest = str(base.layers[0]["digest"]).removeprefix("sha256:")
    layer = layout / "blobs" / "sha256" / digest
    whole = layer.read_bytes()

    for damaged in (whole[: len(whole) // 2], b"\x28\xb5\x2f\xfd no tar", b""):
        layer.write_bytes(damaged)
        with pytest.raises(InputError, match="a layer cannot be read"):
            read_base(layout)
    layer.unlink()
    with pytest.raises(InputError, match="a layer cannot be read"):
        read_base(layout)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schemaVersion": 2}'])
def test_what_is_no_layout_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.json").write_text(text)

    with pytest.raises(InputError, match=r"not (JSON|an OCI image layout)"):
        read_base(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_base(tmp_path / "nothing")
