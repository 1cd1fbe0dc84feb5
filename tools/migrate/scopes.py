"""Which scope binds a name: enough of Python's rules to follow `import a.b` to each `a.b.c` that it means."""

import ast
from dataclasses import dataclass, field

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_MAKES_SCOPE = frozenset(
    {
        ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef,
        ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
    }
)  # fmt: skip
_BINDS = frozenset({ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping})


@dataclass(eq=False)
class Scope:
    """A module, class, function or comprehension.

    Attributes:
        bound: the names that it binds itself, with the nodes that do so.
    """

    node: ast.AST
    parent: "Scope | None"
    bound: dict[str, list[ast.AST]] = field(default_factory=dict)
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)

    def binder(self, name: str) -> "Scope":
        """The scope that a statement which stands here binds a name in: another one after `global` and `nonlocal`."""
        if name in self.global_names:
            return self.module
        if name in self.nonlocal_names and self.parent is not None:
            return self.parent.resolve(name) or self
        return self

    @property
    def module(self) -> "Scope":
        """The file's outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def is_within(self, other: "Scope") -> bool:
        """Whether this is a scope, or stands in it."""
        scope: Scope | None = self
        while scope is not None and scope is not other:
            scope = scope.parent
        return scope is other

    def resolve(self, name: str) -> "Scope | None":
        """The scope whose binding a name means when it is read here; None for a builtin or unknown name."""
        scope: Scope | None = self
        while scope is not None:
            # A class's names are seen in its own body only, not in its methods.
            hidden = scope is not self and isinstance(scope.node, ast.ClassDef)
            if name in scope.global_names:
                return scope.module if name in scope.module.bound else None
            if name in scope.bound and name not in scope.nonlocal_names and not hidden:
                return scope
            scope = scope.parent
        return None


@dataclass
class Scopes:
    """The scopes of a file.

    Attributes:
        names: every Name node's scope.
        imports: every import statement's.
        of_node: the scope that a function, class or comprehension makes.
    """

    module: Scope
    names: dict[ast.Name, Scope] = field(default_factory=dict)
    imports: dict[ast.Import | ast.ImportFrom, Scope] = field(default_factory=dict)
    of_node: dict[ast.AST, Scope] = field(default_factory=dict)

    def new(self, node: ast.AST, parent: Scope) -> Scope:
        """A scope within another."""
        self.of_node[node] = Scope(node, parent)
        return self.of_node[node]


def scopes_of(tree: ast.Module) -> Scopes:
    """Finds the scopes of a file and what each binds."""
    scopes = Scopes(Scope(tree, None))
    scopes.of_node[tree] = scopes.module
    _visit_all(tree.body, scopes.module, scopes)
    return scopes


def _bind(scope: Scope, name: str, node: ast.AST) -> None:
    if name in scope.global_names:
        scope = scope.module
    scope.bound.setdefault(name, []).append(node)


def _visit_all(nodes: list[ast.stmt] | list[ast.expr], scope: Scope, scopes: Scopes) -> None:
    # `global x` counts for the whole function, wherever it stands.
    for node in nodes:
        _declarations(node, scope)
    for node in nodes:
        _visit(node, scope, scopes)


def _declarations(node: ast.AST, scope: Scope) -> None:
    stack = [node]  # no recursion: an `elif` is an `if` in an `else`, and there may be a thousand
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global):
            scope.global_names.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocal_names.update(node.names)
        elif not isinstance(node, _Function | ast.ClassDef | ast.expr):
            stack += [
                child
                for child in ast.iter_child_nodes(node)
                if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
            ]


def _visit(node: ast.AST, scope: Scope, scopes: Scopes) -> None:
    stack = [node]  # recursion for scopes only: `a + b + …` is as deep as it is long
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is ast.Name:
            _note_name(node, scope, scopes)  # type: ignore[arg-type]
            continue
        if kind in _MAKES_SCOPE:
            _visit_scope(node, scope, scopes)
            continue
        if kind in _BINDS:
            _note_binding(node, scope, scopes)
        children: list[ast.AST] = []
        for name in node._fields:
            if name not in ("ctx", "op"):
                value = getattr(node, name, None)
                if isinstance(value, list):
                    children += [child for child in value if isinstance(child, ast.AST)]
                elif isinstance(value, ast.AST):
                    children.append(value)
        if kind is ast.NamedExpr:  # binds in the function around a comprehension
            holder = scope
            while isinstance(holder.node, _Comprehension) and holder.parent is not None:
                holder = holder.parent
            _note_name(children.pop(0), holder, scopes)  # type: ignore[arg-type]
        children.reverse()
        stack += children


def _note_name(node: ast.Name, scope: Scope, scopes: Scopes) -> None:
    scopes.names[node] = scope
    if not isinstance(node.ctx, ast.Load):
        _bind(scope, node.id, node)


def _note_binding(node: ast.AST, scope: Scope, scopes: Scopes) -> None:
    """Notes what a node that makes no scope binds, besides by a Name."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        scopes.imports[node] = scope
        for alias in node.names:
            name = alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.split(".")[0])
            _bind(scope, name, alias)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name is not None:
            _bind(scope, node.name, node)
    elif isinstance(node, ast.MatchMapping) and node.rest is not None:
        _bind(scope, node.rest, node)


def _visit_scope(node: ast.AST, scope: Scope, scopes: Scopes) -> None:
    """Makes the scope of a function, class or comprehension; what stands outside of it is `scope`'s."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        _bind(scope, node.name, node)
        outside = [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        annotated = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        outside += [argument.annotation for argument in annotated if argument and argument.annotation]
        if node.returns:
            outside.append(node.returns)
        for expression in outside:
            _visit(expression, scope, scopes)
        inner = scopes.new(node, scope)
        _parameters(node.args, inner)
        _visit_all(node.body, inner, scopes)
    elif isinstance(node, ast.Lambda):
        for expression in [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]:
            _visit(expression, scope, scopes)
        inner = scopes.new(node, scope)
        _parameters(node.args, inner)
        _visit(node.body, inner, scopes)
    elif isinstance(node, ast.ClassDef):
        _bind(scope, node.name, node)
        for expression in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            _visit(expression, scope, scopes)
        _visit_all(node.body, scopes.new(node, scope), scopes)
    elif isinstance(node, _Comprehension):
        _visit(node.generators[0].iter, scope, scopes)
        inner = scopes.new(node, scope)
        for i, generator in enumerate(node.generators):
            _visit(generator.target, inner, scopes)
            if i:
                _visit(generator.iter, inner, scopes)
            for condition in generator.ifs:
                _visit(condition, inner, scopes)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for expression in results:
            _visit(expression, inner, scopes)


def _parameters(arguments: ast.arguments, scope: Scope) -> None:
    for argument in [
        *arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg,
    ]:  # fmt: skip
        if argument is not None:
            _bind(scope, argument.arg, argument)
