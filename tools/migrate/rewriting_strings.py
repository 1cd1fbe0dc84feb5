"""Strings in Python code that name modules or paths: how sure that is, and what they become.

certain  an argument whose meaning its function fixes: patch("…"), import_module("…"), sys.modules["…"], `-m …`, a path
         that names an existing file exactly
likely   any other string that spells a module (and something that it has) or a folder exactly
ask      a name inside of a longer string, or one that could be a plain word
stored   a logger's name, or a setting's value: somebody outside of the repository may know it
"""

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from migrate.analysis import Analysis, relative_module
from migrate.dotted_imports import annotation_strings, name_after
from migrate.model import Certainty, Edit, Mention, Place, Renames
from migrate.modules import module_name
from migrate.naming import Naming
from migrate.rewriting_imports import rewrite_program
from migrate.rewriting_locations import composed_paths
from migrate.source import Source

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*\Z")
_PREFIX = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\.(?=\Z|[%{])")
_TARGET = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<rest>[^\W\d][\w.]*)(?:\(\))?\Z")
_ENTRY_POINT = re.compile(r"\s*[\w.-]+\s*=\s*(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?::|\Z)")
_RUN_MODULE = re.compile(
    r"(?<!\S)-m\s+(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)+)(?![\w.])"
    r"|\bpython[\d.]*(?:\s+-[a-zA-Z]+)*?\s+-m\s+(?P<word>[^\W\d]\w*)(?![\w.])"
)
_IMPORTS = re.compile(r"(?m)(?:^|;)[ \t]*(?:from|import)[ \t]+\.*[^\W\d]")

#: What takes a module's name, or a name in a module, by the last parts of its name: why, and the argument's keyword.
_TAKES_MODULE = {
    "import_module": ("import_module", "name"), "__import__": ("__import__", "name"),
    "importorskip": ("importorskip", "modname"), "run_module": ("runpy.run_module", "mod_name"),
    "find_spec": ("find_spec", "name"), "import_string": ("import_string", "dotted_path"),
    "import_from_string": ("import_from_string", "import_str"), "patch.multiple": ("patch.multiple", "target"),
}  # fmt: skip
#: The same for what takes a name *in* a module: there is a dot in it.
_TAKES_NAME = {
    "patch": ("patch", "target"), "patch.dict": ("patch.dict", "in_dict"),
    ".setattr": ("monkeypatch.setattr", "target"), ".delattr": ("monkeypatch.delattr", "target"),
}  # fmt: skip
#: The same where the last part of the name could be anybody's: by the full name.
_BY_FULL_NAME = {
    **{
        f"{package}.{function}": ("importlib.resources", "anchor" if function == "files" else "package")
        for package in ("importlib.resources", "importlib_resources")
        for function in (
            "files", "path", "contents", "is_resource", "open_text", "open_binary", "read_text", "read_binary",
        )
    },
    **{
        f"pkg_resources.resource_{function}": ("pkg_resources", "package_or_requirement")
        for function in ("filename", "string", "stream", "exists", "isdir", "listdir")
    },
    "pkgutil.get_data": ("pkgutil.get_data", "package"), "pkgutil.resolve_name": ("pkgutil.resolve_name", "name"),
    "pkgutil.find_loader": ("pkgutil.find_loader", "fullname"),
    "pkgutil.get_loader": ("pkgutil.get_loader", "module_or_name"),
    "pydoc.locate": ("pydoc.locate", "path"), "jinja2.PackageLoader": ("PackageLoader", "package_name"),
}  # fmt: skip

_SUFFIXES = frozenset(
    [
        "py",
        "pyi",
        "pyc",
        "toml",
        "yaml",
        "yml",
        "json",
        "jsonl",
        "txt",
        "md",
        "rst",
        "ini",
        "cfg",
        "conf",
        "env",
        "csv",
        "tsv",
        "parquet",
        "html",
        "htm",
        "css",
        "js",
        "ts",
        "log",
        "db",
        "sqlite",
        "lock",
        "sh",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "mp4",
        "pt",
        "pth",
        "ckpt",
        "onnx",
        "pkl",
        "zip",
        "gz",
        "tar",
        "xml",
        "proto",
        "sql",
        "pem",
        "key",
    ]
)
_LOGGERS = {"getLogger", "get_logger", "getChild", "assertLogs", "assertNoLogs"}


class _Maker(Protocol):
    """Makes a mention of a part of a string's value (by default all of it)."""

    def __call__(self, certainty: Certainty, why: str, new: str, begin: int = 0, end: int | None = None) -> Mention: ...


