"""The plan: everything read, nothing executed, nothing written."""

import ast
import importlib.metadata
import posixpath
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrate.analysis import Analysis, analyse
from migrate.edits import apply_edits
from migrate.inventory import Inventory, take_inventory
from migrate.model import (
    Certainty,
    Decision,
    Edit,
    Fate,
    FilePlan,
    Kind,
    Mapping,
    Mention,
    Operations,
    Place,
    Record,
    Renames,
    Style,
)
from migrate.naming import Naming
from migrate.placing import Placement, place
from migrate.renames import renames_of
from migrate.rewriting_imports import rewrite_imports
from migrate.rewriting_locations import rewrite_locations
from migrate.rewriting_strings import find_mentions
from migrate.source import read_source
from migrate.text_files import mentions as mentions_in_text


@dataclass(frozen=True)
class Edge:
    """That the code of one component imports another's: with every place that does so."""

    start: str
    end: str
    places: tuple[Place, ...]
    tests_only: bool
    allowed: bool  # by the rules of the layout, or by allow_edges
    by_exception: bool = False  # allow_edges says so


@dataclass
class Plan:
    """What a migration would do, and what has to be decided before.

    Attributes:
        files: every file, by its old path, with what becomes of it.
        mentions: strings and lines of other files that name what moves; those that are not rewritten among them.
        two_names: modules that are known by several names, which become one module: their names by path.
        broken: what does not parse or resolve as it is: (place, message).
        operations: what `apply` does.
    """

    mapping: Mapping
    inventory: Inventory
    analysis: Analysis
    placement: Placement
    naming: Naming
    renames: Renames
    files: dict[str, FilePlan] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    rewritten_mentions: list[Mention] = field(default_factory=list)
    two_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    broken: list[tuple[Place, str]] = field(default_factory=list)
    unknown: dict[str, Place] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    operations: Operations = field(default_factory=Operations)

    @property
    def changes_anything(self) -> bool:
        operations = self.operations
        return bool(operations.moves or operations.deletes or operations.writes or operations.creates)

    def record(self) -> Record:
        """What `verify` will want to know."""
        tests = {path: plan.new_path for path, plan in self.files.items() if plan.is_test and plan.new_path}
        return Record(
            mapping=self.mapping,
            moved=dict(self.operations.moves),
            created=tuple(self.operations.creates),
            tests=tests,
            broken=tuple(f"{place}: {message}" for place, message in self.broken),
            old_roots=self.analysis.modules.roots,
        )


def make_plan(
    root: Path,
    mapping: Mapping,
    accept_likely: bool = False,
    analysis: Analysis | None = None,
    other_files: bool = True,
) -> Plan:
    """Reads a repository and works out the migration that `mapping` describes.

    Args:
        analysis: what its code imports, where that is known already.
        other_files: whether files that are not Python are looked into; without, they stay as they are.

    Raises:
        MigrationError: the repository cannot be read.
    """
    if analysis is None:
        inventory = take_inventory(root)
        analysis = analyse(inventory, tuple(component.import_root for component in mapping.components))
    inventory = analysis.inventory
    placement = place(analysis, mapping)
    naming = Naming(analysis, mapping, placement)
    renames = renames_of(analysis, mapping, placement, naming)
    plan = Plan(mapping, inventory, analysis, placement, naming, renames)
    _move(plan)
    _rewrite(plan, accept_likely, other_files)
    _hold_back_stored(plan, accept_likely)
    _edges(plan)
    _note_two_names(plan)
    _note_broken(plan)
    _decide(plan)
    return plan


def _move(plan: Plan) -> None:
    operations = plan.operations
    for path, entry in plan.placement.files.items():
        plan.files[path] = entry
        if entry.fate is Fate.DROPPED:
            operations.deletes.append(path)
        elif entry.new_path != path:
            operations.moves[path] = entry.new_path


