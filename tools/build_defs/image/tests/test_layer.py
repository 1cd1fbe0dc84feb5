"""What belongs in a layer, where it lies, and that nothing in it tells where it was built."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer import LayerError, byte_code, files_of, main, specification

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


def _wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    site_packages = folder / name / "site-packages"
    for at, content in files.items():
        path = site_packages / at
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return site_packages


def _places(folder: Path, part: str, files: dict[str, str]) -> list[str]:
    place = {"packages": "opt/site-packages", "interpreter": "opt/python", "code": "app"}[part]
    return list(files_of([(place, _wheel(folder, "any", files))], part))


def test_wheels_are_merged_into_one_folder(tmp_path: Path) -> None:
    one = _wheel(tmp_path, "one", {"google/one.py": "1", "one-1.dist-info/METADATA": "Name: one"})
    two = _wheel(tmp_path, "two", {"google/two.py": "2"})
    single = _wheel(tmp_path, "three", {"three.py": "3"}) / "three.py"
    found = files_of(
        [("opt/site-packages", one), ("opt/site-packages", two), ("opt/site-packages/three.py", single)], "packages"
    )
    assert {place: path.read_text() for place, path in found.items()} == {
        "opt/site-packages/google/one.py": "1",
        "opt/site-packages/google/two.py": "2",
        "opt/site-packages/one-1.dist-info/METADATA": "Name: one",
        "opt/site-packages/three.py": "3",
    }


def test_a_file_that_two_wheels_bring_alike_is_there_once_and_two_different_ones_are_an_error(tmp_path: Path) -> None:
    one = _wheel(tmp_path, "one", {"google/__init__.py": "", "LICENSE": "of one"})
    two = _wheel(tmp_path, "two", {"google/__init__.py": ""})
    three = _wheel(tmp_path, "three", {"LICENSE": "of three"})
    assert len(files_of([("opt/site-packages", one), ("opt/site-packages", two)], "packages")) == 2
    with pytest.raises(LayerError, match=r"/opt/site-packages/LICENSE: .*one.*three"):
        files_of([("opt/site-packages", one), ("opt/site-packages", three)], "packages")


def test_what_no_program_reads_stays_out_of_packages(tmp_path: Path) -> None:
    kept = ["numpy/__init__.py", "numpy/lib.so", "numpy/testing/__init__.py", "numpy/data.txt", "tests.py"]
    gone = ["numpy/__init__.pyi", "numpy/tests/test_a.py", "numpy/a.h", "bin/f2py", "torch/include/a.txt", "x/a.pxd"]
    made = dict.fromkeys([*kept, *gone, "numpy/__pycache__/old.cpython-311.pyc"], "")
    assert _places(tmp_path, "packages", made) == sorted(f"opt/site-packages/{name}" for name in kept)


def test_the_interpreter_keeps_what_programs_need(tmp_path: Path) -> None:
    kept = ["bin/python3.11", "lib/python3.11/os.py", "lib/python3.11/lib-dynload/_ssl.so", "lib/libpython3.11.so.1.0"]
    gone = ["bin/pip", "include/Python.h", "lib/python3.11/test/a.py", "lib/python3.11/tkinter/__init__.py"]
    gone += ["lib/python3.11/site-packages/pip/__init__.py", "lib/tcl8.6/init.tcl", "share/man/a.1"]
    made = dict.fromkeys([*kept, *gone], "")
    assert _places(tmp_path, "interpreter", made) == sorted(f"opt/python/{name}" for name in kept)


def test_all_of_our_code_is_kept(tmp_path: Path) -> None:
    kept = ["api/__init__.py", "api/page/tests/a.js", "shared_libs/py.typed"]
    assert _places(tmp_path, "code", dict.fromkeys([*kept, "api/__pycache__/a.pyc"], "")) == sorted(
        f"app/{name}" for name in kept
    )


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match=r"there is no .*gone.*app/gone"):
        files_of([("app/gone.py", tmp_path / "gone.py")], "code")


def test_byte_code_is_the_same_from_any_folder_and_names_the_place_in_the_image(tmp_path: Path) -> None:
    text = "WORDS = {'a', 'b', 'c', 'd'}\n\ndef f(x):\n    return x in {'e', 'f', 'g'}\n"
    compiled: list[bytes] = []
    for folder in (tmp_path / "one", tmp_path / "a/longer/way"):
        source = _wheel(folder, "package", {"words.py": text})
        os.utime(source / "words.py", (len(compiled), len(compiled)))
        [(place, path)] = byte_code(files_of([("app", source)], "code"), folder / "compiled").items()
        assert place == "app/__pycache__/words.cpython-311.pyc"
        compiled.append(path.read_bytes())
    assert compiled[0] == compiled[1]
    assert b"/app/words.py" in compiled[0]
    assert str(tmp_path).encode() not in compiled[0]


def test_what_is_no_python_of_this_version_is_left_alone(tmp_path: Path) -> None:
    source = _wheel(tmp_path, "templates", {"old.py": "print 'two'", "null.py": "a = '\0'", "good.py": "a = 1"})
    found = byte_code(files_of([("opt/site-packages", source)], "packages"), tmp_path / "compiled")
    assert list(found) == ["opt/site-packages/__pycache__/good.cpython-311.pyc"]


def test_programs_stay_programs_and_links_stay_links(tmp_path: Path) -> None:
    folder = _wheel(tmp_path, "python", {"bin/python3.11": "", "lib/python3.11/run.py": ""})
    (folder / "bin/python3.11").chmod(0o755)
    (folder / "lib/python3.11/run.py").chmod(0o755)
    (folder / "bin/python3").symlink_to("python3.11")
    lines = specification(files_of([("opt/python", folder)], "interpreter"), frozenset([folder])).splitlines()
    by_name = {line.split()[0]: line for line in lines}
    assert "mode=0755 type=file" in by_name["./opt/python/bin/python3.11"]
    assert "mode=0644 type=file" in by_name["./opt/python/lib/python3.11/run.py"]
    assert by_name["./opt/python/bin/python3"].endswith("mode=0777 type=link link=python3.11")


def test_a_link_to_a_file_outside_of_a_folder_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("a = 1")
    (tmp_path / "link.py").symlink_to(tmp_path / "real.py")
    assert "type=file" in specification(files_of([("app/link.py", tmp_path / "link.py")], "code")).splitlines()[-1]


@pytest.mark.skipif(shutil.which("bsdtar") is None, reason="there is no bsdtar on this machine")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.sets(NAMES, min_size=1, max_size=5))
def test_any_file_name_comes_through_the_archive(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "files"
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes(name.encode())
        found = files_of([("app/data", folder)], "code")
        (Path(made) / "mtree").write_text(specification(found), encoding="ascii")
        command = ["bsdtar", "--create", "--file", f"{made}/layer.tar", f"@{made}/mtree"]
        subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        with tarfile.open(f"{made}/layer.tar") as archive:
            read = {
                os.path.basename(member.name): stream.read()
                for member in archive
                if (stream := archive.extractfile(member)) is not None
            }
        kept = {name for name in names if not name.endswith(".pyc")}
        assert read == {name: name.encode() for name in kept}


def test_the_program_writes_the_specification_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _wheel(tmp_path, "api", {"api/__init__.py": ""})
    (tmp_path / "sources").write_text(f"app\t{source}\n")
    arguments = ["--part=code", f"--sources={tmp_path}/sources", f"--specification={tmp_path}/mtree"]
    arguments.append(f"--byte-code={tmp_path}/compiled")
    assert main(arguments) == 0
    names = [line.split()[0] for line in (tmp_path / "mtree").read_text().splitlines()]
    assert names == [
        "#mtree",
        *("./app", "./app/api", "./app/api/__init__.py"),
        *("./app/api/__pycache__", "./app/api/__pycache__/__init__.cpython-311.pyc"),
    ]
    (tmp_path / "sources").write_text(f"app/a\t{tmp_path}/gone\n")
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith("layer: error: there is no ")
