"""Shell scripts, Makefiles, Procfiles, justfiles, and commands inside of other files."""

import re
from dataclasses import replace

from migrate.model import Certainty
from migrate.text_files.document import Document, lookup_form
from migrate.text_files.names import ROOT, Base, What, join
from migrate.text_files.words import (
    VARIABLE,
    Policy,
    find,
    likely,
    machine_paths,
    modules,
    python_paths,
    split_anchor,
    words,
)

#: Commands whose arguments are paths even without a `/`.
_TAKES_PATHS = re.compile(
    r"(?:\S*/)?(?:python[\d.]*|pypy\d*|\$\{?PY\w*\}?|bash|sh|zsh|source|\.|cat|cp|mv|ls|rm|find|test|\[|\[\[|chmod|pytest"
    r"|py\.test|ruff|mypy"
    r"|pyright|black|isort|flake8|pylint|bandit|coverage|cd|pushd|streamlit|du|wc|head|tail)\Z"
)
#: Folders of a repository are not deeper: where `cd` leads below that is taken for somewhere else.
_DEEPEST = 50
_PRINTS = re.compile(r"(?:echo|printf|log_?\w*|info|warn|error|die)\Z")
_SKIPPED = re.compile(
    r"(?:\w+=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|]*)\s+|[@{(+-]+\s*"
    r"|(?:sudo|exec|time|nohup|env|then|do|else|if|while|!|poetry run|uv run|command|nice)\s+)"
)
_COMMAND = re.compile(r"(?:\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|\\.|[^;&|\n\"'])+")
_CHANGE = re.compile(rf"(?:cd|pushd)\s+(?:--\s+)?([\"']?)((?:{VARIABLE}|[^\s\"';&|)])+)\1")

_OWN = r"\$\(\s*dirname\s+(?:--\s+)?\"?(?:\$0|\$\{0[^}]*\}|\$\{?BASH_SOURCE(?:\[0\])?(?::-\$0)?\}?)\"?\s*\)"
_OWN_PATH = re.compile(rf"(?P<own>{_OWN})(?P<quote>\"?)(?P<rest>(?:/[\w.@%+-]+)*)")
_ASSIGNED = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+|readonly[ \t]+|local[ \t]+)?(?P<name>\w+)[ \t]*=[ \t]*(?P<value>.*)$"
)


def shell_file(document: Document) -> None:
    """Notes the mentions of a script."""
    _own_paths(document, 0, len(document.text))
    machine_paths(document, 0, len(document.text))
    script(document, 0, len(document.text), Policy("a word of a command"))


def _own_paths(document: Document, start: int, end: int) -> None:
    """Learns what variables hold folders, and notes paths that begin at the script's own folder."""
    for match in _ASSIGNED.finditer(document.text, start, end):
        value = match.group("value").strip()
        own = _OWN_PATH.search(value)
        if own is not None and value.strip("\"'").startswith(("$(", "`")):
            base = _moved(document, document.own, own.group("rest"))
        elif re.search(r"git rev-parse --show-toplevel|^[\"']?\$\(\s*pwd\s*\)[\"']?$", value):
            base = ROOT
        else:
            inner = re.fullmatch(
                rf"[\"']?(?:\$\(\s*cd\s+\"?)?((?:{VARIABLE})(?:/[\w.@%+-]+)*)\"?(?:\s*&&\s*pwd(?: -P)?\s*\))?[\"']?",
                value,
            )
            anchor, rest, before = split_anchor(document, inner.group(1)) if inner else ("", "", None)
            base = _moved(document, before, rest) if before is not None and anchor else None
        if base is not None:
            document.variables[match.group("name")] = base
    for match in _OWN_PATH.finditer(document.text, start, end):
        rest = match.group("rest").lstrip("/")
        found = document.names.resolve(lookup_form(rest), [document.own]) if rest else None
        if found is not None and found.new:
            first, last = match.span("rest")
            certainty = Certainty.LIKELY if found.what is What.BELOW else Certainty.CERTAIN
            document.add(
                first + 1, last, found.new, certainty, f"a path from the script's own folder: {found.what.value}"
            )


def _moved(document: Document, base: Base, rest: str) -> Base | None:
    """The folder that a path from a known folder leads to, now and afterwards (when that path has been rewritten)."""
    old = join(base.old, lookup_form(rest.lstrip("/")))
    if old == ".." or old.startswith("../"):
        return None
    if not rest.strip("/"):
        return base
    found = document.names.lookup(old)
    return Base(old, found[1] if found and found[1] else old)


def script(document: Document, start: int, end: int, policy: Policy) -> None:
    """Notes the mentions of commands, line by line; `policy` says where paths start from."""
    folder: Base | None = None
    for first, last in _logical_lines(document, start, end):
        line = document.text[first:last]
        if line.lstrip().startswith("#"):
            words(document, first, last, likely("a comment", *policy.bases))
            modules(document, first, last, likely("a comment"))
            continue
        comment = re.search(r"(?<=\s)#\s.*\Z", line)
        stop = first + comment.start() if comment and line[: comment.start()].count('"') % 2 == 0 else last
        folder = command_line(document, first, stop, policy, folder)
        if stop < last:
            words(document, stop, last, likely("a comment", *policy.bases))


