"""What counts as a link in a Markdown file, and where it has to lead."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lint.links import broken_links, heading_anchor, read_document


def links(text: str) -> list[str]:
    return [target for _, target in read_document(text).links]


def tree(root: Path, **files: str) -> list[str]:
    """Writes files, with their paths' slashes as __, and returns their paths."""
    paths = []
    for name, text in files.items():
        path = name.replace("__", "/") + ".md"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](b.md)", ["b.md"]),
        ("![a](b.png)", ["b.png"]),
        ("[![a](b.png)](c.md)", ["c.md", "b.png"]),
        ("[a][1]\n\n[1]: b.md", ["b.md"]),
        ('<p><img alt="x" src="b.png"></p>', ["b.png"]),
        ('text <a href="b.md">a</a>', ["b.md"]),
        ("| a |\n| --- |\n| [b](c.md) |", ["c.md"]),
        ("`[a](b.md)`", []),
        ("```\n[a](b.md)\n```", []),
        ("[a]", []),
    ],
)
def test_links_are_found_wherever_markdown_has_them_and_not_in_code(text: str, found: list[str]) -> None:
    assert links(text) == found


def test_a_link_knows_its_line() -> None:
    assert read_document("# a\n\nb\n\n- [c](d)\n- [e](f)\n").links == [(5, "d"), (6, "f")]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What it is", "what-it-is"),
        ("`LAXAI_REGISTRY`: another registry, or a folder", "laxai_registry-another-registry-or-a-folder"),
        ("A – B", "a--b"),
        ("Über 10 %", "über-10-"),
    ],
)
def test_headings_have_the_anchors_that_github_gives_them(heading: str, anchor: str) -> None:
    assert heading_anchor(heading) == anchor
    assert anchor in read_document(f"# {heading}\n").anchors


def test_headings_of_one_name_are_numbered_from_the_second() -> None:
    assert read_document("# a\n## a\n### a\n").anchors == {"a", "a-1", "a-2"}


def test_a_link_to_what_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    files = tree(
        tmp_path, README="# top\n\n[a](docs/none.md) [b](docs/a.md#none)", docs__a="[c](../README.md#top) [d](b)"
    )
    assert broken_links(tmp_path, files, files) == [
        "README.md:3: docs/none.md is not there",
        "README.md:3: docs/a.md has no heading for #none",
        "docs/a.md:1: b is not there",
    ]


def test_a_link_out_of_the_tree_leads_nowhere_even_if_a_file_lies_there(tmp_path: Path) -> None:
    tree(tmp_path, outside="")
    files = tree(tmp_path / "tree", a="[x](../outside.md)")
    assert broken_links(tmp_path / "tree", files, files) == ["a.md:1: ../outside.md is not there"]


def test_what_lies_there_but_is_no_file_of_the_tree_cannot_be_linked_to(tmp_path: Path) -> None:
    tree(tmp_path, a="[x](b.md)", b="")
    assert broken_links(tmp_path, ["a.md"], ["a.md"]) == ["a.md:1: b.md is not there"]


@pytest.mark.parametrize(
    "target",
    [
        "https://example.org/x",
        "mailto:a@example.org",
        "#a",
        "b",
        "b/c.md",
        "/b/c.md",
        "b/c.md#d-e",
        "b/../a.md",
        ".",
        "c%20d.md",
    ],
)
def test_other_links_are_left_alone(tmp_path: Path, target: str) -> None:
    files = tree(tmp_path, a=f"# a\n[x]({target})", b__c="## d e", **{"c d": ""})
    assert broken_links(tmp_path, files, files) == []


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    read_document(text)
