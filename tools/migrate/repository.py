"""What a repository is: a git work tree or a plain folder, and what lies in it."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from migrate import disk
from migrate.inventory import NOT_OURS
from migrate.model import STATE_FOLDER, MigrationError

#: What git's commands see of the user's environment: who and where, but not which repository or index.
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "XDG_CONFIG_HOME",
    "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE",
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH",
)  # fmt: skip

#: No hook runs, nothing asks, nothing depends on how the user likes git to look. What says how contents are stored
#: (autocrlf, attributes, filters) stays the user's: their own `git status` must be clean afterwards.
_SETTINGS = (
    "core.quotepath=off", "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.safecrlf=false",
    "core.splitIndex=false", "commit.gpgsign=false", "gc.auto=0", "maintenance.auto=false",
    "advice.detachedHead=false", "i18n.commitEncoding=UTF-8", "submodule.recurse=false",
)  # fmt: skip

#: The author where the user's configuration names none.
_NOBODY = ("migrate", "migrate@localhost")


def shown(path: str | os.PathLike[str]) -> str:
    """A path for a message: on one line, with what cannot be printed made visible."""
    return "".join(c if c.isprintable() else f"\\x{ord(c) & 0xFF:02x}" for c in os.fspath(path))


def names(output: bytes) -> list[str]:
    """The paths that git lists with -z."""
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def listed(paths: Iterable[str]) -> bytes:
    """The inverse of `names`."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


@dataclass(frozen=True)
class Git:
    """A git work tree.

    Attributes:
        root: the folder that is migrated.
        prefix: `root` from the work tree's top, "" or with a slash at its end.
        folder: the repository's own folder (`.git`, or a linked work tree's).
        inherited: a file handle that git's processes hold as well: while one of them is alive, so is our lock.
    """

    root: Path
    prefix: str
    folder: Path
    inherited: int | None = None

    def run(
        self, *arguments: str, given: bytes = b"", index: Path | None = None, accepted: tuple[int, ...] = (0,)
    ) -> bytes:
        """Runs a git command that reads; returns what it printed.

        Args:
            arguments: the command and its arguments.
            given: its standard input.
            index: the index that it shall use in place of the repository's own.
            accepted: exit codes that are no failure.

        Raises:
            MigrationError: it failed; with git's own words.
        """
        return self.answer(*arguments, given=given, index=index, accepted=accepted)[1]

    def answer(
        self, *arguments: str, given: bytes = b"", index: Path | None = None, accepted: tuple[int, ...] = (0, 1)
    ) -> tuple[int, bytes]:
        """As `run`, for commands whose exit code is the answer."""
        extra = {} if index is None else {"GIT_INDEX_FILE": os.fspath(index)}
        result = _call(self.root, arguments, given, extra, self.inherited)
        if result.returncode not in accepted:
            raise MigrationError(f"{shown(self.root)}: git {arguments[0]} failed: {_reason(result)}")
        return result.returncode, result.stdout

    def change(self, *arguments: str, given: bytes = b"", index: Path | None = None) -> bytes:
        """As `run`, for a command that writes."""
        with disk.change(f"git {arguments[0]}"):
            return self.run(*arguments, given=given, index=index)

    def commit(self, tree: str, parent: str, message: str) -> str:
        """Makes a commit (no branch moves) and returns its name."""
        author = _author(self)
        with disk.change("git commit-tree"):
            result = _call(
                self.root, ("commit-tree", tree, "-p", parent, "-F", "-"), message.encode(), author, self.inherited
            )
        if result.returncode:
            raise MigrationError(f"{shown(self.root)}: git commit-tree failed: {_reason(result)}")
        return result.stdout.decode().strip()

    def holding(self, handle: int) -> "Git":
        """The same, whose processes hold a file handle as well."""
        return replace(self, inherited=handle)

    @property
    def index(self) -> Path:
        return self.folder / "index"

    def head(self) -> tuple[str, str]:
        """The branch that HEAD names (`refs/heads/…`, "" when detached) and its commit ("" when there is none)."""
        code, branch = self.answer("symbolic-ref", "-q", "HEAD")
        _, commit = self.answer("rev-parse", "-q", "--verify", "HEAD^{commit}")
        return ("" if code else os.fsdecode(branch).rstrip("\n")), commit.decode().strip()

    def commit_of(self, reference: str) -> str:
        """The commit that a full reference names, "" when there is no such."""
        return self.answer("rev-parse", "-q", "--verify", f"{reference}^{{commit}}")[1].decode().strip()

    def tracked(self) -> dict[str, tuple[str, str, str]]:
        """Tracked files below `root`, by path relative to it: tag (`git ls-files -v`), mode and blob."""
        found = {}
        for row in self.run("ls-files", "-s", "-v", "-z").split(b"\0"):
            if row:
                about, _, name = row.partition(b"\t")
                tag, mode, blob, _stage = about.decode().split(" ")
                found[os.fsdecode(name)] = (tag, mode, blob)
        return found