def _logical_lines(document: Document, start: int, end: int) -> list[tuple[int, int]]:
    """Lines, joined where they end in a backslash."""
    found: list[tuple[int, int]] = []
    goes_on = False
    for first, last in document.lines(start, end):
        first, last = max(first, start), min(last, end)
        if goes_on:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
        goes_on = document.text[first:last].endswith("\\") and not document.text[first:last].lstrip().startswith("#")
    if found and found[0][0] > start:
        found.insert(0, (start, min(found[0][0], end)))
    return found or [(start, end)]


def command_line(document: Document, start: int, end: int, policy: Policy, folder: Base | None = None) -> Base | None:
    """Notes the mentions of a line of commands.

    Args:
        document: the file.
        start: where the line begins, and `end` where it ends.
        policy: how sure a word is.
        folder: the working folder, if an earlier `cd` has changed it.

    Returns:
        The working folder after it, None if nothing changed it.
    """
    text = document.text
    bases = (folder,) if folder is not None else policy.bases
    policy = replace(policy, bases=bases)
    subshell = folder
    for match in _COMMAND.finditer(text, start, end):
        first, last = match.span()
        part = match.group()
        opened = part.lstrip().startswith("(")
        if opened:
            subshell = folder
        head = first + len(part) - len(part.lstrip())
        while (skipped := _SKIPPED.match(text, head, last)) is not None and skipped.end() > head:
            head = skipped.end()
        command = re.compile(r"\S+").match(text, head, last)
        name = command.group().strip("\"'") if command else ""
        here = replace(policy, bases=(folder,) if folder is not None else bases)
        python_paths(document, first, last, here)
        changed = _CHANGE.match(text, head, last)
        if changed is not None:
            folder = _change_folder(document, changed, here) or folder
            if folder is not None and folder.old.count("/") > _DEEPEST:
                folder = Base("..", "..")
        modules(document, first, last, here)
        if _PRINTS.match(name):
            here = likely("a text that is printed", *here.bases)
        elif _TAKES_PATHS.match(name):
            here = replace(here, bare=True)
        words(document, first, last, here)
        if part.rstrip().endswith(")") and "$(" not in part:
            folder = subshell
    return folder


def _change_folder(document: Document, match: re.Match[str], policy: Policy) -> Base | None:
    """Notes the argument of `cd`; gives the folder that later words start from, None if it is not known."""
    first, last = match.span(2)
    text = match.group(2)
    own = _OWN_PATH.match(text)
    if own is not None:
        return _moved(document, document.own, own.group("rest"))
    result = find(document, text, policy)
    if result is None:
        anchor, rest, base = split_anchor(document, text)
        start = base if anchor else policy.bases[0]
        if start is None or (text.startswith(("/", "~", "-")) and not anchor):
            return None if anchor else Base("..", "..")  # outside of the repository
        old = join(start.old, lookup_form(rest))
        return Base(old, join(start.new, lookup_form(rest))) if not old.startswith("..") else Base("..", "..")
    found, new, _ = result
    if found.what is What.SCATTERED:
        takers = ", ".join(document.names.takers(found.path))
        why = f"cd: what follows is relative to {found.path}, whose files part ({takers})"
        document.add(first, last, "", Certainty.ASK, why)
        return Base(found.path, found.path)
    document.add(first, last, new, policy.folder, f"cd: {found.what.value}")
    return Base(found.path, found.new_path)


_MAKE_VARIABLE = re.compile(
    r"(?m)^[ \t]*(?:export\s+|override\s+)?(?P<name>[\w.-]+)[ \t]*(?::{0,2}|\?|\+)=[ \t]*(?P<value>[^\n#]*)"
)


def make_file(document: Document) -> None:
    """Notes the mentions of a Makefile or a justfile: its commands, prerequisites and variables."""
    machine_paths(document, 0, len(document.text))
    for match in _MAKE_VARIABLE.finditer(document.text):
        first, last = match.span("value")
        if "PYTHONPATH" in match.group("name"):
            python_paths(document, match.start(), last, Policy("PYTHONPATH"))
        words(document, first, last, Policy("the value of a variable", bare=True))
    for first, last in _logical_lines(document, 0, len(document.text)):
        line = document.text[first:last]
        if line.lstrip().startswith("#"):
            words(document, first, last, likely("a comment"))
        elif line.startswith(("\t", "    ")):
            command_line(document, first, last, Policy("a word of a command"))  # each line has a shell of its own
        else:
            python_paths(document, first, last, Policy("PYTHONPATH"))
            words(document, first, last, Policy("a target or what it needs", bare=True))


def process_file(document: Document) -> None:
    """Notes the mentions of a Procfile: `name: command`."""
    for first, last in document.lines():
        colon = document.text.find(":", first, last)
        script(document, colon + 1 if colon >= 0 else first, last, Policy("a command"))


def environment_file(document: Document) -> None:
    """Notes the mentions of a file of `NAME=value` lines."""
    python_paths(document, 0, len(document.text), Policy("PYTHONPATH"))
    modules(document, 0, len(document.text), Policy("the value of a variable"))
    words(document, 0, len(document.text), likely("the value of a variable", scattered=True))
    machine_paths(document, 0, len(document.text))