@dataclass(frozen=True)
class Text:
    """A string of the source: its value, and its node."""

    value: str
    node: ast.Constant

    def edit(self, begin: int, end: int, replacement: str, source: Source) -> tuple[Edit, ...]:
        """The edit of a part of its value; none where the source spells the part otherwise (escapes, joined parts)."""
        span = source.value_span(self.node, begin, end)
        if span is None and begin < end:  # what is the same at the end need not be touched
            old = self.value[begin:end]
            same = 0
            for part, new in zip(
                reversed(re.split(r"(?=[./])", old)), reversed(re.split(r"(?=[./])", replacement)), strict=False
            ):
                if part != new:
                    break
                same += len(part)
            if 0 < same < min(len(old), len(replacement)):
                replacement = replacement[: len(replacement) - same]
                span = source.value_span(self.node, begin, end - same)
        return (Edit(*span, source.encode(replacement)),) if span is not None else ()


@dataclass(frozen=True)
class _Argument:
    """That a string, or one that it begins, is given to a function: its name as written and in full, and the place.

    `place` is a position, or a keyword.
    """

    function: str
    full: str
    place: int | str

    def is_given_as(self, keyword: str) -> bool:
        return self.place in (0, keyword)


def strings_of(source: Source) -> Iterator[Text]:
    """The string constants of a file, but for documentation, annotations and parts of f-strings."""
    annotations = set(annotation_strings(source))
    for node in source.of_type(ast.Constant):
        if not isinstance(node.value, str) or node in source.docstrings or node in annotations:
            continue
        if isinstance(source.parents.get(node), ast.JoinedStr):
            continue
        yield Text(node.value, node)


@dataclass
class _Reader:
    analysis: Analysis
    naming: Naming
    renames: Renames
    source: Source

    def module_in(self, dotted: str, exact: bool) -> tuple[str, str, str] | None:
        """The longest module that a dotted name begins with: (old, new, what is left); None where it is none of ours.

        With `exact`, what is left must be something that the module has.
        """
        parts = dotted.split(".")
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            module = self.analysis.modules.find(name, self.source.path)
            if module is None:
                continue
            new = self.naming.of_module(module)
            if new is None or self.naming.keeps_its_name(module):
                return None
            rest = parts[count:]
            if rest and exact:
                defined = self.analysis.defined(module.file) if module.file else set()
                if defined is not None and rest[0] not in defined:
                    return None
            return name, new, ".".join(rest)
        return None

    def is_parted(self, dotted: str) -> bool:
        """Whether the longest module that a dotted name begins with is ours, and has no name afterwards."""
        parts = dotted.split(".")
        for count in range(len(parts), 0, -1):
            module = self.analysis.modules.find(".".join(parts[:count]), self.source.path)
            if module is not None:
                return not self.naming.keeps_its_name(module) and self.naming.of_module(module) is None
        return False

    def why_not(self, old: str, rest: str, kind: str) -> str:
        """Why a name in a module is not reached by the module's new name, "" where it is.

        `import a.b` in the module binds a, and `module.a` may be gone with the new name.
        """
        module = self.analysis.modules.find(old, self.source.path)
        first = rest.split(".")[0]
        for statement in self.analysis.imports.get(module.file, ()) if module is not None and first else ():
            if not isinstance(statement.node, ast.Import):
                continue
            for name in statement.names:
                called = name.alias.name
                binds = name.alias.asname is None and called.startswith(f"{first}.") and name.module is not None
                if binds and name_after(self.naming, name.module) not in (None, called):  # type: ignore[arg-type]
                    return f"{first} is bound there by `import {called}`, which changes"
        return ""

    def moves_as_one(self, old: str, new: str) -> bool:
        """Whether everything below a module keeps its place below it."""
        module = self.analysis.modules.find(old, self.source.path)
        if module is None:
            return False
        for folder in module.folders:
            for path in self.analysis.inventory.below(folder):
                below = module_name(path, folder)
                if below is not None and self.naming.of_file(path) != f"{new}.{below}":
                    return False
        return True


def find_mentions(analysis: Analysis, naming: Naming, renames: Renames, path: str) -> list[Mention]:
    """Every string of a Python file that names a module or a path which is called differently afterwards."""
    source = analysis.sources[path]
    composed = {part for node, _ in composed_paths(source) for part in ast.walk(node)}
    reader = _Reader(analysis, naming, renames, source)
    found: list[Mention] = []
    for node in source.of_type(ast.JoinedStr):
        found += _formatted(reader, node)
    for text in strings_of(source):
        if text.node in composed:
            continue  # a part of a path
        if len(text.value) > 200_000 or not text.value.strip():
            continue
        found += _mentions(reader, text)
    return found


