"""The files of a repository, as they are before anything is done: names, kinds and contents."""

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from migrate.model import STATE_FOLDER, MigrationError

#: Folders that hold no files of the project, where git does not say so itself.
NOT_OURS = frozenset(
    {
        ".git", ".hg", ".svn", STATE_FOLDER, "__pycache__", ".venv", "venv", "node_modules", ".tox", ".nox",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".eggs",
    }
)  # fmt: skip


@dataclass
class Inventory:
    """Every file of a repository that is the project's: in a git work tree what git tracks or would (not ignored).

    Attributes:
        root: the repository's root.
        files: paths relative to it, sorted; symbolic links are among them, submodules are not.
        links: those of `files` that are symbolic links, with their targets.
        submodules: paths of submodules and nested repositories.
        untracked: those of `files` that git does not track; none without git.
    """

    root: Path
    files: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    submodules: list[str] = field(default_factory=list)
    untracked: frozenset[str] = frozenset()
    _contents: dict[str, bytes] = field(default_factory=dict)
    _folders: frozenset[str] | None = None
    _names: frozenset[str] | None = None

    def read(self, path: str) -> bytes:
        """A file's contents; a symbolic link has none.

        Raises:
            MigrationError: it cannot be read.
        """
        if path not in self._contents:
            try:
                self._contents[path] = b"" if path in self.links else (self.root / path).read_bytes()
            except OSError as error:
                raise MigrationError(f"{self.root / path}: cannot be read: {error.strerror}") from error
        return self._contents[path]

    def has_file(self, path: str) -> bool:
        if self._names is None:
            self._names = frozenset(self.files)
        return path in self._names

    @property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, at any depth; "" is the root."""
        if self._folders is None:
            found = {""}
            for path in self.files:
                folder = os.path.dirname(path)
                while folder and folder not in found:
                    found.add(folder)
                    folder = os.path.dirname(folder)
            self._folders = frozenset(found)
        return self._folders

    def exists(self, path: str) -> bool:
        """Whether a path names a file or a folder of the project."""
        path = path.rstrip("/")
        return self.has_file(path) or path in self.folders

    def below(self, folder: str) -> Iterator[str]:
        """The files in a folder, at any depth."""
        prefix = f"{folder}/" if folder else ""
        return (path for path in self.files if path.startswith(prefix))


def take_inventory(root: Path) -> Inventory:
    """Lists a repository's files.

    Raises:
        MigrationError: there is no such folder, or it cannot be read.
    """
    if not root.is_dir():
        raise MigrationError(f"{root}: not a folder; give the folder that holds the repository")
    inventory = Inventory(root)
    if (root / ".git").exists():
        inventory.untracked = frozenset(_listed_by_git(root, "--others", "--exclude-standard"))
        names = [*_listed_by_git(root, "--cached"), *inventory.untracked]
    else:
        names = list(_walked(root))
    for name in sorted(set(names)):
        try:
            mode = os.lstat(root / name).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue  # deleted in the work tree, which `apply` refuses
        if stat.S_ISLNK(mode):
            inventory.links[name] = os.readlink(root / name)
        elif stat.S_ISDIR(mode):
            inventory.submodules.append(name.rstrip("/"))
            continue
        elif not stat.S_ISREG(mode):
            continue  # a socket or a pipe: nobody's source
        inventory.files.append(name)
    return inventory


def _listed_by_git(root: Path, *which: str) -> list[str]:
    command = ["git", "-C", os.fspath(root), "ls-files", "-z", *which]
    try:
        result = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise MigrationError(f"{root}: git, which keeps it, cannot be run: {error.strerror}") from error
    if result.returncode:
        message = os.fsdecode(result.stderr).strip().splitlines()
        raise MigrationError(f"{root}: git cannot list its files: {message[-1] if message else 'no reason given'}")
    names = [os.fsdecode(name) for name in result.stdout.split(b"\0") if name]
    return [name for name in names if name.split("/", 1)[0] != STATE_FOLDER]


def _walked(root: Path) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = sorted(
            name
            for name in subfolders
            if name not in NOT_OURS
            and not name.endswith(".egg-info")
            and not os.path.exists(f"{folder}/{name}/pyvenv.cfg")
        )
        linked = [name for name in subfolders if os.path.islink(f"{folder}/{name}")]
        for name in files + linked:
            yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
