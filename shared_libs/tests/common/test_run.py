import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared_libs.common.errors import InputError
from shared_libs.common.run import InputFile, Run, read_run, write_run

NAMES = st.text(min_size=1, max_size=10)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
FILES = st.builds(
    InputFile, name=NAMES, size=st.integers(0, 2**50), sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
)
RUNS = st.builds(
    Run,
    service=NAMES,
    created=st.datetimes(timezones=st.just(UTC)),
    code_version=NAMES,
    inputs=st.dictionaries(NAMES, FILES, max_size=2),
    settings=st.dictionaries(NAMES, VALUES, max_size=3),
    model_ids=st.dictionaries(NAMES, NAMES, max_size=2),
    metrics=st.dictionaries(NAMES, NUMBERS, max_size=3),
    timings=st.dictionaries(NAMES, NUMBERS, max_size=3),
    notes=st.lists(NAMES, max_size=2).map(tuple),
)


@given(RUNS)
def test_a_run_comes_back_as_it_was(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "run.json"
    write_run(path, run)
    assert read_run(path) == run


def test_an_input_is_measured(tmp_path: Path) -> None:
    (tmp_path / "det.txt").write_bytes(b"1,-1,1,2,3,4\n")
    found = InputFile.of(tmp_path / "det.txt")
    assert (found.name, found.size) == ("det.txt", 13)
    assert found.sha256 == hashlib.sha256(b"1,-1,1,2,3,4\n").hexdigest()
    with pytest.raises(InputError, match="no such file"):
        InputFile.of(tmp_path / "none")


MINIMAL: dict[str, Any] = {
    "schema": "laxai.run",
    "schema_version": 1,
    "service": "service-tracking",
    "created": "2026-05-01T12:00:00Z",
    "code_version": "1",
}


def test_the_least_that_a_run_says_is_enough(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(MINIMAL | {"timings": {"association_fps": 1200}}))
    run = read_run(tmp_path / "run.json")
    assert run.timings == {"association_fps": 1200.0}
    assert run.created == datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "has schema version 2, this program reads up to 1 .* newer version"),
        ({"schema": "other"}, "is not a laxai.run document"),
        ({"created": "yesterday"}, "created: "),
        ({"created": "2026-05-01T12:00:00"}, "created: .*timezone"),
        ({"inputs": {"video": {"name": "a", "size": 1, "sha256": "x"}}}, "inputs.video.sha256: "),
        ({"metrics": {"hota": "high"}}, "metrics.hota: "),
        ({"metric": {}}, "metric: extra inputs"),
    ],
)
def test_a_bad_run_is_one_line_that_names_the_field(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps(MINIMAL | change))
    with pytest.raises(InputError, match=words):
        read_run(tmp_path / "run.json")


def test_a_metric_that_is_no_number_is_refused_when_the_run_is_made() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Run(service="s", created=datetime.now(UTC), code_version="1", metrics={"hota": float("nan")})
