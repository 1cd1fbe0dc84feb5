"""The whole run: reads the workspace, plans its targets, finds what they need, and gives the BUILD files' new texts."""

from collections.abc import Sequence

from buildgen.cache import digest_of
from buildgen.circles import circles, cut, describe, join, merged
from buildgen.config import PROJECT
from buildgen.facts import Workspace
from buildgen.house import area
from buildgen.manifests import manifests
from buildgen.package import CIRCLE, MODE, Package
from buildgen.problems import Problems
from buildgen.resolving import Index, Resolver
from buildgen.targets import SERVICE, TEST, Planner, Target, service_of
from buildgen.tree import is_below

_ROUNDS = 30


class Result:
    """What a run found: new texts by path (None: the file goes), all targets, the problems, and what to tell."""

    def __init__(
        self,
        texts: dict[str, str | None],
        before: dict[str, str],
        targets: list[Target],
        problems: Problems,
        notes: list[str],
        handwritten: list[str],
    ) -> None:
        self.texts = texts
        self.before = before
        self.targets = targets
        self.problems = problems
        self.notes = notes
        self.handwritten = handwritten

    @property
    def changed(self) -> dict[str, str | None]:
        """Only the files that are not as they should be."""
        return {path: text for path, text in self.texts.items() if text != self.before.get(path)}


def generate(workspace: Workspace, *, cleaning: bool = False) -> Result:
    """Plans everything and writes nothing."""
    index = Index(workspace)
    known: dict[str, list[str]] = {}
    split: dict[str, list[list[str]]] = {}
    notes: list[str] = []
    problems = Problems()
    targets: list[Target] = []
    resolver: Resolver | None = None
    for _ in range(_ROUNDS):
        problems = Problems()
        targets = Planner(workspace, known, split).targets()
        resolver = Resolver(workspace, index, targets, problems)
        resolver.resolve_all()
        if not any([_break(part, workspace, known, split) for part in circles(targets)]):
            break
    for part in circles(targets):
        _report_unmergeable(part, workspace, problems)
    for head, members in sorted(known.items()):
        inner = ", ".join(path or "the root" for path in members if path != head)
        notes.append(f"//{head}: one target for folders that import each other in a circle: {head}, {inner}")
    for head in sorted(split):
        notes.append(f"//{head}: a target per file, since it imports in a circle with folders that have none in common")
    if resolver is not None:
        _check_shared_locks(workspace, targets, resolver, problems)
    texts, before = _texts(workspace, targets, known, split, problems, cleaning)
    for problem in problems.sorted():
        (workspace.problems.error if problem.is_error else workspace.problems.warn)(
            problem.path, problem.line, problem.cause, problem.way_out
        )
    by_hand = [path for path, config in workspace.configs.items() if config.handwritten and path in workspace.builds]
    return Result(texts, before, targets, workspace.problems, notes, sorted(by_hand))


def _break(
    part: Sequence[Target], workspace: Workspace, known: dict[str, list[str]], split: dict[str, list[list[str]]]
) -> bool:
    """Arranges the targets of a circle anew. Returns False where nothing more can be done."""
    packages = {target.package for target in part}
    already = packages & split.keys()
    found = merged(packages, workspace.folders) if not already and len(packages) > 1 else None
    if found is not None and not any(workspace.configs[path].handwritten for path in found[1]):
        join(known, found[0], found[1], workspace.folders)
        return True
    undivided = {path for path in packages - already if workspace.configs[path].mode != PROJECT}
    if len(packages) > 1 and undivided:
        # No folder holds them all: at the level of files, there may be no circle.
        for path in undivided:
            split[path] = []
            for head in [head for head, members in known.items() if path in members]:
                for member in known.pop(head):
                    split.setdefault(member, [])
        return True
    grown = False
    for path in already:
        inside = sorted({src for target in part if target.package == path for src in target.srcs})
        groups = split[path]
        touched = [group for group in groups if set(group) & set(inside)]
        together = sorted({*inside, *(name for group in touched for name in group)})
        if len(inside) > 1 and together not in groups:
            split[path] = [*(group for group in groups if group not in touched), together]
            grown = True
    return grown


def _report_unmergeable(part: Sequence[Target], workspace: Workspace, problems: Problems) -> None:
    first, steps = describe(part)
    packages = sorted({target.package for target in part})
    if len(packages) == 1:
        problems.error(
            first.path,
            first.line,
            f"libraries of one folder depend on each other in a circle: {steps}",
            f"put their files into one rule in {workspace.build_path(packages[0])}",
        )
    cut(part, problems)


def _check_shared_locks(
    workspace: Workspace, targets: Sequence[Target], resolver: Resolver, problems: Problems
) -> None:
    """Shared code is checked against every lock that uses it, not against its own only."""
    by_label = {target.label: target for target in targets}
    locks: dict[str, dict[str, str]] = {}  # label of a shared library -> lock -> the user that brings it
    for target in targets:
        if target.handwritten or target.kind == SERVICE:
            continue
        if area(target.package)[0] == "shared":
            if target.kind == TEST and not target.config.locks and _shared_locks(workspace):
                names = {lock.name: target.label for lock in workspace.locks.services()}
            else:
                continue
        else:
            names = {lock.name: target.label for lock in workspace.locks.of_folder(target.package, target.config.locks)}
        pending = [*target.deps]
        if area(target.package)[0] == "shared":
            pending.append(target.label)
        seen = set()
        while pending:
            name = pending.pop()
            dep = by_label.get(name)
            if dep is None or name in seen:
                continue
            seen.add(name)
            if area(dep.package)[0] == "shared":
                known = locks.setdefault(name, {})
                for lock_name, user in names.items():
                    known.setdefault(lock_name, user)
            pending.extend(dep.deps)
    for target, module, reason, distribution in resolver.third_party:
        for lock_name, user in sorted(locks.get(target.label, {}).items()):
            lock = workspace.locks.by_name[lock_name]
            if lock.find(module) is None:
                problems.error(
                    reason.path,
                    reason.line,
                    f"{reason.what}: the lock {lock_name} has no {distribution}, and {user} uses this under it",
                    f"add {distribution} to {lock.input_path} and lock it, or take it out of what {user} uses",
                )


