"""`import a.b`, and every `a.b.c` that means what it binds, as edits of a file's bytes.

The statements and the uses of one name in one scope are judged together, and take the first of these forms that is sure
to mean what was meant:

whole       import new.a.b               new.a.b.c()     the usual one
aliased     import new.a.b as a_b        a_b.c()         where `new` means something else here
kept        import new.a.b, new.a as a   a.b.c()         where `a` is bound by other statements, too, or deleted
left        as it is, and reported
"""

import ast
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from migrate.analysis import Analysis, ImportStatement
from migrate.model import Certainty, Edit, Mention, Place
from migrate.modules import Module
from migrate.naming import Naming
from migrate.scopes import Scope
from migrate.source import Source

#: What may stand between the parts of a dotted name, besides a comment.
_BETWEEN = re.compile(rb"[\s\\()]+")
DOTTED = re.compile(rb"[^\s\\.,;()#]+(?:[\s\\]*\.[\s\\]*[^\s\\.,;()#]+)*")


@dataclass(frozen=True)
class Imported:
    """One `a.b` of `import a.b`: what it is called before and after (None where that is the same)."""

    statement: ImportStatement
    alias: ast.alias
    old: str
    new: str | None


@dataclass(frozen=True)
class Use:
    """A place that reads a name which an import bound.

    Attributes:
        scope: where it stands.
        line: its line.
        old: the longest module that it spells.
        new: what that is called afterwards; None where it keeps its name, "" where it has none any more.
        span: the bytes that spell `old`; None where they cannot be found for sure (in some f-strings).
    """

    scope: Scope
    line: int
    old: str
    new: str | None
    span: tuple[int, int] | None


@dataclass
class Group:
    """The imports that bind one name in one scope, and the uses of it."""

    root: str
    binder: Scope
    imports: list[Imported] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    rebound: bool = False  # something else binds the name here, or deletes it

    @property
    def changes(self) -> bool:
        return any(entry.new is not None for entry in self.imports) or any(use.new is not None for use in self.uses)

    @property
    def new_roots(self) -> set[str]:
        """The names that its imports bind afterwards."""
        return {(entry.new or entry.old).split(".")[0] for entry in self.imports}


