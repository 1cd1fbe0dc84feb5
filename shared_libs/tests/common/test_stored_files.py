"""Files of storage: the same promises in a folder and in an object store, and one line for whatever goes wrong."""

import os
import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.errors import InputError, OutputError, TransientError, UserError
from shared_libs.common.folder_transfers import is_name
from shared_libs.common.storage_failures import Retry
from shared_libs.common.stored_files import ObjectFiles, StoredFiles, stored_files
from shared_libs.common.transfers import PART
from shared_libs.utils.ids import new_id


class Buckets(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """An object store with one bucket, "games", whose client fails with `failure` where that is set."""

    protocol = "buckets"
    cachable = False
    objects: ClassVar[dict[str, bytes]] = {}
    failure: ClassVar[Exception | None] = None

    def _answer(self) -> None:
        if Buckets.failure is not None:
            raise Buckets.failure

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        self._answer()
        path = self._strip_protocol(path)
        prefix = f"{path}/" if path else ""
        below = [key[len(prefix) :] for key in ("games/", *self.objects) if key.startswith(prefix)]
        names = sorted({prefix + rest.partition("/")[0] for rest in below})
        if path in self.objects:
            names = [path]
        elif not names:
            raise FileNotFoundError(path)
        entries = [
            {"name": n, "size": len(self.objects.get(n, b"")), "type": "file" if n in self.objects else "directory"}
            for n in names
            if n != prefix
        ]
        return entries if detail else [entry["name"] for entry in entries]

    def _open(self, path: str, mode: str = "rb", *rest: Any, **options: Any) -> BytesIO:
        self._answer()
        if mode == "rb":
            if path not in self.objects:
                raise FileNotFoundError(path)
            return BytesIO(self.objects[path])
        if not path.startswith("games/"):
            raise FileNotFoundError(path)
        put = BytesIO()
        close = put.close

        def keep() -> None:
            self.objects[path] = put.getvalue()
            close()

        put.close = keep  # type: ignore[method-assign]
        return put

    def cp_file(self, path1: str, path2: str, **options: Any) -> None:
        self.objects[self._strip_protocol(path2)] = self.objects[self._strip_protocol(path1)]

    def rm_file(self, path: str) -> None:
        self.objects.pop(self._strip_protocol(path), None)


@pytest.fixture
def buckets() -> Iterator[type[Buckets]]:
    fsspec.register_implementation("buckets", Buckets, clobber=True)
    Buckets.objects, Buckets.failure = {}, None
    yield Buckets
    Buckets.objects, Buckets.failure = {}, None


@pytest.fixture(params=["folder", "file", "memory", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path, buckets: type[Buckets]) -> StoredFiles:
    urls = {
        "folder": f"{tmp_path}/storage",
        "file": f"file://{tmp_path}/storage",
        "memory": f"memory://{new_id('run')}",
        "bucket": "buckets://games/laxai",
    }
    return stored_files(urls[request.param])


def source(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "source"
    path.write_bytes(content)
    return path


def test_nothing_is_there_before_something_is_put_there(files: StoredFiles) -> None:
    assert files.folders("reds/models") == []
    assert files.read("reds/models/promoted.json") is None
    with pytest.raises(InputError, match="one: no such file"):
        files.sha256("reds/one")


def test_a_folder_is_added_once_and_is_then_read(files: StoredFiles, tmp_path: Path) -> None:
    files.add("reds/models/a", {"big": source(tmp_path, b"1" * 3_000_000)}, "card", b"first")
    files.add("reds/models/b", {}, "card", b"second")
    assert files.folders("reds/models") == ["a", "b"]
    assert files.read("reds/models/a/card") == b"first"
    assert files.read("reds/models/a/big") == b"1" * 3_000_000
    assert files.sha256("reds/models/a/card") == "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"
    with pytest.raises(OutputError, match="reds/models/a: is there already"):
        files.add("reds/models/a", {"big": source(tmp_path, b"2")}, "card", b"third")
    assert files.read("reds/models/a/big") == b"1" * 3_000_000
    assert files.folders("reds/models") == ["a", "b"]


def test_a_file_is_replaced(files: StoredFiles) -> None:
    files.add("reds/models/a", {}, "card", b"")
    for content in (b"one", b"other"):
        files.write("reds/models/promoted.json", content)
        assert files.read("reds/models/promoted.json") == content


def test_a_file_is_copied_from_an_object_store(tmp_path: Path, buckets: type[Buckets]) -> None:
    files = stored_files("buckets://games")
    assert isinstance(files, ObjectFiles)
    buckets.objects["games/reds/big"] = content = os.urandom(2_500_000)
    files.copy("reds/big", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content
    with pytest.raises(InputError, match="buckets://games/reds/none: no such file"):
        files.copy("reds/none", tmp_path / "copy")
    with pytest.raises(FileNotFoundError):
        files.copy("reds/big", tmp_path / "none" / "copy")


def test_an_addition_that_fails_leaves_nothing_in_a_folder(tmp_path: Path) -> None:
    files = stored_files(tmp_path / "storage")
    files.add("reds/models/a", {}, "card", b"")
    with pytest.raises(OutputError, match="reds/models/b: "):
        files.add("reds/models/b", {"big": tmp_path / "none"}, "card", b"")
    assert [path.name for path in (tmp_path / "storage/reds/models").iterdir()] == ["a"]


def test_an_addition_that_fails_leaves_nothing_in_an_object_store(tmp_path: Path, buckets: type[Buckets]) -> None:
    files = stored_files("buckets://games/laxai")
    sources = {"one": source(tmp_path, b"1"), "other": tmp_path / "none"}
    with pytest.raises(InputError, match="none: no such file"):
        files.add("reds/models/b", sources, "card", b"")
    assert buckets.objects == {}


def test_of_two_that_add_a_folder_the_second_does_not_replace_the_first(tmp_path: Path) -> None:
    one, other = stored_files(tmp_path), stored_files(tmp_path)
    one.add("reds/models/a", {}, "card", b"first")
    with pytest.raises(OutputError, match="is there already"):
        other.add("reds/models/a", {}, "card", b"second")
    assert (tmp_path / "reds/models/a/card").read_bytes() == b"first"


def test_folders_are_for_all_who_may_read_where_they_lie(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        stored_files(tmp_path).add("reds/models/a", {"big": source(tmp_path, b"1")}, "card", b"")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / "reds/models" / name).stat().st_mode) for name in ("a", "a/big", "a/card")]
    assert modes == [0o755, 0o644, 0o644]


def one_line(attempt: Callable[[], object], kind: type[UserError], *words: str) -> None:
    with pytest.raises(kind) as caught:
        attempt()
    assert type(caught.value) is kind
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (PermissionError("Forbidden"), "permission denied"),
        (RuntimeError("Unable to locate credentials\nsee the manual"), "Unable to locate credentials see the manual"),
    ],
)
def test_what_a_client_raises_is_one_line(
    failure: Exception, words: str, tmp_path: Path, buckets: type[Buckets]
) -> None:
    files = stored_files("buckets://games/laxai")
    assert isinstance(files, ObjectFiles)
    original = source(tmp_path, b"")
    buckets.failure = failure
    one_line(lambda: files.folders("reds"), InputError, "buckets://games/laxai/reds: ", "be read", words)
    one_line(lambda: files.read("reds/a"), InputError, "buckets://games/laxai/reds/a: ", "be read", words)
    one_line(lambda: files.sha256("reds/a"), InputError, words)
    one_line(lambda: files.copy("reds/a", tmp_path / "copy"), InputError, words)
    one_line(lambda: files.write("reds/a", b""), OutputError, "buckets://games/laxai/reds/a: ", "be written", words)
    one_line(lambda: files.add("reds/b", {"big": original}, "card", b""), InputError, words)


