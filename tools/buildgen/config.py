"""What the directives in BUILD files say for each folder. A folder inherits from the one above it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from buildgen.directives import Directive
from buildgen.problems import Problems

PACKAGE = "package"
FILE = "file"
PROJECT = "project"

_BOOLEANS = {"true": True, "false": False, "True": True, "False": False, "1": True, "0": False}


class Config(NamedTuple):
    """The settings of one folder."""

    mode: str = ""  # "" (package, but libraries divided by hand stay so), PACKAGE, FILE, PROJECT
    include_init: bool = False
    circle: bool = False  # its libraries were divided by buildgen itself, because of a circle
    handwritten: bool = False
    handwritten_tree: bool = False
    root: str | None = None  # the nearest folder with `# gazelle:python_root`
    excludes: tuple[str, ...] = ()
    ignored_files: frozenset[str] = frozenset()
    ignored_imports: frozenset[str] = frozenset()
    validate: bool = True
    library_name: str = "$package_name$"
    binary_name: str = "$package_name$_bin"
    default_visibility: tuple[str, ...] | None = None
    visibility: tuple[str, ...] = ()
    test_patterns: tuple[str, ...] = ("*_test.py", "test_*.py")
    pyi_deps: bool = True
    pyi_srcs: bool = True
    ancestor_conftest: bool = True
    sibling_imports: bool = False
    resolve: tuple[tuple[str, str], ...] = ()  # (import, label), the nearest last
    kinds: tuple[tuple[str, str, str], ...] = ()  # (kind, symbol, label of the .bzl file), the nearest last
    label_convention: str = "$distribution_name$"
    label_normalization: str = "snake_case"
    locks: tuple[str, ...] = ()
    test_size: str = ""
    fixtures: tuple[tuple[str, str], ...] = ()  # (fixture, distribution)

    def is_test(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.test_patterns)

    def kind(self, kind: str) -> tuple[str, str]:
        """What a rule is called here, and where that is loaded from ("" for the default place)."""
        for mapped, symbol, label in reversed(self.kinds):
            if mapped == kind:
                return symbol, label
        return kind, ""


def configure(above: Config, path: str, build_path: str, directives: Iterable[Directive], problems: Problems) -> Config:
    """The settings of the folder `path` from those of the folder above it and its own directives."""
    changes: dict[str, object] = {"handwritten": above.handwritten_tree, "circle": False}
    excludes = list(above.excludes)
    imports = set(above.ignored_imports)
    files: set[str] = set()
    visibility = list(above.visibility)
    resolve = list(above.resolve)
    kinds = list(above.kinds)
    fixtures = list(above.fixtures)

    def bad(directive: Directive, allowed: str) -> None:
        cause = f"# {directive.tool}:{directive.key} {directive.value}: not a value that it takes"
        problems.error(build_path, directive.line, cause, f"it takes {allowed}")

    def boolean(directive: Directive, name: str) -> None:
        if directive.value in _BOOLEANS:
            changes[name] = _BOOLEANS[directive.value]
        else:
            bad(directive, "true or false")

    for directive in directives:
        key, value = directive.key, directive.value
        if directive.tool == "buildgen":
            if key == "handwritten":
                if value not in ("", "tree"):
                    bad(directive, "nothing, or `tree` for all below it too")
                changes["handwritten"] = True
                changes["handwritten_tree"] = value == "tree"
            elif key == "generated":
                changes["handwritten"] = changes["handwritten_tree"] = False
            elif key == "lock":
                changes["locks"] = tuple(_split(value))
            elif key == "test_size":
                if value in ("small", "medium", "large", "enormous", ""):
                    changes["test_size"] = value
                else:
                    bad(directive, "small, medium, large or enormous")
            elif key == "fixture":
                words = value.split()
                if len(words) == 2:
                    fixtures.append((words[0], words[1]))
                else:
                    bad(directive, "a fixture's name and a distribution's: fixture mocker pytest-mock")
            elif key == "exclude":
                excludes.append(f"{path}/{value}" if path else value)
            elif key == "circle":
                changes["circle"] = True
            else:
                known = "handwritten, generated, lock, test_size, fixture, exclude"
                problems.error(build_path, directive.line, f"# buildgen:{key}: no such directive", f"there are {known}")
            continue
        if key == "exclude":
            excludes.append(f"{path}/{value}" if path else value)
        elif key == "ignore":
            changes["handwritten"] = True
        elif key == "python_extension":
            changes["handwritten"] = changes["handwritten_tree"] = value == "disabled"
        elif key == "python_root":
            changes["root"] = path
        elif key == "python_ignore_files":
            files |= set(_split(value))
        elif key == "python_ignore_dependencies":
            imports |= set(_split(value))
        elif key == "python_validate_import_statements":
            boolean(directive, "validate")
        elif key == "python_generation_mode":
            if value in (PACKAGE, FILE, PROJECT):
                changes["mode"] = value
            else:
                bad(directive, "file, package or project")
        elif key == "python_generation_mode_per_file_include_init":
            boolean(directive, "include_init")
        elif key == "python_library_naming_convention":
            changes["library_name"] = value
        elif key == "python_binary_naming_convention":
            changes["binary_name"] = value
        elif key == "python_default_visibility":
            changes["default_visibility"] = (
                None if value == "DEFAULT" else () if value == "NONE" else tuple(_split(value))
            )
        elif key == "python_visibility":
            visibility.append(value)
        elif key == "python_test_file_pattern":
            changes["test_patterns"] = tuple(_split(value))
        elif key == "python_generate_pyi_deps":
            boolean(directive, "pyi_deps")
        elif key == "python_generate_pyi_srcs":
            boolean(directive, "pyi_srcs")
        elif key == "python_include_ancestor_conftest":
            boolean(directive, "ancestor_conftest")
        elif key == "python_resolve_sibling_imports":
            boolean(directive, "sibling_imports")
        elif key == "python_label_convention":
            changes["label_convention"] = value
        elif key == "python_label_normalization":
            changes["label_normalization"] = value
        elif key == "resolve":
            words = value.split()
            if len(words) == 3 and words[0] == "py":
                resolve.append((words[1], words[2]))
            elif len(words) == 4 and words[0] == "py":
                resolve.append((words[2], words[3]))
        elif key == "map_kind":
            words = value.split()
            if len(words) == 3:
                kinds.append((words[0], words[1], words[2]))
    changes["ignored_files"] = frozenset(files)
    return above._replace(
        **changes,  # type: ignore[arg-type]
        excludes=tuple(excludes),
        ignored_imports=frozenset(imports),
        visibility=tuple(visibility),
        resolve=tuple(resolve),
        kinds=tuple(kinds),
        fixtures=tuple(fixtures),
    )


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
