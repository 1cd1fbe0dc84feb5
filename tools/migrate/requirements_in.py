"""What each service requires, from what it and the shared libraries under it import: requirements.in files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from migrate.distributions import Installed, companions, distribution_of, test_companions
from migrate.model import Component
from migrate.requirement_files import OldRequirement, Requirements, merge

#: What `third_party` and `edges` call the tests of a component.
TESTS = ":tests"

UNCLAIMED = "requirements-unclaimed.txt"


@dataclass
class _Entry:
    """One distribution of a file: the imports that ask for it, and what to say of it."""

    imports: set[str] = field(default_factory=set)
    why: str = ""
    guessed: bool = False
    typed: str = ""  # its name as it is usually written


@dataclass(frozen=True)
class RequirementFiles:
    """The texts for one service, and the distributions of each. `test` is "" for a service without tests."""

    run_time: str
    test: str
    distributions: frozenset[str]
    test_distributions: frozenset[str]


def reachable(name: str, edges: set[tuple[str, str]]) -> list[str]:
    """The components that `name` depends on, directly or not, sorted; without itself and without tests."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        here = waiting.pop()
        for source, target in edges:
            if source == here and target not in found:
                found.add(target)
                waiting.append(target)
    return sorted(each for each in found - {name} if not each.endswith(TESTS))


def requirement_texts(
    component: Component,
    third_party: Mapping[str, set[str]],
    edges: set[tuple[str, str]],
    old: Requirements,
    installed: Installed,
    has_tests: bool,
    needed: Mapping[str, Mapping[str, set[str]]] | None = None,
) -> RequirementFiles:
    """requirements.in and requirements-test.in of one service.

    needed: what `needs.needs` gives: by files. Where it is None, a component that is reached counts in whole.
    """
    runtime_edges = {(source, target) for source, target in edges if not source.endswith(TESTS)}
    run_time_needs: Mapping[str, set[str]]
    test_needs: Mapping[str, set[str]]
    if needed is None:
        run_time_needs = _whole(component.name, runtime_edges, third_party)
        test_needs = _whole(component.name + TESTS, edges, third_party)
    else:
        run_time_needs = needed.get(component.name, {})
        test_needs = needed.get(component.name + TESTS, {})
    taken: set[str] = set()
    sections = [_section(component.name, run_time_needs.get(component.name, set()), old, installed, taken)]
    for name in sorted(set(run_time_needs) - {component.name}):
        sections.append(_section(f"{name}, which it depends on", run_time_needs[name], old, installed, taken))
    unclaimed = unclaimed_names(third_party, old, installed)
    kept = companions(taken, unclaimed, installed)
    if kept:
        sections.append(("needed at run time, though nothing imports it by name", _kept(kept)))
        taken |= set(kept)
    intro = [
        f"# What {component.name} needs to run, derived from its imports; versions are the old requirements'.",
        f"# To lock it: pip-compile {component.target}/requirements.in",
    ]
    run_time = _text(intro, sections, old, component)
    if not has_tests and not third_party.get(component.name + TESTS):
        return RequirementFiles(run_time, "", frozenset(taken), frozenset())
    test_taken = set(taken)
    imports = test_needs.get(component.name + TESTS, set()) | {"pytest"}
    test_sections = [_section(f"the tests of {component.name}", imports, old, installed, test_taken)]
    for name in sorted(set(test_needs) - {component.name + TESTS}):
        heading = f"{name.replace(TESTS, '’s tests')}, which its tests use"
        test_sections.append(_section(heading, test_needs[name], old, installed, test_taken))
    plugins = test_companions(test_taken, unclaimed - taken, installed)
    plugins = {name: why for name, why in plugins.items() if name not in test_taken}
    if plugins:
        test_sections.append(("needed by tests, though nothing imports it by name", _kept(plugins)))
    test_intro = [f"# What the tests of {component.name} need besides.", "-r requirements.in"]
    test = _text(test_intro, test_sections, old, component, below=run_time)
    return RequirementFiles(run_time, test, frozenset(taken), frozenset(test_taken | set(plugins)))


