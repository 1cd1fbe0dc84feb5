"""The page's files: served as what they are, and nothing in them that the page's policy would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.served import Served, served

import api

PAGE = Path(api.__file__).parent / "page"
FILES = sorted(path.name for path in PAGE.iterdir())
MODULES = [name for name in FILES if name.endswith(".js")]
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}

IMPORT = re.compile(r'import\s+(?:\{([^}]*)\}\s+from\s+)?"([^"]+)";')
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"/\*\*.*?\*/", re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("page")) as made:
        yield made


class _Document(HTMLParser):
    """What a document has within that a strict policy refuses, and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.links: list[str] = []
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self.inline.append(f"<{tag} {name}>")
            if name in ("src", "href") and value is not None and not value.startswith("#"):
                self.links.append(value)

    def handle_data(self, data: str) -> None:
        if self._tag in ("script", "style") and data.strip():
            self.inline.append(f"<{self._tag}>")

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""


def _text(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_served_as_what_it_is(place: Served, name: str) -> None:
    answer = place.http.get(f"/{name}")
    assert answer.status_code == 200 and answer.content == (PAGE / name).read_bytes()
    kind = answer.headers["Content-Type"].partition(";")[0].replace("application/javascript", "text/javascript")
    assert kind == TYPES[name.rpartition(".")[2]]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert place.http.get(f"/{name}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_page_is_at_the_root_and_scripts_may_only_come_from_it(place: Served) -> None:
    answer = place.http.get("/")
    assert answer.content == (PAGE / "index.html").read_bytes()
    policy = dict(each.strip().split(" ", 1) for each in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"


def test_the_page_has_nothing_inline_and_refers_to_its_own_files() -> None:
    document = _Document(_text("index.html"))
    assert document.inline == []
    assert document.links and all((PAGE / link).is_file() for link in document.links)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_another_exports(name: str) -> None:
    for names, source in IMPORT.findall(_text(name)):
        assert source.startswith("./"), source
        exported = EXPORT.findall(_text(source.removeprefix("./")))
        assert [each for each in re.split(r"[,\s]+", names) if each and each not in exported] == [], source


def test_every_module_and_everything_exported_is_used() -> None:
    used = {(source.removeprefix("./"), each) for name in MODULES for names, source in IMPORT.findall(_text(name))
            for each in re.split(r"[,\s]+", names)}  # fmt: skip
    known = {name: EXPORT.findall(_text(name)) for name in MODULES}
    left = [(name, each) for name, exported in known.items() for each in exported if (name, each) not in used]
    assert left == []
    assert {name for name in MODULES if not any(name == file for file, _ in used)} == {"app.js"}


@pytest.mark.parametrize("name", MODULES)
def test_everything_imported_is_used(name: str) -> None:
    text = COMMENT.sub("", _text(name))
    rest = IMPORT.sub("", text)
    for names, _ in IMPORT.findall(text):
        assert [each for each in re.split(r"[,\s]+", names) if each and not re.search(rf"\b{each}\b", rest)] == []


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_fetched_from_elsewhere_or_run_from_text(name: str) -> None:
    text = _text(name).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|@import|url\(", text)
    assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
    assert not re.search(r'setAttribute\("style"', text)
