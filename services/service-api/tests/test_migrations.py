"""The tables: made and brought up to date at the start, by one at a time, and never by an older program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from api.access.keys import KeyStore, Scope
from api.cli import main
from api.database import VERSION_TABLE, metadata, open_database
from postgresql.databases import KINDS, NewDatabase, databases
from shared_libs.common.errors import InputError, UserError


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    return new_database()


def test_migrations_make_the_tables_that_the_code_declares(database: str) -> None:
    engine = open_database(database)
    with engine.connect() as connection:

        def is_ours(name: str | None, kind: str, parents: object) -> bool:
            return kind != "table" or name in metadata.tables

        options = {"version_table": VERSION_TABLE, "compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        made = set(sa.inspect(connection).get_table_names())
    assert set(metadata.tables) < made and "laxai_jobs" in made


def test_what_is_in_a_database_stays_at_another_start(database: str) -> None:
    key, token = KeyStore(open_database(database)).create("eagles", Scope.READ)
    assert KeyStore(open_database(database)).owner(token) == key


def test_processes_that_start_at_the_same_moment_all_come_up(database: str, new_database: NewDatabase) -> None:
    program = "import sys\nfrom api.database import open_database\nsys.stdin.read()\nopen_database(sys.argv[1])\n"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, database],
            env=environment,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = []
    for each in started:
        assert each.stdin is not None
        each.stdin.close()
        each.stdin = None
    for each in started:
        said.append(each.communicate(timeout=60)[1].decode())
    assert [each.returncode for each in started] == [0, 0, 0], said
    versions = f"SELECT version_num FROM {VERSION_TABLE}"
    with open_database(database).connect() as connection, open_database(new_database()).connect() as alone:
        [version] = connection.exec_driver_sql(versions).all()
        assert [version] == alone.exec_driver_sql(versions).all()


def test_a_migration_that_fails_leaves_nothing_behind(database: str) -> None:
    engine = open_database(database)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        connection.exec_driver_sql("DROP TABLE laxai_keys")  # the migration makes it, and then meets the other one
    with pytest.raises(UserError, match="laxai_sessions"):
        open_database(database).dispose()
    with engine.connect() as connection:
        assert "laxai_keys" not in sa.inspect(connection).get_table_names()


def test_a_database_of_a_newer_program_is_refused_in_one_line(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_database(database).begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(InputError, match="form 9999"):
        open_database(database)
    assert main(["keys", "list", "--database", database]) == 2
    assert main(["serve", "--port", "0", "--database", database]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("use the version of LaxAI that wrote it" in line for line in lines)
    with sa.create_engine(database).connect() as connection:
        assert connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar() == "9999"