def _whole(name: str, edges: set[tuple[str, str]], third_party: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """What a component, and every component below it, imports of other people's, by component."""
    return {each: third_party.get(each, set()) for each in (name, *reachable(name, edges))}


def _section(
    heading: str, imports: set[str], old: Requirements, installed: Installed, taken: set[str]
) -> tuple[str, dict[str, _Entry]]:
    """The distributions for some imports that are not `taken` yet; they are added to it."""
    entries: dict[str, _Entry] = {}
    for name in sorted(imports, key=str.lower):
        choice = distribution_of(name, old.names, installed)
        key = str(canonicalize_name(choice.distribution))
        if key in taken and key not in entries:
            continue
        taken.add(key)
        entry = entries.setdefault(key, _Entry(typed=choice.distribution))
        entry.imports.add(name)
        entry.guessed |= not choice.certain
    return f"imported by {heading}", entries


def _kept(kept: Mapping[str, str]) -> dict[str, _Entry]:
    return {name: _Entry(why=why, typed=name) for name, why in kept.items()}


def unclaimed_names(third_party: Mapping[str, set[str]], old: Requirements, installed: Installed) -> set[str]:
    """The distributions of the old requirements that no component imports."""
    imported = {
        canonicalize_name(distribution_of(name, old.names, installed).distribution)
        for names in third_party.values()
        for name in names
    }
    return {name for name in old.names if name not in imported}


def _text(
    intro: list[str],
    sections: list[tuple[str, dict[str, _Entry]]],
    old: Requirements,
    component: Component,
    below: str = "",
) -> str:
    lines: list[str] = []
    options: list[str] = []
    for heading, entries in sections:
        if not entries:
            continue
        lines += ["", f"# {heading}"]
        for name, entry in sorted(entries.items()):
            stated = sorted(old.of(name), key=lambda each: not _is_of(each, component))
            for each in stated:
                options += old.options.get(each.path, ())
            lines += _lines(entry, stated)
    options = [option for option in dict.fromkeys(options) if option not in below.splitlines()]
    if not lines:
        lines = ["", "# nothing beyond the standard library"]
    return "\n".join([*intro, *options, *lines]) + "\n"


def _lines(entry: _Entry, stated: list[OldRequirement]) -> list[str]:
    """One distribution as lines of the file."""
    if not stated:
        text = entry.typed
        if entry.guessed:
            imports = ", ".join(sorted(entry.imports))
            return [f"{text}  # a guess: nothing says which distribution `{imports}` comes from"]
        return [f"{text}  # {entry.why}" if entry.why else text]
    # A requirement for development pins what is imported at run time only where nothing else does.
    weighed = [each for each in stated if not each.is_for_development] or stated
    texts, remarks = merge(weighed)
    found = [f"# {remark}" for remark in remarks]
    why = f"  # {entry.why}" if entry.why else ""
    return [*found, *(f"{text}{why}" for text in texts)]


def _is_of(requirement: OldRequirement, component: Component) -> bool:
    """Whether its file lay among the component's own sources."""
    folder = requirement.path.rpartition("/")[0]
    if not folder:
        return False
    return any(f"{folder}/".startswith(_fixed(source.glob)) for source in component.sources)


def _fixed(glob: str) -> str:
    """The folders before the first wildcard, with a slash: `src/track/**` -> `src/track/`."""
    fixed = []
    for part in glob.split("/")[:-1]:
        if any(character in part for character in "*?["):
            break
        fixed.append(part)
    return "/".join(fixed) + "/"


def unclaimed_text(
    third_party: Mapping[str, set[str]], old: Requirements, installed: Installed, used: frozenset[str]
) -> str:
    """A file of comments: per old file, what no service's requirements hold, so that nothing is lost. "" for nothing.

    used: every distribution that some service's files hold.
    """
    missing = [entry for entry in old.entries if entry.name not in used]
    if not missing and not old.problems:
        return ""
    lines = [
        "# What the old requirements held and no service's requirements.in does: no service imports it, and nothing",
        "# that a service imports is known to need it. Add a line to services/…/requirements.in where it is needed.",
    ]
    imported = {
        canonicalize_name(distribution_of(name, old.names, installed).distribution)
        for names in third_party.values()
        for name in names
    }
    for path in dict.fromkeys(entry.path for entry in missing):
        lines += ["", f"# {path}"]
        for entry in (entry for entry in missing if entry.path == path):
            remark = ""
            if entry.name in imported:
                remark = "imported, but by no service"
            elif entry.is_transitive:
                remark = f"a dependency of {', '.join(entry.via)}: pip finds it by itself"
            elif entry.is_for_development:
                remark = f"for development ({entry.group})"
            lines.append(f"#   {entry.text}" + (f"    <- {remark}" if remark else ""))
    if old.problems:
        lines += ["", "# Not read:", *(f"#   {problem}" for problem in old.problems)]
    return "\n".join(lines) + "\n"
