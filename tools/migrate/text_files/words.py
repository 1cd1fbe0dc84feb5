"""Words that are paths, and module names after `-m` and the like: what commands, settings and comments share."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from migrate.model import Certainty
from migrate.text_files.document import Document, document_form, lookup_form, weaker
from migrate.text_files.names import ROOT, Base, Found, What, join, listed, relative, spelled_like

#: A variable, or a command in parentheses that gives a folder, as part of a path. (The bounds keep a line of many that
#: never end from taking time by the square of its length.)
VARIABLE = (
    r"\$\{\{[^}\n]{0,500}\}\}|\$\{[^}\n]{0,500}\}|\$\w+|\{toxinidir\}"
    r"|\$\((?:pwd|CURDIR|PWD|git rev-parse --show-toplevel|dirname [^()\n]{0,500})\)"
)
_RUN = re.compile(rf"(?:{VARIABLE}|[^\s\"'`;|&()<>=,:#{{}}\[\]\\^!$])(?:{VARIABLE}|[^\s\"'`;|&()<>=,:#{{}}\\^!$\]])*")
_QUOTED = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")

#: Variables that every tool that has them sets to the repository's root.
_ROOT_VARIABLES = {
    "workspaceFolder", "workspaceRoot", "github.workspace", "GITHUB_WORKSPACE", "CI_PROJECT_DIR", "PWD", "pwd",
    "CURDIR", "git rev-parse --show-toplevel", "toxinidir", "rootdir", "CIRCLE_WORKING_DIRECTORY",
    "Build.SourcesDirectory",
}  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """How sure a path is that stands in a certain kind of text.

    Attributes:
        why: what kind of text it is, for people.
        bases: where relative paths start from, the likeliest first.
        file: how sure an exact path of a file that moves is, `folder` of a folder, `below` of something below one.
        scattered: whether folders whose files part are reported.
        bare: whether a name without `/` counts as a path.
        relative: how sure it is at most where it starts from a folder that is only supposed.
    """

    why: str
    bases: tuple[Base, ...] = (ROOT,)
    file: Certainty = Certainty.CERTAIN
    folder: Certainty = Certainty.CERTAIN
    below: Certainty = Certainty.LIKELY
    scattered: bool = True
    bare: bool = False
    relative: Certainty = Certainty.CERTAIN

    def of(self, found: Found) -> Certainty:
        """How sure a finding is."""
        by_kind = {What.FILE: self.file, What.FOLDER: self.folder, What.BELOW: self.below, What.STAYS: self.folder}
        certainty = by_kind.get(found.what, Certainty.ASK)
        return certainty if found.first else weaker(certainty, Certainty.LIKELY)


def likely(why: str, *bases: Base, bare: bool = False, scattered: bool = False) -> Policy:
    """The policy of free text."""
    return Policy(why, bases or (ROOT,), Certainty.LIKELY, Certainty.LIKELY, Certainty.LIKELY, scattered, bare)


def split_anchor(document: Document, text: str) -> tuple[str, str, Base | None]:
    """A path's beginning that is a variable (or a folder of an image), with its `/`; the rest; and what that folder is.

    `$ROOT/src` is (`$ROOT/`, `src`, …); `src` is ("", `src`, None). None, too, where it is not known what it is.
    """
    for prefix in sorted(document.prefixes, key=len, reverse=True):
        if text == prefix or text.startswith(f"{prefix}/"):
            end = min(len(prefix) + 1, len(text))
            return text[:end], text[end:], document.prefixes[prefix]
    match = re.match(rf"(?:{VARIABLE})(?:/|$)", text)
    if match is None:
        return "", text, None
    return match.group(), text[match.end() :], _base_of(document, match.group().rstrip("/"))


def _base_of(document: Document, variable: str) -> Base | None:
    name = re.split(r":[-=]", variable.lstrip("$").strip("{}() "))[0]
    if name in _ROOT_VARIABLES or name.startswith("workspaceFolder:"):
        return ROOT
    if re.fullmatch(r"dirname\s+\S*(?:BASH_SOURCE|\$0|\$\{0)\S*", name) or name in ("path.module", "path.root"):
        return document.own
    return document.variables.get(name)


def find(document: Document, token: str, policy: Policy) -> tuple[Found, str, bool] | None:
    """What a token names: the finding, the token afterwards ("" if several), and whether its beginning is known."""
    anchor, rest, base = split_anchor(document, token)
    known = base is not None or not anchor
    bases = (base or ROOT,) if anchor else policy.bases
    if not known and "/" not in rest.strip("/"):
        return None
    found = document.names.resolve(lookup_form(rest), bases)
    if found is None:
        return None
    return found, anchor + document_form(found.new) if found.new else "", known


def words(document: Document, start: int, end: int, policy: Policy) -> None:
    """Notes every word of a span that is a path which changes."""
    names = document.names
    moves = document.path != document.new_path
    if moves:
        bases = (*policy.bases, document.own, *document.variables.values(), *document.prefixes.values())
        if not all(names.moves_as_one(base) for base in bases):
            _words(document, start, end, policy)  # any path that starts from its own folder may change
            return
    while start < end:
        line_end = document.text.find("\n", start, end) + 1 or end
        line = document.text[start:line_end]
        if names.may_occur(line) or (moves and ".." in line):
            _words(document, start, line_end, policy, lambda word: names.may_occur(word) or (moves and ".." in word))
        start = line_end


def _words(
    document: Document, start: int, end: int, policy: Policy, may_change: Callable[[str], bool] | None = None
) -> None:
    """The same, of a span; `may_change` is a cheap test that all words pass which can become a mention."""
    text = document.text
    for match in _QUOTED.finditer(text, start, end):
        group = 1 if match.group(1) is not None else 2
        if " " in match.group(group):
            token(document, match.start(group), match.end(group), policy)
    for match in _RUN.finditer(text, start, end):
        first, last = match.span()
        if may_change is not None and not may_change(match.group()):
            continue
        last = _without_punctuation(text, first, last, end)
        before, after = text[first - 1 : first], text[last : last + 1]
        if before in ("\\", "$", "]", "}", "^") and before and not (before == "^" and first > start):
            continue
        if before == ":" and first - 1 > start and _is_remote(text, start, first - 1):
            continue
        if after in ("{", "\\", "$") and after and last < end:
            continue
        token(document, first, last, policy)


def _without_punctuation(text: str, first: int, last: int, end: int) -> int:
    """The end of a word without the full stop (or `*`) that ends a sentence."""
    while last > first + 1 and text[last - 1] in ".?" and text[last - 2] not in "./":
        last -= 1
    if text[last - 2 : last] == "**" and text[first] != "*" and "/" not in text[last - 3 : last - 2]:
        last -= 2
    return last


def _is_remote(text: str, start: int, colon: int) -> bool:
    """Whether what stands before a colon is a host: user@host:path."""
    before = text[max(start, colon - 200) : colon]
    return not before[-1:].isspace() and "@" in (before.split() or [""])[-1]


def token(document: Document, start: int, end: int, policy: Policy) -> bool:
    """Notes one token if it is a path that changes; says whether it was noted."""
    text = document.text[start:end]
    if not text or not document.is_free(start, end):
        return False
    result = find(document, text, policy)
    if result is None:
        return False
    found, new, known = result
    if not policy.bare and "/" not in text:
        if found.what is not What.FILE or "." not in text.lstrip("."):
            return False
        policy = replace(policy, file=weaker(policy.file, Certainty.LIKELY))
    if found.what is What.SCATTERED:
        if not policy.scattered:
            return False
        takers = listed(document.names.takers(found.path))
        why = (
            f"{policy.why}: the files of {found.path} part ({takers})" if takers else f"{policy.why}: files of it part"
        )
        document.add(start, end, "", Certainty.ASK, why)
        return True
    certainty = weaker(policy.of(found), Certainty.CERTAIN if split_anchor(document, text)[0] else policy.relative)
    why = f"{policy.why}: {found.what.value}"
    if not known:
        certainty, why = weaker(certainty, Certainty.LIKELY), f"{why}, after a variable that is taken for the root"
    elif not found.first:
        why += ", as seen from the folder of the file that names it"
    if found.what in (What.FOLDER, What.BELOW) and document.text[end : end + 1] == ":" and text[0] not in "./$":
        certainty, why = weaker(certainty, Certainty.LIKELY), f"{why}; it could be an image's name"
    document.add(start, end, new, certainty, why)
    return True


# Lists of folders


def split_pattern(path: str) -> tuple[str, str]:
    """A pattern's folder, and the rest with the `/` before it; a plain path is all folder."""
    magic = re.search(r"[*?\[]", path)
    cut = path.rfind("/", 0, magic.start()) if magic else len(path)
    return (path[:cut], path[cut:]) if cut >= 0 else ("", f"/{path}")


