"""`migrate verify`: the guide's checklist, with evidence, by comparing the tree before the move with the tree now.

It runs the repository's code: its modules are imported and its tests are run, in copies of both trees.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from migrate.checks.comparing import TestRun, Together, check_tests
from migrate.checks.dockerfiles import check_dockerfiles, is_dockerfile
from migrate.checks.editor import check_workspace
from migrate.checks.environments import check_environments, make_venvs, venv_pythons
from migrate.checks.imports import Modules, check_resolution, check_services, importable, run_imports, scan_both
from migrate.checks.nursery import Nursery
from migrate.checks.places import Translator, Tree, make_layout
from migrate.checks.report import Check, Report, Status
from migrate.checks.running import Runner
from migrate.checks.static_imports import Scan
from migrate.checks.trees import copy_tree, make_before
from migrate.distributions import read_installed
from migrate.journal import read_record
from migrate.model import STATE_FOLDER, MigrationError, Record
from migrate.repository import Repository
from shared_libs.common.files import atomic_write
from shared_libs.utils.progress import progress

FOLDER = "verify"

#: The checks' keys, in the order of the guide's checklist.
CHECKS = ("services", "environments", "imports", "tests", "dockerfiles", "workspace")

#: How many differences of a check the terminal shows.
_SHOWN = 20

#: What a person should have read before the repository's code is run.
WARNING = "verify runs the repository's own code: it imports its modules and runs its tests, in copies of the tree"


@dataclass(frozen=True)
class Options:
    """How to verify.

    python: an interpreter with the monolith's dependencies and pytest; the one that runs this, where none is given.
    before: the tree before the move, where it still stands; otherwise the repository is rolled back in a copy.
    stubs: a folder with stand-ins for modules that cannot be installed; it comes last on sys.path.
    make_venvs: make the services' own environments first (in the repository) and use them for the services.
    timeout: seconds for each test file and each import.
    jobs: how many processes at once: with 1, one after the other; with 2 or more, one in each tree.
    together: which tests share a process: `file`, `directory` or `all`.
    reruns: how often a differing test's file is run again on both sides; 0 counts every difference at once.
    only: the keys of the checks to run (CHECKS); all of them, where none is named.
    forked: import in forks of a process that has loaded what is not the project's, instead of in new processes.
    """

    python: Path | None = None
    before: Path | None = None
    stubs: Path | None = None
    make_venvs: bool = False
    timeout: float = 300.0
    jobs: int = 2
    together: str = Together.FILE
    reruns: int = 2
    only: tuple[str, ...] = ()
    forked: bool = False
    quiet: bool = False

    @property
    def interpreter(self) -> Path:
        return Path(self.python or sys.executable).absolute()


class _Steps:
    """A progress bar that several threads may advance; a rerun does not count again."""

    def __init__(self, bar: progress) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def done(self, steps: int = 1) -> None:
        with self._lock:
            total = self._bar.total or 0
            self._bar.update(min(self._bar.done + steps, total))


def verify(repository: Path, record: Record, options: Options, say: Callable[[str], None]) -> Report:
    """Runs the six checks. Nothing in the repository is changed, but for `.venv` with make_venvs.

    say: takes lines for the user as the work goes on. Raises MigrationError for what prevents verifying at all.
    """
    started = time.monotonic()
    together, versions = _examine(options)
    say(WARNING)
    if options.make_venvs:
        make_venvs(repository, options.interpreter)
    with tempfile.TemporaryDirectory(prefix="migrate-verify-", ignore_cleanup_errors=True) as folder:
        work = Path(folder).resolve()
        origin = make_before(repository, work / "before", options.before)
        copy_tree(repository, work / "after")
        verification = _Verification(repository, record, options, work, say)
        checks = [
            check()
            for name, check in (
                ("services", verification.services),
                ("environments", verification.environments),
                ("imports", verification.imports),
                ("tests", lambda: verification.tests(together)),
                ("dockerfiles", verification.dockerfiles),
                ("workspace", verification.workspace),
            )
            if not options.only or name in options.only
        ]
    return Report(
        repository.resolve().name, _circumstances(options, origin, versions), checks, time.monotonic() - started
    )


class _Verification:
    """What the checks share: the two trees, their imports read, their modules imported (once, for two checks).

    `before` and `after` below `work` are copies that modules are imported from; tests run in copies of their own.
    """

    def __init__(
        self, repository: Path, record: Record, options: Options, work: Path, say: Callable[[str], None]
    ) -> None:
        self._repository = repository
        self._options = options
        self._work = work
        self._say = say
        self._layout = make_layout(record)
        self._before, self._after = Tree(work / "before"), Tree(work / "after")
        self._runner = Runner(options.interpreter, options.stubs, work)
        self._translate = Translator(self._layout)
        self._pythons = venv_pythons(repository, self._layout) if options.make_venvs else {}
        self._pairs = 0
        self._scans: tuple[Scan, Scan, set[str]] = scan_both(self._layout, self._before, self._after)
        # What is imported may write into its tree.
        copy_tree(work / "before", work / "pristine")

    @cached_property
    def _modules(self) -> Modules:
        paths = importable(self._layout, self._after)
        trees = (self._before, self._after)
        with (
            self._nursery() as nursery,
            progress(2 * len(paths), "importing", "imports", quiet=self._options.quiet) as bar,
        ):
            return run_imports(
                self._runner,
                self._layout,
                trees,
                paths,
                self._pythons,
                self._options.timeout,
                self._options.jobs,
                _Steps(bar).done,
                nursery,
            )

    def _nursery(self) -> contextlib.AbstractContextManager[Nursery | None]:
        if not self._options.forked:
            return contextlib.nullcontext()
        before, after, tops = self._scans
        names = {name for each in (before, after) for found in each.third_party.values() for name in found}
        return Nursery(self._runner, {name for name in names if name.partition(".")[0] not in tops})

    def services(self) -> Check:
        return check_services(
            self._runner,
            self._layout,
            (self._before, self._after),
            self._modules,
            self._translate,
            self._scans[2],
            self._pythons,
            self._options.timeout,
        )

    def environments(self) -> Check:
        installed = read_installed(self._options.interpreter)
        return check_environments(
            self._runner, self._repository, self._layout, self._scans[1], installed, self._pythons
        )

    def imports(self) -> Check:
        return check_resolution(self._layout, self._scans[:2], self._modules, self._translate, self._scans[2])

    def tests(self, together: Together) -> Check:
        tests = self._layout.record.tests
        with progress(2 * len(tests), "tests", "test files", quiet=self._options.quiet) as bar:
            run = TestRun(
                self._runner,
                *self._fresh_pair(),
                together,
                self._options.timeout,
                self._options.jobs,
                self._options.reruns,
                self._fresh_pair,
                _Steps(bar).done,
                self._say,
            )
            return check_tests(self._layout, run, self._translate, self._scans[2], self._pythons)

    def _fresh_pair(self) -> tuple[Path, Path]:
        """Copies of both trees that nothing ran in yet."""
        self._pairs += 1
        pair = (self._work / f"before-{self._pairs}", self._work / f"after-{self._pairs}")
        copy_tree(self._work / "pristine", pair[0])
        copy_tree(self._repository, pair[1])
        return pair

    def dockerfiles(self) -> Check:
        count = sum(1 for path in self._after.files if is_dockerfile(path))
        with progress(count, "Dockerfiles", "files", quiet=self._options.quiet) as bar:
            return check_dockerfiles(
                self._runner, self._layout, self._before, self._after, self._options.timeout, _Steps(bar).done
            )

    def workspace(self) -> Check:
        return check_workspace(self._layout, self._before, self._after)


def _examine(options: Options) -> tuple[Together, str]:
    """What shares a process, and the versions of the interpreter and its pytest.

    Raises MigrationError where the options make no sense, or the interpreter or the stand-ins cannot be used."""
    try:
        together = Together(options.together)
    except ValueError as error:
        raise MigrationError(f"--together {options.together}: give one of {', '.join(Together)}") from error
    unknown = sorted(set(options.only) - set(CHECKS))
    if unknown:
        raise MigrationError(f"--only {unknown[0]}: give one of {', '.join(CHECKS)}")
    if options.timeout <= 0 or options.jobs < 1:
        raise MigrationError("--timeout and --jobs have to be positive")
    if options.stubs is not None and not options.stubs.is_dir():
        raise MigrationError(f"{options.stubs}: there is no such folder; --stubs names one with stand-in modules")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    program = "import platform, pytest; print(f'Python {platform.python_version()} with pytest {pytest.__version__}')"
    try:
        done = subprocess.run(
            [str(options.interpreter), "-c", program], env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise MigrationError(
            f"{options.interpreter}: cannot be run: {error.strerror}; name another with --python"
        ) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MigrationError(
            f"{options.interpreter}: has no pytest that works ({said}); install it there, or name another with --python"
        )
    return together, done.stdout.strip()


def _circumstances(options: Options, origin: str, versions: str) -> list[str]:
    left_out = [name for name in CHECKS if options.only and name not in options.only]
    told = [
        WARNING + "; HOME and the folder for temporary files are empty ones, made for each process",
        origin,
        f"{versions} ran the code",
        f"each test file and each import had {options.timeout:.0f} s",
    ]
    if left_out:
        told.append(f"NOT verified, as --only says: {', '.join(left_out)}")
    if options.forked:
        told.append(
            "modules were imported in forks of one process that had loaded other people's modules, as --forked says; "
            "what failed there was imported again in a process of its own"
        )
    if options.make_venvs:
        told.append("the services' modules and tests ran in their own .venv, all else and the tree before in --python")
    else:
        told.append("the services ran with --python and only their own import roots, not in a .venv of their own")
    if options.stubs is not None:
        names = sorted(path.stem for path in options.stubs.iterdir() if not path.name.startswith(("_", ".")))
        told.append(f"stand-ins took the place of modules that are not installed, before and after: {', '.join(names)}")
    return told


def verify_repository(repository: Repository, options: Options) -> Report:
    """Verifies a migrated repository and writes the report. Says on stderr what it does and where the report is."""

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    report = verify(repository.root, read_record(repository.root), options, say)
    page, data = write_report(repository.root, report)
    say(f"report: {page} and {data.name}")
    return report


def print_report(report: Report, *, as_json: bool) -> None:
    """Prints the checklist, or the whole report as JSON, to stdout."""
    if as_json:
        sys.stdout.write(report.json_text())
        return
    table = Table(title=f"{report.repository}: the migration, verified", show_lines=True)
    for heading in ("", "Check", "Result"):
        table.add_column(heading, overflow="fold")
    for check in report.checks:
        sign = {Status.FAILED: "[red]✗[/]", Status.UNPROVEN: "[yellow]?[/]"}.get(check.status, "[green]✓[/]")
        rows = [escape(text) for text in (check.summary, check.unproven) if text]
        rows += [escape(f"{each.where}: {each.before} → {each.after}") for each in check.differences[:_SHOWN]]
        if len(check.differences) > _SHOWN:
            rows.append(f"… and {len(check.differences) - _SHOWN} more, in the report")
        if check.broken_before:
            rows.append(f"{len(check.broken_before)} broken before and still")
        table.add_row(sign, f"{escape(check.title)}\n{check.status}", "\n".join(rows))
    Console().print(table)


def write_report(repository: Path, report: Report) -> tuple[Path, Path]:
    """Writes .migrate/verify/report.md and report.json; gives their paths."""
    state = repository / STATE_FOLDER
    folder = state / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if not (state / ".gitignore").exists():
        with atomic_write(state / ".gitignore", "w") as file:
            file.write("*\n")
    page, data = folder / "report.md", folder / "report.json"
    for path, text in ((page, report.markdown()), (data, report.json_text())):
        with atomic_write(path, "w") as file:
            file.write(text)
    return page, data
