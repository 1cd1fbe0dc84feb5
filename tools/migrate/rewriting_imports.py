"""Import statements as edits of a file's bytes."""

import ast
import posixpath
import re
from dataclasses import dataclass, replace
from itertools import pairwise

from migrate.analysis import Analysis, ImportedName, ImportStatement, relative_module, resolve
from migrate.dotted_imports import DOTTED, DottedImports, missing_after, name_after, parted_uses
from migrate.model import Certainty, Edit, Fate, Mention, Place
from migrate.modules import Module
from migrate.naming import Naming
from migrate.source import Source

_FROM = re.compile(
    rb"from(?P<gap>[\s\\]*)(?P<name>[^\s\\](?:[^()]*?[^\s\\])?)(?P<rest>[\s\\]*)(?<=[\s\\.])import(?![\w\x80-\xff])"
)


@dataclass
class Rewritten:
    """The edits of a file, and what could not be rewritten."""

    edits: list[Edit]
    mentions: list[Mention]


def rewrite_imports(analysis: Analysis, naming: Naming, path: str) -> Rewritten:
    """The edits that make every import of a file mean what it meant before."""
    source = analysis.sources[path]
    result = Rewritten([], [])
    for statement in analysis.imports[path]:
        if isinstance(statement.node, ast.ImportFrom):
            _rewrite_from(source, naming, analysis, statement, result)
        else:
            _rewrite_import(source, naming, analysis, statement, result)
    dotted = DottedImports(analysis, naming, source)
    result.edits += dotted.edits
    result.mentions += [*dotted.mentions, *parted_uses(analysis, naming, source)]
    return result


def rewrite_program(analysis: Analysis, naming: Naming, path: str, text: str) -> tuple[list[Edit], list[Mention]]:
    """The same for a program that is a string in a file: edits that count the string's characters.

    A text that is no Python, or none that stands alone, has none.
    """
    for before in ("", "if 1:\n"):  # an indented text is one for textwrap.dedent
        try:
            source = Source(path, (before + text).encode())
        except (SyntaxError, UnicodeEncodeError):
            continue
        inside = replace(
            analysis, sources={**analysis.sources, path: source}, imports={}, unresolved=[], third_party={}
        )
        inside.imports[path] = [resolve(inside, source, node, scope) for node, scope in source.scopes.imports.items()]
        found = rewrite_imports(inside, naming, path)
        shift, contents = len(before), source.contents
        edits = [
            Edit(
                len(contents[: edit.start].decode()) - shift,
                len(contents[: edit.end].decode()) - shift,
                edit.replacement,
            )
            for edit in found.edits
        ]
        return sorted(edits, key=lambda edit: edit.start), found.mentions
    return [], []


def _rewrite_from(
    source: Source, naming: Naming, analysis: Analysis, statement: ImportStatement, result: Rewritten
) -> None:
    node = statement.node
    assert isinstance(node, ast.ImportFrom)
    if statement.base_module is None and not any(name.module for name in statement.names):
        if node.level:
            new, lost = _relative_missing(analysis, naming, source.path, node)
            if lost:
                _moved_out_of_reach(source, statement, result)
        else:
            new = missing_after(naming, analysis, source.path, statement.base)
        if new is not None:
            match = _FROM.match(source.contents, source.start(node), source.end(node))
            assert match is not None
            result.edits.append(Edit(match.start("name"), match.end("name"), source.encode(new)))
        return
    written = "." * node.level + (node.module or "")
    groups: dict[str, list[tuple[ImportedName, str]]] = {}
    nameless: list[str] = []
    for name in statement.names:
        wanted, leaf, why = _wanted(analysis, naming, source.path, statement, name, written)
        if why:
            text = f"{name.alias.name}, {why}" if name.is_module else f"from {written}, {why}"
            if text not in nameless:
                nameless.append(text)
        groups.setdefault(wanted, []).append((name, leaf))
    if nameless:
        place = Place(source.path, statement.line)
        text = source.segment(node).decode(source.encoding, "replace")
        why = f"imports {'; '.join(nameless)}"
        result.mentions.append(Mention(place, text, "", Certainty.ASK, why))
    renamed = any(leaf != name.alias.name for names in groups.values() for name, leaf in names)
    if set(groups) == {written} and not renamed:
        return
    _write_groups(source, statement, groups, result)