def new_paths(document: Document, text: str, bases: Sequence[Base]) -> list[str]:
    """What an entry that is a path becomes: itself, its new place, or the folders that took its files."""
    result = find(document, text, Policy("", tuple(bases), bare=True))
    if result is None or not result[2]:
        return [text]
    found, new, _ = result
    if found.what is not What.SCATTERED:
        return [new]
    folder, tail = split_pattern(found.path)
    rest = split_anchor(document, text)[1]
    prefix = text[: len(text) - len(rest)] + ("./" if rest.startswith("./") else "")
    closing = "/" if text.endswith("/") else ""
    places = [document_form(relative(taker, found.base.new)) for taker in document.names.takers(folder)]
    return [f"{prefix}{place}{tail}{closing}" for place in places] or [text]


def without_repeats(lists: Sequence[list[str]]) -> list[list[str]]:
    """Lists without what an earlier one has."""
    seen: set[str] = set()
    result = []
    for entries in lists:
        result.append([entry for entry in dict.fromkeys(entries) if entry not in seen])
        seen.update(entries)
    return result


# Lists of import roots

_ENTRY = re.compile(rf"(?:{VARIABLE}|[^:;$\"'\s])+")


@dataclass(frozen=True)
class _Entry:
    """An import root of a list: its text, and the roots that take its place; () where it stays."""

    text: str
    anchor: str = ""
    rest: str = ""
    base: Base = ROOT
    path: str = ""
    roots: tuple[str, ...] = ()

    def spelled(self, root: str) -> str:
        """Another root, written in this one's manner."""
        if root == self.path and self.base.old == self.base.new:
            return self.text
        prefix = f"{self.anchor.rstrip('/')}/" if self.anchor else ""
        like = self.rest if self.rest not in ("", ".") else "x"
        text = document_form(spelled_like(like, root, self.base.new))
        return prefix.rstrip("/") if prefix and text in (".", "./") else prefix + text


