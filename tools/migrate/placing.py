"""Where each file goes: rules of migration.toml first, then, for tests, what they import."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

from migrate.analysis import Analysis
from migrate.globs import fixed_beginning, matches
from migrate.model import MAKE_VENVS, MAPPING_FILE, STATE_FOLDER, Component, Fate, FilePlan, Kind, Mapping
from migrate.requirements_in import UNCLAIMED

_TEST_NAMES = ("test_*.py", "*_test.py", "tests.py", "test.py")


@dataclass
class Placement:
    """Where everything goes.

    Attributes:
        files: one entry per file of the repository, by its old path. REWRITTEN is not decided here.
        copies: files that several test folders need: old path -> the further places, beside its own new one.
        collisions: new path -> the old paths that would all go there.
        ambiguous: old path -> the components whose sources both name it.
    """

    files: dict[str, FilePlan] = field(default_factory=dict)
    copies: dict[str, list[str]] = field(default_factory=dict)
    collisions: dict[str, list[str]] = field(default_factory=dict)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    supports: set[str] = field(
        default_factory=set
    )  # files of tests folders that are no tests: conftest, fixtures, data

    def new_path(self, path: str) -> str:
        return self.files[path].new_path


def is_test_name(path: str) -> bool:
    """Whether pytest would collect a file by its name."""
    name = posixpath.basename(path)
    return any(matches(pattern, name) for pattern in _TEST_NAMES)


def place(analysis: Analysis, mapping: Mapping) -> Placement:
    """Decides for every file of a repository where it goes."""
    placement = Placement()
    tests: list[str] = []
    for path in analysis.inventory.files:
        plan = _by_rules(path, mapping, placement)
        if plan is None and any(_is_below(path, folder) for folder in mapping.tests_folders):
            tests.append(path)
            continue
        if plan is None and path in analysis.inventory.untracked:
            plan = FilePlan(path, Fate.LEFT, path, is_test=is_test_name(path), reason="untracked, and no rule names it")
        placement.files[path] = plan or FilePlan(path, Fate.UNMAPPED, path, reason="no rule names it")
    _place_tests(analysis, mapping, placement, tests)
    _find_collisions(placement)
    return placement


def _is_the_tools_own(path: str, mapping: Mapping) -> bool:
    """Whether a file is the mapping, or one of those that `apply` writes beside the components."""
    shared = {posixpath.dirname(component.target) for component in mapping.components if component.kind is Kind.SHARED}
    return (
        path.split("/")[0] == STATE_FOLDER
        or path in (MAPPING_FILE, MAKE_VENVS, UNCLAIMED)
        or ("/" not in path and path.endswith(".code-workspace"))
        or (posixpath.basename(path) == "__init__.py" and posixpath.dirname(path) in shared - {""})
    )


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _by_rules(path: str, mapping: Mapping, placement: Placement) -> FilePlan | None:
    for glob in mapping.drop:
        if matches(glob, path):
            return FilePlan(path, Fate.DROPPED, "", reason=f"drop {glob}")
    named = [found for component in mapping.components if (found := _source_of(path, component)) is not None]
    homes = {component.name: (component, new_path, glob) for component, new_path, glob in named}
    if len(homes) > 1:
        # The rule that says more wins, as with .gitignore; two that say as much are a matter for the user.
        longest = max(len(fixed_beginning(glob)) + (not any(c in glob for c in "*?[")) for _, _, glob in homes.values())
        homes = {
            name: entry
            for name, entry in homes.items()
            if len(fixed_beginning(entry[2])) + (not any(c in entry[2] for c in "*?[")) == longest
        }
        if len(homes) > 1:
            placement.ambiguous[path] = sorted(homes)
    if _is_the_tools_own(path, mapping):
        return FilePlan(path, Fate.LEFT, path, reason="the migration's own")
    leave = next((glob for glob in mapping.leave if matches(glob, path)), None)
    if not homes:
        for component in mapping.components:
            if any(_is_below(path, folder) for folder in (component.home, component.target, component.tests_home)):
                return FilePlan(path, Fate.LEFT, path, component.name, is_test_name(path), "already in its place")
    if homes:
        component, new_path, glob = next(iter(homes.values()))
        # `leave` wins over a source with the same or a wider reach: it is the exception that somebody wrote down.
        if leave is None or len(fixed_beginning(leave)) < len(fixed_beginning(glob)):
            return FilePlan(path, Fate.MOVED, new_path, component.name, is_test_name(path), f"sources {glob}")
    for component in mapping.components:
        for glob in component.tests:
            if matches(glob, path):
                place = posixpath.join(
                    component.tests_home, path[len(_tests_beginning(path, glob, mapping)) :].lstrip("/")
                )
                return FilePlan(path, Fate.MOVED, place, component.name, is_test_name(path), f"tests {glob}")
    if leave is not None:
        return FilePlan(path, Fate.LEFT, path, is_test=is_test_name(path), reason=f"leave {leave}")
    return None


def _source_of(path: str, component: Component) -> tuple[Component, str, str] | None:
    for source in component.sources:
        if matches(source.glob, path):
            beginning = fixed_beginning(source.glob)
            if "*" not in source.glob and "?" not in source.glob and "[" not in source.glob and path != source.glob:
                beginning = source.glob.rstrip("/")  # a folder, named without a wildcard
            rest = path[len(beginning) :].lstrip("/")
            return component, posixpath.join(component.home, source.under, rest), source.glob
    return None


def _tests_beginning(path: str, glob: str, mapping: Mapping) -> str:
    """What of a test's path is not kept: the tests folder that it lies in, so that packages below it stay so."""
    folders = [folder for folder in mapping.tests_folders if _is_below(path, folder)]
    return max(folders, key=len) if folders else fixed_beginning(glob)


