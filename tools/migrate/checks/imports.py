"""Checks 1 and 3 of the guide: every service imports alone, and every import finds what it names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrate.checks.importing import Imported, Request, import_all
from migrate.checks.nursery import Nursery
from migrate.checks.places import Layout, Translator, Tree
from migrate.checks.report import Check, Finding
from migrate.checks.running import Finished, Runner
from migrate.checks.static_imports import Scan, scan, top_names
from migrate.model import Component

#: A service that has not ended by then has started.
_START_SECONDS = 30.0

#: Not imported: they do something, or pytest imports them.
_NOT_IMPORTED = {"__main__.py", "setup.py", "conftest.py", "noxfile.py", "tasks.py", "manage.py"}


@dataclass
class Modules:
    """What importing every module gave, in the old tree and in the new one."""

    after: dict[str, Imported] = field(default_factory=dict)  # by new path
    before: dict[str, Imported] = field(default_factory=dict)  # by new path as well
    named_by_none: list[str] = field(default_factory=list)  # files that no import statement can name


def importable(layout: Layout, tree: Tree) -> list[str]:
    """The files of the new tree that are to be imported: modules; tests and what lies beside them are pytest's."""
    tests = set(layout.record.tests.values())
    homes = tuple(f"{component.tests_home}/" for component in layout.mapping.components)
    return [
        path
        for path in tree.python
        if path.rpartition("/")[2] not in _NOT_IMPORTED and path not in tests and not path.startswith(homes)
    ]


def import_requests(
    layout: Layout, paths: Sequence[str], pythons: dict[str, Path]
) -> tuple[list[tuple[str, Request]], list[tuple[str, Request]], list[str]]:
    """For the new tree and for the old one, what to import; and the files that cannot be named.

    pythons: a service's name -> the interpreter of its own virtual environment.
    """
    after, before, none = [], [], []
    for path in paths:
        names = layout.new_name(path)
        if not names:
            none.append(path)
            continue
        component = layout.component_of(path)
        python = pythons.get(component.name) if component else None
        roots = layout.roots_of(component)
        if component is None:
            roots = [*roots, *(root for root in layout.record.old_roots if root not in roots)]
        after.append((path, Request(tuple(names[:3]), tuple(roots), python)))
        old = layout.old_path.get(path, path)
        old_names = layout.old_names(old) or names
        before.append((path, Request(tuple(old_names[:3]), tuple(layout.record.old_roots) or ("",))))
    return after, before, none


def run_imports(
    runner: Runner,
    layout: Layout,
    trees: tuple[Tree, Tree],
    paths: Sequence[str],
    pythons: dict[str, Path],
    timeout: float,
    jobs: int,
    done: Callable[[], None],
    nursery: Nursery | None = None,
) -> Modules:
    """Imports all of them, each in a process of its own, before and after. trees: (before, after)."""
    after, before, none = import_requests(layout, paths, pythons)
    before = [(path, request) for path, request in before if layout.old_path.get(path, path) in trees[0].files]
    result = Modules(named_by_none=none)
    for requests, tree, results in ((before, trees[0], result.before), (after, trees[1], result.after)):
        found = import_all(runner, tree.root, [request for _, request in requests], timeout, jobs, done, nursery)
        results.update(zip([path for path, _ in requests], found, strict=True))
    return result


def same_error(before: Imported, after: Imported, translate: Translator) -> bool:
    """Whether it is the same error, the new names put for the old ones."""
    if before.kind != after.kind:
        return False
    if after.missing and f"{before.missing}.".startswith(f"{after.missing}."):
        return True  # one import that nothing answers: before, the package above it was there
    return before.message == after.message or translate.error(before.message) == translate.error(after.message)


def _is_project(name: str, tops: set[str]) -> bool:
    return name.partition(".")[0] in tops


