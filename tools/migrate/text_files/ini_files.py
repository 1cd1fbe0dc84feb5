"""INI files: pytest.ini, setup.cfg, tox.ini, .coveragerc, mypy.ini, .flake8."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from migrate.model import Certainty
from migrate.text_files.document import Document, document_form, lookup_form
from migrate.text_files.names import ROOT, Base, What, join, relative
from migrate.text_files.shell import command_line
from migrate.text_files.words import (
    Policy,
    find,
    likely,
    machine_paths,
    modules,
    new_entries,
    new_paths,
    python_paths,
    without_repeats,
    words,
)

_SECTION = re.compile(r"[ \t]*\[([^\]\r\n]+)\]")
_KEY = re.compile(r"([A-Za-z_][\w.\-/*: ]{0,200}?)[ \t]{0,200}([=:])[ \t]*")

_ROOTS = {
    "pythonpath", "python_paths", "mypy_path", "src_paths", "search_path", "where",
}  # fmt: skip
_PATHS = {
    "testpaths", "norecursedirs", "files", "source", "omit", "include", "exclude", "extend-exclude",
    "extend_exclude", "paths", "skip", "skip_glob", "directory", "data_files", "license_files", "script_files",
    "file", "change_dir", "changedir", "source_dirs", "per-file-ignores", "exclude_dirs",
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """A setting: its section and key, and where its value stands (over several lines, as often)."""

    section: str
    key: str
    start: int
    end: int


def settings(document: Document) -> Iterator[Setting]:
    """The settings of an INI file."""
    section, current = "", None
    for first, last in document.lines():
        line = document.text[first:last]
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        found, key = _SECTION.match(line), _KEY.match(line)
        if found and not line[:1].isspace():
            if current:
                yield current
            section, current = found.group(1), None
        elif line[:1].isspace() and current:
            current = Setting(current.section, current.key, current.start, last)
        elif key:
            if current:
                yield current
            current = Setting(section, key.group(1).strip(), first + key.end(), last)
    if current:
        yield current


def ini_file(document: Document) -> None:
    """Notes the mentions of an INI file."""
    bases = (document.own, ROOT)
    machine_paths(document, 0, len(document.text))
    document.variables |= {"toxinidir": document.own, "rootdir": document.own}
    for first, last in document.lines():
        if document.text[first:last].lstrip().startswith(("#", ";")):
            words(document, first, last, likely("a comment", *bases))
            document.claim(first, last)
    for setting in settings(document):
        _setting(document, setting, bases)


def _setting(document: Document, setting: Setting, bases: tuple[Base, ...]) -> None:
    start, end, key = setting.start, setting.end, setting.key
    policy = Policy(f"{key}: a path", bases, bare=key in _PATHS)
    if key in _ROOTS:
        _entries(document, setting, bases, roots=True)
    elif key == "package_dir":
        _package_dir(document, setting, bases)
    elif key in _PATHS:
        _entries(document, setting, bases, roots=False)
    elif "entry_points" in setting.section or key in ("console_scripts", "gui_scripts"):
        for match in re.finditer(r"=\s*([A-Za-z_][\w.]*)(?=\s*:)", document.text[start:end]):
            new = document.names.longest_module(match.group(1))
            if new is not None:
                first = start + match.start(1)
                document.add(first, first + len(new[0]), new[1], Certainty.CERTAIN, "an entry point's module")
    elif key in ("known_first_party", "DJANGO_SETTINGS_MODULE", "root_package", "root_packages", "source_pkgs"):
        for match in re.finditer(r"[A-Za-z_][\w.]*", document.text[start:end]):
            new_name = document.names.module(match.group())
            if new_name is not None:
                document.add(
                    start + match.start(), start + match.end(), new_name, Certainty.CERTAIN, f"{key}: a module"
                )
    python_paths(document, start, end, Policy("PYTHONPATH", bases))
    modules(document, start, end, policy)
    for first, last in document.lines(start - 1, end):
        command_line(document, max(first, start), min(last, end), policy)
    command_line(document, start, min(end, _line_end(document, start)), policy)


def _line_end(document: Document, at: int) -> int:
    match = re.compile(r"[^\r\n]*").match(document.text, at)
    return match.end() if match else at


def _entries(document: Document, setting: Setting, bases: tuple[Base, ...], roots: bool) -> None:
    """A value that is a list, by blanks, commas, colons or lines."""
    text = document.text[setting.start : setting.end]
    colons = ":" if roots and setting.key == "mypy_path" else ""
    spans = [
        (setting.start + match.start(), setting.start + match.end())
        for match in re.finditer(rf"[^\s,;{colons}]+", text)
        if not _in_comment(document, setting.start + match.start())
    ]
    texts = [document.text[first:last] for first, last in spans]
    if roots:
        new = new_entries(document, texts, bases)
        why = f"{setting.key}: import roots"
    else:
        # An entry of per-file-ignores has codes after a colon.
        parts = [entry.partition(":") for entry in texts]
        new = without_repeats(
            [[path + colon + rest for path in new_paths(document, name, bases)] for name, colon, rest in parts]
        )
        why = f"{setting.key}: the folders that take what was there"
    separator = ", " if "," in text else ":" if colons and ":" in text else "," if colons else " "
    for (first, last), old, entries in zip(spans, texts, new, strict=True):
        if entries == [old]:
            continue
        line_start = max(document.text.rfind("\n", 0, first), document.text.rfind("\r", 0, first)) + 1
        lead = document.text[line_start:first]
        alone = not lead.strip() and line_start > setting.start and "," not in text
        between = f"{document.newline}{lead}" if alone else separator
        certainty = Certainty.CERTAIN
        if not roots and len(entries) == 1:  # a path that the repository does not have is not as sure as a pattern
            result = find(document, old.partition(":")[0], Policy("", bases, bare=True))
            if result is not None and result[0].what is What.BELOW and "*" not in old:
                certainty = Certainty.LIKELY
        document.add(first, last, between.join(entries), certainty, why)


def _in_comment(document: Document, at: int) -> bool:
    line_start = max(document.text.rfind("\n", 0, at), document.text.rfind("\r", 0, at)) + 1
    return re.match(r"[ \t]*[#;]|.*\s[#;]\s", document.text[line_start:at]) is not None or document.text[at] in "#;"


def _package_dir(document: Document, setting: Setting, bases: tuple[Base, ...]) -> None:
    """`= src` becomes one line for each package that was there."""
    match = re.compile(r"([ \t]{0,200})=[ \t]*(\S+)").search(document.text, setting.start, setting.end)
    if match is None:
        return
    path = join(bases[0].old, lookup_form(match.group(2)))
    roots = document.names.roots_for(path)
    packages = document.names.packages(path)
    if not roots or roots == (path,):
        return
    first, last = match.span(2)
    if len(roots) == 1:
        document.add(
            first,
            last,
            document_form(relative(roots[0], bases[0].new)),
            Certainty.CERTAIN,
            "package_dir: the import root",
        )
    elif packages is None:
        document.add(
            first, last, "", Certainty.ASK, "package_dir: one root only, but modules in no package go to several"
        )
    else:
        indent = match.group(1) or "    "
        lines = [
            f"{name + ' ' if name else ''}= {document_form(relative(place, bases[0].new))}"
            for name, place in sorted(packages.items())
        ]
        lines = [line for line in lines if f"\n{indent}{line}" not in document.text[setting.start : setting.end]]
        if lines and not (len(lines) == 1 and lines[0].startswith("=")):
            start = match.start() + len(match.group(1))
            document.add(
                start,
                last,
                f"{document.newline}{indent}".join(lines),
                Certainty.CERTAIN,
                "package_dir: where each package is",
            )
