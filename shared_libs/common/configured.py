"""Settings for a command line: what was typed before what is set, and an error that is for the user to read."""

from typing import Any, TypeVar

from shared_libs.common.errors import InputError
from shared_libs.config.settings import Settings, SettingsError

AnySettings = TypeVar("AnySettings", bound=Settings)


def load_settings(kind: type[AnySettings], **given: Any) -> AnySettings:
    """The settings of a kind that are in force, where `given` (None: not given) does not say otherwise.

    Raises InputError, with the first thing that is wrong.
    """
    try:
        return kind.load(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        place, _, cause = error.problems[0].partition(": ")
        raise InputError(place, cause, hint="correct the setting, or take it away") from None
