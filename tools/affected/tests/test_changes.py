"""Ranges of real git repositories."""

import os
import subprocess
from pathlib import Path

import pytest

from affected.changes import Change, changes_in, text_at
from shared_libs.common.errors import InputError


def git(root: Path, *words: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    options = ("-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always")
    words = ("git", *options, "-C", str(root), *words)
    return subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, **files: str | None) -> str:
    """Writes files (None deletes; `__` in a name is a slash, `_dot_` a dot), commits, and gives the commit."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    root.mkdir()
    git(root, "init", "--quiet")
    commit(root, a="1", b="1", folder__c="1\n2\n3\n4\n5\n")
    return root


def test_changes_between_two_commits_have_their_kinds_and_renames_are_two(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    head = commit(repository, a="2", b=None, d="1")
    git(repository, "mv", "folder/c", "folder/renamed")
    head = commit(repository)
    changes = changes_in(repository, f"{base}..HEAD")
    assert changes.files == (
        Change("a", "modified"),
        Change("b", "deleted"),
        Change("d", "added"),
        Change("folder/c", "deleted"),
        Change("folder/renamed", "added"),
    )
    assert (changes.base, changes.head, changes.uncommitted) == (base, head, False)


@pytest.mark.parametrize("asked", ["HEAD~1..HEAD", "HEAD~1..", "HEAD~1", "HEAD~1..main"])
def test_a_range_is_written_as_git_writes_it(repository: Path, asked: str) -> None:
    commit(repository, a="2")
    assert changes_in(repository, asked).files == (Change("a", "modified"),)


def test_a_commit_alone_counts_up_to_the_working_tree(repository: Path) -> None:
    (repository / "a").write_text("2")
    (repository / "b").unlink()
    (repository / "new é\tname").write_text("1")
    (repository / "staged").write_text("1")
    git(repository, "add", "staged")
    (repository / ".git" / "info" / "exclude").write_text("ignored\n")
    (repository / "ignored").write_text("1")
    changes = changes_in(repository, "HEAD")
    assert changes.files == (
        Change("a", "modified"),
        Change("b", "deleted"),
        Change("new é\tname", "added"),
        Change("staged", "added"),
    )
    assert changes.uncommitted


def test_uncommitted_changes_count_in_a_range_too(repository: Path) -> None:
    commit(repository, a="2")
    (repository / "b").write_text("2")
    changes = changes_in(repository, "HEAD~1..HEAD")
    assert [change.path for change in changes.files] == ["a", "b"]
    assert changes.uncommitted


def test_nothing_changed_is_nothing(repository: Path) -> None:
    changes = changes_in(repository, "HEAD..HEAD")
    assert (changes.files, changes.uncommitted) == ((), False)


def test_a_mode_is_a_change(repository: Path) -> None:
    (repository / "a").chmod(0o755)
    assert changes_in(repository, "HEAD").files == (Change("a", "modified"),)


def test_three_dots_begin_where_the_two_parted(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--create", "branch")
    commit(repository, a="2")
    git(repository, "switch", "--quiet", "main")
    commit(repository, b="2")
    git(repository, "switch", "--quiet", "branch")
    assert [change.path for change in changes_in(repository, "main...HEAD").files] == ["a"]
    assert [change.path for change in changes_in(repository, "main..HEAD").files] == ["a", "b"]


def test_a_workspace_below_the_repository_s_root_sees_its_own_files(repository: Path) -> None:
    commit(repository, folder__c="2", a="2")
    (repository / "folder" / "new").write_text("1")
    (repository / "other").write_text("1")
    changes = changes_in(repository / "folder", "HEAD~1..HEAD")
    assert changes.files == (Change("c", "modified"), Change("new", "added"))
    assert text_at(repository / "folder", "HEAD~1", "c") == "1\n2\n3\n4\n5\n"


def test_links_lead_somewhere_in_the_workspace(repository: Path) -> None:
    (repository / "folder" / "up").symlink_to("../a")
    (repository / "out").symlink_to("../../elsewhere")
    (repository / "whole").symlink_to("folder")
    commit(repository)
    assert changes_in(repository, "HEAD").links == {"folder/up": "a", "whole": "folder"}


def test_submodules_are_known(repository: Path, tmp_path: Path) -> None:
    git(repository, "submodule", "--quiet", "add", str(repository), "inner")
    commit(repository)
    changes = changes_in(repository, "HEAD~1..HEAD")
    assert changes.submodules == {"inner"}
    assert Change("inner", "added") in changes.files


def test_a_text_is_read_as_it_was(repository: Path) -> None:
    commit(repository, a="2")
    assert text_at(repository, "HEAD~1", "a") == "1"
    assert text_at(repository, "HEAD", "none") is None
    (repository / "a").write_bytes(b"\xff")
    commit(repository)
    assert text_at(repository, "HEAD", "a") is None


@pytest.mark.parametrize(
    ("asked", "cause"),
    [
        ("nowhere..HEAD", "there is no commit nowhere in this clone"),
        ("0000000000000000000000000000000000000000..HEAD", "there is no commit 0000000000"),
        ("HEAD..nowhere", "there is no commit nowhere"),
        ("HEAD..HEAD~1", "is not what is checked out"),
        ("--output=x..HEAD", "is not a range"),
        ("a..b..c", "is not a range"),
        ("", "is not a range"),
        ("..", "is not a range"),
    ],
)
def test_what_is_no_range_is_refused_in_one_line(repository: Path, asked: str, cause: str) -> None:
    commit(repository)
    with pytest.raises(InputError, match=cause) as refused:
        changes_in(repository, asked)
    assert "\n" not in str(refused.value)
    assert refused.value.hint


def test_a_shallow_clone_is_named_as_the_reason(repository: Path, tmp_path: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    commit(repository, a="2")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    with pytest.raises(InputError, match=r"the clone is shallow.*fetch-depth: 0"):
        changes_in(tmp_path / "shallow", f"{base}..HEAD")


def test_histories_without_a_common_commit_are_refused(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--orphan", "other")
    commit(repository, z="1")
    with pytest.raises(InputError, match="no commit in common"):
        changes_in(repository, "main...HEAD")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(InputError, match="not in a git repository"):
        changes_in(tmp_path, "HEAD")


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(InputError, match="there is no commit yet"):
        changes_in(tmp_path, "HEAD")


def test_a_machine_without_git_is_told_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    with pytest.raises(InputError, match="install git"):
        changes_in(repository, "HEAD")
