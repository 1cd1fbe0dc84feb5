"""Which files a service runs, its own and others', and therefore what it needs of other people's distributions.

By files, not by components: that a service uses one module of a shared library does not mean that it needs all that
the library's other modules import.
"""

import sys
from collections.abc import Callable, Iterable, Mapping


def reached_files(
    start: Iterable[str], imported: Callable[[str], Iterable[str]], exists: Callable[[str], bool]
) -> set[str]:
    """Every file that is loaded once `start` is, imports in functions included; packages' `__init__.py` too.

    imported: a file -> the files that its imports name.
    """
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += [each for each in imported(path) if each not in found]
        folder = path.rpartition("/")[0]
        while folder:
            package = f"{folder}/__init__.py"
            if package not in found and exists(package):
                waiting.append(package)
            folder = folder.rpartition("/")[0]
    return found


def needs(
    owner: Callable[[str], str],
    files: Iterable[str],
    imported: Callable[[str], Iterable[str]],
    third_party: Mapping[str, set[str]],
) -> dict[str, dict[str, set[str]]]:
    """For each component and its tests ("NAME:tests"): whose files it reaches -> what those import of other people's.

    owner: a file -> "NAME", "NAME:tests", or "" for a file of no component. third_party: by file, dotted names; those
    of Python's own modules are passed over.
    """
    known = list(files)
    there = set(known)
    by_owner: dict[str, list[str]] = {}
    for path in known:
        by_owner.setdefault(owner(path), []).append(path)
    result: dict[str, dict[str, set[str]]] = {}
    for name, own in by_owner.items():
        if not name:
            continue
        reached: dict[str, set[str]] = {}
        for path in reached_files(own, imported, lambda each: each in there):
            reached.setdefault(owner(path) or "the root", set()).update(foreign_names(third_party.get(path, ())))
        result[name] = reached
    return result


def foreign_names(names: Iterable[str]) -> set[str]:
    """Those of dotted names that are not of Python's own modules."""
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
