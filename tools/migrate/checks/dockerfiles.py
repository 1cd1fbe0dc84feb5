"""Check 5: Dockerfiles build, or where no builder works, what they copy is there."""

import json
import posixpath
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from migrate.checks.places import Layout, Tree
from migrate.checks.report import Check, Finding
from migrate.checks.running import Finished, Runner, run_program

_BUILDERS = ("docker", "podman", "buildah")
_VARIABLE = re.compile(r"\$(?:\{(\w++)(?::-([^}]*+))?[^}]*+\}|(\w+))")
_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")


@dataclass(frozen=True)
class Instruction:
    line: int
    word: str  # in capitals
    rest: str


@dataclass(frozen=True)
class MissingSource:
    """A COPY or ADD whose source the context has not. reason: "is not there" or "is excluded by .dockerignore"."""

    line: int
    source: str
    reason: str


def is_dockerfile(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in ("Dockerfile", "Containerfile") or name.startswith("Dockerfile.") or name.endswith(".Dockerfile")


def instructions(text: str) -> Iterator[Instruction]:
    """A Dockerfile's instructions, continued lines joined, comments and here-documents left out."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = "`" if re.match(r"#\s*escape\s*=\s*`", lines[0] if lines else "", re.IGNORECASE) else "\\"
    number = 0
    while number < len(lines):
        start = number
        row = lines[number].strip()
        number += 1
        if not row or row.startswith("#"):
            continue
        while row.endswith(escape) and number < len(lines):
            row = row[:-1].rstrip()
            following = lines[number].strip()
            number += 1
            if following.startswith("#"):
                row += " " + escape
                continue
            row += " " + following
        word, _, rest = row.partition(" ")
        for marker in _HEREDOC.findall(rest) if word.upper() in ("RUN", "COPY", "ADD") else ():
            while number < len(lines) and lines[number].strip() != marker:
                number += 1
            number += 1
        yield Instruction(start + 1, word.upper(), rest.strip().rstrip(escape).strip())


def missing_sources(text: str, tree: Tree, context: str) -> list[MissingSource]:
    """What a Dockerfile copies from its context (a folder of the tree, "" for its root) that is not there."""
    variables: dict[str, str] = {}
    ignored = _ignore_rules(tree, context)
    found = []
    for step in instructions(text):
        if step.word in ("ARG", "ENV"):
            for name, value in re.findall(r"\b(\w++)=(\"[^\"]*\"|'[^']*'|\S*)", step.rest):
                variables[name] = _expanded(value.strip("\"'"), variables)
        if step.word not in ("COPY", "ADD"):
            continue
        for source in _sources(step.rest):
            name = _expanded(source, variables)
            if "://" in name or name.startswith("git@") or "$" in name:
                continue
            reason = _reason(tree, context, name, ignored)
            if reason:
                found.append(MissingSource(step.line, name, reason))
    return found


def _sources(rest: str) -> list[str]:
    """The sources of COPY and ADD; none where they come from another stage or from a here-document."""
    flags = re.match(r"((?:--\S+\s+)*)(.*)", rest, re.DOTALL)
    if flags is None or "--from" in flags[1]:
        return []
    arguments = flags[2].strip()
    words: list[str]
    if arguments.startswith("["):
        try:
            words = [str(word) for word in json.loads(arguments)]
        except ValueError:
            return []
    else:
        try:
            words = shlex.split(arguments)
        except ValueError:
            words = arguments.split()
    return [word for word in words[:-1] if not word.startswith("<<")]


def _expanded(text: str, variables: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3]
        return variables.get(name) or match[2] or (match[0] if name not in variables else "")

    return _VARIABLE.sub(value, text)


def _reason(tree: Tree, context: str, source: str, ignored: Sequence[tuple[str, bool]]) -> str:
    """Why a source cannot be copied, "" where it can."""
    inside = posixpath.normpath(source.lstrip("/") or ".")
    prefix = f"{context}/" if context else ""
    own = [path[len(prefix) :] for path in tree.files if path.startswith(prefix)]
    if inside == ".":
        matching = own
    else:
        pattern = re.compile(_wildcards(inside) + r"(?:/.*)?", re.DOTALL)
        matching = [path for path in own if pattern.fullmatch(path)]
    if not matching:
        # The tree knows files that are not hidden; a folder may be empty, a file hidden.
        there = any((tree.root / context).glob(inside)) if not inside.startswith("..") else False
        return "" if there else "is not there"
    if all(_is_ignored(path, ignored) for path in matching):
        return "is excluded by .dockerignore"
    return ""


def _wildcards(pattern: str) -> str:
    out = ""
    for part in re.split(r"(\*\*/?|\*|\?|\[[^\]]*\])", pattern):
        if part.startswith("**"):
            out += "(?:.*/)?" if part.endswith("/") else ".*"
        elif part == "*":
            out += "[^/]*"
        elif part == "?":
            out += "[^/]"
        elif part.startswith("[") and part.endswith("]"):
            out += part.replace("[!", "[^")
        else:
            out += re.escape(part)
    return out


def _ignore_rules(tree: Tree, context: str) -> list[tuple[str, bool]]:
    """(expression, whether it takes back) of each line of the context's .dockerignore."""
    file = tree.root / context / ".dockerignore"
    if not file.is_file():
        return []
    rules = []
    for row in file.read_text(encoding="utf-8", errors="replace").splitlines():
        row = row.strip()
        if not row or row.startswith("#"):
            continue
        back = row.startswith("!")
        pattern = posixpath.normpath(row.removeprefix("!").strip().lstrip("/"))
        rules.append((_wildcards(pattern) + r"(?:/.*)?", back))
    return rules


def _is_ignored(path: str, rules: Sequence[tuple[str, bool]]) -> bool:
    ignored = False
    for expression, back in rules:
        if ignored == back and re.fullmatch(expression, path, re.DOTALL):
            ignored = not back
    return ignored


def contexts(tree: Tree, path: str) -> list[str]:
    """The folders that a Dockerfile may be built from: what compose and build files say, the root, its own folder."""
    found = []
    for file in tree.files:
        if not fnmatchcase(file.rpartition("/")[2], "*compose*.y*ml"):
            continue
        text = (tree.root / file).read_text(encoding="utf-8", errors="replace")
        base = posixpath.dirname(file)
        for match in re.finditer(r"(?m)^[ \t]*context:[ \t]*[\"']?([^\s\"'#]+)", text):
            context = posixpath.normpath(posixpath.join(base, match[1]))
            if context == "." or path.startswith(f"{context}/"):
                found.append("" if context == "." else context)
    return list(dict.fromkeys([*found, "", posixpath.dirname(path)]))


def find_builder(runner: Runner, work: Path) -> tuple[str, str]:
    """The first builder that works, and what is to be said of it: ("docker", …) or ("", why none)."""
    said = []
    for name in _BUILDERS:
        program = shutil.which(name)
        if program is None:
            continue
        try:
            done = run_program([program, "info"], work, runner.environment(), 20)
        except OSError as error:
            said.append(f"{name}: {error.strerror}")
            continue
        if done.status == 0:
            return program, f"built with {name}"
        said.append(f"{name} is here and does not work: {done.last_line or 'it does not answer'}")
    return "", "; ".join(said) or "none of docker, podman and buildah is here"


def check_dockerfiles(
    runner: Runner, layout: Layout, before: Tree, after: Tree, timeout: float, done: Callable[[], None]
) -> Check:
    """Check 5: builds every Dockerfile of the new tree where a builder works, else reads it."""
    check = Check("dockerfiles", "Dockerfiles build successfully")
    files = sorted(path for path in after.files if is_dockerfile(path))
    builder, told = find_builder(runner, after.root)
    check.table.append(["Dockerfile", "Context", "Result"])
    built = 0
    for path in files:
        text = (after.root / path).read_text(encoding="utf-8", errors="replace")
        best = min(
            ((missing_sources(text, after, context), context) for context in contexts(after, path)),
            key=lambda pair: len(pair[0]),
        )
        missing, context = best
        old = layout.old_path.get(path, path)
        was_there = old in before.files
        if not any(step.word == "FROM" for step in instructions(text)):
            check.differences.append(Finding(path, "", "there is no FROM"))
        _judge_missing(check, before, path, old if was_there else "", missing)
        result = "all that it copies is there" if not missing else f"{len(missing)} sources are missing"
        if builder and not missing:
            status = _build(runner, builder, after, path, context, timeout)
            if status.status == 0:
                result, built = "built", built + 1
            else:
                was = None
                if was_there:
                    was = _build(runner, builder, before, old, contexts(before, old)[0], timeout)
                finding = Finding(path, "built", status.last_line or "the build ran out of time", "build")
                if was is not None and was.status != 0:
                    check.broken_before.append(Finding(path, was.last_line, finding.after, "build"))
                else:
                    check.differences.append(finding)
                result = "does not build"
        check.table.append([path, context or "the root", result])
        done()
    check.read_only = built < len(files) and not check.differences
    good = sum(1 for row in check.table[1:] if row[2] in ("built", "all that it copies is there"))
    check.summary = (
        f"{built} of {len(files)} built" if builder else f"read, not built, as no builder works here: {good} of "
    )
    if not builder:
        check.summary += f"{len(files)} copy only what is there"
    check.evidence = [told]
    return check


def _judge_missing(check: Check, before: Tree, path: str, old: str, missing: Sequence[MissingSource]) -> None:
    was: set[str] = set()
    count = 0
    if old:
        text = (before.root / old).read_text(encoding="utf-8", errors="replace")
        found = min((missing_sources(text, before, context) for context in contexts(before, old)), key=len)
        was, count = {each.source for each in found}, len(found)
    for each in missing:
        finding = Finding(f"{path}:{each.line}", "", f"`{each.source}` {each.reason}")
        if each.source in was and count:
            check.broken_before.append(Finding(finding.where, "was missing before", finding.after))
        else:
            check.differences.append(finding)


def _build(runner: Runner, builder: str, tree: Tree, path: str, context: str, timeout: float) -> Finished:
    tag = "migrate-verify:check"
    command = [builder, "build", "-f", str(tree.root / path), "-t", tag, str(tree.root / context)]
    done = run_program(command, tree.root, runner.environment(), max(timeout, 600))
    if done.status == 0:
        run_program([builder, "rmi", tag], tree.root, runner.environment(), 60)
    return done
