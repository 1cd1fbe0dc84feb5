"""The compiled steps against the same steps in plain numpy, and the assignment against scipy's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from shared_libs.common.detections import Detections
from tracking import kernel, reference
from tracking.bank import LEARNED, OWN, Bank, Frames, Game, new_bank, new_game, with_room
from tracking.kernel import _assign
from tracking.knobs import knobs_of, packed
from tracking.settings import TrackerSettings
from tracking.tracker import Advance, track

EXHAUSTIVE = os.environ.get("LAXAI_EXHAUSTIVE") == "1"
SEQUENCES = 200 if EXHAUSTIVE else 40
ASSIGNMENTS = 5000 if EXHAUSTIVE else 200
SETTINGS = (
    TrackerSettings(),
    TrackerSettings(rival_margin=0.0, rival_overlap=0.02, return_bias=4.0),
    TrackerSettings(confirm_hits=1, return_hits=1, search_seconds=0.3, reentry_seconds=1.0, shift_votes=1),
)

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Sequence:
    """What `track` takes."""

    detections: Detections
    fps: float
    camera: Float | None
    settings: TrackerSettings


def sequence(seed: int) -> Sequence:
    """A game filmed by a camera that pans and zooms, as a detector with faults sees it.

    Players run to and fro, cross, and leave the picture as the camera turns away; boxes jitter, fail and have low
    scores, some are of nobody, and some frames have none. Every fourth sequence is a crowd, every third one's camera
    is known but for some frames, and one in seven has no box at all before its middle.
    """
    rng = np.random.default_rng(seed)
    crowd = seed % 4 == 3
    fps = float(rng.choice([10, 25, 29.97, 60]))
    count = int(rng.integers(40, 90) if crowd else rng.integers(60, 320))
    players = int(rng.integers(70, 110)) if crowd else int(rng.integers(6, 24))
    places = rng.uniform([-900, 200], [2500, 900], (players, 2))
    velocity = rng.normal(0, 90 / fps, (players, 2)) * [1, 0.3]
    heights = rng.uniform(60, 160, players)
    aim, zoom, pan = np.array([960.0, 540.0]), 1.0, 0.0
    miss, faint, false_boxes, jitter = rng.uniform([0, 0, 0, 0.2], [0.4, 0.4, 3, 3])
    rows: list[Float] = []
    camera = np.tile(np.eye(2, 3), (count, 1, 1))
    for frame in range(count):
        turned = rng.random(players) < 1 / fps
        velocity[turned] = rng.normal(0, 120 / fps, (turned.sum(), 2)) * [1, 0.3]
        places += velocity
        if rng.random() < 0.5 / fps:
            pan = float(rng.normal(0, 500 / fps))
        pan -= 0.02 * (aim[0] - 960)
        jerk = rng.normal(0, 25, 2) if rng.random() < 0.02 else np.zeros(2)
        factor = float(np.clip(zoom * np.exp(rng.normal(0, 0.01)), 0.5, 2)) / zoom
        moved = aim + np.array([pan, 0.02 * (540 - aim[1])]) + jerk
        # Of points of the picture: seen = (point - aim) * zoom + centre.
        camera[frame, :, 2] = np.array([960, 540]) * (1 - factor) - zoom * factor * (moved - aim)
        camera[frame, 0, 0] = camera[frame, 1, 1] = factor
        aim, zoom = moved, zoom * factor
        if rng.random() < 0.03 or (seed % 7 == 6 and frame < count // 2):
            continue
        seen = (places - aim) * zoom + [960, 540]
        inside = ((seen > 0) & (seen < [1920, 1080])).all(axis=1) & (rng.random(players) >= miss)
        size = np.stack([0.4 * heights, heights], axis=1) * zoom
        boxes = np.concatenate([seen - size / 2, seen + size / 2], axis=1)[inside]
        boxes += rng.normal(0, jitter, boxes.shape)
        scores = np.where(rng.random(len(boxes)) < faint, rng.uniform(0.05, 0.6, len(boxes)), rng.uniform(0.6, 1))
        extra = rng.poisson(false_boxes)
        corner = rng.uniform(0, [1800, 900], (extra, 2))
        boxes = np.concatenate([boxes, np.concatenate([corner, corner + rng.uniform(10, 150, (extra, 2))], axis=1)])
        scores = np.concatenate([scores, rng.uniform(0.05, 0.95, extra)])
        rows.append(np.column_stack([np.full(len(boxes), frame), boxes, scores]))
    table = np.concatenate([np.zeros((0, 6)), *rows])
    camera[0] = np.eye(2, 3)
    camera[rng.random(count) < 0.1] = np.nan
    detections = Detections.from_arrays(table[:, 0], table[:, 1:5], table[:, 5], np.zeros(len(table)), count)
    return Sequence(detections, fps, camera if seed % 3 == 2 else None, SETTINGS[seed // 12 % len(SETTINGS)])


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_compiled_and_plain_steps_agree(seed: int) -> None:
    given_sequence = sequence(seed)
    fast, plain = (
        track(
            given_sequence.detections,
            given_sequence.fps,
            given_sequence.settings,
            given_sequence.camera,
            advance=advance,
        )
        for advance in (kernel.advance, reference.advance)
    )
    assert len(fast) > 0
    assert fast.frame.tolist() == plain.frame.tolist()
    assert fast.track_id.tolist() == plain.track_id.tolist()
    np.testing.assert_allclose(fast.xyxy, plain.xyxy, rtol=0, atol=1e-3)


def steps(chosen: Advance, frames: Frames) -> tuple[Bank, Game, NDArray[np.int64], NDArray[np.bool_]]:
    """The bank, what was learned, and the number of each box and whether it counts, after all frames."""
    knobs = knobs_of(TrackerSettings(), 25.0)
    bank, game = new_bank(1000), new_game(knobs)
    found = np.zeros(len(frames.boxes), np.int64), np.zeros(len(frames.boxes), np.bool_)
    count = len(frames.offsets) - 1
    live, _, done = chosen(bank, game, packed(knobs), 0, 1, 0, count, frames, found)
    assert done == count
    return bank[:live], game, *found


def frames_of(detections: Detections, camera: Float | None) -> Frames:
    """As `track` makes them."""
    kept: list[Frames] = []

    def keep(*arguments: Any) -> tuple[int, int, int]:
        kept.append(arguments[7])
        return arguments[3], arguments[4], arguments[6]

    track(detections, 25.0, camera=camera, advance=keep)
    return kept[0]


@pytest.mark.parametrize("seed", [0, 3, 8, 11])
def test_both_know_the_same_after_all_frames(seed: int) -> None:
    given_sequence = sequence(seed)
    frames = frames_of(given_sequence.detections, given_sequence.camera)
    (fast, learned, number, confirmed), (plain, expected, *found) = (
        steps(advance, frames) for advance in (kernel.advance, reference.advance)
    )
    assert len(fast) > 0
    assert number.tolist() == found[0].tolist()
    assert confirmed.tolist() == found[1].tolist()
    for name in ("number", "hits", "missed", "age", "confirmed", "rival", "streak", "anchor_age", "anchors"):
        assert fast[name].tolist() == plain[name].tolist(), name
    for name in ("mean", "velocity", "variance", "covariance", "velocity_variance"):
        np.testing.assert_allclose(fast[name][:, OWN], plain[name][:, OWN], rtol=1e-6, atol=1e-6, err_msg=name)
    for name in ("last", "jolt", "anchor"):
        np.testing.assert_allclose(fast[name], plain[name], rtol=1e-6, atol=1e-6, err_msg=name)
    for name in LEARNED.names or ():
        np.testing.assert_allclose(learned[name], expected[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_boxes_without_an_area_are_followed_by_neither() -> None:
    """Files cannot hold such boxes, but the steps have no need to know that."""
    count = 30
    boxes = np.zeros((2 * count, 4))
    boxes[::2] = [100, 100, 0, 0]
    boxes[1::2, 2:] = [30, 80]
    boxes[1::2, 0] = 500 + 3 * np.arange(count)
    frames = Frames(
        offsets=np.arange(count + 1) * 2,
        boxes=boxes,
        scores=np.full(2 * count, 0.9),
        transforms=np.tile(np.eye(2, 3), (count, 1, 1)),
        known=np.zeros(count, np.bool_),
    )
    for advance in (kernel.advance, reference.advance):
        _, _, number, confirmed = steps(advance, frames)
        assert confirmed.tolist() == [False, False] * 2 + [False, True] * (count - 2)
        assert len(set(number[1::2].tolist())) == 1


def test_a_stop_for_want_of_room_loses_nothing() -> None:
    given_sequence = sequence(3)
    frames = frames_of(given_sequence.detections, None)
    count = len(frames.offsets) - 1
    knobs = knobs_of(TrackerSettings(), 25.0)
    for advance in (kernel.advance, reference.advance):
        found = np.zeros(len(frames.boxes), np.int64), np.zeros(len(frames.boxes), np.bool_)
        bank, game, live, number, frame, stops = new_bank(1), new_game(knobs), 0, 1, 0, 0
        while frame < count:
            live, number, frame = advance(bank, game, packed(knobs), live, number, frame, count, frames, found)
            bank = with_room(bank, live, len(bank) + 7)
            stops += 1
        assert stops > 5
        assert found[0].tolist() == steps(advance, frames)[2].tolist()


def gains() -> st.SearchStrategy[Float]:
    """Gains of up to 9 by 9 pairs: some equal, some not allowed."""
    shapes = st.tuples(st.integers(0, 9), st.integers(0, 9))
    coarse = st.integers(-3, 4).map(float)
    fine = st.floats(-2, 3, allow_subnormal=False)
    return st.one_of(coarse, fine).flatmap(
        lambda first: arrays(np.float64, shapes, elements=coarse if first.is_integer() else fine)
    )


@settings(max_examples=ASSIGNMENTS, deadline=None)
@given(gains())
def test_the_assignment_is_the_best_one(gain: Float) -> None:
    chosen = _assign(gain)
    assert chosen.shape == gain.shape[:1]
    rows = (chosen >= 0).nonzero()[0]
    assert len(set(chosen[rows].tolist())) == len(rows)
    assert (gain[rows, chosen[rows]] > 0).all()
    allowed = np.maximum(gain, 0)
    best = allowed[linear_sum_assignment(allowed, maximize=True)].sum()
    assert gain[rows, chosen[rows]].sum() == pytest.approx(best, abs=1e-9)


def test_a_large_assignment_is_the_best_one() -> None:
    rng = np.random.default_rng(1)
    for rows, columns in ((80, 120), (120, 80), (100, 100), (1, 200), (200, 1)):
        gain = rng.uniform(-2, 1, (rows, columns))
        chosen = _assign(gain)
        taken = (chosen >= 0).nonzero()[0]
        allowed = np.maximum(gain, 0)
        best = allowed[linear_sum_assignment(allowed, maximize=True)].sum()
        assert gain[taken, chosen[taken]].sum() == pytest.approx(best)
        assert len(set(chosen[taken].tolist())) == len(taken)
