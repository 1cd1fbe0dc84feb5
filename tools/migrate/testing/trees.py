"""For tests: small repositories, pictures of what lies in them, and processes that are killed at a given change."""

import hashlib
import os
import signal
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrate import disk
from migrate.model import Mapping as ComponentMapping
from migrate.model import Operations, Record

#: Git's own settings, whatever the machine's are.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A. Author",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_COMMITTER_NAME": "A. Author",
    "GIT_COMMITTER_EMAIL": "author@example.com",
    "GIT_OPTIONAL_LOCKS": "0",
}

#: A long time ago, so that a file that was written anew is told by its time.
_THEN = 1_000_000_000


@dataclass(frozen=True)
class File:
    content: bytes = b""
    mode: int = 0o644


@dataclass(frozen=True)
class Link:
    target: str


@dataclass(frozen=True)
class Folder:
    mode: int = 0o755


Tree = Mapping[str, File | Link | Folder]


def make_tree(root: Path, tree: Tree) -> None:
    """Makes files, links and folders below `root`, which is made too; every file is old."""
    root.mkdir(parents=True, exist_ok=True)
    for path, thing in tree.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(thing, Link):
            place.symlink_to(thing.target)
        elif isinstance(thing, Folder):
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(thing.content)
            place.chmod(thing.mode)
            os.utime(place, (_THEN, _THEN))
    for path, thing in tree.items():
        if isinstance(thing, Folder):
            (root / path).chmod(thing.mode)


