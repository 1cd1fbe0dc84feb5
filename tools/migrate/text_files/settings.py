"""Settings in TOML and JSON: pyproject.toml, pyrightconfig.json, VS Code, and what else there is."""

import posixpath
import re
from collections.abc import Callable

from migrate.model import Certainty
from migrate.text_files.document import Document, document_form, lookup_form
from migrate.text_files.names import ROOT, Base, join, relative, spelled_like
from migrate.text_files.structured import Group, Item, Unreadable, read_json, read_toml
from migrate.text_files.words import (
    Policy,
    likely,
    machine_paths,
    modules,
    new_entries,
    new_paths,
    python_path,
    python_paths,
    token,
    without_repeats,
    words,
)

#: Settings that list import roots, by the last of their keys.
_ROOTS = {
    "pythonpath", "python_paths", "extraPaths", "python.analysis.extraPaths", "python.autoComplete.extraPaths",
    "mypy_path", "src", "src_paths", "source-roots", "source_roots", "root_packages_paths", "search_path",
    "search-path",
}  # fmt: skip
#: Settings that list files and folders.
_PATHS = {
    "testpaths", "include", "exclude", "extend-exclude", "extend-include", "files", "source", "source_dirs",
    "omit", "norecursedirs", "paths", "modules_paths", "skip", "skip_glob", "strict", "ignore", "packages",
    "force-include", "only-include", "sources", "python.testing.pytestArgs", "python.testing.cwd", "exclude_dirs",
    "target", "targets", "python.analysis.include", "python.analysis.exclude", "python.analysis.ignore",
    "python.analysis.strict", "program", "cwd", "envFile", "file", "path", "dockerfile", "dockerFile",
    "dockerComposeFile", "context", "root", "stubPath", "readme", "config", "env_file", "attr", "version_file",
    "per-file-ignores", "extend-per-file-ignores", "pytestArgs", "from", "to", "testing.cwd",
}  # fmt: skip
#: Settings that list packages.
_PACKAGES = {"known_first_party", "known-first-party", "root_packages", "root_package", "source_pkgs", "first_party"}
#: Files whose settings are known here.
_KNOWN_FILES = {
    "pyproject.toml", "pyrightconfig.json", "launch.json", "settings.json", "tasks.json", "devcontainer.json",
    "ruff.toml", ".ruff.toml",
}  # fmt: skip


def toml_file(document: Document) -> None:
    """Notes the mentions of a TOML file."""
    _structured(document, read_toml, (document.own, ROOT), "#")


def json_file(document: Document) -> None:
    """Notes the mentions of a JSON file."""
    bases = (document.own, ROOT)
    if posixpath.basename(document.own.old) in (".vscode", ".devcontainer"):
        parent = Base(posixpath.dirname(document.own.old), posixpath.dirname(document.own.new))
        bases = (parent, document.own)
        document.variables |= {"workspaceFolder": parent, "workspaceRoot": parent, "localWorkspaceFolder": parent}
    _structured(document, read_json, bases, "//")


def _structured(document: Document, read: Callable[[str], list[Item]], bases: tuple[Base, ...], comment: str) -> None:
    text = document.text
    name = posixpath.basename(document.path)
    known = name in _KNOWN_FILES or name.endswith(".code-workspace")
    free = likely("a value", *bases, scattered=True)
    try:
        items = read(text)
    except Unreadable:
        machine_paths(document, 0, len(text))
        words(document, 0, len(text), likely("a word of a file that cannot be read as what its name says", *bases))
        return
    groups: dict[int, Group] = {item.group.start: item.group for item in items if item.group is not None}
    for group in groups.values():
        _group(document, group, bases, items, known)
    for item in items:
        if item.group is None:
            _single(document, item, bases, items, known)
    for item in items:
        machine_paths(document, item.inner, item.inner_end)
        python_paths(document, item.inner, item.inner_end, Policy("PYTHONPATH", bases))
        if known:
            modules(document, item.inner, item.inner_end, Policy("a value", bases))
            policy = Policy("a value", bases, folder=Certainty.LIKELY)
        else:
            policy = free
        if not token(document, item.inner, item.inner_end, policy):
            words(document, item.inner, item.inner_end, policy)
    if comment == "#" or known:
        taken = [(item.start, item.end) for item in items]
        for first, last in document.lines():
            for match in re.finditer(rf"(?:^|\s){comment}", text[first:last]):
                at = first + match.end()
                if not any(start < at < end for start, end in taken):
                    words(document, at, last, likely("a comment", *bases))
                    break


def _last(item: Item | Group) -> str:
    """The key that says what a value means."""
    return item.path[-1] if item.path else ""


