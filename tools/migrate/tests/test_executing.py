"""What a migration does to the tree and to git, and what it refuses before it changes anything."""

import os
import resource
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from migrate import disk, readiness
from migrate.executing import Branch, Copy, Done, InPlace, execute
from migrate.journal import State, locked
from migrate.model import MigrationError, Operations, Undecided
from migrate.readiness import refuse_unless_ready
from migrate.repository import find_repository
from migrate.rollback import rollback
from migrate.testing.trees import (
    GIT_ENVIRONMENT,
    File,
    Link,
    commit_all,
    contents,
    example,
    git,
    in_child,
    make_tree,
    picture,
    record_of,
)

BRANCH = Branch("Move files to their services", "Rewrite imports")

SMALL = {
    "src/a.py": File(b"A = 1\n" * 20),
    "src/b.py": File(b"import a\n"),
    "src/__init__.py": File(),
    "start.sh": File(b"#!/bin/sh\n", 0o755),
}
MOVE_A = Operations(moves={"src/a.py": "lib/a.py"}, writes={"lib/a.py": b"A = 2\n" + b"A = 1\n" * 19})


@pytest.fixture(autouse=True)
def own_git_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A git repository with four files."""
    root = tmp_path / "repo"
    make_tree(root, SMALL)
    commit_all(root)
    return root


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The example with one of everything, as a git repository."""
    root = tmp_path / "repo"
    tree, untracked, _ = example()
    make_tree(root, tree)
    commit_all(root, but=untracked)
    return root


def migrate(root: Path, operations: Operations, mode: Branch | InPlace | Copy = BRANCH) -> Done:
    return execute(find_repository(root), operations, record_of(operations), mode)


def refusal(root: Path, operations: Operations, mode: Branch | InPlace | Copy = BRANCH) -> list[str]:
    """The lines of a refusal, after which nothing has changed."""
    before = picture(root)
    with pytest.raises(Undecided) as caught:
        migrate(root, operations, mode)
    assert picture(root) == before
    return str(caught.value).splitlines()


def expected_contents(before: dict[str, bytes | str], operations: Operations) -> dict[str, bytes | str]:
    """What operations mean, said another way than by carrying them out."""
    after = {operations.moves.get(path, path): content for path, content in before.items()}
    gone = {*operations.moves, *operations.deletes} - set(operations.moves.values())
    after = {path: content for path, content in after.items() if path not in gone}
    return after | operations.writes | {path: content for path, (content, _) in operations.creates.items()}


@pytest.mark.parametrize("mode", [BRANCH, InPlace()], ids=["git", "no git"])
def test_every_file_is_where_it_should_be(whole: Path, mode: Branch | InPlace) -> None:
    _, _, operations = example()
    before = contents(whole)
    migrate(whole, operations, mode)
    assert contents(whole) == expected_contents(before, operations)
    modes = {path: stat.S_IMODE((whole / path).stat().st_mode) for path in ("tool/tool", "main.py")}
    assert modes == {"tool/tool": 0o755, "main.py": 0o644}
    assert stat.S_IMODE((whole / "services/service-track/start").stat().st_mode) == 0o755
    assert stat.S_IMODE((whole / "shared_libs/common/secret.txt").stat().st_mode) == 0o400
    # What is only moved is the same file, with its time.
    assert (whole / "shared_libs/common/b.py").stat().st_mtime == (whole / "README.md").stat().st_mtime
    # Folders that nothing is left in are gone, others are not.
    assert not (whole / "src/track").exists()
    assert sorted(os.listdir(whole / "src/common")) == ["__pycache__"]
    assert (whole / "left/empty").is_dir()


def test_moves_and_edits_are_two_commits_on_a_branch_of_their_own(whole: Path) -> None:
    _, untracked, operations = example()
    commit = git(whole, "rev-parse", "HEAD")
    done = migrate(whole, operations)
    assert git(whole, "rev-parse", "HEAD^", "HEAD").split() == list(done.commits)
    assert git(whole, "rev-parse", "HEAD~2") == commit
    assert git(whole, "log", "--format=%s %an", "-2").splitlines() == [
        "Rewrite imports A. Author",
        "Move files to their services A. Author",
    ]
    assert git(whole, "branch", "--show-current").strip() == done.branch
    # Nothing is left to commit, and what was not tracked is not tracked now.
    assert git(whole, "status", "--porcelain", "-uall").splitlines() == [
        "?? notes/mine.txt",
        "?? shared_libs/common/secret.txt",
    ]
    # Every move of the first commit is a rename of identical contents (empty files are never seen as renamed).
    output = git(whole, "diff", "-M100%", "--name-status", "-z", "HEAD~2", "HEAD~1").split("\0")
    assert sum(word == "R100" for word in output) == len(operations.moves) - 1 - len(untracked[:1]) - 1
    # The blobs of the second are what lies in the tree.
    for path in (*operations.writes, *operations.creates):
        assert git(whole, "show", f"HEAD:{path}").encode() == (whole / path).read_bytes()
    assert git(whole, "ls-tree", "HEAD", "services/service-track/start").startswith("100755")
    git(whole, "fsck", "--strict")


