"""Writes targets into the text of a BUILD file, or takes them out of it."""

from collections.abc import Sequence

from buildgen.build_file import BuildFile, Entry, Rule, list_text, quote
from buildgen.house import area
from buildgen.package import CIRCLE, MODE, Package, mark, place
from buildgen.problems import Problems
from buildgen.targets import BINARY, CONFTEST, LIBRARY, SERVICE, TEST, Reason, Target, is_test_place, relative
from buildgen.tree import is_below

_ORDER = {SERVICE: 0, LIBRARY: 1, BINARY: 2, TEST: 4}
_BUILD_DEFS = "//tools/build_defs:python.bzl"
_SERVICE_DEFS = "//tools/build_defs:service.bzl"
_RULES_PYTHON = "@rules_python//python:{}.bzl"
_LOCKS = "SHARED_LIBS_LOCKS"


def render(package: Package, problems: Problems) -> str:
    """The new text of a package's BUILD file, "" where it is not needed."""
    build = BuildFile(package.text)
    for line in package.headers:
        build.add_header(line)
    for line in (f"{CIRCLE}\n{MODE}project", f"{CIRCLE}\n{MODE}file", CIRCLE):
        if line not in package.headers:
            build.drop_line(line)
    ours = {target.name for target in package.targets}
    for rule in list(build.rules):
        if rule.name not in ours and _is_left_over(rule, build, package):
            rule.removed = True
    symbols: set[str] = set()
    for target in sorted(package.targets, key=_sort_key):
        symbol, where = _kind_of(target, package)
        found = build.rule(target.name)
        if found is not None and found.kind != symbol:
            if not _is_ours(found.kind):
                problems.error(
                    package.build_path,
                    found.line,
                    f"a {found.kind} is called {target.name}, as the {symbol} of {', '.join(target.srcs)} would be",
                    "give it another name, or set `# gazelle:python_library_naming_convention`",
                )
                continue
            found.kind = symbol  # a test that was a library before, say
            found.changed = True
        if found is not None and found.kept:
            continue
        rule = found if found is not None else build.add(symbol, target.name, _next_rule(build, target, package))
        _fill(rule, target, package, build, problems)
        build.need(where, symbol)
        if _LOCKS in (rule.attributes["locks"].text if "locks" in rule.attributes else ""):
            build.need(where, _LOCKS)
        symbols.add(symbol)
    build.unload_unused({LIBRARY, BINARY, TEST, SERVICE, _LOCKS, *(_kind_of(t, package)[0] for t in package.targets)})
    return build.text()


def clean(package: Package) -> str:
    """The text of a BUILD file without what buildgen wrote, "" where nothing else is in it.

    A rule that holds something written by hand – a comment, an attribute, a name, a kept dependency – stays, without
    what buildgen put into it.
    """
    build = BuildFile(package.text)
    for line in package.headers:
        build.drop_line(line)
    for target in package.targets:
        symbol, _ = _kind_of(target, package)
        rule = build.rule(target.name)
        if rule is None or rule.kind != symbol or rule.kept:
            continue
        _strip(rule, target, package)
        if (
            set(rule.attributes) == {"name"}
            and rule.name == target.plain_name
            and not rule.comments
            and not rule.trailing
        ):
            rule.removed = True
    build.unload_unused({LIBRARY, BINARY, TEST, SERVICE, _LOCKS, *(_kind_of(t, package)[0] for t in package.targets)})
    return build.text()


def _kind_of(target: Target, package: Package) -> tuple[str, str]:
    """(what the rule is called, the file that it is loaded from)."""
    if target.kind == SERVICE:
        return SERVICE, _SERVICE_DEFS
    symbol, where = target.config.kind(target.kind)
    if where:
        return symbol, where
    if package.has_build_defs:
        return ("pytest_test" if target.kind == TEST else target.kind), _BUILD_DEFS
    return target.kind, _RULES_PYTHON.format(target.kind)