def _in_tests(analysis: Analysis, mapping: Mapping, path: str) -> str:
    """A test's path in the tests folder that it goes to.

    A package that is called otherwise than `tests` keeps its name, since its modules import each other by it:
    `test/helper.py` is `tests/test/helper.py` then.
    """
    folder = max((folder for folder in mapping.tests_folders if _is_below(path, folder)), key=len)
    if posixpath.basename(folder) != "tests" and analysis.inventory.has_file(f"{folder}/__init__.py"):
        folder = posixpath.dirname(folder)
    return path[len(folder) + 1 :] if folder else path


def _place_tests(analysis: Analysis, mapping: Mapping, placement: Placement, rest: list[str]) -> None:
    """Places the tests that no rule named, and what tests need beside them: conftest files, fixtures, data."""
    tests = [path for path in rest if is_test_name(path) and path.endswith(".py")]
    support = [path for path in rest if path not in set(tests)]
    for path in tests:
        component = (
            _only_component(analysis, mapping, placement, path, set(support)) if mapping.tests_by_imports else None
        )
        if component is None:
            placement.files[path] = FilePlan(
                path, Fate.LEFT, path, is_test=True, reason="spans several components, or none"
            )
        else:
            new_path = posixpath.join(component.tests_home, _in_tests(analysis, mapping, path))
            placement.files[path] = FilePlan(path, Fate.MOVED, new_path, component.name, True, "by its imports")
    placement.supports = set(support)
    _place_support(analysis, mapping, placement, support)


def _only_component(
    analysis: Analysis, mapping: Mapping, placement: Placement, test: str, support: set[str]
) -> Component | None:
    """The service whose code a test uses, or the one shared library where it uses none; None where there are more."""
    seen, queue, used = {test}, [test], set()
    while queue:
        path = queue.pop()
        for target in _needed(analysis, path):
            if target in seen:
                continue
            seen.add(target)
            if target in support or posixpath.basename(target) == "conftest.py":
                queue.append(target)
                continue
            plan = placement.files.get(target)
            if plan is None:
                continue  # another test
            if not plan.component and plan.fate is not Fate.DROPPED:
                return None  # code that stays at the root
            used.add(plan.component)
    components = [mapping.component(name) for name in sorted(used) if name]
    services = [component for component in components if component.kind is Kind.SERVICE]
    if len(services) == 1:
        return services[0]
    if services or len(components) != 1 or seen & support - _conftests(seen):
        return None
    return None if _is_in_package(analysis, mapping, test) else components[0]


def _conftests(paths: set[str]) -> set[str]:
    return {path for path in paths if posixpath.basename(path) in ("conftest.py", "__init__.py")}


def _is_in_package(analysis: Analysis, mapping: Mapping, test: str) -> bool:
    """Whether a test's folder, below the tests folder, is a package: one pytest run cannot have two of one name."""
    folder = posixpath.dirname(test)
    while folder and folder not in mapping.tests_folders:
        if analysis.inventory.has_file(f"{folder}/__init__.py"):
            return True
        folder = posixpath.dirname(folder)
    return False


def _needed(analysis: Analysis, path: str) -> list[str]:
    """What a test file cannot do without: what it imports, and the conftest files above it."""
    found = list(analysis.imported_files(path))
    folder = posixpath.dirname(path)
    while True:
        conftest = posixpath.join(folder, "conftest.py")
        if conftest != path and analysis.inventory.has_file(conftest):
            found.append(conftest)
        if not folder:
            return found
        folder = posixpath.dirname(folder)


