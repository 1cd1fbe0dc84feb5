"""The story of a job: fetch what it needs, have it done, store what came out, record that.

Each step is remembered once it is done. Whoever goes on after a crash gets what the finished steps gave and does the
rest. What a step left on a disk may be out of reach then, where the next worker is on another machine: the step after
it finds that out, says so, and the work begins anew there.
"""

from __future__ import annotations

import errno
import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue

from cloud.engines.engine import Ending, Engine, Outcome, Task
from cloud.engines.outcomes import shown
from cloud.recipes.choosing import recipe_for
from cloud.recipes.recipe import Recipe
from cloud.settings import CloudSettings
from cloud.worker.durable import Durable
from cloud.worker.ledger import Held, Ledger, patiently
from cloud.worker.metrics import Metrics
from cloud.worker.tracing import span
from cloud.worker.work_folders import WorkFolders
from shared_libs.common.errors import DASH, InputError, OutputError, TransientError, UserError
from shared_libs.common.files import atomic_write
from shared_libs.common.jobs import JobState, Progress
from shared_libs.common.model_store import ModelStore
from shared_libs.common.stored_files import stored_files
from shared_libs.config.logging import get_logger

Result = TypeVar("Result")

TRIES = 8
"""Of what may work at another try; the last comes after about two minutes."""

_SECONDS_BETWEEN_REPORTS = 1.0
_SECONDS_TO_BE_FORGIVEN = 600.0
"""A job that has run for so long is not what its workers die of."""

# What stands in a job's folder beside inputs/ and out/: that these are complete.
_FETCHED, _DONE = "fetched", "done-"

_log = get_logger(__name__)

_CAUSES = {
    Ending.REFUSED: "input",
    Ending.TOO_LONG: "time",
    Ending.TOO_MUCH_MEMORY: "memory",
    Ending.CRASHED: "crash",
}


class Cancelled(Exception):
    """Somebody wants the job to end."""