def test_what_a_client_raises_for_the_moment_is_transient(tmp_path: Path, buckets: type[Buckets]) -> None:
    slept: list[float] = []
    files = ObjectFiles("buckets://games/laxai", Retry(slept.append))
    original = source(tmp_path, b"1")
    buckets.failure = TimeoutError()
    for attempt in (
        lambda: files.folders("reds"),
        lambda: files.names("reds"),
        lambda: files.size("reds/a"),
        lambda: files.read("reds/a"),
        lambda: files.read_range("reds/a", 0, 1),
        lambda: files.download("reds/a", tmp_path / "copy"),
        lambda: files.write("reds/a", b""),
        lambda: files.upload(original, "reds/a"),
        lambda: files.remove_folder("reds"),
    ):
        slept.clear()
        one_line(attempt, TransientError, "buckets://games/laxai/reds", "just now: TimeoutError")
        assert len(slept) == 7


def test_a_bucket_that_is_not_there_is_named(buckets: type[Buckets]) -> None:
    files = stored_files("buckets://gmaes/laxai")
    for attempt in (lambda: files.folders("reds"), lambda: files.read("reds/a")):
        one_line(attempt, InputError, "buckets://gmaes/laxai: there is no bucket gmaes")
    one_line(lambda: files.write("reds/a", b""), OutputError, "no such bucket")


def test_a_url_that_cannot_be_used_is_one_line(buckets: type[Buckets]) -> None:
    fsspec.register_implementation("absent", "no_such_package.System", clobber=True, errtxt="Install no-such-package")
    one_line(
        lambda: stored_files("absent://a"),
        InputError,
        "absent://a: needs a package that is not installed",
        "Install no-such-package",
    )
    one_line(lambda: stored_files("s4://a"), InputError, "s4://a: cannot be used as storage", "s4")
    one_line(lambda: stored_files("buckets://"), InputError, "buckets://: names no bucket")


def test_no_message_has_a_password(buckets: type[Buckets]) -> None:
    buckets.failure = PermissionError("Forbidden")
    files = stored_files("buckets://coach:sesame@games/laxai")
    with pytest.raises(InputError) as caught:
        files.read("reds/a")
    assert "sesame" not in str(caught.value)


