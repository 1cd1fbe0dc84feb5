"""A first migration.toml for a repository that was never seen: from its folders and its imports.

What it proposes it can also carry out, with the tests unchanged:

- A package, or a module, that nothing else imports becomes a service; what only one service uses goes with it, under
  the name that it has; what several use becomes a shared library.
- Packages that import each other in a circle stay together, but for what is called like a shared library, or is used
  by several and uses little; the imports that no layout can keep are named in `allow_edges`, for somebody to end.
- Of a package that holds most of the code, those parts that others use, and that use nothing of the rest, become
  shared libraries.
- Programs at the root (`manage.py`, `wsgi.py`) go to the service whose code they start.
- A shared library is called differently afterwards. Where that would need strings rewritten that are not certain to
  mean it, the part stays in a service, where it keeps its name.
"""

import ast
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from migrate.analysis import Analysis, analyse
from migrate.config import parse_mapping
from migrate.inventory import Inventory, take_inventory
from migrate.locations import Locator
from migrate.model import Certainty, Kind, MigrationError
from migrate.placing import is_test_name
from migrate.planning import Plan, make_plan
from migrate.rewriting_strings import strings_of
from migrate.source import Source

_TEST_FOLDERS = ("tests", "test", "testing", "unit_tests", "integration_tests", "tests_e2e")
#: Folders whose code is about the project rather than of it.
_BESIDE = frozenset(
    {
        "docs", "doc", "documentation", "examples", "example", "samples", "benchmarks", "benchmark", "bench", "scripts",
        "script", "tools", "tool", "bin", "hack", "contrib", "ci", "extra", "extras", "misc", "notebooks", "packaging",
        "pkg", "deploy", "docker", "build", "utils_dev",
    }
)  # fmt: skip
_SHARED_NAMES = frozenset(
    {
        "common", "config", "conf", "utils", "util", "helpers", "core", "base", "shared", "lib", "libs", "models",
        "model", "db", "database", "schemas",
    }
)  # fmt: skip
#: Files at the root that configure tools, and are no programs of the project.
_TOOL_FILES = frozenset(
    {
        "setup.py", "conftest.py", "noxfile.py", "toxfile.py", "tasks.py", "fabfile.py", "dodo.py", "versioneer.py",
        "ez_setup.py", "sitecustomize.py", "runtests.py", "run_tests.py",
    }
)  # fmt: skip
#: How much of a package may become shared libraries, and how little is not worth it.
_SHARE_OF_PACKAGE = 0.35
_LEAST_LINES = 150
_DOMINANT = 0.6
#: What a string counts that names a module: nothing puts the other's folder on sys.path for it, so both stay together.
_BY_NAME = 1000
#: How a module finds others by looking into its folder, or by its own name: what is below it has to stay.
_FINDS_MODULES = re.compile(rb"\b(?:iter_modules|walk_packages|find_modules|import_submodules|autodiscover)\b")
_LISTS = ("listdir", "scandir", "walk", "glob", "iglob", "rglob", "iterdir")
_OWN_NAME = re.compile(rb"__name__\s*\.\s*(?:split|rsplit|partition|rpartition|replace)\b|\b__package__\b")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
#: Files that packaging reads: what they say of modules is rewritten.
_PACKAGING = frozenset(
    {"pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", "mypy.ini", ".coveragerc", "MANIFEST.in"}
)
_PROSE = (".md", ".rst", ".txt", ".po", ".pot", ".lock", ".css", ".js", ".svg", ".map", ".html", ".min.js")


@dataclass
class Unit:
    """A part that stays together: a package, a module, or several.

    Attributes:
        name: the name of its largest member.
        places: folders and files, relative to the root; each keeps its name, or goes to a shared library.
        lines: how many lines of Python.
        inside: it is a part of a package that is a service.
    """

    name: str
    places: list[str]
    lines: int = 0
    inside: bool = False


