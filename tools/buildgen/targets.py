"""Which targets each folder has: its files, divided among rules."""

from collections.abc import Iterable
from fnmatch import fnmatch
from typing import NamedTuple

from buildgen.config import FILE, PACKAGE, PROJECT, Config
from buildgen.facts import RuleFacts, Workspace
from buildgen.tree import below, is_below, parent

LIBRARY = "py_library"
BINARY = "py_binary"
TEST = "py_test"
SERVICE = "laxai_service"

CONFTEST = "conftest.py"
MAIN = "__main__.py"
INIT = "__init__.py"
TEST_FOLDERS = frozenset({"tests", "test", "testing"})


class Reason(NamedTuple):
    """Why a target needs something: the place that asks for it. `shown` is False for what imports do not show."""

    path: str
    line: int
    what: str  # `import numpy`, `patch("a.b")`, `fixture mocker` …
    shown: bool = True


class Target:
    """A rule as it shall be. `package` and paths are relative to the workspace's root, `srcs` to the package."""

    def __init__(self, package: str, name: str, kind: str, srcs: list[str], config: Config) -> None:
        self.package = package
        self.name = name
        self.kind = kind
        self.srcs = srcs
        self.config = config
        self.main = ""
        self.service_package = ""
        self.testonly = False
        self.handwritten = False  # in a package that is written by hand: known, never written
        self.by_hand = False  # its files were chosen by hand
        self.plain_name = ""  # what it would be called in an empty BUILD file, "" where only a hand can say
        self.root = config.root or ""  # the import root that it lies below
        self.hidden: dict[str, Reason] = {}  # srcs that Gazelle would not put there
        self.deps: dict[str, list[Reason]] = {}  # label -> reasons, the first shown one first
        self.type_deps: dict[str, list[Reason]] = {}
        self.data: dict[str, list[Reason]] = {}
        self.globs: dict[str, list[Reason]] = {}
        self.users: set[str] = set()  # packages that depend on it

    @property
    def label(self) -> str:
        return label(self.package, self.name)

    @property
    def paths(self) -> list[str]:
        return [f"{self.package}/{src}" if self.package else src for src in self.srcs]


def label(package: str, name: str) -> str:
    """The shortest absolute label."""
    return f"//{package}" if package.rpartition("/")[2] == name and package else f"//{package}:{name}"


def relative(target: str, package: str) -> str:
    """A label as a BUILD file of `package` writes it."""
    own = f"//{package}"
    if target == own:
        return f":{package.rpartition('/')[2]}"
    return target[len(own) :] if target.startswith(f"{own}:") else target


def absolute(text: str, package: str) -> str:
    """The shortest absolute form of a label as it is written in a BUILD file of `package`."""
    if text.startswith(":"):
        return label(package, text[1:])
    if text.startswith("//"):
        path, _, name = text[2:].partition(":")
        return label(path, name or path.rpartition("/")[2])
    if text.startswith("@"):
        return text
    return label(package, text)


def is_test_place(path: str) -> bool:
    """Whether a folder is part of a tree of tests."""
    return any(part in TEST_FOLDERS for part in path.split("/"))


def service_of(workspace: Workspace, package: str) -> str:
    """The service whose program starts with the package of this folder, "" for none: services/x/src/PACKAGE."""
    parts = package.split("/")
    if len(parts) == 4 and parts[0] == "services" and parts[2] == "src":
        folder = workspace.folders.get(package)
        if folder is not None and MAIN in folder.python:
            return "/".join(parts[:2])
    return ""


