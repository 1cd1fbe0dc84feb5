"""Dockerfiles: what is copied into the image and to where, what runs there, and PYTHONPATH."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from migrate.model import Certainty
from migrate.text_files.document import Document, document_form, lookup_form
from migrate.text_files.names import ROOT, Base, Found, What, dotted, is_below, join, relative
from migrate.text_files.shell import command_line
from migrate.text_files.words import Policy, likely, modules, python_path, words

_TOKEN = re.compile(r"\"((?:\\.|[^\"\\\n])*)\"|'([^'\n]*)'|((?:\\[^\r\n]|\$\{[^}\n]*\}|[^\s\\])+)")
_IN_LIST = re.compile(r"\"((?:\\.|[^\"\\\n])*)\"|(?<!\S)(--[^\s\"\[]+)")
_HEREDOC = re.compile(r"<<-?([\"']?)(\w+)\1")


_STARTS_PYTHON = re.compile(r"\b(?:python[\d.]*|uvicorn|gunicorn|hypercorn|celery)\b")
_INSTALLS = re.compile(r"pip[\d.]*\s+install\s(?:[^\n]*\s)?\.{1,2}(?:\s|/|$|\[)|\bsetup\.py\b")


@dataclass(frozen=True)
class Span:
    """A piece of the file: its place and its text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile.

    Attributes:
        name: in capitals.
        start: where it begins, and `end` where its last line ends (without the line end).
        lines: the spans of its arguments, line by line, without comments and continuation marks.
        heredoc: the span of its here-documents, empty if it has none.
    """

    name: str
    start: int
    end: int
    lines: tuple[tuple[int, int], ...]
    heredoc: tuple[int, int]


@dataclass
class Stage:
    """A stage of a build, while it is read.

    Attributes:
        folder: its WORKDIR, "" while that is not known.
        placed: modules that single files were copied to be, under names of the author's choice.
    """

    folder: str = ""
    placed: set[str] = field(default_factory=set)


def instructions(document: Document) -> Iterator[Instruction]:
    """The instructions of a Dockerfile. Comments are none."""
    text, lines = document.text, list(document.lines())
    escape = "`" if re.match(r"(?i)(?:#.*\n)*#\s*escape\s*=\s*`", text) else "\\"
    i = 0
    while i < len(lines):
        start, end = lines[i]
        head = re.compile(r"\s*([A-Za-z]+)(?=\s|$)").match(text, start, end)
        if head is None:
            i += 1
            continue
        spans, first = [], head.end()
        while True:
            line = text[first:end].rstrip()
            goes_on = line.endswith(escape)
            if not text[first:end].lstrip().startswith("#") or first == head.end():
                spans.append((first, first + len(line) - goes_on))
            elif not goes_on:
                goes_on = True  # a comment between the lines of an instruction
            if not goes_on or i + 1 >= len(lines):
                break
            i += 1
            first, end = lines[i]
        name, heredoc = head.group(1).upper(), (end, end)
        marks = (
            [m.group(2) for span in spans for m in _HEREDOC.finditer(text, *span)]
            if name in ("RUN", "COPY", "ADD")
            else []
        )
        for mark in marks:
            while i + 1 < len(lines):
                i += 1
                if text[lines[i][0] : lines[i][1]].strip() == mark:
                    break
            heredoc = (heredoc[0], lines[i][1])
        yield Instruction(name, head.start(1), heredoc[1], tuple(spans), heredoc)
        i += 1


def tokens(document: Document, instruction: Instruction) -> list[Span]:
    """The arguments of an instruction, without their quotes; of a JSON list, its strings."""
    found = []
    text = document.text
    first = text[instruction.lines[0][0] : instruction.lines[0][1]].lstrip() if instruction.lines else ""
    # `[` begins a JSON list only if a quote follows; flags may come before it.
    is_list = re.match(r"(?:--\S+\s+)*\[\s*(?:[\"\]]|$)", first) is not None
    for span in instruction.lines:
        for match in (_IN_LIST if is_list else _TOKEN).finditer(text, *span):
            group = next(number for number, piece in enumerate(match.groups(), 1) if piece is not None)
            found.append(Span(*match.span(group), match.group(group)))
    return found


def docker_file(document: Document) -> None:
    """Notes the mentions of a Dockerfile."""
    found = list(instructions(document))
    base = ROOT
    if _context_is_own(document, found):
        base = document.own
    reader = _Reader(document, base)
    reader.learn(found)
    reader.read(found)
    inside = [(one.start, one.end) for one in found]
    for first, last in document.lines():
        line = document.text[first:last].lstrip()
        in_heredoc = any(one.heredoc[0] < first < one.heredoc[1] for one in found)
        if (line.startswith("#") and not in_heredoc) or not any(start <= first <= end for start, end in inside):
            words(document, first, last, likely("a comment"))


def _context_is_own(document: Document, found: list[Instruction]) -> bool:
    """Whether the folder of the Dockerfile is what its COPYs start from, rather than the repository's root."""
    if not document.own.old:
        return False
    sources = [
        lookup_form(token.text) for one in found if one.name in ("COPY", "ADD") for token in _copied(document, one)[0]
    ]
    known = document.names
    plain = [source.rstrip("/") for source in sources if not re.search(r"[*?$\[]", source) and join(source)]
    at_root = sum(known.exists(join(source)) or known.lookup(join(source)) is not None for source in plain)
    at_own = sum(known.exists(join(document.own.old, source)) for source in plain)
    return at_own > at_root


