"""What a migration cannot decide by itself: each with its places, and the lines for migration.toml that decide it."""

import posixpath
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.model import Decision, Fate, Kind, Place, Style

if TYPE_CHECKING:
    from migrate.planning import Edge, Plan


def decisions_for(plan: "Plan") -> list[Decision]:
    """Everything that has to be decided before `apply`."""
    edges = [_about_edge(plan, edge) for edge in plan.edges if not edge.allowed]
    return [*_unmapped(plan), *edges, *_collisions(plan), *_ambiguous(plan), *_shadows(plan)]


def _listed(name: str, entries: list[str]) -> str:
    return f"{name} = [" + ", ".join(f'"{entry}"' for entry in entries) + "]"


def _about_edge(plan: "Plan", edge: "Edge") -> Decision:
    allow = [f"{start} -> {end}" for start, end in plan.mapping.allow_edges] + [f"{edge.start} -> {edge.end}"]
    lines = [_listed("allow_edges", allow)]
    if edge.tests_only:
        files = sorted({place.path for place in edge.places})
        lines.append(_listed("leave", [*plan.mapping.leave, *files]) + "  # beside the services")
        return Decision(
            f"{edge.start} -> {edge.end}: tests of a service import another service", edge.places, tuple(lines)
        )
    ends = sorted({file for place in edge.places for file in _imported_of(plan, place, edge.end)})
    target = next((c.name for c in plan.mapping.components if c.kind is Kind.SHARED), "a shared component")
    lines += [f'sources = [..., "{file}"]  # in [[component]] {target}: share it' for file in ends[:3]]
    starts = sorted({place.path for place in edge.places})
    lines += [
        f'sources = [..., "{file}"]  # in [[component]] {edge.end}: put what imports beside it' for file in starts[:3]
    ]
    return Decision(f"{edge.start} -> {edge.end}: no layout keeps this import", edge.places, tuple(lines))


def _imported_of(plan: "Plan", place: Place, component: str) -> set[str]:
    imported = plan.analysis.imported_files(place.path)
    return {file for file in imported if plan.placement.files[file].component == component}


def _unmapped(plan: "Plan") -> Iterator[Decision]:
    groups: dict[str, list[str]] = defaultdict(list)
    for path, entry in plan.files.items():
        if entry.fate is Fate.UNMAPPED:
            first, slash, _ = path.partition("/")
            groups[first if slash else ""].append(path)
    for group, paths in sorted(groups.items()):
        globs = [f"{group}/**"] if group and set(paths) == set(plan.inventory.below(group)) else paths
        lines = (
            _listed("leave", [*plan.mapping.leave, *globs]),
            f'sources = [..., "{globs[0]}"]  # in a [[component]]',
        )
        where = f"{group}/" if group else "at the root"
        what = f"{len(paths)} file{'s' if len(paths) > 1 else ''} that no rule names: {where}"
        yield Decision(what, tuple(Place(path, 1) for path in paths), lines)


def _collisions(plan: "Plan") -> Iterator[Decision]:
    for new_path, paths in sorted(plan.placement.collisions.items()):
        components = {plan.files[path].component for path in paths} - {""}
        lines = [f'drop = ["{path}"]' for path in paths[1:]]
        for path in paths[1:]:
            folder = posixpath.dirname(path)
            lines.append(f'sources = [..., {{ glob = "{folder}/**", under = "{posixpath.basename(folder)}" }}]')
        if any(plan.mapping.component(name).style is Style.FLAT for name in components):
            lines.insert(0, 'style = "package"')
        places = tuple(Place(path, 1) for path in paths)
        yield Decision(f"{len(paths)} files would all become {new_path}", places, tuple(lines))


def _ambiguous(plan: "Plan") -> Iterator[Decision]:
    for path, names in plan.placement.ambiguous.items():
        lines = tuple(f'sources = [..., "{path}"]  # in {name}' for name in names)
        yield Decision(f"the sources of {' and '.join(names)} both name it", (Place(path, 1),), lines)


def _shadows(plan: "Plan") -> Iterator[Decision]:
    """Top-level names that would hide another module where both are on sys.path, and modules without a name."""
    tops = {component.name: _top_names(plan, component.name) for component in plan.mapping.components}
    elsewhere: dict[str, str] = {}
    for path, entry in plan.files.items():
        if entry.new_path.endswith(".py"):
            elsewhere.setdefault(entry.new_path.split("/")[0].removesuffix(".py"), path)
    third_party = {name.split(".")[0] for names in plan.analysis.third_party.values() for name in names}
    for component in plan.mapping.components:
        for name, path in sorted(tops[component.name].items()):
            if name == "__init__":
                if component.style is Style.FLAT:
                    yield from _without_name(plan, component.name, path)
                continue
            hidden = ""
            if name in sys.stdlib_module_names:
                hidden = f"the standard library's {name}"
            elif name in third_party:
                hidden = f"the installed package {name}"
            elif name in elsewhere and component.style is Style.FLAT:
                hidden = f"{elsewhere[name]} at the root"
            else:
                hidden = next(_hidden_in_others(plan, component.name, name, tops), "")
            if hidden:
                what = f"{component.name}: {path} would be module {name} and hide {hidden}"
                yield Decision(what, (Place(path, 1),), _package_lines(component.name))


def _top_names(plan: "Plan", name: str) -> dict[str, str]:
    """The top-level names below a service's import root, each with a file; a shared library has none of its own."""
    component = plan.mapping.component(name)
    names: dict[str, str] = {}
    if component.kind is Kind.SERVICE:
        beginning = f"{component.import_root}/"
        for path, entry in plan.files.items():
            if entry.component == name and entry.new_path.startswith(beginning) and entry.new_path.endswith(".py"):
                names.setdefault(entry.new_path[len(beginning) :].split("/")[0].removesuffix(".py"), path)
    return names


def _without_name(plan: "Plan", component: str, path: str) -> Iterator[Decision]:
    """A package's `__init__` at an import root: flat, it has no name any more."""
    names = plan.analysis.modules.names.get(path, ())
    users = {p: plan.analysis.imported_files(p).get(path) for p in plan.analysis.sources if p != path}
    places = tuple(Place(user, line) for user, line in users.items() if line is not None)
    if places and plan.inventory.read(path).strip():
        what = f"{path} has no name in the flat style, and is imported as {names[0] if names else '?'}"
        yield Decision(what, places, _package_lines(component))


def _hidden_in_others(plan: "Plan", component: str, name: str, tops: dict[str, dict[str, str]]) -> Iterator[str]:
    for other, names in tops.items():
        joined = {(component, other), (other, component)} & set(plan.mapping.allow_edges)
        if other != component and joined and name in names:
            yield f"{names[name]} of {other}"


def _package_lines(component: str) -> tuple[str, ...]:
    package = re.sub(r"\W", "_", component.removeprefix("service-"))
    return (
        f'style = "package"  # in [[component]] {component}',
        f'package = "{package}"  # or another name that nothing else has',
    )
