"""Where everything is kept: for every service that stores or finds something, or shares the queue of jobs."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from shared_libs.config.settings import Settings
from shared_libs.utils.paths import user_path


class StorageSettings(Settings):
    """storage: a folder, or a URL that fsspec knows, such as `s3://bucket/laxai`. tenant: whose part of it. database: a
    SQLAlchemy URL, `sqlite:///file` on one machine, `postgresql+psycopg://user:password@host/name` for many; by default
    a file in the storage's folder, or among the user's data where storage is no folder.

    They belong to no service, and so stand at the file's top, as `log_level` does: a service with settings of its own
    derives them from this class.
    """

    storage: Annotated[str, Field(min_length=1)] = Field(default_factory=lambda: str(_user_data_folder()))
    tenant: Annotated[str, Field(min_length=1)] = "local"
    database: Annotated[str, Field(min_length=1)] = Field(default_factory=lambda others: _database_beside(others))


def _database_beside(others: dict[str, Any]) -> str:
    scheme, separator, rest = others.get("storage", "").partition("://")
    is_folder = not separator or scheme in ("file", "local")
    folder = user_path(os.path.expanduser(rest if separator else scheme)) if is_folder else _user_data_folder()
    return f"sqlite:///{folder.absolute() / 'laxai.db'}"


def _user_data_folder() -> Path:
    """LaxAI's folder among the user's data: `$XDG_DATA_HOME/laxai`, or `~/.local/share/laxai`."""
    # As the XDG specification has it: a path that is not absolute does not count.
    chosen = os.environ.get("XDG_DATA_HOME", "")
    data = Path(chosen) if os.path.isabs(chosen) else Path(os.path.expanduser("~"), ".local", "share")
    return data / "laxai"
