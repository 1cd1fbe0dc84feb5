from pathlib import Path

import pytest

from shared_libs.config.settings import SettingsError
from shared_libs.config.storage import StorageSettings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LAXAI_CONFIG", "LAXAI_STORAGE", "LAXAI_TENANT", "LAXAI_DATABASE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_by_default_storage_is_a_folder_among_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = StorageSettings.load()
    assert (settings.storage, settings.tenant) == (str(tmp_path / ".local" / "share" / "laxai"), "local")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert StorageSettings.load().storage == "/data/laxai"
    for ignored in ("", "data"):
        monkeypatch.setenv("XDG_DATA_HOME", ignored)
        assert StorageSettings.load().storage == str(tmp_path / ".local" / "share" / "laxai")


def test_storage_is_set_by_variable_or_at_the_top_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "laxai.toml").write_text('storage = "gs://file/laxai"\ntenant = "reds"\n[cloud]\nworkers = 2\n')
    monkeypatch.setenv("LAXAI_CONFIG", str(tmp_path / "laxai.toml"))
    assert (StorageSettings.load().storage, StorageSettings.load().tenant) == ("gs://file/laxai", "reds")
    monkeypatch.setenv("LAXAI_STORAGE", "s3://variable/laxai")
    assert (StorageSettings.load().storage, StorageSettings.load().tenant) == ("s3://variable/laxai", "reds")
    assert StorageSettings.load(storage="/here").storage == "/here"


@pytest.mark.parametrize(
    ("storage", "file"),
    [
        ("/games", "/games/laxai.db"),
        ("file:///games", "/games/laxai.db"),
        ("~/games", "{home}/games/laxai.db"),
        ("games", "{here}/games/laxai.db"),
        ("s3://bucket/laxai", "{home}/.local/share/laxai/laxai.db"),
    ],
)
def test_by_default_the_database_lies_in_the_folder_of_the_storage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, storage: str, file: str
) -> None:
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", "/here")
    expected = f"sqlite:///{file.format(home=tmp_path, here='/here')}"
    assert StorageSettings.load(storage=storage).database == expected
    monkeypatch.setenv("LAXAI_DATABASE", "postgresql://games/laxai")
    assert StorageSettings.load(storage=storage).database == "postgresql://games/laxai"


@pytest.mark.parametrize("variable", ["LAXAI_STORAGE", "LAXAI_TENANT", "LAXAI_DATABASE"])
def test_an_empty_setting_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "")
    with pytest.raises(SettingsError, match=f"{variable}: string should have at least 1 character"):
        StorageSettings.load()
