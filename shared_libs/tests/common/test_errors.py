import errno
import pickle

import pytest

from shared_libs.common.errors import InputError, OutputError, UserError


def test_an_input_error_reads_as_path_line_cause_and_hint() -> None:
    error = InputError("det.txt", "width is -3", line=7, hint="check the detector")
    assert str(error) == "det.txt:7: width is -3 \N{EN DASH} check the detector"
    assert isinstance(error, ValueError)
    assert (error.path, error.line, error.cause, error.hint) == ("det.txt", 7, "width is -3", "check the detector")


def test_line_and_hint_are_left_out_where_not_known() -> None:
    assert str(InputError("a b.json", "is empty")) == "a b.json: is empty"


@pytest.mark.parametrize("text", ["two\nlines", "bell\a", "\x1b[31mred", "tab\there", "\udcff"])
def test_an_error_is_one_printable_line_whatever_the_file_holds(text: str) -> None:
    error = str(OutputError(f"name{text}", text, hint=text))
    assert error.isprintable()
    assert error.encode()


def test_an_error_shows_the_path_as_it_was_typed_under_bazel_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", "/home/coach")
    assert str(InputError("/home/coach/../data/det.txt", "is empty")).startswith("../data/det.txt: ")
    assert str(InputError("/elsewhere/det.txt", "is empty")).startswith("/elsewhere/det.txt: ")


def test_an_error_keeps_its_parts_across_processes() -> None:
    error = pickle.loads(pickle.dumps(InputError("a", "b", line=3, hint="c")))
    assert (type(error), error.path, error.line, str(error)) == (InputError, "a", 3, "a:3: b \N{EN DASH} c")


@pytest.mark.parametrize("kind", [InputError, OutputError])
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOENT, "no such file|folder does not exist"),
        (errno.EISDIR, "folder"),
        (errno.EACCES, "permission denied"),
        (errno.ENOSPC, "disk is full|No space left"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_errors_of_the_system_are_put_into_words(kind: type[UserError], code: int, words: str) -> None:
    import os

    error = OSError(code, os.strerror(code), "/tmp/secret-name.tmp")
    with pytest.raises(kind, match=words) as caught:
        raise kind.from_os_error("out.txt", error)  # type: ignore[attr-defined]
    assert "secret-name" not in str(caught.value)