def new_entries(document: Document, entries: Sequence[str], bases: Sequence[Base]) -> list[list[str]]:
    """What each entry of a list of import roots becomes: itself, or the new roots that have what it had.

    A root that the list has anyway is not repeated, unless nothing else would be left of an entry.
    """
    read = [_entry(document, text, bases) for text in entries]
    present = {_plain(document, entry.text) for entry in read if not entry.roots or entry.path in entry.roots}
    result = []
    for entry in read:
        new = []
        for text in [entry.spelled(root) for root in entry.roots] or [entry.text]:
            if text == entry.text or _plain(document, text) not in present:
                new.append(text)
                present.add(_plain(document, text))
        result.append(new or [entry.spelled(entry.roots[0])])
    return result


def _plain(document: Document, entry: str) -> str:
    anchor, rest, _ = split_anchor(document, entry)
    return f"{anchor.rstrip('/')}/{join(rest)}"


def _entry(document: Document, text: str, bases: Sequence[Base]) -> _Entry:
    anchor, rest, base = split_anchor(document, text)
    names = document.names
    if (anchor and base is None and not rest) or not text or (not anchor and text[0] in "/~"):
        return _Entry(text)  # another variable's value, a folder outside
    for start in [base or ROOT] if anchor else bases:
        path = join(start.old, lookup_form(rest))
        if path == ".." or path.startswith("../"):
            continue
        roots = names.roots_for(path)
        if not roots and (found := names.lookup(path)) is not None and found[1]:
            roots = (found[1],)
        if not roots and names.exists(path) and path and start.old != start.new:
            roots = (path,)  # seen from a folder that moves
        if roots or names.exists(path):
            same = roots == (path,) and start.old == start.new
            return _Entry(text, anchor, lookup_form(rest), start, path, () if same else roots)
    return _Entry(text)


