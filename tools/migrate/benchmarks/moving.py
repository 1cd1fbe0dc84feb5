"""One module of a repository is moved by three tools: ours, rope's MoveModule and LibCST's RenameCommand.

Each works on a fresh copy. What is measured is the time from the start of the work to the last file written, without
starting Python; what is counted is where the old name is still left: in import statements and in `patch("…")` strings.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migrate.config import parse_mapping
from migrate.executing import InPlace, execute
from migrate.planning import make_plan
from migrate.repository import find_repository

_TARGET = "shared_libs/moved"


@dataclass(frozen=True)
class Result:
    """What one tool did.

    Attributes:
        seconds: of the fastest round.
        imports: import statements that still name the old module.
        patches: strings in `patch(…)` that still do.
        error: why it could not, "" where it could.
    """

    tool: str
    seconds: float
    imports: int
    patches: int
    error: str = ""


@dataclass(frozen=True)
class Module:
    """The module to move: its file, and all its old dotted names."""

    path: str
    names: tuple[str, ...]


def find_module(repository: Path, path: str) -> Module:
    """A module by its file, with the names that its repository knows it by."""
    plan = make_plan(repository, parse_mapping(_mapping(path), "the benchmark's mapping"))
    return Module(path, plan.analysis.modules.names[path])


def _mapping(path: str) -> str:
    return (
        f'leave = ["**"]\n[[component]]\nname = "moved"\nkind = "shared"\ntarget = "{_TARGET}"\nsources = ["{path}"]\n'
    )


def by_migrate(root: Path, module: Module) -> None:
    """Ours: plan and apply, with the journal that rollback needs."""
    plan = make_plan(root, parse_mapping(_mapping(module.path), "the benchmark's mapping"))
    if plan.decisions:
        raise RuntimeError(plan.decisions[0].what)
    execute(find_repository(root, use_git=False), plan.operations, plan.record(), InPlace())


def by_rope(root: Path, module: Module) -> None:
    """rope: MoveModule to a package."""
    from rope.base.project import Project
    from rope.refactor.move import create_move

    (root / _TARGET).mkdir(parents=True)
    (root / _TARGET / "__init__.py").touch()
    (root / "shared_libs/__init__.py").touch()
    sources = [folder for folder in ("src",) if (root / folder).is_dir()]
    project = Project(str(root), ropefolder=None, source_folders=sources)
    try:
        changes = create_move(project, project.get_resource(module.path)).get_changes(project.get_resource(_TARGET))
        project.do(changes)
    finally:
        project.close()


def by_libcst(root: Path, module: Module) -> None:
    """LibCST: RenameCommand on every file, once per old name; the file itself is moved by hand."""
    from libcst.codemod import CodemodContext, TransformSuccess, transform_module
    from libcst.codemod.commands.rename import RenameCommand

    leaf = Path(module.path).name
    (root / _TARGET).mkdir(parents=True)
    shutil.move(root / module.path, root / _TARGET / leaf)
    new = f"{_TARGET.replace('/', '.')}.{leaf.removesuffix('.py')}"
    for path in sorted(root.rglob("*.py")):
        try:
            text = before = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for name in module.names:
            done = transform_module(RenameCommand(CodemodContext(), old_name=name, new_name=new), text)
            if isinstance(done, TransformSuccess):
                text = done.code
        if text != before:
            path.write_text(text, "utf-8")


TOOLS: dict[str, Callable[[Path, Module], None]] = {"migrate": by_migrate, "rope": by_rope, "LibCST": by_libcst}


def measure(tool: str, repository: Path, module: Module, rounds: int, work: Path) -> Result:
    """Lets one tool move the module, on a fresh copy each round."""
    fastest = float("inf")
    root = work / tool
    for _ in range(rounds):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(repository, root, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        started = time.perf_counter()
        try:
            TOOLS[tool](root, module)
        except Exception as error:  # a peer's own errors are a result
            return Result(tool, time.perf_counter() - started, 0, 0, f"{type(error).__name__}: {error}")
        fastest = min(fastest, time.perf_counter() - started)
    imports, patches = left(root, module)
    return Result(tool, fastest, imports, patches)


def left(root: Path, module: Module) -> tuple[int, int]:
    """How many import statements, and how many strings in `patch(…)`, still name the module's old names."""
    names = "|".join(re.escape(name) for name in module.names)
    imports = re.compile(rf"^[ \t]*(?:from[ \t]+(?:{names})[ \t]+import|import[ \t]+(?:{names})\b)", re.MULTILINE)
    patches = re.compile(rf"""patch\(\s*["'](?:{names})[."']""")
    counts = [0, 0]
    for path in root.rglob("*.py"):
        text = path.read_text("utf-8", "replace")
        counts[0] += len(imports.findall(text))
        counts[1] += len(patches.findall(text))
    return counts[0], counts[1]


def commit_of(repository: Path) -> str:
    """The commit that is measured, "" without git."""
    found = subprocess.run(
        ["git", "-C", repository, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
