"""The online tracker's steps for one frame after the other, compiled.

Each function is one step over all tracks; `advance` puts them in order and is what `tracker.py` calls. The same steps
in plain numpy are in `reference.py`, and the tests hold the two against each other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tracking.bank import HEIGHT, OWN, PREDICTED, RIVAL, SQUARED_WIDTH, WIDTH, Frames
from tracking.compiled import compiled

Array = Any
Bank = Any
Game = Any
Knobs = Any
"""Inside compiled code every array is numba's; their shapes and types stand in the docstrings. So are the records of
`bank.TRACK`, `bank.LEARNED` and `knobs.Knobs`, which have their fields as attributes there."""

_SURE, _WIDE, _DOUBTFUL, _YOUNG = range(4)
_STAGES = 4
_FORBIDDEN = -1.0
_FARTHEST = 60.0
"""Squared distance, in standard deviations, beyond which nobody is taken for somebody who returned."""


@compiled
def advance(
    bank: Bank,
    game: Game,
    knobs: Knobs,
    live: int,
    next_number: int,
    first: int,
    stop: int,
    frames: Frames,
    found: tuple[Array, Array],
) -> tuple[int, int, int]:
    """Takes frames `first` to `stop`; returns how many tracks live, the next new number, and the frame to go on with.

    found: (number (n,), confirmed (n,)), written: the track of each box, 0 where there is none, and whether it counts.
    Stops early, before a frame for which the bank has no room.
    """
    offsets, boxes, scores, transforms, known = frames
    number, confirmed = found
    for frame in range(first, stop):
        begin, end = offsets[frame], offsets[frame + 1]
        box, score = boxes[begin:end], scores[begin:end]
        if live + len(box) > len(bank):
            return live, next_number, frame
        for each in range(len(box)):
            game.extent[0] = max(game.extent[0], box[each, 0] + box[each, WIDTH] / 2)
            game.extent[1] = max(game.extent[1], box[each, 1] + box[each, HEIGHT] / 2)
        _predict(bank, game, knobs, live)
        if known[frame]:
            _follow_picture(bank, game, live, transforms[frame])
        else:
            _shift(bank, live, game.camera[0], game.camera[1])
            _follow_boxes(bank, game, knobs, live, box, score)
        owner, free = np.empty(len(box), np.int64), np.empty(live, np.bool_)
        for each in range(len(box)):
            owner[each] = -1
        for row in range(live):
            free[row] = True
        _associate(bank, game, knobs, live, box, score, owner, free)
        if not known[frame]:
            _measure_camera(bank, game, knobs, live, box, owner, free)
        _remember(bank, live)
        _correct(bank, game, knobs, box, owner)
        _learn(game, knobs)
        for row in range(live):
            bank[row].missed = bank[row].missed + 1 if free[row] else 0
            bank[row].age += 1
        _settle_rivals(bank, game, knobs, live, frame, box, owner, offsets, number)
        before = live
        live = _start(bank, game, knobs, live, next_number, box, score, owner)
        next_number += live - before
        _count(bank, game, knobs, live, frame)
        for each in range(len(box)):
            if owner[each] >= 0:
                number[begin + each] = bank[owner[each]].number
                confirmed[begin + each] = bank[owner[each]].confirmed
        _take_back(bank, game, knobs, live, frame, offsets, number, confirmed)
        live = _forget(bank, knobs, live)
    return live, next_number, stop


@compiled
def _predict(bank: Bank, game: Game, knobs: Knobs, live: int) -> None:
    """Moves every filter on by one frame; the velocity of a lost track fades (motion that is forgotten:
    Singer, 1970)."""
    for row in range(live):
        for which in range(2):
            if which == RIVAL and bank[row].rival == 0:
                continue
            mean, velocity = bank[row].mean[which], bank[row].velocity[which]
            variance, covariance = bank[row].variance[which], bank[row].covariance[which]
            velocity_variance = bank[row].velocity_variance[which]
            height_squared = mean[HEIGHT] ** 2
            for axis in range(2):
                if which == RIVAL or bank[row].missed > 0:
                    left = game.persistence[axis]
                    velocity[axis] *= left
                    covariance[axis] *= left
                    velocity_variance[axis] *= left * left
                gained = knobs.acceleration_scale * game.acceleration[axis] * height_squared
                measured = game.measurement[axis] * (SQUARED_WIDTH if axis == 0 else 1.0)
                mean[axis] += velocity[axis]
                variance[axis] += 2 * covariance[axis] + velocity_variance[axis]
                variance[axis] += gained / 3 + knobs.position_noise * measured * height_squared
                covariance[axis] += velocity_variance[axis] + gained / 2
                velocity_variance[axis] += gained
                variance[2 + axis] += knobs.growth_scale * game.growth[axis] * height_squared
        bank[row].anchor_age += 1


@compiled
def _shift(bank: Bank, live: int, right: float, down: float) -> None:
    """Moves everything that is in the picture."""
    for row in range(live):
        for which in range(2):
            bank[row].mean[which, 0] += right
            bank[row].mean[which, 1] += down
            bank[row].last[which, 0] += right
            bank[row].last[which, 1] += down
            bank[row].anchor[which, 0] += right
            bank[row].anchor[which, 1] += down


@compiled
def _follow_picture(bank: Bank, game: Game, live: int, transform: Array) -> None:
    """The same by a transform (2, 3) that was seen in the picture; sizes and velocities grow with the zoom."""
    a, b, c = transform[0]
    d, e, f = transform[1]
    zoom = math.sqrt(abs(a * e - b * d))
    for row in range(live):
        for which in range(2):
            for points in (bank[row].mean[which], bank[row].last[which], bank[row].anchor[which]):
                x, y = points[0], points[1]
                points[0], points[1] = a * x + b * y + c, d * x + e * y + f
            x, y = bank[row].velocity[which]
            bank[row].velocity[which, 0], bank[row].velocity[which, 1] = a * x + b * y, d * x + e * y
            for side in range(2, 4):
                bank[row].mean[which, side] *= zoom
                bank[row].last[which, side] *= zoom
            for side in range(4):
                bank[row].variance[which, side] *= zoom * zoom
            for axis in range(2):
                bank[row].covariance[which, axis] *= zoom * zoom
                bank[row].velocity_variance[which, axis] *= zoom * zoom
    x, y = game.extent[0] / 2, game.extent[1] / 2
    game.camera[0], game.camera[1] = a * x + b * y + c - x, d * x + e * y + f - y


@compiled
def _follow_boxes(bank: Bank, game: Game, knobs: Knobs, live: int, box: Array, score: Array) -> None:
    """Without a picture: a jerk of the camera shows as a shift that all tracks have in common.

    Each track in view votes with the nearest box of its size. The median of the votes is taken where the votes agree
    better with it than with none.
    """
    right, down = np.empty(live), np.empty(live)
    votes = 0
    for row in range(live):
        if not bank[row].confirmed or bank[row].missed > 0:
            continue
        mean = bank[row].mean[OWN]
        height = max(mean[HEIGHT], 1.0)
        nearest, best = knobs.shift_reach**2, -1
        for each in range(len(box)):
            if score[each] < knobs.high_score:
                continue
            dx, dy = (box[each, 0] - mean[0]) / height, (box[each, 1] - mean[1]) / height
            grown = math.log(max(box[each, HEIGHT], 1.0) / height)
            distance = dx * dx + dy * dy + grown * grown
            if distance < nearest:
                nearest, best = distance, each
        if best >= 0:
            right[votes], down[votes] = box[best, 0] - mean[0], box[best, 1] - mean[1]
            votes += 1
    if votes < knobs.shift_votes:
        return
    common_right, common_down = _median(right[:votes]), _median(down[:votes])
    before, after = np.empty(votes), np.empty(votes)
    for vote in range(votes):
        before[vote] = abs(right[vote]) + abs(down[vote])
        after[vote] = abs(right[vote] - common_right) + abs(down[vote] - common_down)
    if _median(after) < _median(before):
        _shift(bank, live, common_right, common_down)
        game.camera[0] += common_right
        game.camera[1] += common_down


@compiled
def _associate(
    bank: Bank, game: Game, knobs: Knobs, live: int, box: Array, score: Array, owner: Array, free: Array
) -> None:
    """Who is who: sure boxes first, then a wider search, then doubtful boxes, then tracks that are not confirmed yet.

    Each stage assigns among the tracks that are still free and the boxes that nobody has, and notes it in `free`
    (live,) and `owner` (n,), the row of each box.
    """
    rows, columns = np.empty(live, np.int64), np.empty(len(box), np.int64)
    for stage in range(_STAGES):
        buffer = knobs.wide_buffer if stage == _WIDE else knobs.buffer
        least = knobs.least_overlap
        if stage == _WIDE:
            least = knobs.wide_overlap
        elif stage == _DOUBTFUL:
            least = knobs.low_overlap
        longest = knobs.doubtful_frames if stage == _DOUBTFUL else knobs.search_frames
        row_count, column_count = 0, 0
        for row in range(live):
            if free[row] and bank[row].confirmed == (stage != _YOUNG) and bank[row].missed <= longest:
                rows[row_count] = row
                row_count += 1
        for each in range(len(box)):
            sure = score[each] >= knobs.high_score
            if owner[each] < 0 and sure == (stage != _DOUBTFUL) and score[each] >= knobs.low_score:
                columns[column_count] = each
                column_count += 1
        if row_count == 0 or column_count == 0:
            continue
        gain = np.empty((row_count, column_count))
        for i in range(row_count):
            for j in range(column_count):
                each = columns[j]
                overlap = _buffered_iou(bank[rows[i]].mean[OWN], box[each], buffer)
                gain[i, j] = _FORBIDDEN
                if overlap >= least and overlap > 0:
                    gain[i, j] = _gain(bank, game, knobs, rows[i], overlap, box[each])
        chosen = _assign(gain)
        for i in range(row_count):
            if chosen[i] >= 0:
                owner[columns[chosen[i]]] = rows[i]
                free[rows[i]] = False


@compiled
def _gain(bank: Bank, game: Game, knobs: Knobs, row: int, overlap: float, box: Array) -> float:
    """How much better it is that this track has this box than that neither has any, in natural-log units.

    The log-likelihood of the box under the track's prediction, with tails as heavy as Student's t has (people turn,
    cameras shake); of that, a part each for where the box is, how large it is, and how sure the prediction was; and
    the logarithm of the buffered overlap (C-BIoU, Yang et al., "Hard to track objects with irregular motions and
    similar appearances?", 2023). A track that had no box in the frame before has to make up for the chance that this
    one is somebody else's, which is the greater the more newcomers there are.
    """
    mean, variance = bank[row].mean[OWN], bank[row].variance[OWN]
    distance, certainty = 0.0, 1.0
    for side in range(4):
        size = max(box[2 + side % 2], 1.0)
        measured = game.measurement[side] * size * size
        expected = variance[side] + measured
        off = box[side] - mean[side]
        if side < 2:
            distance += off * off / expected
            certainty *= expected / measured
        else:
            distance += knobs.size_weight * off * off / expected
    absent = 0.0
    if bank[row].missed > 0:
        absent = max(knobs.absence_cost + knobs.absence_newcomers * game.newcomers, 0.0)
    better: float = (
        knobs.acceptance
        - absent
        + knobs.overlap_weight * math.log(overlap)
        - knobs.motion_weight * 0.5 * knobs.motion_tail * math.log(1 + distance / knobs.motion_tail)
        - knobs.certainty_weight * 0.5 * math.log(certainty)
    )
    return better


@compiled
def _buffered_iou(first: Array, second: Array, buffer: float) -> float:
    """Intersection over union of two boxes (4,) whose sides were each moved outwards by `buffer` times the size."""
    scale = 0.5 + buffer
    left = max(first[0] - first[2] * scale, second[0] - second[2] * scale)
    right = min(first[0] + first[2] * scale, second[0] + second[2] * scale)
    top = max(first[1] - first[3] * scale, second[1] - second[3] * scale)
    bottom = min(first[1] + first[3] * scale, second[1] + second[3] * scale)
    if right <= left or bottom <= top:
        return 0.0
    shared = (right - left) * (bottom - top)
    overlap: float = shared / (4 * scale * scale * (first[2] * first[3] + second[2] * second[3]) - shared)
    return overlap


@compiled
def _measure_camera(bank: Bank, game: Game, knobs: Knobs, live: int, box: Array, owner: Array, free: Array) -> None:
    """The camera's motion as the boxes show it: the median of how their feet moved since the frame before.

    What tracks in view do on the screen stays as it is, only the part of it that is called the camera's changes; those
    out of view move with the camera.
    """
    right, down = np.empty(len(box)), np.empty(len(box))
    seen = 0
    for each in range(len(box)):
        row = owner[each]
        if row >= 0 and bank[row].missed == 0:
            last = bank[row].last[0]
            right[seen] = box[each, 0] - last[0] + game.camera[0]
            down[seen] = box[each, 1] + box[each, 3] / 2 - last[1] - last[3] / 2 + game.camera[1]
            seen += 1
    if seen >= knobs.camera_votes:
        more_right, more_down = _median(right[:seen]) - game.camera[0], _median(down[:seen]) - game.camera[1]
    else:
        more_right, more_down = -0.1 * game.camera[0], -0.1 * game.camera[1]
    game.camera[0] += more_right
    game.camera[1] += more_down
    _shift(bank, live, more_right, more_down)
    for row in range(live):
        if not free[row]:
            bank[row].mean[OWN, 0] -= more_right
            bank[row].mean[OWN, 1] -= more_down
            bank[row].velocity[OWN, 0] -= more_right
            bank[row].velocity[OWN, 1] -= more_down


@compiled
def _correct(bank: Bank, game: Game, knobs: Knobs, box: Array, owner: Array) -> None:
    """Corrects each filter with its box, and collects what that says about noise in this game."""
    gathered_jolts, gathered_turns = np.empty((3, 4)), np.empty((3, 2))
    gathered_jolts[:] = 0.0
    gathered_turns[:] = 0.0
    for each in range(len(box)):
        row = owner[each]
        if row < 0:
            continue
        inside = box[each, 0] - box[each, WIDTH] / 2 > 2.0
        inside = inside and box[each, 0] + box[each, WIDTH] / 2 < game.extent[0] - 2.0
        counts = bank[row].confirmed and inside
        _watch_turn(bank, game, knobs, row, box[each], counts, gathered_turns)
        _watch_jolt(bank, game, row, box[each], counts, gathered_jolts, knobs.outlier)
        _update(bank, game, row, box[each])
        bank[row].hits += 1
    jolt_variance, jolt_covariance, jolts = game.jolt_variance[:], game.jolt_covariance[:], game.jolts[:]
    _pool(jolt_variance, jolt_covariance, jolts, gathered_jolts, knobs.jolt_prior, knobs.jolt_memory)
    turn_variance, speed_variance, turns = game.turn_variance[:], game.speed_variance[:], game.turns[:]
    _pool(turn_variance, speed_variance, turns, gathered_turns, knobs.turn_prior, knobs.turn_memory)


@compiled
def _watch_turn(bank: Bank, game: Game, knobs: Knobs, row: int, box: Array, counts: bool, gathered: Array) -> None:
    """How people turn and how fast they are: differences of the centre over a time span that is long against noise."""
    if bank[row].anchor_age < knobs.span:
        return
    newer, older = bank[row].anchor[0], bank[row].anchor[1]
    if bank[row].anchor_age > knobs.span:  # there was no box when it was due
        bank[row].anchors = 0
    elif bank[row].anchors >= 2 and counts:
        height = max(box[HEIGHT], 1.0)
        for axis in range(2):
            limit = knobs.outlier * math.sqrt(game.turn_variance[axis])
            turn = min(max((box[axis] - 2 * newer[axis] + older[axis]) / height, -limit), limit)
            speed = (box[axis] - newer[axis]) / height / knobs.span
            gathered[0, axis] += turn * turn
            gathered[1, axis] += speed * speed
            gathered[2, axis] += 1
    for axis in range(2):
        older[axis] = newer[axis]
        newer[axis] = box[axis]
    bank[row].anchors += 1
    bank[row].anchor_age = 0


@compiled
def _watch_jolt(bank: Bank, game: Game, row: int, box: Array, counts: bool, gathered: Array, outlier: float) -> None:
    """How noisy boxes are: differences from frame to frame, and how the next one takes them back."""
    bank[row].streak = bank[row].streak + 1 if bank[row].missed == 0 else 0
    last, before = bank[row].last[0], bank[row].last[1]
    for side in range(4):
        size = max(box[2 + side % 2], 1.0)
        order = 2 if side < 2 else 1
        if bank[row].streak >= order:
            jolt = (box[side] - 2 * last[side] + before[side]) if side < 2 else (box[side] - last[side])
            jolt /= size
            if counts and bank[row].streak > order:
                limit = outlier * math.sqrt(game.jolt_variance[side])
                now, then = min(max(jolt, -limit), limit), min(max(bank[row].jolt[side], -limit), limit)
                gathered[0, side] += now * now
                gathered[1, side] += now * then
                gathered[2, side] += 1
            bank[row].jolt[side] = jolt
    for side in range(4):
        before[side] = last[side]
        last[side] = box[side]


@compiled
def _pool(first: Array, second: Array, seen: Array, gathered: Array, prior: float, memory: float) -> None:
    """Running means of two things, with a prior worth `prior` samples and a memory of `memory`."""
    share = 1 / (min(seen[0], memory) + prior)
    for side in range(len(first)):
        count = gathered[2, side]
        if count > 0:
            part = min(share * count, 0.5)
            first[side] += part * (gathered[0, side] / count - first[side])
            second[side] += part * (gathered[1, side] / count - second[side])
    seen[0] += gathered[2, 0]


@compiled
def _learn(game: Game, knobs: Knobs) -> None:
    """Noise from what was watched.

    A box's noise enters successive second differences with opposite signs (of noise r: variance 6 r, covariance -4 r;
    first differences 2 r and -r); what is left over a longer span is people's own motion.
    """
    span = float(knobs.span)
    for side in range(4):
        noise = max(-game.jolt_covariance[side] / (4.0 if side < 2 else 1.0), knobs.least_measurement_noise**2)
        game.measurement[side] = noise
        in_heights = noise * (SQUARED_WIDTH if side % 2 == 0 else 1.0)
        if side < 2:
            turning = (game.turn_variance[side] - 6 * in_heights) / (2 / 3 * span**3)
            game.acceleration[side] = max(turning, (0.05 * knobs.acceleration_noise) ** 2)
            speed = max(game.speed_variance[side] - 2 * in_heights / span**2, 0.0)
            seconds = knobs.persistence_scale * 2 * speed / game.acceleration[side] / knobs.fps
            seconds = min(max(seconds, knobs.least_persistence), knobs.longest_persistence)
            game.persistence[side] = math.exp(-1 / (seconds * knobs.fps))
        else:
            growth = max(game.jolt_variance[side] - 2 * noise, knobs.least_size_noise**2)
            game.growth[side - 2] = growth * (SQUARED_WIDTH if side == WIDTH else 1.0)


@compiled
def _update(bank: Bank, game: Game, row: int, box: Array) -> None:
    """The Kalman correction of a row by a box (4,)."""
    for side in range(4):
        size = max(box[2 + side % 2], 1.0)
        total = bank[row].variance[OWN, side] + game.measurement[side] * size * size
        off = box[side] - bank[row].mean[OWN, side]
        gain = bank[row].variance[OWN, side] / total
        if side < 2:
            covariance = bank[row].covariance[OWN, side]
            bank[row].velocity[OWN, side] += covariance / total * off
            bank[row].velocity_variance[OWN, side] -= covariance / total * covariance
            bank[row].covariance[OWN, side] = covariance * (1 - gain)
        bank[row].mean[OWN, side] += gain * off
        bank[row].variance[OWN, side] *= 1 - gain


@compiled
def _settle_rivals(
    bank: Bank,
    game: Game,
    knobs: Knobs,
    live: int,
    frame: int,
    box: Array,
    owner: Array,
    offsets: Array,
    number: Array,
) -> None:
    """Near-ties are decided late: who of two that met is who, is asked again when both are seen again.

    A track that lost its box to another remembers it as its rival, with what the filter knew of both. When it
    is found again within `rival_seconds`, the two boxes are compared with where both were going before they met. If the
    other way round fits better by `rival_margin`, the two exchange numbers, back to when they met.
    """
    for row in range(live):
        if not bank[row].confirmed:
            continue
        if bank[row].missed == 1 and bank[row].rival == 0:
            most, taker = knobs.rival_overlap, -1
            for each in range(len(box)):
                other = owner[each]
                if other >= 0 and other != row and bank[other].confirmed:
                    overlap = _buffered_iou(bank[row].mean[OWN], box[each], 0.0)
                    if overlap > most:
                        most, taker = overlap, other
            if taker >= 0 and bank[taker].rival == 0:
                bank[row].rival, bank[row].rival_since = bank[taker].number, frame
                _copy_to_rival(bank, taker, row)
        elif bank[row].rival > 0:
            if bank[row].missed > knobs.rival_frames:
                bank[row].rival = 0
            elif bank[row].missed == 0:
                _exchange_if_better(bank, game, knobs, live, row, box, owner, offsets, number, frame)
                bank[row].rival = 0


@compiled
def _exchange_if_better(
    bank: Bank,
    game: Game,
    knobs: Knobs,
    live: int,
    row: int,
    box: Array,
    owner: Array,
    offsets: Array,
    number: Array,
    frame: int,
) -> None:
    rival = -1
    for other in range(live):
        if bank[other].number == bank[row].rival and bank[other].missed == 0 and other != row:
            rival = other
    mine, theirs = -1, -1
    for each in range(len(box)):
        if owner[each] == row:
            mine = each
        if owner[each] == rival and rival >= 0:
            theirs = each
    if mine < 0 or theirs < 0:
        return
    of_rival, of_own = bank[row].mean[RIVAL], bank[row].mean[PREDICTED]
    rival_variance, own_variance = bank[row].variance[RIVAL], bank[row].variance[PREDICTED]
    as_it_is = _fit(of_rival, rival_variance, game, knobs, box[theirs])
    as_it_is += _fit(of_own, own_variance, game, knobs, box[mine])
    exchanged = _fit(of_rival, rival_variance, game, knobs, box[mine])
    exchanged += _fit(of_own, own_variance, game, knobs, box[theirs])
    if exchanged <= as_it_is + knobs.rival_margin:
        return
    one, two = bank[row].number, bank[rival].number
    for each in range(offsets[bank[row].rival_since], offsets[frame]):
        if number[each] == one:
            number[each] = two
        elif number[each] == two:
            number[each] = one
    bank[row].number, bank[rival].number = two, one
    bank[row].hits, bank[rival].hits = bank[rival].hits, bank[row].hits


@compiled
def _fit(mean: Array, variance: Array, game: Game, knobs: Knobs, box: Array) -> float:
    """Log-likelihood of a box (4,) under a filter's mean and variance (4,), but for a constant; tails as in `_gain`."""
    distance = 0.0
    for side in range(4):
        size = max(box[2 + side % 2], 1.0)
        off = box[side] - mean[side]
        part = off * off / (variance[side] + game.measurement[side] * size * size)
        distance += part if side < 2 else knobs.rival_size_weight * part
    likelihood: float = -0.5 * (knobs.rival_tail + 2) * math.log(1 + distance / knobs.rival_tail)
    return likelihood


