"""Where storage is, and whose part of it is meant: for every service that keeps or finds something there."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared_libs.config.settings import Settings


class StorageSettings(Settings):
    """storage: a folder, or a URL that fsspec knows, such as `s3://bucket/laxai`. tenant: whose part of it.

    They belong to no service, and so stand at the file's top, as `log_level` does: a service with settings of its own
    derives them from this class.
    """

    storage: Annotated[str, Field(min_length=1)] = Field(default_factory=lambda: user_data_folder())
    tenant: Annotated[str, Field(min_length=1)] = "local"


def user_data_folder() -> str:
    """LaxAI's folder among the user's data: `$XDG_DATA_HOME/laxai`, or `~/.local/share/laxai`."""
    # As the XDG specification has it: a path that is not absolute does not count.
    chosen = os.environ.get("XDG_DATA_HOME", "")
    data = Path(chosen) if os.path.isabs(chosen) else Path(os.path.expanduser("~"), ".local", "share")
    return str(data / "laxai")