def _mentions(reader: _Reader, text: Text) -> Iterator[Mention]:
    source, value = reader.source, text.value
    place = Place(source.path, text.node.lineno)

    def mention(certainty: Certainty, why: str, new: str, begin: int = 0, end: int | None = None) -> Mention:
        end = len(value) if end is None else end
        edits = text.edit(begin, end, new, source) if new else ()
        if not edits and certainty in (Certainty.CERTAIN, Certainty.LIKELY):
            certainty, why = Certainty.ASK, f"{why}; written with escapes or in parts"
        return Mention(place, value[begin:end], new, certainty, why, edits)

    if _DOTTED.match(value):
        yield from _dotted(reader, text, mention)
        return
    if value.startswith(".") and _DOTTED.match(value.lstrip(".")):
        yield from _relative(reader, text, mention)
        return
    if match := _PREFIX.match(value):
        yield from _beginning(reader, text.node, match["module"], mention)
        return
    if match := _TARGET.match(value):
        yield from _target(reader, text, match, mention)
        return
    if (match := _ENTRY_POINT.match(value)) and _is_entry_point(source, text.node):
        found = reader.module_in(match["module"], False)
        if found and found[0] != found[1]:
            yield mention(
                Certainty.CERTAIN,
                "an entry point",
                found[1],
                match.start("module"),
                match.start("module") + len(found[0]),
            )
        return
    for match in _RUN_MODULE.finditer(value):
        group = "module" if match["module"] else "word"
        found = reader.module_in(match[group], False)
        if found and not found[2] and found[0] != found[1]:
            yield mention(Certainty.CERTAIN, "-m", found[1], match.start(group), match.end(group))
    if _IMPORTS.search(value):
        yield from _program(reader, text, place)
    yield from _paths(reader, text, mention)


def _target(reader: _Reader, text: Text, match: re.Match[str], mention: _Maker) -> Iterator[Mention]:
    """`module:attribute`, as servers and entry points have it."""
    called = _given_to(reader.source, text.node)
    server = (
        called is not None
        and called.full.split(".")[0] in ("uvicorn", "hypercorn", "gunicorn")
        and called.is_given_as("app")
    )
    found = reader.module_in(match["module"], True)
    if not found or found[2] or found[0] == found[1]:
        return
    module = reader.analysis.modules.find(match["module"], reader.source.path)
    defined = reader.analysis.defined(module.file) if module is not None and module.file else None
    has_it = defined is not None and match["rest"].split(".")[0] in defined
    if server or ("." in found[0] and (has_it or defined is None)):
        yield mention(Certainty.CERTAIN, "module:attribute", found[1], 0, len(found[0]))
    elif has_it:
        yield mention(Certainty.LIKELY, "module:attribute", found[1], 0, len(found[0]))


def _is_entry_point(source: Source, node: ast.AST) -> bool:
    """Whether a string stands in `entry_points=…`, or in what is assigned to that name."""
    while (parent := source.parents.get(node)) is not None and isinstance(
        parent, ast.List | ast.Tuple | ast.Dict | ast.keyword | ast.Assign
    ):
        if isinstance(parent, ast.keyword):
            return parent.arg in ("entry_points", "console_scripts")
        if isinstance(parent, ast.Assign):
            return any("entry_points" in ast.unparse(target) for target in parent.targets)
        node = parent
    return False


def _program(reader: _Reader, text: Text, place: Place) -> Iterator[Mention]:
    """The imports of a string that is a program: rewritten where it is run, else asked about."""
    edits, mentions = rewrite_program(reader.analysis, reader.naming, reader.source.path, text.value)
    run = _is_run(reader.source, text.node)
    placed: list[Edit] = []
    for edit in edits:
        placed += text.edit(edit.start, edit.end, edit.replacement.decode(), reader.source)
    if edits:
        first = edits[0]
        old, new = text.value[first.start : first.end], first.replacement.decode()
        why = "import in a program text"
        if len(placed) != len(edits):
            yield Mention(place, old, new, Certainty.ASK, f"{why}; written with escapes or in parts")
        else:
            yield Mention(place, old, new, Certainty.CERTAIN if run else Certainty.ASK, why, tuple(placed))
    if run:
        for mention in mentions:
            yield Mention(place, mention.text, "", Certainty.ASK, f"in a program text: {mention.why}")


