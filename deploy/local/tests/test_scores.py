from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_stack.scores import Scores, read_scores, table_of_counts, table_of_scores, verdict
from shared_libs.common.errors import InputError

shares = st.floats(min_value=0, max_value=1)
scores = st.builds(Scores, hota=shares, idf1=shares, switches=st.integers(min_value=0, max_value=100_000))


def test_the_table_aligns_what_it_compares() -> None:
    table = table_of_scores(Scores(0.8714, 0.91709, 1011), Scores(0.9, 0.9, 9))

    assert table.splitlines() == [
        "                      HOTA     IDF1   identity switches",
        "by jersey colours   87.1 %   91.7 %               1,011",
        "and by the model    90.0 %   90.0 %                   9",
        "change              +2.9     -1.7                -1,002",
    ]


@given(scores, scores)
def test_the_change_is_that_of_the_numbers_that_are_shown(before: Scores, after: Scores) -> None:
    _, old, new, change = (re.findall(r"[-+]?\d[\d,.]*", line) for line in table_of_scores(before, after).splitlines())
    for column in range(2):
        assert float(change[column]) == pytest.approx(float(new[column]) - float(old[column]), abs=1e-9)
    assert int(change[2].replace(",", "")) == after.switches - before.switches


@given(scores, scores)
def test_the_verdict_is_that_of_hota(before: Scores, after: Scores) -> None:
    words = verdict(before, after)
    difference = round(100 * after.hota, 1) - round(100 * before.hota, 1)

    assert ("helped" in words) == (difference > 0)
    assert ("did harm" in words) == (difference < 0)


def test_counts_have_a_table_of_their_own() -> None:
    assert table_of_counts((25, 31), (9, 1031)).splitlines() == [
        "                    players   tracks",
        "by jersey colours        25       31",
        "and by the model          9    1,031",
    ]


def test_what_evaluate_prints_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({"hota": 0.5, "deta": 0.4, "idf1": 0.25, "switches": 7}))

    assert read_scores(path) == Scores(0.5, 0.25, 7)


@pytest.mark.parametrize("text", ["", "[]", '{"hota": 0.5, "idf1": 0.5}', '{"hota": null, "idf1": 0.5, "switches": 1}'])
def test_what_it_does_not_print_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.json").write_text(text)

    with pytest.raises(InputError, match="scores"):
        read_scores(tmp_path / "scores.json")