@dataclass
class _Repository:
    """What the proposal is made from."""

    root: Path
    inventory: Inventory
    analysis: Analysis
    tests: list[str]
    places: list[str] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)  # Python file -> the place that it belongs to
    size: Counter[str] = field(default_factory=Counter)  # place -> lines
    #: (place, place) -> how many files of the first, tests apart, import the second; _BY_NAME for each that names it.
    weights: Counter[tuple[str, str]] = field(default_factory=Counter)

    called: frozenset[str] = frozenset()  # what the project calls itself

    def weight(self, start: Iterable[str], end: Iterable[str]) -> int:
        ends = list(end)
        return sum(self.weights[one, other] for one in start for other in ends)


@dataclass
class _Proposal:
    services: list[Unit]
    shared: list[Unit]
    scripts: dict[str, list[str]] = field(default_factory=dict)  # service -> programs of the root
    edges: dict[tuple[str, str], int] = field(default_factory=dict)  # allow_edges -> how many places need it
    notes: list[str] = field(default_factory=list)


def propose(root: Path) -> str:
    """A migration.toml's text for a repository.

    Raises:
        MigrationError: there is no Python package in it.
    """
    inventory = take_inventory(root)
    analysis = analyse(inventory, ())
    laid_out = next((path for path in inventory.files if re.match(r"services/[^/]+/src/", path)), None)
    if laid_out is not None:
        raise MigrationError(
            f"{root}: is in the new layout already ({laid_out}); for what is not, write a migration.toml by hand"
        )
    repository = _Repository(root, inventory, analysis, _tests_folders(inventory))
    repository.places = _places(repository)
    if not repository.places:
        raise MigrationError(f"{root}: holds no Python package or module to move; write a migration.toml by hand")
    _measure(repository)
    repository.called = _project_names(inventory)
    proposal = _first(repository)
    for _ in range(12):
        text = _document(repository, proposal)
        plan = make_plan(root, parse_mapping(text, "the proposal"), analysis=analysis, other_files=False)
        if not _improve(repository, proposal, plan):
            break
    return text


def _tests_folders(inventory: Inventory) -> list[str]:
    """Folders of tests that are no part of a package."""
    found: list[str] = []
    for folder in sorted(inventory.folders, key=lambda f: (f.count("/"), f)):
        if folder.split("/")[0] in _BESIDE:
            continue  # of an example or of the documentation: it stays with it
        if posixpath.basename(folder) not in _TEST_FOLDERS or _is_within(folder, found):
            continue
        above = posixpath.dirname(folder)
        is_inside = inventory.has_file(f"{above}/__init__.py" if above else "__init__.py")
        if not is_inside and any(is_test_name(path) for path in inventory.below(folder)):
            found.append(folder)
    return found


def _places(repository: _Repository) -> list[str]:
    """The packages and modules right below the import roots, apart from tests and what is beside the code."""
    analysis, inventory = repository.analysis, repository.inventory
    importers = _importers(repository)
    found: dict[str, None] = {}
    for root in analysis.modules.roots:
        if (root and inventory.has_file(f"{root}/__init__.py")) or root.split("/")[0] in _BESIDE:
            continue  # a package that something puts on sys.path as well; or what documentation needs
        for path in inventory.below(root):
            if path not in analysis.sources or _is_within(path, repository.tests):
                continue
            rest = path[len(root) + 1 :] if root else path
            first, slash, _ = rest.partition("/")
            place = posixpath.join(root, first)
            if not slash:
                # A module in src/; at the repository's root only what others import: the rest are programs, setup.py …
                is_module = bool(root) or any(other != path for other in importers.get(path, ()))
                if is_module and not is_test_name(path) and first not in _TOOL_FILES and path.endswith(".py"):
                    found[place] = None
                continue
            if not first.isidentifier() or place in analysis.modules.roots or place in repository.tests:
                continue
            is_package = inventory.has_file(f"{place}/__init__.py")
            if place not in found and (not is_package or first in _BESIDE):
                users = {user for target in inventory.below(place) for user in importers.get(target, ())}
                if first in _BESIDE:
                    users = {user for user in users if not _is_within(user, repository.tests)}
                if all(_is_within(user, [place]) or user.split("/")[0] in _BESIDE for user in users):
                    continue
            if first in _TEST_FOLDERS and not is_package:
                continue
            found[place] = None
    return [place for place in found if not any(place != other and place.startswith(f"{other}/") for other in found)]


