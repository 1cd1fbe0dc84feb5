"""What an old path or module name, as a text file spells it, is called afterwards."""

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from migrate.model import Renames


class What(StrEnum):
    """What a path names."""

    FILE = "a file that moves"
    FOLDER = "a folder that moves"
    BELOW = "below a folder that moves"  # not a file of the repository: something written there, or a pattern
    SCATTERED = "a folder whose files part"
    STAYS = "seen from a file that moves"  # it stays itself; the file that names it by its own place does not


@dataclass(frozen=True)
class Base:
    """The folder that relative paths of a file start from, now and afterwards; "" is the repository's root."""

    old: str = ""
    new: str = ""


ROOT = Base()


@dataclass(frozen=True)
class Found:
    """What a token that is a path means.

    Attributes:
        what: see What.
        path: the old path, relative to the root, or the pattern.
        new_path: the new one; "" where there are several.
        new: the token afterwards, spelled in its own manner; "" where there are several.
        base: where the token starts from.
        first: whether that is the base that its file's format says.
    """

    what: What
    path: str
    new_path: str
    new: str
    base: Base
    first: bool


_WORD = re.compile(r"[\w-]+")
_MAGIC = re.compile(r"[*?\[]")


def join(*parts: str) -> str:
    """A normal path of parts, "" for the root."""
    path = posixpath.normpath(posixpath.join("", *[part for part in parts if part]) or ".")
    return "" if path == "." else path


def relative(path: str, folder: str) -> str:
    """A path as seen from a folder; both relative to the same place."""
    return posixpath.relpath(f"/{path}", f"/{folder}")