def _is_ours(kind: str) -> bool:
    return kind in (LIBRARY, BINARY, TEST, "pytest_test")


def _is_left_over(rule: Rule, build: BuildFile, package: Package) -> bool:
    """Whether a rule's files are all gone, or all belong to other targets now."""
    symbols = {_kind_of(target, package)[0] for target in package.targets} | {LIBRARY, BINARY, TEST, "pytest_test"}
    if rule.kind not in symbols or rule.kept:
        return False
    srcs = rule.strings("srcs")
    if rule.glob("srcs") is not None:
        return any(target.kind == rule.kind for target in package.targets)
    if not srcs or any(src.startswith(("//", "@", ":")) for src in srcs):
        return False
    held = {src for target in package.targets for src in target.srcs}
    made = {out for other in build.rules for out in [*(other.strings("outs") or []), other.string("out")]}
    return all(src.endswith(".py") and src not in made and (src in held or src not in package.files) for src in srcs)


def _sort_key(target: Target) -> tuple[int, str]:
    order = (
        3 if target.kind == LIBRARY and target.srcs[:1] and target.srcs[0].endswith(CONFTEST) else _ORDER[target.kind]
    )
    return order, target.name


def _next_rule(build: BuildFile, target: Target, package: Package) -> Rule | None:
    """The rule that a new one stands before."""
    known = {other.name: other for other in package.targets}
    key = _sort_key(target)
    for rule in build.rules:
        other = known.get(rule.name)
        if rule.statement is not None and not rule.removed and other is not None and _sort_key(other) > key:
            return rule
    return None


def _entries(table: dict[str, list[Reason]], package: str) -> list[Entry]:
    return [Entry(relative(dep, package), mark(reasons, package)) for dep, reasons in sorted(table.items())]


def _fill(rule: Rule, target: Target, package: Package, build: BuildFile, problems: Problems) -> None:
    """Sets what buildgen decides."""
    path = package.path

    def merge(name: str, entries: list[Entry], *, replace: bool, globs: Sequence[str] = ()) -> None:
        if not rule.merge(name, entries, replace=replace, globs=globs):
            problems.warn(
                package.build_path,
                rule.line,
                f"{name} of {rule.name} is an expression that cannot be edited",
                "write it as a list, or mark it `# keep`",
            )

    if target.kind == SERVICE:
        rule.set("package", quote(target.service_package))
        merge("deps", _entries(target.deps, path), replace=True)
        return
    srcs = [Entry(src, place(target.hidden[src], path) if src in target.hidden else "") for src in sorted(target.srcs)]
    merge("srcs", srcs, replace=True)
    stubs = [f"{src}i" for src in target.srcs if f"{src}i" in package.stubs]
    if target.config.pyi_srcs and (stubs or "pyi_srcs" in rule.attributes):
        merge("pyi_srcs", [Entry(stub) for stub in stubs], replace=True)
    if target.kind == BINARY and target.main:
        rule.set("main", quote(target.main))
    # A test is read by its path. Gazelle gives it an import root all the same.
    wants_root = target.kind != TEST or package.uses_gazelle
    if wants_root and (root := _import_root(target)) and not rule.attribute_kept("imports"):
        rule.set("imports", list_text([root]))
    if target.testonly:
        rule.set("testonly", "True")
    if target.kind == TEST:
        if target.config.test_size and not {"size", "timeout"} & rule.attributes.keys():
            rule.set("size", quote(target.config.test_size))
        if package.shared_locks and "locks" not in rule.attributes:
            rule.set("locks", _LOCKS)
    else:
        _see(rule, target, build)
    merge("deps", _entries(target.deps, path), replace=True)
    if target.type_deps or "pyi_deps" in rule.attributes:
        merge("pyi_deps", _entries(target.type_deps, path), replace=True)
    if target.data or target.globs or "data" in rule.attributes:
        merge("data", _entries(target.data, path), replace=False, globs=sorted(target.globs))


