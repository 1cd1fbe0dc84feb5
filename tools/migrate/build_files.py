"""BUILD files for the new places, by tools/buildgen: planned like everything else, so that they can be undone."""

import contextlib
import io
import posixpath
import tempfile
from pathlib import Path

from migrate.model import MAPPING_FILE
from migrate.planning import Plan

_WORKSPACE = ("MODULE.bazel", "WORKSPACE.bazel", "WORKSPACE")
_NAMES = ("BUILD.bazel", "BUILD")


def add_build_files(plan: Plan) -> bool:
    """Lets buildgen work on a picture of the migrated tree, and adds what it writes to the plan's operations.

    Returns whether it did: the tree must be a Bazel workspace, and tools/buildgen at hand. What buildgen complains of
    becomes notes.
    """
    if not plan.changes_anything or not any(plan.inventory.has_file(name) for name in _WORKSPACE):
        return False
    try:
        from buildgen.cli import main as buildgen
    except ImportError:
        return False
    with tempfile.TemporaryDirectory(prefix="migrate-") as folder:
        root = Path(folder) / plan.inventory.root.name
        before = _picture(plan, root)
        if not (root / MAPPING_FILE).exists():
            (root / MAPPING_FILE).write_text(plan.mapping.text, "utf-8")  # for the imports that allow_edges names
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            buildgen(["--root", str(root)])
        plan.notes += [f"buildgen: {line}" for line in said.getvalue().splitlines() if "error" in line.lower()]
        for path in sorted(root.rglob("BUILD*")):
            name = path.relative_to(root).as_posix()
            if path.name in _NAMES and path.is_file() and path.read_bytes() != before.get(name):
                if name in before:
                    plan.operations.writes[name] = path.read_bytes()
                else:
                    plan.operations.creates[name] = (path.read_bytes(), 0o644)
    return True


def _picture(plan: Plan, root: Path) -> dict[str, bytes]:
    """Writes the tree as it will be, and returns its BUILD files."""
    found: dict[str, bytes] = {}
    tree = {
        entry.new_path: plan.operations.writes.get(entry.new_path, plan.inventory.read(path))
        for path, entry in plan.files.items()
        if entry.new_path and path not in plan.inventory.links
    }
    tree |= {path: contents for path, (contents, _) in plan.operations.creates.items()}
    for path, contents in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(contents)
        if posixpath.basename(path) in _NAMES:
            found[path] = contents
    return found
