"""The plan: everything read, nothing executed, nothing written."""

import ast
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from migrate.analysis import Analysis, analyse
from migrate.broken import broken_before
from migrate.deciding import decisions_for
from migrate.edits import apply_edits
from migrate.inventory import Inventory, take_inventory
from migrate.model import (
    MAPPING_FILE,
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
)
from migrate.naming import Naming
from migrate.placing import Placement, place
from migrate.renames import renames_of
from migrate.rewriting_imports import rewrite_imports
from migrate.rewriting_locations import rewrite_locations
from migrate.rewriting_strings import find_mentions
from migrate.source import read_source
from migrate.text_files import mentions as mentions_in_text
from migrate.text_files import passed_over


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
    _rewrite(plan, _strings(plan), accept_likely, other_files)
    _edges(plan)
    _note_two_names(plan)
    plan.broken, plan.unknown = broken_before(analysis)
    plan.decisions += decisions_for(plan)
    return plan


def _move(plan: Plan) -> None:
    operations = plan.operations
    for path, entry in plan.placement.files.items():
        plan.files[path] = entry
        if entry.fate is Fate.DROPPED:
            operations.deletes.append(path)
        elif entry.new_path != path:
            operations.moves[path] = entry.new_path


def _strings(plan: Plan) -> dict[str, list[Mention]]:
    """The strings of every Python file that name what moves.

    What is a setting's value in one place is no likely name in another: it is the same stored name, so that it is not
    rewritten there either, whatever is accepted.
    """
    analysis = plan.analysis
    found = {path: find_mentions(analysis, plan.naming, plan.renames, path) for path in analysis.sources}
    stored = {mention.text for each in found.values() for mention in each if mention.certainty is Certainty.STORED}
    return {
        path: [
            replace(mention, certainty=Certainty.STORED, why="a setting elsewhere has this value")
            if mention.certainty is Certainty.LIKELY and mention.text in stored
            else mention
            for mention in each
        ]
        for path, each in found.items()
    }


def _rewrite(plan: Plan, strings: dict[str, list[Mention]], accept_likely: bool, other_files: bool) -> None:
    """Works out the new contents of every file that changes."""
    generated = []
    for path, entry in plan.placement.files.items():
        if not entry.new_path or path in plan.inventory.links or path == MAPPING_FILE:
            continue  # the mapping names the old places, and has to
        if not other_files and path not in plan.analysis.sources:
            continue
        contents = plan.inventory.read(path)
        if path not in plan.analysis.sources and passed_over(path, contents):
            generated.append(path)
        for new_path in [entry.new_path, *plan.placement.copies.get(path, [])]:
            new_contents = _new_contents(plan, path, new_path, contents, strings.get(path, []), accept_likely)
            if new_path == entry.new_path:
                if new_contents != contents:
                    plan.operations.writes[new_path] = new_contents
                    plan.files[path] = replace(entry, fate=Fate.REWRITTEN)
            else:
                mode = (plan.inventory.root / path).stat().st_mode & 0o777
                plan.operations.creates[new_path] = (new_contents, mode)
    if generated:
        few = ", ".join(generated[:3]) + (" …" if len(generated) > 3 else "")
        plan.notes.append(f"{len(generated)} texts that a program wrote are not looked into: {few}")


def _new_contents(
    plan: Plan, path: str, new_path: str, contents: bytes, strings: list[Mention], accept_likely: bool
) -> bytes:
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
        found = [*imports.mentions, *locations.mentions, *strings]
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


def _overlap(one: Edit, other: Edit) -> bool:
    return (one.start < other.end and other.start < one.end) or one.start == other.start


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
    homes |= {
        component.target: component.name for component in plan.mapping.components if component.kind is Kind.SERVICE
    }
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
    for statements in plan.analysis.imports.values():
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
