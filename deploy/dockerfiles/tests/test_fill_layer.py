"""fill_layer.py with the interpreter that runs this, and wheels that are made here."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from fill_layer import pins_of
from layer import SECONDS

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "deploy" / "dockerfiles" / "fill_layer.py"

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def fill(*arguments: str | Path, pip: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the program; pip reads no configuration but the one that is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment = {
        **kept,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PIP_CONFIG_FILE": os.devnull,
        **(pip or {}),
    }
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def wheel(folder: Path, name: str, version: str = "1.0") -> str:
    """Makes a wheel of one package with a module, a header, a test and something vendored. Returns its SHA-256."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{name}/include.h": "",
        f"{name}/tests/test_it.py": "",
        f"{name}/vendored/other-1.0.dist-info/INSTALLER": "somebody\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: absent\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    folder.mkdir(exist_ok=True)
    at = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(at, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return hashlib.sha256(at.read_bytes()).hexdigest()


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Locked:
    """A lock that pins two wheels, a list that names one of them, and where pip finds both."""

    def __init__(self, folder: Path) -> None:
        self.lock, self.packages = folder / "lock.txt", folder / "packages.txt"
        self.into = folder / "layers" / "packages"
        self.pins = {name: wheel(folder / "wheels", name) for name in ("needed", "for_tests")}
        self.pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "wheels")}
        self.write(self.pins)
        self.packages.write_text("needed\n")

    def write(self, pins: dict[str, str], options: str = "") -> None:
        self.lock.with_suffix(".in").write_text(options + "needed\nfor-tests\n")
        self.lock.write_text(
            "# made by hand\n"
            f"for-tests[extra]==1.0 \\\n    --hash=sha256:{pins['for_tests']}\n    # via -r lock.in\n"
            f"needed==1.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{pins['needed']}\n"
            "    # via -r lock.in\n"
        )

    def fill(self, part: str = "packages") -> subprocess.CompletedProcess[str]:
        places = (f"--lock={self.lock}", f"--packages={self.packages}", f"--into={self.into}")
        return fill(part, *places, pip=self.pip)


