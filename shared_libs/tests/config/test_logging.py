import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.config.logging import configure_logging, get_logger


@pytest.fixture(autouse=True)
def logging_is_left_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_fields() -> None:
    stream = io.StringIO()
    configure_logging("tracking", stream=stream)
    get_logger("a").info("track_started", video_id="video_1", frames=3)
    (line,) = lines(stream)
    time = datetime.fromisoformat(line.pop("ts"))
    assert time.utcoffset() == timedelta(0)
    assert time <= datetime.now(UTC)
    assert line == {
        "level": "info",
        "event": "track_started",
        "service": "tracking",
        "video_id": "video_1",
        "frames": 3,
    }
    assert stream.getvalue().startswith('{"ts": ')


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    configure_logging("tracking", "warning", stream=stream)
    get_logger("a").info("quiet")
    logging.getLogger("library").info("quiet")
    get_logger("a").error("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_an_exception_is_a_field_without_the_values_of_variables() -> None:
    stream = io.StringIO()
    configure_logging("tracking", stream=stream)

    def fail() -> None:
        password = "sesame"
        raise ValueError(f"bad input of {len(password)} letters\nand two lines")

    try:
        fail()
    except ValueError:
        get_logger("a").exception("failed")
    (line,) = lines(stream)
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["exc_value"] == "bad input of 6 letters\nand two lines"
    assert [frame["name"] for frame in line["exception"][0]["frames"]][-1] == "fail"
    assert "sesame" not in stream.getvalue()


def test_what_libraries_log_comes_out_the_same_way() -> None:
    stream = io.StringIO()
    configure_logging("tracking", stream=stream)
    logging.getLogger("library").warning("%d of %d", 1, 2)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["service"]) == ("1 of 2", "warning", "tracking")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.integers()),
        max_leaves=6,
    )
)
def test_any_value_can_be_logged_and_stays_one_line(value: Any) -> None:
    stream = io.StringIO()
    configure_logging("tracking", stream=stream)
    get_logger("a").info("event", value=value)
    (line,) = lines(stream)
    assert "NaN" not in stream.getvalue() or isinstance(value, str | list | dict)
    assert line["event"] == "event"


def test_people_on_a_terminal_get_plain_lines() -> None:
    stream = Terminal()
    configure_logging("tracking", stream=stream)
    get_logger("a").info("track_started", video_id="video_1")
    assert "track_started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")
    forced = Terminal()
    configure_logging("tracking", mode="json", stream=forced)
    get_logger("a").info("track_started")
    assert lines(forced)[0]["event"] == "track_started"


def test_setting_up_twice_does_not_say_things_twice() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging("tracking", stream=first)
    configure_logging("tracking", stream=second)
    get_logger("a").info("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1