@compiled
def _remember(bank: Bank, live: int) -> None:
    """Keeps what was predicted, for `_settle_rivals`."""
    for row in range(live):
        for side in range(4):
            bank[row].mean[PREDICTED, side] = bank[row].mean[OWN, side]
            bank[row].variance[PREDICTED, side] = bank[row].variance[OWN, side]
        for axis in range(2):
            bank[row].velocity[PREDICTED, axis] = bank[row].velocity[OWN, axis]
            bank[row].covariance[PREDICTED, axis] = bank[row].covariance[OWN, axis]
            bank[row].velocity_variance[PREDICTED, axis] = bank[row].velocity_variance[OWN, axis]


@compiled
def _copy_to_rival(bank: Bank, taker: int, row: int) -> None:
    """What was predicted of `taker` becomes what `row` knows of its rival."""
    for side in range(4):
        bank[row].mean[RIVAL, side] = bank[taker].mean[PREDICTED, side]
        bank[row].variance[RIVAL, side] = bank[taker].variance[PREDICTED, side]
    for axis in range(2):
        bank[row].velocity[RIVAL, axis] = bank[taker].velocity[PREDICTED, axis]
        bank[row].covariance[RIVAL, axis] = bank[taker].covariance[PREDICTED, axis]
        bank[row].velocity_variance[RIVAL, axis] = bank[taker].velocity_variance[PREDICTED, axis]


