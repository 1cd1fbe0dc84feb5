import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample.settings import Settings
from shared_libs.common.errors import InputError


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seconds", 0.0),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -3.0),
        ("width", 10),
        ("width", 100_000),
        ("height", 0),
        ("fps", 0),
        ("fps", 1000),
        ("players", 1),
        ("players", 99),
        ("seed", -1),
    ],
)
def test_a_setting_that_no_clip_can_have_is_refused_by_name(option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^--{option}: "):
        Settings(**{option: value})  # type: ignore[arg-type]


def test_odd_sizes_are_refused_because_the_video_format_has_none() -> None:
    with pytest.raises(InputError, match="odd"):
        Settings(width=641)


def test_a_picture_like_a_slit_is_refused() -> None:
    with pytest.raises(InputError, match="too narrow"):
        Settings(width=160, height=2160)


@given(st.integers(0, 2**40))
def test_each_part_draws_from_its_own_random_stream(seed: int) -> None:
    settings = Settings(seed=seed)
    assert settings.random("play").integers(1 << 60) == settings.random("play").integers(1 << 60)
    assert settings.random("play").integers(1 << 60) != settings.random("people").integers(1 << 60)
