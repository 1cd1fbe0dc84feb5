"""Which folders and files the workspace has, as far as they matter here."""

import os
from fnmatch import fnmatch

BUILD_NAMES = ("BUILD.bazel", "BUILD")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
_BOUNDARIES = frozenset({"MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel", "REPO.bazel"})


class Folder:
    """A folder: `path` relative to the workspace's root with `/`, "" for the root itself."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.python: list[str] = []  # names of *.py files, sorted
        self.present: list[str] = []  # the same, with those that are to be ignored
        self.stubs: set[str] = set()  # names of *.pyi files
        self.folders: list[str] = []  # paths of folders in it
        self.build = ""  # name of its BUILD file, "" for none
        self.stats: dict[str, tuple[int, int]] = {}  # (mtime in ns, size) of what was named above

    def at(self, name: str) -> str:
        """The path of a file in the folder."""
        return f"{self.path}/{name}" if self.path else name


def walk(root: str) -> dict[str, Folder]:
    """All folders of the workspace at `root` by path, parents first.

    Hidden folders without a BUILD file, those that .bazelignore names, nested workspaces and links to folders are left
    out.
    """
    ignored = _bazelignore(root)
    found: dict[str, Folder] = {}
    pending = [""]
    while pending:
        folder = Folder(pending.pop())
        try:
            entries = sorted(os.scandir(os.path.join(root, folder.path)), key=lambda entry: entry.name)
        except OSError:
            continue
        if folder.path and any(entry.name in _BOUNDARIES for entry in entries):
            continue
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                path = folder.at(name)
                if name in _SKIPPED or name.startswith("bazel-") or path in ignored:
                    continue
                if name.startswith(".") and not _has_build(entry.path):
                    continue
                folder.folders.append(path)
            elif name.endswith((".py", ".pyi")) or name in BUILD_NAMES:
                if not entry.is_file():
                    continue
                if name.endswith(".py"):
                    folder.python.append(name)
                    folder.present.append(name)
                elif name.endswith(".pyi"):
                    folder.stubs.add(name)
                    continue
                elif folder.build != "BUILD.bazel":
                    folder.build = name
                status = entry.stat()
                folder.stats[name] = (status.st_mtime_ns, status.st_size)
        found[folder.path] = folder
        pending.extend(reversed(folder.folders))
    return found


def _has_build(folder: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, name)) for name in BUILD_NAMES)


def _bazelignore(root: str) -> set[str]:
    try:
        with open(os.path.join(root, ".bazelignore"), encoding="utf-8") as file:
            return {line.strip().rstrip("/") for line in file if line.strip() and not line.startswith("#")}
    except OSError:
        return set()


def parent(path: str) -> str:
    """The folder that a file or folder is in."""
    return path.rpartition("/")[0]


def is_below(path: str, folder: str) -> bool:
    """Whether a path is the folder, or lies in it."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def below(path: str, folder: str) -> str:
    """`path` as seen from `folder`, which it lies in."""
    return path[len(folder) + 1 :] if folder else path


def matches(path: str, pattern: str) -> bool:
    """Whether a path matches a pattern of `# gazelle:exclude`: with `*`, `**`, or the name of a folder."""
    if path == pattern or path.startswith(f"{pattern}/"):
        return True
    if "*" not in pattern and "?" not in pattern:
        return False
    return _match_parts(path.split("/"), pattern.split("/"))


def _match_parts(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return True  # what lies below a folder that matches
    if patterns[0] == "**":
        return any(_match_parts(parts[skip:], patterns[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatch(parts[0], patterns[0]) and _match_parts(parts[1:], patterns[1:])