@compiled
def _count(bank: Bank, game: Game, knobs: Knobs, live: int, frame: int) -> None:
    """Confirms tracks, and counts how long tracks were away and how many were new."""
    for row in range(live):
        if bank[row].hits >= knobs.confirm_hits:
            if not bank[row].confirmed and frame > knobs.confirm_hits + 1:
                game.born += 1
            bank[row].confirmed = True
        if bank[row].confirmed and bank[row].missed > 0:
            game.away[0 if bank[row].missed < knobs.short_absence * knobs.fps else 1] += 1 / knobs.fps
    seconds = knobs.newcomer_seconds + (frame + 1) / knobs.fps
    game.newcomers = math.log((knobs.newcomer_prior + game.born) / seconds)


@compiled
def _start(bank: Bank, game: Game, knobs: Knobs, live: int, number: int, box: Array, score: Array, owner: Array) -> int:
    """Starts a track for each box that nobody has and that is sure enough, from left to right, so that the order of
    boxes within a frame does not matter; returns how many tracks live."""
    for each in _from_left_to_right(box):
        if owner[each] >= 0 or score[each] < max(knobs.new_track_score, knobs.high_score):
            continue
        row = live
        live += 1
        owner[each] = row
        bank[row].number = number
        number += 1
        for side in range(4):
            size = max(box[each, 2 + side % 2], 1.0)
            bank[row].mean[OWN, side] = box[each, side]
            bank[row].variance[OWN, side] = game.measurement[side] * size * size
            bank[row].last[0, side] = bank[row].last[1, side] = box[each, side]
            bank[row].jolt[side] = 0.0
        for axis in range(2):
            bank[row].velocity[OWN, axis] = 0.0
            bank[row].covariance[OWN, axis] = 0.0
            bank[row].velocity_variance[OWN, axis] = (knobs.start_velocity * box[each, HEIGHT]) ** 2
            bank[row].anchor[0, axis] = bank[row].anchor[1, axis] = box[each, axis]
        bank[row].hits, bank[row].missed, bank[row].age = 1, 0, 0
        bank[row].confirmed = False
        bank[row].rival, bank[row].streak = 0, 0
        bank[row].anchor_age, bank[row].anchors = 0, 1
    return live


