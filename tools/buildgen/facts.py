"""Reads a whole workspace: its folders, what its Python files say, and what its BUILD files hold."""

import marshal
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from buildgen.cache import Cache, digest_of
from buildgen.config import Config, configure
from buildgen.directives import Directive, directives_in
from buildgen.locks import Locks, read_locks
from buildgen.problems import Problems
from buildgen.scanned import Scan
from buildgen.settings import Settings, read_settings
from buildgen.tree import Folder, matches, parent, walk

if TYPE_CHECKING:
    from buildgen.build_file import Rule

#: The modules whose results are kept in the cache.
READERS = (
    "scan.py",
    "deep.py",
    "tokens.py",
    "scanned.py",
    "asking.py",
    "fixtures.py",
    "starlark.py",
    "build_file.py",
    "facts.py",
)

#: Below this many bytes of unread source, a second process costs more than it brings.
_WORTH_A_PROCESS = 150_000


class RuleFacts(NamedTuple):
    """A rule as it stands in a BUILD file."""

    kind: str
    name: str
    line: int
    srcs: list[str] | None  # None where it is missing or not a plain list
    glob: list[list[str]] | None  # [patterns, excluded] where srcs is one glob
    imports: list[str] | None
    visibility: list[str] | None
    testonly: bool
    kept: bool
    outs: list[str]
    bare: bool  # as `--clean` leaves what was written into a rule by hand: no srcs, and only deps that are kept


class BuildFacts(NamedTuple):
    """What a BUILD file holds."""

    text: str
    directives: list[Directive]
    rules: list[RuleFacts]
    exported: list[str]
    default_visibility: list[str]
    error: list[Any]  # [line, message] where it cannot be read, else []


class Workspace:
    """Everything that was read."""

    def __init__(
        self,
        root: str,
        folders: dict[str, Folder],
        scans: dict[str, Scan],
        builds: dict[str, BuildFacts],
        configs: dict[str, Config],
        settings: Settings,
        locks: Locks,
        cache: Cache,
        problems: Problems,
    ) -> None:
        self.root = root
        self.folders = folders
        self.scans = scans  # by path
        self.builds = builds  # by folder
        self.configs = configs  # by folder
        self.settings = settings
        self.locks = locks
        self.cache = cache
        self.problems = problems

    @property
    def uses_gazelle(self) -> bool:
        """Whether the workspace runs Gazelle too: then BUILD files tell it what the layout tells buildgen."""
        return "" in self.builds and "gazelle(" in self.builds[""].text

    def build_path(self, folder: str) -> str:
        found = self.folders[folder]
        return found.at(found.build or "BUILD.bazel")

    def exists(self, path: str) -> str:
        """ "file", "folder" or "" for what stands at a path of the workspace."""
        full = os.path.join(self.root, path)
        return "file" if os.path.isfile(full) else "folder" if os.path.isdir(full) else ""


def read_workspace(root: str, *, cache_folder: str | None = None, processes: int = 2) -> Workspace:
    """Reads the workspace at `root`. What cannot be read is among its problems."""
    here = os.path.dirname(os.path.abspath(__file__))
    readers = tuple(os.path.join(here, name) for name in READERS)
    cache = Cache(root, readers, cache_folder)
    problems = Problems()
    folders = walk(root)
    builds = {path: _read_build(root, folder, cache, problems) for path, folder in folders.items() if folder.build}
    remembered = _remembering(cache)
    settings = read_settings(root, folders, remembered, problems)
    configs = _configs(folders, builds, settings, problems)
    _leave_out_excluded(folders, builds, configs)
    services = [
        path for path in folders if path.startswith("services/") and path.count("/") == 1 and _has_python(path, folders)
    ]
    locks = read_locks(root, services, remembered, problems)
    scans = _read_sources(root, folders, configs, cache, problems, processes)
    return Workspace(root, folders, scans, builds, configs, settings, locks, cache, problems)


def _has_python(path: str, folders: dict[str, Folder]) -> bool:
    folder = folders.get(path)
    return folder is not None and (bool(folder.python) or any(_has_python(inner, folders) for inner in folder.folders))


