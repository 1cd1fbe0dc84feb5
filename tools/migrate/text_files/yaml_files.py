"""YAML: workflows, Cloud Build, Docker Compose, pre-commit and others, line by line."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrate.text_files.document import Document, document_form
from migrate.text_files.names import ROOT, What, relative
from migrate.text_files.shell import command_line, script
from migrate.text_files.words import (
    Policy,
    find,
    likely,
    machine_paths,
    modules,
    python_path,
    python_paths,
    split_pattern,
    token,
    words,
)

_LINE = re.compile(
    r"(?P<indent>[ \t]*(?:-[ \t]+)*)(?:(?P<quote>[\"']?)(?P<key>[\w./ $-]+?)(?P=quote)[ \t]*:(?:[ \t]+|$))?"
    r"(?P<value>.*)"
)
#: Keys whose values are paths even without a `/`.
_PATHS = {
    "working-directory", "working_dir", "context", "dockerfile", "env_file", "file", "path", "dir", "build",
    "directory", "cache-dependency-path", "config", "configFile", "root", "requirements", "docs_dir", "extends",
    "include",
}  # fmt: skip
#: Keys of lists in which an entry may become several.
_LISTS = {"paths", "paths-ignore", "changes", "volumes", "testpaths", "files", "include"}
#: Keys whose values are commands.
_COMMANDS = {
    "run",
    "script",
    "command",
    "entrypoint",
    "entry",
    "before_script",
    "after_script",
    "args",
    "commands",
    "cmd",
    "test",
}
_WORKFLOWS = re.compile(
    r"(?:^|/)\.github/|(?:^|/)\.circleci/|(?:^|/)(?:\.gitlab-ci|\.travis|azure-pipelines|bitbucket-pipelines|appveyor"
    r"|\.pre-commit-config|\.readthedocs|mkdocs|codecov|\.codecov|app|skaffold|Taskfile|buildspec)[\w.-]*\.ya?ml$"
    r"|cloudbuild[\w.-]*\.ya?ml$|/cloudbuild/"
)
_COMPOSE = re.compile(r"(?:^|/)(?:docker-)?compose[\w.-]*\.ya?ml$")


@dataclass(frozen=True)
class Line:
    """A line: the keys above it, its own key, and its value's span without a comment."""

    keys: tuple[str, ...]
    key: str
    is_item: bool
    start: int
    value: int
    end: int
    last: int  # where the line ends, with its comment


def yaml_lines(document: Document) -> Iterator[Line | tuple[int, int]]:
    """The lines of a YAML file; a block of text (`|`, `>`) is given as its span."""
    text = document.text
    stack: list[tuple[int, str]] = []
    lines = list(document.lines())
    i = 0
    while i < len(lines):
        first, last = lines[i]
        i += 1
        match = _LINE.match(text, first, last)
        if match is None or not text[first:last].strip():
            continue
        indent = len(match.group("indent").expandtabs())
        plain = len(text[first:last]) - len(text[first:last].lstrip())
        while stack and stack[-1][0] >= (indent if match.group("key") else indent or plain + 1):
            stack.pop()
        if match.group("key") is not None:
            stack.append((indent, match.group("key")))
        value, end = match.start("value"), _value_end(text, match.start("value"), last)
        keys = tuple(key for _, key in stack)
        yield Line(keys, keys[-1] if keys else "", "-" in match.group("indent"), first, value, end, last)
        if re.fullmatch(r"(?:&\w+\s+)?[|>][\d+-]*\s*", text[value:end]):
            start = i
            while i < len(lines):
                line = text[lines[i][0] : lines[i][1]]
                if line.strip() and len(line) - len(line.lstrip()) <= plain:
                    break
                i += 1
            if i > start:
                yield lines[start][0], lines[i - 1][1]


def _value_end(text: str, start: int, last: int) -> int:
    """Where a value ends: before a comment and trailing blanks."""
    quote = ""
    for at in range(start, last):
        c = text[at]
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'" and (at == start or text[at - 1] in " [{,:="):
            quote = c
        elif c == "#" and (at == start or text[at - 1] in " \t"):
            last = at
            break
    return start + len(text[start:last].rstrip())


def yaml_file(document: Document) -> None:
    """Notes the mentions of a YAML file."""
    compose = _COMPOSE.search(document.path) is not None
    known = compose or _WORKFLOWS.search(document.path) is not None
    bases = (document.own, ROOT) if compose else (ROOT, document.own)
    machine_paths(document, 0, len(document.text))
    modules(document, 0, len(document.text), Policy("a command", bases) if known else likely("a value"))
    policy = Policy("a value", bases) if known else likely("a value", *bases, scattered=False)
    for line in yaml_lines(document):
        if isinstance(line, tuple):
            script(document, *line, replace(policy, why="a word of a command"))
            continue
        _line(document, line, policy, known)
        words(document, line.end, line.last, likely("a comment", *bases))


def _line(document: Document, line: Line, policy: Policy, known: bool) -> None:
    text = document.text
    start, end = line.value, line.end
    if text[start : start + 1] in ('"', "'") and text[end - 1 : end] == text[start] and end - start > 1:
        start, end = start + 1, end - 1
    value = text[start:end]
    if line.key in ("PYTHONPATH", "MYPYPATH") and value:
        python_path(document, start, end, replace(policy, why="PYTHONPATH"))
    python_paths(document, start, end, policy)
    if known and line.is_item and line.key in _LISTS and _item(document, line, start, end, policy):
        return
    if known and line.key in _PATHS:
        if not token(document, start, end, replace(policy, why=f"{line.key}: a path", bare=True)):
            words(document, start, end, policy)
    elif known and line.key in _COMMANDS and not value.startswith("["):
        command_line(document, start, end, replace(policy, why="a word of a command"))
    else:
        words(document, start, end, policy)


def _item(document: Document, line: Line, start: int, end: int, policy: Policy) -> bool:
    """An entry of a list whose folder's files part: one entry for each folder that takes them."""
    text = document.text
    entry = text[start:end]
    source, colon, rest = entry.partition(":") if line.key == "volumes" else (entry, "", "")
    negation = "!" if source.startswith("!") else ""
    result = find(document, source[len(negation) :], replace(policy, bare=True))
    if result is None or result[0].what is not What.SCATTERED:
        return False
    found = result[0]
    folder, tail = split_pattern(found.path)
    takers = document.names.takers(folder)
    place, _, mode = rest.partition(":")
    mirrored = _cut(place.rstrip("/"), folder) if colon else ""
    if mirrored is None or not takers:
        return False
    closing = "/" if source.endswith("/") else ""
    lead = "./" if source.startswith("./") else ""
    lines = []
    for taker in takers:
        new = document_form(relative(taker, found.base.new))
        new = f"{lead if not new.startswith('.') else ''}{new}{tail}{closing}"
        inside = (
            f":{posixpath.join(mirrored or '/', document_form(taker))}{':' + mode if mode else ''}" if colon else ""
        )
        lines.append(text[line.start : start] + negation + new + inside + text[end : line.end])
    old = text[line.start : line.end]
    present = {text[slice(*span)].rstrip() for span in document.lines()}
    fresh = [one for one in lines if one not in present or one == old]
    if fresh in ([], [old]):
        return fresh == [old]
    why = f"{line.key}: one for each folder that takes files of {folder}"
    document.add(line.start, line.end, document.newline.join(fresh), policy.file, why)
    return True


def _cut(place: str, folder: str) -> str | None:
    """`/app` of `/app/src` and `src`; None if the place has another end."""
    return place[: -len(folder) - 1] or "/" if place.endswith(f"/{folder}") else None