def _call(
    root: Path, arguments: tuple[str, ...], given: bytes, extra: dict[str, str], inherited: int | None
) -> subprocess.CompletedProcess[bytes]:
    line = ["git"]
    for setting in _SETTINGS:
        line += ["-c", setting]
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("GIT_CONFIG_")}
    quiet = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat"}
    try:
        return subprocess.run(
            [*line, *arguments],
            cwd=root,
            env=kept | quiet | extra,
            input=given,
            capture_output=True,
            check=False,
            pass_fds=() if inherited is None else (inherited,),
        )
    except FileNotFoundError as error:
        raise MigrationError(
            f"{shown(root)}: a git work tree, and there is no git here – install it, or migrate a copy without .git"
        ) from error


def _reason(result: subprocess.CompletedProcess[bytes]) -> str:
    rows = result.stderr.decode("utf-8", "replace").strip().splitlines()
    chosen = next((row for row in rows if row.startswith(("fatal:", "error:"))), rows[0] if rows else "")
    return shown(chosen.removeprefix("fatal: ").removeprefix("error: ")) or f"exit code {result.returncode}"


def _author(git: Git) -> dict[str, str]:
    """Variables that name the author, where neither the environment nor the configuration does."""
    extra = {}
    for key, fallback in zip(("name", "email"), _NOBODY, strict=True):
        for role in ("author", "committer"):
            variable = f"GIT_{role.upper()}_{key.upper()}"
            known = os.environ.get(variable) or any(
                git.answer("config", "--get", f"{who}.{key}")[1].strip() for who in (role, "user")
            )
            if not known:
                extra[variable] = fallback
    return extra


@dataclass(frozen=True)
class Repository:
    """The folder that is migrated, and its git work tree if it is (in) one."""

    root: Path
    git: Git | None = None

    @property
    def state(self) -> Path:
        return self.root / STATE_FOLDER


def find_repository(path: Path, *, use_git: bool = True) -> Repository:
    """What lies at `path`. git is asked only where there is a `.git` at it or above it.

    A folder of which git tracks nothing, inside some work tree, is a plain folder.

    Args:
        path: the folder.
        use_git: whether to look for git at all.

    Raises:
        MigrationError: it is no folder, or git is not there or refuses to read it.
    """
    if not path.is_dir():
        raise MigrationError(f"{shown(path)}: not a folder; give the folder that holds the repository")
    root = path.resolve()
    top = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), None)
    if top is None or not use_git:
        return Repository(root)
    result = _call(root, ("rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-prefix"), b"", {}, None)
    rows = os.fsdecode(result.stdout).split("\n", 2)
    if result.returncode or rows[0] != "true":
        if top != root:
            return Repository(root)
        said = _reason(result) if result.returncode else "it is no work tree"
        raise MigrationError(f"{shown(root)}: git cannot read it: {said}")
    git = Git(root, rows[2].removesuffix("\n"), Path(rows[1]))
    if top != root and not git.run("ls-files", "-z"):
        return Repository(root)
    return Repository(root, git)


