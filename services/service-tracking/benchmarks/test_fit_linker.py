"""The fit of the linker's weights: what it learns, and from what."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.accuracy import pooled
from benchmarks.fit_linker import (
    Asked,
    Float,
    Lesson,
    fitted,
    lesson_of,
    measure_weights,
    next_of_same,
    owners,
    true_identities,
)
from benchmarks.sequences import find_sequences, make_sample_sequences, read_sequence
from benchmarks.small import FPS, Command, find_sample_tool
from shared_libs.common.tracks import Tracks
from tracking.evaluate import Scores, count
from tracking.exact_tracks import ExactTracks
from tracking.link_evidence import FEATURES
from tracking.linker import joined, renumbered
from tracking.pieces import cut_where_passes_differ


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    with pytest.MonkeyPatch.context() as patch:
        find_sample_tool(patch)
        make_sample_sequences(folder, 2, 16, 40, quiet=True)
    return folder


@pytest.fixture(scope="module")
def lessons(games: Path) -> list[Lesson]:
    return [lesson_of(read_sequence(folder, games)) for folder in find_sequences(games)]


def scores(lessons: list[Lesson], weights: Float) -> Scores:
    found = []
    for each in lessons:
        person = joined(each.scene.pieces, each.pairs, each.features @ weights)
        found.append(count(each.truth, renumbered(each.tracks, person[each.scene.pieces.piece])))
    return pooled(found).scores()


def test_fitted_weights_join_better_than_the_tracker_alone_where_they_were_learned(lessons: list[Lesson]) -> None:
    online = pooled(count(each.truth, each.tracks) for each in lessons).scores()
    linked = scores(lessons, fitted(lessons))
    assert linked.idf1 > online.idf1
    assert linked.ass_a > online.ass_a


def test_right_pairs_weigh_more_than_wrong_ones(lessons: list[Lesson]) -> None:
    weights = fitted(lessons)
    right = np.concatenate([each.right for each in lessons])
    weight = np.concatenate([each.features @ weights for each in lessons])
    assert 20 < right.sum() < len(right) / 2
    assert np.median(weight[right]) > 0 > np.median(weight[~right])
    # Pairs compete where they share an end or a beginning.
    ends = np.concatenate([each.pairs.first + 10_000 * number for number, each in enumerate(lessons)])
    begins = np.concatenate([each.pairs.second + 10_000 * number for number, each in enumerate(lessons)])
    rivals = (ends[right][:, None] == ends[~right]) | (begins[right][:, None] == begins[~right])
    assert (weight[right][:, None] > weight[~right])[rivals].mean() > 0.95


def test_no_other_weights_surprise_less(lessons: list[Lesson]) -> None:
    """The fit, held against its definition: choices by softmax, with none as one of them."""
    ridge = 1e-2
    best = fitted(lessons, ridge)
    spread = np.concatenate([each.features for each in lessons]).std(axis=0)
    cost = ridge * np.tile(np.where(np.array(FEATURES) == "one", 0.01, 1.0), 2)

    def surprise(weights: Float) -> float:
        total = 0.0
        for each in lessons:
            weight = each.features @ weights
            for side in each.pairs:
                for piece in range(len(each.scene.pieces)):
                    mine = side == piece
                    options = np.append(weight[mine], 0.0)
                    chosen = weight[mine & each.right]
                    total += np.log(np.exp(options).sum()) - chosen.sum()
        pieces = sum(len(each.scene.pieces) for each in lessons)
        return total / pieces + float((cost * (weights * spread) ** 2).sum()) / 2

    least = surprise(best)
    random = np.random.default_rng(0)
    for _ in range(5):
        assert surprise(best + random.normal(0, 0.03, len(best)) / np.maximum(spread, 1e-3) * (spread > 0)) > least


def test_a_larger_ridge_gives_smaller_weights(lessons: list[Lesson]) -> None:
    spread = np.concatenate([each.features for each in lessons]).std(axis=0)
    sizes = [float(np.linalg.norm(fitted(lessons, ridge) * spread)) for ridge in (1e-3, 1e-1, 10)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_the_command_prints_the_table_of_link_weights(games: Path, command: Command) -> None:
    done = command("fit-linker", f"{games}:{games}", games, "--quiet")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:2] == ["_WEIGHTS = {", "    # what: (after a short gap, after a long one)"]
    namespace: dict[str, dict[str, tuple[float, float]]] = {}
    exec(done.out, namespace)
    table = namespace["_WEIGHTS"]
    assert tuple(table) == FEATURES
    report = json.loads(command("fit-linker", f"{games}:{games}", games, "--json", "--quiet").out)
    assert report["sequences"] == 4
    assert {name: (each["short"], each["long"]) for name, each in report["weights"].items()} == table
    assert 0 < report["right_pairs"] < report["pairs"]


def test_what_is_asked_beyond_the_fit_is_taken_from_three_rows(games: Path) -> None:
    plain, shifted = (
        measure_weights([(games, games)], asked=asked, quiet=True).weights.reshape(2, -1)
        for asked in (Asked(0, 0, 0), Asked(-1, 0.5, -0.25))
    )
    change = dict(zip(FEATURES, (shifted - plain).T.tolist(), strict=True))
    expected = {"one": 1, "newcomers": -0.5, "returns": 0.25}
    for name, halves in change.items():
        assert halves == pytest.approx([expected.get(name, 0)] * 2, abs=2e-3)


def test_where_nothing_is_ever_broken_there_is_nothing_to_learn(command: Command, tmp_path: Path) -> None:
    place = tmp_path / "calm" / "gt"
    place.mkdir(parents=True)
    rows = [f"{frame},{who},{100 * who + frame},200,30,80,1,1,1" for frame in range(1, 41) for who in (1, 5)]
    (place / "gt.txt").write_text("\n".join(rows))
    (place.parent / "seqinfo.ini").write_text(f"[Sequence]\nframeRate={FPS}\nseqLength=40\n")
    done = command("fit-linker", tmp_path, "--quiet")
    assert done.code == 2
    assert "no track in it is ever broken" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("sets", [[], ["no-such-folder"], ["no-such-folder:neither"]])
def test_bad_sets_are_refused_in_one_line(sets: list[str], command: Command) -> None:
    done = command("fit-linker", *sets, "--quiet")
    assert done.code == 2
    assert done.err.startswith("error: ") and done.err.count("\n") == 1


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_boxes_are_those_of_the_people_whom_they_cover(seed: int) -> None:
    random = np.random.default_rng(seed)
    frames, people = 4, 5
    frame, person = (random.random((frames, people)) < 0.7).nonzero()
    corner = np.stack([60.0 * person, 40.0 * frame], axis=1)
    xyxy = np.concatenate([corner, corner + np.array([30, 80])], axis=1)
    truth = ExactTracks(frame.astype(np.int32), (person + 1).astype(np.int32), xyxy, frames)
    seen = random.random(len(frame)) < 0.8
    far = seen & (random.random(len(frame)) < 0.2)
    shifted = xyxy + random.uniform(-3, 3, (len(xyxy), 1)) + 20.0 * far[:, None]
    ids = random.permutation(people)[person] + 1
    ones = np.ones(len(frame))
    tracks = Tracks.from_arrays(frame[seen], ids[seen], shifted[seen], ones[seen], person[seen], frame_count=frames)
    rows = np.lexsort((ids[seen], frame[seen]))
    expected = np.where(far, -1, person + 1)[seen][rows]
    assert true_identities(truth, tracks).tolist() == expected.tolist()


def test_a_piece_belongs_to_whom_most_of_its_boxes_show() -> None:
    number = np.array([1, 1, 1, 2, 2, 2, 3])
    pieces = cut_where_passes_differ(np.arange(7, dtype=np.int32), number, number, 5)
    assert owners(pieces, np.array([7, 7, 4, 4, -1, 4, -1])).tolist() == [7, 4, -1]


def test_the_next_piece_is_the_first_that_begins_after_the_end() -> None:
    owner = np.array([5, 5, 8, 5, -1, 8, -1])
    began = np.array([0, 6, 0, 20, 3, 9, 30])
    ended = np.array([9, 15, 8, 30, 5, 12, 40])
    assert next_of_same(owner, began, ended).tolist() == [3, 3, 5, -1, -1, -1, -1]