def judge_imports(
    modules: Modules, layout: Layout, translate: Translator, tops: set[str], check: Check, only: set[str] | None = None
) -> None:
    """Compares importing before and after, and adds what it finds to a check. only: these new paths."""
    for path, now in sorted(modules.after.items()):
        if only is not None and path not in only:
            continue
        was = modules.before.get(path)
        if now.ok:
            if was is not None and not was.ok:
                check.remarks.append(Finding(path, was.error, "imported", f"repaired: {now.name}"))
            continue
        foreign = _foreign((was, now), tops)
        if was is None:
            check.differences.append(Finding(path, "was not there", now.error, now.name))
        elif now.missing in foreign or (foreign and not was.ok):
            told = was.error if not was.ok else f"imported as {was.name}"
            names = ", ".join(foreign)
            check.remarks.append(Finding(path, told, now.error, f"cannot be judged: {names} is not installed here"))
        elif was.ok:
            check.differences.append(Finding(path, f"imported as {was.name}", now.error, now.name))
        elif same_error(was, now, translate):
            check.broken_before.append(Finding(path, was.error, now.error, now.name))
        elif now.missing and _is_project(now.missing, tops):
            check.differences.append(Finding(path, was.error, now.error, f"another error: {now.name}"))
        else:
            check.broken_before.append(Finding(path, was.error, now.error, "with another error now"))


def _foreign(results: Sequence[Imported | None], tops: set[str]) -> list[str]:
    """Other people's modules that were not found, sorted."""
    names = {each.missing.partition(".")[0] for each in results if each is not None and not each.ok and each.missing}
    return sorted(name for name in names if name not in tops)


def _unproven(modules: Modules, tops: set[str], only: set[str] | None = None) -> str:
    """How many modules cannot be judged for want of what; "" where all can."""
    counted: set[str] = set()
    names: set[str] = set()
    for path, now in modules.after.items():
        missing = _foreign((modules.before.get(path), now), tops)
        if not now.ok and missing and (only is None or path in only):
            counted.add(path)
            names.update(missing)
    if not counted:
        return ""
    listed = ", ".join(sorted(names))
    return f"{len(counted)} modules cannot be judged, as these are not installed for --python: {listed}"


def check_resolution(
    layout: Layout, scans: tuple[Scan, Scan], modules: Modules, translate: Translator, tops: set[str]
) -> Check:
    """Check 3: all import paths are corrected. scans: (before, after)."""
    before, after = scans
    check = Check("imports", "All import paths are corrected")
    was_unresolved = {(each.path, each.name) for each in before.unresolved}
    was_unresolved |= {(path, translate.module(name)) for path, name in was_unresolved}
    recorded = {text.split(": ", 1)[0] for text in layout.record.broken}
    for each in after.unresolved:
        old = layout.old_path.get(each.path, each.path)
        finding = Finding(f"{each.path}:{each.line}", "", f"`{each.name}` is not found")
        if (old, each.name) in was_unresolved or f"{old}:{each.line}" in recorded:
            check.broken_before.append(Finding(finding.where, f"`{each.name}` was not found", finding.after))
        else:
            check.differences.append(Finding(finding.where, "resolved", finding.after))
    unparsed_before = set(before.unparsed)
    for path in after.unparsed:
        if layout.old_path.get(path, path) in unparsed_before:
            check.broken_before.append(Finding(path, "cannot be parsed", "cannot be parsed"))
        else:
            check.differences.append(Finding(path, "parsed", "cannot be parsed"))
    unresolved = len(check.differences)
    judge_imports(modules, layout, translate, tops, check)
    imported = sum(each.ok for each in modules.after.values())
    was_imported = sum(each.ok for each in modules.before.values())
    for path in modules.named_by_none:
        check.remarks.append(Finding(path, "", "", "no import statement can name it: it was parsed only"))
    check.summary = (
        f"{unresolved} project imports do not resolve that did before; "
        f"{imported} of {len(modules.after)} modules import ({was_imported} of {len(modules.before)} before)"
    )
    check.unproven = _unproven(modules, tops)
    check.evidence = [
        f"read: {after.resolved} imports of project modules resolve, {len(after.unresolved)} do not "
        f"(before the move: {before.resolved} and {len(before.unresolved)})",
        f"run: {len(modules.after)} modules, each in a process of its own; {len(modules.before)} of them under their "
        "old names in the tree before the move",
    ]
    return check


