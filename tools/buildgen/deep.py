"""What only a syntax tree tells: strings that name modules, files that are named, what pytest hands to tests."""

import ast
import re
from collections.abc import Iterator

from buildgen.asking import asks_for_more, is_pytest_file
from buildgen.fixtures import FIXTURES
from buildgen.scanned import BESIDE, OPENED, OPTIONAL, RESOURCE, TYPE_CHECKING_ONLY, Import, Scan
from buildgen.tokens import annotations_in, has_tests

_FILE_WORDS = re.compile(r"__file__|\bresources\b|pkgutil|open\(\s*[rb]?[\"']")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
#: In a script: "$PYTHON" -m module, {python} -m module. Not `python -m module`, which is how people are told.
_STARTED = re.compile(r"(?:[Pp]ython[\w.]*|PYTHON)[\"'}]+ -m ([A-Za-z_][\w.]*\w)")
_CATCHING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def read_tree(text: str, file_name: str) -> Scan:
    """The scan of a file, from its syntax tree. Raises what `ast.parse` raises."""
    tree = ast.parse(text)
    imports: list[Import] = []
    _imports_of(tree.body, 0, imports)
    main = next((node.lineno for node in tree.body if isinstance(node, ast.If) and _is_main(node.test)), 0)
    modules: list[list[object]] = []
    data: list[list[object]] = []
    fixtures: list[list[object]] = []
    defines: list[str] = []
    if asks_for_more(text, file_name):
        nodes = _Nodes(tree)
        names_files = _FILE_WORDS.search(text) is not None
        folders = _folders(nodes.assignments) if names_files else {}
        patches = _patch_names(nodes.imports)
        for call in nodes.calls:
            modules += _modules_of(call, patches)
            if names_files:
                data += _data_of(call, folders)
        for division in nodes.divisions if names_files else ():
            if named := _below(division, folders):
                data.append([*named, division.lineno])
        for assignment in nodes.assignments:
            modules += _plugins_of(assignment)
        for sequence in nodes.sequences:
            modules += _started(sequence.elts)
        for command in nodes.commands:
            modules += ([name, command.lineno, "-m"] for name in _STARTED.findall(str(command.value)))
        for definition in nodes.definitions:
            _fixtures_of(definition, fixtures, defines)
    return Scan(
        imports=imports,
        annotations=annotations_in(text),
        main=main,
        has_tests=has_tests(text),
        has_code=bool(tree.body),
        modules=_unique(modules),
        data=_longest(_unique(data)),
        fixtures=_unique(fixtures) if is_pytest_file(file_name) else [],
        defines=sorted(set(defines)),
        error=[],
    )


def imports_of(text: str) -> list[Import]:
    """All imports of a file by its syntax tree, in the order of their lines."""
    imports: list[Import] = []
    _imports_of(ast.parse(text).body, 0, imports)
    return imports


