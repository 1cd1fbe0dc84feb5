"""The locks of this workspace: what requirements/ promises to everything that is built from it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lock.import_names import RECORD, clashes, read_record
from lock.lockfile import Pin, read_lock, read_requirements
from lock.workspace import REQUIREMENTS, SHARED_LIBS, lock_names, service_lock_names

# Not resolved: under Bazel this is the folder of the files that the test was given.
ROOT = Path(__file__).parents[3]
LOCKS = lock_names(ROOT)
SERVICES = service_lock_names(LOCKS)
CUDA = ("cuda-", "nvidia-", "triton")


def lock_path(name: str) -> Path:
    return ROOT / REQUIREMENTS / f"{name}.txt"


def pins_here(name: str) -> dict[str, Pin]:
    return {pin.name: pin for pin in read_lock(lock_path(name)) if pin.applies_here}


def test_every_lock_of_the_design_is_there() -> None:
    expected = {"api", "cloud", "tracking", "training"}
    assert {name.removeprefix("service_") for name in SERVICES} >= expected
    assert {SHARED_LIBS, "tools", "benchmarks", "training_cuda"} <= set(LOCKS)


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_an_in_file_is_satisfied_by_its_lock(name: str) -> None:
    pins = read_lock(lock_path(name))
    for asked in read_requirements(ROOT / REQUIREMENTS / f"{name}.in").asked:
        marker = str(asked.requirement.marker)
        found = [
            pin
            for pin in pins
            if pin.name == asked.name
            and (asked.applies_here or str(pin.requirement.marker) == marker)
            and asked.requirement.specifier.contains(pin.version, prereleases=True)
            and asked.requirement.extras <= (pin.requirement.extras or asked.requirement.extras)
        ]
        assert found, f"{asked.path.name}:{asked.line}: {asked.requirement} is not in {name}.txt"


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes(name: str) -> None:
    # read_lock refuses a pin without; here only that it found the pins at all.
    pins = read_lock(lock_path(name))
    assert len(pins) > 10
    assert all(pin.hashes for pin in pins)


@pytest.mark.parametrize("name", SERVICES)
def test_every_services_lock_covers_shared_libs(name: str) -> None:
    pins = pins_here(name)
    for asked in read_requirements(ROOT / REQUIREMENTS / f"{SHARED_LIBS}.in").asked:
        assert asked.name in pins, f"{name}.txt lacks {asked.requirement}"
        assert asked.requirement.specifier.contains(pins[asked.name].version), f"{name}.txt: {asked.requirement}"
    # And what those need in turn: all that shared_libs' own lock pins.
    assert not read_names(SHARED_LIBS) - read_names(name)


def read_names(name: str) -> set[str]:
    return set(pins_here(name))


def test_shared_libs_are_tested_with_another_numpy_than_the_services() -> None:
    own = pins_here(SHARED_LIBS)["numpy"].version
    assert {pins_here(name)["numpy"].version for name in SERVICES} - {own}


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_contains_pytest(name: str) -> None:
    assert "pytest" in pins_here(name)


def test_the_cpu_build_of_torch_is_in_the_training_lock_only() -> None:
    torches = {name: [pin for pin in read_lock(lock_path(name)) if pin.name == "torch"] for name in LOCKS}
    assert {pin.version for pin in torches.pop("service_training")} == {"2.13.0+cpu", "2.13.0"}
    assert [pin.version for pin in torches.pop("training_cuda")] == ["2.13.0"]
    assert not any(torches.values())
    others = [pin for name in LOCKS for pin in read_lock(lock_path(name)) if pin.name != "torch"]
    assert not [pin.key for pin in others if "+" in pin.version]


@pytest.mark.parametrize("name", LOCKS)
def test_cuda_is_in_the_lock_for_it_only(name: str) -> None:
    brings_cuda = [pin.key for pin in read_lock(lock_path(name)) if pin.name.startswith(CUDA)]
    assert bool(brings_cuda) == (name == "training_cuda"), brings_cuda


def test_the_two_locks_of_service_training_differ_in_torch_and_its_cuda_only() -> None:
    cpu, cuda = pins_here("service_training"), pins_here("training_cuda")
    assert cpu.pop("torch").version == f"{cuda.pop('torch').version}+cpu"
    common = {name: pin for name, pin in cuda.items() if not name.startswith(CUDA)}
    remedy = "bazel run //tools/lock -- training training_cuda --upgrade-package X"
    assert {pin.key for pin in common.values()} == {pin.key for pin in cpu.values()}, remedy
    assert {pin.name: pin.hashes for pin in common.values()} == {pin.name: pin.hashes for pin in cpu.values()}


@pytest.mark.parametrize("name", LOCKS)
def test_what_the_design_rules_out_is_in_no_lock(name: str) -> None:
    ruled_out = {"ultralytics", "boxmot", "timm", "torchvision", "motmetrics", "norfair"}
    assert not ruled_out & {pin.name for pin in read_lock(lock_path(name))}


def test_the_record_of_import_names_is_of_these_locks() -> None:
    record = read_record(ROOT / REQUIREMENTS / RECORD)
    pins = [pin for name in LOCKS for pin in pins_here(name).values()]
    assert set(record) == {pin.key for pin in pins}
    for pin in pins:
        assert record[pin.key].sha256 in pin.hashes, f"{pin.path.name}:{pin.line}: {pin.key}: run //tools/lock"


@pytest.mark.parametrize("name", [name for name in LOCKS if name != "benchmarks"])
def test_one_distribution_per_import_name(name: str) -> None:
    record = read_record(ROOT / REQUIREMENTS / RECORD)
    assert clashes({pin.name: record[pin.key].names for pin in pins_here(name).values()}) == []


# An option or attribute that names an index or a folder of wheels, or an address that looks like an index.
INDEX = re.compile(
    r"""(?:index[-_]url|find[-_]links|registry_url)["',\s=:\[(]{1,20}(?:https?|file)://[^\s"']+ | https?://[^\s"']+/(?:simple|whl)\b[^\s"']*""",
    re.VERBOSE | re.IGNORECASE,
)
ALLOWED_PLACES = re.compile(
    r"requirements/service_training\.in|MODULE\.bazel|tools/venvs/.*|services/service-training/Dockerfile"
)