def _project_names(inventory: Inventory) -> frozenset[str]:
    found = {inventory.root.name}
    for path, pattern in (
        ("pyproject.toml", rb"""(?m)^name\s*=\s*["']([\w.-]+)["']"""),
        ("setup.cfg", rb"(?m)^name\s*=\s*([\w.-]+)"),
        ("setup.py", rb"""\bname\s*=\s*["']([\w.-]+)["']"""),
    ):
        if inventory.has_file(path):
            found |= {name.decode() for name in re.findall(pattern, inventory.read(path))}
    return frozenset(name.lower().replace("-", "_") for name in found)


def _importers(repository: _Repository) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in repository.analysis.sources:
        for target in repository.analysis.imported_files(path):
            found[target].add(path)
    return found


def _measure(repository: _Repository) -> None:
    """Fills in what belongs to each place, its size, and what it uses."""
    analysis = repository.analysis
    tops = {posixpath.basename(place).removesuffix(".py") for place in repository.places}
    for path, source in analysis.sources.items():
        place = next((place for place in repository.places if _is_within(path, [place])), None)
        if place is not None:
            repository.owner[path] = place
            repository.size[place] += source.contents.count(b"\n")
    for path, place in repository.owner.items():
        for target in _climbed_to(repository, path) - {place}:
            repository.weights[place, target] += _BY_NAME
        if _is_test(path):
            continue
        imported = {repository.owner.get(target, place) for target in analysis.imported_files(path)}
        named = {repository.owner.get(target, place) for target in _named_in(analysis, path, tops)}
        for target in (imported | named) - {place}:
            repository.weights[place, target] += 1 if target not in named else _BY_NAME


def _named_in(analysis: Analysis, path: str, tops: set[str]) -> Iterator[str]:
    """The files whose modules a file's strings name: `INSTALLED_APPS = ["shop.accounts"]`."""
    source = analysis.sources[path]
    for text in strings_of(source):
        if text.value.split(".", 1)[0] not in tops or not _DOTTED.match(text.value):
            continue
        name = text.value
        if "." not in name and not _names_package(source.parents.get(text.node)):
            continue
        while name:
            module = analysis.modules.find(name, path)
            if module is not None and module.file:
                yield module.file
                break
            name = name.rpartition(".")[0]


def _climbed_to(repository: _Repository, path: str) -> set[str]:
    """The places that a file's strings name by a way up and down from its own folder: `"../../data/a.conf"`."""
    source = repository.analysis.sources[path]
    found: set[str] = set()
    if b"../" not in source.contents:
        return found
    for text in strings_of(source):
        if text.value.startswith("../") and "\n" not in text.value and "__file__" not in _whole(source, text.node):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), text.value))
            if repository.inventory.exists(target):
                found |= {place for place in repository.places if _is_within(target, [place])}
    return found


def _whole(source: Source, node: ast.AST) -> str:
    """The expression that a node is a part of."""
    while isinstance(parent := source.parents.get(node), ast.expr | ast.keyword):
        node = parent
    return ast.unparse(node)


def _names_package(parent: ast.AST | None) -> bool:
    """Whether a word is given to what takes a package's name: `resources.files("shop")`, `import_module("shop")`."""
    if not isinstance(parent, ast.Call):
        return False
    name = parent.func.attr if isinstance(parent.func, ast.Attribute) else getattr(parent.func, "id", "")
    return re.search(r"resource|package|import|module|\Afiles\Z|get_data", name, re.IGNORECASE) is not None


def _is_test(path: str) -> bool:
    folders = path.split("/")[:-1]
    return is_test_name(path) or path.endswith("conftest.py") or any(part in _TEST_FOLDERS for part in folders)