@compiled
def _take_back(
    bank: Bank, game: Game, knobs: Knobs, live: int, frame: int, offsets: Array, number: Array, confirmed: Array
) -> None:
    """Takes new tracks for lost ones that returned, where that is more likely than that somebody new has come.

    Absence is a Poisson process: each lost track returns at a rate, somebody new comes at another, and both are learned
    from this game (a closed squad on a field returns, a street's passers-by do not). The rates are weighed with how
    well the place in the scene and the height fit, against a place anywhere in the picture.
    """
    lost, come = np.empty(live, np.int64), np.empty(live, np.int64)
    lost_count, come_count = 0, 0
    for row in range(live):
        if bank[row].confirmed and bank[row].missed >= 1:
            lost[lost_count] = row
            lost_count += 1
        if bank[row].missed == 0 and bank[row].hits >= knobs.return_hits and bank[row].age <= knobs.return_frames:
            come[come_count] = row
            come_count += 1
    if lost_count == 0 or come_count == 0:
        return
    returns = np.empty(2)
    for length in range(2):
        seen, seconds = game.returned[length], game.away[length]
        returns[length] = math.log((knobs.return_prior + seen) / (knobs.return_seconds + seconds))
    gain = np.empty((lost_count, come_count))
    for i in range(lost_count):
        for j in range(come_count):
            gain[i, j] = _FORBIDDEN
            away = bank[lost[i]].missed - bank[come[j]].age
            if 0 < away <= knobs.reentry_frames:
                rate = returns[0 if away < knobs.short_absence * knobs.fps else 1]
                rate -= knobs.newcomer_weight * game.newcomers
                gain[i, j] = _return_gain(bank, game, knobs, lost[i], come[j], away / knobs.fps, rate)
    chosen = _assign(gain)
    for i in range(lost_count):
        j = chosen[i]
        if j < 0:
            continue
        row, young = lost[i], come[j]
        if bank[young].age + 1 <= knobs.return_frames:
            undecided = False
            for other in range(lost_count):
                if other != i and gain[other, j] > max(gain[i, j] - knobs.return_margin, 0.0):
                    undecided = True
            if undecided:
                continue
        away = bank[row].missed - bank[young].age
        game.returned[0 if away < knobs.short_absence * knobs.fps else 1] += 1
        if bank[young].confirmed:
            game.born = max(game.born - 1, 0.0)  # it was not counted where it came at the very start
        for each in range(offsets[max(frame - bank[young].age, 0)], offsets[frame + 1]):
            if number[each] == bank[young].number:
                number[each] = bank[row].number
            if number[each] == bank[row].number:
                confirmed[each] = True
        for other in range(live):
            if bank[other].rival == bank[young].number:
                bank[other].rival = bank[row].number
        bank[young].hits += bank[row].hits
        bank[young].number, bank[young].age, bank[young].confirmed = bank[row].number, bank[row].age, True
        bank[young].rival = 0
        bank[row].confirmed, bank[row].missed = False, 1


