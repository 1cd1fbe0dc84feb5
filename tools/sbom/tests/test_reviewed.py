"""The two lists that people keep."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

from sbom.licences import binding_terms
from sbom.reviewed import DECISIONS, LIBRARIES, Decision, read_decisions, read_libraries
from shared_libs.common.errors import InputError

LIBRARY = '[[library]]\nname = "x"\nlicence = "{}"\n{}\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[[library]", "not TOML"),
        (LIBRARY.format("Nothing-1.0", ""), r"library\.0\.licence: .*Nothing-1\.0 is no SPDX expression"),
        (LIBRARY.format("MIT", 'licens = "MIT"'), r"library\.0\.licens: Extra inputs"),
        (LIBRARY.format("MIT", 'trace = { after = "some", version = "1." }'), r"1\. has not one group"),
        (LIBRARY.format("MIT", 'trace = { after = "so", version = "()" }'), r"trace\.after: .*at least 4"),
        (LIBRARY.format("MIT", 'trace = { after = "some", version = "(x" }'), r"\(x is no regular expression"),
        ('[[library]]\nname = "x"\n', r"library\.0\.licence: Field required"),
        ('[[package]]\nnames = ["x"]\nlicence = ""\n', r"package\.0\.licence"),
        ('[wheels]\nx = "who knows"\n', r"wheels\.x: .*who knows is no SPDX expression"),
    ],
)
def test_a_malformed_list_is_refused_with_the_place(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        read_libraries(write(tmp_path, text))


def test_a_decision_needs_its_reasons(tmp_path: Path) -> None:
    text = '[[decision]]\nlicences = ["MPL-2.0"]\nparts = ["x"]\ndecision = "kept"\nwhy = " "\nwho_passes_it_on = "x"\n'

    with pytest.raises(InputError, match=r"decision\.0\.why"):
        read_decisions(write(tmp_path, text))


def test_files_are_known_by_wheel_and_name(tmp_path: Path) -> None:
    one = '[[library]]\nname = "ssl"\nlicence = "OpenSSL"\nfiles = ["libssl"]\ninside = ["old-*"]\n'
    one += 'packages = ["openssl-libs"]\n'
    other = '[[library]]\nname = "ssl"\nlicence = "Apache-2.0"\nfiles = ["libssl", "libcrypto*"]\n'
    reviewed = read_libraries(write(tmp_path, 'own = ["own-*"]\n' + one + other))

    def licence(wheel: str, stem: str) -> str | None:
        known = reviewed.of_file(wheel, stem)
        return known.licence if known else None

    assert (licence("old-one", "libssl"), licence("new", "libssl")) == ("OpenSSL", "Apache-2.0")
    assert (licence("new", "libcrypto3"), licence("new", "libssl3")) == ("Apache-2.0", None)
    told = reviewed.of_package("openssl-libs")
    assert told and told.licence == "OpenSSL"
    assert reviewed.is_own("own-one", "own/lib/libx.so")
    assert not reviewed.is_own("own-one", "own_one.libs/libx.so")
    assert not reviewed.is_own("new", "new/lib/libx.so")


def test_a_decision_is_about_parts_under_licences() -> None:
    decision = Decision(licences=("LGPL-2.1-only",), parts=("*/x",), decision="kept", why="w", who_passes_it_on="p")

    assert decision.covers("a/x", "LGPL-2.1-only")
    assert not decision.covers("a/x", "LGPL-2.1-or-later")
    assert not decision.covers("x", "LGPL-2.1-only")


def test_every_library_of_a_wheel_that_a_decision_names_is_known_under_such_a_licence() -> None:
    reviewed = read_libraries(LIBRARIES)

    for decision in read_decisions(DECISIONS):
        for part in decision.parts:
            wheel, _, name = part.rpartition("/")
            if not wheel:
                continue
            known = [each.licence for each in reviewed.libraries if each.name == name and wheel != "debian"]
            known += [each.licence for each in reviewed.packages if wheel == "debian" and name in each.names]
            assert any(binding_terms(licence) & set(decision.licences) for licence in known), part


def test_copyleft_that_a_library_is_known_for_names_its_source() -> None:
    for library in read_libraries(LIBRARIES).libraries:
        if any(fnmatch(term, "*GPL-*") for term in binding_terms(library.licence)):
            assert library.source, library.name