def scan_both(layout: Layout, before: Tree, after: Tree) -> tuple[Scan, Scan, set[str]]:
    """Both trees' imports read, and the top-level names that are the project's."""
    old_roots = list(layout.record.old_roots) or [""]
    new_roots = ["", *(service.import_root for service in layout.services)]
    tops = top_names(before, old_roots) | top_names(after, new_roots)

    def after_roots(path: str) -> list[str]:
        component = layout.component_of(path)
        roots = layout.roots_of(component)
        # What stayed where it was may still be found from where it was found.
        kept = component is None or b"sys.path" in (after.root / path).read_bytes()
        return [*roots, *(root for root in old_roots if kept and root not in roots)]

    return scan(before, lambda path: old_roots, tops), scan(after, after_roots, tops), tops


def check_services(
    runner: Runner,
    layout: Layout,
    trees: tuple[Tree, Tree],
    modules: Modules,
    translate: Translator,
    tops: set[str],
    pythons: dict[str, Path],
    timeout: float,
) -> Check:
    """Check 1: each service imports and starts with nothing of the other services on its path."""
    check = Check("services", "Each service runs independently")
    check.table.append(["Service", "Modules", "Import", "Starts", "Interpreter"])
    for service in layout.services:
        own = {path for path in modules.after if layout.component_of(path) is service}
        judge_imports(modules, layout, translate, tops, check, own)
        check.remarks = [each for each in check.remarks if "repaired" not in each.note]
        _judge_isolation(layout, service, modules, own, check)
        started = _start(runner, layout, service, trees, check, pythons.get(service.name), timeout)
        count = sum(modules.after[path].ok for path in own)
        python = "its .venv" if service.name in pythons else "--python"
        check.table.append([service.name, str(len(own)), str(count), started, python])
    in_services = {path for path in modules.after if layout.component_of(path) in layout.services}
    check.unproven = _unproven(modules, tops, in_services)
    ok = sum(1 for row in check.table[1:] if row[1] == row[2])
    check.summary = f"{ok} of {len(layout.services)} services import in full with only their own import roots"
    check.evidence = [
        f"{service.name}: {', '.join(root or 'the root' for root in layout.roots_of(service))} on sys.path"
        for service in layout.services
    ]
    return check


def _judge_isolation(layout: Layout, service: Component, modules: Modules, own: set[str], check: Check) -> None:
    """Nothing of another service may be loaded, unless the mapping allows it."""
    allowed = {service.import_root, *layout.reach.get(service.name, ())}
    for path in sorted(own):
        for loaded in modules.after[path].loaded:
            other = layout.component_of(loaded)
            if other is not None and other.import_root and other.import_root not in allowed:
                check.differences.append(Finding(path, "", f"loads {loaded} of {other.name}", "not in allow_edges"))


def _start(
    runner: Runner,
    layout: Layout,
    service: Component,
    trees: tuple[Tree, Tree],
    check: Check,
    python: Path | None,
    timeout: float,
) -> str:
    """Starts `python -m PACKAGE --help`; says what came of it in a few words."""
    main = f"{service.home}/__main__.py"
    if main not in trees[1].files or not service.prefix:
        return "no __main__.py: its modules were imported"
    limit = min(timeout, _START_SECONDS)

    def start(tree: Tree, name: str, roots: Sequence[str], interpreter: Path | None) -> Finished:
        environment = runner.environment([tree.root / root if root else tree.root for root in roots])
        return runner.run(["-m", name, "--help"], tree.root, environment, limit, interpreter)

    now = start(trees[1], service.prefix, layout.roots_of(service), python)
    if now.timed_out or now.status == 0:
        return "yes: --help" if now.status == 0 else f"yes, it runs on after {limit:.0f} s"
    said = now.last_line.replace(str(trees[1].root), "<root>")
    old = layout.old_path.get(main, main)
    names = layout.old_names(old) if old in trees[0].files else []
    if names:
        was = start(trees[0], names[0].removesuffix(".__main__"), layout.record.old_roots, None)
        if not was.timed_out and was.status != 0:
            before = was.last_line.replace(str(trees[0].root), "<root>")
            check.broken_before.append(Finding(main, before, said, "python -m … --help"))
            return "no, and did not before"
    check.differences.append(Finding(main, "started" if names else "", said, "python -m … --help"))
    return "no"