def _rewrite(plan: Plan, accept_likely: bool, other_files: bool) -> None:
    """Works out the new contents of every file that changes."""
    for path, entry in plan.placement.files.items():
        if not entry.new_path or path in plan.inventory.links:
            continue
        if not other_files and path not in plan.analysis.sources:
            continue
        contents = plan.inventory.read(path)
        for new_path in [entry.new_path, *plan.placement.copies.get(path, [])]:
            new_contents = _new_contents(plan, path, new_path, contents, accept_likely)
            if new_path == entry.new_path:
                if new_contents != contents:
                    plan.operations.writes[new_path] = new_contents
                    plan.files[path] = replace(entry, fate=Fate.REWRITTEN)
            else:
                mode = (plan.inventory.root / path).stat().st_mode & 0o777
                plan.operations.creates[new_path] = (new_contents, mode)


def _new_contents(plan: Plan, path: str, new_path: str, contents: bytes, accept_likely: bool) -> bytes:
    source = plan.analysis.sources.get(path)
    first = new_path == plan.placement.files[path].new_path
    if source is None:
        if path in plan.analysis.syntax_errors:
            return contents
        found = mentions_in_text(path, contents, plan.renames, plan.inventory.exists)
        edits: list[Edit] = []
    else:
        imports = rewrite_imports(plan.analysis, plan.naming, path)
        locations = rewrite_locations(plan.analysis, plan.naming, plan.renames, path, new_path)
        edits = [*imports.edits, *locations.edits]
        found = [*imports.mentions, *locations.mentions, *find_mentions(plan.analysis, plan.naming, plan.renames, path)]
    chosen = [mention for mention in found if _is_chosen(plan.mapping, mention, accept_likely)]
    for mention in chosen:
        fresh = [edit for edit in mention.edits if not any(_overlap(edit, other) for other in edits)]
        if len(fresh) == len(mention.edits):
            edits += fresh
    if first:
        plan.rewritten_mentions += chosen
        plan.mentions += [
            mention for mention in found if mention not in chosen and str(mention.place) not in plan.mapping.keep
        ]
    if not edits:
        return contents
    new_contents = apply_edits(contents, edits)
    if source is not None and not isinstance(read_source(path, new_contents), type(source)):
        message = (
            "its rewritten form would not be valid Python: a fault of this program, please report it; left as it is"
        )
        plan.decisions.append(Decision(message, (Place(path, 1),), (f'leave = ["{path}"]',)))
        return contents
    return new_contents


def _hold_back_stored(plan: Plan, accept_likely: bool) -> None:
    """What is a setting's value in one place is not rewritten as a likely name in another: it is the same stored name."""
    stored = {mention.text for mention in plan.mentions if mention.certainty is Certainty.STORED}
    plan.mentions = [
        replace(mention, certainty=Certainty.STORED, why="a setting elsewhere has this value")
        if mention.certainty is Certainty.LIKELY and mention.text in stored
        else mention
        for mention in plan.mentions
    ]


def _overlap(one: Edit, other: Edit) -> bool:
    return one.start < other.end and other.start < one.end or one.start == other.start


def _is_chosen(mapping: Mapping, mention: Mention, accept_likely: bool) -> bool:
    place = str(mention.place)
    if not mention.edits or place in mapping.keep:
        return False
    if mention.certainty is Certainty.CERTAIN or place in mapping.rewrite:
        return True
    return accept_likely and mention.certainty is Certainty.LIKELY


def _edges(plan: Plan) -> None:
    places: dict[tuple[str, str], list[tuple[Place, bool]]] = defaultdict(list)
    homes = {component.tests_home: component.name for component in plan.mapping.components}
    homes |= {component.target: component.name for component in plan.mapping.components if component.kind is Kind.SERVICE}
    for path, statements in plan.analysis.imports.items():
        copies = plan.placement.copies.get(path, [])
        starts = {plan.placement.files[path].component}
        starts |= {name for copy in copies for home, name in homes.items() if copy.startswith(f"{home}/")}
        is_test = plan.naming.is_test_file(path) or plan.placement.files[path].is_test or bool(copies)
        for statement in statements:
            ends = set()
            for module in [statement.base_module, *(name.module for name in statement.names)]:
                if module is not None and module.file:
                    ends.add(plan.placement.files[module.file].component)
            for start in starts - {""}:
                for end in ends - {start, ""}:
                    places[start, end].append((Place(path, statement.line), is_test))
    kinds = {component.name: component.kind for component in plan.mapping.components}
    for (start, end), found in sorted(places.items()):
        by_exception = (start, end) in plan.mapping.allow_edges
        allowed = kinds[end] is Kind.SHARED or by_exception
        entry = tuple(place for place, _ in sorted(found, key=lambda item: (item[1], item[0].path, item[0].line)))
        tests_only = all(is_test for _, is_test in found)
        plan.edges.append(Edge(start, end, entry, tests_only, allowed, by_exception and kinds[end] is Kind.SERVICE))


