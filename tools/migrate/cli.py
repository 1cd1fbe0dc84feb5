"""The command line: `bazel run //tools/migrate -- plan REPO`, the same as `python -m migrate` in tools/.venv."""

import datetime
import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from migrate.build_files import add_build_files
from migrate.config import SHIPPED, read_mapping, shipped_mapping
from migrate.executing import Branch, Copy, Done, InPlace, Mode
from migrate.executing import execute as execute_operations
from migrate.model import MAPPING_FILE, Mapping, MigrationError, Undecided
from migrate.planning import Plan, make_plan
from migrate.repository import find_repository
from migrate.rollback import Undone
from shared_libs.common.errors import UserError
from shared_libs.utils.paths import user_path

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="From a Python monolith to services over shared libraries: init, plan, apply, verify, rollback.",
)

Repo = Annotated[Path, typer.Argument(metavar="REPO", help="The repository's folder.")]
MappingName = Annotated[
    str,
    typer.Option(
        "--mapping",
        help=f"A migration.toml, or a shipped mapping: {', '.join(SHIPPED)}. REPO/{MAPPING_FILE} if not given.",
    ),
]
AcceptLikely = Annotated[
    bool, typer.Option("--accept-likely", help="Rewrite strings that very likely name what moves, too.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@contextmanager
def _errors() -> Iterator[None]:
    """Turns errors for the user into lines on stderr and an exit code."""
    try:
        yield
    except Undecided as error:
        _complain(str(error))
        raise typer.Exit(3) from error
    except (MigrationError, UserError) as error:
        _complain(str(error))
        raise typer.Exit(2) from error
    except OSError as error:
        _complain(f"{os.fsdecode(error.filename) if error.filename else 'the file system'}: {error.strerror or error}")
        raise typer.Exit(2) from error


def _complain(text: str) -> None:
    print("error: " + text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(text.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)


def _mapping(root: Path, name: str) -> Mapping:
    if name in SHIPPED:
        return shipped_mapping(name)
    return read_mapping(user_path(Path(name)) if name else root / MAPPING_FILE)


def _plan(repo: Path, mapping: str, accept_likely: bool, python: Path | None) -> Plan:
    from migrate.completing import complete
    from migrate.distributions import read_installed

    root = find_repository(user_path(repo)).root
    plan = make_plan(root, _mapping(root, mapping), accept_likely)
    complete(plan, read_installed(user_path(python)) if python else None)
    return plan


Python = Annotated[
    Path | None,
    typer.Option(
        "--python",
        help="A Python that has the repository's requirements: import names of distributions are read from it.",
    ),
]


@app.command()
def init(
    repo: Repo,
    out: Annotated[
        Path | None, typer.Option("--out", help=f"Where to write it; REPO/{MAPPING_FILE} if not given, - for stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace one that is there.")] = False,
) -> None:
    """Propose a migration.toml from a repository's folders and imports."""
    from migrate.proposing import propose
    from shared_libs.common.files import atomic_write

    with _errors():
        root = find_repository(user_path(repo)).root
        text = propose(root)
        if out is not None and str(out) == "-":
            print(text, end="")
            return
        target = user_path(out) if out is not None else root / MAPPING_FILE
        if target.exists() and not force:
            raise MigrationError(f"{target}: is there already; --force replaces it, --out writes another")
        with atomic_write(target) as file:
            file.write(text.encode())
        _say(f"wrote {target}: read it, change it, then `migrate plan`")


@app.command()
def plan(
    repo: Repo,
    mapping: MappingName = "",
    accept_likely: AcceptLikely = False,
    json_: AsJson = False,
    all_: Annotated[bool, typer.Option("--all", help="Print every file and every line.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change in the files.")] = False,
    python: Python = None,
) -> None:
    """Show what a migration would do. Executes nothing and writes nothing. Exit code 3: something needs a decision."""
    from migrate.reporting import as_json, print_diff, print_plan

    with _errors():
        found = _plan(repo, mapping, accept_likely, python)
        if json_:
            print(json.dumps(as_json(found), indent=2))
        else:
            console = Console(soft_wrap=True, highlight=False)
            if diff:
                print_diff(found, console)
            print_plan(found, console, all_)
    if found.decisions:
        raise typer.Exit(3)


@app.command()
def apply(
    repo: Repo,
    mapping: MappingName = "",
    accept_likely: AcceptLikely = False,
    branch: Annotated[
        str, typer.Option("--branch", help="The new branch's name; migrate/<date>-<n> if not given.")
    ] = "",
    copy: Annotated[
        Path | None, typer.Option("--copy", help="Migrate a copy in this new folder; REPO stays as it is.")
    ] = None,
    no_git: Annotated[bool, typer.Option("--no-git", help="In place, without a branch and commits.")] = False,
    python: Python = None,
    buildgen: Annotated[
        bool, typer.Option(help="Let tools/buildgen write BUILD files afterwards, where it is there.")
    ] = True,
) -> None:
    """Carry out a migration: on a branch, moves and edits in two commits. Refuses (3) before the first write."""
    with _errors():
        found = _plan(repo, mapping, accept_likely, python)
        if found.decisions:
            lines = "".join(
                f"\n  {decision.what}: {decision.places[0] if decision.places else ''}" for decision in found.decisions
            )
            raise Undecided(
                f"{len(found.decisions)} things need a decision first; `migrate plan` shows the lines to add:{lines}"
            )
        repository = find_repository(user_path(repo))
        if not found.changes_anything:
            _say("nothing to do: everything is where the mapping puts it")
            return
        if buildgen and add_build_files(found):
            _say("BUILD files: by tools/buildgen")
        for note in found.notes:
            _say(f"note: {note}")
        done = execute_operations(
            repository, found.operations, found.record(), _mode(repository.git is not None, branch, copy, no_git)
        )
        _tell(found, done)


def _mode(in_git: bool, branch: str, copy: Path | None, no_git: bool) -> Mode:
    if copy is not None:
        return Copy(user_path(copy))
    if no_git or not in_git:
        return InPlace()
    today = datetime.date.today().isoformat()
    moves = (
        "Move the monolith's files to services and shared libraries\n\n"
        f"Every file as it was, so that git follows it. migrate, {today}."
    )
    edits = (
        "Imports, paths and settings for the new places\n\n"
        "With requirements, test configuration and a Dockerfile per service."
    )
    return Branch(moves, edits, branch)


def _tell(plan: Plan, done: Done) -> None:
    operations = plan.operations
    where = f" on branch {done.branch}" if done.branch else f" in {done.root}"
    _say(
        f"moved {len(operations.moves)} files, rewrote {len(operations.writes)}, wrote {len(operations.creates)} anew,"
        f" dropped {len(operations.deletes)}{where}"
    )
    waiting = sum(bool(mention.edits) for mention in plan.mentions)
    if plan.mentions:
        _say(
            f"{len(plan.mentions)} strings and lines were not rewritten ({waiting} could be): "
            "`migrate plan` lists them before a migration"
        )
    _say(f"next: migrate verify {done.root}; to take it back: migrate rollback {done.root}")


@app.command()
def verify(
    repo: Repo,
    before: Annotated[
        Path | None, typer.Option("--before", help="The tree before the move; rebuilt from the journal if not given.")
    ] = None,
    python: Annotated[
        Path | None, typer.Option("--python", help="A Python that has the repository's requirements.")
    ] = None,
    stubs: Annotated[
        Path | None,
        typer.Option(
            "--stubs", help="A folder of stand-ins for distributions that cannot be had, put last on sys.path."
        ),
    ] = None,
    make_venvs: Annotated[bool, typer.Option("--make-venvs", help="Make each service's .venv first.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds for each test file.")] = 300.0,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes at a time.")] = 2,
    together: Annotated[
        str, typer.Option("--together", help="What one pytest process runs: file, directory or all.")
    ] = "file",
    reruns: Annotated[
        int, typer.Option("--reruns", help="How often a test that differs is run again on both sides.")
    ] = 2,
    only: Annotated[list[str] | None, typer.Option("--only", help="A check to run; all if none is named.")] = None,
    forked: Annotated[
        bool,
        typer.Option("--forked", help="Load other people's modules once, and import the project's in forks of that."),
    ] = False,
    json_: AsJson = False,
) -> None:
    """Check a migration: imports, environments, tests, Dockerfiles, workspace. RUNS THE REPOSITORY'S CODE."""
    from migrate.verifying import Options, print_report, verify_repository

    with _errors():
        options = Options(
            before=user_path(before) if before else None,
            python=user_path(python) if python else None,
            stubs=user_path(stubs) if stubs else None,
            make_venvs=make_venvs,
            timeout=timeout,
            jobs=jobs,
            together=together,
            reruns=reruns,
            only=tuple(only or ()),
            forked=forked,
        )
        report = verify_repository(find_repository(user_path(repo)), options)
        print_report(report, as_json=json_)
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def rollback(
    repo: Repo,
    keep_edits: Annotated[
        bool, typer.Option("--keep-edits", help="Carry what was edited since to the old places.")
    ] = False,
) -> None:
    """Undo a migration, byte for byte; also one that was killed."""
    from migrate.rollback import rollback as undo

    with _errors():
        _tell_undone(undo(find_repository(user_path(repo)), keep_edits))


def _tell_undone(undone: Undone) -> None:
    _say(f"rolled back: {undone.restored} files are where and as they were")
    for path in undone.carried:
        _say(f"{path}: has your edits now")
    for path, place in undone.beside:
        _say(f"{path}: your edits could not be merged with what it was; your version is {place}")
    for path in undone.deleted:
        _say(f"{path}: you had deleted it, and it stays deleted")
    if undone.left:
        _say(f"{len(undone.left)} files of yours stay where they are, such as {undone.left[0]}")


_YOUNG = 200_000
"""Objects after which rubbish is looked for: modules that were read live as long as the run, and looking through them
every 700 objects, as Python does, frees nothing and takes a sixth of the time."""


def main() -> None:
    gc.set_threshold(_YOUNG)
    app(prog_name="migrate")
