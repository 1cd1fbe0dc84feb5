"""Finds, for each import and each thing that imports do not show, the target or distribution that brings it."""

import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from buildgen.circles import circles
from buildgen.config import FILE
from buildgen.facts import Workspace
from buildgen.fixtures import FIXTURES
from buildgen.house import allowed_edge, area, broken_rule, forbidden_edge
from buildgen.locks import Lock, label_of, normal
from buildgen.problems import Problems
from buildgen.scanned import OPENED, OPTIONAL, RESOURCE, TYPE_CHECKING_ONLY, Scan
from buildgen.targets import (
    BINARY,
    CONFTEST,
    INIT,
    LIBRARY,
    MAIN,
    SERVICE,
    TEST,
    Reason,
    Target,
    absolute,
    is_test_place,
    label,
)
from buildgen.tree import below, is_below, parent

_STANDARD = sys.stdlib_module_names
RUNS = "runs when"
_STUBS = ("{}_stubs", "{}_types", "types_{}", "stubs_{}")


class Module(NamedTuple):
    """A file that can be imported under some name."""

    path: str
    root: str


class Index:
    """All modules of the workspace by the names that they can be imported as, from any import root."""

    def __init__(self, workspace: Workspace) -> None:
        roots = {config.root for config in workspace.configs.values() if config.root is not None} | {""}
        self.modules: dict[str, list[Module]] = {}
        self.packages: set[str] = set()  # dotted names of folders that hold Python
        self.paths = set(workspace.scans)
        for path in workspace.scans:
            folder = parent(path)
            at = folder
            while True:
                if at in roots:
                    self._add(path, at)
                if not at:
                    break
                at = parent(at)

    def _add(self, path: str, root: str) -> None:
        inner = below(path, root)[:-3]
        if inner.endswith("/__init__"):
            inner = inner[: -len("/__init__")]
        elif inner == "__init__":
            return
        name = inner.replace("/", ".")
        if not all(part.isidentifier() for part in name.split(".")):
            return
        self.modules.setdefault(name, []).append(Module(path, root))
        while "." in name:
            name = name.rpartition(".")[0]
            if name in self.packages:
                break
            self.packages.add(name)


