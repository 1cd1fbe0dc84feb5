"""Globs over paths: what each means."""

# ruff: noqa: E501 – code before and after, each in one line

import pytest

from migrate.globs import fixed_beginning, is_glob, matches

MATCHES = [
    ("src/track/**", ["src/track/a.py", "src/track/b/c.py", "src/track/.hidden"], ["src/track", "src/tracks/a.py", "a/src/track/b"]),
    ("src/track", ["src/track", "src/track/a.py", "src/track/b/c"], ["src/track.py", "src/trac"]),
    ("src/track/", ["src/track/a.py"], ["src/tracks/a.py"]),
    ("*.py", ["a.py", "a b.py", ".py", "folder.py/b"], ["a/b.py", "a.pyc"]),
    ("**/*.py", ["a.py", "a/b.py", "a/b/c.py"], ["a/b.pyc"]),
    ("src/*/x.py", ["src/a/x.py"], ["src/x.py", "src/a/b/x.py"]),
    ("src/**/x.py", ["src/x.py", "src/a/x.py", "src/a/b/x.py"], ["src/ax.py"]),
    ("a?.py", ["ab.py"], ["a.py", "a/.py", "abc.py"]),
    ("a[bc].py", ["ab.py", "ac.py"], ["ad.py", "a[bc].py"]),
    ("a[!bc].py", ["ad.py"], ["ab.py", "a/.py"]),
    ("a[]].py", ["a].py"], ["a[]].py"]),
    ("a[!]].py", ["ab.py"], ["a].py"]),
    ("a[^b].py", ["ab.py", "a^.py"], ["ac.py"]),
    ("a[.py", ["a[.py"], ["a.py"]),
    ("a+(b).py", ["a+(b).py"], ["aab.py"]),
    ("main.py old", ["main.py old"], ["main.py", "main.py older"]),
    ("Ünicode/*", ["Ünicode/ä.py"], ["Unicode/a.py"]),
]  # fmt: skip


@pytest.mark.parametrize(("glob", "yes", "no"), MATCHES)
def test_a_glob_takes_what_it_says(glob: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in [*yes, *no] if matches(glob, path)] == yes


def test_a_range_that_is_none_is_said_to_be_none() -> None:
    assert not is_glob("a[z-a].py")
    assert all(is_glob(glob) for glob, _, _ in MATCHES)


def test_what_follows_the_fixed_beginning_is_kept() -> None:
    found = [
        fixed_beginning(glob) for glob in ("src/track/**", "src/a_*.py", "src/main.py", "*.py", "a/[bc]/d", "a/b/")
    ]
    assert found == ["src/track", "src", "src", "", "a", "a"]