def _first(repository: _Repository) -> _Proposal:
    """The split as folders and imports suggest it."""
    graph = {place: {end for start, end in repository.weights if start == place} for place in repository.places}
    groups = [part for group in _circles(graph) for part in _part(repository, group)]
    candidates = {place: _looks_shared(repository, place) for place in repository.places}
    services: list[list[str]] = []
    shared: list[list[str]] = []
    # From what nothing uses down to what everything uses.
    for group in reversed(groups):
        users = [service for service in services if _reaches(graph, service, group)]
        users = [service for service in users if not _reaches(graph, group, service)]
        tied = [service for service in services if repository.weight(service, group) >= _BY_NAME]
        if tied:
            tied[0].extend(group)
        elif len(group) == 1 and candidates[group[0]] and len(repository.places) > 1:
            shared.append(group)
        elif not users:
            services.append(group)
        elif len(users) == 1:
            users[0].extend(group)
        else:
            shared.append(group)
    _unite(repository, services)
    libraries = [_unit(repository, group) for group in shared]
    proposal = _Proposal([_unit(repository, group) for group in services], libraries)
    if not proposal.services:
        largest = max(proposal.shared, key=lambda unit: unit.lines)
        proposal.shared.remove(largest)
        proposal.services.append(largest)
    _attach_programs(repository, proposal)
    _attach_neighbours(repository, proposal)
    _share_parts(repository, proposal)
    return proposal


def _unite(repository: _Repository, services: list[list[str]]) -> None:
    """Makes one of services that name each other's modules in strings, or find each other's files by their places."""
    done = False
    while not done:
        done = True
        for one in services:
            others = [other for other in services if other is not one]
            tied = [
                other
                for other in others
                if any(repository.weights[start, end] >= _BY_NAME for start in one for end in other)
            ]
            if tied:
                one.extend(tied[0])
                services.remove(tied[0])
                done = False
                break


def _part(repository: _Repository, group: list[str]) -> list[list[str]]:
    """Parts a circle: what looks like a library is one alone, and so is what only few files tie to the others."""
    if len(group) == 1:
        return [group]
    libraries = [[place] for place in group if _looks_shared(repository, place)]
    rest = [place for place in group if [place] not in libraries]
    graph: dict[str, set[str]] = {place: set() for place in rest}
    for start in rest:
        for end in rest:
            there, back = repository.weights[start, end], repository.weights[end, start]
            if there >= _BY_NAME or back >= _BY_NAME or (there > 1 and 4 * there > back):
                graph[start].add(end)
    return libraries + _circles(graph)


def _unit(repository: _Repository, places: list[str]) -> Unit:
    names = {place: posixpath.basename(place).removesuffix(".py") for place in places}
    largest = max(places, key=lambda place: (repository.size[place], place))
    # The part that the project is named after says what all is called.
    name = next((name for name in names.values() if name.lower() in repository.called), names[largest])
    return Unit(name, sorted(places), sum(repository.size[place] for place in places))


