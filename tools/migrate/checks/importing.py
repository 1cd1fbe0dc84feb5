"""Imports modules, each in a process of its own."""

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from migrate.checks.nursery import IMPORTER_NAME, Nursery
from migrate.checks.running import Runner

_PROGRAM = Path(__file__).with_name("importer.py")


@dataclass(frozen=True)
class Imported:
    """What importing a module gave. kind, message: of the error. missing: what a ModuleNotFoundError asks for.
    loaded: the tree's own files that were loaded for it."""

    name: str
    ok: bool
    kind: str = ""
    message: str = ""
    missing: str = ""
    loaded: tuple[str, ...] = ()

    @property
    def error(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True)
class Request:
    """A module to import. names: what it may be called; the first that can be imported counts."""

    names: tuple[str, ...]
    roots: tuple[str, ...]
    python: Path | None = None


def import_all(
    runner: Runner,
    tree: Path,
    requests: Sequence[Request],
    timeout: float,
    jobs: int,
    done: Callable[[], None],
    nursery: Nursery | None = None,
) -> list[Imported]:
    """The result for each request, in their order. `done` is called after each."""
    program = runner.support / f"{IMPORTER_NAME}.py"
    if not program.exists():
        shutil.copyfile(_PROGRAM, program)

    def one(request: Request) -> Imported:
        results = []
        for name in request.names:
            results.append(_import(runner, program, tree, name, request, timeout, nursery))
            if results[-1].ok:
                break
        done()
        # Of several names that fail, one that is there tells more than one that is not.
        return next((each for each in reversed(results) if each.ok or not _is_unknown(each)), results[0])

    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        return list(pool.map(one, requests))


def _is_unknown(result: Imported) -> bool:
    """Whether the module itself is what was not found, or a package above it."""
    return result.kind == "ModuleNotFoundError" and f"{result.name}.".startswith(f"{result.missing}.")


def _import(
    runner: Runner, program: Path, tree: Path, name: str, request: Request, timeout: float, nursery: Nursery | None
) -> Imported:
    roots = [tree / root if root else tree for root in request.roots]
    environment = runner.environment(roots)
    out = Path(environment["HOME"]) / "imported.json"
    if nursery is not None and request.python is None:
        if nursery.imports(tree, name, roots, environment, out, timeout):
            data = json.loads(out.read_text(encoding="utf-8"))
            if data["ok"]:
                shutil.rmtree(environment["HOME"], ignore_errors=True)
                return Imported(name, True, loaded=tuple(data["loaded"]))
        shutil.rmtree(environment["HOME"], ignore_errors=True)
        return _import(runner, program, tree, name, request, timeout, None)
    finished = runner.run([str(program), name, str(out), str(tree)], tree, environment, timeout, request.python)
    try:
        data = json.loads(out.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = {"ok": False, "kind": "no result", "message": finished.last_line}
    shutil.rmtree(environment["HOME"], ignore_errors=True)
    if finished.timed_out:
        return Imported(name, False, "timed out", f"after {timeout:.0f} s")
    message = str(data.get("message", "")).replace(str(tree), "<root>")
    return Imported(
        name, data["ok"], data.get("kind", ""), message, data.get("missing") or "", tuple(data.get("loaded", ()))
    )