class DottedImports:
    """Rewrites the `import a.b` of one file."""

    def __init__(self, analysis: Analysis, naming: Naming, source: Source) -> None:
        self._analysis = analysis
        self._naming = naming
        self._source = source
        self.edits: list[Edit] = []
        self.mentions: list[Mention] = []
        groups = self._groups()
        if groups:
            self._add_uses(groups)
        changed = [group for group in groups if group.changes]
        for group in changed:
            self._rewrite(group, changed)

    # ------------------------------------------------------------------------------------------ what there is

    def _groups(self) -> list[Group]:
        found: dict[tuple[Scope, str], Group] = {}
        for statement in self._analysis.imports[self._source.path]:
            if not isinstance(statement.node, ast.Import):
                continue
            for name in statement.names:
                if name.alias.asname is not None:
                    continue
                old = name.alias.name
                root = old.split(".")[0]
                if name.module is None:
                    new = missing_after(self._naming, self._analysis, self._source.path, old)
                    if new is None and not self._analysis.modules.is_ours(root, self._source.path):
                        continue
                else:
                    new = name_after(self._naming, name.module)
                    if new is None and not self._naming.keeps_its_name(name.module):
                        new = ""
                binder = statement.scope.binder(root)
                group = found.setdefault((binder, root), Group(root, binder))
                group.imports.append(Imported(statement, name.alias, old, None if new == old else new))
        for group in found.values():
            aliases = {entry.alias for entry in group.imports}
            group.rebound = any(node not in aliases for node in group.binder.bound.get(group.root, ()))
        return list(found.values())

    def _add_uses(self, groups: list[Group]) -> None:
        roots: dict[str, list[Group]] = {}
        for group in groups:
            roots.setdefault(group.root, []).append(group)
        for node, scope in self._source.scopes.names.items():
            for group in roots.get(node.id, ()):
                if scope.resolve(node.id) is not group.binder:
                    # In the body of a class, a name that the class binds later is still the one around it.
                    if not (isinstance(scope.node, ast.ClassDef) and _resolve_around(scope, node.id) is group.binder):
                        continue
                    group.rebound = True
                if isinstance(node.ctx, ast.Load):
                    old, new, spelled = self._use(_chain(self._source.parents, node, node.id))
                    group.uses.append(Use(scope, node.lineno, old, new, self._span(spelled, old)))
                else:
                    group.rebound = True
        for text, scope, line, start in annotations(self._source):
            for node, chain, offset in _chains_of_text(text, roots):
                for group in roots[node.id]:
                    if scope.resolve(node.id) is group.binder:
                        old, new, spelled = self._use(chain)
                        span = None
                        if start is not None and offset is not None:
                            span = _span_in_text(self._source, text, start, offset, spelled, old)
                        group.uses.append(Use(scope, line, old, new, span))
        for group in groups:
            spans = [use.span for use in group.uses if use.span is not None]
            if len(spans) != len(set(spans)):  # two uses in one place: the positions are wrong
                twice = {span for span in spans if spans.count(span) > 1}
                group.uses = [
                    Use(use.scope, use.line, use.old, use.new, None if use.span in twice else use.span)
                    for use in group.uses
                ]

    def _use(self, chain: list[tuple[str, ast.expr]]) -> tuple[str, str | None, ast.expr]:
        """Of a chain: the longest module, what it is called afterwards, and the node that spells it."""
        old, spelled = chain[0]
        new: str | None = ""
        for dotted, node in chain:
            module = self._analysis.modules.find(dotted, self._source.path)
            if module is None:
                break
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and dotted != chain[0][0]:
                break  # `a.b = …` sets an attribute of a
            old, spelled = dotted, node
            after = name_after(self._naming, module)
            new = after if after is not None else (None if self._naming.keeps_its_name(module) else "")
            if after == dotted:
                new = None
        return old, new, spelled

    def _span(self, spelled: ast.expr, old: str) -> tuple[int, int] | None:
        """The bytes of a node that spells a dotted name, None where they are not that: so in some f-strings."""
        try:
            start, end = self._source.start(spelled), self._source.end(spelled)
            text = _BETWEEN.sub(b"", self._source.contents[start:end]).decode(self._source.encoding)
        except (UnicodeDecodeError, IndexError):
            return None
        return (start, end) if unicodedata.normalize("NFKC", text) == old else None

    # ------------------------------------------------------------------------------------------ which form

    def _rewrite(self, group: Group, groups: list[Group]) -> None:
        plain = any(entry.old == group.root for entry in group.imports)
        lost = any(entry.new == "" for entry in group.imports) or any(use.new == "" for use in group.uses)
        followed = not group.rebound and all(use.span is not None for use in group.uses if use.new is not None)
        local = isinstance(group.binder.node, ast.ClassDef) or any(
            entry.statement.scope is not group.binder for entry in group.imports
        )
        after = self._root_after(group)
        if after is not None and (plain or not followed or local) and self._write_kept(group, after):
            return
        if followed and not local and not plain and not lost:
            if not self._hidden(group, groups):
                self._write_whole(group)
                return
            if self._write_aliased(group):
                return
        if after is not None and self._write_kept(group, after):
            return
        if followed and not local and plain and not self._hidden(group, groups) and self._write_dissolved(group):
            return
        self._report(group)

    def _root_after(self, group: Group) -> str | None:
        """What the root is called afterwards, where everything in use of it keeps its place below it; else None."""
        module = self._analysis.modules.find(group.root, self._source.path)
        if module is None:
            return None
        after = group.root if self._naming.keeps_its_name(module) else name_after(self._naming, module)
        if after is None:
            return None
        pairs = [(entry.old, entry.new) for entry in group.imports]
        for old, new in [*pairs, *((use.old, use.new) for use in group.uses)]:
            if (old if new is None else new) != after + old[len(group.root) :]:
                return None
        return after

    def _hidden(self, group: Group, groups: list[Group]) -> bool:
        """Whether a name that the new imports bind means something else where they or the uses stand."""
        roots = {use.new.split(".")[0] for use in group.uses if use.new} | group.new_roots
        for root in roots - {group.root}:
            if not self._all_mean(group.binder, root):
                return True
            for use in group.uses:
                found = use.scope.resolve(root)
                if found is not None and found is not group.binder and found.is_within(group.binder):
                    return True
            if isinstance(group.binder.node, ast.Module):
                continue
            # A function in which the name becomes local: who reads the outer one there would find nothing.
            for node, scope in self._source.scopes.names.items():
                if node.id == root and scope.is_within(group.binder) and scope.resolve(root) is not group.binder:
                    return True
            for other in groups:
                if other is not group and any(
                    use.new and use.new.split(".")[0] == root and use.scope.is_within(group.binder)
                    for use in other.uses
                ):
                    return True
        return False

    def _all_mean(self, scope: Scope, root: str) -> bool:
        """Whether everything that binds a name in a scope binds it to the module that is called so afterwards."""
        nodes = scope.bound.get(root)
        if not nodes:
            return True
        right = set()
        for statement in self._analysis.imports[self._source.path]:
            for name in statement.names:
                if isinstance(statement.node, ast.Import) and name.alias.asname is None:
                    if name.alias.name.split(".")[0] == root:
                        right.add(name.alias)
                elif name.is_module and name.module is not None and name_after(self._naming, name.module) == root:
                    right.add(name.alias)
        return all(node in right for node in nodes)

    # ------------------------------------------------------------------------------------------ writing

    def _name_span(self, entry: Imported) -> tuple[int, int]:
        start, end = self._source.start(entry.alias), self._source.end(entry.alias)
        match = DOTTED.match(self._source.contents, start, end)
        assert match is not None
        return match.span()

    def _write_imports(self, texts: dict[ast.alias, str], group: Group) -> None:
        for entry in group.imports:
            if entry.alias in texts and texts[entry.alias] != entry.old:
                self.edits.append(Edit(*self._name_span(entry), self._source.encode(texts[entry.alias])))

    def _write_uses(self, texts: list[tuple[Use, str]]) -> None:
        for use, text in texts:
            assert use.span is not None
            if text != use.old:
                self.edits.append(Edit(*use.span, self._source.encode(text)))

    def _write_whole(self, group: Group) -> None:
        texts = {entry.alias: entry.new or entry.old for entry in group.imports}
        bound = group.new_roots
        more = []
        for use in group.uses:
            name = use.new or use.old
            if name.split(".")[0] not in bound:
                bound.add(name.split(".")[0])
                more.append(name)
        if more:
            first = group.imports[0].alias
            texts[first] = ", ".join([texts[first], *more])
        self._write_imports(texts, group)
        self._write_uses([(use, use.new) for use in group.uses if use.new is not None])

    def _write_aliased(self, group: Group) -> bool:
        """With a name of its own for each import; False where a use does not begin with one of them."""
        aliases = {entry.old: self._free_name(entry.old) for entry in group.imports if entry.new}
        after = {entry.old: entry.new for entry in group.imports if entry.new}
        texts = []
        for use in group.uses:
            if use.new is None:
                if any(entry.new is None for entry in group.imports):
                    continue
                return False
            begins = [old for old in after if use.old == old or use.old.startswith(f"{old}.")]
            best = max(begins, key=len, default=None)
            if best is None or use.new != f"{after[best]}{use.old[len(best) :]}":
                return False
            texts.append((use, aliases[best] + use.old[len(best) :]))
        self._write_imports(
            {entry.alias: f"{entry.new} as {aliases[entry.old]}" for entry in group.imports if entry.new}, group
        )
        self._write_uses(texts)
        return True

    def _write_kept(self, group: Group, after: str) -> bool:
        """With the old name for the root's new package: no use changes. False where the new names are taken."""
        if after == group.root:
            return True
        texts = {}
        for entry in group.imports:
            if entry.old == group.root:
                texts[entry.alias] = f"{after} as {group.root}"
                continue
            new = entry.new or entry.old
            first = new.split(".")[0]
            if first == group.root:
                return False
            scope = entry.statement.scope
            if not isinstance(scope.node, ast.Module) or not self._all_mean(scope, first):
                new = f"{new} as {self._free_name(entry.old)}"
            texts[entry.alias] = new if self._has_plain(group, entry) else f"{new}, {after} as {group.root}"
        self._write_imports(texts, group)
        return True

    def _has_plain(self, group: Group, entry: Imported) -> bool:
        """Whether `import a` binds the root where `import a.b` stands: in its statement, or before it in its block."""
        parents = self._source.parents
        return any(
            other.old == group.root
            and other.statement.line <= entry.statement.line
            and parents[other.statement.node] is parents[entry.statement.node]
            and (not group.rebound or other.statement is entry.statement)
            for other in group.imports
        )

    def _write_dissolved(self, group: Group) -> bool:
        """`import src`, where src is no more: the modules that its uses name are imported instead."""
        if any(use.new == "" for use in group.uses) or not any(use.new for use in group.uses):
            return False
        if any(entry.new == "" and entry.old != group.root for entry in group.imports):
            return False
        wanted = list(dict.fromkeys(use.new or use.old for use in group.uses))
        plain = [entry for entry in group.imports if entry.old == group.root]
        if plain[0].new is None:
            wanted.append(group.root)
        texts = {entry.alias: ", ".join(sorted(wanted)) for entry in plain}
        texts |= {entry.alias: entry.new or entry.old for entry in group.imports if entry not in plain}
        self._write_imports(texts, group)
        self._write_uses([(use, use.new) for use in group.uses if use.new is not None])
        return True

    def _report(self, group: Group) -> None:
        lost = next((use for use in group.uses if use.new == ""), None)
        if lost is not None:
            why = f"line {lost.line} uses {lost.old}, whose modules part"
        elif group.rebound:
            why = f"{group.root} is bound by other statements, too, and its modules part"
        elif any(use.span is None for use in group.uses if use.new is not None):
            why = "a use of it cannot be rewritten where it stands"
        else:
            why = f"imports {group.root}, whose modules part"
        for statement in dict.fromkeys(entry.statement.node for entry in group.imports):
            text = self._source.segment(statement).decode(self._source.encoding, "replace")
            self.mentions.append(
                Mention(Place(self._source.path, statement.lineno), text, "", Certainty.ASK, f"{why}; left as it is")
            )

    def _free_name(self, old: str) -> str:
        """A name for `import … as NAME` that nothing in the file has."""
        taken = {node.id for node in self._source.scopes.names}
        for scope in self._source.scopes.of_node.values():
            taken.update(scope.bound)
        name = old.replace(".", "_")
        while name in taken:
            name += "_"
        return name


