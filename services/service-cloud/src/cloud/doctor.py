"""Whether a worker could work here, and what to do where it could not."""

from __future__ import annotations

import secrets
import shutil

import sqlalchemy as sa

from cloud.engines.choosing import make_engine
from cloud.findings import Finding
from cloud.settings import CloudSettings
from cloud.worker.work_folders import WorkFolders
from shared_libs.common.errors import UserError
from shared_libs.common.job_client.table import connect, jobs, place_of, talking, workers
from shared_libs.common.jobs import JobState
from shared_libs.common.storage import StoragePathError, under
from shared_libs.common.stored_files import stored_files

_LEAST_FREE = 5 << 30
"""Bytes: a game of an hour, its crops and what is made of it."""


def examine(settings: CloudSettings) -> list[Finding]:
    """Everything that a worker needs, in the order in which it would be missed."""
    findings = [_database(settings), _storage(settings), _work(settings)]
    try:
        findings += make_engine(settings, settings.work).check()
    except UserError as error:
        findings.append(_trouble(f"engine {settings.engine}", error))
    return findings


def _database(settings: CloudSettings) -> Finding:
    try:
        engine = connect(settings.database)
        with talking(engine), engine.connect() as connection:
            counts = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state))
            states = {state: count for state, count in counts}
            living = connection.scalar(sa.select(sa.func.count()).select_from(workers).where(~workers.c.is_dead))
    except UserError as error:
        return _trouble("database", error)
    place = place_of(engine)
    waiting, running = states.get(JobState.QUEUED, 0), states.get(JobState.RUNNING, 0)
    counted = f"{waiting:,} jobs wait, {running:,} run, {living:,} workers"
    return Finding("database", True, f"{place}: {counted}")


def _storage(settings: CloudSettings) -> Finding:
    """Writes a file, reads it and takes it away."""
    content = secrets.token_bytes(32)
    try:
        folder = under(settings.tenant, f"doctor_{secrets.token_hex(6)}")  # others may look at the same moment
    except StoragePathError as error:
        return Finding("tenant", False, str(error), "choose another name (LAXAI_TENANT)")
    try:
        files = stored_files(settings.storage)
        path = f"{folder}/written"
        files.write(path, content)
        is_there = files.read(path) == content
        files.remove_folder(folder)
    except UserError as error:
        return _trouble("storage", error)
    if not is_there:
        hint = "look for whoever else writes there"
        return Finding("storage", False, f"{files.place()}: what was written is not what was read", hint)
    return Finding("storage", True, f"{files.place()}: can be written and read")


def _work(settings: CloudSettings) -> Finding:
    try:
        folders = WorkFolders(settings.work)
        free = shutil.disk_usage(folders.root).free
    except UserError as error:
        return _trouble("work folder", error)
    says = f"{folders.root}: {free / (1 << 30):,.1f} GiB free"
    if free < _LEAST_FREE:
        hint = "free some space, or name another folder (LAXAI_WORK)"
        return Finding("work folder", False, says, hint)
    return Finding("work folder", True, says)


def _trouble(what: str, error: UserError) -> Finding:
    return Finding(what, False, f"{error.path}: {error.cause}", error.hint)
