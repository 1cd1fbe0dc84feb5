"""The command line: `python -m api`, the same as `bazel run //services/service-api --`.

What a command needs is imported inside it: `--help` is to be quick.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api import __version__
from shared_libs.common.command_line import run_command_line
from shared_libs.common.configured import load_settings
from shared_libs.common.errors import InputError

if TYPE_CHECKING:
    from api.access.keys import Key, KeyStore

app = typer.Typer(
    name="api",
    help="The front door: the HTTP API, and the page.",
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(
    name="keys",
    help="API keys: once there is one, nobody is served without.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(keys)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"service-api {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """The front door: the HTTP API, and the page."""


Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Where jobs and keys stand; LAXAI_DATABASE says it otherwise."),
]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Folder or URL of the storage; LAXAI_STORAGE says it otherwise."),
]
Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Whose; LAXAI_TENANT says it otherwise.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("serve")
def serve_command(
    host: Annotated[
        str | None, typer.Option("--host", help="Which address to listen at; others than this machine's need keys.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Which port; 0 chooses one.")] = None,
    database: Database = None,
    storage: Storage = None,
    tenant: Tenant = None,
) -> None:
    """Serves the API and the page until it is stopped.

    While no key has been made, it serves this machine alone, and everybody on it may do everything.
    """
    from api.serving import serve
    from api.settings import ApiSettings

    serve(load_settings(ApiSettings, host=host, port=port, database=database, storage=storage, tenant=tenant))


@keys.command("create")
def create_command(
    scope: Annotated[str, typer.Option("--scope", help="read, write, or admin: each includes those before it.")],
    tenant: Tenant = None,
    name: Annotated[str, typer.Option("--name", help="What it is for, as a reminder.")] = "",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Makes a key, and shows it: this once, for it is not kept."""
    from api.access.keys import Scope

    if scope not in list(Scope):
        raise InputError("--scope", f"there is no {scope!r}", hint=f"choose from {', '.join(Scope)}")
    store, owner = _store(database, tenant)
    key, token = store.create(owner, Scope(scope), name)
    if as_json:
        typer.echo(json.dumps({**_row(key), "key": token}, indent=2, ensure_ascii=False))
        return
    typer.echo(token)
    typer.echo(f"{key.key_id}, for tenant {key.tenant}, scope {key.scope}; it is not shown again", err=True)


@keys.command("list")
def list_command(tenant: Tenant = None, database: Database = None, as_json: Json = False) -> None:
    """All keys, or those of a tenant; without their secrets."""
    store, _ = _store(database, tenant)
    found = store.list(tenant)
    if as_json:
        typer.echo(json.dumps([_row(key) for key in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no keys")
    for key in found:
        ended = f"revoked {key.revoked:%Y-%m-%d %H:%M}" if key.revoked is not None else ""
        words = [key.key_id, f"{key.created:%Y-%m-%d %H:%M}", key.tenant, f"{key.scope:5}", key.name, ended]
        typer.echo("  ".join(word for word in words if word).rstrip())


@keys.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="The key's id, key_…: not the whole of it.")],
    database: Database = None,
) -> None:
    """Ends a key, and the sessions that began with it, within a second."""
    store, _ = _store(database, None)
    key = store.revoke(key_id)
    typer.echo(f"{key.key_id} is revoked")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 2 for bad input, 130 after Ctrl-C, 143 after SIGTERM."""
    return run_command_line(app, "api", arguments, interrupted="stopped")


def _store(database: str | None, tenant: str | None) -> tuple[KeyStore, str]:
    """The keys, and whose a new one is."""
    from api.access.keys import KeyStore
    from api.database import open_database
    from api.settings import ApiSettings

    settings = load_settings(ApiSettings, database=database, tenant=tenant)
    return KeyStore(open_database(settings.database)), settings.tenant


def _row(key: Key) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "tenant": key.tenant,
        "name": key.name,
        "scope": key.scope,
        "created": key.created.isoformat(timespec="seconds"),
        "revoked": key.revoked and key.revoked.isoformat(timespec="seconds"),
    }
