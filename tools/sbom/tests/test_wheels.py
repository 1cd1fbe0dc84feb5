"""Wheels that were merged into one folder, told apart again."""

import pytest

from sbom.tests.image_files import ImageFiles
from sbom.wheels import read_wheels
from shared_libs.common.errors import InputError

NOTICE = """
Name: OpenBLAS
Files: big.libs/libopenblas*.so
Description: bundled
Availability: somewhere
License: BSD-3-Clause
  Copyright …

Name: LAPACK
Files: big.libs/libopenblas*.so
License: BSD-3-Clause-Open-MPI

Name: something
Files: big.libs/libother*.so
License: see below
"""


def test_each_wheel_has_its_own_files_and_requirements(image: ImageFiles) -> None:
    image.add_wheel("b-b", "2", "License: MIT\nRequires-Dist: a>=1; sys_platform == 'linux'\n", {"shared/b.py": b""})
    image.add_wheel("A", "1", files={"shared/a.py": b"", "a.libs/liba.so": b""}, info={"licenses/LICENSE": b"MIT"})

    a, b = read_wheels(image.site_packages())

    assert (a.name, a.version, b.name, b.version) == ("a", "1", "b-b", "2")
    assert {"shared/a.py", "a.libs/liba.so", "A-1.dist-info/METADATA"} <= a.files
    assert "shared/b.py" in b.files and not a.files & b.files
    assert a.licence_files == ("A-1.dist-info/licenses/LICENSE",)
    assert [requirement.name for requirement in b.requires] == ["a"]


def test_what_the_image_leaves_out_is_no_file_of_the_wheel(image: ImageFiles) -> None:
    image.add_wheel("a", files={"a/kept.py": b"", "a/tests/left_out.py": b""})
    left = {path: file for path, file in image.site_packages().items() if "tests" not in path}

    (wheel,) = read_wheels(left)

    assert "a/kept.py" in wheel.files and "a/tests/left_out.py" not in wheel.files


def test_what_licence_files_say_about_bundled_files_is_read(image: ImageFiles) -> None:
    image.add_wheel("big", info={"LICENSE.txt": NOTICE.encode()})

    (wheel,) = read_wheels(image.site_packages())
    openblas = wheel.licence_of_file("big.libs/libopenblas-0f0f0f0f.so.0")
    other = wheel.licence_of_file("big.libs/libother.so")

    assert openblas and openblas.expression == "BSD-3-Clause AND BSD-3-Clause-Open-MPI"
    assert other and other.expression is None and other.basis == "big-1.0.dist-info/LICENSE.txt: see below"
    assert wheel.licence_of_file("big.libs/libnew.so") is None


def test_licence_files_are_found_in_both_old_and_new_places(image: ImageFiles) -> None:
    info = {"LICENCE": b"", "licenses/NOTICE.md": b"", "licenses/vendored/x/COPYING": b"", "licenses/AUTHORS.py": b""}
    image.add_wheel(
        "a", files={"a/ThirdPartyNotices.txt": b"", "a/deep/down/LICENSE": b"", "a/licence.py": b""}, info=info
    )

    (wheel,) = read_wheels(image.site_packages())

    assert wheel.licence_files == (
        "a-1.0.dist-info/LICENCE",
        "a-1.0.dist-info/licenses/NOTICE.md",
        "a-1.0.dist-info/licenses/vendored/x/COPYING",
        "a/ThirdPartyNotices.txt",
    )


def test_a_wheel_that_is_there_twice_is_refused(image: ImageFiles) -> None:
    image.add_wheel("a-b", "1")
    image.add_wheel("A.B", "2")

    with pytest.raises(InputError, match=r"a-b is in the image twice: 2 and 1"):
        read_wheels(image.site_packages())


def test_a_wheel_without_name_or_record_is_refused(image: ImageFiles) -> None:
    image.add_wheel("a")
    files = image.site_packages()

    with pytest.raises(InputError, match="has no RECORD"):
        read_wheels({path: file for path, file in files.items() if not path.endswith("RECORD")})
    files["a-1.0.dist-info/RECORD"].write_text("a/other.py,,\n")
    with pytest.raises(InputError, match="does not list the wheel's own files"):
        read_wheels(files)
    files["a-1.0.dist-info/METADATA"].write_text("Version: 1\n")
    with pytest.raises(InputError, match="does not say the wheel's name and version"):
        read_wheels(files)


def test_a_malformed_requirement_is_refused(image: ImageFiles) -> None:
    image.add_wheel("a", metadata="Requires-Dist: b>>1\n")

    with pytest.raises(InputError, match="a Requires-Dist is malformed"):
        read_wheels(image.site_packages())
