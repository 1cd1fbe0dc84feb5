"""migration.toml: what becomes of a monolith, written down. README.md beside this file describes it."""

import difflib
import keyword
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from migrate.globs import is_glob
from migrate.model import STATE_FOLDER, Component, Kind, Mapping, MigrationError, Source, Style

#: Mappings that ship with the tool, by name: the guide's own monolith.
SHIPPED = ("laxai",)

_TOP = {"version", "leave", "drop", "allow_edges", "component", "tests", "strings"}
_COMPONENT = {"name", "kind", "target", "sources", "style", "package", "tests"}
_Choice = TypeVar("_Choice", Kind, Style)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def read_mapping(path: Path) -> Mapping:
    """Reads a migration.toml.

    Raises:
        MigrationError: it is missing, not TOML, or says something that cannot be meant.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise MigrationError(
            f"{path}: there is no such file; `migrate init` proposes one, "
            f"and --mapping names a shipped one ({', '.join(SHIPPED)})"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    return parse_mapping(text, str(path))


def shipped_mapping(name: str) -> Mapping:
    """A mapping that ships with the tool, by its name in SHIPPED."""
    if name not in SHIPPED:
        raise MigrationError(f"--mapping {name}: there is no mapping of that name; known: {', '.join(SHIPPED)}")
    text = resources.files("migrate").joinpath("mappings", f"{name}.toml").read_text("utf-8")
    return parse_mapping(text, f"mapping {name}")


def parse_mapping(text: str, origin: str) -> Mapping:
    """Checks a mapping's text. `origin` is what messages call it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MigrationError(f"{origin}: not valid TOML: {error}") from error
    _only(document, _TOP, origin)
    if document.get("version", 1) != 1:
        raise MigrationError(f"{origin}: version = {document['version']!r} is not known; this program reads version 1")
    tests = _table(document, "tests", {"folders", "by_imports"}, origin)
    strings = _table(document, "strings", {"rewrite", "keep"}, origin)
    components = tuple(_component(entry, origin, i) for i, entry in enumerate(_list(document, "component", origin), 1))
    _no_two(components, origin)
    names = {component.name for component in components}
    return Mapping(
        components=components,
        leave=_globs(document, "leave", origin),
        drop=_globs(document, "drop", origin),
        allow_edges=tuple(_edge(edge, names, origin) for edge in _strings(document, "allow_edges", origin)),
        rewrite=_strings(strings, "rewrite", f"{origin}: [strings]"),
        keep=_strings(strings, "keep", f"{origin}: [strings]"),
        tests_folders=tuple(folder.strip("/") for folder in _strings(tests, "folders", f"{origin}: [tests]")),
        tests_by_imports=_bool(tests, "by_imports", True, f"{origin}: [tests]"),
        origin=origin,
        text=text,
    )


