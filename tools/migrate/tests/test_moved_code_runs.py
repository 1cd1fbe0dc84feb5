"""Property: code whose modules import each other in any form gives the same before and after the move."""

# ruff: noqa: E501 – code before and after, each in one line

import ast
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.rewriting_imports import rewrite_imports
from migrate.testing.building import MAPPING, plan_of, result_of

PACKAGES = ("common", "config", "train", "track")
MODULES = [f"{package}.{name}" for name in ("a", "b", "été") for package in PACKAGES]

#: How a module may be imported and used: {n} its name, {p} its package, {m} its last part, {x} a name that nothing else has.
FORMS = (
    ("import {n}", "{n}.total()"),
    ("import {n}, os", "({n}).total()"),
    ("import os; import {n}", "(lambda: {n}.total())()"),
    ("import {n}", "int(f'{{{n}.total()}}')"),
    ("import {n}", "sum([{n} for _ in (1,)][0].total() for _ in (1,))"),
    ("import {n}", "next({n}.total() for {r} in (1,)) if 0 else {n}.total()"),
    ("import {n} as {x}", "{x}.total()"),
    ("from {p} import {m} as {x}", "{x}.total()"),
    ("from {p} import (  # why\n    {m} as {x},  # that\n)", "{x}.total()"),
    ("from {n} import total as {x}", "{x}()"),
    ("from {n} import \\\n    total as {x}, \\\n    v as {x}_v", "{x}() + 0 * {x}_v"),
    ("from {n} import(total as {x});{x}_one=1", "{x}() * {x}_one"),
    ("from {n} import *", "star_{s}()"),
    ("def {x}():\n\timport {n}\n\treturn {n}.total()", "{x}()"),
    ("def {x}():\n    from {p} import {m}\n    return {m}.total()", "{x}()"),
    ("def {x}(tracking=1, training=2, shared_libs=3):\n    import {n}\n    return {n}.total() * tracking", "{x}()"),
    ("try:\n    from {p}.fast import total as {x}\nexcept ImportError:\n    from {n} import total as {x}", "{x}()"),
    ("try:\n    import {n}_fast as {x}\nexcept ImportError:\n    import {n} as {x}", "{x}.total()"),
    ("if 1: from {n} import total as {x}", "{x}()"),
    ("from importlib import import_module as {x}", "{x}('{n}').total()"),
    ("import importlib", "importlib.import_module(name='{n}').total()"),
    ("import {n}; import sys", "sys.modules['{n}'].total()"),
    ("{x} = __import__('{n}', fromlist=['v'])", "{x}.total()"),
    ("import subprocess, sys, os", "int(subprocess.run([sys.executable, '-S', '-c', 'import {n}; print({n}.total())'],"
     " capture_output=True, check=True, env=os.environ).stdout)"),
    ("{x} = {{}}\nexec('from {n} import total', {x})", "{x}['total']()"),
    ("from typing import get_type_hints\nimport {n}\ndef {x}(y: '{n}.Kind'): ...", "get_type_hints({x})['y'].total()"),
    ("training = tracking = shared_libs = 7\nimport {n}", "{n}.total()"),
    ("def {x}():\n    shared_libs = tracking = 1\n    return {n}.total() * tracking\nimport {n}", "{x}()"),
    ("import {n}\n{x} = f\"\"\"{{{n}.v}}\n {{{n}.total():>{{{n}.v * 0 + 9}}}}\"\"\".split()[1]", "int({x})"),
    ("import {n}\nmatch {n}.v:\n    case {n}.v: {x} = {n}.total", "{x}()"),
    ("import {n}\n@lambda f: f\ndef {x}(y: {n}.Kind = {n}.Kind) -> {n}.Kind: return y.total()", "{x}()"),
    ("import {n}\n{n}.extra_{x} = 3", "{n}.extra_{x} + {n}.total()"),
)  # fmt: skip
#: What must keep its root is asked about where the root is no more: these take the short names only.
KEEPING = (
    ("import {n}\n{r} = {r}", "{n}.total()"),
    ("import {n}\ndel {r}\nimport {n}", "{n}.total()"),
    ("try:\n    import {n}\nexcept ImportError:\n    {r} = None", "({r} and {n}.total())"),
    ("[({r} := 1) for _ in ()]\nimport {n}", "{n}.total()"),
    ("import {r}\nimport {n}", "getattr({r}, '{m}').total()"),
    ("def {x}():\n    global {r}\n    import {n}\n    return {n}.total()", "{x}()"),
    ("class {x}:\n    import {n}\n    t = {n}.total()", "{x}.t"),
)  # fmt: skip
#: Where the importing and the imported module are in one package.
BESIDE = (
    ("from . import {m}", "{m}.total()"),
    ("from.{m} import total as {x}", "{x}()"),
    ("from  .  {m}  import  total  as  {x}", "{x}()"),
    ("from importlib import import_module\n{x} = import_module('.{m}', __package__)", "{x}.total()"),
)


