"""What a scan of a Python file holds: light, since every run reads it from the cache."""

from typing import Any, NamedTuple, TypeAlias

#: Flags of an import: for type checkers only; may fail without harm.
TYPE_CHECKING_ONLY = 1
OPTIONAL = 2

# Kinds of `Scan.data`:
BESIDE = "beside"  # relative to the file's own folder: Path(__file__).parent / "x"
RESOURCE = "resource"  # of a package: importlib.resources; the path begins with "package:"
OPENED = "opened"  # open("x"): beside the file, or where the program stands

#: [dots, module, name, line, flags]: `from ..a import b` is [2, "a", "b", …], `import a.b` is [0, "a.b", "", …].
#: `name` is "*" for a star import.
Import: TypeAlias = list[Any]


class Scan(NamedTuple):
    """One file, read. All places are lines, counted from 1."""

    imports: list[Import]
    annotations: list[list[object]]  # [keyword, value, line]: comments `# gazelle:keyword value` and `# buildgen:…`
    main: int  # line of `if __name__ == "__main__":`, 0 for none
    has_tests: bool  # whether pytest could collect something
    has_code: bool  # anything but comments and blank lines
    modules: list[list[object]]  # [dotted name, line, what]: strings that name a module or something in one
    data: list[list[object]]  # [kind, path, line]: files that are named; kinds as below
    fixtures: list[list[object]]  # [name, line]: parameters of tests and fixtures, `mark:NAME` for markers
    defines: list[str]  # fixtures that the file defines
    error: list[object]  # [line, message] where the file cannot be read as Python, else []
