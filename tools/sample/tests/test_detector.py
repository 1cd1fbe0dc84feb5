import numpy as np
import pytest

from sample.detector import detect, pairwise_iou
from sample.settings import Settings
from sample.truth import Observer, Truth
from sample.world import World
from shared_libs.common.detections import Detections

SETTINGS = Settings(seconds=16, fps=12, seed=5)


@pytest.fixture(scope="module")
def truth() -> Truth:
    world = World(SETTINGS)
    observer = Observer(world)
    for index in range(SETTINGS.frame_count):
        observer.observe(world.frame(index))
    return observer.truth()


@pytest.fixture(scope="module")
def detections(truth: Truth) -> Detections:
    return detect(SETTINGS, truth)


def _matches(truth: Truth, detections: Detections) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per true box: the best detection (or -1) and its IoU; per detection: whether it has a true box."""
    best, quality = np.full(len(truth.frame), -1), np.zeros(len(truth.frame))
    real = np.zeros(len(detections), bool)
    for frame in range(truth.frame_count):
        rows = np.flatnonzero(truth.frame == frame)
        columns = np.flatnonzero(detections.frame == frame)
        overlap = pairwise_iou(truth.xyxy[rows].astype(float), detections.xyxy[columns].astype(float))
        while overlap.size and overlap.max() >= 0.5:
            a, b = np.unravel_index(overlap.argmax(), overlap.shape)
            best[rows[a]], quality[rows[a]], real[columns[b]] = columns[b], overlap[a, b], True
            overlap[a], overlap[:, b] = 0, 0
    return best, quality, real


def test_most_people_are_found_and_some_boxes_are_nobody(truth: Truth, detections: Detections) -> None:
    best, _, real = _matches(truth, detections)
    assert 0.85 < (best >= 0).mean() < 0.97
    assert 0.85 < real.mean() < 0.98


def test_the_hidden_are_missed_more_often_and_scored_lower(truth: Truth, detections: Detections) -> None:
    best, _, _ = _matches(truth, detections)
    hidden, clear = truth.visibility < 0.4, truth.visibility > 0.95
    assert (best[hidden] >= 0).mean() < (best[clear] >= 0).mean() - 0.2
    score = detections.score
    assert score[best[hidden & (best >= 0)]].mean() < score[best[clear & (best >= 0)]].mean() - 0.15


def test_misses_come_in_runs(truth: Truth, detections: Detections) -> None:
    best, _, _ = _matches(truth, detections)
    missed_after_miss, missed = [], best < 0
    for track_id in np.unique(truth.track_id):
        mine = missed[truth.track_id == track_id]
        missed_after_miss += mine[1:][mine[:-1]].tolist()
    assert np.mean(missed_after_miss) > 2 * missed.mean()


def test_boxes_are_near_the_truth_but_never_quite_it(truth: Truth, detections: Detections) -> None:
    _, quality, _ = _matches(truth, detections)
    found = quality[quality > 0]
    assert 0.82 < found.mean() < 0.95
    assert (found > 0.999).mean() < 0.02


def test_boxes_scores_and_classes_are_valid(detections: Detections) -> None:
    assert (detections.xyxy[:, :2] >= 0).all()
    assert (detections.xyxy[:, 2:] <= (SETTINGS.width, SETTINGS.height)).all()
    assert ((detections.score >= 0.1) & (detections.score <= 1)).all()
    assert set(detections.class_id.tolist()) == {1}


def test_the_same_truth_gives_the_same_detections(truth: Truth, detections: Detections) -> None:
    again = detect(SETTINGS, truth)
    assert (again.xyxy == detections.xyxy).all() and (again.score == detections.score).all()


def test_an_empty_truth_gives_only_false_boxes() -> None:
    nobody = Truth(
        np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 100
    )
    assert 0 < len(detect(SETTINGS, nobody)) < 100
