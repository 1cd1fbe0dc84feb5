"""What a repository is, and what lies in it."""

import os
from pathlib import Path

import pytest

from migrate.model import MigrationError
from migrate.repository import Status, find_repository, list_repository, shown
from migrate.testing.trees import GIT_ENVIRONMENT, File, Folder, Link, commit_all, git, make_tree

ODD = [
    os.fsdecode(name)
    for name in (b"with space", b"quo\"te'", b"new\nline", b"b\xffd", "é".encode(), b"-dash", b":(top)")
]


@pytest.fixture(autouse=True)
def own_git_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def statuses(root: Path) -> dict[str, Status]:
    return {entry.path: entry.status for entry in list_repository(find_repository(root)).entries}


def test_names_of_every_kind_are_listed_as_they_are(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", {name: File(b"x") for name in ODD})
    assert statuses(tmp_path / "repo") == dict.fromkeys(sorted(ODD), Status.UNTRACKED)
    commit_all(tmp_path / "repo")
    assert statuses(tmp_path / "repo") == dict.fromkeys(sorted(ODD), Status.TRACKED)


def test_what_git_thinks_of_each_file(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    make_tree(
        root,
        {
            ".gitignore": File(b"*.log\nbuild/\n"),
            "a.py": File(b"", 0o755),
            "link": Link("a.py"),
            "deep/b.py": File(b""),
            "mine.py": File(b""),
            "x.log": File(b""),
            "build/out": File(b""),
            "empty/deeper": Folder(0o700),
        },
    )
    commit_all(root, but=("mine.py",))
    listing = list_repository(find_repository(root))
    assert {entry.path: entry.status.value for entry in listing.entries} == {
        ".gitignore": "tracked",
        "a.py": "tracked",
        "deep/b.py": "tracked",
        "link": "tracked",
        "mine.py": "untracked",
        "x.log": "ignored",
    }
    assert [(entry.path, entry.mode) for entry in listing.entries if entry.mode & 0o100 and not entry.is_link] == [
        ("a.py", 0o755)
    ]
    assert [entry.path for entry in listing.entries if entry.is_link] == ["link"]
    assert listing.ignored == ["build"]
    assert listing.empty == ["empty/deeper"]
    assert listing.folders == {"build": 0o755, "deep": 0o755, "empty": 0o755, "empty/deeper": 0o700}


def test_a_plain_folder_has_no_caches_and_environments(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    files = ("a.py", "__pycache__/a.pyc", "env/pyvenv.cfg", "env/x.py", "cache/CACHEDIR.TAG", "node_modules/x.js")
    make_tree(root, {name: File(b"") for name in files})
    listing = list_repository(find_repository(root))
    assert [entry.path for entry in listing.entries] == ["a.py"]
    assert listing.ignored == ["__pycache__", "cache", "env", "node_modules"]


def test_repositories_in_it_and_odd_things_are_told_apart(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    make_tree(root, {"a.py": File(b""), "nested/.git/HEAD": File(b""), "nested/x.py": File(b"")})
    os.mkfifo(root / "pipe")
    listing = list_repository(find_repository(root))
    assert listing.nested == ["nested"]
    assert listing.special == ["pipe"]
    assert [entry.path for entry in listing.entries] == ["a.py"]


def test_where_git_is_found(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    make_tree(root, {"mono/a.py": File(b""), "new/b.py": File(b"")})
    assert find_repository(root).git is None
    commit_all(root, but=("new/b.py",))
    whole = find_repository(root).git
    assert whole is not None
    assert (whole.prefix, whole.folder) == ("", root / ".git")
    part = find_repository(root / "mono").git
    assert part is not None
    assert (part.prefix, part.folder) == ("mono/", root / ".git")
    assert find_repository(root / "new").git is None  # git tracks nothing of it
    assert find_repository(root, use_git=False).git is None


def test_a_repository_that_git_cannot_read_is_one_line(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", {".git": File(b"gitdir: nowhere\n")})
    with pytest.raises(MigrationError, match="git cannot read it: not a git repository: ") as caught:
        find_repository(tmp_path / "repo")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(MigrationError, match="not a folder; give the folder that holds the repository"):
        find_repository(tmp_path / "nowhere")


def test_the_users_environment_does_not_lead_git_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "other"):
        make_tree(tmp_path / name, {f"{name}.py": File(b"")})
        commit_all(tmp_path / name)
    monkeypatch.setenv("GIT_DIR", os.fspath(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_WORK_TREE", os.fspath(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", os.fspath(tmp_path / "other/.git/index"))
    assert statuses(tmp_path / "one") == {"one.py": Status.TRACKED}


def test_gits_own_words_are_passed_on(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", {"a.py": File(b"")})
    commit_all(tmp_path / "repo")
    repository = find_repository(tmp_path / "repo")
    assert repository.git is not None
    with pytest.raises(MigrationError, match=r"git cat-file failed: Not a valid object name nonsense$"):
        repository.git.run("cat-file", "-p", "nonsense")
    assert repository.git.head() == ("refs/heads/main", git(tmp_path / "repo", "rev-parse", "HEAD").strip())


def test_what_cannot_be_printed_is_shown_on_one_line() -> None:
    assert shown(os.fsdecode(b"a\nb\xff")) == r"a\x0ab\xff"
    assert shown("plain é") == "plain é"