class Status(StrEnum):
    """What git thinks of a file. In a plain folder caches, `.venv` and their like are ignored, all else untracked."""

    TRACKED = "tracked"
    UNTRACKED = "untracked"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Entry:
    """A file or a symbolic link: its path, its permissions, and what git thinks of it."""

    path: str
    is_link: bool
    mode: int
    status: Status


@dataclass
class Listing:
    """What lies in a repository, sorted by path. Folders that are ignored as a whole are not looked into.

    Attributes:
        entries: files and links.
        folders: every folder, with its permissions.
        empty: those that hold nothing at all.
        ignored: folders that are ignored as a whole.
        nested: folders that are repositories of their own, and submodules; not looked into.
        special: pipes, sockets and devices.
    """

    entries: list[Entry] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    nested: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)


def list_repository(repository: Repository) -> Listing:
    """Lists a repository. Raises MigrationError where a folder cannot be read."""
    tracked: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    found = Listing()
    if repository.git is not None:
        rows = repository.git.tracked()
        tracked = frozenset(rows)
        found.nested += [path for path, (_, mode, _) in rows.items() if mode == "160000"]
        shut_out = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
        ignored = frozenset(names(repository.git.run(*shut_out)))
    _list_folder(repository, "", tracked, ignored, found)
    found.entries.sort(key=lambda entry: entry.path)
    found.nested = sorted(set(found.nested))
    return found


def _list_folder(
    repository: Repository, folder: str, tracked: frozenset[str], ignored: frozenset[str], found: Listing
) -> None:
    try:
        with os.scandir(repository.root / folder) as scanned:
            children = sorted(scanned, key=lambda child: child.name)
    except OSError as error:
        raise MigrationError(f"{shown(folder) or '.'}: cannot be read: {error.strerror}") from error
    if folder and not children:
        found.empty.append(folder)
    for child in children:
        path = f"{folder}/{child.name}" if folder else child.name
        mode = child.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            if path in (STATE_FOLDER, ".git"):
                continue
            found.folders[path] = stat.S_IMODE(mode)
            if f"{path}/" in ignored or (repository.git is None and _is_no_source(child)):
                found.ignored.append(path)
            elif path in found.nested or os.path.lexists(f"{child.path}/.git"):
                found.nested.append(path)
            else:
                _list_folder(repository, path, tracked, ignored, found)
        elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            if path == ".git":  # a linked work tree's
                continue
            status = Status.TRACKED if path in tracked else Status.IGNORED if path in ignored else Status.UNTRACKED
            found.entries.append(Entry(path, stat.S_ISLNK(mode), stat.S_IMODE(mode), status))
        else:
            found.special.append(path)


def _is_no_source(folder: os.DirEntry[str]) -> bool:
    return (
        folder.name in NOT_OURS
        or os.path.exists(f"{folder.path}/pyvenv.cfg")
        or os.path.exists(f"{folder.path}/CACHEDIR.TAG")
    )


def copy_repository(repository: Repository, target: Path, also: Iterable[str] = ()) -> None:
    """Copies a repository's files, links and empty folders with modes and times of files; neither `.git` nor what is
    ignored.

    Args:
        repository: what to copy.
        target: a folder that is not there yet.
        also: ignored files that are copied nevertheless.
    """
    listing = list_repository(repository)
    wanted = {entry.path for entry in listing.entries if entry.status is not Status.IGNORED} | set(also)
    folders = {parent for path in (*wanted, *listing.empty) for parent in parents(path)} | set(listing.empty)
    disk.make_folder(target)
    for folder in sorted(folders):
        disk.make_folder(target / folder)
    for path in sorted(wanted):
        source = repository.root / path
        if source.is_symlink():
            disk.symlink(target / path, os.readlink(source))
            continue
        disk.write(target / path, source.read_bytes())
        shutil.copystat(source, target / path)
    for folder in sorted(folders, reverse=True):
        disk.make_folder(target / folder, stat.S_IMODE((repository.root / folder).stat().st_mode))


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, without the root."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
