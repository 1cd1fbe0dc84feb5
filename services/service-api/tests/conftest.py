"""What every test of the service begins with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from shared_libs.config.logging import configure_logging

# Machines are shared, and slow at times: how long an example takes says nothing.
settings.register_profile("laxai", deadline=None)
settings.load_profile("laxai")


@pytest.fixture(scope="session", autouse=True)
def as_the_service() -> Iterator[None]:
    """Settings of whoever runs the tests do not count, and logs are what the service makes of them."""
    configure_logging("service-api", mode="json")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("LAXAI_"):
                patch.delenv(name)
        yield