def _note_two_names(plan: Plan) -> None:
    """Modules that the code does import by more than one name."""
    used: dict[str, set[str]] = defaultdict(set)
    for path, statements in plan.analysis.imports.items():
        for statement in statements:
            if isinstance(statement.node, ast.ImportFrom):
                if statement.base and statement.base_module is not None and statement.base_module.file:
                    used[statement.base_module.file].add(statement.base)
                for name in statement.names:
                    if statement.base and name.is_module and name.module is not None and name.module.file:
                        used[name.module.file].add(f"{statement.base}.{name.alias.name}")
            else:
                for name in statement.names:
                    if name.module is not None and name.module.file:
                        used[name.module.file].add(name.alias.name)
    for mention in plan.rewritten_mentions:
        module = plan.analysis.modules.find(mention.text, mention.place.path)
        if module is not None and module.file:
            used[module.file].add(mention.text)
    for path, names in sorted(used.items()):
        if len(names) > 1:
            plan.two_names[path] = tuple(sorted(names))


def _note_broken(plan: Plan) -> None:
    for path, error in sorted(plan.analysis.syntax_errors.items()):
        plan.broken.append((Place(path, error.line), f"not valid Python 3, left as it is: {error.message}"))
    for place, name in plan.analysis.unresolved:
        plan.broken.append((place, f"imports {name}, which the repository does not have"))
    for path, source in plan.analysis.sources.items():
        plan.broken += _broken_all(path, source.tree, plan.analysis)
    plan.broken += _broken_entry_points(plan)
    plan.broken += _broken_in_disguise(plan)
    known = _known_distributions(plan.inventory)
    for path, names in plan.analysis.third_party.items():
        for name in names:
            first = name.split(".")[0]
            if first not in known and first not in sys.stdlib_module_names and first not in plan.unknown:
                line = next(
                    (s.line for s in plan.analysis.imports[path] if name in (s.base, *(n.alias.name for n in s.names))),
                    1,
                )
                plan.unknown[first] = Place(path, line)


def _broken_all(path: str, tree: ast.Module, analysis: Analysis) -> Iterable[tuple[Place, str]]:
    defined = analysis.defined(path)
    if defined is None:
        return
    for statement in tree.body:
        if (
            isinstance(statement, ast.Assign)
            and [getattr(target, "id", "") for target in statement.targets] == ["__all__"]
            and isinstance(statement.value, ast.List | ast.Tuple)
        ):
            for item in statement.value.elts:
                if not isinstance(item, ast.Constant) or not isinstance(item.value, str) or item.value in defined:
                    continue
                folder = posixpath.dirname(path)
                if path.endswith("__init__.py") and analysis.inventory.exists(f"{folder}/{item.value}.py"):
                    continue
                if path.endswith("__init__.py") and f"{folder}/{item.value}" in analysis.inventory.folders:
                    continue
                yield (
                    Place(path, item.lineno),
                    f"__all__ names {item.value!r}, which the module does not have (a missing comma?)",
                )


def _broken_entry_points(plan: Plan) -> Iterable[tuple[Place, str]]:
    if not plan.inventory.has_file("pyproject.toml"):
        return
    text = plan.inventory.read("pyproject.toml").decode("utf-8", "replace")
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[([^\]]+)\]", line):
            section = match.group(1)
        elif section.endswith("scripts") and (match := re.match(r"""\s*[\w"'-]+\s*=\s*["']([\w.]+)\s*[:"']""", line)):
            module = match.group(1)
            if plan.analysis.modules.is_ours(module) and plan.analysis.modules.find(module) is None:
                yield (
                    Place("pyproject.toml", number),
                    f"an entry point names {module}, which the repository does not have",
                )


