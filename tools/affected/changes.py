"""What changed: the files that differ between a commit and what is in the working tree."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared_libs.common.errors import InputError

_SYMBOLIC_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One file: its path from the workspace's root, with slashes, and whether it is `added`, `deleted` or `modified`.

    A renamed file is two: the old path is deleted, the new one added.
    """

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything between the commit `base` and the working tree, whose commit is `head` (40 hex digits each).

    `uncommitted` tells whether some of it is not committed. `links` are the symbolic links of the working tree:
    {path: the path that it leads to}, as far as that is in the workspace. `submodules` are paths.
    """

    base: str
    head: str
    files: tuple[Change, ...]
    uncommitted: bool
    links: dict[str, str]
    submodules: frozenset[str]


def changes_in(root: Path, asked: str) -> Changes:
    """The changes of a range in the repository that holds `root`; those in folders beside the workspace are left out.

    Args:
        root: the workspace's root.
        asked: `BASE..HEAD`; `BASE...HEAD`, from where the two parted; or `BASE`, the same as `BASE..HEAD`. An end that
            is left out is HEAD. The range ends at what is checked out, uncommitted changes included: the graph of
            targets is read from the working tree.

    Raises InputError for what is no repository, no range, or a range that does not end at what is checked out.
    """
    _refuse_no_repository(root)
    base, end, from_parting = _ends(asked)
    head = _commit(root, "HEAD", asked)
    base_commit = _commit(root, base, asked)
    if _commit(root, end, asked) != head:
        cause = f"{end} is not what is checked out ({head[:12]}), and targets are read from the working tree"
        raise InputError(asked, cause, hint=f"git switch --detach {end}, then ask again")
    if from_parting:
        base_commit = _parting(root, base_commit, head, asked)
    committed = _differences(root, base_commit, head)
    files = _differences(root, base_commit) | {Change(path, "added") for path in _untracked(root)}
    links, submodules = _links_and_submodules(root)
    return Changes(base_commit, head, tuple(sorted(files)), files != committed, links, submodules)


def text_at(root: Path, commit: str, path: str) -> str | None:
    """A file's text at a commit; None where it was not there or is not UTF-8."""
    result = _git(root, "show", f"{commit}:./{path}")
    try:
        return result.stdout.decode("utf-8") if result.returncode == 0 else None
    except UnicodeDecodeError:
        return None


def _ends(asked: str) -> tuple[str, str, bool]:
    """(base, end, whether the base is where the two parted)."""
    dots = "..." if "..." in asked else ".."
    base, found, end = asked.partition(dots)
    if ".." in end or base.startswith("-") or asked.strip() in ("", "..", "..."):
        raise InputError(asked or "''", "is not a range", hint="write BASE..HEAD, or a commit")
    return base or "HEAD", end or "HEAD", found == "..."


def _refuse_no_repository(root: Path) -> None:
    try:
        result = _git(root, "rev-parse", "--is-inside-work-tree")
    except FileNotFoundError as error:
        raise InputError("git", "there is no such program here", hint="install git") from error
    if result.returncode != 0 or result.stdout.strip() != b"true":
        said = result.stderr.decode(errors="replace").strip()
        if "dubious ownership" in said:
            hint = f"git config --global --add safe.directory {root}"
            raise InputError(root, "git does not trust this folder, which belongs to somebody else", hint=hint)
        raise InputError(root, "is not in a git repository", hint="run this in a clone of it")


def _commit(root: Path, name: str, asked: str) -> str:
    result = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if result.returncode == 0:
        return result.stdout.decode().strip()
    if name == "HEAD":
        raise InputError(root, "there is no commit yet", hint="commit something first")
    raise InputError(asked, f"there is no commit {name} in this clone", hint=_how_to_get(root))


def _parting(root: Path, base: str, head: str, asked: str) -> str:
    result = _git(root, "merge-base", base, head)
    if result.returncode != 0:
        raise InputError(asked, "the two have no commit in common in this clone", hint=_how_to_get(root))
    return result.stdout.decode().strip()


def _how_to_get(root: Path) -> str:
    if _git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        return "the clone is shallow: clone all of it (actions/checkout: fetch-depth: 0), or git fetch --unshallow"
    return "check the name, or git fetch it"


def _differences(root: Path, *ends: str) -> set[Change]:
    """Between two commits, or a commit and the working tree. Renames are not looked for."""
    options = ("--name-status", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "--relative")
    fields = _output(root, "diff", *options, *ends, "--").decode(errors="surrogateescape").split("\0")
    kinds = {"A": "added", "D": "deleted"}
    return {
        Change(path, kinds.get(status, "modified")) for status, path in zip(fields[::2], fields[1::2], strict=False)
    }


def _untracked(root: Path) -> list[str]:
    found = _output(root, "ls-files", "--others", "--exclude-standard", "-z")
    return [path for path in found.decode(errors="surrogateescape").split("\0") if path]


def _links_and_submodules(root: Path) -> tuple[dict[str, str], frozenset[str]]:
    links = {}
    submodules = set()
    for entry in _output(root, "ls-files", "--stage", "-z").decode(errors="surrogateescape").split("\0"):
        mode, _, rest = entry.partition(" ")
        path = rest.partition("\t")[2]
        if mode == _SUBMODULE:
            submodules.add(path)
        elif mode == _SYMBOLIC_LINK and (root / path).is_symlink():
            target = os.path.relpath(os.path.join(root, os.path.dirname(path), os.readlink(root / path)), root)
            if not target.startswith(".."):
                links[path] = target.replace(os.sep, "/")
    return links, frozenset(submodules)


def _output(root: Path, *words: str) -> bytes:
    result = _git(root, *words)
    if result.returncode != 0:
        said = result.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise InputError(root, f"git {words[0]} failed: {said}", hint="git fsck tells what is wrong with the clone")
    return result.stdout


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
