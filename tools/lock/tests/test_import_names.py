"""Import names from the files of a wheel, clashes between distributions, and the record of both."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lock.import_names import Imports, clashes, import_names, read_record, record_text, update_record
from lock.lockfile import Pin
from shared_libs.common.errors import InputError

HERE, ELSEWHERE = "a" * 64, "b" * 64


def pin(name: str, version: str, *hashes: str, marker: str = "") -> Pin:
    requirement = Requirement(f"{name}=={version}" + (f" ; {marker}" if marker else ""))
    return Pin(requirement, version, frozenset(hashes), Path("some.txt"), 1)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["numpy/__init__.py", "numpy/linalg/__init__.py", "numpy/_core/x.cpython-311-linux-gnu.so"], ("numpy",)),
        (["six.py", "_cffi.cpython-311-linux-gnu.so", "a.so", "b.abi3.so"], ("_cffi", "a", "b", "six")),
        (["google/auth/__init__.py", "google/cloud/storage/__init__.py"], ("google.auth", "google.cloud.storage")),
        (["google/api/http_pb2.py"], ("google.api.http_pb2",)),
        (["numpy.libs/libx.so.1", "share/doc.txt", "a-b/c.py", "x.pth", "a.dist-info/RECORD"], ()),
        (["tool-1.data/purelib/tool/__init__.py", "tool-1.data/scripts/run.py"], ("tool",)),
        (["cv2/__init__.py", "cv2/cv2.abi3.so", "cv2/data/__init__.py"], ("cv2",)),
    ],
)
def test_import_names_are_modules_and_topmost_packages(files: list[str], names: tuple[str, ...]) -> None:
    assert import_names(files) == names


def test_two_distributions_of_one_import_name_clash() -> None:
    assert clashes({"opencv-python": ("cv2",), "numpy": ("numpy",), "opencv-python-headless": ("cv2",)}) == [
        "opencv-python and opencv-python-headless both bring 'cv2'"
    ]


def test_a_package_inside_another_distributions_package_clashes() -> None:
    assert clashes({"a": ("google",), "b": ("google.auth",)}) == ["b brings 'google.auth' into a's 'google'"]


def test_neighbours_in_a_namespace_do_not_clash() -> None:
    assert clashes({"a": ("google.auth",), "b": ("google.cloud.storage",)}) == []


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = {"b==1+cpu": Imports(HERE, ("b", "c.d")), "a==2": Imports(ELSEWHERE, ())}
    path = tmp_path / "import_names.json"
    path.write_text(record_text(record), encoding="utf-8")
    assert read_record(path) == record
    assert record_text(read_record(path)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{", "[]", '{"a==1": {}}', '{"a==1": {"sha256": "x", "imports": [1]}}'])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "import_names.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"import_names\.json"):
        read_record(path)


def test_only_what_is_new_is_looked_up_and_what_is_gone_is_dropped() -> None:
    looked_up = []

    def look_up(asked: Pin) -> Imports:
        looked_up.append(asked.key)
        return Imports(HERE, (asked.name,))

    record = {
        "kept==1": Imports(HERE, ("kept",)),
        "gone==1": Imports(HERE, ("gone",)),
        "stale==1": Imports(ELSEWHERE, ("old",)),
    }
    pins = [pin("kept", "1", HERE), pin("new", "1", HERE), pin("new", "1", HERE), pin("stale", "1", HERE)]
    assert update_record(record, pins, look_up) == {
        "kept==1": Imports(HERE, ("kept",)),
        "new==1": Imports(HERE, ("new",)),
        "stale==1": Imports(HERE, ("stale",)),
    }
    assert looked_up == ["new==1", "stale==1"]


def test_a_wheel_that_the_lock_does_not_list_is_refused() -> None:
    with pytest.raises(InputError, match="which the lock does not list"):
        update_record({}, [pin("a", "1", HERE)], lambda asked: Imports(ELSEWHERE, ("a",)))


def test_pins_of_other_platforms_are_not_looked_up() -> None:
    def look_up(asked: Pin) -> Imports:
        raise AssertionError(asked)

    assert update_record({}, [pin("a", "1", HERE, marker='sys_platform == "never"')], look_up) == {}