def git(root: Path, *arguments: str) -> str:
    """Runs git in a repository; returns what it printed."""
    result = subprocess.run(
        ["git", *arguments], cwd=root, env=os.environ | GIT_ENVIRONMENT, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return os.fsdecode(result.stdout)


def commit_all(root: Path, *, but: tuple[str, ...] = ()) -> None:
    """Makes a git repository of a folder and commits what is in it, except for files that stay untracked."""
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    if but:
        git(root, "rm", "-q", "-r", "--cached", "--", *but)
    git(root, "commit", "-q", "-m", "before")
    git(root, "update-index", "--refresh")


def picture(root: Path) -> dict[str, object]:
    """Everything that a rollback restores: names, kinds, modes, contents, links, times of files; and git's state."""
    seen: dict[str, object] = {}
    for here, folders, files in os.walk(root):
        if here == os.fspath(root) and ".git" in folders:
            folders.remove(".git")
        for name in (*folders, *files):
            full = os.path.join(here, name)
            about = os.lstat(full)
            path = os.path.relpath(full, root)
            if path == ".migrate/lock":
                continue  # who looked last
            mode = stat.S_IMODE(about.st_mode)
            if stat.S_ISLNK(about.st_mode):
                seen[path] = ("link", os.readlink(full))
            elif stat.S_ISDIR(about.st_mode):
                seen[path] = ("folder", mode)
            elif stat.S_ISREG(about.st_mode):
                seen[path] = ("file", mode, about.st_mtime_ns, Path(full).read_bytes())
            else:
                seen[path] = ("neither", about.st_mode)
    if (root / ".git").is_dir():
        seen["git's folder"] = sorted(os.listdir(root / ".git"))
        seen["git's HEAD"] = (root / ".git" / "HEAD").read_bytes()
        seen["git's index"] = hashlib.sha256((root / ".git" / "index").read_bytes()).hexdigest()
        seen["git's branches"] = git(root, "for-each-ref")
        seen["git's status"] = git(root, "status", "--porcelain", "--ignored")
    return seen


def contents(root: Path) -> dict[str, bytes | str]:
    """Files with their contents and links with their targets, without git's and migrate's folders."""
    return {
        path: about[-1]
        for path, about in picture(root).items()
        if isinstance(about, tuple) and about[0] in ("file", "link") and not path.startswith((".git/", ".migrate/"))
    }


def record_of(operations: Operations) -> Record:
    """A record that fits."""
    return Record(ComponentMapping(()), dict(operations.moves), tuple(operations.creates), {}, (), ())


class Killer:
    """An observer that kills its own process: at the change of a given number, counted from 1, before it or after."""

    def __init__(self, number: int, when: str) -> None:
        self.left, self.when = number, when

    def __call__(self, when: str, what: str) -> None:
        if when == self.when:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def in_child(action: Callable[[], object], observer: disk.Observer | None = None) -> int:
    """Runs something in a process of its own, with an observer of its changes; returns how it ended, as Popen does.

    0: it returned. 1: it raised, and the traceback is on stderr.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            disk.observe(observer)
            action()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_changes(action: Callable[[], object]) -> int:
    """How many changes something makes, in this process."""
    seen: list[str] = []
    disk.observe(lambda when, what: seen.append(what) if when == "before" else None)
    try:
        action()
    finally:
        disk.observe(None)
    return len(seen)


def example() -> tuple[Tree, tuple[str, ...], Operations]:
    """A tree with one of everything, its untracked files, and operations of every kind on it."""
    odd = os.fsdecode(b"src/odd \xff name\n.py")
    tree: dict[str, File | Link | Folder] = {
        ".gitignore": File(b"*.pyc\n__pycache__/\n"),
        "README.md": File(b"about\n"),
        "main.py": File(b"import src.track.a\n"),  # stays, rewritten
        "src": Folder(0o750),  # stays, for what is ignored in it; src/track goes
        "src/__init__.py": File(),
        "src/track": Folder(0o700),
        "src/track/__init__.py": File(),  # empty files
        "src/track/a.py": File(b"from src.common import b\nA = 1\n"),  # moved and rewritten
        "src/track/run.sh": File(b"#!/bin/sh\necho run\n", 0o755),  # moved
        "src/track/current": Link("a.py"),  # a link that moves together with what it names
        "src/common/b.py": File(b"B = 2\n" * 50),
        "src/common/__pycache__/b.pyc": File(b"bytecode"),  # ignored, stays
        "src/common/secret.txt": File(b"read-only", 0o400),  # moved, untracked
        "src/old.py": File(b"gone\n"),  # deleted
        odd: File(b"# odd\r\n"),
        "chain/one.py": File(b"1\n"),  # one -> two -> three
        "chain/two.py": File(b"2\n"),
        "tool": File(b"a file that becomes a folder of the same name\n", 0o755),
        "box/box": File(b"and the other way round\n"),
        "left/empty": Folder(0o700),  # empty folders stay
        "notes/mine.txt": File(b"untracked, stays\n"),
    }
    home = "services/service-track/src/track"
    operations = Operations(
        moves={
            "src/__init__.py": "services/service-track/src/__init__.py",
            "src/track/__init__.py": f"{home}/__init__.py",
            "src/track/a.py": f"{home}/a.py",
            "src/track/run.sh": f"{home}/run.sh",
            "src/track/current": f"{home}/current",
            "src/common/b.py": "shared_libs/common/b.py",
            "src/common/secret.txt": "shared_libs/common/secret.txt",
            odd: odd.replace("src/", "shared_libs/"),
            "chain/one.py": "chain/two.py",
            "chain/two.py": "chain/three.py",
            "tool": "tool/tool",
            "box/box": "box",
        },
        deletes=["src/old.py"],
        writes={
            f"{home}/a.py": b"from shared_libs.common import b\nA = 1\n",
            "main.py": b"import track.a\n",
            "chain/three.py": b"3\n",
        },
        creates={
            "services/service-track/pytest.ini": (b"[pytest]\n", 0o644),
            "services/service-track/start": (b"#!/bin/sh\n", 0o755),
            "chain/one.py": (b"from chain.two import *\n", 0o644),  # where another one was
            "shared_libs/__init__.py": (b"", 0o644),
        },
    )
    return tree, ("src/common/secret.txt", "notes/mine.txt"), operations
