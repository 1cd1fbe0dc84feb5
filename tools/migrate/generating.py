"""The files that `apply` writes anew: requirements, test configuration, Dockerfiles, virtual environments, VS Code."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrate.distributions import Installed
from migrate.dockerfile import dockerfile
from migrate.model import MAKE_VENVS, Component, Kind
from migrate.model import Mapping as MigrationMapping
from migrate.placing import is_test_name
from migrate.pytest_ini import import_mode, pytest_ini, relative, settings_for, with_options
from migrate.requirement_files import read_requirement_files
from migrate.requirements_in import TESTS, UNCLAIMED, reachable, requirement_texts, unclaimed_text
from migrate.workspace_file import service_settings, workspace_file

_FILE, _PROGRAM = 0o644, 0o755
_SERVICES_LINE = 'SERVICES: "dict[str, list[str]]" = {}\n'


@dataclass
class Generated:
    """What generating gives.

    files: new path -> contents and mode. None of them exists.
    edits: new path -> new contents of a file that exists and has to change: the root's pytest.ini.
    notes: what the user should know, one line each: files that were there already, guesses, names that clash.
    """

    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    edits: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The repository as it will be.

    moves: every file that stays in the repository, old path -> new path (the same where it stays).
    settings: contents, as they will be, of the files that may hold pytest's configuration, by OLD path
        (pytest_ini.CONFIG_FILES in any folder).
    scripts: entry points of the old packaging with new module names: command -> "module:function".
    name: what the repository is called.
    """

    moves: Mapping[str, str]
    settings: Mapping[str, bytes] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    name: str = "workspace"


def generated_files(
    mapping: MigrationMapping,
    third_party: Mapping[str, set[str]],
    old_requirements: Mapping[str, bytes],
    edges: set[tuple[str, str]],
    existing: Callable[[str], bool],
    python: str,
    layout: Layout,
    installed: Installed | None = None,
    needed: Mapping[str, Mapping[str, set[str]]] | None = None,
) -> Generated:
    """Everything that is written anew for the services. Pure: nothing is read but its arguments.

    mapping: the components.
    third_party: per component's name, and "<name>:tests", the import names of other people's distributions, dotted as
        far as they are known (`google.cloud.storage`).
    old_requirements: path -> contents of the old requirement files.
    edges: (from, to): which component imports which; "<name>:tests" may be a `from`.
    existing: whether something will stand at a new path; that is never overwritten.
    python: `3.11`: what the Dockerfiles begin with.
    installed: what an interpreter with the old requirements says of its wheels; None for none.
    needed: what `needs.needs` gives, so that a service requires what the files that it reaches import; where it is
        None, it requires all that the components import that it depends on.
    """
    known = installed or Installed()
    old = read_requirement_files(old_requirements)
    services = [component for component in mapping.components if component.kind is Kind.SERVICE]
    files = set(layout.moves.values())
    result = Generated()
    result.notes += old.problems

    def put(path: str, contents: bytes | str, mode: int = _FILE) -> None:
        if existing(path) or path in files:
            result.notes.append(f"{path}: is there already and stays as it is")
        else:
            result.files[path] = (contents.encode() if isinstance(contents, str) else contents, mode)

    used: set[str] = set()
    venvs: dict[str, list[str]] = {}
    for service in services:
        roots = import_roots(service, mapping, edges)
        tests = sorted(path for path in files if path.startswith(f"{service.tests_home}/") and path.endswith(".py"))
        texts = requirement_texts(service, third_party, edges, old, known, bool(tests), needed)
        used |= texts.distributions | texts.test_distributions
        put(f"{service.target}/requirements.in", texts.run_time)
        if texts.test:
            put(f"{service.target}/requirements-test.in", texts.test)
        contents, notes = _service_pytest_ini(service, roots, tests, files, layout)
        put(f"{service.target}/pytest.ini", contents)
        result.notes += [f"{service.target}: {note}" for note in notes]
        put(
            f"{service.target}/Dockerfile",
            dockerfile(
                service.name,
                service.target,
                python,
                _copied(service, mapping, edges),
                roots,
                texts.run_time,
                texts.distributions,
                command_of(service, files, layout.scripts),
            ),
        )
        to_root = relative("", service.target)
        seen = [relative(root, service.target) for root in roots]
        put(f"{service.target}/.vscode/settings.json", service_settings(to_root, seen, service.target))
        venvs[service.target] = [root or "." for root in roots]
    for component in mapping.components:
        above = component.target.rpartition("/")[0] if component.kind is Kind.SHARED else ""
        # Without it, any installed package of the same name would go before this folder, wherever it is on sys.path.
        if above and not existing(f"{above}/__init__.py") and f"{above}/__init__.py" not in files:
            result.files[f"{above}/__init__.py"] = (b"", _FILE)
    missing = unclaimed_text(third_party, old, known, frozenset(used))
    if missing:
        put(UNCLAIMED, missing)
    if services:
        put(MAKE_VENVS, _make_venvs(venvs), _PROGRAM)
        folders = [service.target for service in services]
        put(f"{layout.name}.code-workspace", workspace_file(layout.name, folders + _shared_folders(mapping)))
        _root_pytest_ini(mapping, services, files, layout, result, put)
    return result


