"""Settings: from the environment, then a TOML file, then defaults.

A service makes a subclass of `Settings` with its own fields and, if it likes, a `section`. A field `queue_name` of a
class with section "cloud" is set by `LAXAI_QUEUE_NAME`, or by `queue_name` in the table `[cloud]` of the file that
`LAXAI_CONFIG` names. Fields of every service, such as `log_level`, may stand at the file's top.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from pydantic import SecretBytes, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

ENV_PREFIX = "LAXAI_"
CONFIG_VARIABLE = "LAXAI_CONFIG"

LogLevel = Literal["debug", "info", "warning", "error"]
LogMode = Literal["auto", "json", "human"]


class SettingsError(Exception):
    """Settings that cannot be used; `problems` has one line each, which names the variable or the place in the file.

    No line holds a value, since a value may be a secret.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What every service can be told."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    section: ClassVar[str | None] = None

    log_level: LogLevel = "info"
    log_mode: LogMode = "auto"

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """The settings in force; `overrides` (from a command line) come before everything else.

        Raises SettingsError.
        """
        from_file, origins = _read_toml(cls)
        try:
            return cls(**{_FILE_VALUES: from_file, **overrides})
        except ValidationError as error:
            raise SettingsError([_explain(cls, problem, origins, overrides) for problem in _errors(error)]) from None
        except SourceError as error:
            name = str(error).partition('field "')[2].partition('"')[0]
            raise SettingsError([f"{ENV_PREFIX}{name.upper()}: must be JSON"]) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Overrides, then the environment, then the file."""
        given = init_settings()
        from_file = given.pop(_FILE_VALUES, {})
        return _Values(settings_cls, given), env_settings, _Values(settings_cls, from_file)


_FILE_VALUES = "laxai_file_values"


class _Values(PydanticBaseSettingsSource):
    """A source of settings that are known already."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = dict(values)

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


def _read_toml(cls: type[Settings]) -> tuple[dict[str, Any], dict[str, str]]:
    """The file's values for a class, and for each the place where it stands."""
    path = os.environ.get(CONFIG_VARIABLE)
    if not path:
        return {}, {}
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{CONFIG_VARIABLE}: {path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{CONFIG_VARIABLE}: {path}: is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{CONFIG_VARIABLE}: {path}: is not valid TOML: {error}"]) from None
    # Tables at the top belong to the services; the rest is for everybody.
    values = {key: value for key, value in document.items() if key in cls.model_fields}
    origins = {key: f"{path}: {key}" for key in values}
    problems = [
        f"{path}: {key}: there is no such setting"
        for key, value in document.items()
        if key not in cls.model_fields and not isinstance(value, dict)
    ]
    if cls.section is not None:
        table = document.get(cls.section, {})
        if not isinstance(table, dict):
            problems = [f"{path}: {cls.section}: must be a table"]
            table = {}
        for key, value in table.items():
            if key not in cls.model_fields:
                problems.append(f"{path}: [{cls.section}] {key}: there is no such setting")
            values[key] = value
            origins[key] = f"{path}: [{cls.section}] {key}"
    if problems:
        raise SettingsError(problems)
    return values, origins


def _errors(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_input=False, include_context=False))


def _explain(cls: type[Settings], problem: Any, origins: Mapping[str, str], overrides: Mapping[str, Any]) -> str:
    name, *inner = (str(part) for part in problem["loc"]) if problem["loc"] else ("settings",)
    variable = ENV_PREFIX + name.upper()
    if name in overrides:
        place = name
    elif name in origins and not any(key.upper().startswith(variable) for key in os.environ):
        place = origins[name]
    else:
        place = variable
    message = problem["msg"].removeprefix("Value error, ")
    if name in cls.model_fields and _is_secret(cls.model_fields[name].annotation):
        message = "field required" if problem["type"] == "missing" else "is not valid"
    return f"{place}{''.join(f'.{part}' for part in inner)}: {message[:1].lower()}{message[1:]}"


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(_is_secret(part) for part in get_args(annotation))