def _broken_in_disguise(plan: Plan) -> Iterable[tuple[Place, str]]:
    """Imports of files that are Python under another name (`main.py old`): they are left alone, but looked at."""
    for path in plan.inventory.files:
        if path in plan.inventory.links or not re.search(r"\.py(?:[ ._~-][^/]*|~)$", path):
            continue
        try:
            tree = ast.parse(plan.inventory.read(path))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                if plan.analysis.modules.find(name) is None and (
                    plan.analysis.modules.is_ours(name)
                    or (name.split(".")[0] not in sys.stdlib_module_names | _known_distributions(plan.inventory))
                ):
                    yield (
                        Place(path, node.lineno),
                        f"imports {name}, which the repository does not have (no .py file: left alone)",
                    )  # type: ignore[attr-defined]


_KNOWN: dict[int, set[str]] = {}


def _known_distributions(inventory: Inventory) -> set[str]:
    """Import names that the repository's requirements or this interpreter's packages could give."""
    if id(inventory) not in _KNOWN:
        from migrate.distributions import WELL_KNOWN  # import name -> distribution

        words: set[str] = set()
        for path in inventory.files:
            name = posixpath.basename(path).lower()
            if "requirement" in path.lower() or name in (
                "pyproject.toml",
                "setup.py",
                "setup.cfg",
                "pipfile",
                "environment.yml",
            ):
                text = inventory.read(path).decode("utf-8", "replace").lower()
                words |= {
                    word.replace("-", "_").replace(".", "_") for word in re.findall(r"[a-z0-9][a-z0-9._-]*", text)
                }
        known = set(importlib.metadata.packages_distributions()) | words
        known |= {
            name.split(".")[0]
            for name, dists in WELL_KNOWN.items()
            if any(d.lower().replace("-", "_") in words for d in dists)
        }
        _KNOWN[id(inventory)] = known
    return _KNOWN[id(inventory)]


def _decide(plan: Plan) -> None:
    _decide_unmapped(plan)
    for edge in plan.edges:
        if edge.allowed:
            continue
        allow = [f"{start} -> {end}" for start, end in plan.mapping.allow_edges] + [f"{edge.start} -> {edge.end}"]
        lines = ["allow_edges = [" + ", ".join(f'"{entry}"' for entry in allow) + "]"]
        if edge.tests_only:
            files = sorted({place.path for place in edge.places})
            lines.append(
                "leave = ["
                + ", ".join(f'"{file}"' for file in [*plan.mapping.leave, *files])
                + "]  # beside the services"
            )
        else:
            ends = sorted({file for place in edge.places for file in _imported_of(plan, place, edge.end)})
            target = next((c.name for c in plan.mapping.components if c.kind is Kind.SHARED), "a shared component")
            lines += [f'sources = [..., "{file}"]  # in [[component]] {target}: share it' for file in ends[:3]]
            starts = sorted({place.path for place in edge.places})
            lines += [
                f'sources = [..., "{file}"]  # in [[component]] {edge.end}: put what imports beside it'
                for file in starts[:3]
            ]
        kind = "tests of a service import another service" if edge.tests_only else "no layout keeps this import"
        plan.decisions.append(Decision(f"{edge.start} -> {edge.end}: {kind}", edge.places, tuple(lines)))
    for new_path, paths in sorted(plan.placement.collisions.items()):
        components = {plan.files[path].component for path in paths} - {""}
        lines = [f'drop = ["{path}"]' for path in paths[1:]]
        for path in paths[1:]:
            folder = posixpath.dirname(path)
            lines.append(f'sources = [..., {{ glob = "{folder}/**", under = "{posixpath.basename(folder)}" }}]')
        if any(plan.mapping.component(name).style is Style.FLAT for name in components):
            lines.insert(0, 'style = "package"')
        plan.decisions.append(
            Decision(f"{len(paths)} files would all become {new_path}", tuple(Place(p, 1) for p in paths), tuple(lines))
        )
    for path in plan.placement.ambiguous:
        names = plan.placement.ambiguous[path]
        what = f"the sources of {' and '.join(names)} both name it"
        plan.decisions.append(
            Decision(what, (Place(path, 1),), tuple(f'sources = [..., "{path}"]  # in {name}' for name in names))
        )
    _decide_shadows(plan)


