"""Reads what a repository says it requires: pip's files, pyproject.toml, setup.cfg, setup.py, Pipfile.

Nothing is run: of setup.py only literal lists are seen. What cannot be read is said in `Requirements.problems` and
left out; nobody's requirements file shall stop a migration.
"""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
_INDEX_OPTIONS = (
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host", "--pre"),
    *("--prefer-binary", "--only-binary", "--no-binary"),
)
_COMMENT = re.compile(r"(^|\s)#.*$")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_VIA = re.compile(r"#\s+via\b\s*(.*)")
_VIA_MORE = re.compile(r"#\s{2,}(\S.*)")
_POETRY_VERSION = re.compile(r"([\^~])\s*(\d+(?:\.\d+)*)(.*)")
_DEVELOPMENT = re.compile(r"(^|[^a-z])(dev|develop|development|test|tests|testing|lint|docs?|ci|typing|qa)([^a-z]|$)")


@dataclass(frozen=True)
class OldRequirement:
    """One requirement as an old file states it.

    `text` is what pip is given; `group` is "" at run time, else the extra or group (`dev`, `test`); `via` is what a
    compiled file says it is there for, empty where nothing is said.
    """

    name: str  # normalised: pyyaml, google-cloud-storage
    text: str
    path: str
    line: int
    group: str = ""
    via: tuple[str, ...] = ()

    @property
    def parsed(self) -> Requirement | None:
        """Its parts; None for a URL that pip takes and the standard's form does not."""
        try:
            return Requirement(self.text)
        except InvalidRequirement:
            return None

    @property
    def is_transitive(self) -> bool:
        """Whether the file says that it is there only for other distributions."""
        return bool(self.via) and not any(name.startswith("-r ") or "(pyproject" in name for name in self.via)

    @property
    def is_for_development(self) -> bool:
        return bool(_DEVELOPMENT.search(self.group.lower()))


@dataclass
class Requirements:
    """What all old files require, in their order; pip's index options by file; and what could not be read."""

    entries: list[OldRequirement] = field(default_factory=list)
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def of(self, name: str) -> list[OldRequirement]:
        """All that is said of one distribution."""
        wanted = canonicalize_name(name)
        return [entry for entry in self.entries if entry.name == wanted]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self.entries)