def _place_support(analysis: Analysis, mapping: Mapping, placement: Placement, support: list[str]) -> None:
    """Gives each tests folder's further files to all the places that its tests go to.

    A file whose folder holds tests of one place only goes there; what several need stays at the root if one of them is
    there, and else moves to the first; the others get copies.
    """
    homes: dict[
        str, list[str]
    ] = {}  # a folder of tests -> where tests below it go: a tests_home, or "" for where they are
    for path, plan in placement.files.items():
        if not plan.is_test or not any(_is_below(path, folder) for folder in mapping.tests_folders):
            continue
        home = "" if plan.fate is Fate.LEFT else mapping.component(plan.component).tests_home
        folder = posixpath.dirname(path)
        while True:
            entry = homes.setdefault(folder, [])
            if home not in entry:
                entry.append(home)
            if folder in mapping.tests_folders or not folder:
                break
            folder = posixpath.dirname(folder)
    users = _users(analysis, placement, mapping)
    for path in support:
        folder = posixpath.dirname(path)
        while folder and folder not in homes:
            folder = posixpath.dirname(folder)
        imported = path.endswith(".py") and posixpath.basename(path) not in ("conftest.py", "__init__.py")
        places = users.get(path) if imported else _readers(analysis, placement, mapping, path)
        places = places or homes.get(folder, [""])
        if path.endswith(".py") and _uses_service(analysis, mapping, placement, path):
            # The tests of a shared library cannot use what imports a service.
            places = [home for home in places if not _is_shared_home(home, mapping)] or places
        rest = _in_tests(analysis, mapping, path)
        if "" in places:
            placement.files[path] = FilePlan(path, Fate.LEFT, path, reason="tests that stay use it")
            others = [home for home in places if home]
        else:
            first = sorted(places)[0]
            component = next(c.name for c in mapping.components if c.tests_home == first)
            placement.files[path] = FilePlan(
                path, Fate.MOVED, posixpath.join(first, rest), component, False, "goes with its tests"
            )
            others = sorted(places)[1:]
        # The package `tests` is each service's own; tests of shared libraries do without.
        others = [home for home in others if rest != "__init__.py" or not _is_shared_home(home, mapping)]
        if others and not _is_documentation(path):
            placement.copies[path] = [posixpath.join(home, rest) for home in others]


def _uses_service(analysis: Analysis, mapping: Mapping, placement: Placement, path: str) -> bool:
    """Whether a file imports code of a service."""
    names = {plan.component for target in analysis.imported_files(path) if (plan := placement.files.get(target))}
    return any(component.name in names and component.kind is Kind.SERVICE for component in mapping.components)


def _readers(analysis: Analysis, placement: Placement, mapping: Mapping, path: str) -> list[str]:
    """Where the tests go that speak of a data file or of its folder; empty where none does, or only a conftest."""
    if path.endswith(".py"):
        return []
    names = {posixpath.basename(path)}
    folder = posixpath.dirname(path)
    while folder and folder not in mapping.tests_folders:
        names.add(posixpath.basename(folder))
        folder = posixpath.dirname(folder)
    wanted = [name.encode("utf-8", "surrogateescape") for name in names]
    if any(
        any(name in analysis.inventory.read(support) for name in wanted)
        for support in placement.supports
        if support.endswith(".py") and support in analysis.sources
    ):
        return []
    found: list[str] = []
    for test, plan in placement.files.items():
        if plan.is_test and test in analysis.sources and any(name in analysis.inventory.read(test) for name in wanted):
            home = "" if plan.fate is Fate.LEFT else mapping.component(plan.component).tests_home
            if home not in found:
                found.append(home)
    return found


def _is_shared_home(home: str, mapping: Mapping) -> bool:
    return any(component.tests_home == home and component.kind is Kind.SHARED for component in mapping.components)


def _is_documentation(path: str) -> bool:
    name = posixpath.basename(path).lower()
    return name.startswith(("readme", "changelog", "license")) or name == ".ds_store"


def _users(analysis: Analysis, placement: Placement, mapping: Mapping) -> dict[str, list[str]]:
    """By support module: where the tests go that import it, directly or through others."""
    found: dict[str, list[str]] = {}
    for test, plan in placement.files.items():
        if not plan.is_test:
            continue
        home = "" if plan.fate is Fate.LEFT else mapping.component(plan.component).tests_home
        seen, queue = {test}, [test]
        while queue:
            for target in _needed(analysis, queue.pop()):
                if target not in seen:
                    seen.add(target)
                    if target in placement.supports:
                        queue.append(target)
                        if home not in found.setdefault(target, []):
                            found[target].append(home)
    return found


def _find_collisions(placement: Placement) -> None:
    taken: dict[str, list[str]] = {}
    for path, plan in placement.files.items():
        for new_path in [plan.new_path, *placement.copies.get(path, [])]:
            if new_path:
                taken.setdefault(new_path, []).append(path)
    placement.collisions = {new: sorted(old) for new, old in taken.items() if len(old) > 1}


def files_of(placement: Placement, component: str) -> Iterable[FilePlan]:
    """The files that end up in a component."""
    return (plan for plan in placement.files.values() if plan.component == component and plan.new_path)