class Planner:
    """Makes the targets of all folders.

    `circles` maps a folder to the ones that are one target with it; `split` maps a folder that has a target per file to
    the files in it that belong together all the same.
    """

    def __init__(
        self,
        workspace: Workspace,
        circles: dict[str, list[str]],
        split: dict[str, list[list[str]]],
    ) -> None:
        self.workspace = workspace
        self.split = split
        self.circles = circles
        self.swallowed = {path: head for head, members in circles.items() for path in members if path != head}
        #: Files that a program elsewhere is made of: they need none of their own.
        self._started_elsewhere = {
            src
            for build in workspace.builds.values()
            for rule in build.rules
            if rule.kind == BINARY or rule.kind.endswith("_binary")
            for src in rule.srcs or ()
            if src.startswith("//") and not workspace.uses_gazelle  # which makes one all the same
        }

    def targets(self) -> list[Target]:
        found: list[Target] = []
        for path in self.workspace.folders:
            if path in self.swallowed:
                continue
            if self.workspace.configs[path].handwritten:
                found += self._handwritten(path)
            elif self._is_package(path):
                found += self._folder(path)
        found += self._services()
        return found

    def _is_package(self, path: str) -> bool:
        """In project mode, a folder without a BUILD file belongs to the package above it."""
        config = self.workspace.configs[path]
        if config.mode != PROJECT or self.workspace.folders[path].build or not path:
            return True
        return self.workspace.configs[parent(path)].mode != PROJECT

    def _rules(self, path: str) -> list[RuleFacts]:
        build = self.workspace.builds.get(path)
        return build.rules if build else []

    def _bare(self, path: str, config: Config, kind: str) -> list[str]:
        """Names of rules that `--clean` left for what was written into them by hand: without srcs and deps."""
        return [
            rule.name for rule in self._rules(path) if rule.bare and not rule.kept and self._kind(rule, config) == kind
        ]

    def _kind(self, rule: RuleFacts, config: Config) -> str:
        """Which of the kinds a rule is, "" for none of ours."""
        for kind in (LIBRARY, BINARY, TEST):
            if rule.kind in (kind, config.kind(kind)[0]) or (kind == TEST and rule.kind == "pytest_test"):
                return kind
        return ""

    def _handwritten(self, path: str) -> list[Target]:
        config = self.workspace.configs[path]
        folder = self.workspace.folders[path]
        found = []
        for rule in self._rules(path):
            if kind := self._kind(rule, config):
                srcs = [src for src in _named(rule, folder.python) if src in folder.python]
                target = Target(path, rule.name, kind, srcs, config)
                target.handwritten, target.testonly = True, rule.testonly
                found.append(target)
        return found

    def _files(self, path: str) -> list[str]:
        """The Python files of a package, relative to it."""
        workspace = self.workspace
        found = list(workspace.folders[path].python)
        members = [member for member in self.circles.get(path, ()) if member != path]
        if workspace.configs[path].mode == PROJECT:
            members += [p for p in workspace.folders if p != path and is_below(p, path) and self._owner(p) == path]
        for member in dict.fromkeys(members):
            inner = below(member, path)
            found += [f"{inner}/{name}" for name in workspace.folders[member].python]
        return found

    def _owner(self, path: str) -> str:
        while path and not self._is_package(path):
            path = parent(path)
        return path

    def _folder(self, path: str) -> list[Target]:
        workspace = self.workspace
        config = workspace.configs[path]
        files = self._files(path)
        rules = self._rules(path)
        tests, mains, conftests, libraries = [], [], [], []
        for name in files:
            base = name.rpartition("/")[2]
            scanned = workspace.scans[f"{path}/{name}" if path else name]
            if base == CONFTEST:
                conftests.append(name)
            elif config.is_test(base) and (scanned.has_tests or is_test_place(path) or not scanned.has_code):
                tests.append(name)
            elif base == MAIN and "/" not in name:
                mains.append(name)
            else:
                libraries.append(name)
        found: list[Target] = []
        claimed: dict[str, list[str]] = {}  # file -> kinds of the rules by hand that hold it
        for rule in rules:
            kind = self._kind(rule, config)
            if not kind or rule.kept or (rule.srcs is not None and not rule.srcs):
                if kind and rule.kept:
                    held = [src for src in _named(rule, files) if src in files]
                    found.append(self._make(path, rule.name, kind, held, config, handwritten=True))
                    for src in held:
                        claimed.setdefault(src, []).append(kind)
                continue
            if kind == TEST and rule.srcs is not None:
                own = [src.removeprefix(":") for src in rule.srcs if src.removeprefix(":") in files]
                own = [src for src in own if not src.endswith(CONFTEST)]
                odd = [src for src in own if src not in tests]
                if odd and len(own) == 1:  # a test file that is not called like one
                    found.append(self._make(path, rule.name, TEST, own, config, by_hand=True))
                    claimed.setdefault(odd[0], []).append(TEST)
        libraries = [name for name in libraries if name not in claimed]
        tests = [name for name in tests if name not in claimed]
        conftests = [name for name in conftests if name not in claimed]
        mains = [name for name in mains if BINARY not in claimed.get(name, ())]
        service = service_of(workspace, path)
        binaries = self._binaries(path, config, mains, libraries, rules, service, claimed)
        taken = {target.name for target in binaries} | {_stem(name) for name in tests}
        found += self._libraries(path, config, libraries, mains, rules, service, taken, claimed)
        found += binaries
        for name in conftests:
            target = self._make(path, _stem(name) if "/" not in name else name[:-3], LIBRARY, [name], config)
            target.testonly = True
            target.plain_name = target.name
            found.append(target)
        for name in tests:
            stem = name[:-3]
            existing = next(
                (r for r in rules if r.srcs is not None and name in r.srcs and self._kind(r, config) == TEST), None
            )
            found.append(self._make(path, existing.name if existing else stem, TEST, [name], config))
            found[-1].plain_name = stem
        return found

    def _make(
        self,
        path: str,
        name: str,
        kind: str,
        srcs: list[str],
        config: Config,
        *,
        by_hand: bool = False,
        handwritten: bool = False,
    ) -> Target:
        target = Target(path, name, kind, srcs, config)
        target.by_hand, target.handwritten = by_hand, handwritten
        target.testonly = kind == LIBRARY and is_test_place(path)
        return target

    def _libraries(
        self,
        path: str,
        config: Config,
        files: list[str],
        mains: list[str],
        rules: list[RuleFacts],
        service: str,
        taken: set[str],
        claimed: dict[str, list[str]],
    ) -> list[Target]:
        if path in self.split:
            return self._parts(path, config, [*files, *(mains if service else [])])
        if config.mode == FILE:
            found = []
            for name in files:
                scanned = self.workspace.scans[f"{path}/{name}" if path else name]
                if name == INIT and not scanned.has_code:
                    continue
                if scanned.main and MAIN not in mains and not (path and service):
                    continue  # a program of its own
                srcs = [name]
                if config.include_init and name != INIT and INIT in files:
                    srcs.insert(0, INIT)
                found.append(self._make(path, _stem(name), LIBRARY, srcs, config))
                found[-1].plain_name = _stem(name)
            return found
        own = [r for r in rules if self._kind(r, config) == LIBRARY and r.name != "conftest" and not r.kept]
        default = _rendered(config.library_name, path)
        if default in taken:
            default = f"{default}_lib"
        held = {rule.name: [src for src in _named(rule, [*files, *mains]) if src not in claimed] for rule in own}
        held = {name: srcs for name, srcs in held.items() if srcs}
        divided = config.mode == "" and len(held) > 1 and not self.circles.get(path) and not config.circle
        found = []
        rest = list(files)
        if divided:
            # Divided by hand: each file stays where it is, what is new goes to the folder's own library.
            assigned: set[str] = set()
            for rule in own:
                srcs = [src for src in held.get(rule.name, ()) if src not in assigned]
                is_plain = rule.srcs is not None and rule.name != default
                if not srcs or not is_plain:
                    continue
                assigned |= set(srcs) - set(mains)
                target = self._make(path, rule.name, LIBRARY, srcs, config, by_hand=True)
                target.testonly = target.testonly or rule.testonly
                found.append(target)
            rest = [name for name in files if name not in assigned]
            name = next((r.name for r in own if r.name not in {t.name for t in found} and r.name in held), default)
        else:
            bare = [n for n in self._bare(path, config, LIBRARY) if n != "conftest"]
            name = next(iter(held), bare[0] if len(bare) == 1 else default)
            if config.circle and len(held) > 1:
                name = default
        if config.mode == PACKAGE:
            name = default if any(rule.name == default for rule in own) else name
        if rest:
            target = self._make(path, name, LIBRARY, sorted(rest), config)
            target.plain_name = default
            if len(held) == 1 and any(rule.testonly for rule in own if rule.name in held):
                target.testonly = True
            found.append(target)
        elif not found and mains and service:
            target = self._make(path, name, LIBRARY, [], config)
            target.plain_name = default
            found.append(target)
        if mains and service and found and not any(MAIN in target.srcs for target in found):
            home = found[-1]
            home.srcs = sorted([*home.srcs, MAIN])
            home.hidden[MAIN] = Reason(f"{path}/{MAIN}", 1, f"program of {service}", shown=False)
        return found

    def _parts(self, path: str, config: Config, files: list[str]) -> list[Target]:
        """A library per file, or per group of files that import each other in a circle."""
        groups = [[name for name in group if name in files] for group in self.split[path]]
        grouped = {name for group in groups for name in group}
        groups += [[name] for name in files if name not in grouped]
        found = []
        for group in sorted(filter(None, groups)):
            if group == [INIT] and not self.workspace.scans[f"{path}/{INIT}"].has_code:
                continue
            name = path.rpartition("/")[2] if INIT in group else _stem(min(group)) if group != [MAIN] else "main"
            target = self._make(path, name, LIBRARY, sorted(group), config)
            target.plain_name = name
            if MAIN in group:
                target.hidden[MAIN] = Reason(f"{path}/{MAIN}", 1, "the service's program", shown=False)
            found.append(target)
        return found

    def _binaries(
        self,
        path: str,
        config: Config,
        mains: list[str],
        files: list[str],
        rules: list[RuleFacts],
        service: str,
        claimed: dict[str, list[str]],
    ) -> list[Target]:
        if service:
            return []
        own = [rule for rule in rules if self._kind(rule, config) == BINARY and not rule.kept]
        found = []
        for name in mains:
            existing = next((r.name for r in own if r.srcs is not None and name in r.srcs), None)
            bare = self._bare(path, config, BINARY)
            plain = _rendered(config.binary_name, path)
            existing = existing or (bare[0] if len(bare) == 1 else None)
            target = self._make(path, existing or plain, BINARY, [name], config)
            target.plain_name = plain
            target.main = name
            found.append(target)
        if mains:
            return found
        for name in files:
            if "/" in name or name in claimed or not self.workspace.scans[f"{path}/{name}" if path else name].main:
                continue
            if is_test_place(path):
                continue
            existing = next((r.name for r in own if r.srcs == [name]), None)
            if f"//{path}:{name}" in self._started_elsewhere:
                continue
            plain = f"{_stem(name)}_bin" if path in self.split else _stem(name)
            found.append(self._make(path, existing or plain, BINARY, [name], config))
            found[-1].plain_name = plain
        return found

    def _services(self) -> Iterable[Target]:
        """The services' programs, where the workspace has the macro for them."""
        workspace = self.workspace
        if not workspace.exists("tools/build_defs/service.bzl"):
            return
        for path in workspace.folders:
            service = service_of(workspace, path)
            if not service or workspace.configs[service].handwritten:
                continue
            name = service.rpartition("/")[2]
            target = Target(service, name, SERVICE, [], workspace.configs[service])
            target.plain_name = name
            target.service_package = path.rpartition("/")[2]
            target.main = path
            yield target


def _named(rule: RuleFacts, files: list[str]) -> list[str]:
    """The files that a rule's srcs name, glob or not."""
    if rule.srcs is not None:
        return [src.removeprefix(":") for src in rule.srcs if src.removeprefix(":") in files]
    if rule.glob is not None:
        include, exclude = rule.glob
        return [
            name
            for name in files
            if any(_globs(name, pattern) for pattern in include) and not any(_globs(name, p) for p in exclude)
        ]
    return []


def _globs(name: str, pattern: str) -> bool:
    if "**" in pattern:
        return fnmatch(name, pattern.replace("**/", "*")) or fnmatch(name, pattern)
    return "/" not in name and fnmatch(name, pattern) if "/" not in pattern else fnmatch(name, pattern)


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".py")


def _rendered(convention: str, path: str) -> str:
    return convention.replace("$package_name$", path.rpartition("/")[2] or "root")