def _imported_of(plan: Plan, place: Place, component: str) -> set[str]:
    return {
        file
        for file, line in plan.analysis.imported_files(place.path).items()
        if plan.placement.files[file].component == component
    }


def _decide_unmapped(plan: Plan) -> None:
    unmapped = [path for path, entry in plan.files.items() if entry.fate is Fate.UNMAPPED]
    groups: dict[str, list[str]] = defaultdict(list)
    for path in unmapped:
        first, slash, _ = path.partition("/")
        groups[first if slash else ""].append(path)
    for group, paths in sorted(groups.items()):
        globs = [f"{group}/**"] if group and set(paths) == set(plan.inventory.below(group)) else paths
        lines = ["leave = [" + ", ".join(f'"{glob}"' for glob in [*plan.mapping.leave, *globs]) + "]"]
        lines.append(f'sources = [..., "{globs[0]}"]  # in a [[component]]')
        what = f"{len(paths)} file{'s' if len(paths) > 1 else ''} that no rule names: {group + '/' if group else 'at the root'}"
        plan.decisions.append(Decision(what, tuple(Place(path, 1) for path in paths), tuple(lines)))


def _decide_shadows(plan: Plan) -> None:
    """Top-level names that would hide another module where both are on sys.path."""
    tops: dict[str, dict[str, str]] = {}  # component -> top-level name -> an example file
    for component in plan.mapping.components:
        names: dict[str, str] = {}
        for path, entry in plan.files.items():
            if (
                entry.component == component.name
                and entry.new_path.startswith(f"{component.import_root}/")
                and entry.new_path.endswith(".py")
            ):
                rest = entry.new_path[len(component.import_root) + 1 :]
                names.setdefault(rest.split("/")[0].removesuffix(".py"), path)
        tops[component.name] = names if component.kind is Kind.SERVICE else {}
    elsewhere: dict[str, str] = {}
    for path, entry in plan.files.items():
        if entry.new_path.endswith(".py"):
            first = entry.new_path.split("/")[0].removesuffix(".py")
            elsewhere.setdefault(first, path)
    third_party = {name.split(".")[0] for names in plan.analysis.third_party.values() for name in names}
    for component in plan.mapping.components:
        if component.kind is not Kind.SERVICE:
            continue
        for name, path in sorted(tops[component.name].items()):
            if name == "__init__":
                names = plan.analysis.modules.names.get(path, ())
                users = [p for p in plan.analysis.sources if path in plan.analysis.imported_files(p) and p != path]
                if component.style is Style.FLAT and users and plan.inventory.read(path).strip():
                    what = f"{path} has no name in the flat style, and is imported as {names[0] if names else '?'}"
                    plan.decisions.append(
                        Decision(
                            what,
                            tuple(Place(u, plan.analysis.imported_files(u)[path]) for u in users[:9]),
                            _package_lines(component.name),
                        )
                    )
                continue
            hidden = ""
            if name in sys.stdlib_module_names:
                hidden = f"the standard library's {name}"
            elif name in third_party:
                hidden = f"the installed package {name}"
            elif name in elsewhere and component.style is Style.FLAT:
                hidden = f"{elsewhere[name]} at the root"
            else:
                for other in plan.mapping.components:
                    joined = (component.name, other.name) in plan.mapping.allow_edges or (
                        other.name,
                        component.name,
                    ) in plan.mapping.allow_edges
                    if other.name != component.name and joined and name in tops[other.name]:
                        hidden = f"{tops[other.name][name]} of {other.name}"
            if hidden:
                what = f"{component.name}: {path} would be module {name} and hide {hidden}"
                plan.decisions.append(Decision(what, (Place(path, 1),), _package_lines(component.name)))


def _package_lines(component: str) -> tuple[str, ...]:
    package = re.sub(r"\W", "_", component.removeprefix("service-"))
    return (
        f'style = "package"  # in [[component]] {component}',
        f'package = "{package}"  # or another name that nothing else has',
    )