def import_roots(service: Component, mapping: MigrationMapping, edges: set[tuple[str, str]]) -> list[str]:
    """A service's import roots, its own src first: what it reaches of other services is there by `allow_edges`."""
    roots = [service.import_root]
    for name in _all_reachable(service, edges):
        roots.append(mapping.component(name).import_root)
    return list(dict.fromkeys([*(root for root in roots if root), ""]))


def _all_reachable(service: Component, edges: set[tuple[str, str]]) -> list[str]:
    """The components that a service or its tests depend on."""
    direct = set(reachable(service.name, edges)) | set(reachable(service.name + TESTS, edges))
    return sorted(direct - {service.name})


def _copied(service: Component, mapping: MigrationMapping, edges: set[tuple[str, str]]) -> list[str]:
    """The folders that a service's image needs: its src, and what it depends on."""
    found = [service.import_root]
    for name in reachable(service.name, {edge for edge in edges if not edge[0].endswith(TESTS)}):
        component = mapping.component(name)
        found.append(component.import_root if component.kind is Kind.SERVICE else component.target)
    return list(dict.fromkeys(found))


def _shared_folders(mapping: MigrationMapping) -> list[str]:
    """The folders above the shared libraries: `shared_libs` once, not each library."""
    tops = [each.target.partition("/")[0] for each in mapping.components if each.kind is Kind.SHARED]
    return list(dict.fromkeys(tops))


def _service_pytest_ini(
    service: Component, roots: Sequence[str], tests: Collection[str], files: Collection[str], layout: Layout
) -> tuple[bytes, tuple[str, ...]]:
    old_tests = [old for old, new in layout.moves.items() if new in set(tests)]
    settings = settings_for(_common_folder(old_tests), layout.settings)
    source = f"{service.import_root}/"
    packages = {path[len(source) :].partition("/")[0].removesuffix(".py") for path in files if path.startswith(source)}
    mode = import_mode(tests, lambda path: path in files, settings, packages)
    options = {"--import-mode": mode.option} if mode.option else {}
    intro = [f"Run it from the repository's root: pytest {service.target}"]
    if "conftest.py" in files:
        # pytest reads no conftest.py above the folder of its configuration unless it is told to.
        options["--confcutdir"] = "."
        intro.append("(--confcutdir=. makes the root's conftest.py count there.)")
    places = [relative(root, service.target) for root in roots]
    places[1:1] = [relative(root, service.target) for root in _roots_of_tests(service, files)]
    # Where all tests are inside of the package, they are looked for there.
    inside = not tests and any(path.startswith(source) and is_test_name(path) for path in files)
    ini = pytest_ini(intro, settings, places, ["src" if inside else "tests"], options)
    return ini, mode.remarks