def name_after(naming: Naming, module: Module) -> str | None:
    """What a module is called after the move; None where it keeps its name, or has none any more."""
    return None if naming.keeps_its_name(module) else naming.of_module(module)


def missing_after(naming: Naming, analysis: Analysis, path: str, name: str) -> str | None:
    """What a module that does not exist would be called in a package that moves; None where that stays the same.

    A broken import stays broken, and one in a `try` may mean what a test puts into sys.modules: under the new name.
    """
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        module = analysis.modules.find(".".join(parts[:count]), path)
        if module is not None:
            new = name_after(naming, module)
            after = ".".join([new, *parts[count:]]) if new is not None else name
            return after if after != name else None
    return None


def annotations(source: Source) -> Iterator[tuple[str, Scope, int, int | None]]:
    """The annotations that are strings: text, the scope it is read in, its line, where its first byte stands."""
    for node in annotation_strings(source):
        yield str(node.value), scope_of(source, node), node.lineno, source.value_start(node)


def annotation_strings(source: Source) -> list[ast.Constant]:
    """The string nodes that are annotations, or parts of one: `x: "a.b.C"`, `list["a.b.C"]`, cast("a.b.C", x)."""
    roots: list[ast.expr | None] = [node.annotation for node in source.of_type(ast.arg)]
    roots += [node.returns for node in source.of_type(ast.FunctionDef)]
    roots += [node.returns for node in source.of_type(ast.AsyncFunctionDef)]
    roots += [node.annotation for node in source.of_type(ast.AnnAssign)]
    if b"cast(" in source.contents or b"TypeVar(" in source.contents or b"ForwardRef(" in source.contents:
        for call in source.of_type(ast.Call):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            if name in ("cast", "ForwardRef") and call.args:
                roots.append(call.args[0])
            if name == "TypeVar":
                roots += [*call.args[1:], *(keyword.value for keyword in call.keywords if keyword.arg == "bound")]
    found = []
    stack: list[ast.AST] = [root for root in roots if root is not None and not isinstance(root, ast.Name)]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                found.append(node)
        elif isinstance(node, ast.Subscript) and _is_literal(node.value):
            continue  # Literal["a.b"] is a value
        elif isinstance(node, ast.Subscript) and _last(node.value) == "Annotated" and isinstance(node.slice, ast.Tuple):
            stack.append(node.slice.elts[0])  # what follows is no type
        elif not isinstance(node, ast.Call | ast.JoinedStr):
            stack.extend(ast.iter_child_nodes(node))
    return found


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _is_literal(node: ast.expr) -> bool:
    return _last(node) == "Literal"


