"""Which file a module name means, before the move: import roots, packages, folders without `__init__.py`.

The rules are those of `importlib.machinery.PathFinder`: the first root that has a package or module of that name wins,
and only where none has, folders without `__init__.py` are merged into a namespace package.
"""

import posixpath
import sys
from dataclasses import dataclass, field
from functools import cached_property

from migrate.inventory import Inventory

_SUFFIX = ".py"


@dataclass(frozen=True)
class Module:
    """What a dotted name means.

    Attributes:
        file: its source file, "" for a folder without `__init__.py`.
        folders: where its submodules are looked for; empty for a plain module.
    """

    file: str
    folders: tuple[str, ...] = ()


@dataclass
class Modules:
    """The modules of a repository, by every name that an import could use.

    Attributes:
        roots: the folders that are on sys.path for everything, first ones first; "" is the repository's root.
        own_roots: further folders by file: what the file itself puts on sys.path, and its own folder.
    """

    inventory: Inventory
    roots: tuple[str, ...]
    own_roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _known: dict[tuple[tuple[str, ...], str], Module | None] = field(default_factory=dict)

    def find(self, name: str, file: str = "") -> Module | None:
        """The module of a dotted name as an import in `file` would find it, None where there is none in the repository.

        A name that is the standard library's means that, unless a root for everything has a package of the name that
        holds the very module.
        """
        own = self.own_roots.get(file, ())
        found = self._find(name, self.roots)
        if name.split(".")[0] in sys.stdlib_module_names:
            return found if found is not None and found.file and "." in name else None
        if found is not None and found.file:
            return found
        return self._find(name, own + self.roots) if own else found

    def _find(self, name: str, roots: tuple[str, ...]) -> Module | None:
        key = (roots, name)
        if key not in self._known:
            parent, _, leaf = name.rpartition(".")
            folders: tuple[str, ...] = roots
            if parent:
                above = self._find(parent, roots)
                folders = above.folders if above is not None else ()
            self._known[key] = self.in_folders(leaf, folders)
        return self._known[key]

    def in_folders(self, leaf: str, folders: tuple[str, ...]) -> Module | None:
        """The module of a plain name in some folders: the first that has it, else a folder without `__init__.py`."""
        namespaces = []
        for folder in folders:
            place = posixpath.join(folder, leaf)
            if self.inventory.has_file(f"{place}/__init__.py"):
                return Module(f"{place}/__init__.py", (place,))
            if self.inventory.has_file(place + _SUFFIX):
                return Module(place + _SUFFIX)
            if place in self._python_folders:
                namespaces.append(place)
        return Module("", tuple(namespaces)) if namespaces else None

    @cached_property
    def _python_folders(self) -> frozenset[str]:
        """Folders that hold Python at some depth."""
        found: set[str] = set()
        for path in self.inventory.files:
            if path.endswith(_SUFFIX):
                folder = posixpath.dirname(path)
                while folder and folder not in found:
                    found.add(folder)
                    folder = posixpath.dirname(folder)
        return frozenset(found)

    @cached_property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Every name that a Python file can be imported by over the common roots, by its path; the shortest first."""
        found: dict[str, list[str]] = {}
        for path in self.inventory.files:
            if not path.endswith(_SUFFIX):
                continue
            for root in self.roots:
                name = module_name(path, root)
                if name is not None and (module := self._find(name, self.roots)) is not None and module.file == path:
                    found.setdefault(path, []).append(name)
        return {path: tuple(sorted(set(names), key=lambda n: (n.count("."), n))) for path, names in found.items()}

    def is_ours(self, name: str, file: str = "") -> bool:
        """Whether a name's first part is a module of the repository: then a name not found is a broken import."""
        first = name.split(".")[0]
        if first in sys.stdlib_module_names:
            return False
        return self.find(first, file) is not None


def module_name(path: str, root: str) -> str | None:
    """The dotted name of a Python file seen from an import root, None where it has none."""
    prefix = f"{root}/" if root else ""
    if not path.startswith(prefix) or not path.endswith(_SUFFIX):
        return None
    parts = path[len(prefix) : -len(_SUFFIX)].split("/")
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None
