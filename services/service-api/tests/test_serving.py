"""The service as a process that others start and stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import tests.streaming_service
from tests.served import Program, problem

from api.access.recent import LOOK_SECONDS
from api.cli import main

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    """Starts programs with a storage of their own, at any port."""
    monkeypatch.setenv("LAXAI_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("LAXAI_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("LAXAI_PORT", "0")
    made = Starter(tmp_path)
    yield made
    for each in made.started:
        each.process.kill()
        each.process.wait()


class Starter:
    """Starts programs, which are ended with the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.started: list[Program] = []

    def __call__(self, *words: str, ignores_interrupts: bool = False) -> Program:
        log = self._folder / f"log-{len(self.started)}"
        program = Program(log, *words, ignores_interrupts=ignores_interrupts)
        self.started.append(program)
        return program


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_the_service_says_where_it_is_and_ends_as_the_signal_says(
    start: Starter, number: signal.Signals, code: int
) -> None:
    service = start("-m", "api", "serve")
    url = service.url()
    assert httpx.get(f"{url}api/v1/session").json()["tenant"] == "local"
    assert httpx.get(f"{url}api/v1/session", headers={"Host": "evil.example"}).status_code == 421
    assert service.lines()[1:] == ["no worker attached: jobs wait until one is"]
    assert service.end(number) == code
    assert service.lines()[2:] == ["stopped"]


def test_with_keys_others_are_listened_for(start: Starter, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--tenant", "eagles", "--scope", "read"]) == 0
    token = capsys.readouterr().out.strip()
    service = start("-m", "api", "serve", "--host", "0.0.0.0")
    url = service.url().replace("0.0.0.0", "127.0.0.1")
    problem(httpx.get(f"{url}api/v1/session"), 401, "key-needed")
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{url}api/v1/session", headers=headers).json()["tenant"] == "eagles"
    assert "LAXAI_ALLOWED_HOSTS" in service.lines()[2]
    # A key that is revoked by another process counts no more.
    assert main(["keys", "revoke", token.removeprefix("laxai_").rpartition("_")[0]]) == 0
    problem(_once_it_was_looked_up(url, headers), 401, "key-needed")


def _once_it_was_looked_up(url: str, headers: dict[str, str]) -> httpx.Response:
    """What somebody is told who was let in before; the last answer where they still are after a while."""
    end = time.monotonic() + 20 * LOOK_SECONDS
    while True:
        answer = httpx.get(f"{url}api/v1/session", headers=headers)
        if answer.status_code != 200 or time.monotonic() > end:
            return answer
        time.sleep(0.1)


def test_a_key_that_is_made_while_it_serves_counts_soon(start: Starter) -> None:
    url = start("-m", "api", "serve").url()
    assert httpx.get(f"{url}api/v1/session").status_code == 200
    assert main(["keys", "create", "--scope", "read"]) == 0
    problem(_once_it_was_looked_up(url, {}), 401, "key-needed")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_answers_that_go_on_are_ended_and_others_completed(
    start: Starter, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    service = start(tests.streaming_service.__file__, str(tmp_path))
    url = service.url()
    with httpx.stream("GET", f"{url}/api/v1/slow") as slow, httpx.stream("GET", f"{url}/api/v1/events") as events:
        parts, lines = slow.iter_text(), (line for line in events.iter_lines() if line)
        begun = next(parts)
        assert next(lines) == "data: tick"
        assert service.end(number) == code
        assert begun + "".join(parts) == "0123456789"
        assert list(lines)[-1] == "data: the end"
    assert service.lines()[1:] == ["stopped"]


def test_ctrl_c_does_nothing_where_a_script_has_it_ignored(start: Starter) -> None:
    service = start("-m", "api", "serve", ignores_interrupts=True)
    url = service.url()
    service.process.send_signal(signal.SIGINT)
    assert httpx.get(f"{url}api/v1/health/live").status_code == 200
    assert service.end(signal.SIGTERM) == 143