def _copied(document: Document, instruction: Instruction) -> tuple[list[Span], Span | None]:
    """The sources of a COPY and its destination; none of another stage's files or of text in the Dockerfile."""
    found = tokens(document, instruction)
    flags = [token.text for token in found if token.text.startswith("--")]
    if any(flag.startswith("--from=") for flag in flags):
        return [], None
    rest = [token for token in found if not token.text.startswith("--")]
    if len(rest) < 2:
        return [], None
    sources = [token for token in rest[:-1] if not token.text.startswith("<<") and "://" not in token.text]
    return sources, rest[-1]


def _cut(place: str, end: str) -> str | None:
    """What of a path comes before an end of it: `/app` of `/app/src` and `src`; None if it has another end."""
    if not end:
        return place
    if place == end:
        return ""
    return (place[: -len(end) - 1] or "/") if place.endswith(f"/{end}") else None


def _absolute(folder: str, place: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, place or "."))
    return "" if path == "." else path


class _Reader:
    """Reads the instructions in order."""

    def __init__(self, document: Document, base: Base) -> None:
        self._document = document
        self._names = document.names
        self._base = base
        self._shown: set[str] = set()  # folders of the image that show the build context
        self._search: set[str] = set()  # folders of the image on PYTHONPATH
        self._last_folder = ""

    # What there is in the image

    def learn(self, found: list[Instruction]) -> None:
        """Reads where the image shows the repository: `COPY . /app` and `COPY src /app/src` both show it in /app."""
        for instruction, stage in self._walk(found):
            if instruction.name in ("COPY", "ADD"):
                sources, destination = _copied(self._document, instruction)
                for source in sources:
                    if destination is None or re.search(r"[*?$\[]", source.text):
                        continue
                    path = join(self._base.old, lookup_form(source.text))
                    self._learn_copy(
                        path, _absolute(stage.folder, destination.text), destination.text.endswith("/"), len(sources)
                    )
            elif instruction.name == "ENV":
                for span in instruction.lines:
                    for match in re.finditer(r"PYTHONPATH[= ]\s*[\"']?([^\s\"']+)", self._document.text[slice(*span)]):
                        self._search |= {
                            _absolute(stage.folder, entry) for entry in match.group(1).split(":") if "$" not in entry
                        }
            self._last_folder = stage.folder or self._last_folder
        self._document.prefixes = {shown.rstrip("/"): ROOT for shown in self._shown if shown.startswith("/")}

    def _learn_copy(self, path: str, place: str, is_folder: bool, count: int) -> None:
        if path.startswith(".."):
            return
        is_file = path in self._names.renames.files or "." in posixpath.basename(path)
        if is_file and (is_folder or count > 1):
            path = posixpath.dirname(path)
        shown = _cut(place, path)
        if shown is not None and (path or not is_file):
            self._shown.add(shown)

    def _walk(self, found: list[Instruction]) -> Iterator[tuple[Instruction, Stage]]:
        """Each instruction with the stage that it belongs to, WORKDIR as it is when it runs."""
        stages: dict[str, Stage] = {}
        stage = Stage(self._last_folder)
        for instruction in found:
            if instruction.name == "FROM":
                parts = [token.text for token in tokens(self._document, instruction) if not token.text.startswith("--")]
                parent = stages.get(parts[0].lower()) if parts else None
                stage = Stage(parent.folder, set(parent.placed)) if parent else Stage()
                if len(parts) > 2 and parts[1].upper() == "AS":
                    stages[parts[2].lower()] = stage
            yield instruction, stage
            if instruction.name == "WORKDIR":
                parts = [token.text for token in tokens(self._document, instruction)]
                stage.folder = _absolute(stage.folder, parts[0]) if parts and "$" not in parts[0] else ""

    def _working_folder(self, stage: Stage) -> Base | None:
        """What of the repository the working folder of a stage shows; None where that is not known."""
        for shown in sorted(self._shown, key=len, reverse=True):
            if stage.folder == shown or (shown != "/" and is_below(stage.folder, shown)) or shown == "/":
                rest = stage.folder[len(shown) :].strip("/") if shown != stage.folder else ""
                found = self._names.lookup(rest) if rest else None
                return Base(rest, found[1] if found and found[1] else rest)
        return None

    # The mentions

    def read(self, found: list[Instruction]) -> None:
        """Notes the mentions of every instruction."""
        for instruction, stage in self._walk(found):
            base = self._working_folder(stage)
            policy = Policy("a path in the image", (base or ROOT,))
            if base is None:
                policy = replace(policy, relative=Certainty.LIKELY)
            if instruction.name in ("CMD", "ENTRYPOINT"):
                self._add_python_path(instruction, base)
            if instruction.name in ("COPY", "ADD"):
                self._copy(instruction, stage)
            elif instruction.name in ("FROM", "LABEL", "MAINTAINER", "EXPOSE", "USER", "STOPSIGNAL"):
                continue
            else:
                self._other(instruction, stage, policy)

    def _add_python_path(self, instruction: Instruction, base: Base | None) -> None:
        """Adds `ENV PYTHONPATH` before a program that found its imports without it: in the working folder or its own.

        Not where the project is installed into the image: then its imports come from there.
        """
        text = self._document.text
        command = text[instruction.start : instruction.end]
        if base != ROOT or not _STARTS_PYTHON.search(command) or "PYTHONPATH" in text or _INSTALLS.search(text):
            return
        names = [re.split(r"[:\s]", word)[0] for word in re.findall(r"[\w./:]+", command)]
        paths = [join(lookup_form(name)) for name in names if name.endswith(".py")]
        if not any(self._names.module(name) for name in names) and not any(
            path in self._names.renames.files for path in paths
        ):
            return
        shown = next(one for one in sorted(self._shown, key=len, reverse=True))
        roots = self._names.roots_for("") or self._names.roots_for(posixpath.dirname(paths[0]) if paths else "")
        places = dict.fromkeys(_absolute(shown, root) for root in [*(root for root in roots if root), ""])
        line = f"ENV PYTHONPATH={':'.join(document_form(place) for place in places)}{self._document.newline}"
        why = f"{instruction.name}: needs the new import roots on PYTHONPATH"
        self._document.add(instruction.start, instruction.start, line, Certainty.CERTAIN, why)

    def _other(self, instruction: Instruction, stage: Stage, policy: Policy) -> None:
        document = self._document
        if instruction.name in ("RUN", "CMD", "ENTRYPOINT", "SHELL", "HEALTHCHECK"):
            policy = replace(policy, why=f"{instruction.name}: a path in the image")
        spans = [*instruction.lines, instruction.heredoc]
        end = max(end for _, end in spans)
        start = instruction.lines[0][0] if instruction.lines else instruction.start
        if instruction.name in ("ENV", "ARG"):
            for span in instruction.lines:
                pattern = re.compile(r"PYTHONPATH(?:=|[ \t]+)([\"']?)([^\s\"']+)\1")
                for match in pattern.finditer(document.text, *span):
                    python_path(document, *match.span(2), replace(policy, why="PYTHONPATH"))
        modules(document, start, end, policy, frozenset(stage.placed))
        is_list = document.text[start:end].lstrip().startswith("[")
        for span in spans:
            if instruction.name == "RUN" and not is_list:
                command_line(document, *span, policy)
            elif instruction.name in ("CMD", "ENTRYPOINT", "WORKDIR", "VOLUME"):
                words(document, *span, replace(policy, bare=True))
            else:
                words(document, *span, policy)

    def _copy(self, instruction: Instruction, stage: Stage) -> None:
        sources, destination = _copied(self._document, instruction)
        if destination is None:
            return
        found = [self._names.resolve(lookup_form(source.text), (self._base,)) for source in sources]
        for source in sources:
            stage.placed |= self._placed(join(self._base.old, lookup_form(source.text)), stage, destination)
        if not any(found):
            return
        if len(sources) == 1 and found[0] is not None:
            self._copy_one(instruction, stage, sources[0], destination, found[0])
        else:
            self._copy_several(instruction, stage, sources, destination, found)

    def _copy_one(self, instruction: Instruction, stage: Stage, source: Span, destination: Span, found: Found) -> None:
        what = instruction.name
        place = _absolute(stage.folder, destination.text)
        if found.what is What.SCATTERED:
            self._copy_scattered(instruction, stage, source, destination, found)
            return
        new_source = found.new
        if new_source.startswith("../"):
            self._note(
                instruction, [], Certainty.ASK, f"{what}: it goes to {found.new_path}, outside of the build context"
            )
            return
        is_pattern = found.what is What.BELOW or re.search(r"[*?\[]", source.text) is not None
        old, new = found.path, found.new_path
        explicit = (
            found.what is What.FILE and not destination.text.endswith("/") and destination.text not in (".", "./")
        )
        if is_pattern or (found.what is What.FILE and not explicit):
            old, new = posixpath.dirname(old), posixpath.dirname(new)  # the destination is the folder that it goes into
        shown = _cut(place, old) if old else None
        edits = [(source, document_form(new_source))]
        certainty = Certainty.LIKELY if is_pattern and found.what is What.BELOW else Certainty.CERTAIN
        if shown is not None:
            edits.append((destination, self._spelled(destination.text, stage, shown, new)))
            self._note(
                instruction,
                edits,
                certainty,
                f"{what}: {found.what.value}, to the same place of the image as in the repository",
            )
            return
        if found.what is What.FILE:
            self._note(instruction, edits, certainty, f"{what}: a file that moves; in the image it stays where it was")
            return
        root = self._import_root(old, place)
        known = root is not None and (root in self._search or root == stage.folder)
        if root is None and self._is_import_root(old):
            root = place
        if root is None:
            why = f"{what}: a folder that moves; the destination is no part of its path, check that its imports work"
            self._note(instruction, edits, Certainty.LIKELY, why)
            return
        inside = relative(new, self._names.root_of(new))
        edits.append((destination, self._spelled(destination.text, stage, root, inside)))
        seen = root or "the working folder"
        why = f"{what}: a folder that moves, to where {seen} as an import root has it under its new name"
        self._note(instruction, edits, Certainty.CERTAIN if known else Certainty.LIKELY, why)

    def _is_import_root(self, folder: str) -> bool:
        """Whether the files of a folder are imported by their names alone."""
        modules = self._names.renames.modules
        return any(dotted(path[len(folder) + 1 :]) in modules for path in self._names.below(folder))

    def _placed(self, path: str, stage: Stage, destination: Span) -> set[str]:
        """The module names that a file has in the image because it was copied to a place of its own."""
        if not path.endswith(".py"):
            return set()
        place = _absolute(stage.folder, destination.text)
        if destination.text.endswith("/") or destination.text == ".":
            place = _absolute(place, posixpath.basename(path))
        if _cut(place, path) is not None and "/" in path:
            return set()  # the same place as in the repository
        parts = place.removesuffix(".py").strip("/").split("/")
        return {".".join(parts[i:]) for i in range(len(parts))}

    def _import_root(self, path: str, place: str) -> str | None:
        """The folder of the image that was the import root of a folder copied to `place`; None if that is not clear."""
        parts = path.split("/")
        for i in range(1, len(parts)):
            rest = "/".join(parts[i:])
            shown = _cut(place, rest)
            if shown is not None and dotted(rest) in {*self._names.renames.modules, *self._packages()}:
                return shown
        return None

    def _packages(self) -> set[str]:
        """Names of packages that have no module of their own (no `__init__.py`)."""
        found = set()
        for name in self._names.renames.modules:
            parts = name.split(".")
            found |= {".".join(parts[:i]) for i in range(1, len(parts))}
        return found

    def _copy_scattered(
        self, instruction: Instruction, stage: Stage, source: Span, destination: Span, found: Found
    ) -> None:
        """One COPY for each folder that took its files."""
        what, names, place = instruction.name, self._names, _absolute(stage.folder, destination.text)
        takers = names.takers(found.path)
        outside = [taker for taker in takers if not is_below(taker, self._base.new)]
        if not takers or outside or re.search(r"[*?\[]", source.text):
            listed = ", ".join(takers)
            self._note(instruction, [], Certainty.ASK, f"{what}: the files of {found.path} part ({listed})")
            return
        tail = "/" if source.text.endswith("/") else ""
        copies = []
        shown = _cut(place, found.path)
        for taker in takers:
            if shown is not None:
                new_place = self._spelled(destination.text, stage, shown, taker)
            else:
                root = names.root_of(taker)
                inside = taker[len(root) :].lstrip("/")
                new_place = self._spelled(destination.text, stage, place, inside)
            copies.append((document_form(relative(taker, self._base.new)) + tail, new_place))
        if copies == [(source.text, destination.text)]:
            return
        text, end = self._document.text, instruction.lines[-1][1]
        parts = [
            text[instruction.start : source.start] + new_source + text[source.end : destination.start] + new_place
            + text[destination.end : end]
            for new_source, new_place in copies
        ]  # fmt: skip
        if set(parts) <= {self._document.text[one.start : one.lines[-1][1]] for one in instructions(self._document)}:
            return  # it has them all already
        new = self._document.newline.join(parts)
        certainty = Certainty.CERTAIN if shown is not None else Certainty.LIKELY
        how = "" if shown is not None else "; as import roots are laid out, check that this is what the image needs"
        self._document.add(
            instruction.start, end, new, certainty, f"{what}: one for each folder that takes files of {found.path}{how}"
        )

    def _copy_several(
        self, instruction: Instruction, stage: Stage, sources: list[Span], destination: Span, found: list[Found | None]
    ) -> None:
        what = instruction.name
        parted = [one.path for one in found if one is not None and not one.new]
        outside = [one.new_path for one in found if one is not None and one.new.startswith("../")]
        if parted:
            why = f"{what}: the files of {', '.join(parted)} part; name each source"
            self._note(instruction, [], Certainty.ASK, why)
            return
        if outside:
            why = f"{what}: sources go to {', '.join(outside)}, outside of the build context"
            self._note(instruction, [], Certainty.ASK, why)
            return
        edits = [
            (source, document_form(one.new)) for source, one in zip(sources, found, strict=True) if one is not None
        ]
        olds = {posixpath.dirname(join(self._base.old, lookup_form(source.text))) for source in sources}
        news = {posixpath.dirname(one.new_path) for one in found if one is not None}
        place = _absolute(stage.folder, destination.text)
        old = next(iter(olds))
        shown = _cut(place, old) if len(olds) == 1 and old else None
        certainty = Certainty.CERTAIN
        why = f"{what}: sources that move; in the image they stay where they were"
        if shown is not None and len(news) == 1 and all(found):
            edits.append((destination, self._spelled(destination.text, stage, shown, next(iter(news)))))
            why = f"{what}: sources that move, to the same place of the image as in the repository"
        elif any(one is not None and one.what is not What.FILE for one in found) or shown is not None:
            certainty = Certainty.LIKELY
            why = f"{what}: sources that move; check where they shall go in the image"
        self._note(instruction, edits, certainty, why)

    def _spelled(self, like: str, stage: Stage, shown: str, path: str) -> str:
        """A place of the image, written as another is: from the working folder or from `/`, closed by `/` or not."""
        place = _absolute(shown, path)
        if not like.startswith("/"):
            inside = is_below(place, stage.folder) if stage.folder else not place.startswith("/")
            if inside:
                place = place[len(stage.folder) :].lstrip("/") if stage.folder not in ("", "/") else place.lstrip("/")
                place = f"./{place}" if like.startswith("./") else place or "."
        closing = "/" if like.endswith("/") and not place.endswith("/") else ""
        return document_form(place) + closing

    def _note(self, instruction: Instruction, edits: list[tuple[Span, str]], certainty: Certainty, why: str) -> None:
        """Notes a mention of a whole instruction, of which only the sources and the destination change."""
        text = self._document.text
        start, end = instruction.start, instruction.lines[-1][1]
        changed = [(span.start, span.end, new) for span, new in edits if span.text != new]
        new, done = "", start
        for first, last, replacement in sorted(changed):
            new += text[done:first] + replacement
            done = last
        new = new + text[done:end] if changed else ""
        self._document.add(start, end, new, certainty, why, changed)
