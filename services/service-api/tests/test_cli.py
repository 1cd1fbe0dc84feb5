"""The command line: keys, and what is not served."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from tests.served import complaint

from api import __version__
from api.access.keys import KeyStore
from api.cli import main
from api.database import open_database


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that the settings name."""
    monkeypatch.setenv("LAXAI_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("LAXAI_PORT", "0")
    return f"sqlite:///{tmp_path}/storage/laxai.db"


# --- keys


def test_a_key_is_printed_once_alone_on_its_line(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--tenant", "eagles", "--scope", "write", "--name", "the coach"]) == 0
    said = capsys.readouterr()
    [token] = said.out.splitlines()
    key = KeyStore(open_database(database)).owner(token)
    assert key is not None and (key.tenant, key.scope, key.name) == ("eagles", "write", "the coach")
    assert key.key_id in said.err and token not in said.err
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert listed.split()[0] == key.key_id and "the coach" in listed
    assert token.rpartition("_")[2] not in listed


def test_a_key_is_revoked_by_its_id(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--scope", "admin", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["tenant"] == "local" and made["revoked"] is None
    assert main(["keys", "revoke", made["key_id"]]) == 0
    assert capsys.readouterr().out == f"{made['key_id']} is revoked\n"
    assert KeyStore(open_database(database)).owner(made["key"]) is None
    assert main(["keys", "list", "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert listed["revoked"] is not None and "key" not in listed
    assert main(["keys", "list"]) == 0
    assert "revoked" in capsys.readouterr().out


def test_keys_are_listed_of_one_tenant(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list"]) == 0
    assert capsys.readouterr().out == "no keys\n"
    for tenant in ("eagles", "blues"):
        assert main(["keys", "create", "--tenant", tenant, "--scope", "read"]) == 0
    capsys.readouterr()
    assert main(["keys", "list", "--tenant", "blues", "--json"]) == 0
    assert [key["tenant"] for key in json.loads(capsys.readouterr().out)] == ["blues"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["keys", "create", "--scope", "root"], "--scope: there is no 'root' – choose from read, write, admin"),
        (["keys", "create"], "--scope"),
        (["keys", "create", "--scope", "read", "--tenant", "../blues"], "tenant"),
        (["keys", "revoke", "key_0123456789ab"], "key_0123456789ab: there is no such key"),
        (["keys", "list", "--database", "nonsense://x"], "LAXAI_DATABASE"),
        (["serve", "--port", "99999"], "--port"),
        (["bake"], "bake"),
    ],
)
def test_wrong_words_are_one_line(
    database: str, capsys: pytest.CaptureFixture[str], words: list[str], names: str
) -> None:
    assert main(words) == 2
    assert names in complaint(capsys.readouterr().err.splitlines())


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"service-api {__version__}\n"


# --- what is not served


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no-such-host.invalid"])
def test_without_keys_only_this_machine_is_listened_for(
    database: str, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    assert main(["serve", "--host", host]) == 2
    line = complaint(capsys.readouterr().err.splitlines())
    assert "there are no keys" in line and "keys create" in line


def test_without_keys_not_every_name_is_answered(
    database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAXAI_ALLOWED_HOSTS", '["*"]')
    assert main(["serve"]) == 2
    assert "LAXAI_ALLOWED_HOSTS" in complaint(capsys.readouterr().err.splitlines())


@pytest.mark.parametrize(
    ("setting", "value"),
    [("ALLOWED_HOSTS", "localhost"), ("ALLOWED_HOSTS", '["http://x/"]'), ("JSON_BYTES", "0"), ("SESSION_HOURS", "0")],
)
def test_a_wrong_setting_is_named(
    database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"LAXAI_{setting}", value)
    assert main(["serve"]) == 2
    assert f"LAXAI_{setting}" in complaint(capsys.readouterr().err.splitlines())


def test_a_port_that_is_taken_is_named(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    line = complaint(capsys.readouterr().err.splitlines())
    assert f"127.0.0.1:{port}: Address already in use" in line