def test_a_folder_that_cannot_be_entered_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "reds").symlink_to(tmp_path / "reds")
    files = stored_files(tmp_path)
    for attempt in (lambda: files.folders("reds"), lambda: files.read("reds/a"), lambda: files.sha256("reds/a")):
        with pytest.raises(InputError, match="cannot be read: Too many levels of symbolic links"):
            attempt()
    with pytest.raises(OutputError, match="cannot be written: Too many levels of symbolic links"):
        files.add("reds/models/a", {}, "card", b"")


def test_a_file_in_place_of_a_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "reds").write_bytes(b"")
    files = stored_files(tmp_path)
    for attempt in (lambda: files.folders("reds"), lambda: files.read("reds/a")):
        with pytest.raises(InputError, match=r"reds.*: cannot be read: Not a directory"):
            attempt()
    with pytest.raises(OutputError, match="a part of its path is a file"):
        files.add("reds/a", {}, "card", b"")


def test_a_folder_is_relative_to_where_the_user_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert stored_files("data").place("a") == str(tmp_path / "data" / "a")
    assert stored_files("file://data").place() == str(tmp_path / "data")
    assert stored_files("~/data").place() == str(tmp_path / "home" / "data")


@pytest.mark.parametrize("size", [0, 1, 1000, PART + 1000])
def test_a_file_goes_there_and_comes_back(files: StoredFiles, tmp_path: Path, size: int) -> None:
    original = source(tmp_path, os.urandom(size))
    files.upload(original, "reds/v/a")
    assert files.size("reds/v/a") == size
    assert files.names("reds") == ["v/a"]
    assert files.read_range("reds/v/a", size // 2, 10) == original.read_bytes()[size // 2 : size // 2 + 10]
    files.download("reds/v/a", tmp_path / "out" / "a")
    assert (tmp_path / "out" / "a").read_bytes() == original.read_bytes()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
    assert not list(tmp_path.glob(".*"))


def test_what_a_report_raises_is_raised_as_it_is(files: StoredFiles, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise OSError("not of the storage")

    with pytest.raises(OSError, match="not of the storage"):
        files.upload(source(tmp_path, b"1"), "reds/a", report=stop)
    files.write("reds/a", b"1")
    with pytest.raises(OSError, match="not of the storage"):
        files.download("reds/a", tmp_path / "out" / "a", report=stop)
    assert list((tmp_path / "out").iterdir()) == []


NAMES = st.lists(st.text("abc._-0", min_size=1, max_size=4), min_size=1, max_size=3).map("/".join)


@pytest.mark.parametrize("kind", ["folder", "memory"])
@given(content=st.dictionaries(NAMES, st.binary(max_size=30), max_size=8))
def test_a_folder_comes_back_as_it_went(
    kind: str, tmp_path_factory: pytest.TempPathFactory, content: dict[str, bytes]
) -> None:
    content = {
        name: data
        for name, data in content.items()
        if is_name(name) and not any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in content)
    } | {"run.json": b"{}"}
    content = {name: data for name, data in content.items() if not name.startswith("run.json/")}
    tmp_path = tmp_path_factory.mktemp("folder")
    files = stored_files(tmp_path / "storage" if kind == "folder" else f"memory://{new_id('run')}")
    for name, data in content.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    files.upload_folder(tmp_path / "in", "reds/r", last="run.json", allowed=lambda: None)
    assert files.names("reds/r") == sorted(content)
    files.download_folder("reds/r", tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in content} == content
    files.remove_folder("reds/r")
    assert files.names("reds") == []
    assert files.folders("reds") == []


@given(st.text("a./\\\0 ", max_size=12))
def test_no_name_leads_out_of_its_folder(name: str) -> None:
    if is_name(name):
        assert os.path.normpath(f"/folder/{name}") == f"/folder/{name}"
        assert not name.startswith(".") and "/." not in name


def test_temporary_files_are_no_part_of_storage(files: StoredFiles) -> None:
    for name in (".a.upload", ".b/c", "d/.e"):
        files.write(f"reds/{name}", b"1")
    assert files.names("reds") == []
    assert [name for name in files.folders("reds") if name != "d"] == []


def test_two_uploads_of_the_same_to_the_same_place_do_no_harm(tmp_path: Path) -> None:
    files, original = stored_files(tmp_path / "storage"), source(tmp_path, os.urandom(PART + 1000))
    nested: list[int] = []

    def upload_again(done: int, total: int) -> None:
        if not nested:
            nested.append(done)
            stored_files(tmp_path / "storage").upload(original, "reds/a")

    files.upload(original, "reds/a", report=upload_again)
    assert nested == [PART]
    assert files.read("reds/a") == original.read_bytes()
    assert files.names("") == ["reds/a"]
    assert [path.name for path in (tmp_path / "storage/reds").iterdir()] == ["a"]


def test_a_broken_off_upload_of_damaged_bytes_is_mended(tmp_path: Path) -> None:
    files, original = stored_files(tmp_path / "storage"), source(tmp_path, os.urandom(2 * PART))

    def stop(done: int, total: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        files.upload(original, "reds/a", report=stop)
    (half,) = (tmp_path / "storage/reds").iterdir()
    assert half.stat().st_size == PART
    half.write_bytes(b"?" * (3 * PART))
    files.upload(original, "reds/a")
    assert files.read("reds/a") == original.read_bytes()