def _relative(reader: _Reader, text: Text, mention: _Maker) -> Iterator[Mention]:
    """`import_module(".x", PACKAGE)`, where x leaves the package: with the package's name it would not be found."""
    called = _given_to(reader.source, text.node)
    call = reader.source.parents.get(text.node)
    call = reader.source.parents.get(call) if isinstance(call, ast.keyword) else call
    if (
        called is None
        or not isinstance(call, ast.Call)
        or called.function.split(".")[-1] not in ("import_module", "find_spec")
    ):
        return
    package = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "package"), None)
    level, name = len(text.value) - len(text.value.lstrip(".")), text.value.lstrip(".")
    modules = reader.analysis.modules
    if isinstance(package, ast.Name) and package.id in ("__name__", "__package__"):
        base = relative_module(modules, reader.source.path, level, "")
        module = relative_module(modules, reader.source.path, level, name)
    elif isinstance(package, ast.Constant) and isinstance(package.value, str):
        parts = package.value.split(".")
        above = ".".join(parts[: len(parts) - level + 1])
        base, module = modules.find(above, reader.source.path), modules.find(f"{above}.{name}", reader.source.path)
    else:
        return
    if base is None or module is None:
        return
    new_base, new = reader.naming.of_module(base), reader.naming.of_module(module)
    if new_base is None or new is None or new != f"{new_base}.{name}":
        yield mention(
            Certainty.ASK, f"import_module: becomes {new or 'nothing that can be imported'}, away from its package", ""
        )


def _is_run(source: Source, node: ast.Constant) -> bool:
    """Whether a program text is run: exec(…), or after "-c" in a list of arguments."""
    child: ast.AST = node
    parent = source.parents.get(node)
    while (isinstance(parent, ast.Call) and _last(parent.func) in ("dedent", "strip", "cleandoc", "compile")) or (
        isinstance(parent, ast.Attribute) and parent.attr == "strip"
    ):
        child, parent = parent, source.parents.get(parent)
    if isinstance(child, ast.Call) and _last(child.func) == "compile":
        return True
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in ("exec", "eval"):
        return True
    if isinstance(parent, ast.List | ast.Tuple):
        before = parent.elts[: next(i for i, item in enumerate(parent.elts) if item is child)]
        return any(isinstance(item, ast.Constant) and item.value == "-c" for item in before[-1:])
    return False


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _dotted(reader: _Reader, text: Text, mention: _Maker) -> Iterator[Mention]:
    source, value = reader.source, text.value
    called = _given_to(source, text.node)
    kind = _certain_kind(source, text.node, called)
    found = reader.module_in(value, exact=not kind)
    if found is None:
        if kind and reader.is_parted(value):
            yield mention(Certainty.ASK, f"{kind}: a folder whose modules part, or what is dropped", "")
        return
    old, new, rest = found
    if old == new or rest.lower().split(".")[0] in _SUFFIXES:
        return  # "config.toml" names a file, not something in a module
    first = "." not in old
    if (called is not None and called.function.split(".")[-1] in _LOGGERS) or _is_logger(source, text.node):
        if not first:
            yield mention(Certainty.STORED, "a logger's name", new, 0, len(old))
        return
    if kind == "-m?":
        yield mention(Certainty.ASK, "-m of a program that may not be Python", new, 0, len(old))
        return
    if kind:
        why = reader.why_not(old, rest, kind) or _why_not_import(source, text.node, called, kind, old)
        if why:
            yield mention(Certainty.ASK, f"{kind}: {why}", new, 0, len(old))
        else:
            yield mention(Certainty.CERTAIN, kind, new, 0, len(old))
        return
    if "." not in value:
        return  # a plain word
    setting = _setting(source, text.node)
    if setting is not None:
        yield mention(Certainty.STORED, f"the value of {setting}", new, 0, len(old))
    elif first:
        yield mention(Certainty.ASK, "could name a module", new, 0, len(old))
    else:
        yield mention(Certainty.LIKELY, "spells a module exactly", new, 0, len(old))


def _beginning(reader: _Reader, node: ast.Constant | ast.JoinedStr, dotted: str, mention: _Maker) -> Iterator[Mention]:
    """A string, or an f-string, that begins with a module's name and a dot: what follows is not known."""
    called = _given_to(reader.source, node)
    kind = _certain_kind(reader.source, node, called)
    found = reader.module_in(dotted, exact=not kind)
    if found is None and kind and reader.is_parted(dotted):
        yield mention(Certainty.ASK, f"{kind}: a folder whose modules part, or what is dropped", "", 0, len(dotted))
    if found is None or found[0] == found[1]:
        return
    old, new, rest = found
    if not kind and "." not in old:
        return  # "train.%s" may be anything
    if called is not None and called.function.split(".")[-1] in _LOGGERS:
        yield mention(Certainty.STORED, "a logger's name", new, 0, len(old))
        return
    if kind and kind != "__import__" and (rest or reader.moves_as_one(old, new)):
        why = reader.why_not(old, rest, kind)
        yield mention(Certainty.ASK if why else Certainty.CERTAIN, f"{kind}: {why}" if why else kind, new, 0, len(old))
    else:
        yield mention(Certainty.ASK, "begins with a module's name", new, 0, len(old))


