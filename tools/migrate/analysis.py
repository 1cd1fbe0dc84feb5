"""What the code of a repository imports, and what each import means. Nothing is executed."""

import ast
import posixpath
from dataclasses import dataclass, field

from migrate.inventory import Inventory
from migrate.model import Place
from migrate.modules import Module, Modules
from migrate.roots import PathHack, import_roots, own_roots, path_hacks
from migrate.scopes import Scope
from migrate.source import Broken, Source, is_python, read_source


@dataclass(frozen=True)
class ImportedName:
    """One name of an import statement.

    Attributes:
        alias: its node.
        module: the module that is loaded for it: of `import a.b` it is a.b; of `from a import b` it is a.b where that
            is a module, else a. None where the repository has none.
        is_module: the name itself means the module (not something in it).
    """

    alias: ast.alias
    module: Module | None
    is_module: bool


@dataclass(frozen=True)
class ImportStatement:
    """An import statement.

    Attributes:
        base: of `from a.b import c` the absolute dotted a.b where it is written so; "" for relative ones and `import`.
        base_module: what it is in the repository.
        scope: where its names are bound.
        optional: it stands in a `try` that catches ImportError, or under TYPE_CHECKING.
        nested: it stands in a function or class.
    """

    node: ast.Import | ast.ImportFrom
    base: str
    base_module: Module | None
    names: tuple[ImportedName, ...]
    scope: Scope
    optional: bool
    nested: bool
    type_checking: bool = False

    @property
    def line(self) -> int:
        return self.node.lineno


@dataclass
class Analysis:
    """Everything known about a repository's code."""

    inventory: Inventory
    modules: Modules
    sources: dict[str, Source] = field(default_factory=dict)
    syntax_errors: dict[str, Broken] = field(default_factory=dict)
    imports: dict[str, list[ImportStatement]] = field(default_factory=dict)
    hacks: dict[str, list[PathHack]] = field(default_factory=dict)
    unresolved: list[tuple[Place, str]] = field(default_factory=list)  # imports of ours that were broken before
    third_party: dict[str, set[str]] = field(default_factory=dict)  # by file: the dotted names imported from elsewhere
    _defined: dict[str, set[str] | None] = field(default_factory=dict)

    def defined(self, path: str) -> set[str] | None:
        """The names that a module binds at its top; None where that cannot be known: star imports, __getattr__."""
        if path not in self._defined:
            source = self.sources.get(path)
            self._defined[path] = _find_defined(source) if source is not None else None
        return self._defined[path]

    def binds_something_else(self, path: str, name: str) -> bool:
        """Whether a package's `__init__` gives a name a meaning that is not the submodule of that name."""
        source = self.sources.get(path)
        for node in source.scopes.module.bound.get(name, ()) if source is not None else ():
            assert source is not None
            statement = source.parents.get(node)
            if isinstance(statement, ast.AnnAssign) and statement.value is None:
                continue  # says what it is, and binds nothing
            if isinstance(statement, ast.ImportFrom) and isinstance(node, ast.alias) and node.name == name:
                if statement.level:
                    base = relative_module(self.modules, path, statement.level, statement.module or "")
                else:
                    base = self.modules.find(statement.module or "", path)
                if base is not None and base.file == path:
                    continue  # the submodule itself
            if isinstance(statement, ast.Import) and isinstance(node, ast.alias) and node.asname == name:
                found = self.modules.find(node.name, path)
                if found is not None and found == self.modules.in_folders(name, (posixpath.dirname(path),)):
                    continue
            return True
        return False

    def imported_files(self, path: str) -> dict[str, int]:
        """The files of the repository that a file imports, with the first line that does so."""
        found: dict[str, int] = {}
        for statement in self.imports.get(path, ()):
            for module in [statement.base_module, *(name.module for name in statement.names)]:
                if module is not None and module.file:
                    found.setdefault(module.file, statement.line)
        return found


def analyse(inventory: Inventory, new_roots: tuple[str, ...]) -> Analysis:
    """Reads every Python file and resolves its imports."""
    sources: dict[str, Source] = {}
    broken: dict[str, Broken] = {}
    for path in inventory.files:
        if path in inventory.links or not (
            path.endswith((".py", ".pyw", ".pyi")) or "." not in posixpath.basename(path)
        ):
            continue
        contents = inventory.read(path)
        if not is_python(path, contents):
            continue
        source = read_source(path, contents)
        if isinstance(source, Broken):
            broken[path] = source
        else:
            sources[path] = source
    hacks = {path: found for path, source in sources.items() if (found := path_hacks(source, inventory))}
    modules = Modules(inventory, import_roots(inventory, hacks, new_roots))
    for path, source in sources.items():
        modules.own_roots[path] = own_roots(source, hacks.get(path, []), inventory)
    analysis = Analysis(inventory, modules, sources, broken, hacks=hacks)
    for path, source in sources.items():
        analysis.imports[path] = [
            resolve(analysis, source, node, scope) for node, scope in source.scopes.imports.items()
        ]
    return analysis