def spelled_like(token: str, path: str, folder: str) -> str:
    """A path as seen from a folder, with the token's `./` and closing `/`."""
    text = relative(path, folder)
    if token.startswith("./") and not text.startswith("."):
        text = f"./{text}"
    return text + "/" if token.endswith("/") and not text.endswith("/") else text


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it; everything lies below "" ."""
    return not folder or path == folder or path.startswith(f"{folder}/")


class Names:
    """Looks old names up.

    `scattered[x]` with x itself or a folder below it among its takers means that some of x's files stay, and `roots`
    with an old import root that some of its modules do.
    """

    def __init__(self, renames: Renames, exists: Callable[[str], bool]) -> None:
        """`exists` tells whether a path, relative to the root, names a file or folder of the repository as it was."""
        self.renames = renames
        self.exists = exists
        self._roots_of: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _words(self) -> frozenset[str]:
        """A word of each old name: of its first part, and of its last (paths may start from a file's own folder)."""
        paths = [*self.renames.files, *self.renames.folders, *self.renames.scattered]
        parts = {part for path in paths for part in (path.split("/")[0], posixpath.basename(path))}
        parts |= {name.split(".")[0] for name in self.renames.modules}
        texts = (part.encode("utf-8", "surrogateescape").decode("latin-1") for part in parts)
        return frozenset(match.group() for text in texts if (match := _WORD.search(text)))

    def may_occur(self, text: str) -> bool:
        """Whether a document's text could hold a mention at all; cheap."""
        return not self._words.isdisjoint(_WORD.findall(text))

    # Paths

    def moves_as_one(self, base: Base) -> bool:
        """Whether a path that goes up nowhere and has no old name is the same from a folder, now and afterwards."""
        return base.old == base.new or self.renames.folders.get(base.old) == base.new

    def lookup(self, path: str) -> tuple[What, str] | None:
        """What a path relative to the root names and its new path ("" if scattered); None where nothing changes."""
        magic = _MAGIC.search(path)
        if magic:
            cut = path.rfind("/", 0, magic.start())
            folder, tail = (path[:cut], path[cut:]) if cut >= 0 else ("", "")
            found = self.lookup(folder) if folder else None
            if found is None or found[0] is What.FILE:
                return None
            return (What.SCATTERED, "") if found[0] is What.SCATTERED else (found[0], found[1] + tail)
        renames = self.renames
        if path in renames.files:
            return What.FILE, renames.files[path]
        if path in renames.folders:
            return What.FOLDER, renames.folders[path]
        if path in renames.scattered:
            return What.SCATTERED, ""
        folder = posixpath.dirname(path)
        while folder:
            if folder in renames.folders:
                return What.BELOW, renames.folders[folder] + path[len(folder) :]
            folder = posixpath.dirname(folder)
        return None

    def resolve(self, token: str, bases: Sequence[Base]) -> Found | None:
        """What a token names, seen from the first of the bases where it names something; None if nothing changes."""
        if not token or token[0] in "/~-" or "//" in token or "\0" in token or token.strip() != token:
            return None
        plausible = not token.isascii() or self.may_occur(token)
        if not plausible and ".." not in token and all(map(self.moves_as_one, bases)):
            return None
        for base in bases:
            if not plausible and base.old == base.new:
                continue
            path = join(base.old, token)
            if path == ".." or path.startswith("../"):
                continue
            if not path and ".." not in token:
                return None  # `.`
            found = self.lookup(path)
            if found is None and path and not self.exists(path):
                continue
            what, new_path = found or (What.STAYS, path)
            new = "" if what is What.SCATTERED else spelled_like(token, new_path, base.new)
            if new and join(new) == join(token):
                return None
            return Found(what, path, new_path, new, base, base is bases[0])
        return None

    def takers(self, folder: str) -> tuple[str, ...]:
        """The folders that take a folder's files, none of them below another; the folder itself if some files stay."""
        renames = self.renames
        if folder in renames.folders:
            return (renames.folders[folder],)
        if "" in renames.scattered.get(folder, ()):
            # Files that go to the root: the root is no answer to where the folder went, the files are.
            places = {renames.files[path] for path in self.below(folder)}
            found = {posixpath.dirname(place) or place for place in places}
        else:
            found = set(renames.scattered.get(folder, ()))
        if self.keeps(folder):
            found.add(folder)
        return tuple(
            path for path in sorted(found) if not any(path != other and is_below(path, other) for other in found)
        )

    def keeps(self, folder: str) -> bool:
        """Whether some of a folder's files stay in it."""
        takers = self.renames.scattered.get(folder, ())
        return not folder or folder in self.renames.roots or any(is_below(taker, folder) for taker in takers)

    def below(self, folder: str) -> list[str]:
        """The files below a folder that move, by their old paths."""
        return [path for path in self.renames.files if is_below(path, folder)]

    def root_of(self, new_path: str) -> str:
        """The import root of the new layout that a new path lies below."""
        return max((root for root in self.renames.roots if root and is_below(new_path, root)), key=len, default="")

    def roots_for(self, folder: str) -> tuple[str, ...]:
        """The import roots that have what could be imported when `folder` was one; () if nothing of it moved."""
        if folder not in self._roots_of:
            self._roots_of[folder] = self._new_roots(folder)
        return self._roots_of[folder]

    def _new_roots(self, folder: str) -> tuple[str, ...]:
        moved = [path for path in self.below(folder) if path.endswith(".py")]
        if not folder:
            moved = [path for path in moved if dotted(path) in self.renames.modules]
        elif folder not in self.renames.folders and folder not in self.renames.scattered:
            return ()
        elif not moved:
            return self.takers(folder)
        roots = {self._root_after(path, folder) for path in moved}
        if not roots:
            return ()
        if "" in roots and folder:
            roots |= {*self.roots_for("")}  # what the root as an import root needs beside it
        if self.keeps(folder):
            roots.add(folder)
        order = {root: i for i, root in enumerate(self.renames.roots)}
        return tuple(sorted(roots, key=lambda root: (root != folder, root == "", order.get(root, len(order)), root)))

    def _root_after(self, path: str, folder: str) -> str:
        """The import root that has a file afterwards which was found from `folder`."""
        new = self.renames.files[path]
        root = self.root_of(new)
        if root or all(part.isidentifier() for part in new.removesuffix(".py").split("/")):
            return root
        # No import root has it, and from the repository's root it has no name: tests of a service.
        rest = path[len(folder) :]
        return new[: -len(rest)] if folder and new.endswith(rest) else posixpath.dirname(new)

    def packages(self, folder: str) -> dict[str, str] | None:
        """Where the packages are that could be imported when `folder` was an import root: name -> folder.

        None where a module lies outside of any package.
        """
        found = {"": folder} if self.keeps(folder) else {}
        for path in self.below(folder):
            if path.endswith(".py"):
                new = self.renames.files[path]
                root = self.root_of(new)
                top, inside, _ = new[len(root) :].lstrip("/").partition("/")
                if not inside:
                    return None
                found[top] = f"{root}/{top}" if root else top
        return found

    # Modules

    def module(self, name: str) -> str | None:
        """The new name of a module; None where it has the same, or is none of ours."""
        new = self.renames.modules.get(name)
        return None if new is None or new == name else new

    def longest_module(self, name: str) -> tuple[str, str] | None:
        """The longest beginning of a dotted name that is a module with another name afterwards: (old, new)."""
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            old = ".".join(parts[:count])
            if old in self.renames.modules:
                new = self.renames.modules[old]
                return (old, new) if new != old else None
        return None

    def tops(self, package: str) -> tuple[str, ...]:
        """The first parts of the new names of what is in a package that is scattered: `src` -> (api, tracking, …)."""
        names = self.renames.modules
        return tuple(sorted({new.split(".")[0] for old, new in names.items() if old.startswith(f"{package}.")}))


def dotted(path: str) -> str:
    """The module name of a Python file when the repository's root is the import root."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def listed(folders: Iterable[str]) -> str:
    """Folders for a message."""
    return ", ".join(folder or "." for folder in folders)
