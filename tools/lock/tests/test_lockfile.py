"""Reading .in files and locks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lock.lockfile import read_lock, read_requirements
from shared_libs.common.errors import InputError

HASH = "sha256:" + "0f" * 32


def write(folder: Path, text: str, name: str = "some.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_pin_has_its_name_version_hashes_and_line(tmp_path: Path) -> None:
    other = "sha256:" + "1e" * 32
    text = f"# made by a tool\nPy_Arrow==2.1 \\\n    --hash={HASH} \\\n    --hash={other}\n    # via x\n"
    (pin,) = read_lock(write(tmp_path, text))
    assert (pin.name, pin.version, pin.line, pin.key) == ("py-arrow", "2.1", 2, "py-arrow==2.1")
    assert pin.hashes == {HASH[7:], other[7:]}


def test_a_distribution_may_be_pinned_once_per_marker(tmp_path: Path) -> None:
    text = f'a==1+cpu ; sys_platform == "linux" --hash={HASH}\na==1 ; sys_platform == "darwin" --hash={HASH}\n'
    assert [pin.version for pin in read_lock(write(tmp_path, text))] == ["1+cpu", "1"]


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        (f"a==1 --hash={HASH}\n\nb>=2 --hash={HASH}\n", 3, "not pinned to one version"),
        (f"a==1.* --hash={HASH}\n", 1, "not pinned to one version"),
        (f"a --hash={HASH}\n", 1, "not pinned to one version"),
        ("a==1\n", 1, "has no hash"),
        ("a==1 --hash=md5:0f0f\n", 1, "not a SHA-256 hash"),
        (f"a==1 --hash={HASH[:-1]}\n", 1, "not a SHA-256 hash"),
        (f"a==1 --hash={HASH}\nA==2 --hash={HASH}\n", 2, "pinned on line 1 already"),
        ("--index-url https://host.invalid/simple\n", 1, "a lock has no options"),
        (f"a==1 \\\n    --hash={HASH} \\\n", 1, "ends in the middle of a line"),
        (f"{{}} --hash={HASH}\n", 1, "not a requirement"),
        (f"a @ https://host.invalid/a.whl --hash={HASH}\n", 1, "comes from an address"),
    ],
)
def test_what_is_not_a_hashed_pin_is_refused_with_its_line(tmp_path: Path, text: str, line: int, cause: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=cause) as caught:
        read_lock(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_bytes_that_are_not_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_bytes(b"# fine\n\xff\xfe\n")
    with pytest.raises(InputError, match="not UTF-8 text") as caught:
        read_lock(path)
    assert caught.value.line == 2


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_lock(tmp_path / "none.txt")


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random.txt"
    path.write_bytes(data)
    for read in (read_lock, read_requirements):
        try:
            read(path)
        except InputError as error:
            assert "\n" not in str(error)


def test_included_files_count_and_keep_their_own_place(tmp_path: Path) -> None:
    base = write(tmp_path, "numpy>=2  # why\n", "base.in")
    text = "-r base.in\n--extra-index-url https://host.invalid/cpu\n\nscipy\n"
    read = read_requirements(write(tmp_path, text, "a.in"))
    assert [(asked.name, asked.path, asked.line) for asked in read.asked] == [
        ("numpy", base, 1),
        ("scipy", tmp_path / "a.in", 4),
    ]
    assert read.option("--extra-index-url") == ["https://host.invalid/cpu"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("-r a.in\n", "includes itself"),
        ("-r none.in\n", "no none.in to include"),
        ("-r\n", "-r without a value"),
        ("numpy==\n", "not a requirement"),
        (f"numpy==2 --hash={HASH}\n", "a hash in an .in file"),
    ],
)
def test_a_bad_line_of_an_in_file_is_refused(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(InputError, match=cause) as caught:
        read_requirements(write(tmp_path, text, "a.in"))
    assert caught.value.line == 1


def test_two_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "-r b.in\n", "a.in")
    write(tmp_path, "-r a.in\n", "b.in")
    with pytest.raises(InputError, match="includes itself"):
        read_requirements(tmp_path / "a.in")