def _remembering(cache: Cache) -> Callable[[str, bytes, Callable[[], Any]], Any]:
    def remembered(path: str, data: bytes, read: Callable[[], Any]) -> Any:
        key = f"{path}:{digest_of(data)}"
        value = cache.recall("read", key)
        if value is None:
            import json  # not at the top: it takes longer to load than most runs need for all that they read

            value = json.loads(json.dumps(read(), default=str))
            cache.remember("read", key, value)
        return value

    return remembered


# --------------------------------------------------------------------------------------------------------- BUILD files


def _read_build(root: str, folder: Folder, cache: Cache, problems: Problems) -> BuildFacts:
    path = folder.at(folder.build)
    stat = folder.stats[folder.build]
    known = cache.fresh("build", path, stat)
    if known is None:
        try:
            with open(os.path.join(root, path), "rb") as file:
                data = file.read()
            text = data.decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            problems.error(path, 0, f"cannot be read: {reason}", "mend it; the folder is left as it is")
            return BuildFacts("", [], [], [], [], [0, str(reason)])
        digest = digest_of(data)
        known = cache.by_content("build", path, stat, digest)
        if known is None:
            known = _parse_build(text)
            cache.put("build", path, stat, digest, known)
    facts = BuildFacts(
        text=known["text"],
        directives=[Directive(*row) for row in known["directives"]],
        rules=[RuleFacts(*row) for row in known["rules"]],
        exported=known["exported"],
        default_visibility=known["default_visibility"],
        error=known["error"],
    )
    if facts.error:
        problems.error(
            path, facts.error[0], f"not a BUILD file: {facts.error[1]}", "mend it; the folder is left as it is"
        )
    return facts


def _parse_build(text: str) -> dict[str, Any]:
    from buildgen.build_file import BuildFile
    from buildgen.starlark import StarlarkError

    directives = [[d.tool, d.key, d.value, d.line] for d in directives_in(text)]
    result: dict[str, Any] = {
        "text": text,
        "directives": directives,
        "rules": [],
        "exported": [],
        "default_visibility": [],
        "error": [],
    }
    try:
        parsed = BuildFile(text)
    except StarlarkError as error:
        result["error"] = [error.line, str(error)]
        return result
    for rule in parsed.rules:
        glob = rule.glob("srcs")
        result["rules"].append(
            [
                rule.kind,
                rule.name,
                rule.line,
                rule.strings("srcs"),
                [glob[0], glob[1]] if glob else None,
                rule.strings("imports"),
                rule.strings("visibility"),
                "testonly" in rule.attributes and rule.attributes["testonly"].text == "True",
                rule.kept,
                [*(rule.strings("outs") or []), *([out] if (out := rule.string("out")) else [])],
                _is_bare(rule),
            ]
        )
    result["exported"] = sorted(parsed.exported())
    result["default_visibility"] = parsed.default_visibility()
    return result


def _is_bare(rule: "Rule") -> bool:
    if "srcs" in rule.attributes:
        return False
    value = rule.value("deps")
    return "deps" not in rule.attributes or (
        value is not None and value.kind == "list" and all("keep" in item.suffix for item in value.items)
    )


def _configs(
    folders: dict[str, Folder], builds: dict[str, BuildFacts], settings: Settings, problems: Problems
) -> dict[str, Config]:
    configs: dict[str, Config] = {}
    roots = set(settings.roots)
    for path, folder in folders.items():
        above = configs[parent(path)] if path else Config()
        build = builds.get(path)
        directives = [d for d in build.directives if not _is_ours(d, build)] if build else []
        config = configure(above, path, folder.at(folder.build or "BUILD.bazel"), directives, problems)
        if path in roots:
            config = config._replace(root=path)
        if build is not None and build.error:
            config = config._replace(handwritten=True)  # what it says is not known: nothing in it is touched
        configs[path] = config
    return configs