def read_requirement_files(files: Mapping[str, bytes]) -> Requirements:
    """Everything that these files (path -> contents) require.

    A compiled `x.txt` beside its `x.in` is passed over: the `.in` file is what people wrote.
    """
    found = Requirements()
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        name = PurePosixPath(path).name
        if name.endswith(".txt") and path.removesuffix(".txt") + ".in" in files:
            continue
        try:
            text = files[path].decode("utf-8-sig")
        except UnicodeDecodeError:
            try:
                text = files[path].decode("utf-16") if files[path][:2] in (b"\xff\xfe", b"\xfe\xff") else ""
            except UnicodeDecodeError:
                text = ""
            if not text:
                found.problems.append(f"{path}: not UTF-8: its requirements are not read")
                continue
        try:
            _read_one(path, name, text, found)
        except (tomllib.TOMLDecodeError, configparser.Error, SyntaxError, ValueError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            found.problems.append(f"{path}: its requirements are not read: {reason}")
    return found


def _read_one(path: str, name: str, text: str, found: Requirements) -> None:
    if name == "pyproject.toml":
        _read_pyproject(path, text, found)
    elif name == "Pipfile":
        _read_pipfile(path, text, found)
    elif name == "setup.cfg":
        _read_setup_cfg(path, text, found)
    elif name == "setup.py":
        _read_setup_py(path, text, found)
    elif name.endswith((".txt", ".in", ".pip")):
        _read_pip(path, text, found)


def _read_pip(path: str, text: str, found: Requirements) -> None:
    stem = PurePosixPath(path).stem
    group = stem if _DEVELOPMENT.search(stem.lower()) else ""
    options: list[str] = []
    for line, logical, via in _logical_lines(text):
        words = logical.split(maxsplit=1)
        option, _, value = words[0].partition("=") if words[0].startswith("--") else (words[0], "", "")
        if option in _INCLUDES or (option[:2] in ("-r", "-c") and not option.startswith("--")):
            continue
        if option in _INDEX_OPTIONS:
            options.append(logical)
            continue
        editable = option in ("-e", "--editable")
        rest = (words[1] if len(words) > 1 else value) if editable else logical
        rest = re.split(r"\s--(?:hash|global-option|config-settings)[ =]", rest)[0].strip()
        if not editable and option.startswith("-"):
            found.problems.append(f"{path}:{line}: `{logical}` is not understood")
            continue
        _add(found, path, line, rest, group, via=via, editable=editable)
    if options:
        found.options[path] = tuple(dict.fromkeys(options))


def _logical_lines(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Line number, the line without comment and continuation, and what its `# via` comments name."""
    rows = text.splitlines()
    number = 0
    while number < len(rows):
        start = number
        row = rows[number]
        while _COMMENT.sub("", row).rstrip().endswith("\\") and number + 1 < len(rows):
            number += 1
            row = _COMMENT.sub("", row).rstrip()[:-1] + " " + rows[number].lstrip()
        number += 1
        code = _COMMENT.sub("", row).strip()
        if not code:
            continue
        yield start + 1, code, _via(row, rows[number:])


def _via(row: str, following: list[str]) -> tuple[str, ...]:
    """What `# via …` on the line, or on the comment lines right below it, names."""
    comments = [match[0].strip()] if (match := _COMMENT.search(row)) else []
    for text in following:
        if not text.strip().startswith("#"):
            break
        comments.append(text.strip())
    names: list[str] = []
    started = False
    for comment in comments:
        begins = _VIA.match(comment)
        more = _VIA_MORE.match(comment) if started else None
        if begins:
            started = True
            names.append(begins[1])
        elif more:
            names.append(more[1])
        elif started:
            break
    return tuple(part.strip() for name in names for part in name.split(",") if part.strip())


def _add(
    found: Requirements,
    path: str,
    line: int,
    text: str,
    group: str = "",
    *,
    via: tuple[str, ...] = (),
    editable: bool = False,
) -> None:
    egg = _EGG.search(text)
    if egg is None:
        try:
            name = Requirement(text).name
        except InvalidRequirement:
            if text.startswith((".", "/", "file:")):
                if text.rstrip("/") not in (".", "./") and not text.startswith(".["):  # the project itself is no matter
                    found.problems.append(f"{path}:{line}: `{text}` is a folder: add it where it is needed")
                return
            repository = re.search(r"([A-Za-z0-9._-]+?)(?:\.git)?(?:@[^/]*)?(?:#.*)?$", text)
            if "://" not in text or repository is None:
                found.problems.append(f"{path}:{line}: `{text}` is not a requirement")
                return
            name = repository[1]
    else:
        name = egg[1]
    shown = f"-e {text}" if editable else text
    found.entries.append(OldRequirement(canonicalize_name(name), shown, path, line, group, via))


def _line_of(text: str, requirement: str) -> int:
    """The first line that holds it, 1 where it is not there literally."""
    place = text.find(requirement)
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _read_pyproject(path: str, text: str, found: Requirements) -> None:
    data = tomllib.loads(text)
    project = _table(data.get("project"))

    def add(requirements: Iterable[str], group: str) -> None:
        for requirement in requirements:
            _add(found, path, _line_of(text, requirement), requirement, group)

    add(_strings(project.get("dependencies")), "")
    for group, requirements in _table(project.get("optional-dependencies")).items():
        add(_strings(requirements), group)
    for group, requirements in _table(data.get("dependency-groups")).items():
        add(_strings(requirements), group)
    poetry = _table(_table(data.get("tool")).get("poetry"))
    groups = {"": _table(poetry.get("dependencies")), "dev": _table(poetry.get("dev-dependencies"))}
    for group, table in _table(poetry.get("group")).items():
        groups[group] = _table(_table(table).get("dependencies"))
    for group, table in groups.items():
        for name, wanted in table.items():
            if name.lower() != "python":
                _add(found, path, _line_of(text, name), _from_table(name, wanted), group)


def _read_pipfile(path: str, text: str, found: Requirements) -> None:
    data = tomllib.loads(text)
    for section, group in (("packages", ""), ("dev-packages", "dev")):
        for name, wanted in _table(data.get(section)).items():
            _add(found, path, _line_of(text, name), _from_table(name, wanted), group)


def _from_table(name: str, wanted: Any) -> str:
    """A requirement as Poetry and Pipenv write it (`"^1.2"`, `{version = "*", extras = […]}`), in pip's form."""
    table = wanted if isinstance(wanted, dict) else {"version": wanted}
    extras = f"[{','.join(_strings(table.get('extras')))}]" if _strings(table.get("extras")) else ""
    if "git" in table:
        ref = table.get("rev") or table.get("tag") or table.get("branch") or table.get("ref")
        text = f"{name}{extras} @ git+{table['git']}" + (f"@{ref}" if ref else "")
    else:
        text = f"{name}{extras}{_pip_version(str(table.get('version', '*')))}"
    marker = table.get("markers")
    return f"{text} ; {marker}" if isinstance(marker, str) else text


def _pip_version(version: str) -> str:
    parts = []
    for part in (part.strip() for part in version.split(",")):
        poetry = _POETRY_VERSION.fullmatch(part)
        if poetry and not part.startswith("~="):
            numbers = [int(number) for number in poetry[2].split(".")]
            kept = 1 if poetry[1] == "~" and len(numbers) > 1 else 0
            if poetry[1] == "^":
                kept = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
            upper = [*numbers[:kept], numbers[kept] + 1]
            parts += [f">={poetry[2]}{poetry[3]}", "<" + ".".join(map(str, upper))]
        elif part and part != "*":
            parts.append(part if part[0] in "<>=!~" else f"=={part}")
    return ",".join(parts)


def _read_setup_cfg(path: str, text: str, found: Requirements) -> None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    lists = {"": parser.get("options", "install_requires", fallback="")}
    lists["test"] = parser.get("options", "tests_require", fallback="")
    if parser.has_section("options.extras_require"):
        lists.update(parser.items("options.extras_require"))
    for group, value in lists.items():
        for requirement in filter(None, (_COMMENT.sub("", row).strip() for row in re.split(r"[\n]", value))):
            _add(found, path, _line_of(text, requirement), requirement, group)


def _read_setup_py(path: str, text: str, found: Requirements) -> None:
    tree = ast.parse(text)
    named: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node.value
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "setup"):
            continue
        for keyword in call.keywords:
            value = named.get(keyword.value.id) if isinstance(keyword.value, ast.Name) else keyword.value
            if keyword.arg in ("install_requires", "tests_require"):
                group = "" if keyword.arg == "install_requires" else "test"
                _add_literals(found, path, value, group)
            elif keyword.arg == "extras_require" and isinstance(value, ast.Dict):
                for key, item in zip(value.keys, value.values, strict=True):
                    _add_literals(found, path, item, key.value if isinstance(key, ast.Constant) else "extra")


def _add_literals(found: Requirements, path: str, value: ast.expr | None, group: Any) -> None:
    if not isinstance(value, ast.List | ast.Tuple):
        line = getattr(value, "lineno", 1)
        found.problems.append(f"{path}:{line}: the requirements there are computed: they are not read")
        return
    for item in value.elts:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            _add(found, path, item.lineno, item.value, str(group))


def merge(entries: list[OldRequirement]) -> tuple[list[str], list[str]]:
    """What several old files say of one distribution as lines for pip, and remarks where they disagree.

    One line per marker. A pin that satisfies what else is asked wins; what agrees is joined; of what contradicts each
    other the first is taken and the others are told.
    """
    lines: list[str] = []
    remarks: list[str] = []
    by_marker: dict[str, list[OldRequirement]] = {}
    for entry in entries:
        parsed = entry.parsed
        if parsed is None or parsed.url:
            # A URL is as exact as it gets.
            return [entry.text], [
                f"{other.path}:{other.line} asks for {other.text}" for other in entries if other.text != entry.text
            ]
        by_marker.setdefault(str(parsed.marker or ""), []).append(entry)
    for marker, group in by_marker.items():
        known = [parsed for parsed in (entry.parsed for entry in group) if parsed is not None]
        extras = sorted({extra for parsed in known for extra in parsed.extras})
        specifier, odd = _join(group, known)
        remarks += odd
        text = entries[0].parsed.name if entries[0].parsed else entries[0].name
        lines.append(
            text + (f"[{','.join(extras)}]" if extras else "") + specifier + (f" ; {marker}" if marker else "")
        )
    return lines, remarks


def _join(group: list[OldRequirement], known: list[Requirement]) -> tuple[str, list[str]]:
    pins = [parsed for parsed in known if any(part.operator in ("==", "===") for part in parsed.specifier)]
    if pins:
        chosen = pins[0].specifier
        version = next(part.version for part in chosen if part.operator in ("==", "==="))
        odd = [
            f"{entry.path}:{entry.line} asks for {entry.text}"
            for entry, parsed in zip(group, known, strict=True)
            if str(parsed.specifier) != str(chosen) and not _allows(parsed.specifier, version)
        ]
        return str(chosen), list(dict.fromkeys(odd))
    joined = SpecifierSet(",".join(dict.fromkeys(str(parsed.specifier) for parsed in known if parsed.specifier)))
    lowest = [part for part in joined if part.operator in (">=", ">", "~=")]
    others = sorted(str(part) for part in joined if part.operator not in (">=",))
    floors = [part for part in lowest if part.operator == ">="]
    best = max(floors, key=lambda part: _version_key(part.version), default=None)
    return ",".join([*([str(best)] if best else []), *others]), []


def _allows(specifier: SpecifierSet, version: str) -> bool:
    if version.endswith(".*"):
        return False
    return specifier.contains(version, prereleases=True)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