def _component(entry: Any, origin: str, number: int) -> Component:
    where = f"{origin}: component {number}"
    if not isinstance(entry, dict):
        raise MigrationError(f"{where}: must be a table, [[component]]")
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        raise MigrationError(f"{where}: name = {name!r} must be letters, digits, '-', '_' and '.'")
    where = f"{origin}: component {name}"
    _only(entry, _COMPONENT, where)
    kind = _choice(entry, "kind", Kind, None, where)
    target = _place(
        entry.get("target", f"services/{name}" if kind is Kind.SERVICE else f"shared_libs/{name}"), f"{where}: target"
    )
    if kind is Kind.SHARED and not all(_is_name(part) for part in target.split("/")):
        raise MigrationError(
            f"{where}: target = {target!r}: a shared library is imported by its place, "
            "so each part must be a Python name"
        )
    style = _choice(entry, "style", Style, Style.PACKAGE, where)
    package = entry.get("package", name.removeprefix("service-").replace("-", "_"))
    if kind is Kind.SHARED:
        package = ""
    elif style is Style.PACKAGE and not (
        isinstance(package, str) and package and all(_is_name(part) for part in package.split("/"))
    ):
        raise MigrationError(f"{where}: package = {package!r} must be a Python name (or several with / between)")
    sources = []
    for source in _list(entry, "sources", where):
        if isinstance(source, str):
            sources.append(Source(_glob(source, f"{where}: sources")))
        elif isinstance(source, dict) and isinstance(source.get("glob"), str):
            _only(source, {"glob", "under"}, f"{where}: sources")
            under = _place(source["under"], f"{where}: under") if source.get("under") else ""
            sources.append(Source(_glob(source["glob"], f"{where}: sources"), under))
        else:
            raise MigrationError(f'{where}: a source is a glob, or {{ glob = "…", under = "folder" }}, not {source!r}')
    if not sources:
        raise MigrationError(f'{where}: sources is empty; name its files, such as sources = ["src/{name}/**"]')
    return Component(
        name=name,
        kind=kind,
        target=target,
        sources=tuple(sources),
        style=style,
        package=package if style is Style.PACKAGE else "",
        tests=_globs(entry, "tests", where),
    )


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _no_two(components: tuple[Component, ...], origin: str) -> None:
    seen: dict[str, str] = {}
    for component in components:
        for what in (f"name {component.name}", f"target {component.target}"):
            if what in seen:
                raise MigrationError(f"{origin}: {what} stands twice (components {seen[what]} and {component.name})")
            seen[what] = component.name


def _edge(text: str, names: set[str], origin: str) -> tuple[str, str]:
    start, arrow, end = (part.strip() for part in text.partition("->"))
    if not arrow or not start or not end:
        raise MigrationError(f'{origin}: allow_edges: {text!r} should be "FROM -> TO"')
    for name in (start, end):
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(names))}"
            raise MigrationError(f"{origin}: allow_edges: {text!r}: there is no component {name}{hint}")
    return start, end


def _only(table: dict[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
            raise MigrationError(f"{where}: {key} is not known; {hint}")


def _list(table: dict[str, Any], key: str, where: str) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise MigrationError(f"{where}: {key} must be a list, not {value!r}")
    return value


def _strings(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = _list(table, key, where)
    for item in value:
        if not isinstance(item, str):
            raise MigrationError(f"{where}: {key} must be a list of strings, not {item!r}")
    return tuple(value)


def _globs(table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    return tuple(_glob(glob, f"{where}: {key}") for glob in _strings(table, key, where))


def _glob(glob: str, where: str) -> str:
    """A glob over the repository's paths, which all begin at its root."""
    if not glob.strip("/") or glob.startswith(("/", "~")) or "\\" in glob or {".", ".."} & set(glob.split("/")):
        raise MigrationError(
            f"{where}: {glob!r} must be relative to the repository's root, "
            "with / between its parts and without '.' and '..'"
        )
    if not is_glob(glob):
        raise MigrationError(f"{where}: {glob!r} is not a glob: what stands in its [ ] is no range of characters")
    return glob


def _table(table: dict[str, Any], key: str, known: set[str], where: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise MigrationError(f"{where}: {key} must be a table, [{key}]")
    _only(value, known, f"{where}: [{key}]")
    return value


def _bool(table: dict[str, Any], key: str, default: bool, where: str) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise MigrationError(f"{where}: {key} must be true or false, not {value!r}")
    return value


def _choice(table: dict[str, Any], key: str, kind: type[_Choice], default: _Choice | None, where: str) -> _Choice:
    value = table.get(key, default)
    try:
        return kind(value)  # type: ignore[arg-type]  # None is none of them
    except ValueError:
        raise MigrationError(f"{where}: {key} = {value!r} must be one of {', '.join(kind)}") from None


def _place(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip("/") or value.startswith(("/", "~")) or "\\" in value:
        raise MigrationError(
            f"{where} = {value!r} must be a folder relative to the repository's root, with / between its parts"
        )
    parts = value.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise MigrationError(f"{where} = {value!r} must not have empty parts, '.' or '..'")
    if parts[0] in (".git", STATE_FOLDER):
        raise MigrationError(f"{where} = {value!r} is not a place for code")
    return "/".join(parts)