def _wanted(
    analysis: Analysis, naming: Naming, path: str, statement: ImportStatement, name: ImportedName, written: str
) -> tuple[str, str, str]:
    """After the move: where a name is to be imported from ("" for `import LEAF`), what it is called there, and why not.

    Where the last is not empty, the module has no name any more, and the import stays as it is.
    """
    node = statement.node
    assert isinstance(node, ast.ImportFrom)
    as_it_is = written, name.alias.name, ""
    module = name.module if name.is_module else statement.base_module
    if module is None:
        return as_it_is
    if node.level:
        if _relative_still_means(analysis, naming, path, node, name, module):
            return as_it_is
    elif naming.keeps_its_name(module):
        return as_it_is
    new = naming.of_module(module)
    if new is None:
        return *as_it_is[:2], _why_nameless(analysis, naming, module)
    if name.is_module:
        parent, _, leaf = new.rpartition(".")
        return parent, leaf, ""
    return new, name.alias.name, ""


def _relative_still_means(
    analysis: Analysis, naming: Naming, path: str, node: ast.ImportFrom, name: ImportedName | None, module: Module
) -> bool:
    """Whether a relative import finds the same module where both have gone."""
    if module.file and naming.is_test_file(module.file) and naming.is_test_file(path):
        return True  # folders of tests keep their arrangement
    package = naming.package_after(path)
    if package is not None and node.level > len(package):
        return False  # a module that is in no package, as all of the flat style
    base = posixpath.dirname(naming.placement.new_path(path))
    for _ in range(node.level - 1):
        if not base:
            return False
        base = posixpath.dirname(base)
    parts = [*(node.module or "").split("."), *([name.alias.name] if name and name.is_module else [])]
    wanted = posixpath.join(base, *(part for part in parts if part))
    if module.file:
        init = posixpath.join(wanted, "__init__.py")
        return naming.placement.new_path(module.file) in (f"{wanted}.py", init)
    # A folder without `__init__.py`: where all of it goes.
    return all(
        naming.placement.new_path(file) == posixpath.join(wanted, file[len(folder) + 1 :])
        for folder in module.folders
        for file in analysis.inventory.below(folder)
        if file.endswith(".py")
    )


def _relative_missing(analysis: Analysis, naming: Naming, path: str, node: ast.ImportFrom) -> tuple[str | None, bool]:
    """Of a relative import of a module that does not exist: its absolute name afterwards, if the relative one breaks.

    Also whether nobody can say what it would be.
    """
    parts = (node.module or "").split(".")
    for count in range(len(parts) - 1, -1, -1):
        module = relative_module(analysis.modules, path, node.level, ".".join(parts[:count]))
        if module is None or not (module.file or module.folders):
            continue
        shorter = ast.ImportFrom(module=".".join(parts[:count]) or None, names=[], level=node.level)
        if _relative_still_means(analysis, naming, path, shorter, None, module):
            return None, False
        new = naming.of_module(module)
        return (".".join([new, *parts[count:]]), False) if new is not None else (None, True)
    return None, True


def _moved_out_of_reach(source: Source, statement: ImportStatement, result: Rewritten) -> None:
    place = Place(source.path, statement.line)
    text = source.segment(statement.node).decode("utf-8", "replace")
    result.mentions.append(Mention(place, text, "", Certainty.ASK, "relative import of nothing that exists"))


def _alias_text(name: ImportedName, leaf: str) -> str:
    bound = name.alias.asname or name.alias.name
    return leaf if bound == leaf else f"{leaf} as {bound}"