@compiled
def _return_gain(bank: Bank, game: Game, knobs: Knobs, row: int, young: int, seconds: float, rate: float) -> float:
    """Log-odds of a return after `seconds` against a newcomer; `rate`: of the two rates. Feet are compared, since
    they stand on the ground."""
    lost, seen = bank[row].mean[OWN], bank[young].mean[OWN]
    height = max(lost[HEIGHT], 1.0)
    across = knobs.return_x + knobs.return_x_growth * seconds**knobs.return_x_power
    deep = knobs.return_y + knobs.return_y_growth * seconds**knobs.return_y_power
    right = (seen[0] - lost[0]) / height / across
    down = (seen[1] + seen[3] / 2 - lost[1] - lost[3] / 2) / height / deep
    grown = math.log(max(seen[HEIGHT], 1.0) / height) / knobs.return_height
    distance = right * right + down * down + grown * grown
    if distance > _FARTHEST:
        return _FORBIDDEN
    fits = -(knobs.return_tail + 2) / 2 * math.log(1 + distance / knobs.return_tail)
    fits -= math.log(2 * math.pi * across * deep)
    anywhere = -math.log(max(game.extent[0], 1.0) * max(game.extent[1], 1.0) / (height * height))
    odds: float = rate + fits - anywhere + knobs.return_bias
    return odds