def _is_roots(path: tuple[str, ...]) -> bool:
    last = path[-1] if path else ""
    if last == "where":
        return "packages" in path or "find" in path
    if last == "src":
        return path[:2] == ("tool", "ruff") or len(path) == 1
    return last in _ROOTS


def _group(document: Document, group: Group, bases: tuple[Base, ...], items: list[Item], known: bool) -> None:
    texts = [document.text[item.inner : item.inner_end] for item in group.items]
    last = _last(group)
    if _is_roots(group.path):
        new = new_entries(document, texts, bases)
        include = _include(document, group, new, items) if last == "where" else ""
        _replace(document, group, new, Certainty.CERTAIN, f"{last}: import roots", include)
    elif (
        last in _PACKAGES
        or (last == "module" and "overrides" in group.path)
        or group.path[:3] == ("tool", "setuptools", "packages")
    ):
        new = [_package(document, text) for text in texts]
        _replace(document, group, without_repeats(new), Certainty.CERTAIN, f"{last}: packages")
    elif last in _PATHS:
        new = [[text] if text.startswith("-") else new_paths(document, text, bases) for text in texts]
        sure = Certainty.CERTAIN if known else Certainty.LIKELY
        _replace(document, group, without_repeats(new), sure, f"{last}: the folders that take what was there")
    elif last in ("args", "command", "runArgs") and "-m" in texts[:-1]:
        at = group.items[texts.index("-m") + 1]
        new_name = document.names.module(document.text[at.inner : at.inner_end])
        if new_name is not None:
            document.add(at.inner, at.inner_end, new_name, Certainty.CERTAIN, "-m")


def _package(document: Document, text: str) -> list[str]:
    """What an entry that is a module or `package.*` becomes."""
    name, star, _ = text.partition("*")
    name = name.rstrip(".")
    new = document.names.module(name)
    if new is not None:
        return [new + text[len(name) :]]
    tops = document.names.tops(name) if name and name not in document.names.renames.modules else ()
    if not tops:
        return [text]
    kept = [text] if document.names.keeps(name.replace(".", "/")) else []
    return [*kept, *[top + text[len(name) :] for top in tops]] if star or "." not in name else [text]


def _replace(
    document: Document, group: Group, new: list[list[str]], certainty: Certainty, why: str, after: str = ""
) -> None:
    """Notes the list if an entry of it changes; several that take an entry's place are laid out as the list is.

    `after` is a line to add after the list.
    """
    text = document.text
    items = group.items
    edits, shown = [], []
    for i, (item, entries) in enumerate(zip(items, new, strict=True)):
        old = text[item.inner : item.inner_end]
        shown += entries
        if entries == [old] or not document.is_free(item.start, item.end):
            continue
        quote = text[item.start : item.inner]
        closing = text[item.inner_end : item.end]
        if entries:
            line_start = max(text.rfind("\n", 0, item.start), text.rfind("\r", 0, item.start)) + 1
            lead = text[line_start : item.start]
            between = f",{document.newline}{lead}" if not lead.strip() and line_start > group.start else ", "
            edits.append((item.start, item.end, between.join(f"{quote}{entry}{closing}" for entry in entries)))
        elif i + 1 < len(items):
            edits.append((item.start, items[i + 1].start, ""))
        elif i:
            edits.append((items[i - 1].end, item.end, ""))
    if not edits:
        return
    edits.sort()
    merged: list[tuple[int, int, str]] = []
    for edit in edits:
        if not merged or edit[0] >= merged[-1][1]:
            merged.append(edit)
    if after:
        merged.append((group.end, group.end, document.newline + after))
    new_text = ", ".join(shown) + (f"; {after}" if after else "")
    document.add(items[0].inner, items[-1].inner_end, new_text, certainty, why, merged)


def _include(document: Document, group: Group, new: list[list[str]], items: list[Item]) -> str:
    """The setting `include` for where packages are looked for, "" if none is needed.

    Where the repository's root becomes an import root, only what was a package of ours before is one there.
    """
    table = group.path[:-1]
    line_start = max(document.text.rfind("\n", 0, group.start), document.text.rfind("\r", 0, group.start)) + 1
    texts = [document.text[item.inner : item.inner_end] for item in group.items]
    is_there = any(item.path == (*table, "include") for item in items)
    if is_there or "{" in document.text[line_start : group.start] or "." in map(join, texts):
        return ""
    if not any(entry in (".", "./") for entries in new for entry in entries):
        return ""
    packages: set[str] = set()
    for text in texts:
        packages |= set(document.names.packages(join(document.own.old, lookup_form(text))) or {}) - {""}
    return "include = [" + ", ".join(f'"{name}*"' for name in sorted(packages)) + "]" if packages else ""


