import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.utils.ids import new_id, parse_id


@given(st.from_regex(r"[a-z]{1,24}", fullmatch=True))
def test_a_new_id_says_its_kind_and_can_be_taken_apart(kind: str) -> None:
    made = new_id(kind)
    assert parse_id(made) == parse_id(made, kind) == (kind, made[-12:])


def test_ids_differ() -> None:
    assert len({new_id("job") for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("kind", ["", "Job", "job_", "j1", "a" * 25, "jöb", "job\n"])
def test_a_kind_is_a_few_small_letters(kind: str) -> None:
    with pytest.raises(ValueError, match="a kind is"):
        new_id(kind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job",
        "job_",
        "job_0123456789a",
        "job_0123456789abc",
        "job_0123456789AB",
        "job-0123456789ab",
        "job_0123456789ab\n",
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an id"):
        parse_id(text)


def test_an_id_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="is not the id of a run"):
        parse_id("job_0123456789ab", "run")
