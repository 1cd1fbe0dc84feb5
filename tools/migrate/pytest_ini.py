"""Each service's pytest.ini: the old configuration carried over, with its own import roots and tests."""

import posixpath
import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

#: Where pytest looks in a folder, in its order, and the section that counts there.
CONFIG_FILES = {
    "pytest.toml": "",
    ".pytest.toml": "",
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "pyproject.toml": "",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}

#: Options that are set anew for each place.
_REPLACED = ("testpaths", "pythonpath")

_WORD_LISTS = {
    *("addopts", "testpaths", "pythonpath", "norecursedirs", "python_files", "python_classes", "python_functions"),
    *("usefixtures", "required_plugins", "confcutdir", "collect_ignore"),
}
_SECTION = re.compile(r"^\[([^\]]*)\]")
_OPTION = re.compile(r"^([^\s#;\[=:][^=:]*?)\s*[=:]\s?(.*)$")
_IMPORT_MODE = re.compile(r"--import-mode(?:=|\s+)(\w+)")


@dataclass(frozen=True)
class Settings:
    """A pytest configuration: the file it is from, and its options, each with the lines that state it, comments too.

    An option's first line is `name = value`; the name "" holds comments.
    """

    path: str
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def value(self, name: str) -> str:
        """An option as one text, "" where it is not set."""
        for option, lines in self.options:
            if option == name:
                match = _OPTION.match(lines[0])
                rest = [line for line in lines[1:] if not line.strip().startswith(("#", ";"))]
                return "\n".join([match[2] if match else "", *rest]).strip()
        return ""

    def words(self, name: str) -> list[str]:
        try:
            return shlex.split(self.value(name))
        except ValueError:
            return self.value(name).split()


def settings_for(folder: str, files: Mapping[str, bytes]) -> Settings | None:
    """The configuration that pytest takes for tests in `folder` ("" for the root), None where there is none.

    files: the contents of every file that may hold one, by path.
    """
    parts = folder.split("/") if folder else []
    for count in range(len(parts), -1, -1):
        for name in CONFIG_FILES:
            path = "/".join([*parts[:count], name])
            if path in files and (found := read_settings(path, files[path])) is not None:
                return found
    return None


def read_settings(path: str, contents: bytes) -> Settings | None:
    """What one file holds for pytest, None where that is nothing. A pytest.ini counts even when it is empty."""
    name = posixpath.basename(path)
    text = contents.decode("utf-8", "replace")
    if name.endswith(".toml"):
        try:
            data: Any = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return None
        for key in ("tool", "pytest") if name == "pyproject.toml" else ("pytest",):
            data = data.get(key) if isinstance(data, dict) else None
        if isinstance(data, dict) and isinstance(data.get("ini_options"), dict):
            data = data["ini_options"]
        if not isinstance(data, dict):
            return Settings(path) if name != "pyproject.toml" else None
        return Settings(path, tuple((key, _from_toml(key, value)) for key, value in data.items()))
    options = _section(text, CONFIG_FILES[name])
    if options is None:
        return Settings(path) if name in ("pytest.ini", ".pytest.ini") else None
    return Settings(path, options)