def _formatted(reader: _Reader, node: ast.JoinedStr) -> Iterator[Mention]:
    """An f-string that begins with the name of a module or of a folder, or that runs a module."""
    source = reader.source
    if isinstance(source.parents.get(node), ast.FormattedValue):
        return
    place = Place(source.path, node.lineno)
    first = node.values[0] if node.values else None
    value = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""

    def mention(certainty: Certainty, why: str, new: str, begin: int = 0, end: int | None = None) -> Mention:
        text = value[begin:end]
        start = source.formatted_start(node)
        edits: tuple[Edit, ...] = ()
        if start is not None and begin == 0 and source.contents.startswith(source.encode(text), start):
            edits = (Edit(start, start + len(source.encode(text)), source.encode(new)),)
        if not edits and certainty in (Certainty.CERTAIN, Certainty.LIKELY):
            certainty, why = Certainty.ASK, f"{why}; written with escapes or in parts"
        return Mention(place, text, new, certainty, why, edits)

    if match := re.match(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\.(?:\w+\.)*\Z", value):
        yield from _beginning(reader, node, match["module"], mention)
    elif "/" in value and (folder := value.rpartition("/")[0]) and len(node.values) > 1:
        yield from _folder(reader, node, value, folder, mention)
    for part in node.values:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            for match in _RUN_MODULE.finditer(part.value):
                found = reader.module_in(match["module"] or match["word"], False)
                if found and not found[2] and found[0] != found[1]:
                    why = "-m in an f-string"
                    yield Mention(place, match["module"] or match["word"], found[1], Certainty.ASK, why)
            if part is not first and part.value.startswith("/") and not _is_part_of_a_location(source, node):
                path = posixpath.normpath(part.value[1:])
                if path in reader.renames.files:
                    why = "the path of a file, in an f-string"
                    yield Mention(place, path, reader.renames.files[path], Certainty.ASK, why)


def _certain_kind(source: Source, node: ast.Constant | ast.JoinedStr, called: _Argument | None) -> str:
    """Why a string is sure to name a module, "" where it is not."""
    kind = _kind_of_argument(node, called)
    if kind:
        return kind
    parent = source.parents.get(node)
    if isinstance(parent, ast.Subscript) and _is_sys_modules(parent.value) and parent.slice is node:
        return "sys.modules"
    if isinstance(parent, ast.Compare) and any(_is_sys_modules(item) for item in parent.comparators):
        return "sys.modules"
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and _is_sys_modules(parent.func.value):
        return "sys.modules" if parent.args and parent.args[0] is node else ""
    if isinstance(parent, ast.Call) and node in parent.args[1:2] and _is_sys_modules(parent.args[0]):
        return "sys.modules"  # monkeypatch.setitem(sys.modules, "…", …)
    if isinstance(parent, ast.Dict) and node in parent.keys and _is_for_sys_modules(source, parent):
        return "sys.modules"
    if isinstance(parent, ast.List | ast.Tuple):
        i = next((i for i, item in enumerate(parent.elts) if item is node), 0)
        before = parent.elts[i - 1] if i else None
        if isinstance(before, ast.Constant) and before.value == "-m":
            return _kind_of_program(parent.elts[: i - 1], node)
        if _assigned_name(source, parent) == "pytest_plugins":
            return "pytest_plugins"
        if _loops_over_sys_modules(source, parent):
            return "sys.modules"
    name = _assigned_name(source, node)
    if name == "pytest_plugins":
        return "pytest_plugins"
    return _kind_of_name(source, name) if name else ""


def _kind_of_argument(node: ast.Constant | ast.JoinedStr, called: _Argument | None) -> str:
    """Why the argument of a function is sure to name a module, "" where it is not."""
    if called is None:
        return ""
    value = node.value if isinstance(node, ast.Constant) else "."
    names = called.full.split(".")  # what `from importlib import import_module as load` calls load, too
    if called.full in _BY_FULL_NAME:
        kind, keyword = _BY_FULL_NAME[called.full]
        return kind if called.is_given_as(keyword) else ""
    for suffix in (".".join(names[-2:]), names[-1]):
        if suffix in _TAKES_MODULE:
            kind, keyword = _TAKES_MODULE[suffix]
            if called.place in (1, "package") and kind in ("import_module", "find_spec"):
                return f"package of {kind}"
            return kind if called.is_given_as(keyword) else ""
    if "." not in str(value):
        return ""
    for suffix in (".".join(names[-2:]), names[-1], f".{names[-1]}" if len(names) > 1 else ""):
        if suffix in _TAKES_NAME:
            kind, keyword = _TAKES_NAME[suffix]
            return kind if called.is_given_as(keyword) else ""
    return ""


def _kind_of_program(before: list[ast.expr], node: ast.Constant | ast.JoinedStr) -> str:
    """What `-m` means in a list of arguments, by what stands before it: pytest's is a marker, git's a message."""
    words = [posixpath.basename(str(item.value)) for item in before if isinstance(item, ast.Constant)]
    if any(word in ("pytest", "py.test", "git", "hg") for word in words):
        return ""
    python = any(word.startswith(("python", "pypy")) for word in words) or any(
        re.search("python|executable", ast.unparse(item), re.IGNORECASE)
        for item in before
        if isinstance(item, ast.Name | ast.Attribute)
    )
    if python or (isinstance(node, ast.Constant) and "." in str(node.value)):
        return "-m"
    return "-m?"


def _kind_of_name(source: Source, name: str) -> str:
    """Why a name that is given a string once, and read only as the argument of such functions, names a module."""
    kind = ""
    for node, scope in source.scopes.names.items():
        if node.id != name:
            continue
        if not isinstance(node.ctx, ast.Load):
            holder = scope.resolve(name)
            if holder is None or len(holder.bound[name]) > 1:
                return ""
            continue
        called = _given_to(source, node)
        found = _kind_of_argument(ast.Constant("."), called) if called is not None else ""
        if not found or found == "__import__":
            return ""
        kind = f"a name that is given to {found}"
    return kind


def _is_for_sys_modules(source: Source, node: ast.Dict) -> bool:
    """Whether a dictionary's keys become those of sys.modules: by patch.dict, or by update."""
    above = source.parents.get(node)
    if isinstance(above, ast.keyword):
        above = source.parents.get(above)
    if not isinstance(above, ast.Call):
        return False
    if isinstance(above.func, ast.Attribute) and _is_sys_modules(above.func.value):
        return above.func.attr == "update"
    target = above.args[0] if above.args else next((k.value for k in above.keywords if k.arg == "in_dict"), None)
    return _dotted_name(above.func).endswith("patch.dict") and target is not None and (
        _is_sys_modules(target) or (isinstance(target, ast.Constant) and target.value == "sys.modules")
    )  # fmt: skip


def _why_not_import(
    source: Source, node: ast.Constant | ast.JoinedStr, called: _Argument | None, kind: str, old: str
) -> str:
    """What speaks against rewriting the argument of __import__, "" where nothing does."""
    call = source.parents.get(node)
    if isinstance(call, ast.keyword):
        call = source.parents.get(call)
    if kind == "__import__" and isinstance(call, ast.Call):
        given = len(call.args) > 3 or any(keyword.arg == "fromlist" for keyword in call.keywords)
        if not given and not isinstance(source.parents.get(call), ast.Expr):
            return "it gives the first part of the name, which becomes another"
    return ""


def _loops_over_sys_modules(source: Source, node: ast.AST) -> bool:
    """Whether a list (or a name that is given it) is looped over only to stand in `sys.modules[name]`."""
    name = _assigned_name(source, node)
    for loop in source.of_type(ast.For):
        over = loop.iter is node or (name and isinstance(loop.iter, ast.Name) and loop.iter.id == name)
        if over and isinstance(loop.target, ast.Name):
            for inner in ast.walk(loop):
                if isinstance(inner, ast.Subscript) and _is_sys_modules(inner.value):
                    return isinstance(inner.slice, ast.Name) and inner.slice.id == loop.target.id
    return False


def _is_sys_modules(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "modules"
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
    )


def _dotted_name(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def _given_to(source: Source, node: ast.expr) -> _Argument | None:
    """The function that a string, or one that it is the beginning of (`"a." + b`, `"a.%s" % b`), is an argument of."""
    child: ast.AST = node
    parent = source.parents.get(node)
    while True:
        if (
            (
                isinstance(parent, ast.BinOp)
                and (
                    (parent.left is child and isinstance(parent.op, ast.Add | ast.Mod))
                    or (isinstance(parent.op, ast.Mod) and _begins(parent.left, "%s"))
                )
            )
            or (
                isinstance(parent, ast.Tuple)
                and parent.elts[0] is child
                and isinstance(source.parents.get(parent), ast.BinOp)
            )
            or (
                isinstance(parent, ast.Call)
                and isinstance(parent.func, ast.Attribute)
                and parent.func.attr == "format"
                and parent.args[:1] == [child]
                and _begins(parent.func.value, "{}", "{0}")
            )
        ):
            child, parent = parent, source.parents.get(parent)
        elif isinstance(parent, ast.FormattedValue):
            above = source.parents.get(parent)
            if not isinstance(above, ast.JoinedStr) or above.values[0] is not parent:
                return None
            child, parent = above, source.parents.get(above)
        elif isinstance(parent, ast.Attribute) and parent.attr == "format":
            child = source.parents[parent]
            parent = source.parents.get(child)
        else:
            break
    if isinstance(parent, ast.keyword):
        call = source.parents.get(parent)
        if not isinstance(call, ast.Call) or parent.arg is None:
            return None
        place: int | str = parent.arg
    elif isinstance(parent, ast.Call) and child in parent.args:
        call, place = parent, next(i for i, argument in enumerate(parent.args) if argument is child)
    else:
        return None
    name = _dotted_name(call.func)
    first, dot, rest = name.partition(".")
    return _Argument(name, source.origins.get(first, first) + dot + rest, place)


def _begins(node: ast.expr, *beginnings: str) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(beginnings)


def _is_logger(source: Source, node: ast.Constant) -> bool:
    """Whether a string is a key of what a logging configuration calls `loggers`."""
    parent = source.parents.get(node)
    above = source.parents.get(parent) if parent is not None else None
    if not isinstance(parent, ast.Dict) or node not in parent.keys or not isinstance(above, ast.Dict):
        return False
    key = above.keys[next(i for i, value in enumerate(above.values) if value is parent)]
    return isinstance(key, ast.Constant) and key.value == "loggers"


def _assigned_name(source: Source, node: ast.AST) -> str:
    parent = source.parents.get(node)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return parent.targets[0].id
    if isinstance(parent, ast.AnnAssign) and isinstance(parent.target, ast.Name):
        return parent.target.id
    return ""


def _setting(source: Source, node: ast.Constant) -> str | None:
    """What a string is the value of: a keyword, an assigned name, a parameter's default, a dictionary's key."""
    parent = source.parents.get(node)
    if isinstance(parent, ast.keyword):
        call = source.parents.get(parent)
        return parent.arg if isinstance(call, ast.Call) else None
    if isinstance(parent, ast.Assign | ast.AnnAssign):
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        return ast.unparse(target)
    if isinstance(parent, ast.arguments):
        return "a parameter"
    if isinstance(parent, ast.Dict) and node in parent.values:
        key = parent.keys[parent.values.index(node)]
        return ast.unparse(key) if key is not None else None
    return None


_PATH_IN_TEXT = re.compile(r"(?<![\w./:\\-])(?:\./)?[\w.@+-]+(?:/[\w.@+-]+)+")
_SHELL = {
    "system",
    "popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "Popen",
    "getoutput",
    "create_subprocess_shell",
}


def _paths(reader: _Reader, text: Text, mention: _Maker) -> Iterator[Mention]:
    """A string that is a path relative to the repository's root (as the working folder), or that has one in it."""
    source, value, renames = reader.source, text.value, reader.renames
    if value.startswith("/"):
        parent = source.parents.get(text.node)
        path = posixpath.normpath(value[1:])
        added = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add) and parent.right is text.node
        if added and path in renames.files and not _is_part_of_a_location(source, text.node):
            base = _joined_to(source, text.node)
            yield mention(Certainty.LIKELY, f"the path of a file, in {base}", f"/{renames.files[path]}")
        else:
            yield from _foreign(text, mention)
        return
    if "/" not in value:
        if "\\" in value and posixpath.normpath(value.replace("\\", "/")) in renames.files:
            yield mention(Certainty.ASK, "the path of a file, as Windows has it", "")
        return
    if "\n" in value or "://" in value:
        yield from _paths_in_text(reader, text, mention)
        return
    if _is_part_of_a_location(source, text.node):
        return  # rewritten with the expression that it is a part of
    dotted = "./" if value.startswith("./") else ""
    path = posixpath.normpath(value)
    tail = "/" if value.endswith("/") else ""
    base = _joined_to(source, text.node)
    if path in renames.files:
        new = dotted + renames.files[path] + tail
        if base is None:
            yield mention(Certainty.CERTAIN, "the path of a file", new)
        elif re.search("te?mp", base, re.IGNORECASE):
            yield mention(Certainty.ASK, f"the path of a file, in {base}", new)
        else:
            yield mention(Certainty.LIKELY, f"the path of a file, in {base}", new)
    elif path in renames.folders:
        yield mention(Certainty.LIKELY, "the path of a folder", dotted + renames.folders[path] + tail)
    elif path in renames.scattered and "/" in path:
        yield mention(Certainty.ASK, f"a folder whose files part: {', '.join(renames.scattered[path])}", "")
    elif path.startswith("../") and _names_old_root(path, renames):
        yield mention(Certainty.ASK, "relative to a folder that moves", "")
    elif " " not in value and not path.startswith("../"):
        beginning = re.split(r"[*?\[{%]", value)[0].rpartition("/")[0]
        yield from _folder(reader, text.node, value, beginning, mention)
    else:
        yield from _paths_in_text(reader, text, mention)


def _folder(
    reader: _Reader, node: ast.Constant | ast.JoinedStr, value: str, beginning: str, mention: _Maker
) -> Iterator[Mention]:
    """A path that begins with a folder that moves, and of which nobody knows what follows: `src/config/*.yaml`."""
    renames = reader.renames
    if _is_part_of_a_location(reader.source, node):
        return
    if not isinstance(node, ast.JoinedStr) and reader.analysis.inventory.exists(posixpath.normpath(value)):
        return
    prefix = "./" if beginning.startswith("./") else ""
    folder = beginning[len(prefix) :]
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    whole = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)
    if " " in whole:
        return
    # "train/loss" may be anything, and f"train/{x}" as well.
    sure = re.search(r"[*%]|/.*\{|\.[A-Za-z]\w*\Z", whole) is not None
    while folder and not folder.startswith("/"):
        if folder in renames.folders:
            if sure or "/" in folder:
                end = len(prefix) + len(folder)
                certainty = Certainty.LIKELY if "/" in folder else Certainty.ASK
                yield mention(certainty, "in a folder that moves", prefix + renames.folders[folder], 0, end)
            return
        if folder in renames.scattered:
            if sure or "/" in folder:
                yield mention(
                    Certainty.ASK, f"in a folder whose files part: {', '.join(renames.scattered[folder])}", ""
                )
            return
        folder = posixpath.dirname(folder)