def _write_groups(
    source: Source, statement: ImportStatement, groups: dict[str, list[tuple[ImportedName, str]]], result: Rewritten
) -> None:
    """Rewrites `from A import x, y`: the largest group stays in the statement, the others follow in their own.

    Comments stay where they are, or go along with the name whose line they end.
    """
    node = statement.node
    start, end = source.start(node), source.end(node)
    match = _FROM.match(source.contents, start, end)
    if match is None:  # cannot be: the parser has read it
        raise AssertionError(f"{source.path}:{statement.line}: not an import: {source.contents[start:end]!r}")
    alone = _stands_alone(source, node)
    stays = max((base for base in groups if base), key=lambda base: len(groups[base]), default="")
    if not stays:  # every name is a module of its own now: `from src import utils` -> `import utils`
        result.edits.append(Edit(start, end, _only_modules(source, statement, groups[""], alone)))
        return
    gap = b"" if match["gap"] else b" "
    rest = b"" if match["rest"] else b" "
    written = source.contents[match.start("name") : match.end("name")]
    if written != source.encode(stays):
        result.edits.append(Edit(match.start("name"), match.end("name"), gap + source.encode(stays) + rest))
    leaves = {name.alias: (name, leaf) for name, leaf in groups[stays]}
    for name, leaf in groups[stays]:
        if leaf != name.alias.name:
            span = source.start(name.alias), source.end(name.alias)
            result.edits.append(Edit(*span, source.encode(_alias_text(name, leaf))))
    bracketed = re.match(rb"[\s\\]*\(", source.contents[match.end() : end]) is not None
    aliases = [name.alias for name in statement.names]
    removal = _Removal(source, aliases, {alias for alias in aliases if alias not in leaves}, bracketed, alone)
    result.edits += removal.edits()
    more = []
    for base, entries in groups.items():
        if base != stays:
            comments = [comment for name, _ in entries for comment in removal.comments.get(name.alias, ())]
            more.append((_statement(base, entries), b"  ".join(comments)))
    if more:
        result.edits.append(_after(source, node, more, alone))


class _Removal:
    """Takes names out of `from A import x, y, z`.

    Attributes:
        comments: what went along with a name: the comments of lines that held nothing else.
    """

    def __init__(
        self, source: Source, aliases: list[ast.alias], gone: set[ast.alias], bracketed: bool, alone: bool
    ) -> None:
        self._source = source
        self._aliases = aliases
        self._gone = gone
        self._bracketed = bracketed
        self._alone = alone
        self._spans: list[tuple[int, int]] = []
        self.comments: dict[ast.alias, list[bytes]] = {}

    def edits(self) -> list[Edit]:
        run: list[int] = []
        for i, alias in enumerate(self._aliases):
            if alias not in self._gone or self._takes_its_line(i):
                self._take(run)
                run = []
            else:
                run.append(i)
        self._take(run)
        return [Edit(start, end, b"") for start, end in self._spans]

    def _takes_its_line(self, i: int) -> bool:
        """Removes a name with its line, where it stands alone on it."""
        source, alias = self._source, self._aliases[i]
        if not self._bracketed or not self._alone:
            return False
        start, end = source.start(alias), source.end(alias)
        line = source.line_start(alias.lineno)
        rest = re.compile(rb"[ \t\f]*(,)?[ \t\f]*(#[^\r\n]*)?(?:\r\n|\r|\n)").match(source.contents, end)
        if rest is None or source.contents[line:start].strip() or (rest[1] is None and alias is not self._aliases[-1]):
            return False
        self._spans.append((line, rest.end()))
        if rest[2]:
            self.comments[alias] = [rest[2].rstrip()]
        return True

    def _take(self, run: list[int]) -> None:
        """Removes neighbours, with as many commas."""
        if not run:
            return
        source, aliases, contents = self._source, self._aliases, self._source.contents
        first, last = aliases[run[0]], aliases[run[-1]]
        following = aliases[run[-1] + 1] if run[-1] + 1 < len(aliases) else None
        before = aliases[run[0] - 1] if run[0] else None
        if following is not None:
            span = source.start(first), source.start(following)
        else:
            assert before is not None  # something stays
            span = source.end(before), source.end(last)
        if b"#" not in contents[slice(*span)] and (following is not None or before not in self._gone):
            self._spans.append(span)
            return
        pieces = []
        for i in run:
            rest = re.compile(rb"[ \t\f]*(,)?[ \t\f]*").match(contents, source.end(aliases[i]))
            assert rest is not None
            if rest[1] is None and aliases[i] is not aliases[-1]:
                break  # its comma stands in the next line
            start, end = source.start(aliases[i]), rest.end()
            if contents[end : end + 1] in (b"#", b"\r", b"\n"):  # the blanks before it go, not those after it
                end = rest.end(1) if rest[1] else source.end(aliases[i])
                start -= len(contents[:start]) - len(contents[:start].rstrip(b" \t\f"))
            pieces.append((start, end))
        else:
            self._spans += pieces
            return
        self._spans.append(span)
        self.comments[first] = re.findall(rb"#[^\r\n]*", contents[slice(*span)])


