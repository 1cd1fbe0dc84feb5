"""The command line: `python -m cloud`, the same as `bazel run //services/service-cloud --`.

What a command needs is imported inside it: `--help` is to be quick.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import __version__
from shared_libs.common.command_line import run_command_line
from shared_libs.common.configured import load_settings
from shared_libs.common.errors import InputError
from shared_libs.utils.paths import user_path

if TYPE_CHECKING:
    from shared_libs.common.job_client.client import JobClient
    from shared_libs.common.jobs import Job

app = typer.Typer(
    name="cloud",
    help="Durable jobs: a queue of work, and workers that never lose any.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
jobs = typer.Typer(
    name="jobs",
    help="The jobs of the queue: which there are, what became of them.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(jobs)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"service-cloud {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Durable jobs: a queue of work, and workers that never lose any."""


Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Where the jobs stand; LAXAI_DATABASE says it otherwise. By default a file in the storage's folder.",
    ),
]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Folder or URL of the storage; LAXAI_STORAGE says it otherwise."),
]
Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whose jobs; LAXAI_TENANT says it otherwise.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")]


@app.command("worker")
def worker_command(
    database: Database = None,
    storage: Storage = None,
    work: Annotated[
        str | None, typer.Option("--work", metavar="DIR", help="Where jobs are worked on; LAXAI_WORK otherwise.")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", min=0, max=65535, help="Serve /metrics and /health there; 0 chooses one."),
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Which address to serve them at.")] = "127.0.0.1",
) -> None:
    """Works on the jobs of the queue until it is stopped. Any number of workers may share one queue.

    After Ctrl-C or SIGTERM what it was at goes on with the next worker, where it stopped.
    """
    from cloud.serving import run_worker
    from cloud.settings import CloudSettings

    settings = load_settings(CloudSettings, database=database, storage=storage, work=work and user_path(work))
    run_worker(settings, metrics_host, metrics_port)


@app.command("doctor")
def doctor_command(
    database: Database = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Looks whether a worker could work here: settings, database, storage, disk, and the engine with its commands.

    The exit code is 1 where something is not as it should be.
    """
    from cloud.doctor import examine
    from cloud.settings import CloudSettings

    findings = examine(load_settings(CloudSettings, database=database, storage=storage))
    if as_json:
        rows = [{"what": found.what, "ok": found.ok, "says": found.says, "hint": found.hint} for found in findings]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        width = max(len(found.what) for found in findings)
        for found in findings:
            typer.echo(f"{'ok' if found.ok else 'NOT OK':6}  {found.what:{width}}  {found.says}")
            if found.hint is not None:
                typer.echo(f"{'':6}  {'':{width}}  {found.hint}")
    if not all(found.ok for found in findings):
        raise typer.Exit(1)


@jobs.command("submit")
def submit_command(
    payload: Annotated[
        str, typer.Argument(metavar="JSON", help='What to do, such as \'{"kind": "track_video", "video_id": "…"}\'.')
    ],
    key: Annotated[
        str | None, typer.Option("--key", help="The same key again gives the same job, and not a second one.")
    ] = None,
    priority: Annotated[int, typer.Option("--priority", min=0, max=100, help="The higher goes first.")] = 50,
    database: Database = None,
    storage: Storage = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Puts a job into the queue."""
    from pydantic import TypeAdapter, ValidationError

    from shared_libs.common.documents import explain
    from shared_libs.common.jobs import Payload

    try:
        asked: Payload = TypeAdapter(Payload).validate_json(payload)
    except ValidationError as error:
        raise InputError("JSON", explain(error), hint="see the kinds of jobs in service-cloud's README") from None
    client, owner = _client(database, storage, tenant)
    _show(client.submit(owner, asked, idempotency_key=key, priority=priority), as_json)


@jobs.command("list")
def list_command(
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only those in this state; may be given again.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only those of this kind; may be given again.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 20,
    following: Annotated[
        str | None, typer.Option("--following", help="The next page: what the page before ended with.")
    ] = None,
    database: Database = None,
    storage: Storage = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Jobs, newest first."""
    from shared_libs.common.jobs import JobKind, JobState

    states = [_choice("--state", name, JobState) for name in state or ()]
    kinds = [_choice("--kind", name, JobKind) for name in kind or ()]
    client, owner = _client(database, storage, tenant)
    page = client.list(owner, states=states, kinds=kinds, limit=limit, following=following)
    if as_json:
        document = {"jobs": [job.model_dump(mode="json") for job in page.jobs], "following": page.following}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    if not page.jobs:
        typer.echo("no jobs")
    for job in page.jobs:
        said = job.error or _how_far(job)
        typer.echo(f"{job.job_id}  {job.created:%Y-%m-%d %H:%M}  {job.kind:13}  {job.state:9}  {said}".rstrip())
    if page.following is not None:
        typer.echo(f"more: --following {page.following}")


@jobs.command("show")
def show_command(
    job: JobName, database: Database = None, storage: Storage = None, tenant: Tenant = None, as_json: Json = False
) -> None:
    """All that is known of one job."""
    client, owner = _client(database, storage, tenant)
    _show(client.job(owner, job), as_json)


@jobs.command("cancel")
def cancel_command(
    job: JobName, database: Database = None, storage: Storage = None, tenant: Tenant = None, as_json: Json = False
) -> None:
    """Cancels a job: one that waits at once, one that runs within seconds."""
    client, owner = _client(database, storage, tenant)
    _show(client.cancel(owner, job), as_json)


@jobs.command("retry")
def retry_command(
    job: JobName, database: Database = None, storage: Storage = None, tenant: Tenant = None, as_json: Json = False
) -> None:
    """Tries a job again that failed or was cancelled: as a new job, which goes on where that one was."""
    client, owner = _client(database, storage, tenant)
    _show(client.retry(owner, job), as_json)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "cloud", arguments)


def _client(database: str | None, storage: str | None, tenant: str | None) -> tuple[JobClient, str]:
    """The queue, and whose jobs are meant."""
    from cloud.settings import CloudSettings
    from shared_libs.common.job_client.client import JobClient

    settings = load_settings(CloudSettings, database=database, storage=storage, tenant=tenant)
    return JobClient(settings.database), settings.tenant


def _show(job: Job, as_json: bool) -> None:
    if as_json:
        typer.echo(job.model_dump_json(indent=2))
        return
    asked = job.payload.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True)
    rows: list[tuple[str, Any]] = [
        ("job", job.job_id),
        ("tenant", job.tenant),
        ("kind", job.kind),
        *asked.items(),
        ("state", job.state),
        ("progress", _how_far(job)),
        ("error", job.error),
        ("created", job.created.isoformat(timespec="seconds")),
        ("started", job.started and job.started.isoformat(timespec="seconds")),
        ("finished", job.finished and job.finished.isoformat(timespec="seconds")),
        ("retry of", job.retry_of),
        *((name, value) for name, value in (job.result or {}).items() if name not in asked),
    ]
    told = [(name, value) for name, value in rows if value not in (None, "")]
    width = max(len(name) for name, _ in told)
    for name, value in told:
        typer.echo(f"{name:{width}}  {value}")


def _how_far(job: Job) -> str:
    progress = job.progress
    if progress is None or job.state.is_final:
        return ""
    counted = f"{progress.done:,}" if progress.total is None else f"{progress.done:,} of {progress.total:,}"
    # A service's own words say the numbers as well.
    is_told = f"{progress.message} ".startswith(f"{counted} ")
    if is_told or (progress.done == 0 and progress.total is None):
        counted = ""
    return " ".join(filter(None, [progress.stage, counted, progress.message]))


def _choice(option: str, given: str, known: Any) -> Any:
    try:
        return known(given)
    except ValueError:
        hint = f"choose from {', '.join(known)}"
        raise InputError(option, f"there is no {given!r}", hint=hint) from None