def test_history_follows_a_moved_file(small: Path) -> None:
    migrate(small, MOVE_A)
    assert git(small, "log", "--follow", "--format=%s", "--", "lib/a.py").splitlines() == [
        "Rewrite imports",
        "Move files to their services",
        "before",
    ]


def test_commits_without_content_are_not_made(small: Path) -> None:
    assert len(migrate(small, Operations(creates={"new.py": (b"1\n", 0o644)})).commits) == 1
    rollback(find_repository(small))
    assert len(migrate(small, Operations(moves={"src/b.py": "b.py"})).commits) == 1


def test_nothing_to_do_changes_nothing(small: Path) -> None:
    before = picture(small)
    assert migrate(small, Operations()).commits == ()
    assert picture(small) == before
    migrate(small, MOVE_A)
    migrated = picture(small)
    migrate(small, Operations())
    assert picture(small) == migrated


def test_the_branch_is_named_by_date_and_number_or_as_asked(small: Path) -> None:
    today = time.strftime("%Y-%m-%d")
    git(small, "branch", f"migrate/{today}-1")
    done = migrate(small, MOVE_A)
    assert done.branch == f"migrate/{today}-2"
    rollback(find_repository(small))
    assert migrate(small, MOVE_A, Branch("m", "e", "layout")).branch == "layout"
    rollback(find_repository(small))
    with pytest.raises(MigrationError, match="there is a branch main – give another name"):
        migrate(small, MOVE_A, Branch("m", "e", "main"))
    with pytest.raises(MigrationError, match="there is a branch main – give another name"):
        migrate(small, MOVE_A, Branch("m", "e", "main/layout"))
    with pytest.raises(MigrationError, match="git takes no such name"):
        migrate(small, MOVE_A, Branch("m", "e", "a..b"))
    assert not (small / ".migrate").exists()
    git(small, "branch", "-D", "-q", f"migrate/{today}-1")
    git(small, "branch", "migrate")
    assert migrate(small, MOVE_A).branch == f"migrate-{today}-1"


def test_no_hook_runs_and_nothing_is_signed(small: Path) -> None:
    hooks = small / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
    ):
        (hooks / name).write_text("#!/bin/sh\ntouch hook-was-here\nexit 1\n")
        (hooks / name).chmod(0o755)
    git(small, "config", "commit.gpgsign", "true")
    git(small, "config", "gpg.program", "false")
    git(small, "config", "commit.template", "nowhere")
    migrate(small, MOVE_A)
    assert "hook-was-here" not in os.listdir(small)
    assert git(small, "log", "-1", "--format=%G?%B").strip() == "NRewrite imports"