def _from_toml(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        items = [str(item) for item in value]
        if name in _WORD_LISTS:
            return (f"{name} = {shlex.join(items)}",)
        return (f"{name} =", *(f"    {item}" for item in items))
    if isinstance(value, bool):
        return (f"{name} = {str(value).lower()}",)
    first, *rest = str(value).strip().splitlines() or [""]
    return (f"{name} = {first}".rstrip(), *(f"    {line.strip()}" for line in rest if line.strip()))


def _section(text: str, wanted: str) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """The lines of a section, by option; None where there is no such section."""
    options: list[tuple[str, list[str]]] = []
    inside = found = False
    for line in text.splitlines():
        header = _SECTION.match(line)
        if header:
            inside = header[1].strip() == wanted
            found |= inside
            continue
        if not inside:
            continue
        option = _OPTION.match(line)
        if option:
            options.append((option[1].strip(), [line.rstrip()]))
        elif options and options[-1][0] and line[:1].isspace() and line.strip():
            options[-1][1].append(line.rstrip())
        else:
            options.append(("", [line.rstrip()]))
    return tuple((name, tuple(lines)) for name, lines in options) if found else None


def pytest_ini(
    intro: Sequence[str],
    old: Settings | None,
    import_roots: Iterable[str],
    test_paths: Iterable[str],
    more_options: Mapping[str, str],
) -> bytes:
    """A pytest.ini.

    intro: comment lines at its top.
    import_roots, test_paths: relative to the file's folder.
    more_options: command-line options for addopts, name -> value; they replace the old ones of that name.
    """
    lines = [*(f"# {line}" for line in intro), "[pytest]"]
    lines.append("testpaths = " + " ".join(shlex.quote(path) for path in test_paths))
    lines.append("pythonpath = " + " ".join(shlex.quote(path) for path in import_roots))
    carried: list[str] = []
    missing = dict(more_options)
    for name, stated in old.options if old else ():
        if name in _REPLACED:
            continue
        if name == "addopts":
            stated = _with_options(stated, more_options)
            missing = {}
        carried += stated
    while carried and not carried[0].strip():
        carried.pop(0)
    while carried and not carried[-1].strip():
        carried.pop()
    if missing:
        lines.append("addopts = " + " ".join(f"{name}={value}" for name, value in missing.items()))
    if carried and old:
        lines += ["", f"# From {old.path}:", *carried]
    return ("\n".join(lines) + "\n").encode()


def with_options(contents: bytes, options: Mapping[str, Sequence[str]]) -> bytes:
    """A pytest.ini with some options set (name -> words); every other byte stays as it is."""
    newline = b"\r\n" if b"\r\n" in contents else b"\n"
    lines = contents.splitlines(keepends=True)
    start = next((number for number, line in enumerate(lines) if line.strip() == b"[pytest]"), None)
    new = {name: f"{name} = {' '.join(map(shlex.quote, words))}".encode() + newline for name, words in options.items()}
    if start is None:
        return b"[pytest]" + newline + b"".join(new.values()) + (newline if lines else b"") + contents
    kept = lines[: start + 1]
    if not kept[-1].endswith(b"\n"):
        kept[-1] += newline
    body: list[bytes] = []
    inside, dropping = True, False
    for line in lines[start + 1 :]:
        inside = inside and not line.startswith(b"[")
        option = _OPTION.match(line.decode("latin-1").rstrip("\r\n")) if inside else None
        if option:
            name = option[1].strip()
            dropping = name in options
            if name in new:
                body.append(new.pop(name))
        elif not inside or not (line[:1].isspace() and line.strip()):
            dropping = False
        if not dropping:
            body.append(line)
    return b"".join([*kept, *new.values(), *body])


def _with_options(stated: Sequence[str], more: Mapping[str, str]) -> tuple[str, ...]:
    lines = list(stated)
    for name, value in more.items():
        pattern = re.compile(re.escape(name) + r"(=|\s+)\S+")
        at = next((number for number, line in enumerate(lines) if pattern.search(line)), None)
        if at is not None:
            lines[at] = pattern.sub(f"{name}={value}", lines[at])
        elif len(lines) == 1:
            lines[0] = f"{lines[0]} {name}={value}"
        else:
            lines.append(f"    {name}={value}")
    return tuple(lines)


@dataclass(frozen=True)
class ImportMode:
    """How pytest shall import a service's tests. `option` is "" where the old configuration already says it."""

    option: str
    remarks: tuple[str, ...] = ()


def import_mode(
    tests: Collection[str],
    exists: Callable[[str], bool],
    old: Settings | None,
    packages: Collection[str],
) -> ImportMode:
    """How pytest can import a service's tests so that no two of them, nor a test and a package, share a name.

    `prepend`, pytest's own way, keeps `import helpers` and `from tests.helpers import …` working, and stays wherever
    it works. Where two test files would be one module, `importlib` is the only way.

    tests: every Python file in the service's tests folder, new paths.
    exists: whether there is such a file afterwards.
    packages: the top-level names that the service's src holds.
    """
    patterns = (old.words("python_files") if old else []) or ["test_*.py", "*_test.py"]
    set_before = _IMPORT_MODE.search(old.value("addopts")) if old else None
    names: dict[str, list[str]] = {}
    remarks: list[str] = []
    shadowing: set[str] = set()
    for path in sorted(tests):
        base = posixpath.basename(path)
        if not any(fnmatch(base, pattern) for pattern in patterns):
            continue
        name = module_name(path, exists)
        names.setdefault(name, []).append(path)
        if name.partition(".")[0] in packages:
            shadowing.add(name.partition(".")[0])
    twice = {name: paths for name, paths in names.items() if len(paths) > 1}
    for name in sorted(shadowing):
        remarks.append(
            f"the tests hold a package or module `{name}`, and so does src: rename the folder of the tests, or remove "
            f"its __init__.py"
        )
    if not twice:
        return ImportMode("", tuple(remarks))
    pair = next(iter(twice.values()))
    if set_before and set_before[1] == "importlib":
        return ImportMode("", tuple(remarks))
    remarks.append(f"{pair[0]} and {pair[1]} have one module name: pytest imports the tests with import mode importlib")
    return ImportMode("importlib", tuple(remarks))


def module_name(path: str, exists: Callable[[str], bool]) -> str:
    """What pytest's `prepend` calls a test file: dotted from the topmost folder in a row with `__init__.py`."""
    folder, _, base = path.rpartition("/")
    parts = [base.removesuffix(".py")]
    while folder and exists(f"{folder}/__init__.py"):
        folder, _, last = folder.rpartition("/")
        parts.insert(0, last)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def relative(path: str, start: str) -> str:
    """`path` from `start`, both from the repository's root, "" being the root."""
    return posixpath.relpath(path or ".", start or ".")