@dataclass
class Module:
    """A module: its own value, and what it imports, each time with a form and a choice among its names."""

    value: int
    newline: str
    imports: list[tuple[str, tuple[str, str], bool]] = field(default_factory=list)
    tail: str = ""

    def code(self, name: str) -> str:
        lines, uses = [], [str(self.value)]
        for i, (target, (statement, use), long) in enumerate(self.imports):
            package, _, last = target.partition(".")
            full = f"src.{target}" if long else target
            names = {
                "n": full, "p": f"src.{package}" if long else package, "m": last, "x": f"x{i}", "r": full.split(".")[0],
                "s": target.replace(".", "_"),
            }  # fmt: skip
            lines.append(statement.format(**names))
            uses.append(use.format(**names))
        own = name.replace(".", "_")
        lines += [f"v = {self.value}", f"def total(): return {' + '.join(uses)}"]
        lines += [
            "class Kind:",
            "\ttotal = staticmethod(lambda: total())",
            f"star_{own} = total",
            f"__all__ = ['star_{own}']",
        ]
        return ("\n".join(lines) + self.tail).replace("\n", self.newline)


@st.composite
def repositories(draw: st.DrawFn) -> dict[str, Module]:
    """Modules by name; each imports some that stand before it. The last, train.main, imports several."""
    found: dict[str, Module] = {}
    names = draw(st.lists(st.sampled_from(MODULES), min_size=2, max_size=6, unique=True))
    for name in [*names, "train.main"]:
        module = Module(
            draw(st.integers(1, 1000)),
            draw(st.sampled_from(["\n", "\r\n"])),
            tail=draw(st.sampled_from(["\n", "", "  # Ende: ä\n"])),
        )
        most = 6 if name == "train.main" else 2
        for target in (
            draw(st.lists(st.sampled_from(sorted(found)), max_size=most, min_size=most // 3)) if found else []
        ):
            beside = BESIDE if target.split(".")[0] == name.split(".")[0] else ()
            form = draw(st.sampled_from(FORMS + KEEPING + beside))
            module.imports.append((target, form, form not in KEEPING and draw(st.booleans())))
        found[name] = module
    return found


#: Imports each module in a process of its own, with its roots on sys.path, and prints what it gives.
RUN = """
import json, os, sys
for roots, module in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        os.environ["PYTHONPATH"] = os.pathsep.join(roots)
        sys.path[:0] = roots
        import importlib
        try:
            print(importlib.import_module(module).total(), flush=True)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def run(folder: str, *programs: tuple[list[str], str]) -> list[str]:
    command = [sys.executable, "-B", "-S", "-c", RUN, json.dumps(programs)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    return done.stdout.splitlines()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(repositories())
def test_the_moved_code_gives_the_same(repository: dict[str, Module]) -> None:
    files: dict[str, str | bytes] = {f"src/{package}/__init__.py": "" for package in PACKAGES if package != "track"}
    files |= {f"src/{name.replace('.', '/')}.py": module.code(name) for name, module in repository.items()}
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before"), Path(folder, "after")
        plan = plan_of(before, files, MAPPING)
        assert not [m for m in plan.mentions if str(m.certainty) == "ask" and "left as it is" in m.why], plan.mentions
        moved = result_of(plan)
        again = plan_of(after, dict(moved))
        roots = [str(after / root) for root in plan.renames.roots]
        was, now = run(folder, ([str(before), str(before / "src")], "src.train.main"), (roots, "training.main"))
        assert was.isdigit(), was
        assert now == was, {path: contents.decode() for path, contents in moved.items() if contents}
        assert not again.operations.moves
        assert again.operations.writes == {}
        for path in files:
            for edit in rewrite_imports(plan.analysis, plan.naming, path).edits:
                assert is_about_an_import(plan.inventory.read(path), edit.start, edit.end), (path, edit)


def is_about_an_import(contents: bytes, start: int, end: int) -> bool:
    """Whether a span lies in an import statement (or behind one), or spells a dotted name that one binds."""
    lines = contents.decode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    for node in ast.walk(ast.parse(contents)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert node.end_lineno is not None and node.end_col_offset is not None
            first, last = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
            if first <= start <= end <= last or start == end == starts[node.end_lineno]:
                return True
    text = contents[start:end].decode().replace(" ", "")
    return all(part.isidentifier() for part in text.split(".")) and text.split(".")[0] in ("src", *PACKAGES)