def _reaches(graph: dict[str, set[str]], start: list[str], end: list[str]) -> bool:
    found, queue = set(start), list(start)
    while queue:
        for target in graph.get(queue.pop(), ()):
            if target in end:
                return True
            if target not in found:
                found.add(target)
                queue.append(target)
    return False


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components (Tarjan 1972), without recursion; what is used comes before what uses it."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found = []
    for start in sorted(graph):
        if start in order:
            continue
        work = [(start, iter(sorted(graph[start])))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(sorted(graph[target]))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    group = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        group.append(member)
                        if member == node:
                            break
                    found.append(group)
    return found


def _looks_shared(repository: _Repository, place: str) -> bool:
    """Whether a package is rather a library: by its name, or used by several and using less than it is used."""
    users = {start for start, end in repository.weights if end == place}
    used = sum(count for (_, end), count in repository.weights.items() if end == place)
    uses = sum(count for (start, _), count in repository.weights.items() if start == place)
    if posixpath.basename(place).removesuffix(".py") in _SHARED_NAMES:
        return bool(users)
    return len(users) >= 3 and 2 * uses < used < _BY_NAME


def _attach_programs(repository: _Repository, proposal: _Proposal) -> None:
    """Gives the programs at the root to the services whose code they start."""
    analysis = repository.analysis
    tops = {posixpath.basename(place).removesuffix(".py") for place in repository.places}
    spoken_of = {
        text.value
        for path, source in analysis.sources.items()
        for text in strings_of(source)
        if text.value.endswith(".py") and path != text.value
    }
    for path in analysis.sources:
        if "/" in path or path in repository.places or path in _TOOL_FILES or is_test_name(path) or path in spoken_of:
            continue
        if not path.endswith(".py"):
            continue
        used = {repository.owner.get(target) for target in analysis.imported_files(path)}
        used |= {repository.owner.get(target) for target in _named_in(analysis, path, tops)}
        services = [unit for unit in proposal.services if used & set(unit.places)]
        if len(services) == 1:
            proposal.scripts.setdefault(services[0].name, []).append(path)
    for unit in proposal.services:
        programs = proposal.scripts.get(unit.name, [])
        if programs and all("/" not in place and place.endswith(".py") for place in unit.places):
            # Modules side by side at the root: what starts them says what they are.
            name = sorted(programs)[0].removesuffix(".py")
            proposal.scripts[name] = proposal.scripts.pop(unit.name)
            unit.name = name


def _attach_neighbours(repository: _Repository, proposal: _Proposal) -> None:
    """Gives what code finds beside its package, by way of the package's own place, to that code's service.

    `os.path.join(os.path.dirname(app.root_path), "migrations")` is such a place. What starts at `__file__` is rewritten
    instead.
    """
    moved = {*repository.places, *(path for paths in proposal.scripts.values() for path in paths)}
    for unit in proposal.services:
        for package in unit.places:
            beside = posixpath.dirname(package)
            for path in [path for path, place in repository.owner.items() if place == package]:
                source = repository.analysis.sources[path]
                if not re.search(rb"root_path|\w\.__file__|__path__", source.contents):
                    continue
                for text in strings_of(source):
                    neighbour = posixpath.join(beside, text.value.split("/")[0])
                    if neighbour in moved or neighbour in repository.tests or not text.value.split("/")[0].strip("."):
                        continue
                    if repository.inventory.exists(neighbour) and _climbs(source, text.node):
                        moved.add(neighbour)
                        proposal.scripts.setdefault(unit.name, []).append(neighbour)


def _climbs(source: Source, node: ast.AST) -> bool:
    """Whether a string is a part of a path that starts above an object's `root_path`, `__file__` or `__path__`."""
    text = _whole(source, node)
    return (
        re.search(r"root_path|\w\.__file__|__path__", text) is not None
        and re.search(r"dirname\(|\.parents?\b|['\"]\.\.['\"/]|pardir", text) is not None
    )


def _share_parts(repository: _Repository, proposal: _Proposal) -> None:
    """Proposes parts of a package that holds most of the code as shared libraries."""
    whole = sum(repository.size.values())
    service = max(proposal.services, key=lambda unit: unit.lines)
    package = max(service.places, key=lambda place: repository.size[place])
    if repository.size[package] < _DOMINANT * whole or not repository.inventory.has_file(f"{package}/__init__.py"):
        return
    analysis = repository.analysis
    children: set[str] = set()
    looks_around = False
    for path, source in analysis.sources.items():
        if not path.startswith(f"{package}/"):
            continue
        first, slash, _ = path[len(package) + 1 :].partition("/")
        if slash or first not in ("__init__.py", "__main__.py"):
            children.add(posixpath.join(package, first))
        looks_around |= not slash and _looks_around(source, package)
    if looks_around:
        return
    stays = (*_TEST_FOLDERS, "conftest.py", "migrations")
    children = {child for child in children if posixpath.basename(child) not in stays}
    owner = {path: child for path in analysis.sources for child in [_child(path, package)] if child in children}
    lines: Counter[str] = Counter()
    graph: dict[str, set[str]] = {child: set() for child in children}
    tied: set[str] = set()  # children that use what is not among the children, or that go by their own name
    for path, child in owner.items():
        source = analysis.sources[path]
        lines[child] += source.contents.count(b"\n")
        if _is_test(path):
            tied.add(child)
        for target in analysis.imported_files(path):
            if owner.get(target, child) != child:
                graph[child].add(owner[target])
            elif target not in owner and target in repository.owner:
                tied.add(child)
        if _OWN_NAME.search(source.contents):
            tied.add(child)
    tied |= _named_elsewhere(repository, package, owner)
    groups = _circles(graph)
    most = _SHARE_OF_PACKAGE * repository.size[package]
    chosen: list[list[str]] = []
    taken: set[str] = set()
    for group in groups:  # what is used comes first
        uses = {end for member in group for end in graph[member]} - set(group)
        if set(group) & tied or not uses <= taken or all(posixpath.basename(m).startswith("_") for m in group):
            continue
        outside = {start for start, ends in graph.items() if ends & set(group)} - set(group)
        if len(outside) >= 2 and sum(lines[member] for member in taken | set(group)) <= most:
            chosen.append(group)
            taken |= set(group)
    if sum(lines[member] for member in taken) < _LEAST_LINES:
        return
    packages = [group for group in chosen if len(group) > 1 or group[0] in repository.inventory.folders]
    modules = [member for group in chosen if group not in packages for member in group]
    names = {unit.name for unit in proposal.shared}
    for group in [*packages, *([modules] if modules else [])]:
        largest = max(group, key=lambda member: (lines[member], member))
        name = posixpath.basename(largest).removesuffix(".py") if group is not modules else "common"
        name = next(n for n in (name, f"{name}_{posixpath.basename(package)}", f"{name}_parts") if n not in names)
        names.add(name)
        proposal.shared.append(Unit(name, sorted(group), sum(lines[member] for member in group), True))


def _looks_around(source: Source, package: str) -> bool:
    """Whether a module goes through the modules, or the files, of the package that it stands in."""
    if _FINDS_MODULES.search(source.contents):
        return True
    if b"__file__" not in source.contents:
        return False
    locator = Locator(source, source.path)
    for call in source.of_type(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in _LISTS:
            subjects = [*call.args, *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
            if any((place := locator.evaluate(subject)) is not None and place.path == package for subject in subjects):
                return True
    return False


def _child(path: str, package: str) -> str:
    if not path.startswith(f"{package}/"):
        return ""
    return posixpath.join(package, path[len(package) + 1 :].split("/")[0])


def _named_elsewhere(repository: _Repository, package: str, owner: dict[str, str]) -> set[str]:
    """The parts of a package that settings and data files name, by `package.part`."""
    root = posixpath.dirname(package)
    top = package[len(root) + 1 :] if root else package
    pattern = re.compile(rb"\b" + re.escape(top.encode()) + rb"\.(\w+)")
    found = set()
    for path in repository.inventory.files:
        name = posixpath.basename(path)
        if path in repository.analysis.sources or path in repository.inventory.links:
            continue
        if name in _PACKAGING or name.lower().endswith(_PROSE) or path.split("/")[0] in ("docs", "doc", ".github"):
            continue
        contents = repository.inventory.read(path)
        if b"\0" in contents[:4096]:
            continue
        for match in set(pattern.findall(contents)):
            part = posixpath.join(package, match.decode())
            found |= {child for child in set(owner.values()) if child.removesuffix(".py") == part}
    return found


def _improve(repository: _Repository, proposal: _Proposal, plan: Plan) -> bool:
    """Takes back what cannot be carried out for sure, allows what no layout can keep; False where neither is left."""
    reasons = _unsure(repository, plan, proposal.shared)
    names = {unit.name: unit for unit in proposal.shared}
    allowed: dict[tuple[str, str], int] = {}
    for edge in plan.edges:
        if edge.allowed:
            continue
        start = names.get(edge.start)
        if start is not None and (start.inside or not _in_circle(repository, start, proposal)):
            for place in edge.places:
                users = [part for part in start.places if _is_within(place.path, [part])] or start.places
                reasons.setdefault(users[0], f"{place} imports what stays in {edge.end}")
        else:
            allowed[edge.start, edge.end] = len({place.path for place in edge.places})
    if not reasons and _set_apart(repository, proposal, plan):
        return True
    if not reasons and not allowed:
        return False
    if not reasons:
        proposal.edges |= allowed
        return True
    for unit in list(proposal.shared):
        guilty = [place for place in unit.places if place in reasons]
        if not guilty:
            continue
        proposal.shared.remove(unit)
        if unit.inside and len(guilty) < len(unit.places):
            rest = [place for place in unit.places if place not in guilty]
            proposal.shared.append(Unit(unit.name, rest, unit.lines, True))
        proposal.notes += [f"{place} is not shared, and keeps its name: {reasons[place]}" for place in guilty]
        if not unit.inside:
            _join(repository, proposal, unit)
    proposal.edges.clear()
    return True


def _set_apart(repository: _Repository, proposal: _Proposal, plan: Plan) -> bool:
    """Gives a package that would hide something at the root, beside others in a service, a service of its own."""
    for decision in plan.decisions:
        if "at the root" not in decision.what or " and hide " not in decision.what:
            continue
        for unit in proposal.services:
            hiding = [place for place in unit.places if _is_within(decision.places[0].path, [place])]
            if hiding and len(unit.places) > 1 and hiding[0] in repository.inventory.folders:
                unit.places.remove(hiding[0])
                unit.lines -= repository.size[hiding[0]]
                proposal.services.append(_unit(repository, hiding))
                proposal.edges.clear()
                return True
    return False


def _in_circle(repository: _Repository, unit: Unit, proposal: _Proposal) -> bool:
    graph = {place: {end for start, end in repository.weights if start == place} for place in repository.places}
    return any(
        _reaches(graph, service.places, unit.places) and _reaches(graph, unit.places, service.places)
        for service in proposal.services
    )


def _join(repository: _Repository, proposal: _Proposal, unit: Unit) -> None:
    """Puts what cannot be shared to the service that it is tied to most."""

    def tie(service: Unit) -> tuple[int, int]:
        there = repository.weight(service.places, unit.places)
        return there + repository.weight(unit.places, service.places), service.lines

    service = max(proposal.services, key=tie)
    programs = proposal.scripts.pop(service.name, None)
    joined = _unit(repository, [*service.places, *unit.places])
    proposal.services[proposal.services.index(service)] = joined
    if programs:
        proposal.scripts[joined.name] = programs


def _unsure(repository: _Repository, plan: Plan, units: list[Unit]) -> dict[str, str]:
    """The places that could not be shared for sure, with the first reason."""
    found: dict[str, str] = {}
    modules = repository.analysis.modules
    inside = {place: unit.inside for unit in units for place in unit.places}
    # What its name calls a library is one, and what it looks for above its folder is the plan's to report.
    guessed = {place for place in inside if posixpath.basename(place).removesuffix(".py") not in _SHARED_NAMES}
    for mention in plan.mentions:
        if mention.certainty is Certainty.CERTAIN or mention.why == "a logger's name":
            continue
        name, module = mention.text, modules.find(mention.text)
        while module is None and "." in name:
            name = name.rpartition(".")[0]
            module = modules.find(name)
        for place, is_inside in inside.items():
            named = module is not None and _is_within(module.file or (module.folders or ("",))[0], [place])
            if named or re.search(rf"(?<![\w/]){re.escape(place)}(?!\w)", mention.text):
                found.setdefault(place, f'{mention.place} says "{mention.text}"')
            elif place in guessed and "files part" in mention.why and _is_within(mention.place.path, [place]):
                found.setdefault(place, f"{mention.place} goes to the folder above it")
            elif is_inside and "files part" in mention.why and not _is_within(mention.place.path, repository.tests):
                found.setdefault(place, f"{mention.place} looks into its folder")
    for decision in plan.decisions:
        if "no layout keeps this import" in decision.what or "tests of a service import" in decision.what:
            continue
        for place in inside:
            if any(_is_within(at.path, [place]) for at in decision.places):
                found.setdefault(place, decision.what)
    return found


def _is_within(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _dashed(name: str) -> str:
    return name.strip("_").replace("_", "-").lower() or "main"


def _sources(places: list[str], inventory: Inventory, under: bool) -> list[str]:
    entries = []
    for place in places:
        if place in inventory.folders:
            glob = _quoted(f"{place}/**")
            entries.append(f"{{ glob = {glob}, under = {_quoted(posixpath.basename(place))} }}" if under else glob)
        else:
            entries.append(_quoted(place))
    return entries


def _component(unit: Unit, kind: Kind, programs: list[str], inventory: Inventory) -> str:
    """A component. A service keeps its modules' names: its package is called what it is called now."""
    alone = len(unit.places) == 1 and unit.places[0] in inventory.folders and not programs
    name = f"service-{_dashed(unit.name)}" if kind is Kind.SERVICE else unit.name
    target = f"services/{name}" if kind is Kind.SERVICE else f"shared_libs/{unit.name}"
    lines = ["[[component]]", f'name = "{name}"', f'kind = "{kind}"', f'target = "{target}"']
    if kind is Kind.SERVICE and alone:
        lines.append(f'package = "{posixpath.basename(unit.places[0])}"')
    elif kind is Kind.SERVICE:
        lines.append('style = "flat"  # packages and programs side by side, under the names that they have')
    entries = _sources([*unit.places, *sorted(programs)], inventory, not alone)
    one_line = f"sources = [{', '.join(entries)}]"
    lines += [one_line] if len(one_line) <= 110 else ["sources = [", *(f"    {entry}," for entry in entries), "]"]
    return "\n".join(lines)


def _document(repository: _Repository, proposal: _Proposal) -> str:
    inventory = repository.inventory
    services = sorted(proposal.services, key=lambda unit: (-unit.lines, unit.name))
    shared = sorted(proposal.shared, key=lambda unit: (-unit.lines, unit.name))
    blocks = [_component(unit, Kind.SERVICE, proposal.scripts.get(unit.name, []), inventory) for unit in services]
    blocks += [_component(unit, Kind.SHARED, [], inventory) for unit in shared]
    lines = [
        "# Proposed by `migrate init` from folders and imports. Read it, change it, then: migrate plan",
        "version = 1",
        "",
    ]
    notes = (" ".join(note.split()) for note in proposal.notes)
    lines += ["# " + "".join(c if c.isprintable() else "?" for c in note) for note in notes]
    lines += [""] if proposal.notes else []
    lines += ["# What stays where it is.", "leave = ["]
    lines += [f"    {_quoted(top)}," for top in _stays(repository, proposal)]
    lines += ["]", ""]
    if proposal.edges:
        lines += [
            "# Imports that no layout can keep. They work, but tie services together: end them by and by.",
            "allow_edges = [",
        ]
        lines += [
            f'    "{start} -> {end}",  # {count} file{"s" if count > 1 else ""}'
            for (start, end), count in sorted(proposal.edges.items())
        ]
        lines += ["]", ""]
    lines += ["[tests]", "folders = [" + ", ".join(_quoted(folder) for folder in repository.tests) + "]"]
    lines += [
        "# A test goes to the one service (or shared library) that it imports; others stay.",
        "by_imports = true",
        "",
    ]
    return "\n".join(lines) + "\n" + "\n\n".join(blocks) + "\n"


def _stays(repository: _Repository, proposal: _Proposal) -> list[str]:
    """Globs of what neither a component nor the tests take: as few as say it."""
    moved = {*repository.places, *(path for paths in proposal.scripts.values() for path in paths)}
    stays = [
        path
        for path in repository.inventory.files
        if not _is_within(path, moved) and not _is_within(path, repository.tests)
    ]
    parted = set()
    for place in [*moved, *repository.tests]:
        while place := posixpath.dirname(place):
            parted.add(place)
    found: dict[str, None] = {}
    for path in stays:
        top = path
        while (above := posixpath.dirname(top)) and above not in parted:
            top = above
        found[f"{top}/**" if top != path else path] = None
    return list(found)


def _quoted(text: str) -> str:
    """A path as a TOML string; characters that mean something in a glob become `?`."""
    plain = text.removesuffix("/**")
    plain = re.sub(r"[\[*?\\\ud800-\udfff]", "?", plain)  # a byte that is no text stands as a surrogate
    plain = plain.replace('"', '\\"')
    plain = "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain)
    return f'"{plain}/**"' if text.endswith("/**") else f'"{plain}"'
