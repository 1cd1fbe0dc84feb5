"""What the stages of a migration hand to each other.

Paths are strings relative to the repository's root, with `/` between parts, whatever the machine. Module names are
dotted. Bytes stay bytes: nothing here is decoded that is not changed.

    migration.toml ─ Mapping ─┐
    the repository ─ files ───┴─ plan ─ Plan ─ apply ─ journal, Record ─┬─ verify
                                                                        └─ rollback
"""

from dataclasses import dataclass, field
from enum import StrEnum

#: The folder, at the repository's root, in which a migration keeps its journal, what it replaced and its record. It
#: holds a `.gitignore` with `*`, so that git does not see it.
STATE_FOLDER = ".migrate"

#: The mapping, at the repository's root.
MAPPING_FILE = "migration.toml"

#: The program beside it that makes the services' environments.
MAKE_VENVS = "make_venvs.py"


class MigrationError(Exception):
    """A migration cannot be done as asked. The message is a line (or a list) for the user: what, where, what to do."""


class Undecided(MigrationError):
    """Something needs a decision, or the repository is not in a state to be changed. Exit code 3."""


class Kind(StrEnum):
    """What a component becomes."""

    SERVICE = "service"  # TARGET/src is an import root, TARGET/tests beside it
    SHARED = "shared"  # imported by its place: shared_libs/common is shared_libs.common


class Style(StrEnum):
    """What a service's modules are called."""

    FLAT = "flat"  # TARGET/src/xyz.py, `from xyz import …`
    PACKAGE = "package"  # TARGET/src/PACKAGE/xyz.py, `from PACKAGE.xyz import …`


@dataclass(frozen=True)
class Source:
    """Files that belong to a component, by glob; what follows the glob's fixed beginning is kept.

    `src/track/**` takes `src/track/a/b.py` to `a/b.py` in the component, or to `UNDER/a/b.py`.
    """

    glob: str
    under: str = ""


@dataclass(frozen=True)
class Component:
    """A part of the monolith that becomes a service or a shared library."""

    name: str
    kind: Kind
    target: str  # services/service-tracking, shared_libs/common
    sources: tuple[Source, ...]
    style: Style = Style.PACKAGE
    package: str = ""  # PACKAGE of Style.PACKAGE
    tests: tuple[str, ...] = ()  # globs of the tests that go with it

    @property
    def import_root(self) -> str:
        """The folder that must be on sys.path for it, "" for the repository's root."""
        return f"{self.target}/src" if self.kind is Kind.SERVICE else ""

    @property
    def home(self) -> str:
        """The folder that its sources go to."""
        if self.kind is Kind.SHARED:
            return self.target
        return f"{self.target}/src/{self.package}" if self.style is Style.PACKAGE else f"{self.target}/src"

    @property
    def prefix(self) -> str:
        """What its modules' names begin with, "" for none: the module of file `a.py` in `home` is `PREFIX.a`."""
        if self.kind is Kind.SHARED:
            return self.target.replace("/", ".")
        return self.package.replace("/", ".") if self.style is Style.PACKAGE else ""

    @property
    def tests_home(self) -> str:
        """The folder that its tests go to: a service's own, or the shared libraries' common one."""
        if self.kind is Kind.SERVICE:
            return f"{self.target}/tests"
        parent, _, leaf = self.target.rpartition("/")
        return f"{parent}/tests/{leaf}" if parent else f"{leaf}/tests"


@dataclass(frozen=True)
class Mapping:
    """migration.toml, read and checked."""

    components: tuple[Component, ...]
    leave: tuple[str, ...] = ()  # globs of what stays where it is
    drop: tuple[str, ...] = ()  # globs of what is not carried over
    allow_edges: tuple[tuple[str, str], ...] = ()  # (from, to): imports that no layout keeps, kept nevertheless
    rewrite: tuple[str, ...] = ()  # "file:line" of strings that shall be rewritten
    keep: tuple[str, ...] = ()  # "file:line" of strings that shall stay
    tests_folders: tuple[str, ...] = ()  # folders that hold tests
    tests_by_imports: bool = True  # a test that no component names goes to the one whose code it imports
    origin: str = "migration.toml"  # what messages call it
    text: str = ""  # its TOML, as read

    def component(self, name: str) -> Component:
        return next(component for component in self.components if component.name == name)


