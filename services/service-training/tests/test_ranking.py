"""Ranking, against a reference in plain loops written from the definitions, and against cases worked out by hand."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.crop_set import CropSet
from training.evaluation.measuring import measure
from training.evaluation.ranking import Float32, Ranking

NAN = float("nan")
CORNERS = [np.array(signs, np.float32) / 2 for signs in product((-1, 1), repeat=4)]
"""Sixteen vectors of length 1 whose likenesses are −1, −0.5, 0, 0.5 or 1: most answers are as alike as others."""


def crop_set(
    identity: Sequence[int],
    time: Sequence[float] | None = None,
    unknown: Sequence[tuple[int, int]] = (),
    game: Sequence[int] | None = None,
) -> CropSet:
    """Crops without pictures; all identities are different people for certain, but those of the pairs `unknown`."""
    count, people = len(identity), max(identity, default=-1) + 1
    different = ~np.eye(people, dtype=bool)
    for one, other in unknown:
        different[one, other] = different[other, one] = False
    return CropSet(
        pictures=np.zeros((count, 1, 1, 3), np.uint8),
        identity=np.array(identity, np.int32),
        time=np.full(count, NAN) if time is None else np.array(time, np.float64),
        names=tuple(f"{number}.jpg" for number in range(count)),
        identities=tuple(f"p{person}" for person in range(people)),
        game=np.zeros(people, np.int32) if game is None else np.array(game, np.int32),
        different=different,
    )


def ranked(vectors: Float32, crops: CropSet) -> Ranking:
    return measure(vectors, crops, quiet=True).ranking


def at_angles(*degrees: float) -> Float32:
    """Vectors in the plane: the nearer two angles, the more alike."""
    radians = np.radians(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(np.float32)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Float32, CropSet]:
    people = draw(st.integers(1, 4))
    identity = sorted([*draw(st.lists(st.integers(0, people - 1), max_size=12)), people - 1])
    count = len(identity)
    time = draw(st.lists(st.sampled_from([NAN, 0, 0.25, 0.75, 1, 1.5, 2, 9]), min_size=count, max_size=count))
    pairs = list(combinations(range(people), 2))
    unknown = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    game = draw(st.lists(st.integers(0, 2), min_size=people, max_size=people))
    if draw(st.booleans()):
        vectors: Float32 = np.stack(draw(st.lists(st.sampled_from(CORNERS), min_size=count, max_size=count)))
    else:
        random = np.random.default_rng(draw(st.integers(0, 999))).standard_normal((count, 3))
        vectors = (random / np.linalg.norm(random, axis=1, keepdims=True)).astype(np.float32)
    return vectors, crop_set(identity, time, unknown, game)


def answers_of(vectors: Float32, crops: CropSet) -> Iterator[tuple[int, list[bool]]]:
    """Each query that counts, and whether each of its answers is right, in the order in which they are ranked."""
    for query in range(len(crops)):
        likeness_and_right = []
        for other in range(len(crops)):
            likeness = sum(float(a) * float(b) for a, b in zip(vectors[query], vectors[other], strict=True))
            mine, theirs = crops.identity[query], crops.identity[other]
            if mine == theirs:
                known = not math.isnan(crops.time[query]) and not math.isnan(crops.time[other])
                same_moment = known and abs(crops.time[query] - crops.time[other]) < 1
                if other != query and not same_moment:
                    likeness_and_right.append((likeness, True))
            elif crops.different[mine, theirs]:
                likeness_and_right.append((likeness, False))
        ranked = [right for _, right in sorted(likeness_and_right, key=lambda answer: (-answer[0], answer[1]))]
        if any(ranked) and not all(ranked):
            yield query, ranked


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_score_is_that_of_the_definitions(case: tuple[Float32, CropSet]) -> None:
    vectors, crops = case
    precision, penalty, first = {}, {}, {}
    for query, ranks in answers_of(vectors, crops):
        places = [place for place, right in enumerate(ranks, 1) if right]
        precision[query] = sum(found / place for found, place in enumerate(places, 1)) / len(places)
        penalty[query] = len(places) / places[-1]
        first[query] = places[0]
    by_person = defaultdict(list)
    for query in first:
        by_person[crops.identity[query]].append(query)

    ranking = ranked(vectors, crops)
    everybody = range(len(crops))
    assert ranking.answers.first_rank.tolist() == [first.get(query, 0) for query in everybody]
    expected = [precision.get(query, NAN) for query in everybody]
    np.testing.assert_allclose(ranking.answers.average_precision, expected, rtol=1e-6)
    expected = [penalty.get(query, NAN) for query in everybody]
    np.testing.assert_allclose(ranking.answers.inverse_negative_penalty, expected, rtol=1e-6)
    assert (ranking.queries, ranking.gallery) == (len(first), len(crops))
    if not first:
        assert math.isnan(ranking.rank1) and math.isnan(ranking.mean_average_precision_by_identity)
        return

    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(values)

    for most, share in ((1, ranking.rank1), (5, ranking.rank5), (10, ranking.rank10)):
        assert share == pytest.approx(mean([rank <= most for rank in first.values()]))
        assert ranking.cumulative_matches(10)[most - 1] == pytest.approx(share)
    assert ranking.mean_average_precision == pytest.approx(mean(list(precision.values())), rel=1e-6)
    assert ranking.mean_inverse_negative_penalty == pytest.approx(mean(list(penalty.values())), rel=1e-6)
    people = list(by_person.values())
    assert ranking.rank1_by_identity == pytest.approx(mean([mean([first[q] == 1 for q in own]) for own in people]))
    assert ranking.mean_average_precision_by_identity == pytest.approx(
        mean([mean([precision[query] for query in own]) for own in people]), rel=1e-6
    )


def test_vectors_that_are_the_same_within_a_person_and_opposite_between_two_are_perfect() -> None:
    ranking = ranked(at_angles(0, 0, 0, 180, 180), crop_set([0, 0, 0, 1, 1]))
    assert (ranking.rank1, ranking.rank5, ranking.mean_average_precision) == (1, 1, 1)
    assert (ranking.mean_inverse_negative_penalty, ranking.rank1_by_identity, ranking.queries) == (1, 1, 5)


def test_vectors_that_are_all_the_same_find_everybody_else_first() -> None:
    identity = [person for person in range(12) for _ in range(2)]
    ranking = ranked(at_angles(*[30] * 24), crop_set(identity))
    assert (ranking.rank1, ranking.rank5, ranking.rank10) == (0, 0, 0)
    # The one right answer comes after the 22 wrong ones.
    assert set(ranking.answers.first_rank.tolist()) == {23}
    assert ranking.mean_average_precision == pytest.approx(1 / 23)


def test_the_same_moment_of_a_person_is_no_answer() -> None:
    # Without its neighbour in time, the first crop finds a stranger first.
    vectors = at_angles(0, 1, 90, 40)
    apart = ranked(vectors, crop_set([0, 0, 0, 1], [0, 2, 5, 0]))
    together = ranked(vectors, crop_set([0, 0, 0, 1], [0, 0.9, 5, 0]))
    assert apart.answers.first_rank.tolist()[:2] == [1, 1]
    assert together.answers.first_rank.tolist()[:2] == [2, 2]


def test_crops_a_whole_second_apart_are_answers() -> None:
    assert ranked(at_angles(0, 1, 90), crop_set([0, 0, 1], [3, 4, 3])).queries == 2
    assert ranked(at_angles(0, 1, 90), crop_set([0, 0, 1], [3, 3.99, 3])).queries == 0


def test_how_long_a_moment_lasts_can_be_said() -> None:
    crops = crop_set([0, 0, 1], [0, 3, 0])
    assert measure(at_angles(0, 1, 90), crops, same_moment_seconds=4, quiet=True).ranking.queries == 0


def test_people_who_may_be_the_same_are_neither_right_nor_wrong() -> None:
    # p2 may be p0: that p2's crop is the nearest to p0's counts for nothing.
    vectors = at_angles(0, 10, 90, 1)
    assert ranked(vectors, crop_set([0, 0, 1, 2])).answers.first_rank.tolist() == [2, 2, 0, 0]
    assert ranked(vectors, crop_set([0, 0, 1, 2], unknown=[(0, 2)])).answers.first_rank.tolist() == [1, 1, 0, 0]


def test_by_identity_everybody_weighs_the_same() -> None:
    # Of p0 six crops, all found; of p1 two that lie on either side of p0's.
    ranking = ranked(at_angles(0, 1, 2, 3, 4, 5, -60, 60), crop_set([0] * 6 + [1] * 2))
    assert ranking.rank1 == pytest.approx(6 / 8)
    assert ranking.rank1_by_identity == pytest.approx(1 / 2)


def test_the_last_right_answer_decides_the_inverse_negative_penalty() -> None:
    # p0's first crop: right, wrong, wrong, right. Two right answers, the last at rank 4.
    ranking = ranked(at_angles(0, 1, 50, 10, 20), crop_set([0, 0, 0, 1, 2]))
    assert ranking.answers.inverse_negative_penalty[0] == pytest.approx(2 / 4)
    assert ranking.answers.average_precision[0] == pytest.approx((1 / 1 + 2 / 4) / 2)