def places() -> Iterator[Path]:
    """The files that could name an index, as far as this test was given them."""
    yield ROOT / "MODULE.bazel"
    yield from (ROOT / REQUIREMENTS).iterdir()
    yield from ROOT.glob("services/*/Dockerfile")
    for folder, subfolders, files in os.walk(ROOT / "tools", followlinks=True):
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and name != "__pycache__"]
        yield from (Path(folder, name) for name in files)


def test_no_index_address_stands_outside_the_allowed_places() -> None:
    (allowed,) = read_requirements(ROOT / REQUIREMENTS / "service_training.in").option("--extra-index-url")
    found = []
    for path in places():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_bytes().decode("utf-8", "replace")
        for match in INDEX.finditer(text):
            if ".invalid/" in match[0] or (allowed in match[0] and ALLOWED_PLACES.fullmatch(name)):
                continue
            found.append(f"{name}:{text[: match.start()].count(chr(10)) + 1}: {match[0]}")
    assert found == []


def test_the_search_for_addresses_finds_them() -> None:
    slashes = ":" + "//"
    for text in (
        f"--index-url https{slashes}host/x",
        f'"--extra-index-url",\n    "http{slashes}host/x"',
        f"PIP_FIND_LINKS=file{slashes}/wheels",
        f"see https{slashes}host/simple/numpy",
    ):
        assert INDEX.search(text), text
    assert not INDEX.search(f"see https{slashes}host/a-simple-page")