@pytest.fixture
def locked(tmp_path: Path) -> Locked:
    return Locked(tmp_path)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_is_read_whole(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    pins = pins_of(text)
    read = "".join(pins.values())
    for written in (r"^\S+==", r"--hash=sha256:"):
        assert len(re.findall(written, read, re.MULTILINE)) == len(re.findall(written, text, re.MULTILINE)) > 0


def test_pins_that_markers_choose_between_stay_together() -> None:
    lock = 'a==1 ; os_name == "nt" \\\n    --hash=sha256:1\na==2 ; os_name == "posix" \\\n    --hash=sha256:2\nb==3\n'
    assert pins_of(lock) == {"a": lock.removesuffix("b==3\n"), "b": "b==3\n"}


def test_only_packages_that_are_named_are_installed_without_headers_tests_and_marks_of_pip(locked: Locked) -> None:
    ended = locked.fill()
    assert ended.returncode == 0, ended.stderr
    assert sorted(files_in(locked.into / "opt" / "site-packages")) == [
        "needed-1.0.dist-info/METADATA",
        "needed-1.0.dist-info/RECORD",
        "needed-1.0.dist-info/WHEEL",
        "needed/__init__.py",
        "needed/__pycache__/__init__.cpython-311.pyc",
        "needed/vendored/other-1.0.dist-info/INSTALLER",
    ]
    assert list(locked.into.parent.iterdir()) == [locked.into], "something else was left"


def test_wheels_are_fetched_for_a_later_build(locked: Locked) -> None:
    ended = locked.fill("wheels")
    assert ended.returncode == 0, ended.stderr
    assert [path.name for path in locked.into.iterdir()] == ["needed-1.0-py3-none-any.whl"]


@pytest.mark.parametrize("part", ["packages", "wheels"])
def test_a_wheel_with_another_hash_is_refused(locked: Locked, part: str) -> None:
    locked.write(locked.pins | {"needed": "1" * 64})
    ended = locked.fill(part)
    assert ended.returncode == 1
    assert "DO NOT MATCH THE HASHES" in ended.stderr
    assert ended.stderr.endswith(f"fill_layer: error: pip did not get what {locked.lock} pins: see above\n")


def test_a_name_that_the_lock_does_not_pin_is_refused(locked: Locked) -> None:
    locked.packages.write_text("needed\nunheard-of\n")
    ended = locked.fill()
    assert ended.returncode == 1
    assert ended.stderr == f"fill_layer: error: {locked.packages} names what {locked.lock} does not pin: unheard-of\n"


def test_an_index_of_the_lock_that_does_not_answer_is_named_and_left_out(locked: Locked) -> None:
    # Nothing listens on port 1.
    locked.write(locked.pins, options="--extra-index-url http://127.0.0.1:1/simple\n")
    ended = locked.fill()
    assert ended.returncode == 0, ended.stderr
    assert "http://127.0.0.1:1/simple cannot be reached and is not asked" in ended.stderr


def test_a_layer_of_code_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    contents: list[dict[str, bytes]] = []
    for name in ("one", "two"):
        source, into = tmp_path / name / "source", tmp_path / name / "into"
        (source / "package").mkdir(parents=True)
        (source / "package" / "module.py").write_text("NAMES = {'b', 'a'}\n")
        (source / "package" / "broken.py").write_text("{{ a template }} of no language\n")
        (source / "package" / "page.html").write_text("<p>")
        os.utime(source / "package" / "module.py", (len(contents), len(contents)))
        ended = fill("code", f"--source={source}", f"--into={into}")
        assert ended.returncode == 0, ended.stderr
        contents.append(files_in(into))
        paths = [into, *into.rglob("*")]
        assert {path.stat().st_mtime for path in paths} == {SECONDS}
        assert {path.stat().st_mode & 0o7777 for path in paths if path.is_dir()} == {0o755}
        assert {path.stat().st_mode & 0o7777 for path in paths if path.is_file()} == {0o644}
    assert contents[0] == contents[1]
    assert sorted(contents[0]) == [
        "app/package/__pycache__/module.cpython-311.pyc",
        "app/package/broken.py",
        "app/package/module.py",
        "app/package/page.html",
    ]


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer of the interpreter, for a base that has the C library alone."""
    folder = tmp_path_factory.mktemp("interpreter")
    libraries = folder / "base" / "lib" / sysconfig.get_config_var("MULTIARCH")
    libraries.mkdir(parents=True)
    for name in ("libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"):
        (libraries / name).touch()
    ended = fill("interpreter", f"--base={folder / 'base'}", f"--into={folder / 'layers' / 'interpreter'}")
    assert ended.returncode == 0, ended.stderr
    return folder / "layers" / "interpreter"


def test_the_interpreter_runs_where_it_was_put_and_has_no_pip(interpreter: Path) -> None:
    program = "import json, ssl, sqlite3, sys; print(sys.prefix); import pip"
    at = interpreter / "opt" / "python"
    ended = subprocess.run([at / "bin" / "python3.11", "-I", "-c", program], capture_output=True, text=True)
    assert ended.stdout.strip() == str(at)
    assert "No module named 'pip'" in ended.stderr


def test_libraries_that_the_base_lacks_come_along_under_the_names_that_are_asked_for(interpreter: Path) -> None:
    folder = interpreter / "usr" / "lib" / sysconfig.get_config_var("MULTIARCH")
    found = {path.name: path for path in folder.iterdir()}
    assert {"libz.so.1", "libssl.so.3", "libsqlite3.so.0"} <= set(found)
    assert all(path.read_bytes().startswith(b"\x7fELF") and not path.is_symlink() for path in found.values())
    assert {"libc.so.6", "libm.so.6"} & set(found) == set()


def test_a_file_that_is_missing_is_one_line_and_no_layer(tmp_path: Path) -> None:
    ended = fill("code", f"--source={tmp_path / 'absent'}", f"--into={tmp_path / 'into'}")
    assert ended.returncode == 1
    assert ended.stderr == f"fill_layer: error: there is no {tmp_path / 'absent'}, which should become /app\n"
    assert list((tmp_path / "into").iterdir()) == []