def _roots_of_tests(service: Component, files: Collection[str]) -> list[str]:
    """The import roots that a service's tests need for `from tests.helpers import …`, before those of other tests.

    pytest puts them on sys.path itself only for a test whose folders up to there are packages all.
    """
    home = service.tests_home
    if f"{home}/__init__.py" in files:
        return [service.target]
    packages = ("test", "testing", "unit_tests", "integration_tests", "tests_e2e")
    return [home] if any(f"{home}/{name}/__init__.py" in files for name in packages) else []


def _common_folder(paths: Iterable[str]) -> str:
    parts = [path.split("/")[:-1] for path in paths]
    common: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return "/".join(common)


def _root_pytest_ini(
    mapping: MigrationMapping,
    services: Sequence[Component],
    files: Collection[str],
    layout: Layout,
    result: Generated,
    put: Callable[[str, bytes], None],
) -> None:
    """For the tests that belong to no service: those of the shared libraries, and those that span several services."""
    homes = tuple(f"{service.target}/" for service in services)
    folders = set()
    for path in files:
        base = path.rpartition("/")[2]
        if base.startswith("test_") and base.endswith(".py") and not path.startswith(homes):
            folders.add(_tests_folder(path) or path)
    paths = sorted(folders)
    if not folders:
        return
    roots = [".", *(service.import_root for service in services)]
    current = next((name for name in (".pytest.toml", "pytest.toml") if name in files), None)
    if current:
        where = ", ".join(roots)
        result.notes.append(f"{current}: give it pythonpath = {where}: it goes before a pytest.ini")
        return
    own = layout.settings.get("pytest.ini")
    if own is not None and layout.moves.get("pytest.ini") == "pytest.ini":
        result.edits["pytest.ini"] = with_options(own, {"testpaths": paths, "pythonpath": roots})
        return
    intro = [
        "The tests that span several services, and those of the shared libraries.",
        "Each service has a pytest.ini of its own: pytest services/SERVICE.",
    ]
    put("pytest.ini", pytest_ini(intro, settings_for("", layout.settings), roots, paths, {}))


def _tests_folder(path: str) -> str:
    """The folder called `tests` (or `test`) that a test lies in, topmost; else its own folder."""
    parts = path.split("/")[:-1]
    for count, part in enumerate(parts, 1):
        if part in ("tests", "test"):
            return "/".join(parts[:count])
    return "/".join(parts)


def command_of(service: Component, files: Collection[str], scripts: Mapping[str, str]) -> list[str]:
    """What starts a service: its `__main__.py`, else the one old command whose module it holds. Empty for none."""
    if f"{service.home}/__main__.py" in files and service.prefix:
        return ["python", "-m", service.prefix]
    own = []
    for target in scripts.values():
        module, _, function = target.partition(":")
        path = f"{service.import_root}/{module.strip().replace('.', '/')}"
        function = function.partition("[")[0].strip()
        if (f"{path}.py" in files or f"{path}/__init__.py" in files) and function.isidentifier():
            own.append((module.strip(), function))
    if len(own) != 1:
        return []
    module, function = own[0]
    return ["python", "-c", f"import sys; from {module} import {function}; sys.exit({function}())"]


def _make_venvs(venvs: Mapping[str, Sequence[str]]) -> str:
    """The script with this repository's services in it."""
    template = Path(__file__).with_name(MAKE_VENVS).read_text(encoding="utf-8")
    rows = "".join(f"    {json.dumps(folder)}: {json.dumps(list(roots))},\n" for folder, roots in sorted(venvs.items()))
    if not re.search(re.escape(_SERVICES_LINE), template):
        raise AssertionError(f"{MAKE_VENVS} has no line to fill in")
    return template.replace(_SERVICES_LINE, _SERVICES_LINE[:-2] + "\n" + rows + "}\n")
