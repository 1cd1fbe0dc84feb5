"""What is said outside of BUILD files: import roots, and which edges are allowed or forbidden."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from buildgen.problems import Problems
from buildgen.tree import Folder

PROJECT_FILE = "pyproject.toml"
MIGRATION_FILE = "migration.toml"
#: Where tools/migrate keeps the mapping that it carried out.
MIGRATION_RECORD = ".migrate/record.json"


class Edge(NamedTuple):
    """`importer -> imported`: folders, or names of services and shared libraries; where it was said."""

    importer: str
    imported: str
    path: str
    why: str = ""


class Settings(NamedTuple):
    roots: tuple[str, ...]  # folders that imports start from, "" (the workspace's root) first
    allowed: tuple[Edge, ...]
    forbidden: tuple[Edge, ...]


def read_settings(
    root: str,
    folders: dict[str, Folder],
    remembered: Callable[[str, bytes, Callable[[], Any]], Any],
    problems: Problems,
) -> Settings:
    """The settings of a workspace.

    Import roots are the workspace's root, the `src` folder of each service, `tools`, what pytest is told as
    `pythonpath` in pyproject.toml and in the services' pytest.ini, and, added later, folders with
    `# gazelle:python_root`.
    """
    roots = {""}
    services = [path for path in folders if path.startswith("services/") and path.count("/") == 1]
    roots |= {f"{service}/src" for service in services if f"{service}/src" in folders}
    if "tools" in folders:
        roots.add("tools")
    project = _toml(root, PROJECT_FILE, remembered, problems)
    own = _table(project, "tool", "buildgen")
    for path in _strings(_table(project, "tool", "pytest", "ini_options").get("pythonpath")):
        roots.add(_normal("", path))
    for path in _strings(own.get("roots")):
        roots.add(_normal("", path))
    for service in services:
        ini = os.path.join(root, service, "pytest.ini")
        if os.path.isfile(ini):
            roots |= {_normal(service, path) for path in _pythonpath(ini)}
    migration, said_in = _toml(root, MIGRATION_FILE, remembered, problems), MIGRATION_FILE
    if not migration and (recorded := _recorded(root)):
        migration, said_in = recorded, MIGRATION_RECORD
    places = _components(migration)
    allowed = [
        *_edges(own.get("allow_edges"), PROJECT_FILE, {}, problems),
        *_edges(migration.get("allow_edges"), said_in, places, problems),
    ]
    forbidden = _edges(own.get("forbid"), PROJECT_FILE, {}, problems)
    existing = sorted(path for path in roots if path in folders)
    return Settings(tuple(existing), tuple(allowed), tuple(forbidden))


def _recorded(root: str) -> dict[str, Any]:
    path = os.path.join(root, MIGRATION_RECORD)
    if not os.path.exists(path):
        return {}
    import json

    try:
        with open(path, encoding="utf-8") as file:
            mapping = json.load(file)["mapping"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return mapping if isinstance(mapping, dict) else {}


def _components(migration: dict[str, Any]) -> dict[str, str]:
    """What the components of a migration are called -> their folders."""
    found: dict[str, str] = {}
    components = migration.get("component", migration.get("components", []))
    rows: Iterable[Any] = components
    if isinstance(components, dict):
        rows = [{"name": name, **entry} for name, entry in components.items() if isinstance(entry, dict)]
    for entry in rows if isinstance(rows, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("target"), str):
            found[entry["name"]] = entry["target"].strip("/")
    return found


def _edges(value: Any, path: str, places: dict[str, str], problems: Problems) -> list[Edge]:
    """Reads `["a -> b", …]` and `[["a", "b"], …]`."""
    found: list[Edge] = []
    for entry in value if isinstance(value, list) else ():
        why = ""
        if isinstance(entry, str):
            entry, _, why = entry.partition(":")
            ends = [end.strip() for end in entry.split("->")]
        elif isinstance(entry, list):
            ends = [str(end) for end in entry]
        elif isinstance(entry, dict):
            ends = [str(entry.get("from", "")), str(entry.get("to", ""))]
        else:
            ends = []
        if len(ends) != 2 or not all(ends):
            problems.error(path, 0, f"{entry!r} is not an edge", 'write "service-api -> service-cloud"')
            continue
        found.append(Edge(places.get(ends[0], ends[0]), places.get(ends[1], ends[1]), path, why.strip()))
    return found


def names(end: str, folder: str) -> bool:
    """Whether one end of an edge means a folder: by a path, by a service's name, or by a shared library's."""
    end = end.strip("/")
    if "/" in end:
        return folder == end or folder.startswith(f"{end}/")
    parts = folder.split("/")
    if parts[0] in ("services", "shared_libs") and len(parts) > 1:
        return end in (parts[0], parts[1], parts[1].removeprefix("service-"))
    return parts[0] == end


def _toml(
    root: str, name: str, remembered: Callable[[str, bytes, Callable[[], Any]], Any], problems: Problems
) -> dict[str, Any]:
    try:
        with open(os.path.join(root, name), "rb") as file:
            data = file.read()
    except OSError:
        return {}

    def read() -> Any:
        import tomllib

        try:
            content = tomllib.loads(data.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            return {"error": str(error)}
        if name == PROJECT_FILE:
            tool = content.get("tool", {})
            kept = {key: tool[key] for key in ("buildgen", "pytest") if key in tool}
            return {"content": {"tool": kept}}
        return {"content": content}

    result = remembered(name, data, read)
    if "error" in result:
        problems.error(name, 0, f"not TOML: {result['error']}", "mend it; what it says is left out")
    content = result.get("content", {})
    return content if isinstance(content, dict) else {}


def _table(content: dict[str, Any], *keys: str) -> dict[str, Any]:
    found: Any = content
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _pythonpath(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return []
    found = re.search(r"^\[pytest\][^\[]*?^pythonpath[ \t]*[=:](.*(?:\n[ \t]+.*)*)", text, re.M)
    return found[1].split() if found else []


def _normal(folder: str, path: str) -> str:
    joined = os.path.normpath(os.path.join(folder, path)).replace(os.sep, "/")
    return "" if joined == "." else joined