class Fate(StrEnum):
    """What becomes of a file."""

    MOVED = "moved"  # to another place, byte for byte
    REWRITTEN = "rewritten"  # some spans change, in its old place or in a new one
    LEFT = "left"
    DROPPED = "dropped"
    UNMAPPED = "unmapped"  # nothing says what should become of it: needs a decision


@dataclass(frozen=True)
class FilePlan:
    """One file of the repository and what becomes of it."""

    path: str
    fate: Fate
    new_path: str  # where it is afterwards ("" when dropped)
    component: str = ""  # "" where it belongs to none
    is_test: bool = False
    reason: str = ""  # which rule said so


class Certainty(StrEnum):
    """How sure it is that a string names a module or a path of the repository."""

    CERTAIN = "certain"  # rewritten
    LIKELY = "likely"  # rewritten with --accept-likely
    ASK = "ask"  # reported; the line for the TOML is given
    STORED = "stored"  # a logger name, a setting or a name kept outside of the repository: reported only


@dataclass(frozen=True)
class Place:
    """A line of a file, counted from 1, in the repository as it was."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Edit:
    """Bytes [start, end) of a file's old contents are replaced. Edits of one file do not overlap."""

    start: int
    end: int
    replacement: bytes


@dataclass(frozen=True)
class Mention:
    """A string (or a line of a file that is not Python) that names a module or a path that moves."""

    place: Place
    text: str  # as it stands there
    new_text: str  # what it becomes, "" where no single answer is right
    certainty: Certainty
    why: str  # `argument of patch`, `COPY`, …
    edits: tuple[Edit, ...] = ()  # what would rewrite it


@dataclass(frozen=True)
class Renames:
    """Everything that is called differently afterwards."""

    files: dict[str, str]  # every file that moves: old path -> new path
    folders: dict[str, str]  # every folder whose files all move to one folder in the same arrangement: old -> new
    scattered: dict[str, tuple[str, ...]]  # other folders that lose files: old -> the folders that take them, sorted
    modules: dict[str, str]  # old dotted names (all that a module is known by) -> new dotted name, where it changes
    roots: tuple[str, ...]  # the import roots of the new layout, "" for the repository's root


@dataclass(frozen=True)
class Decision:
    """Something that the user has to decide before `apply`."""

    what: str  # one line
    places: tuple[Place, ...]
    toml: tuple[str, ...]  # lines to add to migration.toml, one of which decides it


@dataclass
class Operations:
    """What `apply` does to the tree, in this order. No path is both a move's target and a creation.

    A move's target may be another move's source (a -> b, b -> c); a target never exists otherwise.
    """

    moves: dict[str, str] = field(default_factory=dict)  # old -> new; mode, contents and links as they are
    deletes: list[str] = field(default_factory=list)
    writes: dict[str, bytes] = field(default_factory=dict)  # by new path: whole new contents; the mode stays
    creates: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # new files: contents, mode (0o644, 0o755)


@dataclass(frozen=True)
class Record:
    """What was done, for `verify` and whoever asks later: .migrate/record.json."""

    mapping: Mapping
    moved: dict[str, str]  # old path -> new path
    created: tuple[str, ...]  # files that apply wrote anew
    tests: dict[str, str]  # every test file: old path -> new path (the same where it stays)
    broken: tuple[str, ...]  # "path:line: message": what did not parse or resolve before the move
    old_roots: tuple[str, ...]  # folders that were import roots before ("" the repository's root)
