"""The state folder: what a migration is about to do, how far it came, and everything that it took away.

`.migrate/`
    .gitignore      `*`
    lock            held by whoever migrates or rolls back
    journal.json    the whole intent, on the disk before the first change to the tree
    steps/NAME      how far it came: a step was reached when its file is there
    kept/N          what lay in the tree: the very files, moved here (and, if only moved, on to their new places)
    new/N           what is to lie in the tree, before it is moved there
    base            copies of those that replace something, one after the other, to tell a user's later edits apart
    tip             the commit that the migration's branch shall name
    record.json     the record for `verify`

The tree is changed in two sweeps. First all files that are moved, replaced or deleted go to kept/; then, after the
step `lifted`, all files go to their places. So at any moment each of them is in exactly one place that can be told
from the steps and from what is in the folders, without a log of single changes. Undoing goes the same way back.
No step needs space on the disk: they are made at the beginning under another name.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from migrate import disk
from migrate.model import STATE_FOLDER, Component, Kind, Mapping, MigrationError, Record, Source, Style, Undecided
from migrate.repository import shown

# Raised when a journal of this version cannot be read by the one before.
_FORM = 1


class Step(StrEnum):
    """How far a migration came, and how far its undoing."""

    LIFTED = "lifted"  # everything that changes lies in kept/
    PLACED = "placed"  # everything lies in its new place
    SWITCHING = "switching"  # the branch may be there, HEAD and the index may have been changed
    DONE = "done"
    UNDOING = "undoing"  # nothing in the way was found; from here on only forwards
    UNPLACED = "unplaced"  # everything lies in kept/ and new/ again
    CARRIED = "carried"  # what becomes of the user's edits is decided and written down


class Standing(StrEnum):
    """What the state folder tells."""

    NOTHING = "nothing"  # no migration, or one that was cut short before it changed anything
    UNFINISHED = "unfinished"  # apply was cut short
    DONE = "done"
    UNDOING = "undoing"  # rollback was cut short


@dataclass(frozen=True)
class Print:
    """What a file is, to be recognized by: the SHA-256 of its contents (of a link: of its target) and its mode."""

    sha256: str
    mode: int
    is_link: bool = False


def print_of(path: Path) -> Print | None:
    """The print of what lies at a path, None where there is neither a file nor a link."""
    try:
        about = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(about.st_mode):
        return Print(hashlib.sha256(os.fsencode(os.readlink(path))).hexdigest(), 0, True)
    if not stat.S_ISREG(about.st_mode):
        return None
    with path.open("rb") as file:
        return Print(hashlib.file_digest(file, "sha256").hexdigest(), stat.S_IMODE(about.st_mode))


@dataclass(frozen=True)
class Original:
    """A file as it was: kept/N. `new` is where it goes unchanged, "" where it is replaced or deleted."""

    path: str
    new: str
    print: Print


@dataclass(frozen=True)
class Content:
    """A file that the migration writes: new/N.

    Attributes:
        path: where it goes.
        print: what it is to be recognized by.
        original: the number of what it replaces, None for a new file.
        base: of one that replaces something, the first byte of its copy in `base`, and its size.
    """

    path: str
    print: Print
    original: int | None
    base: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class History:
    """Where git stood before: HEAD's branch ("" when detached) and commit; and the branch that the migration makes."""

    head: str
    commit: str
    branch: str  # refs/heads/…


@dataclass(frozen=True)
class Journal:
    """The whole intent.

    Attributes:
        originals: what is moved, replaced or deleted.
        contents: what is written.
        made: folders that are made, parents first.
        removed: folders that nothing is left in and that are removed, children first, with their modes.
        history: what is done with git, None where nothing is.
    """

    originals: tuple[Original, ...] = ()
    contents: tuple[Content, ...] = ()
    made: tuple[str, ...] = ()
    removed: tuple[tuple[str, int], ...] = ()
    history: History | None = None