@compiled
def _forget(bank: Bank, knobs: Knobs, live: int) -> int:
    """Drops tracks that were lost for too long, and unconfirmed ones at their first miss; returns how many live.

    The lost stay while it may still be decided who came before their time was over.
    """
    longest = knobs.reentry_frames + knobs.return_frames
    kept = 0
    for row in range(live):
        if bank[row].missed > (longest if bank[row].confirmed else 0):
            continue
        if kept != row:
            bank[kept] = bank[row]
        kept += 1
    return kept


@compiled
def _median(values: Array) -> float:
    """Of at least one value; by insertion, since they are few."""
    count = len(values)
    ordered = np.empty(count)
    for place in range(count):
        value, before = values[place], place - 1
        while before >= 0 and ordered[before] > value:
            ordered[before + 1] = ordered[before]
            before -= 1
        ordered[before + 1] = value
    middle: float = 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])
    return middle


@compiled
def _from_left_to_right(box: Array) -> Array:
    """The order of boxes (n, 4) by their centre's x, then y: by insertion, since there are few."""
    order = np.arange(len(box))
    for place in range(1, len(box)):
        each, before = order[place], place - 1
        while before >= 0 and (
            box[order[before], 0] > box[each, 0]
            or (box[order[before], 0] == box[each, 0] and box[order[before], 1] > box[each, 1])
        ):
            order[before + 1] = order[before]
            before -= 1
        order[before + 1] = each
    return order


