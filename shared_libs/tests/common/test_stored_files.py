"""Files of storage: the same promises in a folder and in an object store, and one line for whatever goes wrong."""

import os
import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest

from shared_libs.common.errors import InputError, OutputError, UserError
from shared_libs.common.stored_files import LocalFiles, ObjectFiles, stored_files
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

    def rm_file(self, path: str) -> None:
        self.objects.pop(self._strip_protocol(path), None)


@pytest.fixture
def buckets() -> Iterator[type[Buckets]]:
    fsspec.register_implementation("buckets", Buckets, clobber=True)
    Buckets.objects, Buckets.failure = {}, None
    yield Buckets
    Buckets.objects, Buckets.failure = {}, None


@pytest.fixture(params=["folder", "file", "memory", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path, buckets: type[Buckets]) -> LocalFiles | ObjectFiles:
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


def test_nothing_is_there_before_something_is_put_there(files: LocalFiles | ObjectFiles) -> None:
    assert files.folders("reds/models") == []
    assert files.read("reds/models/promoted.json") is None
    with pytest.raises(InputError, match="one: no such file"):
        files.sha256("reds/one")


def test_a_folder_is_added_once_and_is_then_read(files: LocalFiles | ObjectFiles, tmp_path: Path) -> None:
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


def test_a_file_is_replaced(files: LocalFiles | ObjectFiles) -> None:
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
    with pytest.raises(OutputError, match="reds/models/b/other: "):
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
        (TimeoutError(), "TimeoutError"),
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
