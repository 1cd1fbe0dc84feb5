"""Where the database is, for every service that keeps or finds something there: the API and the workers share one."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared_libs.config.storage import StorageSettings, user_data_folder


class DatabaseSettings(StorageSettings):
    """database: a SQLAlchemy URL: `sqlite:///file` on one machine, `postgresql+psycopg://user:password@host/name` for
    many.

    Like storage it belongs to no service, and stands at the file's top.
    """

    database: Annotated[str, Field(min_length=1)] = Field(
        default_factory=lambda: f"sqlite:///{Path(user_data_folder(), 'laxai.db')}"
    )
