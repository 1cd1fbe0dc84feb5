"""Check 6: the VS Code workspace opens: its folders are there, and settings name what exists."""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate.checks import jsonc
from migrate.checks.places import Layout, Tree
from migrate.checks.report import Check, Finding

#: Settings that hold a path, or a list of paths.
_PATHS = (
    *("python.analysis.extraPaths", "python.autoComplete.extraPaths", "python.testing.cwd", "python.envFile"),
    *("python.testing.pytestArgs", "python.analysis.stubPath", "python.defaultInterpreterPath"),
)
_LAUNCH_PATHS = ("program", "cwd", "envFile", "module")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def check_workspace(layout: Layout, before: Tree, after: Tree) -> Check:
    """Check 6."""
    check = Check("workspace", "The VS Code workspace opens correctly")
    workspaces = sorted(path.name for path in after.root.glob("*.code-workspace"))
    if not workspaces:
        check.differences.append(Finding("*.code-workspace", "", "there is no workspace file at the root"))
    folders: dict[str, str] = {}
    for name in workspaces:
        folders |= _judge_workspace(check, after, before, name)
    read = 0
    for folder in sorted({"", *folders.values(), *(service.target for service in layout.services)}):
        for file in ("settings.json", "launch.json", "tasks.json"):
            path = posixpath.join(folder, ".vscode", file)
            if not (after.root / path).is_file():
                continue
            read += 1
            data = _load(check, after, before, path)
            if isinstance(data, dict):
                _judge_settings(check, layout, before, after, path, folder, folders, data)
    check.summary = f"{len(folders)} folders are there; {read} files of settings were read"
    check.evidence = [f"{name}: {', '.join(folders) or 'no folders'}" for name in workspaces]
    return check


def _load(check: Check, after: Tree, before: Tree, path: str) -> Any:
    text = (after.root / path).read_text(encoding="utf-8", errors="replace")
    try:
        return jsonc.loads(text)
    except json.JSONDecodeError as error:
        finding = Finding(f"{path}:{error.lineno}", "", f"is not JSON: {error.msg}")
        old = before.root / path
        if old.is_file() and not _parses(old):
            check.broken_before.append(Finding(finding.where, "is not JSON", finding.after))
        else:
            check.differences.append(finding)
        return None


def _parses(file: Path) -> bool:
    try:
        jsonc.loads(file.read_text(encoding="utf-8", errors="replace"))
    except json.JSONDecodeError:
        return False
    return True


def _judge_workspace(check: Check, after: Tree, before: Tree, name: str) -> dict[str, str]:
    """The folders of a workspace file that are there, by name."""
    data = _load(check, after, before, name)
    if data is None:
        return {}
    listed = data.get("folders") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not listed:
        check.differences.append(Finding(name, "", "lists no folders"))
        return {}
    if not isinstance(data.get("settings", {}), dict):
        check.differences.append(Finding(name, "", "its settings are not an object"))
    found: dict[str, str] = {}
    for entry in listed:
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str):
            check.differences.append(Finding(name, "", "a folder has no path"))
            continue
        folder = posixpath.normpath(path)
        shown = entry.get("name") or folder
        if not (after.root / folder).is_dir():
            check.differences.append(Finding(name, "", f"the folder {path} is not there"))
        elif shown in found:
            check.differences.append(Finding(name, "", f"two folders are called {shown}"))
        else:
            found[str(shown)] = "" if folder == "." else folder
    return found


def _judge_settings(
    check: Check,
    layout: Layout,
    before: Tree,
    after: Tree,
    path: str,
    folder: str,
    folders: Mapping[str, str],
    data: dict[str, Any],
) -> None:
    for key, value in _named_paths(data):
        target = _resolved(value, folder, folders)
        if target is None or (after.root / target).exists():
            continue
        if "/.venv" in f"/{target}" or target.startswith(".venv"):
            check.remarks.append(Finding(path, "", f"{key}: {value}", "make_venvs.py makes it"))
            continue
        old = layout.old_path.get(path, path)
        was = _resolved(value, posixpath.dirname(posixpath.dirname(old)), folders)
        same = (before.root / old).is_file() and value in (before.root / old).read_text("utf-8", "replace")
        if same and was is not None and not (before.root / was).exists():
            check.broken_before.append(Finding(path, "was not there", f"{key}: {value} is not there"))
        else:
            check.differences.append(Finding(path, "", f"{key}: {value} is not there"))


def _named_paths(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(setting, path) of what names a path."""
    for key in _PATHS:
        value = data.get(key)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and item and not item.startswith("-"):
                if key == "python.testing.pytestArgs":
                    # Tests are named from the folder that they are run from.
                    where = data.get("python.testing.cwd")
                    item = posixpath.join(where if isinstance(where, str) else "${workspaceFolder}", item)
                yield key, item
    for launch in data.get("configurations") or []:
        if isinstance(launch, dict):
            for key in _LAUNCH_PATHS:
                if key != "module" and isinstance(launch.get(key), str):
                    yield f"{launch.get('name', 'a configuration')}: {key}", launch[key]


def _resolved(value: str, folder: str, folders: Mapping[str, str]) -> str | None:
    """A path from the tree's root; None for one that leads out of it or depends on what VS Code only knows."""
    base = folder

    def known(match: re.Match[str]) -> str:
        name, _, which = match[1].partition(":")
        if name == "workspaceFolder" and (not which or which in folders):
            return "/" + (folders[which] if which else folder)
        return match[0]

    text = _VARIABLE.sub(known, value)
    if "${" in text or (value.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", value)):
        return None
    if not text.startswith("/"):
        # A program's name without a folder is looked up on the PATH.
        if "/" not in text and "." not in text:
            return None
        text = f"/{base}/{text}"
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
