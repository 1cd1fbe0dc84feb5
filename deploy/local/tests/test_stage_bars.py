from __future__ import annotations

import json
from typing import Any

import pytest

from local_stack.stage_bars import StageBars
from shared_libs.common.jobs import Progress
from shared_libs.utils.progress import PROGRESS_JSON, PROGRESS_VARIABLE


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What the bars have told, as JSON: at the beginning and the end of each, at the least."""
    monkeypatch.setenv(PROGRESS_VARIABLE, PROGRESS_JSON)
    return lambda: [json.loads(line)["laxai_progress"] for line in capsys.readouterr().err.splitlines()]


def test_each_stage_is_a_bar_that_is_full_when_the_next_one_comes(told: Any) -> None:
    with StageBars() as bars:
        bars.show(Progress(stage="camera", done=10, total=500, message="10 of 500 frames"))
        bars.show(Progress(stage="camera", done=498, total=500, message="498 of 500 frames"))
        bars.show(Progress(stage="storing", done=7, total=9, message="bytes"))

    ends = told()[1::2]
    assert ends == [
        {"stage": "camera", "done": 500, "total": 500, "unit": "frames"},
        {"stage": "storing", "done": 9, "total": 9, "unit": "bytes"},
    ]


def test_a_stage_of_which_nothing_is_counted_is_one_step(told: Any) -> None:
    with StageBars() as bars:
        bars.show(Progress(stage="exporting"))
        assert told()[0] == {"stage": "exporting", "done": 0, "total": None, "unit": "steps"}

    assert told()[-1] == {"stage": "exporting", "done": 1, "total": 1, "unit": "steps"}


def test_what_is_to_be_done_may_become_known_later_and_change(told: Any) -> None:
    with StageBars() as bars:
        bars.show(Progress(stage="training"))
        bars.show(Progress(stage="training", done=64, total=192, message="64 of 192 images"))
        bars.show(Progress(stage="training", done=128, total=160, message="128 of 160 images"))

    assert told()[-1] == {"stage": "training", "done": 160, "total": 160, "unit": "images"}


def test_words_that_count_nothing_are_no_unit(told: Any) -> None:
    with StageBars() as bars:
        bars.show(Progress(stage="fetching", message="no answer; trying again in 2 s"))

    assert told()[-1]["unit"] == "steps"


def test_a_stage_that_is_broken_off_stays_where_it_was(told: Any) -> None:
    with pytest.raises(KeyError), StageBars() as bars:
        bars.show(Progress(stage="camera", done=10, total=500, message="10 of 500 frames"))
        raise KeyError

    assert told()[-1]["done"] == 10