def _import_root(target: Target) -> str:
    """The `imports` entry that makes the target's names begin where they should."""
    if not target.root:
        return ""
    if target.root == target.package:
        return "." if target.kind == LIBRARY else ""
    if not is_below(target.package, target.root):
        return ""
    return "/".join([".."] * (target.package[len(target.root) :].count("/")))


def default_visibility(target: Target) -> list[str]:
    """Who may depend on a target, where nobody said it by hand."""
    config, path = target.config, target.package
    if config.default_visibility is not None:
        chosen = [entry.replace("$python_root$", config.root or "") for entry in config.default_visibility]
        return sorted({*chosen, *(entry.replace("$python_root$", config.root or "") for entry in config.visibility)})
    kind, home = area(path)
    if is_test_place(path):
        parts = path.split("/")
        cut = next(i for i, part in enumerate(parts) if is_test_place(part))
        seen = "/".join(parts[: cut + 1])
        found = [f"//{seen}:__subpackages__"]
    elif kind == "shared":
        found = ["//visibility:public"]
    elif kind == "service":
        found = [f"//{home}:__subpackages__"]
    elif kind == "tools":
        found = ["//tools:__subpackages__"]
    elif kind == "deploy":
        found = [f"//{'/'.join(path.split('/')[:2])}:__subpackages__"]
    else:
        found = ["//:__subpackages__"]
    return sorted({*found, *config.visibility})


def _wanted_visibility(target: Target) -> list[str]:
    chosen = default_visibility(target)
    return sorted({*chosen, *(f"//{user}:__pkg__" for user in target.users if not _sees(chosen, user, target.package))})


def _see(rule: Rule, target: Target, build: BuildFile) -> None:
    """Sets a visibility where there is none, and adds those who use the target and may not see it."""
    if "visibility" not in rule.attributes:
        if build.default_visibility():
            return
        if wanted := _wanted_visibility(target):
            rule.merge("visibility", [Entry(entry) for entry in wanted], replace=False)
        return
    have = rule.strings("visibility")
    if have is None:
        return
    if have == ["//visibility:private"]:
        have = []
    missing = [f"//{user}:__pkg__" for user in sorted(target.users) if not _sees(have, user, target.package)]
    if missing and "//visibility:private" not in have:
        rule.merge("visibility", [Entry(entry) for entry in missing], replace=False)


def _sees(visibility: Sequence[str], user: str, package: str) -> bool:
    if user == package:
        return True
    for entry in visibility:
        if entry == "//visibility:public" or not entry.endswith(
            (":__pkg__", ":__subpackages__", ":private", ":public")
        ):
            return True
        path, _, what = entry[2:].partition(":")
        if (what == "__pkg__" and path == user) or (what == "__subpackages__" and is_below(user, path)):
            return True
    return False


def _strip(rule: Rule, target: Target, package: Package) -> None:
    """Takes out of a rule what `_fill` would put there."""
    if target.kind == SERVICE:
        rule.remove("package")
        rule.merge("deps", [], replace=True)
        return
    if not target.by_hand:
        rule.merge("srcs", [], replace=True)
    for name in ("deps", "pyi_deps", "pyi_srcs"):
        rule.merge(name, [], replace=True)
    rule.merge("data", [], replace=False)
    if target.main and rule.string("main") == target.main:
        rule.remove("main")
    if (root := _import_root(target)) and rule.strings("imports") == [root]:
        rule.remove("imports")
    if target.testonly and (is_test_place(target.package) or target.srcs[0].endswith(CONFTEST)):
        rule.remove("testonly")
    if target.kind == TEST:
        if target.config.test_size and rule.string("size") == target.config.test_size:
            rule.remove("size")
        if package.shared_locks and "locks" in rule.attributes and rule.attributes["locks"].text == _LOCKS:
            rule.remove("locks")
    elif rule.strings("visibility") is not None and sorted(rule.strings("visibility") or []) == _wanted_visibility(
        target
    ):
        rule.remove("visibility")