def python_path(document: Document, start: int, end: int, policy: Policy, separator: str = ":") -> None:
    """Notes the value of PYTHONPATH (or of a setting that is spelled like it) if it changes."""
    entries = [match.group() for match in _ENTRY.finditer(document.text, start, end)]
    flat = [text for group in new_entries(document, entries, policy.bases) for text in group]
    if flat == entries:
        return
    anchors = [split_anchor(document, entry) for entry in entries]
    known = all(base is not None or not (anchor and rest) for anchor, rest, base in anchors)
    certainty = Certainty.CERTAIN if known else Certainty.LIKELY
    if not all(anchor or entry.startswith("/") for entry, (anchor, _, _) in zip(entries, anchors, strict=True)):
        certainty = weaker(certainty, policy.relative)
    document.add(start, end, separator.join(flat), weaker(certainty, policy.file), f"{policy.why}: import roots")


_PYTHON_PATH = re.compile(
    rf"\b(?:PYTHONPATH|MYPYPATH)\b[\"']?\s*(?::=|\?=|\+=|=|:\s)\s*([\"']?)((?:{VARIABLE}|[^\s\"',;&|$])++)\1"
)


def python_paths(document: Document, start: int, end: int, policy: Policy) -> None:
    """Notes every `PYTHONPATH=…` of a span."""
    for match in _PYTHON_PATH.finditer(document.text, start, end):
        value = match.group(2).rstrip(")`]}") if "$" not in match.group(2) else match.group(2)
        why = replace(policy, why="PYTHONPATH")
        python_path(document, match.start(2), match.start(2) + len(value), why)


# Modules

_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_RUN_MODULE = re.compile(rf"(?<![\w-])-m[\"']?(?:\s*,\s*|\s+|\s*\n\s*-\s+)[\"']?(?P<name>{_NAME})(?![\w./:-])")
_SERVED = re.compile(rf"(?<![\w./:@-])(?P<name>{_NAME}):(?P<attribute>[A-Za-z_]\w*)(?:\(\))?(?![\w/.:@-])")
_SERVERS = re.compile(r"\b(?:uvicorn|gunicorn|hypercorn|daphne|granian|waitress-serve|functions-framework|fastapi)\b")
_SETTING = re.compile(
    r"(?:\b(?:FLASK_APP|DJANGO_SETTINGS_MODULE|FASTAPI_APP)\b[\"']?\s*[=:]\s*|--(?:settings|app|pyargs|package)[= ]"
    rf"|\bcelery\b[^\n]*?\s-A\s+)[\"']?(?P<name>{_NAME})(?![\w./-])"
)
_FROM = re.compile(rf"(?<![\w.])from[ \t]+(?P<name>{_NAME})[ \t]+import\b")
_IMPORT = re.compile(rf"(?<![\w.])import[ \t]+(?P<name>{_NAME})(?P<as>[ \t]+as\b)?(?![\w.])")
_COVERED = re.compile(r"--cov[= ][\"']?(?P<name>[\w./-]+)")