class Resolver:
    """Fills in what targets depend on. Problems go to the workspace's list."""

    def __init__(self, workspace: Workspace, index: Index, targets: Sequence[Target], problems: Problems) -> None:
        self.workspace = workspace
        self.problems = problems
        self.targets = targets
        self.index = index
        self.by_label = {target.label: target for target in targets}
        self.owner: dict[str, Target] = {}
        for kinds in ((TEST, BINARY), (LIBRARY,)):  # a library is preferred to a program that holds the same file
            for target in targets:
                if target.kind in kinds:
                    for path in target.paths:
                        if self.owner.get(path) is None or target.kind == LIBRARY:
                            self.owner[path] = target
        self._has_macros = bool(workspace.exists("tools/build_defs"))
        self._said: set[tuple[str, int, str]] = set()
        self._nearest: dict[tuple[str, str, str], list[Module]] = {}
        self._locks: dict[str, list[Lock]] = {}
        self._third: dict[tuple[str, str], tuple[str, list[str]]] = {}
        self.third_party: list[tuple[Target, str, Reason, str]] = []  # (target, module, reason, distribution)

    def resolve_all(self) -> None:
        for target in self.targets:
            if target.handwritten:
                continue
            if target.kind == SERVICE:
                self._service(target)
                continue
            for path in target.paths:
                self._file(target, path)
            if target.kind == TEST:
                self._conftests(target)
            else:
                self._parents(target)
        self._untangle()
        for target in self.targets:
            for dep, reasons in target.deps.items():
                reasons.sort(key=lambda reason: (not reason.shown, reason.path, reason.line))
                target.type_deps.pop(dep, None)
                if dep in self.by_label:
                    self.by_label[dep].users.add(target.package)
            for dep in target.type_deps:
                if dep in self.by_label:
                    self.by_label[dep].users.add(target.package)

    # ------------------------------------------------------------------------------------------------------- one file

    def _file(self, target: Target, path: str) -> None:
        scan = self.workspace.scans[path]
        ignored = self._ignored(scan) | target.config.ignored_imports
        for dots, module, name, line, flags in scan.imports:
            self._import(target, path, dots, module, name, line, flags, ignored)
        for keyword, value, line in scan.annotations:
            if keyword == "include_dep":
                for dep in str(value).split(","):
                    if dep.strip():
                        wanted = absolute(dep.strip(), target.package)
                        _add(target.deps, wanted, Reason(path, _int(line), "# gazelle:include_dep"))
        for name, line, what in scan.modules:
            self._string(target, path, str(name), _int(line), str(what), ignored)
        for kind, named, line in scan.data:
            self._data(target, path, str(kind), str(named), _int(line))
        if scan.fixtures:
            self._fixtures(target, path, scan)

    def _ignored(self, scan: Scan) -> frozenset[str]:
        found = [str(value) for keyword, value, _ in scan.annotations if keyword == "ignore"]
        return frozenset(part.strip() for value in found for part in value.split(",") if part.strip())

    def _import(
        self,
        target: Target,
        path: str,
        dots: int,
        module: str,
        name: str,
        line: int,
        flags: int,
        ignored: frozenset[str],
    ) -> None:
        written = "." * dots + module
        full = f"{module}.{name}" if name and name != "*" else module
        what = f"from {written} import {name}" if name else f"import {module}"
        if ignored and (full in ignored or module in ignored or written in ignored):
            return
        reason = Reason(path, line, what)
        only_types = bool(flags & TYPE_CHECKING_ONLY)
        if dots:
            self._relative(target, path, dots, module, name, reason, flags)
            return
        if override := self._override(target, full):
            self._need(target, override, reason, only_types)
            return
        found = self._first_party(path, full) or (self._first_party(path, module) if full != module else [])
        if found:
            self._use(target, path, found, reason, only_types, flags)
            return
        if target.config.sibling_imports or target.kind != LIBRARY:
            sibling = f"{parent(path)}/{module.partition('.')[0]}.py".lstrip("/")
            if "." not in module and sibling in self.index.paths and sibling != path:
                self._use(target, path, [Module(sibling, parent(path))], reason, only_types, flags)
                return
        distribution, missing = self._third_party(target, full)
        if distribution:
            self._distribution(target, full, distribution, missing, reason, flags)
            return
        if full.partition(".")[0] in _STANDARD:
            return
        self._unresolved(target, path, module, full, reason, flags)

    def _override(self, target: Target, full: str) -> str:
        """What `# gazelle:resolve py NAME LABEL` says for a name or for what it is in."""
        if not target.config.resolve:
            return ""
        table = dict(target.config.resolve)
        name = full
        while name:
            if name in table:
                return absolute(table[name], "")
            name = name.rpartition(".")[0]
        return ""

    def _first_party(self, path: str, name: str) -> list[Module]:
        """The nearest modules of a name: of the importer's own import root, then the workspace's, then others'."""
        modules = self.index.modules.get(name)
        if modules is None:
            return []
        key = (parent(path), name, "")
        known = self._nearest.get(key)
        if known is None:
            folder = parent(path)
            by_tier: dict[int, list[Module]] = {}
            for found in modules:
                by_tier.setdefault(self._tier(folder, found), []).append(found)
            nearest = min(by_tier)
            known = by_tier[nearest]
            top = name.partition(".")[0]
            if nearest == 3 and (top in _STANDARD or self.workspace.locks.holders(top)):
                known = []  # another part's module of a name that the standard library or a distribution has
            if nearest == 0 and len(known) > 1:
                longest = max(len(found.root) for found in known)
                known = [found for found in known if len(found.root) == longest]
            self._nearest[key] = known
        return known

    def _tier(self, folder: str, module: Module) -> int:
        if module.root and is_below(folder, module.root):
            return 0
        if not module.root:
            return 1
        kind, home = area(folder)
        if kind == "service" and area(module.root) == (kind, home):
            return 0
        if kind in ("tools", "deploy", "") and area(module.root)[0] == kind:
            return 2
        return 3

    def _use(
        self, target: Target, path: str, modules: list[Module], reason: Reason, only_types: bool, flags: int = 0
    ) -> None:
        """Depends on a module of the workspace, where the rules of the house let it."""
        files = {module.path for module in modules}
        owners = {id(owner): owner for file in files if (owner := self.owner.get(file)) is not None}
        if not owners:
            file = min(files)
            if not file.endswith(f"/{INIT}") or self.workspace.scans[file].has_code:
                self.problems.error(
                    reason.path,
                    reason.line,
                    f"{reason.what}: {file} belongs to no target",
                    f"its folder is written by hand: name it in the srcs of a rule in {self._build_of(file)}",
                )
            return
        if len(owners) > 1:
            labels = sorted(owner.label for owner in owners.values())
            if target.label in labels:
                return
            self.problems.error(
                reason.path,
                reason.line,
                f"{reason.what}: may be any of {', '.join(labels)}",
                "choose one with `# gazelle:resolve py NAME LABEL` in a BUILD file",
            )
            return
        owner = next(iter(owners.values()))
        if owner is target:
            return
        if not self._permitted(target, path, owner, reason):
            return
        if owner.kind == TEST:
            self.problems.error(
                reason.path,
                reason.line,
                f"{reason.what}: {min(files)} is a test, which nothing can depend on",
                "move what both need into a file that is not called like a test",
            )
            return
        self._need(target, owner.label, reason, only_types)

    def _build_of(self, file: str) -> str:
        folder = parent(file)
        while folder and not self.workspace.folders[folder].build:
            folder = parent(folder)
        return self.workspace.build_path(folder)

    def _permitted(self, target: Target, path: str, owner: Target, reason: Reason) -> bool:
        importer, imported = parent(path), owner.package
        edge = forbidden_edge(self.workspace.settings, importer, imported)
        rule = f"{edge.path} forbids {edge.importer} -> {edge.imported}{edge.why and ': ' + edge.why}" if edge else ""
        rule = rule or broken_rule(importer, imported, is_test=target.kind == TEST or target.testonly)
        if area(importer)[0] == "tools" and not self._has_macros:
            rule = ""  # a folder that happens to be called tools
        if not rule:
            return True
        if allowed := allowed_edge(self.workspace.settings, importer, imported):
            self.problems.warn(
                reason.path, reason.line, f"{reason.what}: {rule}", f"let through by allow_edges in {allowed.path}"
            )
            return True
        ends = " -> ".join((area(importer)[1].rpartition("/")[2], area(imported)[1].rpartition("/")[2]))
        self.problems.error(
            reason.path,
            reason.line,
            f"{reason.what}: {rule} ({imported or 'the root'})",
            f'move what both need to shared_libs, call it over HTTP or a job, or add allow_edges = ["{ends}"]',
        )
        return False

    def _need(self, target: Target, wanted: str, reason: Reason, only_types: bool = False) -> None:
        if wanted != target.label:
            _add(target.type_deps if only_types and target.config.pyi_deps else target.deps, wanted, reason)

    # ----------------------------------------------------------------------------------------------- relative imports

    def _relative(
        self, target: Target, path: str, dots: int, module: str, name: str, reason: Reason, flags: int
    ) -> None:
        base = parent(path)
        for _ in range(dots - 1):
            if not base:
                self._broken(reason, flags, "goes above the workspace's root", "mend the number of dots")
                return
            base = parent(base)
        here = "/".join(filter(None, [base, module.replace(".", "/")]))
        only_types = bool(flags & TYPE_CHECKING_ONLY)
        for candidate in (f"{here}/{name}", here) if name and name != "*" else (here,):
            for file in (f"{candidate}/{INIT}", f"{candidate}.py"):
                file = file.lstrip("/")
                if file in self.index.paths:
                    shown = not (dots == 1 and not module)  # Gazelle passes over `from . import x`
                    owner = self.owner.get(file)
                    if not shown and owner is not None and owner is not target:
                        reason = Reason(reason.path, reason.line, reason.what, shown=False)
                    self._use(target, path, [Module(file, "")], reason, only_types, flags)
                    return
        if here in self.workspace.folders and not module:
            # `from . import x` without __init__.py: x would have to be a module.
            self._broken(reason, flags, f"there is no {here}/{name}.py", "mend the import, or add the module")
            return
        self._broken(reason, flags, f"there is no {here}.py or {here}/{INIT}", "mend the import, or add the module")

    def _broken(self, reason: Reason, flags: int, cause: str, way_out: str) -> None:
        if flags & OPTIONAL:
            return
        self.problems.error(reason.path, reason.line, f"{reason.what}: {cause}", way_out)

    # -------------------------------------------------------------------------------------------------- third parties

    def _locks_of(self, target: Target) -> list[Lock]:
        found = self._locks.get(target.package)
        if found is None:
            found = self.workspace.locks.of_folder(target.package, target.config.locks)
            self._locks[target.package] = found
        return found

    def _third_party(self, target: Target, module: str) -> tuple[str, list[str]]:
        """The distribution that brings a module, and the target's locks that lack it."""
        locks = self._locks_of(target)
        key = (",".join(lock.name for lock in locks), module)
        known = self._third.get(key)
        if known is None:
            found = ""
            missing = []
            for lock in locks or self.workspace.locks.by_name.values():
                distribution = lock.find(module)
                if distribution is None:
                    missing.append(lock.name)
                elif not found:
                    found = distribution
            known = (found, missing if locks else [])
            self._third[key] = known
        return known

    def _label(self, target: Target, distribution: str) -> str:
        return label_of(distribution, target.config.label_convention, target.config.label_normalization)

    def _distribution(
        self, target: Target, module: str, distribution: str, missing: list[str], reason: Reason, flags: int
    ) -> None:
        only_types = bool(flags & TYPE_CHECKING_ONLY)
        for name in missing:
            lock = self.workspace.locks.by_name[name]
            self._lacks(reason, flags, distribution, lock, module)
        self._need(target, self._label(target, distribution), reason, only_types)
        if not flags & OPTIONAL:
            self.third_party.append((target, module, reason, distribution))
        for form in _STUBS:
            stub, lacking = self._third_party(target, form.format(distribution))
            if stub and not lacking and stub != distribution:
                _add(target.type_deps, self._label(target, stub), reason)

    def _lacks(self, reason: Reason, flags: int, distribution: str, lock: Lock, module: str) -> None:
        if flags & OPTIONAL:
            return
        self.problems.error(
            reason.path,
            reason.line,
            f"{reason.what}: the lock {lock.name} has no {distribution}",
            f"add it to {lock.input_path} and lock it, or take the import out",
        )

    def _unresolved(self, target: Target, path: str, module: str, full: str, reason: Reason, flags: int) -> None:
        """Nothing brings the module: says why, and depends on what is there of it."""
        prefix = module
        while prefix:
            modules = self._first_party(path, prefix)
            if modules:
                file = modules[0].path
                if not broken_rule(parent(path), parent(file), is_test=is_test(target)):
                    self._use(target, path, modules, reason, bool(flags & TYPE_CHECKING_ONLY), flags)
                self._fails(target, reason, flags, f"there is no {module} ({file} is there)", "mend the import")
                return
            prefix = prefix.rpartition(".")[0]
        holders = self.workspace.locks.holders(full)
        locks = self._locks_of(target)
        if holders and locks:
            names = ", ".join(sorted(lock.name for lock in holders))
            distribution = holders[0].find(full) or ""
            own = locks[0]
            self._fails(
                target,
                reason,
                flags,
                f"{distribution} is in the lock {names} only, and this is built with {own.name}",
                f"add {distribution} to {own.input_path} and lock it, or move the code to where it may be used",
            )
            return
        top = module.partition(".")[0]
        if module in self.index.packages or top in self.index.packages:
            self._fails(target, reason, flags, f"there is no module {full}", "mend the import, or add the module")
            return
        places = locks[0].input_path if locks else "a requirements file"
        self._fails(
            target,
            reason,
            flags,
            f"nothing here is called {top}: no folder, no distribution of a lock, not the standard library",
            f"add its distribution to {places} and lock it, or say `# gazelle:resolve py {module} LABEL` in a BUILD "
            f"file, or `# gazelle:ignore {module}` in this one",
        )

    def _fails(self, target: Target, reason: Reason, flags: int, cause: str, way_out: str) -> None:
        key = (reason.path, reason.line, cause)
        if flags & OPTIONAL or not target.config.validate or key in self._said:
            return
        self._said.add(key)  # once per statement, not per name
        self.problems.error(reason.path, reason.line, f"{reason.what}: {cause}", way_out)

    # ------------------------------------------------------------------------------------- what imports do not show

    def _string(self, target: Target, path: str, name: str, line: int, what: str, ignored: frozenset[str]) -> None:
        """A string that names a module, or something inside one."""
        if name in ignored:
            return
        reason = Reason(path, line, f'{what} "{name}"', shown=False)
        if what == "-m":
            self._command(target, path, name, reason)
            return
        if override := self._override(target, name):
            self._need(target, override, reason)
            return
        prefix = name
        while prefix:
            if modules := self._first_party(path, prefix):
                if what == "import_module" and prefix != name and self._is_exact(modules):
                    self.problems.warn(path, line, f'{what}("{name}"): there is no such module', "mend the name")
                self._use(target, path, modules, reason, only_types=False)
                return
            prefix = prefix.rpartition(".")[0]
        distribution, missing = self._third_party(target, name)
        if distribution and not missing:
            self._need(target, self._label(target, distribution), reason)
        elif what == "import_module" and name.partition(".")[0] not in _STANDARD:
            self.problems.warn(
                path, line, f'{what}("{name}"): nothing here is called so', "mend the name, or ignore it"
            )

    def _command(self, target: Target, path: str, name: str, reason: Reason) -> None:
        """`python -m name`: a part's own tests start its program so; others' are data, with their own lock."""
        modules = self._first_party(path, f"{name}.__main__") or self._first_party(path, name)
        for module in modules:
            home = parent(module.path)
            own = self.workspace.locks.of_folder(home, self.workspace.configs[home].locks)
            made_of_it = target.kind == LIBRARY and home == target.package and target.config.mode != FILE
            if made_of_it or own[:1] != self._locks_of(target)[:1]:
                continue
            if is_below(parent(path), home) or (area(home)[0] == "service" and area(home) == area(parent(path))):
                self._use(target, path, [module], reason, only_types=False)

    def _is_exact(self, modules: list[Module]) -> bool:
        return not modules[0].path.endswith(f"/{INIT}")

    def _fixtures(self, target: Target, path: str, scan: Scan) -> None:
        defined = set(scan.defines)
        folder = parent(path)
        while True:
            conftest = f"{folder}/{CONFTEST}".lstrip("/")
            if conftest in self.workspace.scans:
                defined |= set(self.workspace.scans[conftest].defines)
            if not folder:
                break
            folder = parent(folder)
        table = {**FIXTURES, **dict(target.config.fixtures)}
        for name, line in scan.fixtures:
            distribution = table.get(str(name))
            if distribution is None or name in defined:
                continue
            locks = self._locks_of(target) or list(self.workspace.locks.by_name.values())
            wanted = normal(distribution)
            if any(wanted in lock.distributions for lock in locks):
                kind = "marker" if str(name).startswith("mark:") else "fixture"
                what = f"{kind} {str(name).removeprefix('mark:')}"
                self._need(target, self._label(target, wanted), Reason(path, _int(line), what, shown=False))

    def _conftests(self, target: Target) -> None:
        """The conftest.py files that apply to a test: beside it and in the folders above."""
        for path in target.paths[:1]:
            values = {
                str(v).lower() for k, v, _ in self.workspace.scans[path].annotations if k == "include_pytest_conftest"
            }
            if values & {"false", "0", "f"}:
                return
            folder = parent(path)
            while True:
                conftest = f"{folder}/{CONFTEST}".lstrip("/")
                owner = self.owner.get(conftest)
                if owner is not None and owner is not target:
                    self._need(target, owner.label, Reason(conftest, 1, "conftest.py of this test"))
                if not folder or not target.config.ancestor_conftest:
                    break
                folder = parent(folder)

    def _parents(self, target: Target) -> None:
        """Importing a.b.c runs the __init__.py of a and a.b: a library depends on the one that holds it."""
        if target.kind != LIBRARY or not any(
            self.workspace.scans[path].has_code or not path.endswith(INIT) for path in target.paths
        ):
            return
        for folder in {parent(path) for path in target.paths}:
            above = folder
            while above and above != target.root:
                init = f"{above}/{INIT}"
                owner = self.owner.get(init)
                if owner is None and init in self.index.paths:
                    break  # an __init__.py that holds nothing
                if owner is not None and owner is not target:
                    if self._may(target, owner.package):
                        reason = Reason(init, 1, f"{RUNS} {folder} is imported", shown=False)
                        _add(target.deps, owner.label, reason)
                    break
                above = parent(above)

    def _untangle(self) -> None:
        """What a package's __init__.py needs cannot depend on the package in turn: whoever uses both does instead."""
        for part in circles(self.targets):
            inside = {target.label for target in part}
            for target in part:
                for dep in [d for d, reasons in target.deps.items() if d in inside and _only_runs(reasons)]:
                    reasons = target.deps.pop(dep)
                    for user in self.targets:
                        outside = user.label not in inside and target.label in user.deps and not user.handwritten
                        if outside and self._may(user, self.by_label[dep].package):
                            user.deps.setdefault(dep, list(reasons))

    def _may(self, target: Target, package: str) -> bool:
        """Whether the rules of the house, or an edge that is allowed, let a target use a package."""
        return (
            not broken_rule(target.package, package, is_test=is_test(target))
            or allowed_edge(self.workspace.settings, target.package, package) is not None
        )

    def _service(self, target: Target) -> None:
        home = target.main
        owner = next((t for t in self.targets if t.kind == LIBRARY and f"{home}/{MAIN}" in t.paths), None)
        if owner is not None:
            _add(target.deps, owner.label, Reason(f"{home}/{MAIN}", 1, "the service's program"))

    # ---------------------------------------------------------------------------------------------------------- data

    def _data(self, target: Target, path: str, kind: str, named: str, line: int) -> None:
        for candidate in self._places(path, kind, named):
            what = self.workspace.exists(candidate)
            if what:
                reason = Reason(path, line, f"names {candidate}", shown=False)
                if what == "file":
                    self._data_file(target, candidate, reason)
                else:
                    self._data_folder(target, candidate, reason)
                return

    def _places(self, path: str, kind: str, named: str) -> Iterator[str]:
        if kind == RESOURCE:
            package, _, inner = named.partition(":")
            modules = self._first_party(path, package)
            folders = {parent(module.path) for module in modules if module.path.endswith(f"/{INIT}")}
            if not folders:
                folders = {p for p in self.workspace.folders if p.endswith("/" + package.replace(".", "/"))}
            for folder in sorted(folders)[:1]:
                yield from _inside(f"{folder}/{inner}" if inner else folder)
            return
        yield from _inside(os.path.join(parent(path), named))
        if kind == OPENED:
            yield from _inside(named)

    def _package_of(self, path: str) -> str:
        """The Bazel package that a file is in: the nearest folder above with a BUILD file, as it will be."""
        folder = path if self.workspace.exists(path) == "folder" else parent(path)
        packages = self._packages
        while folder and folder not in packages:
            folder = parent(folder)
        return folder

    @property
    def _packages(self) -> set[str]:
        found = getattr(self, "_package_set", None)
        if found is None:
            found = {target.package for target in self.targets} | {
                path for path, folder in self.workspace.folders.items() if folder.build
            }
            self._package_set: set[str] = found
        return found

    def _data_file(self, target: Target, path: str, reason: Reason) -> None:
        package = self._package_of(path)
        name = below(path, package)
        if package == target.package:
            if name not in target.srcs:
                _add(target.data, name, reason)
            return
        build = self.workspace.builds.get(package)
        wanted = label(package, name)
        exported = build is not None and (name in build.exported or any(rule.name == name for rule in build.rules))
        if broken_rule(target.package, package, is_test=target.kind == TEST or target.testonly):
            return
        if exported:
            _add(target.data, wanted, reason)
        elif path.endswith(".py") and (owner := self.owner.get(path)) is not None:
            if owner is not target and owner.kind == LIBRARY:
                _add(target.data, owner.label, reason)
        else:
            at = f"{package}/BUILD.bazel" if package else "BUILD.bazel"
            self.problems.warn(
                reason.path,
                reason.line,
                f"{path} is in another package, {wanted.partition(':')[0]}, which does not export it",
                f'add exports_files(["{name}"]) to {at}, or move the file beside its reader',
            )

    def _data_folder(self, target: Target, path: str, reason: Reason) -> None:
        package = self._package_of(path)
        if package == target.package and path != package:
            inner = below(path, package)
            holds_packages = any(is_below(p, path) for p in self._packages)
            if not holds_packages:
                _add(target.globs, f"{inner}/**", reason)
        elif package == path and package and target.package != package:
            build = self.workspace.builds.get(package)
            name = package.rpartition("/")[2]
            if build is not None and any(r.name == name and r.kind == "filegroup" for r in build.rules):
                _add(target.data, label(package, name), reason)


def _inside(path: str) -> Iterator[str]:
    """A normal path that does not leave the workspace."""
    normal_path = os.path.normpath(path).replace(os.sep, "/")
    if normal_path not in (".", "..") and not normal_path.startswith(("../", "/")):
        yield normal_path


def _add(table: dict[str, list[Reason]], key: str, reason: Reason) -> None:
    table.setdefault(key, []).append(reason)


def _only_runs(reasons: Sequence[Reason]) -> bool:
    return all(reason.what.startswith(RUNS) for reason in reasons)


def _int(value: object) -> int:
    return int(str(value))


def is_test(target: Target) -> bool:
    """Whether a target is only for tests."""
    return target.kind == TEST or target.testonly or is_test_place(target.package)