def scope_of(source: Source, node: ast.AST) -> Scope:
    """The scope in which an expression stands."""
    scopes = source.scopes
    child = node
    while (parent := source.parents.get(child)) is not None:
        if isinstance(parent, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            return scopes.of_node[parent]
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and child in parent.body:
            return scopes.of_node[parent]
        child = parent
    return scopes.module


def _resolve_around(scope: Scope, name: str) -> Scope | None:
    return scope.parent.resolve(name) if scope.parent is not None else None


def _chain(parents: dict[ast.AST, ast.AST], node: ast.Name, root: str) -> list[tuple[str, ast.expr]]:
    """The dotted names that begin at a Name: of `a.b.c`, [("a", …), ("a.b", …), ("a.b.c", …)]."""
    found: list[tuple[str, ast.expr]] = [(root, node)]
    current: ast.expr = node
    while isinstance(parent := parents.get(current), ast.Attribute) and parent.value is current:
        found.append((f"{found[-1][0]}.{parent.attr}", parent))
        current = parent
    return found


def _chains_of_text(
    text: str, roots: Iterable[str]
) -> Iterator[tuple[ast.Name, list[tuple[str, ast.expr]], int | None]]:
    """The chains in the text of an annotation that begin with one of some names.

    With each comes the place in `text` that its nodes' columns count from (in characters), None where nobody knows.
    """
    if not any(root in text for root in roots):
        return
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in roots:
            yield node, _chain(parents, node, node.id), 0
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # an annotation in an annotation
            first = len(text.encode()[: node.col_offset].decode()) + 1
            known = node.lineno == 1 and text[first : first + len(node.value)] == node.value
            for name, chain, offset in _chains_of_text(node.value, roots):
                yield name, chain, first + offset if known and offset is not None else None


def _span_in_text(
    source: Source, text: str, start: int, offset: int, spelled: ast.expr, old: str
) -> tuple[int, int] | None:
    """The bytes of a node of an annotation's text, which begins at `start`; None where they do not spell a name."""
    if spelled.lineno != 1 or spelled.end_lineno != 1 or spelled.end_col_offset is None:
        return None
    inner = text[offset:].encode()
    first = offset + len(inner[: spelled.col_offset].decode())
    last = offset + len(inner[: spelled.end_col_offset].decode())
    if unicodedata.normalize("NFKC", text[first:last]) != old:
        return None
    return start + len(source.encode(text[:first])), start + len(source.encode(text[:last]))


def parted_uses(analysis: Analysis, naming: Naming, source: Source) -> list[Mention]:
    """Uses `b.c` of a package that was imported as b, whose module c goes elsewhere: nobody can say what is meant."""
    packages: dict[str, list[tuple[Scope, Module]]] = {}
    for statement in analysis.imports[source.path]:
        for name in statement.names:
            named = isinstance(statement.node, ast.ImportFrom) or name.alias.asname is not None
            if named and name.is_module and name.module is not None and name.module.folders:
                bound = name.alias.asname or name.alias.name
                packages.setdefault(bound, []).append((statement.scope.binder(bound), name.module))
    if not packages:
        return []
    found = []
    for node, scope in source.scopes.names.items():
        for binder, module in packages.get(node.id, ()):
            if scope.resolve(node.id) is not binder or not isinstance(node.ctx, ast.Load):
                continue
            after = naming.of_module(module)
            for dotted, _ in _chain(source.parents, node, node.id)[1:]:
                leaf = dotted.rpartition(".")[2]
                below = analysis.modules.in_folders(leaf, module.folders) if module.folders else None
                if below is None or analysis.binds_something_else(module.file, leaf):
                    break
                name_below = naming.of_module(below)
                if after is None or name_below is None or name_below != f"{after}.{leaf}":
                    if name_after(naming, below) is not None or name_after(naming, module) is not None:
                        becomes = f", which becomes {name_below}" if name_below else ""
                        found.append(
                            Mention(
                                Place(source.path, node.lineno), dotted, "", Certainty.ASK,
                                f"names a module{becomes}, away from its package: import it by its own name",
                            )
                        )  # fmt: skip
                    break
                module, after = below, name_below
    return found
