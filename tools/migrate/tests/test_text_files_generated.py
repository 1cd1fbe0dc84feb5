"""Texts that programs wrote are left alone, and texts that nobody would write take no endless time."""

import pytest

from migrate.model import Certainty
from migrate.testing.renamed import CLOUD, repository
from migrate.text_files import LARGEST_BY_HAND, passed_over
from migrate.text_files.generated import LONGEST_LINE

REPOSITORY = repository()
LINE = "a src/common/storage.py b\n"
LONG = 'f("src/common/storage.py");' * (LONGEST_LINE // 20)


@pytest.mark.parametrize(
    "path",
    ["static/app.min.js", "static/app.js.map", "web/main.bundle.js", "web/1.chunk.css", "package-lock.json", "go.sum"],
)
def test_what_is_called_like_a_programs_work_is_left_alone(path: str) -> None:
    assert passed_over(path, LINE.encode())
    assert REPOSITORY.mentions(path, LINE) == []


@pytest.mark.parametrize("path", ["static/app.js", "style.css", "notes", "data.json"])
def test_lines_that_no_person_writes_make_a_text_data(path: str) -> None:
    assert passed_over(path, (LINE + LONG).encode())
    assert passed_over(path, (LONG + "\n" + LINE).encode())
    assert REPOSITORY.mentions(path, LINE + LONG) == []


@pytest.mark.parametrize("path", ["static/app.js", "page.html", "notes"])
def test_a_script_that_a_person_wrote_is_read(path: str) -> None:
    text = LINE * (LONGEST_LINE // 10)
    assert not passed_over(path, text.encode())
    assert {one.new_text for one in REPOSITORY.mentions(path, text)} == {"shared_libs/common/storage.py"}


@pytest.mark.parametrize("path", ["run.sh", "Dockerfile", "ci.yml", "pyproject.toml", "README.md", "pytest.ini"])
def test_formats_that_people_write_are_read_however_long_their_lines_are(path: str) -> None:
    text = f"# {'x' * LONGEST_LINE} src/common/storage.py\n"
    assert not passed_over(path, text.encode())
    assert len(REPOSITORY.mentions(path, text)) == 1


@pytest.mark.parametrize("path", ["dump.sql", "data.json"])
def test_more_than_a_person_writes_is_data(path: str) -> None:
    text = LINE * (LARGEST_BY_HAND // len(LINE) + 1)
    assert passed_over(path, text.encode())
    assert REPOSITORY.mentions(path, text) == []


@pytest.mark.parametrize("path", ["code.py", "picture.svg", "empty.js"])
def test_what_was_never_read_is_not_told(path: str) -> None:
    assert not passed_over(path, LONG.encode() if path != "empty.js" else b"")


# Each of these once took a time that grew by the square of the length, or doubled with every repetition: now it is read
# in a moment, and without that this file would not end.
ENDLESS = [
    ("tox.ini", 'PYTHONPATH="' + "{toxinidir}" * 60),
    ("run.sh", 'PYTHONPATH="' + "${{a}}" * 60),
    ("run.sh", "src " + "${" * 60_000),
    ("run.sh", "src " + "$(dirname " * 20_000),
    ("README.md", "src\n" + "~~~a\n" * 60_000),
    ("README.md", "src\n" + "```a\n~~~b\n" * 30_000),
    ("README.md", "src " + "](a" * 60_000),
    ("README.md", "src " + "[a" * 60_000),
    ("README.md", "src " + "\n" * 200_000),
    ("README.md", "src " + "".join("`" * n + "a" for n in range(1, 500))),
    ("run.sh", "cd src\n" * 10_000),
    ("tox.ini", "[testenv]\nsrc" + " " * 100_000 + "src\n"),
    ("config.toml", "a = " + "[" * 100_000),
    ("data.json", "[" * 4_000),
    ("data.json", '{"a":' * 900),
    ("notes.txt", "src " + "a." * 100_000),
]


@pytest.mark.parametrize(("path", "text"), ENDLESS, ids=[f"{path} {i}" for i, (path, _) in enumerate(ENDLESS)])
def test_a_text_that_nobody_would_write_comes_to_an_end(path: str, text: str) -> None:
    assert [one for one in REPOSITORY.mentions(path, text) if one.certainty is Certainty.CERTAIN] == []


# Code in Markdown


def test_a_block_between_fences_is_code_whatever_the_fence() -> None:
    for fence, end in (("```sh", "```"), ("~~~", "~~~~"), ("````", "````  "), ("> ```", "> ```")):
        text = f"{fence}\npython src/cloud/worker.py\n{end}\n"
        (mention,) = REPOSITORY.mentions("documentation/GUIDE.md", text)
        assert mention.why.startswith("code in a text"), fence


def test_a_fence_that_does_not_end_is_none() -> None:
    text = "```\nsee src/cloud/worker.py\n~~~\n```a\n"
    (mention,) = REPOSITORY.mentions("documentation/GUIDE.md", text)
    assert not mention.why.startswith("code")


def test_code_spans_end_with_as_many_ticks_as_they_begin_with() -> None:
    text = "``a ` `src/cloud` b`` `src/cloud` and ` src/common\n"
    found = REPOSITORY.mentions("documentation/GUIDE.md", text)
    assert [(one.text, one.why.startswith("code")) for one in found] == [
        ("src/cloud", True),
        ("src/cloud", True),
        ("src/common", False),
    ]
    assert found[0].new_text == f"{CLOUD}/cloud"
