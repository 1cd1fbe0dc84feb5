"""One pass over all pairs: it does not matter how it is cut up, and its worst cases are the worst there are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.crop_set import CropSet
from training.evaluation.measuring import Scores, measure
from training.evaluation.ranking import Float32
from training.evaluation.verification import BINS


def random_case(seed: int, count: int = 60, people: int = 7) -> tuple[Float32, CropSet]:
    """Noisy looks of people, some of whom may be one; every tenth crop is the copy of another."""
    random = np.random.default_rng(seed)
    identity = np.sort(random.integers(0, people, count)).astype(np.int32)
    vectors = random.standard_normal((people, 24))[identity] + 1.5 * random.standard_normal((count, 24))
    vectors[::10] = vectors[random.integers(0, count, len(vectors[::10]))]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    different = np.triu(random.random((people, people)) < 0.7, 1)
    crops = CropSet(
        pictures=np.zeros((count, 1, 1, 3), np.uint8),
        identity=identity,
        time=np.where(random.random(count) < 0.1, np.nan, random.uniform(0, 10, count)),
        names=tuple(f"{number}.jpg" for number in range(count)),
        identities=tuple(f"p{person}" for person in range(people)),
        game=np.zeros(people, np.int32),
        different=different | different.T,
    )
    return vectors.astype(np.float32), crops


def two_people(*degrees: float, of_the_first: int) -> tuple[Float32, CropSet]:
    """Vectors in the plane at these angles, of two people, at unknown times."""
    radians, count = np.radians(degrees), len(degrees)
    crops = CropSet(
        pictures=np.zeros((count, 1, 1, 3), np.uint8),
        identity=np.array([0] * of_the_first + [1] * (count - of_the_first), np.int32),
        time=np.full(count, np.nan),
        names=tuple(f"{number}.jpg" for number in range(count)),
        identities=("p0", "p1"),
        game=np.zeros(2, np.int32),
        different=~np.eye(2, dtype=bool),
    )
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32), crops


def same(one: Scores, other: Scores) -> bool:
    """Whether two results are equal to the last bit."""
    arrays = [
        [
            scores.ranking.answers.average_precision,
            scores.ranking.answers.inverse_negative_penalty,
            scores.ranking.answers.first_rank,
            scores.verification.right,
            scores.verification.wrong,
        ]
        for scores in (one, other)
    ]
    equal = all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*arrays, strict=True))
    return equal and one.confusions == other.confusions and one.to_metrics() == other.to_metrics()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4000))
def test_the_size_of_the_chunks_changes_nothing(seed: int, chunk: int) -> None:
    vectors, crops = random_case(seed)
    assert same(measure(vectors, crops, quiet=True), measure(vectors, crops, chunk=chunk, quiet=True))


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, crops = random_case(1)
    results = []
    for cores in (1, 3, 64):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        results.append(measure(vectors, crops, quiet=True))
    assert same(results[0], results[1]) and same(results[0], results[2])


def test_crops_in_any_order_get_the_same_scores_each() -> None:
    vectors, crops = random_case(2)
    order = np.random.default_rng(3).permutation(len(crops))
    shuffled = CropSet(
        crops.pictures,
        crops.identity[order],
        crops.time[order],
        tuple(crops.names[row] for row in order),
        crops.identities,
        crops.game,
        crops.different,
    )
    straight = measure(vectors, crops, quiet=True)
    mixed = measure(vectors[order], shuffled, quiet=True)
    assert (mixed.ranking.answers.first_rank == straight.ranking.answers.first_rank[order]).all()
    np.testing.assert_array_equal(
        mixed.ranking.answers.average_precision, straight.ranking.answers.average_precision[order]
    )
    assert (mixed.verification.right == straight.verification.right).all()
    assert (mixed.verification.wrong == straight.verification.wrong).all()
    assert len(mixed.confusions) == 12
    for query, wrong, right, *likenesses in mixed.confusions:
        assert shuffled.identity[query] == shuffled.identity[right] != shuffled.identity[wrong]
        answers = vectors[order][[wrong, right]]
        assert likenesses == pytest.approx(answers @ vectors[order][query], abs=1e-6)


def test_likenesses_are_exact() -> None:
    # Of each two people the vectors are at right angles, whatever is summed first: a likeness of 0, never just below.
    random = np.random.default_rng(8)
    first = random.standard_normal((200, 64)).astype(np.float32)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.stack([first[:, 1::2], -first[:, 0::2]], axis=2).reshape(first.shape)
    different = np.kron(np.eye(200), [[0, 1], [1, 0]]) > 0
    vectors = np.stack([first, second], axis=1).reshape(400, 64)
    crops = CropSet(
        pictures=np.zeros((400, 1, 1, 3), np.uint8),
        identity=np.arange(400, dtype=np.int32),
        time=np.zeros(400),
        names=("",) * 400,
        identities=("",) * 400,
        game=np.zeros(400, np.int32),
        different=different,
    )
    assert measure(vectors, crops, quiet=True).verification.wrong[BINS // 2] == 200


def test_vectors_a_little_too_short_or_long_are_brought_to_length_one() -> None:
    signs = np.random.default_rng(9).choice([-0.5, 0.5], (60, 4)).astype(np.float32)
    _, crops = random_case(9)
    scale = np.linspace(0.9995, 1.0005, 60, dtype=np.float32)[:, None]
    assert same(measure(signs, crops, quiet=True), measure(signs * scale, crops, quiet=True))


def test_confusions_name_the_nearest_wrong_and_right_answer() -> None:
    vectors, crops = two_people(0, 30, 20, 200, of_the_first=2)
    first = measure(vectors, crops, quiet=True).confusions[0]
    # Crop 1, at 30°, is 10° from the stranger's and 30° from its own: the lead is cos 10° − cos 30°.
    assert (first.query, first.wrong, first.right) == (2, 1, 3)
    second = measure(vectors, crops, quiet=True).confusions[1]
    assert (second.query, second.wrong, second.right) == (1, 2, 0)
    assert second.wrong_likeness == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert second.right_likeness == pytest.approx(np.cos(np.radians(30)), abs=1e-6)


def test_a_right_answer_that_leads_is_no_confusion() -> None:
    vectors, crops = two_people(0, 10, 90, 95, of_the_first=2)
    assert measure(vectors, crops, quiet=True).confusions == ()


def test_an_answer_that_is_as_alike_as_the_right_one_is_a_confusion() -> None:
    vectors, crops = two_people(0, 0, 0, 0, of_the_first=2)
    assert [confusion.query for confusion in measure(vectors, crops, quiet=True).confusions] == [0, 1, 2]


def test_confusions_are_the_worst_in_order_and_at_most_three_of_two_people() -> None:
    vectors, crops = random_case(4, count=80, people=4)
    scores = measure(vectors, crops, confusions=1000, quiet=True)
    leads = [confusion.wrong_likeness - confusion.right_likeness for confusion in scores.confusions]
    assert leads == sorted(leads, reverse=True) and min(leads) >= 0
    pairs = Counter(
        tuple(sorted((crops.identity[confusion.query], crops.identity[confusion.wrong])))
        for confusion in scores.confusions
    )
    assert max(pairs.values()) == 3
    assert (scores.ranking.answers.first_rank > 1).sum() > len(scores.confusions)
    assert measure(vectors, crops, confusions=2, quiet=True).confusions == scores.confusions[:2]


def test_metrics_go_by_their_names() -> None:
    scores = measure(*random_case(5), quiet=True)
    metrics = scores.to_metrics()
    assert metrics["rank1"] == scores.ranking.rank1
    assert metrics["mAP"] == scores.ranking.mean_average_precision
    assert metrics["mINP"] == scores.ranking.mean_inverse_negative_penalty
    assert metrics["auc"] == scores.verification.area_under_curve
    assert metrics["eer_threshold"] == scores.verification.equal_error_threshold
    assert all(type(value) is float and np.isfinite(value) for value in metrics.values())


def test_what_cannot_be_measured_is_not_among_the_metrics() -> None:
    vectors, crops = two_people(0, 90, of_the_first=1)
    metrics = measure(vectors, crops, quiet=True).to_metrics()
    assert metrics == {"queries": 0, "gallery": 2, "right_pairs": 0, "wrong_pairs": 1}


def test_no_crops_at_all_can_be_measured() -> None:
    crops = CropSet(
        np.zeros((0, 1, 1, 3), np.uint8),
        np.zeros(0, np.int32),
        np.zeros(0),
        (),
        (),
        np.zeros(0, np.int32),
        np.eye(0) > 0,
    )
    assert measure(np.zeros((0, 8), np.float32), crops, quiet=True).ranking.queries == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda vectors: vectors[1:], "one for each crop"),
        (lambda vectors: vectors[:, 0], "one for each crop"),
        (lambda vectors: vectors * 2, "of length 1"),
        (lambda vectors: vectors * np.nan, "must be numbers"),
        (lambda vectors: vectors * 0, "of length 1"),
    ],
)
def test_vectors_that_are_none_of_these_crops_are_refused(change: object, words: str) -> None:
    vectors, crops = random_case(6)
    assert callable(change)
    with pytest.raises(ValueError, match=words):
        measure(change(vectors), crops, quiet=True)


def test_long_work_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared_libs.utils.progress.SECONDS_BETWEEN_LINES", 0.0)
    vectors, crops = random_case(7)
    measure(vectors, crops)
    assert "comparing crops: 60 / 60 crops" in capsys.readouterr().err
    measure(vectors, crops, quiet=True)
    assert capsys.readouterr().err == ""
