"""Which scope binds a name: compared with Python's own symbol tables."""

import argparse
import ast
import collections
import dataclasses
import enum
import inspect
import symtable
import textwrap
import types
import typing
import unittest.mock
from collections import defaultdict

import pytest

from migrate.scopes import Scope, scopes_of

_COMPREHENSIONS = {
    ast.ListComp: "listcomp",
    ast.SetComp: "setcomp",
    ast.DictComp: "dictcomp",
    ast.GeneratorExp: "genexpr",
}
Locals = dict[tuple[str, int], list[list[str]]]


def ours(code: str) -> Locals:
    found: Locals = defaultdict(list)
    for node, scope in scopes_of(ast.parse(code)).of_node.items():
        if isinstance(node, ast.Module):
            continue
        name = "lambda" if isinstance(node, ast.Lambda) else _COMPREHENSIONS.get(type(node)) or node.name  # type: ignore[attr-defined]
        names = set(scope.bound) - scope.global_names - scope.nonlocal_names
        found[name, node.lineno].append(sorted(n for n in names if not n.startswith("__")))  # type: ignore[attr-defined]
    return {key: sorted(value) for key, value in found.items()}


def pythons(code: str) -> Locals:
    found: Locals = defaultdict(list)
    tables = [symtable.symtable(code, "code", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        if table.get_type() != "module":
            names = [
                s.get_name() for s in table.get_symbols() if s.is_local() and not s.get_name().startswith(("__", "."))
            ]
            mangled = f"_{table.get_name().lstrip('_')}__"
            found[table.get_name(), table.get_lineno()].append(
                sorted(n for n in names if mangled not in n and "__" not in n[1:])
            )
    return {key: sorted(value) for key, value in found.items()}


MODULES = [argparse, ast, collections, dataclasses, enum, inspect, textwrap, types, typing, unittest.mock]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_scopes_bind_what_pythons_own_do(module: types.ModuleType) -> None:
    code = inspect.getsource(module)
    mine = {key: [[n for n in names if "__" not in n[1:]] for names in value] for key, value in ours(code).items()}
    assert {key: sorted(value) for key, value in mine.items()} == pythons(code)


TRICKY = """
import a.b, c as d
from e import f, g as h
def one(p, /, q=a, *r, s=d, **t) -> h:
    global u, v
    import u.x
    w = [x for x in y for z in x if (k := z)]
    def two():
        nonlocal w
        w, (aa, *bb) = 1, (2,)
        del cc
        for dd, ee.ff in gg: pass
        with hh as ii, jj as (kk, ll): pass
        try: pass
        except E as mm: pass
        nn += 1
        oo: int
        pp: int = 1
        match qq:
            case {"a": rr, **ss}: pass
            case [tt, *uu] | Cls(vv, ww=xx) as yy: pass
            case Zz.zz: pass
        return lambda ab, *cd: (ab, cd, ef)
    class Three(w, m=q):
        def four(self): return Three
        gh = [gh for _ in self]
    async def five():
        async for ij in kl: yield ij
        async with mn as op: return
        return {qr: st async for qr, st in w}
    return lambda: (yield)
"""


def test_every_way_to_bind_a_name_is_known() -> None:
    assert ours(TRICKY) == pythons(TRICKY)


def scope_named(code: str, name: str) -> tuple[Scope, Scope]:
    """The module's scope, and that of the function or class of a name."""
    scopes = scopes_of(ast.parse(code))
    return scopes.module, next(s for node, s in scopes.of_node.items() if getattr(node, "name", "") == name)


def test_names_resolve_outwards_and_past_classes() -> None:
    code = "a = 1\nclass K:\n    a = 2\n    def f(self):\n        return a\n    x = [a for _ in ()]\n"
    module, method = scope_named(code, "f")
    klass = method.parent
    assert method.resolve("a") is module
    assert klass is not None and klass.resolve("a") is klass
    assert method.resolve("nothing") is None
    assert method.is_within(module) and not module.is_within(method)
    names = scopes_of(ast.parse(code)).names
    [(_, inside)] = [(n, s) for n, s in names.items() if n.id == "a" and isinstance(s.node, ast.ListComp)]
    assert inside.resolve("a") is not None and isinstance(inside.resolve("a").node, ast.Module)  # type: ignore[union-attr]


def test_global_and_nonlocal_say_where_a_statement_binds() -> None:
    code = (
        "def f():\n    b = 1\n    def g():\n        global a\n        nonlocal b\n        import a.x\n        b = 2\n"
    )
    module, g = scope_named(code, "g")
    f = g.parent
    assert f is not None
    assert (g.binder("a"), g.binder("b"), g.binder("c")) == (module, f, g)
    assert g.resolve("a") is module and g.resolve("b") is f
