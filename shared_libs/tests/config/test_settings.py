from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field, SecretStr

from shared_libs.config.settings import Settings, SettingsError


class CloudSettings(Settings):
    section: ClassVar[str | None] = "cloud"

    workers: Annotated[int, Field(ge=1)] = 2
    queue_name: str = "jobs"
    database_password: SecretStr = SecretStr("none")
    limits: dict[str, int] = Field(default_factory=dict)


class StrictSettings(Settings):
    api_key: SecretStr


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith("LAXAI_"):
            monkeypatch.delenv(name)


def use_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    path = tmp_path / "laxai.toml"
    path.write_text(text)
    monkeypatch.setenv("LAXAI_CONFIG", str(path))
    return path


def problems(**overrides: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        CloudSettings.load(**overrides)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_defaults_hold_where_nothing_is_said() -> None:
    settings = CloudSettings.load()
    assert (settings.workers, settings.queue_name, settings.log_level) == (2, "jobs", "info")


def test_overrides_beat_the_environment_which_beats_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_file(monkeypatch, tmp_path, 'log_level = "debug"\n[cloud]\nworkers = 5\nqueue_name = "file"\n[api]\nport = 1\n')
    assert (CloudSettings.load().workers, CloudSettings.load().queue_name) == (5, "file")
    assert CloudSettings.load().log_level == "debug"
    monkeypatch.setenv("LAXAI_WORKERS", "7")
    assert (CloudSettings.load().workers, CloudSettings.load().queue_name) == (7, "file")
    assert CloudSettings.load(workers=9).workers == 9


def test_structures_come_as_json_or_nested_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_LIMITS", '{"gpu": 1}')
    monkeypatch.setenv("LAXAI_LIMITS__cpu", "4")
    assert CloudSettings.load().limits == {"gpu": 1, "cpu": 4}


def test_a_bad_variable_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_WORKERS", "many")
    monkeypatch.setenv("LAXAI_LOG_LEVEL", "loud")
    found = problems()
    assert len(found) == 2
    assert any(line.startswith("LAXAI_WORKERS: input should be a valid integer") for line in found)
    assert any(line.startswith("LAXAI_LOG_LEVEL: input should be 'debug'") for line in found)


def test_a_structure_that_is_not_json_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAXAI_LIMITS", "{gpu")
    assert problems() == ["LAXAI_LIMITS: must be JSON"]


def test_a_missing_setting_is_named_by_its_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        StrictSettings.load()
    assert caught.value.problems == ["LAXAI_API_KEY: field required"]


def test_a_bad_value_in_the_file_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = use_file(monkeypatch, tmp_path, "[cloud]\nworkers = 0\n")
    assert problems() == [f"{path}: [cloud] workers: input should be greater than or equal to 1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cloud]\nwrokers = 3\n", "[cloud] wrokers: there is no such setting"),
        ("wrokers = 3\n", "wrokers: there is no such setting"),
        ("cloud = 3\n", "cloud: must be a table"),
        ("[cloud\n", "is not valid TOML: "),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    path = use_file(monkeypatch, tmp_path, text)
    (line,) = problems()
    assert str(path) in line
    assert words in line


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAXAI_CONFIG", str(tmp_path / "none.toml"))
    assert problems() == [f"LAXAI_CONFIG: {tmp_path}/none.toml: No such file or directory"]
    monkeypatch.setenv("LAXAI_CONFIG", str(tmp_path))
    assert problems() == [f"LAXAI_CONFIG: {tmp_path}: Is a directory"]


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAXAI_DATABASE_PASSWORD", "sesame")
    settings = CloudSettings.load()
    assert settings.database_password.get_secret_value() == "sesame"
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "sesame" not in shown
    monkeypatch.setenv("LAXAI_WORKERS", "sesame")
    assert "sesame" not in "".join(problems())
    monkeypatch.delenv("LAXAI_WORKERS")
    monkeypatch.delenv("LAXAI_DATABASE_PASSWORD")
    use_file(monkeypatch, tmp_path, '[cloud]\ndatabase_password = ["sesame"]\n')
    (line,) = problems()
    assert line.endswith("[cloud] database_password: is not valid")


def test_settings_cannot_be_changed() -> None:
    field = "workers"
    with pytest.raises(ValueError, match="frozen"):
        setattr(CloudSettings.load(), field, 3)