@compiled
def _assign(gain: Array) -> Array:
    """The column of each row (n,), -1 for none, in the one-to-one assignment with the greatest summed gain.

    Only pairs whose gain (n, m) is positive are allowed. Where no row and no column has two candidates – most
    frames of a game – the candidates are the answer.
    """
    rows, columns = gain.shape
    chosen, uses = np.empty(rows, np.int64), np.empty(columns, np.int64)
    for j in range(columns):
        uses[j] = 0
    contested = False
    for i in range(rows):
        chosen[i] = -1
        candidates = 0
        for j in range(columns):
            if gain[i, j] > 0:
                candidates += 1
                uses[j] += 1
                chosen[i] = j
                if candidates > 1 or uses[j] > 1:
                    contested = True
    if not contested:
        return chosen
    turned = rows > columns
    found = _hungarian(_costs(gain, turned))
    if turned:
        for i in range(rows):
            chosen[i] = -1
        for j in range(columns):
            chosen[found[j]] = j
    else:
        for i in range(rows):
            chosen[i] = found[i]
    for i in range(rows):
        if chosen[i] >= 0 and gain[i, chosen[i]] <= 0:
            chosen[i] = -1
    return chosen


@compiled
def _costs(gain: Array, turned: bool) -> Array:
    """The negative gains, 0 for what is not allowed; with `turned`, rows and columns exchanged."""
    rows, columns = gain.shape
    cost = np.empty((min(rows, columns), max(rows, columns)))
    for i in range(rows):
        for j in range(columns):
            allowed = -max(gain[i, j], 0.0)
            if turned:
                cost[j, i] = allowed
            else:
                cost[i, j] = allowed
    return cost