def _imports_of(body: list[ast.stmt], flags: int, found: list[Import]) -> None:
    """Appends the imports in statements. Only statements are looked at: expressions hold none."""
    for node in body:
        if isinstance(node, ast.Import):
            found.extend([0, alias.name, "", node.lineno, flags] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.extend([node.level, node.module or "", alias.name, node.lineno, flags] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _imports_of(node.body, 0, found)
        elif isinstance(node, ast.If):
            inside = flags | TYPE_CHECKING_ONLY if _is_type_checking(node.test) else flags
            _imports_of(node.body, inside, found)
            _imports_of(node.orelse, flags, found)
        elif isinstance(node, ast.Try | ast.TryStar):
            inside = flags | OPTIONAL if any(_catches(handler.type) for handler in node.handlers) else flags
            _imports_of(node.body, inside, found)
            for handler in node.handlers:
                _imports_of(handler.body, flags | OPTIONAL if _catches(handler.type) else flags, found)
            _imports_of(node.orelse, flags, found)
            _imports_of(node.finalbody, flags, found)
        elif isinstance(node, ast.With | ast.AsyncWith):
            suppresses = any(_suppresses(item.context_expr) for item in node.items)
            _imports_of(node.body, flags | OPTIONAL if suppresses else flags, found)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                _imports_of(case.body, flags, found)
        elif isinstance(node, ast.ClassDef | ast.For | ast.AsyncFor | ast.While):
            _imports_of(node.body, flags, found)
            if not isinstance(node, ast.ClassDef):
                _imports_of(node.orelse, flags, found)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _catches(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(_last_name(name) in _CATCHING for name in names)


def _suppresses(context: ast.expr) -> bool:
    return (
        isinstance(context, ast.Call)
        and _last_name(context.func) == "suppress"
        and any(_last_name(argument) in _CATCHING for argument in context.args)
    )


def _is_main(test: ast.expr) -> bool:
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = [test.left, test.comparators[0]]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


class _Nodes:
    """The nodes of a tree that are looked at, in one walk."""

    def __init__(self, tree: ast.Module) -> None:
        self.calls: list[ast.Call] = []
        self.divisions: list[ast.BinOp] = []
        self.assignments: list[ast.Assign | ast.AnnAssign] = []
        self.definitions: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef] = []
        self.imports: list[ast.ImportFrom] = []
        self.sequences: list[ast.List | ast.Tuple] = []
        self.commands: list[ast.Constant] = []
        pending: list[ast.AST] = [tree]
        while pending:
            node = pending.pop()
            kind = type(node)
            if kind in _SKIPPED:
                if kind is ast.Constant and type(node.value) is str and " -m " in node.value:  # type: ignore[attr-defined]
                    self.commands.append(node)  # type: ignore[arg-type]
                continue
            if kind is ast.Call:
                self.calls.append(node)  # type: ignore[arg-type]
            elif kind is ast.BinOp:
                if type(node.op) is ast.Div:  # type: ignore[attr-defined]
                    self.divisions.append(node)  # type: ignore[arg-type]
            elif kind is ast.List or kind is ast.Tuple:
                self.sequences.append(node)  # type: ignore[arg-type]
            elif kind is ast.Assign or kind is ast.AnnAssign:
                self.assignments.append(node)  # type: ignore[arg-type]
            elif kind is ast.FunctionDef or kind is ast.AsyncFunctionDef or kind is ast.ClassDef:
                self.definitions.append(node)  # type: ignore[arg-type]
            elif kind is ast.ImportFrom:
                self.imports.append(node)  # type: ignore[arg-type]
                continue
            for name in node._fields:
                value = getattr(node, name, None)
                if type(value) is list:
                    pending += value
                elif type(value) not in _SKIPPED or type(value) is ast.Constant:
                    pending.append(value)  # type: ignore[arg-type]


#: What holds nothing to look at: plain values in a node's fields, and nodes without others of interest in them.
_SKIPPED: frozenset[type] = frozenset(
    {
        *(str, int, float, complex, bytes, bool, type(None), type(...)),
        *(ast.Constant, ast.Name, ast.Load, ast.Store, ast.Del, ast.arg, ast.Import, ast.Pass, ast.alias),
    }
)


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _patch_names(imports: list[ast.ImportFrom]) -> set[str]:
    """What `unittest.mock.patch` is called in a file."""
    names = {"patch"}
    for node in imports:
        if node.module in ("unittest.mock", "mock"):
            names |= {alias.asname for alias in node.names if alias.name == "patch" and alias.asname}
    return names


def _modules_of(call: ast.Call, patches: set[str]) -> Iterator[list[object]]:
    """The strings of a call that name a module, or something inside one."""
    yield from _started(call.args)
    name = _last_name(call.func)
    first = _text(call.args[0]) if call.args else None
    if first is None:
        return
    if name == "run_module" and _MODULE.fullmatch(first):
        yield [first, call.lineno, "-m"]
    if name in ("import_module", "__import__", "importorskip", "find_spec"):
        base = _text(call.args[1]) if len(call.args) > 1 and name == "import_module" else None
        if first.startswith(".") and base:
            dots = len(first) - len(first.lstrip("."))
            parts = base.split(".")
            first = ".".join([*parts[: len(parts) - dots + 1], first.lstrip(".")]).rstrip(".")
        if _MODULE.fullmatch(first):
            # A test that is skipped without a package does not ask for it.
            yield [first, call.lineno, "optional" if name in ("importorskip", "find_spec") else "import_module"]
    elif (_is_patch(call.func, name, patches) and _DOTTED.fullmatch(first)) or (
        name in ("setattr", "delattr") and isinstance(call.func, ast.Attribute) and _DOTTED.fullmatch(first)
    ):
        yield [first, call.lineno, "patch"]


def _started(words: list[ast.expr]) -> Iterator[list[object]]:
    """The module of `python -m module` in the words of a command."""
    for program, option, following in zip(words, words[1:], words[2:], strict=False):
        name = _text(following)
        if _text(option) == "-m" and name and _MODULE.fullmatch(name):
            # `git commit -m message` is none.
            words_before = ast.unparse(program).lower()
            if "python" in words_before or "executable" in words_before or "interpreter" in words_before:
                yield [name, following.lineno, "-m"]


def _is_patch(function: ast.expr, name: str, patches: set[str]) -> bool:
    """patch("…"), mock.patch("…"), mocker.patch("…"), patch.dict("…"), patch.multiple("…")."""
    if name in patches:
        return True
    return (
        isinstance(function, ast.Attribute) and name in ("dict", "multiple") and _last_name(function.value) in patches
    )


def _plugins_of(node: ast.Assign | ast.AnnAssign) -> Iterator[list[object]]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(isinstance(target, ast.Name) and target.id == "pytest_plugins" for target in targets):
        values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
        for value in values:
            if value is not None and (name := _text(value)) and _MODULE.fullmatch(name):
                yield [name, value.lineno, "pytest_plugins"]


def _fixtures_of(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, fixtures: list[list[object]], defines: list[str]
) -> None:
    is_fixture = False
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if _last_name(called) == "fixture":
            is_fixture = True
            named = (
                next((k.value for k in decorator.keywords if k.arg == "name"), None)
                if isinstance(decorator, ast.Call)
                else None
            )
            defines.append(_text(named) or node.name)
        is_mark = isinstance(called, ast.Attribute) and _last_name(called.value) == "mark"
        if is_mark and (mark := f"mark:{_last_name(called)}") in FIXTURES:
            fixtures.append([mark, decorator.lineno])
        if _last_name(called) == "usefixtures" and isinstance(decorator, ast.Call):
            fixtures.extend([_text(a), a.lineno] for a in decorator.args if _text(a) in FIXTURES)
    if isinstance(node, ast.ClassDef):
        return
    if is_fixture or node.name.startswith("test"):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        fixtures.extend([a.arg, a.lineno] for a in arguments if a.arg in FIXTURES)


# ---------------------------------------------------------------------------------------------------------- data files

#: What an expression that stands for a path is known to be: (kind, path below it, with ".." for parents).
_Named = tuple[str, str]


def _folders(assignments: list[ast.Assign | ast.AnnAssign]) -> dict[str, _Named]:
    """Names that hold a folder which is known: HERE = Path(__file__).parent."""
    known: dict[str, _Named] = {}
    for node in sorted(assignments, key=lambda node: node.lineno):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        target = targets[0]
        if len(targets) == 1 and isinstance(target, ast.Name) and node.value and (named := _below(node.value, known)):
            known[target.id] = named
    return known


_FILE = "\0"  # the file itself: its parent is the folder


def _below(node: ast.expr, known: dict[str, _Named]) -> _Named | None:
    """What path an expression names, where it begins at the file itself or at a package's resources."""
    if isinstance(node, ast.Name):
        return (BESIDE, _FILE) if node.id == "__file__" else known.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        base = _below(node.left, known)
        part = _text(node.right)
        return _join(base, part) if base and part is not None else None
    if isinstance(node, ast.Attribute):
        if node.attr == "parent" and (base := _below(node.value, known)):
            return _parent(base)
        return None
    if isinstance(node, ast.Subscript):  # Path(__file__).parents[2]
        if isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            base = _below(node.value.value, known)
            if base and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
                for _ in range(node.slice.value + 1):
                    base = _parent(base)
                return base
        return None
    if not isinstance(node, ast.Call):
        return None
    name = _last_name(node.func)
    first = node.args[0] if node.args else None
    if name in ("Path", "PurePath", "str", "fspath", "abspath", "realpath", "normpath") and first is not None:
        base = _below(first, known)
        for more in node.args[1:]:
            part = _text(more)
            base = _join(base, part) if base and part is not None else None
        return base
    if name in ("resolve", "absolute", "as_posix", "expanduser") and isinstance(node.func, ast.Attribute) and not first:
        return _below(node.func.value, known)
    if name == "dirname" and first is not None:
        base = _below(first, known)
        return _parent(base) if base else None
    if name in ("join", "joinpath"):
        if isinstance(node.func, ast.Attribute) and name == "joinpath":
            base, rest = _below(node.func.value, known), node.args
        elif first is not None:
            base, rest = _below(first, known), node.args[1:]
        else:
            return None
        for more in rest:
            part = _text(more)
            base = _join(base, part) if base and part is not None else None
        return base
    if name in ("with_name", "with_suffix") and isinstance(node.func, ast.Attribute):
        base, part = _below(node.func.value, known), _text(first)
        if base and part is not None and name == "with_name":
            return _join(_parent(base), part)
        return None
    if name == "files" and first is not None:
        package = _text(first)
        if package is not None and _MODULE.fullmatch(package):
            return (RESOURCE, f"{package}:")
        if _last_name(first) in ("__package__", "__name__"):
            return (BESIDE, "")
    return None


def _parent(base: _Named) -> _Named:
    kind, path = base
    if path == _FILE:
        return (kind, "")
    if kind == RESOURCE and path.endswith(":"):
        return base
    head, _, tail = path.rpartition("/")
    return (kind, head) if tail not in ("", "..") else (kind, f"{path}/..".lstrip("/"))


def _join(base: _Named, part: str) -> _Named:
    kind, path = base
    if path == _FILE:
        path = ""  # Path(__file__, "x") is a mistake; the nearest meaning
    for piece in part.strip("/").split("/"):
        if piece == "..":
            path = _parent((kind, path))[1]
        elif piece not in ("", "."):
            path = f"{path}/{piece}" if path and not path.endswith(":") else path + piece
    return (kind, path)


def _data_of(call: ast.Call, known: dict[str, _Named]) -> Iterator[list[object]]:
    """The files that a call names: open("x"), joined paths, resources.read_text("package", "x")."""
    name = _last_name(call.func)
    first = call.args[0] if call.args else None
    if name == "open" and isinstance(call.func, ast.Name) and first is not None:
        text = _text(first)
        if text and _reads(call) and not text.startswith(("/", "~")) and "\n" not in text:
            yield [OPENED, text, call.lineno]
    if name in ("read_text", "read_binary", "open_text", "open_binary", "path", "get_data", "is_resource"):
        package = _text(first)
        if name == "get_data" and package is None:
            package = "" if _last_name(first) in ("__package__", "__name__") else None  # type: ignore[arg-type]
        resource = _text(call.args[1]) if len(call.args) > 1 else None
        if package is not None and resource is not None and (not package or _MODULE.fullmatch(package)):
            yield [RESOURCE, f"{package}:{resource}", call.lineno] if package else [BESIDE, resource, call.lineno]
    if (named := _below(call, known)) and named[1] not in ("", _FILE):
        yield [*named, call.lineno]


def _reads(call: ast.Call) -> bool:
    """Whether open(…) opens for reading."""
    mode = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
    return mode is None or ((text := _text(mode)) is not None and not set(text) & set("wax"))


def _unique(rows: list[list[object]]) -> list[list[object]]:
    """Each row once, at its first line, in the order of lines."""
    first: dict[tuple[object, ...], list[object]] = {}
    for row in sorted(rows, key=lambda row: next(item for item in row if isinstance(item, int))):
        first.setdefault(tuple(item for item in row if not isinstance(item, int)), row)
    return list(first.values())


def _longest(rows: list[list[object]]) -> list[list[object]]:
    """Without paths that are only the beginning of another one on the same line: of `a / "b" / "c"`, only a/b/c."""
    return [
        row
        for row in rows
        if row[1] != _FILE
        and not str(row[1]).endswith(("..", ":"))
        and not any(
            other[0] == row[0] and other[2] == row[2] and str(other[1]).startswith(f"{row[1]}/") for other in rows
        )
    ]
