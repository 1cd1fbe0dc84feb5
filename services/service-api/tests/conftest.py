"""What every test of the service begins with."""

from __future__ import annotations

import os

import pytest

from shared_libs.config.logging import configure_logging


@pytest.fixture(autouse=True)
def as_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests do not count, and logs are what the service makes of them."""
    configure_logging("service-api", mode="json")
    for name in list(os.environ):
        if name.startswith("LAXAI_"):
            monkeypatch.delenv(name)