def _paths_in_text(reader: _Reader, text: Text, mention: _Maker) -> Iterator[Mention]:
    """Paths of files within a longer string: a command's is likely, any other may be only talked about."""
    called = _given_to(reader.source, text.node)
    shell = called is not None and called.function.split(".")[-1] in _SHELL and called.place == 0
    for match in _PATH_IN_TEXT.finditer(text.value):
        dotted = "./" if match.group().startswith("./") else ""
        path = posixpath.normpath(match.group().rstrip("."))
        if path in reader.renames.files:
            certainty = Certainty.LIKELY if shell else Certainty.ASK
            end = match.start() + len(match.group().rstrip("."))
            new = dotted + reader.renames.files[path]
            yield mention(certainty, "a path in a longer text", new, match.start(), end)


def _joined_to(source: Source, node: ast.Constant) -> str | None:
    """What a path is joined to: of `ROOT / "a/b"` and `join(ROOT, "a/b")` it is ROOT; None where it stands alone."""
    parent = source.parents.get(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div | ast.Add) and parent.right is node:
        return ast.unparse(parent.left)
    if (
        isinstance(parent, ast.Call)
        and _last(parent.func) in ("join", "joinpath", "Path", "PurePath")
        and node in parent.args
    ):
        if _last(parent.func) == "joinpath":
            return ast.unparse(parent.func)
        i = parent.args.index(node)
        return ast.unparse(parent.args[0]) if i else None
    return None


def _names_old_root(path: str, renames: Renames) -> bool:
    rest = path
    while rest.startswith("../"):
        rest = rest[3:]
    return rest in renames.files or rest in renames.folders or rest in renames.scattered


def _foreign(text: Text, mention: _Maker) -> Iterator[Mention]:
    if re.match(r"/(Users|home)/[^/\s]+/\S*\Z", text.value):
        yield mention(Certainty.ASK, "a path of somebody's machine", "")


def _is_part_of_a_location(source: Source, node: ast.AST) -> bool:
    """Whether a string is joined to a path that begins at `__file__`."""
    if b"__file__" not in source.contents:
        return False
    child = node
    for _ in range(12):
        parent = source.parents.get(child)
        if not isinstance(parent, ast.Call | ast.BinOp | ast.Attribute | ast.Subscript):
            return False
        if any(isinstance(inner, ast.Name) and inner.id == "__file__" for inner in ast.walk(parent)):
            return True
        child = parent
    return False