def _is_ours(directive: Directive, build: BuildFacts) -> bool:
    """Whether a directive was written by buildgen for a circle, which is looked for anew in each run."""
    return directive.key == "python_generation_mode" and any(
        d.tool == "buildgen" and d.key == "circle" and d.line == directive.line - 1 for d in build.directives
    )


def _leave_out_excluded(folders: dict[str, Folder], builds: dict[str, BuildFacts], configs: dict[str, Config]) -> None:
    """Drops what `# gazelle:exclude` names, and files that are to be ignored."""
    for path in list(folders):
        folder = folders[path]
        excludes = configs[path].excludes
        if path and any(matches(path, pattern) for pattern in excludes):
            del folders[path]
            builds.pop(path, None)
            continue
        if excludes:
            folder.python = [n for n in folder.python if not any(matches(folder.at(n), p) for p in excludes)]
        if ignored := configs[path].ignored_files:
            # A service's __main__.py is hidden from Gazelle, which would make a second program of it.
            folder.python = [name for name in folder.python if name not in ignored or name == "__main__.py"]
    for folder in folders.values():
        folder.folders = [path for path in folder.folders if path in folders]


# -------------------------------------------------------------------------------------------------------- Python files


def _read_sources(
    root: str,
    folders: dict[str, Folder],
    configs: dict[str, Config],
    cache: Cache,
    problems: Problems,
    processes: int,
) -> dict[str, Scan]:
    scans: dict[str, Scan] = {}
    unread: list[tuple[str, tuple[int, int]]] = []
    for folder in folders.values():
        for name in folder.python:
            path = folder.at(name)
            known = cache.fresh("scan", path, folder.stats[name])
            if known is not None:
                scans[path] = Scan(*known)
            else:
                unread.append((path, folder.stats[name]))
    if unread:
        for path, stat, digest, result in _scan_all(root, unread, cache, processes):
            if digest:
                cache.put("scan", path, stat, digest, result)
            scans[path] = Scan(*result)
    for path, found in scans.items():
        if found.error:
            line, message = found.error
            problems.error(path, int(str(line)), str(message), "mend it; its imports are not known until then")
    return scans


_Row = tuple[str, tuple[int, int], str, list[Any]]


def _scan_all(root: str, unread: list[tuple[str, tuple[int, int]]], cache: Cache, processes: int) -> list[_Row]:
    size = sum(stat[1] for _, stat in unread)
    if processes < 2 or size < _WORTH_A_PROCESS or not hasattr(os, "fork"):
        return _scan_some(root, unread, cache)
    # Two halves of about the same size: the largest first, dealt in turn.
    ordered = sorted(unread, key=lambda row: -row[1][1])
    ours, theirs = ordered[::2], ordered[1::2]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            data = marshal.dumps(_scan_some(root, theirs, None))
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(data)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    rows = _scan_some(root, ours, cache)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    try:
        received = marshal.loads(data)
    except (ValueError, EOFError, TypeError):
        return rows + _scan_some(root, theirs, cache)
    return rows + [(path, (stat[0], stat[1]), digest, result) for path, stat, digest, result in received]


def _scan_some(root: str, files: list[tuple[str, tuple[int, int]]], cache: Cache | None) -> list[_Row]:
    """Reads files. With a cache, one whose contents are known is not scanned."""
    import gc
    import warnings

    from buildgen.scan import scan  # only where something is to be read: it takes longer to load than the rest

    warnings.simplefilter("ignore")  # what the compiler warns of in other people's code is not our matter
    gc.disable()
    rows: list[_Row] = []
    try:
        for path, stat in files:
            try:
                with open(os.path.join(root, path), "rb") as file:
                    data = file.read()
            except OSError as error:
                failed = Scan([], [], 0, False, True, [], [], [], [], [0, f"cannot be read: {error.strerror}"])
                rows.append((path, stat, "", list(failed)))
                continue
            digest = digest_of(data)
            known = cache.by_content("scan", path, stat, digest) if cache is not None else None
            rows.append((path, stat, digest, known if known is not None else list(scan(data, os.path.basename(path)))))
    finally:
        gc.enable()
    return rows
