"""What a plan gets besides moves and rewritten files: requirements, pytest.ini, Dockerfiles and the like."""

import posixpath
import re
import sys
import tomllib

from migrate.distributions import Installed
from migrate.dockerfile import python_version
from migrate.generating import Layout, generated_files
from migrate.model import MAPPING_FILE, Fate, Kind
from migrate.needs import foreign_names, needs, reached_files
from migrate.planning import Plan
from migrate.pytest_ini import CONFIG_FILES

_REQUIREMENTS = re.compile(r"(?:^|/)(?:[\w.-]*requirements[\w.-]*\.(?:txt|in)|requirements/[^/]+\.(?:txt|in))\Z")
_PACKAGING = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile")


def complete(plan: Plan, installed: Installed | None = None) -> None:
    """Adds the files that `apply` writes anew. Nothing that exists is replaced; what was there already is noted.

    Args:
        plan: the plan, which gets operations and notes.
        installed: what an interpreter with the repository's requirements says of its wheels.
    """
    if not any(component.kind is Kind.SERVICE for component in plan.mapping.components) or not plan.operations.moves:
        return
    taken = {entry.new_path for entry in plan.files.values() if entry.new_path} | set(plan.operations.creates)
    moves = {path: entry.new_path for path, entry in plan.files.items() if entry.new_path}
    moves |= {copy: copy for copies in plan.placement.copies.values() for copy in copies}
    generated = generated_files(
        plan.mapping,
        _third_party(plan),
        {path: plan.inventory.read(path) for path in plan.inventory.files if _is_requirements(path)},
        _edges(plan),
        lambda path: path in taken,
        _python_version(plan),
        Layout(moves, _settings(plan), _scripts(plan), plan.inventory.root.name),
        installed,
        _needed(plan),
    )
    plan.operations.creates.update(generated.files)
    if MAPPING_FILE not in taken:
        # A mapping from elsewhere: buildgen reads there which imports between services are allowed.
        plan.operations.creates[MAPPING_FILE] = (plan.mapping.text.encode(), 0o644)
    for path, contents in generated.edits.items():
        if contents != plan.operations.writes.get(
            path, plan.inventory.read(path) if plan.inventory.has_file(path) else b""
        ):
            plan.operations.writes[path] = contents
    plan.notes += generated.notes


def _is_requirements(path: str) -> bool:
    return _REQUIREMENTS.search(path) is not None or posixpath.basename(path) in _PACKAGING


def _component_and_tests(plan: Plan, path: str) -> str:
    """What a file's needs count for: `name`, or `name:tests`; "" for a file that belongs to no component."""
    entry = plan.files[path]
    if not entry.component:
        return ""
    return f"{entry.component}:tests" if entry.is_test or plan.naming.is_test_file(path) else entry.component


def _third_party(plan: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    homes = {component.tests_home: component.name for component in plan.mapping.components}
    for path, names in plan.analysis.third_party.items():
        names = foreign_names(names)
        owners = {_component_and_tests(plan, path)} - {""}
        for copy in plan.placement.copies.get(path, ()):
            owners |= {f"{name}:tests" for home, name in homes.items() if copy.startswith(f"{home}/")}
        for owner in owners:
            found.setdefault(owner, set()).update(names)
    return found


def _needed(plan: Plan) -> dict[str, dict[str, set[str]]]:
    """As `needs`, and what the copies that a service's tests get need besides."""
    found = needs(
        lambda path: _component_and_tests(plan, path),
        plan.files,
        plan.analysis.imported_files,
        plan.analysis.third_party,
    )
    homes = {component.tests_home: f"{component.name}:tests" for component in plan.mapping.components}
    copied: dict[str, list[str]] = {}
    for path, copies in plan.placement.copies.items():
        for home, owner in homes.items():
            if any(copy.startswith(f"{home}/") for copy in copies):
                copied.setdefault(owner, []).append(path)
    for owner, own in copied.items():
        for path in reached_files(own, plan.analysis.imported_files, plan.files.__contains__):
            names = foreign_names(plan.analysis.third_party.get(path, ()))
            whose = owner if path in own else _component_and_tests(plan, path) or "the root"
            found.setdefault(owner, {}).setdefault(whose, set()).update(names)
    return found


def _edges(plan: Plan) -> set[tuple[str, str]]:
    """(from, to) with `:tests` where only tests need it."""
    return {(f"{edge.start}:tests" if edge.tests_only else edge.start, edge.end) for edge in plan.edges}


def _settings(plan: Plan) -> dict[str, bytes]:
    """pytest's configuration files, as they will be, by their old paths."""
    found = {}
    for path, entry in plan.files.items():
        if (
            posixpath.basename(path) in CONFIG_FILES
            and entry.fate is not Fate.DROPPED
            and path not in plan.inventory.links
        ):
            found[path] = plan.operations.writes.get(entry.new_path, plan.inventory.read(path))
    return found


def _pyproject(plan: Plan) -> dict[str, object]:
    if not plan.inventory.has_file("pyproject.toml"):
        return {}
    text = plan.operations.writes.get("pyproject.toml", plan.inventory.read("pyproject.toml"))
    try:
        return tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _scripts(plan: Plan) -> dict[str, str]:
    """The entry points of the packaging, with their modules' new names."""
    project = _pyproject(plan).get("project", {})
    scripts = project.get("scripts", {}) if isinstance(project, dict) else {}
    found = {}
    for name, target in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(target, str):
            module, colon, rest = target.partition(":")
            found[str(name)] = plan.renames.modules.get(module, module) + colon + rest
    return found


def _python_version(plan: Plan) -> str:
    """The Python that the repository says it runs on, else the one that runs this."""
    names = (".python-version", "runtime.txt", "pipfile", "pyproject.toml", "setup.cfg", "setup.py")
    files = {
        path: plan.inventory.read(path)
        for path in plan.inventory.files
        if path.lower() in names or "dockerfile" in posixpath.basename(path).lower()
    }
    return python_version(files, f"{sys.version_info.major}.{sys.version_info.minor}")
