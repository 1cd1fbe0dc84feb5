"""Where compiled code is kept, and what happens where it cannot be, shown on a tiny function."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tracking.compiled import cache_folder

PROGRAM = """
from size import SIZE
from tracking.compiled import cache_folder, compiled

@compiled
def larger(number):
    return number * SIZE

print(cache_folder(), larger(21), sum(larger.stats.cache_hits.values()), sep="|")
"""


class Ran(NamedTuple):
    """What the program said."""

    folder: str
    value: int
    loaded: bool
    """whether its function was in the cache"""


class Program:
    """A small program with one compiled function, `number * SIZE`, called with 21."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "program" / "small.py"
        self._file.parent.mkdir()
        self._file.write_text(PROGRAM, encoding="utf-8")
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.set_size(2)

    def set_size(self, size: int) -> None:
        (self._file.parent / "size.py").write_text(f"SIZE = {size}\n", encoding="utf-8")

    def run(self, **variables: str | Path) -> Ran:
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        kept |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_NUM_THREADS": "1"}
        kept |= {"TMPDIR": str(self.temporary)} | {name: str(value) for name, value in variables.items()}
        line = [sys.executable, str(self._file)]
        done = subprocess.run(line, env=kept, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        folder, value, hits = done.stdout.strip().split("|")
        return Ran(folder, int(value), int(hits) > 0)

    @property
    def fallback(self) -> str:
        """The cache folder where the user's cannot be written."""
        return str(self.temporary / f"laxai-{os.getuid()}" / "compiled")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def kept_files(folder: Path) -> list[Path]:
    """numba's index and code files."""
    return sorted(path for path in folder.rglob("*") if path.suffix in {".nbi", ".nbc"})


def test_code_is_kept_in_the_users_cache_folder_and_found_again(program: Program, tmp_path: Path) -> None:
    expected = str(tmp_path / "home" / ".cache" / "laxai" / "compiled")
    assert program.run(HOME=tmp_path / "home") == (expected, 42, False)
    assert program.run(HOME=tmp_path / "home") == (expected, 42, True)
    assert len(kept_files(Path(expected))) == 2
    assert list(program.temporary.iterdir()) == []


def test_xdg_cache_home_is_heeded(program: Program, tmp_path: Path) -> None:
    ran = program.run(HOME=tmp_path / "home", XDG_CACHE_HOME=tmp_path / "xdg")
    assert ran.folder == str(tmp_path / "xdg" / "laxai" / "compiled")
    assert kept_files(tmp_path / "xdg")
    assert not (tmp_path / "home").exists()


def test_a_folder_that_was_chosen_for_numba_comes_first(program: Program, tmp_path: Path) -> None:
    ran = program.run(HOME=tmp_path / "home", NUMBA_CACHE_DIR=tmp_path / "chosen")
    assert ran.folder == str(tmp_path / "chosen" / "compiled")
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_written_is_no_trouble(program: Program) -> None:
    assert program.run(HOME="/proc/nonexistent") == (program.fallback, 42, False)
    assert program.run(HOME="/proc/nonexistent") == (program.fallback, 42, True)


def test_a_file_in_the_folders_place_is_no_trouble(program: Program, tmp_path: Path) -> None:
    (tmp_path / "xdg").write_text("", encoding="utf-8")
    assert program.run(HOME=tmp_path, XDG_CACHE_HOME=tmp_path / "xdg").folder == program.fallback


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert cache_folder() == tmp_path / "laxai" / "compiled"
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert cache_folder() != tmp_path / "laxai" / "compiled"


def test_without_any_folder_every_process_compiles(program: Program, tmp_path: Path) -> None:
    (program.temporary / f"laxai-{os.getuid()}").write_text("", encoding="utf-8")
    for _ in range(2):
        assert program.run(HOME="/proc/nonexistent") == ("None", 42, False)
    assert kept_files(tmp_path) == []


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95garbage", None], ids=["empty", "garbage", "half"])
def test_damaged_files_are_compiled_anew(program: Program, tmp_path: Path, suffix: str, content: bytes | None) -> None:
    program.run(HOME=tmp_path)
    damaged = [path for path in kept_files(tmp_path) if path.suffix == suffix]
    assert damaged
    for path in damaged:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert program.run(HOME=tmp_path)[1:] == (42, False)
    assert program.run(HOME=tmp_path)[1:] == (42, True)


def test_a_changed_constant_from_elsewhere_is_noticed(program: Program, tmp_path: Path) -> None:
    assert program.run(HOME=tmp_path)[1:] == (42, False)
    program.set_size(3)
    assert program.run(HOME=tmp_path)[1:] == (63, False)