def _single(document: Document, item: Item, bases: tuple[Base, ...], items: list[Item], known: bool) -> None:
    text = document.text[item.inner : item.inner_end]
    last = _last(item)
    if item.is_key:
        if len(item.path) > 1 and item.path[-2] in _PATHS:
            token(
                document,
                item.inner,
                item.inner_end,
                Policy(f"{item.path[-2]}: a pattern", bases, below=Certainty.CERTAIN, bare=True),
            )
        return
    parent = item.path[-2] if len(item.path) > 1 else ""
    if parent == "package-dir":
        _package_dir(document, item, bases)
    elif parent in ("scripts", "gui-scripts") or "entry-points" in item.path or "plugins" in item.path:
        _entry_point(document, item, text)
    elif last == "PYTHONPATH":
        python_path(document, item.inner, item.inner_end, Policy("PYTHONPATH", bases))
    elif (
        last in ("module", "attr", "DJANGO_SETTINGS_MODULE", "FLASK_APP", "app", "root_package", "plugins")
        or parent == "overrides"
    ):
        new = document.names.longest_module(text.removesuffix(".*"))
        if new is not None and (last in ("module", "attr") or new[0] == text):
            document.add(item.inner, item.inner + len(new[0]), new[1], Certainty.CERTAIN, f"{last}: a module")
    elif _is_roots(item.path):
        separator = ":" if ":" in text else "," if "," in text or last == "mypy_path" else " "
        entries = [entry for entry in re.split(r"[:,\s]+", text) if entry]
        flat = [entry for group in new_entries(document, entries, bases) for entry in group]
        if flat != entries:
            document.add(item.inner, item.inner_end, separator.join(flat), Certainty.CERTAIN, f"{last}: import roots")
    elif last in _PATHS:
        _path_value(document, item, text, bases, known, last)


def _path_value(document: Document, item: Item, text: str, bases: tuple[Base, ...], known: bool, last: str) -> None:
    entries = text.split(" ") if last in ("testpaths", "norecursedirs") else [text]
    new = [
        entry for group in without_repeats([new_paths(document, entry, bases) for entry in entries]) for entry in group
    ]
    if last in ("testpaths", "norecursedirs"):
        if new != entries:
            document.add(
                item.inner,
                item.inner_end,
                " ".join(new),
                Certainty.CERTAIN,
                f"{last}: the folders that take what was there",
            )
        return
    certainty = Certainty.CERTAIN if known else Certainty.LIKELY
    policy = Policy(f"{last}: a path", bases, certainty, certainty, Certainty.LIKELY, bare=known)
    token(document, item.inner, item.inner_end, policy)


def _entry_point(document: Document, item: Item, text: str) -> None:
    match = re.match(r"\s*([A-Za-z_][\w.]*)(?=\s*(?::|\[|$))", text)
    new = document.names.longest_module(match.group(1)) if match else None
    if match and new is not None and (":" in text or new[0] == match.group(1)):
        first = item.inner + match.start(1)
        document.add(first, first + len(new[0]), new[1], Certainty.CERTAIN, "an entry point's module")


def _package_dir(document: Document, item: Item, bases: tuple[Base, ...]) -> None:
    """`"" = "src"` becomes one entry for each package that was there."""
    text = document.text[item.inner : item.inner_end]
    base = bases[0]
    path = join(base.old, lookup_form(text))
    if item.path[-1] != "":
        token(document, item.inner, item.inner_end, Policy("package-dir: a path", bases, bare=True))
        return
    roots = document.names.roots_for(path)
    if not roots or roots == (path,):
        return
    line_start = max(document.text.rfind("\n", 0, item.start), document.text.rfind("\r", 0, item.start)) + 1
    line = document.text[line_start : item.end]
    match = re.search(r"(\"\"|'')\s*=\s*[\"'][^\"']*[\"']\Z", line)
    if match is None:
        return
    start = line_start + match.start()
    packages = document.names.packages(path)
    if len(roots) == 1:
        document.add(
            item.inner,
            item.inner_end,
            document_form(spelled_like(text, roots[0], base.new)),
            Certainty.CERTAIN,
            "package-dir: the import root",
        )
    elif packages is None:
        document.add(
            start,
            item.end,
            "",
            Certainty.ASK,
            f"package-dir: one root only, but modules that are in no package go to several ({', '.join(roots)})",
        )
    else:
        quote = document.text[item.start : item.inner]
        places = {name: document_form(relative(place, base.new)) for name, place in sorted(packages.items())}
        entries = [f"{quote}{name}{quote} = {quote}{place}{quote}" for name, place in places.items()]
        between = ", " if "{" in line or "{" in document.text[:start].rsplit("\n", 1)[-1] else document.newline
        if f"{quote}{places[next(n for n in places if n)]}{quote}" in document.text:
            return  # it has them already
        document.add(start, item.end, between.join(entries), Certainty.CERTAIN, "package-dir: where each package is")