def test_without_an_author_the_tool_is_it(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GIT_ENVIRONMENT:
        if "AUTHOR" in name or "COMMITTER" in name:
            monkeypatch.delenv(name)
    git(small, "config", "user.name", "Somebody")
    git(small, "config", "user.useConfigOnly", "true")
    migrate(small, MOVE_A)
    assert git(small, "log", "-1", "--format=%an <%ae> %cn <%ce>") == (
        "Somebody <migrate@localhost> Somebody <migrate@localhost>\n"
    )


def test_line_endings_are_stored_as_the_user_has_git_store_them(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    make_tree(root, {"dos.txt": File(b"a\r\nb\r\n"), "x.py": File(b"1\n")})
    git(tmp_path, "init", "-q", "-b", "main", "repo")
    git(root, "config", "core.autocrlf", "true")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "before")
    git(root, "config", "core.safecrlf", "true")
    operations = Operations(moves={"dos.txt": "d/dos.txt"}, writes={"d/dos.txt": b"a\r\nc\r\n"})
    migrate(root, operations)
    assert (root / "d/dos.txt").read_bytes() == b"a\r\nc\r\n"
    assert git(root, "show", "HEAD:d/dos.txt") == "a\nc\n"
    assert git(root, "status", "--porcelain") == ""


def test_new_files_that_git_ignores_are_not_committed(small: Path) -> None:
    (small / ".gitignore").write_text("*.log\n:odd*\n")
    git(small, "add", "-A")
    git(small, "commit", "-q", "-m", "ignore")
    creates = {name: (b"", 0o644) for name in ("x.log", "y.py", ":odd name", ":(top)z", "-f")}
    migrate(small, Operations(creates=creates))
    assert git(small, "show", "--name-only", "-z", "--format=").rstrip("\0").split("\0") == ["-f", ":(top)z", "y.py"]


def test_a_program_stays_one_where_git_does_not_look_at_permissions(small: Path) -> None:
    git(small, "config", "core.fileMode", "false")
    migrate(small, Operations(moves={"start.sh": "bin/start"}, creates={"bin/new": (b"#!/bin/sh\n", 0o755)}))
    assert [row.split()[0] for row in git(small, "ls-tree", "HEAD", "bin/").splitlines()] == ["100755", "100755"]


def test_a_detached_head_is_detached_again_afterwards(small: Path) -> None:
    git(small, "checkout", "-q", "--detach")
    before = picture(small)
    migrate(small, MOVE_A)
    assert git(small, "branch", "--show-current").startswith("migrate/")
    rollback(find_repository(small))
    assert picture(small) == before


def test_a_linked_work_tree_is_migrated_alone(small: Path, tmp_path: Path) -> None:
    git(small, "worktree", "add", "-q", "-b", "other", os.fspath(tmp_path / "linked"))
    here, linked = picture(small), tmp_path / "linked"
    before = contents(linked)
    migrate(linked, MOVE_A)
    assert (linked / "lib/a.py").exists()
    assert git(linked, "status", "--porcelain") == ""
    rollback(find_repository(linked))
    assert contents(linked) == before
    assert git(linked, "status", "--porcelain", "--branch") == "## other\n"
    assert picture(small) == here


def test_a_folder_of_a_larger_repository_is_migrated_alone(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo/mono", SMALL)
    make_tree(tmp_path / "repo", {"other/a.py": File(b"other\n")})
    commit_all(tmp_path / "repo")
    before = picture(tmp_path / "repo")
    migrate(tmp_path / "repo/mono", MOVE_A)
    assert git(tmp_path / "repo", "ls-files").split() == [
        "mono/lib/a.py", "mono/src/__init__.py", "mono/src/b.py", "mono/start.sh", "other/a.py",
    ]  # fmt: skip
    assert git(tmp_path / "repo", "status", "--porcelain") == ""
    rollback(find_repository(tmp_path / "repo/mono"))
    assert picture(tmp_path / "repo") == before


def test_git_is_not_needed_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, _, operations = example()
    make_tree(tmp_path / "plain", tree)
    before = picture(tmp_path / "plain")
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    migrate(tmp_path / "plain", operations, InPlace())
    rollback(find_repository(tmp_path / "plain"))
    assert picture(tmp_path / "plain") == before
    (tmp_path / "plain/.git").mkdir()
    with pytest.raises(MigrationError, match="there is no git here"):
        find_repository(tmp_path / "plain")


def test_a_copy_is_migrated_and_the_original_is_not_touched(whole: Path, tmp_path: Path) -> None:
    _, _, operations = example()
    (whole / "README.md").write_bytes(b"changed, not committed\n")
    before, files = picture(whole), contents(whole)
    done = migrate(whole, operations, Copy(tmp_path / "copy"))
    assert done.root == tmp_path / "copy"
    assert picture(whole) == before
    expected = expected_contents(files, operations)
    del expected["src/common/__pycache__/b.pyc"]  # ignored
    assert contents(done.root) == expected
    assert (done.root / "left/empty").is_dir()
    assert not (done.root / ".git").exists()
    assert (done.root / "shared_libs/common/b.py").stat().st_mtime == (whole / "main.py").stat().st_mtime
    # The copy can be turned back into the old arrangement.
    rollback(find_repository(done.root))
    del files["src/common/__pycache__/b.pyc"]
    assert contents(done.root) == files


def test_a_copy_goes_where_nothing_is(small: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    (tmp_path / "empty").mkdir()
    assert refusal(small, MOVE_A, Copy(tmp_path / "full"))[0].endswith(
        "is there already – name a folder that is not there yet"
    )
    assert "there is no folder" in refusal(small, MOVE_A, Copy(tmp_path / "no/where"))[0]
    assert "lies in the repository itself" in refusal(small, MOVE_A, Copy(small / "copy"))[0]
    migrate(small, MOVE_A, Copy(tmp_path / "empty"))
    assert (tmp_path / "empty/lib/a.py").exists()


def test_what_is_not_committed_is_all_listed(small: Path) -> None:
    (small / "src/b.py").write_text("changed")
    (small / "start.sh").chmod(0o644)
    (small / "src/__init__.py").unlink()
    (small / "new.py").touch()
    git(small, "add", "new.py")
    (small / "untracked.py").touch()
    told = refusal(small, MOVE_A)
    assert sorted(told) == [
        "new.py: added, not committed – commit or stash it first",
        "src/__init__.py: deleted, not committed – commit or stash it first",
        "src/b.py: changed, not committed – commit or stash it first",
        "start.sh: changed, not committed – commit or stash it first",
    ]
    assert refusal(small, MOVE_A, InPlace()) == told


def test_a_merge_or_rebase_in_progress_is_refused(small: Path) -> None:
    git(small, "checkout", "-q", "-b", "side")
    (small / "src/b.py").write_text("side\n")
    git(small, "commit", "-qam", "side")
    git(small, "checkout", "-q", "main")
    (small / "src/b.py").write_text("main\n")
    git(small, "commit", "-qam", "main")
    subprocess.run(["git", "merge", "-q", "side"], cwd=small, capture_output=True, check=False)
    told = refusal(small, MOVE_A)
    assert any(line.endswith("a merge is in progress – finish or abort it first") for line in told)
    assert "src/b.py: unmerged, not committed – commit or stash it first" in told
    git(small, "merge", "--abort")
    subprocess.run(["git", "rebase", "-q", "side"], cwd=small, capture_output=True, check=False)
    assert any("a rebase is in progress" in line for line in refusal(small, MOVE_A))


def test_submodules_and_nested_repositories_are_refused(small: Path, tmp_path: Path) -> None:
    make_tree(tmp_path / "library", {"x.py": File(b"1\n")})
    commit_all(tmp_path / "library")
    git(small, "-c", "protocol.file.allow=always", "submodule", "add", "-q", os.fspath(tmp_path / "library"), "sub")
    git(small, "commit", "-qam", "submodule")
    make_tree(small, {"nested/y.py": File(b"2\n")})
    commit_all(small / "nested")
    says = "a submodule or a repository of its own – move it out of the repository first"
    assert refusal(small, MOVE_A) == [f"nested: {says}", f"sub: {says}"]


def test_links_that_leave_or_would_break_are_refused(small: Path, tmp_path: Path) -> None:
    make_tree(
        small,
        {
            "out": Link("../elsewhere"),
            "absolute": Link(os.fspath(small / "start.sh")),
            "to_file": Link("src/a.py"),  # its target moves away
            "src/up": Link("../start.sh"),  # it moves away from its target
            "src/beside": Link("b.py"),
            "kept": Link("start.sh"),
            "dangling": Link("not/there"),
            "whole": Link("pack"),
            "part": Link("mix"),
            "pack/x.py": File(b"1"),
            "mix/y.py": File(b"2"),
            "mix/z.py": File(b"3"),
        },
    )
    git(small, "add", "-A")
    git(small, "commit", "-q", "-m", "links")
    moves = {"src/a.py": "lib/a.py", "src/up": "lib/deep/up", "src/beside": "lib/beside", "src/b.py": "lib/b.py"}
    moves |= {"pack/x.py": "lib/pack/x.py", "mix/y.py": "lib/y.py"}
    told = refusal(small, Operations(moves=moves))
    assert [line.split(" – ")[0] for line in told] == [
        f"absolute: a symbolic link to {small}/start.sh, which leaves the repository",
        "out: a symbolic link to ../elsewhere, which leaves the repository",
        "part: a symbolic link to mix, whose files would go to several places or be deleted",
        "src/up: a symbolic link to ../start.sh, which would point to lib/start.sh, not to start.sh",
        "to_file: a symbolic link to src/a.py, which would point to src/a.py, not to lib/a.py",
        "whole: a symbolic link to pack, which would point to pack, not to lib/pack",
    ]


def test_a_link_that_moves_with_its_target_still_names_it(small: Path) -> None:
    make_tree(small, {"src/deep/link": Link("../a.py"), "src/folder": Link("deep")})
    git(small, "add", "-A")
    git(small, "commit", "-q", "-m", "links")
    names = ["src/a.py", "src/deep/link", "src/folder"]
    migrate(small, Operations(moves={name: f"lib/{name}" for name in names}))
    assert (small / "lib/src/folder/link").read_bytes() == SMALL["src/a.py"].content


def test_targets_that_are_taken_or_clash_are_all_listed(small: Path) -> None:
    make_tree(small, {"lib/a.py": File(b""), "box": File(b"")})
    git(small, "add", "-A")
    git(small, "commit", "-q", "-m", "more")
    operations = Operations(
        moves={"src/a.py": "lib/a.py", "src/b.py": "box/b.py", "src/gone.py": "lib/g.py"},
        creates={
            "LIB/new.py": (b"", 0o644),
            "src": (b"", 0o644),
            "caf\u00e9.py": (b"", 0o644),
            "cafe\u0301.py": (b"", 0o644),
        },
    )
    told = refusal(small, operations)
    assert [line.split(" – ")[0] for line in told] == [
        "src/gone.py: is not there any more",
        "box/b.py: box is a file, not a folder",
        "lib/a.py: is there already, and something else is to go there",
        "src: is there already, and something else is to go there",
        "LIB: differs from lib in upper and lower case only, which not every disk keeps apart",
        "caf\u00e9.py: differs from cafe\u0301.py in upper and lower case only, which not every disk keeps apart",
    ]


def test_a_file_may_change_only_the_case_of_its_name(small: Path) -> None:
    before = picture(small)
    migrate(small, Operations(moves={"src/a.py": "src/A.py"}))
    assert (small / "src/A.py").exists()
    rollback(find_repository(small))
    assert picture(small) == before


@pytest.mark.parametrize(
    ("operations", "says"),
    [
        (Operations(moves={"src/a.py": "../a.py"}), "../a.py: not a path inside of the repository"),
        (Operations(moves={"src/a.py": "/a.py"}), "/a.py: not a path inside of the repository"),
        (Operations(moves={"src/a.py": "x//a.py"}), "x//a.py: not a path inside of the repository"),
        (Operations(moves={"src/a.py": ".git/a.py"}), ".git/a.py: git's and migrate's own folders"),
        (Operations(moves={"src/a.py": "x.py", "src/b.py": "x.py"}), "x.py: two files would go there"),
        (Operations(moves={"src/a.py": "x.py"}, deletes=["src/a.py"]), "src/a.py: is both moved and deleted"),
        (
            Operations(moves={"src/a.py": "x.py"}, writes={"src/a.py": b""}),
            "src/a.py: is to be rewritten, and is not there",
        ),
        (Operations(creates={"x\0y": (b"", 0o644)}), r"x\x00y: not a path inside of the repository"),
        (Operations(creates={"x\ud800y": (b"", 0o644)}), "this name cannot be written on this machine's disk"),
    ],
)
def test_operations_that_make_no_sense_are_refused(small: Path, operations: Operations, says: str) -> None:
    before = picture(small)
    with pytest.raises(MigrationError) as caught:
        migrate(small, operations)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert picture(small) == before


def test_paths_through_links_and_odd_things_are_refused(small: Path) -> None:
    make_tree(small, {"link": Link("src"), "alias.py": Link("src/b.py"), ".gitignore": File(b"pipe\n")})
    git(small, "add", "-A")
    git(small, "commit", "-q", "-m", "link")
    os.mkfifo(small / "pipe")
    operations = Operations(
        moves={"link/a.py": "x.py", "src/__init__.py": "link/y.py", "pipe": "pipes/pipe"}, writes={"alias.py": b""}
    )
    told = refusal(small, operations)
    assert [line.split(" – ")[0] for line in told] == [
        "link/a.py: leads through the symbolic link link",
        "pipe: neither a file nor a link",
        "alias.py: a symbolic link, and what it points to would be rewritten",
        "link/y.py: leads through the symbolic link link",
        "link: a symbolic link to src, whose files would go to several places or be deleted",
    ]


def test_files_that_git_was_told_not_to_look_at_are_refused(small: Path) -> None:
    git(small, "update-index", "--assume-unchanged", "src/a.py")
    git(small, "update-index", "--skip-worktree", "src/b.py")
    told = refusal(small, Operations(moves={"src/a.py": "a.py", "src/b.py": "b.py"}))
    assert [line.split(":")[0] for line in told] == ["src/a.py", "src/b.py"]


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    make_tree(tmp_path / "repo", SMALL)
    git(tmp_path, "init", "-q", "repo")
    with pytest.raises(Undecided, match="no commit yet – commit first, or migrate with --no-git"):
        migrate(tmp_path / "repo", MOVE_A)
    migrate(tmp_path / "repo", MOVE_A, InPlace())
    assert (tmp_path / "repo/lib/a.py").exists()


def test_too_little_space_is_told_before_anything_is_done(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_SPACE_TO_SPARE", 1 << 60)
    (told,) = refusal(small, MOVE_A)
    assert "MiB are needed" in told
    assert told.endswith("– make room")


def test_folders_that_may_not_be_written_are_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so the system's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode & os.W_OK and os.fspath(path).endswith("/src")))
    assert refusal(small, MOVE_A) == ["src: may not be written – check the folder's permissions"]


def test_an_earlier_migration_is_not_written_over(small: Path) -> None:
    migrate(small, MOVE_A)
    (told,) = refusal(small, Operations(moves={"src/b.py": "lib/b.py"}))
    assert told.startswith(".migrate: an earlier migration can still be undone – `migrate rollback` does it")


def test_a_folder_of_the_same_name_that_is_somebody_elses_is_left_alone(small: Path) -> None:
    make_tree(small, {".migrate/versions": File(b"mine\n")})
    assert refusal(small, MOVE_A) == [".migrate: is not migrate's, which needs a folder of this name – move it away"]
    with pytest.raises(MigrationError, match="no migration to undo"):
        rollback(find_repository(small))
    assert (small / ".migrate/versions").read_bytes() == b"mine\n"


def test_two_at_once_are_one_too_many(small: Path) -> None:
    before = contents(small)
    with locked(State(small)), pytest.raises(Undecided, match=rf"is at work \(process {os.getpid()}\)"):
        migrate(small, MOVE_A)
    assert contents(small) == before
    migrate(small, MOVE_A)


def test_a_real_limit_on_file_size_is_one_line_and_nothing_is_left(small: Path) -> None:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        with pytest.raises(MigrationError) as caught:
            migrate(small, Operations(moves={"src/a.py": "a.py"}, creates={"big": (b"x" * 60_000, 0o644)}))
        assert str(caught.value).endswith("/.migrate/new/0: File too large; everything was put back as it was")

    before = picture(small)
    assert in_child(limited) == 0
    assert picture(small) == before


def test_an_interrupt_puts_everything_back(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = picture(small)

    def interrupt(when: str, what: str) -> None:
        if when == "after" and what.endswith("lib/a.py"):
            disk.observe(None)
            raise KeyboardInterrupt

    disk.observe(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            migrate(small, MOVE_A)
    finally:
        disk.observe(None)
    assert picture(small) == before


def test_another_git_command_at_work_is_told_and_all_is_put_back(small: Path) -> None:
    before = picture(small)

    def lock(when: str, what: str) -> None:
        if what == "git symbolic-ref":
            (small / ".git/index.lock").touch()

    disk.observe(lock)
    try:
        with pytest.raises(MigrationError, match=r"index\.lock: another git command is at work") as caught:
            migrate(small, MOVE_A)
    finally:
        disk.observe(None)
    assert (small / ".git/index.lock").exists(), "the lock is not ours to remove"
    (small / ".git/index.lock").unlink()
    if (small / ".migrate").exists():
        assert "`migrate rollback` does it" in str(caught.value)
        rollback(find_repository(small))
    assert picture(small) == before


def test_only_looking_changes_nothing(whole: Path) -> None:
    _, _, operations = example()
    before = picture(whole)
    refuse_unless_ready(find_repository(whole), operations)
    assert picture(whole) == before


def test_a_branch_is_not_asked_for_where_there_is_no_git(tmp_path: Path) -> None:
    make_tree(tmp_path / "plain", SMALL)
    with pytest.raises(MigrationError, match="not a git work tree – migrate with --no-git"):
        migrate(tmp_path / "plain", MOVE_A)