@dataclass
class State:
    """A repository's state folder."""

    root: Path
    _reached: set[Step] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return self.root / STATE_FOLDER

    @property
    def journal_file(self) -> Path:
        return self.folder / "journal.json"

    @property
    def tip(self) -> Path:
        return self.folder / "tip"

    @property
    def decisions(self) -> Path:
        return self.folder / "decisions.json"

    def kept(self, number: int) -> Path:
        return self.folder / "kept" / str(number)

    def new(self, number: int) -> Path:
        return self.folder / "new" / str(number)

    @property
    def base(self) -> Path:
        return self.folder / "base"

    def carried(self, number: int) -> Path:
        return self.folder / "carried" / str(number)

    def why_foreign(self) -> str:
        """Why the state folder is not ours to write to, "" where it is, or where there is none."""
        if not os.path.lexists(self.folder):
            return ""
        if self.folder.is_symlink() or not self.folder.is_dir():
            return f"{STATE_FOLDER}: is not a folder, and migrate needs one of this name – move it away"
        # What a migration that was cut short at its very beginning leaves.
        if {path.name for path in self.folder.iterdir()} <= {"lock", ".gitignore.tmp"}:
            return ""
        if not (self.folder / ".gitignore").exists():
            return f"{STATE_FOLDER}: is not migrate's, which needs a folder of this name – move it away"
        return ""

    def refuse_lost_files(self) -> None:
        """Raises Undecided where files of an earlier migration are there and no journal that says whose."""
        if not self.journal_file.exists() and (self.folder / "kept").is_dir() and any((self.folder / "kept").iterdir()):
            raise Undecided(
                f"{STATE_FOLDER}/kept: files of an earlier migration, and its journal is gone"
                f" – move them to where they belong, then delete {STATE_FOLDER}"
            )

    def begin(self) -> None:
        """Makes the folders and what `reach` needs, for a journal that `write_journal` then writes."""
        for name in ("kept", "new", "carried", "steps"):
            disk.make_folder(self.folder / name)
        for name in ("new", "carried", "steps"):
            for left in sorted((self.folder / name).iterdir()):
                disk.remove(left)
        disk.remove(self.tip)
        disk.remove(self.decisions)
        for step in Step:
            disk.write(self.folder / "steps" / f"{step}.ahead", b"")
        self._reached.clear()

    def reach(self, step: Step) -> None:
        """Notes on the disk that a step was reached."""
        if not self.reached(step):
            disk.replace(self.folder / "steps" / f"{step}.ahead", self.folder / "steps" / step)
        disk.flush([self.folder / "steps"])

    def reached(self, step: Step) -> bool:
        if step not in self._reached and (self.folder / "steps" / step).exists():
            self._reached.add(step)
        return step in self._reached

    def write_journal(self, journal: Journal) -> None:
        """The last thing before the tree is changed."""
        document = {"form": _FORM, **dataclasses.asdict(journal)}
        disk.write_whole(self.journal_file, _json(document))

    def read_journal(self) -> Journal | None:
        """The journal, None where nothing in the tree was changed yet. Raises MigrationError where it is damaged."""
        try:
            document = json.loads(self.journal_file.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise MigrationError(f"{STATE_FOLDER}/journal.json: damaged: {error}") from error
        if document.get("form") != _FORM:
            raise MigrationError(f"{STATE_FOLDER}/journal.json: written by another version of migrate – use that one")
        history = document["history"]
        return Journal(
            tuple(Original(row["path"], row["new"], Print(**row["print"])) for row in document["originals"]),
            tuple(
                Content(row["path"], Print(**row["print"]), row["original"], tuple(row["base"]))
                for row in document["contents"]
            ),
            tuple(document["made"]),
            tuple((path, mode) for path, mode in document["removed"]),
            None if history is None else History(**history),
        )

    def standing(self) -> Standing:
        if not self.journal_file.exists():
            return Standing.NOTHING
        if self.reached(Step.UNDOING):
            return Standing.UNDOING
        return Standing.DONE if self.reached(Step.DONE) else Standing.UNFINISHED

    def end(self) -> None:
        """Removes the state folder, first of all the journal: from then on it counts for nothing."""
        disk.remove(self.journal_file)
        disk.flush([self.folder])
        last = [self.folder / ".gitignore", self.folder / "lock"]
        for left in sorted(self.folder.iterdir()):
            if left not in last:
                disk.remove_tree(left)
        for left in last:
            disk.remove(left)
        disk.remove_folder(self.folder)


@contextlib.contextmanager
def locked(state: State) -> Iterator[int]:
    """Keeps others from migrating the same repository; yields the handle whose holders hold the lock.

    Makes the state folder if need be, and takes it away again where nothing came to lie in it.

    Raises:
        Undecided: somebody else is at work there.
    """
    disk.make_folder(state.folder)
    try:
        handle = _open_lock(state)
    except OSError:
        disk.remove_folder(state.folder)
        raise
    try:
        # git must not see the state folder.
        if not (state.folder / ".gitignore").exists():
            disk.write_whole(state.folder / ".gitignore", b"*\n")
        yield handle
    finally:
        left = {path.name for path in state.folder.iterdir()} if state.folder.is_dir() else None
        if left is not None and left <= {"lock", ".gitignore", ".gitignore.tmp"}:
            state.end()
        os.close(handle)


def _open_lock(state: State) -> int:
    path = state.folder / "lock"
    while True:
        with disk.change(f"open {path}"):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            number = os.read(handle, 20).decode("ascii", "replace")
            os.close(handle)
            raise Undecided(
                f"{STATE_FOLDER}: another migration or rollback is at work (process {number}) – wait for its end"
            ) from error
        # Whoever held it may have removed it meanwhile: then this handle locks nothing that others see.
        if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
            break
        os.close(handle)
        disk.make_folder(state.folder)
    with contextlib.suppress(OSError):  # a full disk: then nobody is told who it is
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
    return handle


def write_record(state: State, record: Record) -> None:
    """Writes .migrate/record.json."""
    disk.write_whole(state.folder / "record.json", _json(dataclasses.asdict(record)))


def read_record(root: Path) -> Record:
    """The record of the migration that was done. Raises MigrationError where there is none."""
    try:
        document = json.loads((root / STATE_FOLDER / "record.json").read_bytes())
    except FileNotFoundError as error:
        raise MigrationError(f"{shown(root)}: no migration was done here – run `migrate apply` first") from error
    except ValueError as error:
        raise MigrationError(f"{STATE_FOLDER}/record.json: damaged: {error}") from error
    mapping = _tuples(document.pop("mapping"))
    components = tuple(
        Component(
            **{
                **component,
                "kind": Kind(component["kind"]),
                "style": Style(component["style"]),
                "sources": tuple(Source(**source) for source in component["sources"]),
            }
        )
        for component in mapping.pop("components")
    )
    return Record(mapping=Mapping(components=components, **mapping), **_tuples(document))


def _tuples(value: Any) -> Any:
    """JSON's lists as tuples, at any depth."""
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def _json(document: object) -> bytes:
    # Escaped, so that names which are not UTF-8 come back as they were.
    return json.dumps(document, indent=1, ensure_ascii=True).encode("ascii") + b"\n"