@compiled
def _hungarian(cost: Array) -> Array:
    """The column of each row in the assignment of least cost (n, m), n ≤ m: shortest augmenting paths with potentials
    (Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
    1987). Column 0 of the work arrays is a stand-in from which each path begins."""
    rows, columns = cost.shape
    row_potential, column_potential = np.empty(rows + 1), np.empty(columns + 1)
    row_of, before = np.empty(columns + 1, np.int64), np.empty(columns + 1, np.int64)
    row_potential[:], column_potential[:], row_of[:], before[:] = 0.0, 0.0, 0, 0
    least, done = np.empty(columns + 1), np.empty(columns + 1, np.bool_)
    for row in range(1, rows + 1):
        row_of[0] = row
        least[:] = np.inf
        done[:] = False
        column = 0
        while True:
            done[column] = True
            at, step, following = row_of[column], np.inf, 0
            for j in range(1, columns + 1):
                if not done[j]:
                    reduced = cost[at - 1, j - 1] - row_potential[at] - column_potential[j]
                    if reduced < least[j]:
                        least[j], before[j] = reduced, column
                    if least[j] < step:
                        step, following = least[j], j
            for j in range(columns + 1):
                if done[j]:
                    row_potential[row_of[j]] += step
                    column_potential[j] -= step
                else:
                    least[j] -= step
            column = following
            if row_of[column] == 0:
                break
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    chosen = np.empty(rows, np.int64)
    for j in range(1, columns + 1):
        if row_of[j] > 0:
            chosen[row_of[j] - 1] = j - 1
    return chosen