def _only_modules(
    source: Source, statement: ImportStatement, entries: list[tuple[ImportedName, str]], alone: bool
) -> bytes:
    """`import a`, `import b` in place of a whole statement, each with the comments that follow its name."""
    node = statement.node
    texts = [source.encode(f"import {_alias_text(name, leaf)}") for name, leaf in entries]
    if not alone:
        return b"; ".join(texts)
    starts = [source.start(node), *(source.start(name.alias) for name, _ in entries[1:]), source.end(node)]
    comments = [
        b"  ".join(comment.rstrip() for comment in re.findall(rb"#[^\r\n]*", source.contents[begin:finish]))
        for begin, finish in pairwise(starts)
    ]
    lines = [text + (b"  " + comment if comment else b"") for text, comment in zip(texts, comments, strict=True)]
    indent = source.contents[source.line_start(node.lineno) : source.start(node)]
    return (source.newline + indent).join(lines)


def _statement(base: str, entries: list[tuple[ImportedName, str]]) -> str:
    if base:
        return f"from {base} import {', '.join(_alias_text(name, leaf) for name, leaf in entries)}"
    return "; ".join(f"import {_alias_text(name, leaf)}" for name, leaf in entries)


def _stands_alone(source: Source, node: ast.stmt) -> bool:
    """Whether a statement has its lines to itself, but for a comment."""
    assert node.end_lineno is not None
    line_start, line_end = source.line_start(node.lineno), source.line_start(node.end_lineno + 1)
    before, after = source.contents[line_start : source.start(node)], source.contents[source.end(node) : line_end]
    continued = re.search(rb"\\(?:\r\n|\r|\n)\Z", source.contents[max(0, line_start - 3) : line_start]) is not None
    return (
        not before.strip()
        and not continued
        and re.fullmatch(rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)?", after) is not None
    )


def _after(source: Source, node: ast.stmt, statements: list[tuple[str, bytes]], alone: bool) -> Edit:
    """An edit that puts statements (and comments) behind one: on lines of their own where it stands alone."""
    start, end = source.start(node), source.end(node)
    if not alone:
        return Edit(end, end, source.encode("".join(f"; {text}" for text, _ in statements)))
    assert node.end_lineno is not None
    line_end = source.line_start(node.end_lineno + 1)
    before = source.contents[source.line_start(node.lineno) : start]
    newline = source.newline
    lines = b"".join(
        before + source.encode(text) + (b"  " + comment if comment else b"") + newline for text, comment in statements
    )
    if not source.contents[end:line_end].endswith((b"\n", b"\r")):
        lines = newline + lines[: -len(newline)]
    return Edit(line_end, line_end, lines)


def _rewrite_import(
    source: Source, naming: Naming, analysis: Analysis, statement: ImportStatement, result: Rewritten
) -> None:
    """`import a.b as c`: binds c before and after. What binds `a` is another matter: dotted_imports."""
    for name in statement.names:
        old = name.alias.name
        if name.alias.asname is None:
            continue
        if name.module is None:
            new = missing_after(naming, analysis, source.path, old)
        else:
            new = name_after(naming, name.module)
            if new is None and not naming.keeps_its_name(name.module):
                place = Place(source.path, statement.line)
                text = source.segment(statement.node).decode(source.encoding, "replace")
                why = f"imports {old}, {_why_nameless(analysis, naming, name.module)}"
                result.mentions.append(Mention(place, text, "", Certainty.ASK, why))
        if new is not None and new != old:
            span = DOTTED.match(source.contents, source.start(name.alias), source.end(name.alias))
            assert span is not None
            result.edits.append(Edit(span.start(), span.end(), source.encode(new)))


def _why_nameless(analysis: Analysis, naming: Naming, module: Module) -> str:
    """Why a module has no name any more."""
    if not module.file:
        return "whose modules part"
    plan = naming.placement.files[module.file]
    if plan.fate is Fate.DROPPED:
        return "which is dropped"
    return f"which cannot be imported where it goes: {plan.new_path}"
