"""Databases of every kind that services keep their tables in, for tests that hold on each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from postgresql.server import postgresql

KINDS: Final = ("sqlite", "postgresql")

NewDatabase: TypeAlias = Callable[[], str]
"""The URL of another database with nothing in it, each time."""


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[NewDatabase]:
    """Gives what makes databases of a kind: SQLite's are files in `folder`, PostgreSQL's are on a server that runs
    meanwhile."""
    if kind == "sqlite":
        count = itertools.count(1)
        yield lambda: f"sqlite:///{folder}/laxai{next(count)}.db"
    else:
        with postgresql() as server:
            yield server.new_database