def _shared_locks(workspace: Workspace) -> bool:
    """Whether tests of shared code run under every service's lock: tools/build_defs says so."""
    path = "tools/build_defs/python.bzl"
    if not workspace.exists(path):
        return False
    with open(f"{workspace.root}/{path}", encoding="utf-8") as file:
        return "SHARED_LIBS_LOCKS" in file.read()


def _texts(
    workspace: Workspace,
    targets: Sequence[Target],
    known: dict[str, list[str]],
    split: dict[str, list[list[str]]],
    problems: Problems,
    cleaning: bool,
) -> tuple[dict[str, str | None], dict[str, str]]:
    by_package: dict[str, list[Target]] = {}
    for target in targets:
        by_package.setdefault(target.package, []).append(target)
    has_build_defs = bool(workspace.exists("tools/build_defs/python.bzl"))
    uses_gazelle = workspace.uses_gazelle
    shared_locks = _shared_locks(workspace)
    swallowed = {path for head, members in known.items() for path in members if path != head}
    texts: dict[str, str | None] = {}
    before: dict[str, str] = {}
    for path, folder in workspace.folders.items():
        config = workspace.configs[path]
        build = workspace.builds.get(path)
        if config.handwritten:
            continue
        build_path = workspace.build_path(path)
        if build is not None:
            before[build_path] = build.text
        if path in swallowed:
            if build is not None:
                texts[build_path] = _swallowed(path, build.text, build_path, problems)
            continue
        mine = [target for target in by_package.get(path, ()) if not target.handwritten]
        headers = _headers(workspace, path, known, split)
        if not mine and not headers and build is None:
            continue
        package = Package(
            path,
            build_path,
            build.text if build is not None else "",
            tuple(mine),
            tuple(headers),
            has_build_defs,
            uses_gazelle,
            shared_locks and area(path)[0] == "shared",
            frozenset(folder.stubs),
            frozenset(folder.present),
        )
        key = digest_of(f"{cleaning}\n{package.fingerprint()}\n{package.text}".encode())
        if workspace.cache.recall("settled", key) is not None:
            texts[build_path] = package.text
            continue
        own = Problems()
        try:
            text = _written(package, own, cleaning)
        except ValueError as error:
            problems.error(build_path, 0, str(error), "mend it; the folder is left as it is")
            continue
        texts[build_path] = text or None
        for problem in own.sorted():
            (problems.error if problem.is_error else problems.warn)(
                problem.path, problem.line, problem.cause, problem.way_out
            )
        if text == package.text and not own.sorted():
            workspace.cache.remember("settled", key, 1)
    if uses_gazelle and not cleaning:
        for path, text in manifests(workspace):
            texts[path] = text
            if workspace.exists(path):
                with open(f"{workspace.root}/{path}", encoding="utf-8", errors="replace") as file:
                    before[path] = file.read()
    return texts, before


def _written(package: Package, problems: Problems, cleaning: bool) -> str:
    from buildgen.writing import clean, render  # only where something may change: it takes long to load

    return clean(package) if cleaning else render(package, problems)


def _headers(
    workspace: Workspace, path: str, known: dict[str, list[str]], split: dict[str, list[list[str]]]
) -> list[str]:
    """Directives that tell Gazelle what buildgen knows from the layout, and the mark of what it divided itself."""
    found = []
    if not workspace.uses_gazelle:
        return [CIRCLE] if path in split else []
    if path and path in workspace.settings.roots and _holds_python(workspace, path):
        found.append("# gazelle:python_root")
    if service_of(workspace, path):
        found.append("# gazelle:python_ignore_files __main__.py")
    said = workspace.configs[path].mode
    if path in known and said != PROJECT:
        found.append(f"{CIRCLE}\n{MODE}project")
    if path in split:
        found.append(CIRCLE if said else f"{CIRCLE}\n{MODE}file")
    return found


def _holds_python(workspace: Workspace, path: str) -> bool:
    return any(is_below(scanned, path) for scanned in workspace.scans)


def _swallowed(path: str, text: str, build_path: str, problems: Problems) -> str | None:
    """What is left of the BUILD file of a folder whose files went into a target above it: nothing, or all of it."""
    from buildgen.build_file import BuildFile

    build = BuildFile(text)
    for rule in build.rules:
        if rule.kind in ("py_library", "py_binary", "py_test", "pytest_test"):
            rule.removed = True
    build.unload_unused({"py_library", "py_binary", "py_test", "pytest_test", "SHARED_LIBS_LOCKS"})
    for line in (f"{CIRCLE}\n{MODE}project", f"{CIRCLE}\n{MODE}file", CIRCLE, "# gazelle:python_root"):
        build.drop_line(line)
    rest = build.text().strip()
    if rest:
        problems.error(
            build_path,
            0,
            f"//{path} imports in a circle with other folders, and its BUILD file holds more than buildgen writes",
            "move that elsewhere, or break the circle",
        )
        return text
    return None