def resolve(analysis: Analysis, source: Source, node: ast.Import | ast.ImportFrom, scope: Scope) -> ImportStatement:
    """What an import statement of a file means. What is missing, and what is not ours, is noted in `analysis`."""
    modules = analysis.modules
    names: list[ImportedName] = []
    base, base_module = "", None
    place = Place(source.path, node.lineno)
    optional, type_checking = _circumstances(source, node)
    if isinstance(node, ast.Import):
        for alias in node.names:
            module = modules.find(alias.name, source.path)
            if module is None:
                _note_missing(analysis, source, alias.name, place)
            names.append(ImportedName(alias, module, True))
    else:
        if node.level:
            base_module = relative_module(modules, source.path, node.level, node.module or "")
            if base_module is None:
                analysis.unresolved.append((place, "." * node.level + (node.module or "")))
        else:
            base = node.module or ""
            base_module = modules.find(base, source.path)
            if base_module is None:
                _note_missing(analysis, source, base, place)
                if source.path in analysis.third_party and base in analysis.third_party[source.path]:
                    # Of `from google.cloud import storage` the distribution is known by the whole name only.
                    analysis.third_party[source.path] |= {
                        f"{base}.{alias.name}" for alias in node.names if alias.name != "*"
                    }
        for alias in node.names:
            names.append(_imported(analysis, base_module, alias))
            last = names[-1]
            if base_module is not None and last.module is None:
                dotted = f"{base}.{alias.name}" if base else "." * node.level + f"{node.module or ''}.{alias.name}"
                analysis.unresolved.append((place, dotted))
    nested = not isinstance(scope.node, ast.Module)
    return ImportStatement(node, base, base_module, tuple(names), scope, optional, nested, type_checking)


def _note_missing(analysis: Analysis, source: Source, name: str, place: Place) -> None:
    if analysis.modules.is_ours(name, source.path):
        analysis.unresolved.append((place, name))
    else:
        analysis.third_party.setdefault(source.path, set()).add(name)


def _imported(analysis: Analysis, base: Module | None, alias: ast.alias) -> ImportedName:
    """What `from BASE import NAME` gives: Python takes the attribute first, then the submodule."""
    if base is None or alias.name == "*":
        return ImportedName(alias, base, False)
    submodule = analysis.modules.in_folders(alias.name, base.folders) if base.folders else None
    source = analysis.sources.get(base.file)
    if submodule is not None:
        if analysis.binds_something_else(base.file, alias.name):
            return ImportedName(alias, base, False)
        return ImportedName(alias, submodule, True)
    if not base.file:
        return ImportedName(alias, None, False)
    if source is not None:
        defined = analysis.defined(base.file)
        if defined is not None and alias.name not in defined:
            return ImportedName(alias, None, False)
    return ImportedName(alias, base, False)


def relative_module(modules: Modules, path: str, level: int, name: str) -> Module | None:
    """What `from ...name` means in a file, with `level` dots; None where there is nothing."""
    folder = posixpath.dirname(path)
    for _ in range(level - 1):
        if not folder:
            return None
        folder = posixpath.dirname(folder)
    init = f"{folder}/__init__.py" if folder else "__init__.py"
    module: Module | None = Module(init if modules.inventory.has_file(init) else "", (folder,))
    for part in name.split(".") if name else ():
        if module is None or not module.folders:
            return None
        module = modules.in_folders(part, module.folders)
    return module


def _circumstances(source: Source, node: ast.stmt) -> tuple[bool, bool]:
    """Whether an import may fail without harm, and whether only type checkers run it."""
    child: ast.AST = node
    optional = type_checking = False
    while (parent := source.parents.get(child)) is not None:
        if isinstance(parent, ast.Try) and child in parent.body:
            for handler in parent.handlers:
                caught = ast.unparse(handler.type) if handler.type is not None else "Exception"
                optional |= any(name in caught for name in ("ImportError", "ModuleNotFoundError", "Exception"))
        if isinstance(parent, ast.If) and "TYPE_CHECKING" in ast.unparse(parent.test) and child in parent.body:
            type_checking = True
        if isinstance(parent, ast.With) and any("suppress" in ast.unparse(item.context_expr) for item in parent.items):
            optional = True
        child = parent
    return optional, type_checking


def _find_defined(source: Source) -> set[str] | None:
    scopes = source.scopes
    names = set(scopes.module.bound)
    if "__getattr__" in names:
        return None
    for statement in scopes.imports:
        if any(alias.name == "*" for alias in statement.names):
            return None
    # What changes a module's names in ways that cannot be followed.
    for call in source.of_type(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id in ("globals", "exec", "vars", "setattr"):
            return None
    for node in source.of_type(ast.Attribute):
        if node.attr == "modules" and isinstance(node.value, ast.Name) and node.value.id == "sys":
            return None
    return names | {
        "__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__loader__", "__dict__",
        "__annotations__", "__all__", "__builtins__",
    }  # fmt: skip
