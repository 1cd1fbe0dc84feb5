"""Pins whose marker is false on the machine that locks."""

from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from lock.lockfile import Asked, Pin
from lock.other_platforms import fits, other_platform_pins, with_other_platforms, without_other_platforms
from shared_libs.common.errors import InputError

OURS, THEIRS = 'sys_platform != "darwin"', 'sys_platform == "darwin"'
HASH = "a" * 64
LOCK = f"""#
# made by pip-compile
#
idna==3 \\
    --hash=sha256:{HASH}
    # via x
torch==2+cpu ; {OURS} \\
    --hash=sha256:{HASH}
    # via -r requirements/a.in
zipp==1 \\
    --hash=sha256:{HASH}
    # via x

# The following packages are considered to be unsafe in a requirements file:
pip==26 \\
    --hash=sha256:{HASH}
    # via x
"""


def asked(text: str) -> Asked:
    return Asked(Requirement(text), Path("root/requirements/a.in"), 7)


@pytest.mark.parametrize(
    ("tag", "marker", "fitting"),
    [
        ("cp311-cp311-macosx_11_0_arm64", THEIRS, True),
        ("cp311-cp311-macosx_11_0_arm64", 'sys_platform == "darwin" and platform_machine == "x86_64"', False),
        ("cp311-cp311-macosx_10_9_universal2", 'sys_platform == "darwin" and platform_machine == "x86_64"', True),
        ("cp312-cp312-macosx_11_0_arm64", THEIRS, False),
        ("cp313-cp313t-macosx_11_0_arm64", THEIRS, False),
        ("cp39-abi3-macosx_11_0_arm64", THEIRS, True),
        ("cp312-abi3-macosx_11_0_arm64", THEIRS, False),
        ("py3-none-any", THEIRS, True),
        ("py2-none-any", THEIRS, False),
        ("cp311-cp311-manylinux_2_28_x86_64", THEIRS, False),
        ("cp311-cp311-manylinux2014_aarch64", 'platform_machine == "aarch64"', True),
        ("cp311-cp311-win_amd64", 'sys_platform == "win32" and platform_machine == "AMD64"', True),
        ("cp311-cp311-win32", 'platform_system == "Windows"', True),
    ],
)
def test_a_wheel_fits_by_interpreter_and_platform(tag: str, marker: str, fitting: bool) -> None:
    assert fits(tag, Marker(marker)) is fitting


def test_the_other_platforms_pin_goes_in_beside_its_neighbour_and_out_again(tmp_path: Path) -> None:
    pins = [(asked(f"torch==2 ; {THEIRS}"), ["b" * 64, "c" * 64])]
    text = with_other_platforms(LOCK, pins, Path("root"))
    added = (
        f"torch==2 ; {THEIRS} \\\n    --hash=sha256:{'b' * 64} \\\n    --hash=sha256:{'c' * 64}\n"
        "    # via -r requirements/a.in\n"
    )
    assert text == LOCK.replace("zipp==1", f"{added}zipp==1")
    assert without_other_platforms(text) == LOCK


@pytest.mark.parametrize(("name", "follower"), [("alpha", "idna==3"), ("mango", "torch==2+cpu"), ("zz", None)])
def test_a_pin_without_a_neighbour_stands_by_the_alphabet(name: str, follower: str | None) -> None:
    text = with_other_platforms(LOCK, [(asked(f"{name}==2 ; {THEIRS}"), [HASH])], Path("root"))
    after = text.partition(f"{name}==2")[2].partition("a.in\n")[2]
    assert after.startswith(follower) if follower else after == ""


def test_hashes_come_from_the_wheels_of_that_platform_only() -> None:
    wheels = [(HASH, ["cp311-cp311-macosx_11_0_arm64"]), ("b" * 64, ["cp311-cp311-win_amd64"])]
    line = asked(f"torch==2 ; {THEIRS}")
    assert other_platform_pins([line, asked("numpy>=2")], [], lambda name, version: wheels) == [(line, [HASH])]


def test_hashes_of_an_earlier_lock_are_kept_without_asking() -> None:
    def never(name: str, version: str) -> list[tuple[str, list[str]]]:
        raise AssertionError(name)

    requirement = Requirement(f"torch==2 ; {THEIRS}")
    earlier = [Pin(requirement, "2", frozenset([HASH]), Path("a.txt"), 1)]
    line = asked(f"torch==2 ; {THEIRS}")
    assert other_platform_pins([line], earlier, never) == [(line, [HASH])]


@pytest.mark.parametrize(
    ("text", "cause"),
    [(f"torch>=2 ; {THEIRS}", "cannot be chosen here"), (f"torch==2 ; {THEIRS}", "no index offers a wheel of torch 2")],
)
def test_a_line_that_cannot_be_pinned_is_refused_with_its_line(text: str, cause: str) -> None:
    with pytest.raises(InputError, match=cause) as caught:
        other_platform_pins([asked(text)], [], lambda name, version: [(HASH, ["cp311-cp311-win_amd64"])])
    assert caught.value.line == 7