class Failed(Exception):
    """The job cannot be done. cause: one word for statistics."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message, cause)
        self.message, self.cause = message, cause


@dataclass(slots=True)
class Running:
    """A job in work. stop: set when it is to end. is_busy: whether anything would be cut short if the process ended."""

    held: Held
    stop: threading.Event = field(default_factory=threading.Event)
    is_busy: bool = True
    began: float = field(default_factory=time.monotonic)
    reported: float = 0.0
    is_forgiven: bool = False
    stage: str = ""


class Steps:
    """Does jobs, each in a thread of its own: `run` is a job's workflow."""

    def __init__(
        self, settings: CloudSettings, ledger: Ledger, folders: WorkFolders, engine: Engine, metrics: Metrics
    ) -> None:
        self.durable: Durable  # made with `run`, and so after this
        self.running: dict[str, Running] = {}
        self._settings = settings
        self._ledger = ledger
        self._folders = folders
        self._engine = engine
        self._metrics = metrics
        self._files = stored_files(settings.storage)
        self._leaving = threading.Event()

    def leave(self) -> None:
        """Stops what runs, without an end for its jobs: others go on with them. What can go on by itself is left."""
        self._leaving.set()
        for running in list(self.running.values()):
            if self._engine.outlives_worker:
                running.is_busy = False
            else:
                running.stop.set()

    def cancel(self, job_id: str) -> None:
        """Stops a job for good."""
        if (running := self.running.get(job_id)) is not None:
            running.stop.set()

    def run(self, job_id: str) -> None:
        """A job from its start, or from where an earlier execution came to, to its end."""
        held = patiently(lambda: self._ledger.hold(job_id))
        if held is None:
            return
        running = self.running[job_id] = Running(held)
        self._stay_if_leaving(running)
        if held.cancel_requested:
            running.stop.set()
        log = _log.bind(job_id=job_id, tenant=held.job.tenant, kind=str(held.job.kind), execution=held.token)
        log.info("job_started")
        end: dict[str, Any]
        try:
            with span("job", job_id=job_id, kind=str(held.job.kind), execution=held.token):
                end = {"state": JobState.SUCCEEDED, "result": self._do(running)}
        except Cancelled:
            end = {"state": JobState.CANCELLED}
        except Failed as failure:
            end = {"state": JobState.FAILED, "error": failure.message, "cause": failure.cause}
        except UserError as error:
            log.warning("job_refused", error=str(error))
            end = {"state": JobState.FAILED, "error": self._in_words(error, held), "cause": _cause_of(error)}
        except Exception:
            log.exception("job_broke")
            hint = "the worker's log has the details; try it again, and tell us if that does not help"
            end = {"state": JobState.FAILED, "error": f"LaxAI made a mistake \N{EN DASH} {hint}", "cause": "internal"}
        finally:
            self._stay_if_leaving(running)
        # No step of the workflow: an execution that has nothing else to do may come here first, and twice is no harm.
        if patiently(lambda: self._ledger.finish(held, **end)):
            self._metrics.ended(held.job.kind, end["state"], end.get("cause"))
        log.info("job_ended", **{name: value for name, value in end.items() if value is not None and name != "result"})
        if end["state"] == JobState.SUCCEEDED:
            self._folders.remove(held.first_try)
        del self.running[job_id]

    def _do(self, running: Running) -> dict[str, JsonValue]:
        recipe = recipe_for(running.held.job.payload)
        while True:
            place = self.durable.step("fetch", self._fetch, running, recipe)
            made = self.durable.step("execute", self._execute, running, recipe, place)
            if made is None:
                continue
            result = self.durable.step("store", self._store, running, recipe, place, made)
            if result is not None:
                return result

    def _fetch(self, running: Running, recipe: Recipe) -> str:
        """The name of the disk where the inputs are."""
        self._check_takeovers(running)
        tenant, folder = running.held.job.tenant, self._folder(running)

        def fetch() -> None:
            _make_folder(folder / "inputs")
            if running.held.token == 1:  # a new job, or another try of one: what people say may have changed
                _take_marks_away(folder)
            models = ModelStore(self._settings.storage, tenant)
            recipe.fetch(tenant, self._files, models, folder / "inputs", self._bytes(running, "fetching"))
            _mark(folder / _FETCHED)

        self._in_stage(running, "fetching", lambda: self._persist(running, fetch))
        return self._folders.place

    def _execute(self, running: Running, recipe: Recipe, place: str) -> str | None:
        """Twelve hex digits that name what was made; None where the inputs are not within reach (any more)."""
        held, folder = running.held, self._folder(running)
        if place != self._folders.place or not (folder / _FETCHED).exists():
            return None
        self._check_takeovers(running)
        limits = self._settings.limits_of(held.job.kind)
        _make_folder(folder / "out")
        for number, command in enumerate(recipe.commands(folder / "inputs", folder / "out")):
            done = folder / f"{_DONE}{number}"
            if done.exists():
                continue
            task = Task(
                key=f"{held.first_try}-{number}",
                service=command.service,
                arguments=command.arguments,
                folder=folder,
                memory_bytes=limits.memory_bytes,
                seconds=limits.seconds,
            )
            outcome = self._in_stage(running, command.stage, partial(self._run, running, task))
            if outcome.ending == Ending.DONE:
                _mark(done)
            self._stay_if_leaving(running)
            if outcome.ending == Ending.STOPPED:
                raise Cancelled
            if outcome.ending != Ending.DONE:
                raise Failed(outcome.message, _CAUSES[outcome.ending])
        return secrets.token_hex(6)

    def _run(self, running: Running, task: Task) -> Outcome:
        def run() -> Outcome:
            try:
                outcome = self._engine.run(task, lambda progress: self._report(running, progress), running.stop)
            except InputError as error:  # a setting of this worker, which says nothing of the job
                raise TransientError(error.path, error.cause, hint=error.hint) from error
            if outcome.ending == Ending.STOPPED and not running.stop.is_set():
                # By a worker that took the folder over: who then has the job as well, or had it before and woke late.
                self._ledger.check(running.held)
                raise TransientError(task.key, "the command was ended by another worker")
            return outcome

        return self._persist(running, run)

    def _store(self, running: Running, recipe: Recipe, place: str, made: str) -> dict[str, JsonValue] | None:
        """The job's result; None where what is to be stored is not within reach (any more).

        Each execution stores under a name of its own, and takes away what earlier ones left: so one that was taken
        over, and wakes, meets nothing of its successor's.
        """
        held, folder = running.held, self._folder(running)
        for token in range(1, held.token):
            self._discard(running, recipe, _name(made, token))
        if place != self._folders.place or not (folder / "out").exists():
            return None
        name = _name(made, held.token)

        def allowed() -> None:
            self._stay_if_leaving(running)
            if running.stop.is_set():
                raise Cancelled
            patiently(lambda: self._ledger.check(held))

        def store() -> dict[str, JsonValue]:
            report = self._bytes(running, "storing")
            return recipe.store(held.job.tenant, self._files, folder / "out", name, allowed, report)

        try:
            result = self._in_stage(running, "storing", lambda: self._persist(running, store))
        except (Cancelled, UserError) as error:
            self._stay_if_leaving(running)
            if isinstance(error, InputError):
                _take_marks_away(folder)  # the command left something that cannot be right: another try runs it again
            self._discard(running, recipe, name)
            raise
        if not patiently(lambda: self._ledger.holds(held)):  # frozen within the last file, and taken over
            self._discard(running, recipe, name)
            self._ledger.check(held)
        return result

    def _discard(self, running: Running, recipe: Recipe, name: str) -> None:
        """Takes away what was stored under a name that is nobody's result. What stays then is not visible as whole."""
        for _ in range(3):
            try:
                recipe.discard(running.held.job.tenant, self._files, name)
            except UserError as error:
                _log.warning("not_discarded", job_id=running.held.job.job_id, made=name, error=str(error))
                time.sleep(1.0)
            else:
                return

    def _check_takeovers(self, running: Running) -> None:
        held = running.held
        if held.takeovers > self._settings.takeovers:
            hint = "the film may be too large for the machine; if it is not, tell us, and try it again"
            cause = f"the machine that worked on it went down {held.takeovers} times"
            raise Failed(f"{cause}{DASH}{hint}", "worker")

    def _folder(self, running: Running) -> Path:
        return self._folders.of(running.held.first_try)

    def _in_stage(self, running: Running, stage: str, work: Callable[[], Result]) -> Result:
        """Does `work`, and counts its time."""
        began = time.monotonic()
        running.stage = stage
        self._report(running, Progress(stage=stage), now=True)
        try:
            with span(stage):
                return work()
        finally:
            self._metrics.spent(running.held.job.kind, stage, time.monotonic() - began)

    def _persist(self, running: Running, work: Callable[[], Result]) -> Result:
        """What `work` gives, tried again after longer and longer pauses as long as that may help."""
        delay = 1.0
        for attempt in range(1, TRIES + 1):
            if running.stop.is_set():
                self._stay_if_leaving(running)
                raise Cancelled
            try:
                return work()
            except (TransientError, OutputError) as error:
                if attempt == TRIES or not _may_help(error):
                    raise
                _log.warning("tried_in_vain", job_id=running.held.job.job_id, attempt=attempt, error=str(error))
                what = "the disk is full" if isinstance(error, OutputError) else "no answer"
                words = f"{what}; trying again in {delay:.0f} s"
                self._report(running, Progress(stage=running.stage, message=words), now=True)
            running.stop.wait(delay)
            delay *= 2
        raise AssertionError

    def _bytes(self, running: Running, stage: str) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            self._report(running, Progress(stage=stage, done=min(done, total), total=total, message="bytes"))
            if running.stop.is_set():
                self._stay_if_leaving(running)
                raise Cancelled

        return report

    def _report(self, running: Running, progress: Progress, *, now: bool = False) -> None:
        """Tells how far the job is, once a second at most. What cannot be told is not worth a failure."""
        time_now = time.monotonic()
        if not now and time_now - running.reported < _SECONDS_BETWEEN_REPORTS:
            return
        running.reported = time_now
        try:
            self._ledger.report(running.held, progress)
            is_suspect = running.held.takeovers > 0 and not running.is_forgiven
            if is_suspect and time_now - running.began > _SECONDS_TO_BE_FORGIVEN:
                self._ledger.forgive(running.held)
                running.is_forgiven = True
        except TransientError as error:
            _log.warning("progress_not_told", job_id=running.held.job.job_id, error=str(error))

    def _stay_if_leaving(self, running: Running) -> None:
        """Where this worker is on its way out, nothing of a job may be recorded any more: the process ends soon."""
        if self._leaving.is_set():
            running.is_busy = False
            threading.Event().wait()

    def _in_words(self, error: UserError, held: Held) -> str:
        """What went wrong, without places that say nothing to people, or should not."""
        if isinstance(error, TransientError):
            return f"storage did not answer for too long{DASH}try the job again later"
        return shown(str(error), [self._folders.of(held.first_try)]).replace(self._files.place(), "storage")


def _name(made: str, token: int) -> str:
    """Twelve hex digits: of what an execution stores."""
    return hashlib.sha256(f"{made}-{token}".encode()).hexdigest()[:12]


def _make_folder(folder: Path) -> None:
    """With those above it. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error


def _mark(path: Path) -> None:
    with atomic_write(path) as file:
        file.write(b"")


def _take_marks_away(folder: Path) -> None:
    for mark in folder.glob(f"{_DONE}*"):
        mark.unlink(missing_ok=True)


def _may_help(error: UserError) -> bool:
    """Whether another try may help: a disk that is full may have room again."""
    cause = error.__cause__
    is_full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, TransientError) or is_full


def _cause_of(error: UserError) -> str:
    if isinstance(error, TransientError):
        return "storage"
    return "input" if isinstance(error, InputError) else "output"