def modules(document: Document, start: int, end: int, policy: Policy, placed: frozenset[str] = frozenset()) -> None:
    """Notes module names of a span: after `-m`, `module:attribute` that a server is given, imports in `-c`.

    `placed` are modules that the text's author put where they are found under their old names.
    """
    text, names = document.text, document.names
    span = text[start:end]
    if not names.may_occur(span):
        return

    def note(match: re.Match[str], certainty: Certainty, why: str) -> None:
        first, last = match.span("name")
        name = match.group("name")
        new = names.module(name)
        if new is not None and name not in placed:
            root = _root_of_module(document, name)
            needs = f"; {root} must be on PYTHONPATH" if root else ""
            document.add(first, last, new, weaker(certainty, policy.file), f"{why}{needs}")

    for match in _RUN_MODULE.finditer(text, start, end) if "-m" in span else ():
        line = text[text.rfind("\n", 0, match.start("name")) + 1 : match.start("name")]
        runs = re.search(r"python|coverage|\bpy\b|\$\{?PY", line, re.IGNORECASE) or "\n" in match.group()
        if runs or "." in match.group("name"):
            note(match, Certainty.CERTAIN if runs else Certainty.LIKELY, "-m")
    for match in _SERVED.finditer(text, start, end) if ":" in span else ():
        served = _SERVERS.search(text, max(start, match.start() - 200), match.start())
        if served or "." in match.group("name"):
            note(match, Certainty.CERTAIN if served else Certainty.LIKELY, "module:attribute")
    for match in _SETTING.finditer(text, start, end):
        note(match, Certainty.CERTAIN, "a module's name")
    imports = "import" in span
    for match in _FROM.finditer(text, start, end) if imports else ():
        note(match, Certainty.CERTAIN if _is_program(text, start, match.start()) else Certainty.LIKELY, "import")
    for match in _IMPORT.finditer(text, start, end) if imports else ():
        if "." not in match.group("name") and not match.group("as"):
            continue
        sure = match.group("as") and _is_program(text, start, match.start())
        if names.module(match.group("name")) is not None:
            if match.group("as"):
                note(match, Certainty.CERTAIN if sure else Certainty.LIKELY, "import")
            else:
                note(match, Certainty.ASK, "import; the code after it says the old name, too")
    for match in _COVERED.finditer(text, start, end) if "--cov" in span else ():
        _covered(document, match, policy)


def _root_of_module(document: Document, name: str) -> str:
    """The import root that a module's new name is found from, "" for the repository's."""
    new = document.names.renames.modules[name].replace(".", "/")
    for path in document.names.renames.files.values():
        if path.endswith((f"/{new}.py", f"/{new}/__init__.py")):
            return document.names.root_of(path)
    return ""


def _is_program(text: str, start: int, at: int) -> bool:
    return re.search(r"-c\s*(?:,\s*)?[\"'][^\"']*\Z", text[max(start, at - 400) : at]) is not None


def _covered(document: Document, match: re.Match[str], policy: Policy) -> None:
    """`--cov=src`: a folder or a module; several where its files part."""
    start, end = match.span("name")
    text, names = match.group("name"), document.names
    found = names.resolve(lookup_form(text), policy.bases)
    if found is None:
        new = names.module(text)
        if new is not None:
            document.add(start, end, new, policy.file, "--cov: a module")
        return
    if found.what is What.SCATTERED:
        option = document.text[match.start() : start]
        takers = names.takers(found.path)
        if not takers or found.path in takers:
            return
        spelled = [document_form(spelled_like(text, path, found.base.new)) for path in takers]
        new = f" {option}".join(spelled)
        document.add(start, end, new, weaker(Certainty.CERTAIN, policy.file), f"--cov: the files of {found.path} part")
    else:
        document.add(start, end, document_form(found.new), policy.of(found), f"--cov: {found.what.value}")


# What is somebody's, and of one machine

_MACHINE = re.compile(r"(?<![\w.$}])(?:/(?:Users|home)/[\w.-]+/|[A-Za-z]:\\+Users\\+)[^\s\"'`,;<>()\]}]*")
_INTERPRETER = re.compile(r"(?<![\w/])[\w./${}~-]{0,200}?\.?venv[\w.-]{0,60}/(?:bin|Scripts)/[\w.]+")


def machine_paths(document: Document, start: int, end: int, programs: bool = True) -> None:
    """Notes paths of one machine, and programs of the monolith's environment: nothing rewrites them."""
    for match in _MACHINE.finditer(document.text, start, end):
        document.add(*match.span(), "", Certainty.ASK, "a path of somebody's machine")
    programs = programs and document.text.find("venv", start, end) >= 0
    for match in _INTERPRETER.finditer(document.text, start, end) if programs else ():
        why = "a program of the old environment; every service has its own .venv afterwards"
        document.add(*match.span(), "", Certainty.ASK, why)
