"""The online tracker's steps in plain numpy: what `kernel.py` does, said a second time.

It is several times slower and exists so that the compiled steps can be held against it. Both take the same arrays and
agree but for rounding. `tracks` is the part of the bank that is in use, (n,) of `TRACK`; pairs of arrays beside it are
the boxes of the frame, (m, 4) as centre x, centre y, width, height, and what belongs to each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracking.association import assign, buffered_iou
from tracking.bank import HEIGHT, OWN, PREDICTED, RIVAL, SQUARED_WIDTH, WIDTH, Bank, Frames, Game
from tracking.knobs import Knobs

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

_NOBODY = -1
_FARTHEST = 60.0
"""Squared distance, in standard deviations, beyond which nobody is taken for somebody who returned."""
_FILTER = ("mean", "velocity", "variance", "covariance", "velocity_variance")


def advance(
    bank: Bank,
    game: Game,
    knobs: np.void,
    live: int,
    next_number: int,
    first: int,
    stop: int,
    frames: Frames,
    found: tuple[Index, Mask],
    /,
) -> tuple[int, int, int]:
    """Takes frames `first` to `stop`; returns how many tracks live, the next new number, and the frame to go on with.

    found: (number (n,), confirmed (n,)), written: the track of each box, 0 where there is none, and whether it counts.
    Stops early, before a frame for which the bank has no room.
    """
    values = Knobs(*knobs.item())
    number, confirmed = found
    for frame in range(first, stop):
        here = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
        box, score = frames.boxes[here], frames.scores[here]
        if live + len(box) > len(bank):
            return live, next_number, frame
        tracks = bank[:live]
        corners = box[:, :2] + box[:, 2:] / 2
        game["extent"][:] = np.maximum(game["extent"], corners.max(axis=0, initial=0.0))
        _predict(tracks, game, values)
        if frames.known[frame]:
            _follow_picture(tracks, game, frames.transforms[frame])
        else:
            _shift(tracks, game["camera"])
            _follow_boxes(tracks, game, values, box, score)
        owner = _associate(tracks, game, values, box, score)
        if not frames.known[frame]:
            _measure_camera(tracks, game, values, box, owner)
        for part in _FILTER:
            tracks[part][:, PREDICTED] = tracks[part][:, OWN]
        _correct(tracks, game, values, box, owner)
        _learn(game, values)
        seen = np.isin(np.arange(live), owner)
        tracks["missed"] = np.where(seen, 0, tracks["missed"] + 1)
        tracks["age"] += 1
        _settle_rivals(tracks, game, values, frame, box, owner, frames.offsets, number)
        before, live = live, _start(bank, game, values, live, next_number, box, score, owner)
        next_number += live - before
        _count(bank[:live], game, values, frame)
        owned = owner != _NOBODY
        number[here][owned] = bank["number"][owner[owned]]
        confirmed[here][owned] = bank["confirmed"][owner[owned]]
        _take_back(bank[:live], game, values, frame, frames.offsets, number, confirmed)
        live = _forget(bank, values, live)
    return live, next_number, stop


def _predict(tracks: Bank, game: Game, knobs: Knobs) -> None:
    """Moves every filter on by one frame; the velocity of a lost track, and of a remembered rival, fades."""
    in_heights = np.array([SQUARED_WIDTH, 1.0])
    for which in (OWN, RIVAL):
        moving = np.ones(len(tracks), bool) if which == OWN else tracks["rival"] != 0
        fading = (tracks["missed"][moving] > 0) | (which == RIVAL)
        mean, velocity, variance, covariance, velocity_variance = (tracks[part][moving, which] for part in _FILTER)
        height_squared = mean[:, HEIGHT, None] ** 2
        left = np.where(fading[:, None], game["persistence"], 1.0)
        velocity, covariance, velocity_variance = velocity * left, covariance * left, velocity_variance * left**2
        gained = knobs.acceleration_scale * game["acceleration"] * height_squared
        shaken = knobs.position_noise * game["measurement"][:2] * in_heights * height_squared
        mean[:, :2] += velocity
        variance[:, :2] += 2 * covariance + velocity_variance + gained / 3 + shaken
        variance[:, 2:] += knobs.growth_scale * game["growth"] * height_squared
        covariance = covariance + velocity_variance + gained / 2
        velocity_variance = velocity_variance + gained
        for part, moved in zip(_FILTER, (mean, velocity, variance, covariance, velocity_variance), strict=True):
            tracks[part][moving, which] = moved
    tracks["anchor_age"] += 1


def _shift(tracks: Bank, by: Float) -> None:
    """Moves everything that is in the picture by (2,) pixels."""
    tracks["mean"][:, :2, :2] += by
    tracks["last"][:, :, :2] += by
    tracks["anchor"] += by


def _follow_picture(tracks: Bank, game: Game, transform: Float) -> None:
    """The same by a transform (2, 3) that was seen in the picture; sizes and velocities grow with the zoom."""
    turn, offset = transform[:, :2], transform[:, 2]
    zoom = np.sqrt(abs(np.linalg.det(turn)))
    both = slice(OWN, RIVAL + 1)
    for points in (tracks["mean"][:, both, :2], tracks["last"][:, :, :2], tracks["anchor"]):
        points[...] = points @ turn.T + offset
    tracks["velocity"][:, both] = tracks["velocity"][:, both] @ turn.T
    tracks["mean"][:, both, 2:] *= zoom
    tracks["last"][:, :, 2:] *= zoom
    for part in ("variance", "covariance", "velocity_variance"):
        tracks[part][:, both] *= zoom**2
    middle = game["extent"] / 2
    game["camera"][:] = turn @ middle + offset - middle


def _follow_boxes(tracks: Bank, game: Game, knobs: Knobs, box: Float, score: Float) -> None:
    """Without a picture: a jerk of the camera shows as a shift that all tracks in view have in common."""
    sure = box[score >= knobs.high_score]
    mean = tracks["mean"][tracks["confirmed"] & (tracks["missed"] == 0), OWN]
    if len(mean) == 0 or len(sure) == 0:
        return
    height = np.maximum(mean[:, HEIGHT, None], 1.0)
    away = sure[None, :, :2] - mean[:, None, :2]
    grown = np.log(np.maximum(sure[:, HEIGHT], 1.0) / height)
    distance = ((away / height[:, :, None]) ** 2).sum(axis=2) + grown**2
    nearest = distance.argmin(axis=1)
    each = np.arange(len(mean))
    votes = away[each, nearest][distance[each, nearest] < knobs.shift_reach**2]
    if len(votes) < knobs.shift_votes:
        return
    common = np.median(votes, axis=0)
    if np.median(np.abs(votes - common).sum(axis=1)) < np.median(np.abs(votes).sum(axis=1)):
        _shift(tracks, common)
        game["camera"] += common


def _associate(tracks: Bank, game: Game, knobs: Knobs, box: Float, score: Float) -> Index:
    """The row of the track that has each box (m,), or `_NOBODY`.

    Sure boxes first, then a wider search, then doubtful boxes, then tracks that are not confirmed yet.
    """
    owner, free = np.full(len(box), _NOBODY), np.ones(len(tracks), bool)
    sure = score >= knobs.high_score
    doubtful = ~sure & (score >= knobs.low_score)
    searched = tracks["missed"] <= knobs.search_frames
    known, young = tracks["confirmed"] & searched, ~tracks["confirmed"] & searched
    briefly = tracks["confirmed"] & (tracks["missed"] <= knobs.doubtful_frames)
    for of_tracks, of_boxes, buffer, least in (
        (known, sure, knobs.buffer, knobs.least_overlap),
        (known, sure, knobs.wide_buffer, knobs.wide_overlap),
        (briefly, doubtful, knobs.buffer, knobs.low_overlap),
        (young, sure, knobs.buffer, knobs.least_overlap),
    ):
        rows, columns = (of_tracks & free).nonzero()[0], (of_boxes & (owner == _NOBODY)).nonzero()[0]
        overlap = buffered_iou(tracks["mean"][rows, OWN], box[columns], buffer)
        i, j = ((overlap >= least) & (overlap > 0)).nonzero()
        gain = np.full(overlap.shape, -1.0)
        gain[i, j] = _gain(tracks[rows[i]], game, knobs, overlap[i, j], box[columns[j]])
        i, j = assign(gain)
        owner[columns[j]] = rows[i]
        free[rows[i]] = False
    return owner


def _gain(tracks: Bank, game: Game, knobs: Knobs, overlap: Float, box: Float) -> Float:
    """How much better it is, for each of k pairs, that this track has this box than that neither has any (k,)."""
    measured = game["measurement"] * _sizes(box) ** 2
    expected = tracks["variance"][:, OWN] + measured
    parts = (box - tracks["mean"][:, OWN]) ** 2 / expected
    distance = parts[:, :2].sum(axis=1) + knobs.size_weight * parts[:, 2:].sum(axis=1)
    certainty = np.log(expected[:, :2] / measured[:, :2]).sum(axis=1)
    gain: Float = knobs.acceptance + knobs.overlap_weight * np.log(overlap)
    absent = max(knobs.absence_cost + knobs.absence_newcomers * float(game["newcomers"]), 0.0)
    gain -= np.where(tracks["missed"] > 0, absent, 0.0)
    gain -= knobs.motion_weight * knobs.motion_tail / 2 * np.log1p(distance / knobs.motion_tail)
    gain -= knobs.certainty_weight / 2 * certainty
    return gain


def _sizes(box: Float) -> Float:
    """Width, height, width, height of boxes (..., 4), at least one pixel: what noise is a fraction of."""
    size = np.maximum(box[..., 2:], 1.0)
    return np.concatenate([size, size], axis=-1)


def _measure_camera(tracks: Bank, game: Game, knobs: Knobs, box: Float, owner: Index) -> None:
    """The camera's motion as the boxes show it: the median of how feet moved since the frame before."""
    held = (owner != _NOBODY).nonzero()[0]
    held = held[tracks["missed"][owner[held]] == 0]
    if len(held) >= knobs.camera_votes:
        moved = _feet(box[held]) - _feet(tracks["last"][owner[held], 0])
        more = np.median(moved + game["camera"], axis=0) - game["camera"]
    else:
        more = -0.1 * game["camera"]
    game["camera"] += more
    _shift(tracks, more)
    corrected = owner[owner != _NOBODY]
    tracks["mean"][corrected, OWN, :2] -= more
    tracks["velocity"][corrected, OWN] -= more


def _feet(box: Float) -> Float:
    """Where boxes (..., 4) stand, (..., 2)."""
    feet: Float = box[..., :2] + box[..., 2:] * np.array([0.0, 0.5])
    return feet


def _correct(tracks: Bank, game: Game, knobs: Knobs, box: Float, owner: Index) -> None:
    """Corrects each filter with its box, and collects what that says about noise in this game."""
    box, rows = box[owner != _NOBODY], owner[owner != _NOBODY]
    mine = tracks[rows]
    half = box[:, WIDTH] / 2
    inside = (box[:, 0] - half > 2) & (box[:, 0] + half < game["extent"][0] - 2)
    counts = mine["confirmed"] & inside
    turns = _watch_turns(mine, game, knobs, box, counts)
    jolts = _watch_jolts(mine, game, knobs, box, counts)
    _update(mine, game, box)
    mine["hits"] += 1
    tracks[rows] = mine
    _pool(game, ("jolt_variance", "jolt_covariance", "jolts"), jolts, knobs.jolt_prior, knobs.jolt_memory)
    _pool(game, ("turn_variance", "speed_variance", "turns"), turns, knobs.turn_prior, knobs.turn_memory)


def _watch_turns(mine: Bank, game: Game, knobs: Knobs, box: Float, counts: Mask) -> Float:
    """Sums (3, 2) of squared turns, of squared speeds, and how many, over a time span that is long against noise."""
    due, late = mine["anchor_age"] >= knobs.span, mine["anchor_age"] > knobs.span
    measured = due & ~late & (mine["anchors"] >= 2) & counts
    newer, older = mine["anchor"][measured, 0], mine["anchor"][measured, 1]
    height = np.maximum(box[measured, HEIGHT, None], 1.0)
    limit = knobs.outlier * np.sqrt(game["turn_variance"])
    turn = np.clip((box[measured, :2] - 2 * newer + older) / height, -limit, limit)
    speed = (box[measured, :2] - newer) / height / knobs.span
    mine["anchor"][due, 1] = mine["anchor"][due, 0]
    mine["anchor"][due, 0] = box[due, :2]
    mine["anchors"] = np.where(late, 1, mine["anchors"] + due)
    mine["anchor_age"][due] = 0
    return np.stack([(turn**2).sum(axis=0), (speed**2).sum(axis=0), np.full(2, measured.sum())])


def _watch_jolts(mine: Bank, game: Game, knobs: Knobs, box: Float, counts: Mask) -> Float:
    """Sums (3, 4) of squared jolts, of their products with the ones before, and how many."""
    mine["streak"] = np.where(mine["missed"] == 0, mine["streak"] + 1, 0)
    last, before, order = mine["last"][:, 0], mine["last"][:, 1], np.array([2, 2, 1, 1])
    jolt = np.where(order == 2, box - 2 * last + before, box - last) / _sizes(box)
    limit = knobs.outlier * np.sqrt(game["jolt_variance"])
    now, then = np.clip(jolt, -limit, limit), np.clip(mine["jolt"], -limit, limit)
    streak = mine["streak"][:, None]
    paired = counts[:, None] & (streak > order)
    sums = np.stack([(now**2 * paired).sum(axis=0), (now * then * paired).sum(axis=0), paired.sum(axis=0)])
    mine["jolt"] = np.where(streak >= order, jolt, mine["jolt"])
    mine["last"][:, 1] = last
    mine["last"][:, 0] = box
    return sums


def _update(mine: Bank, game: Game, box: Float) -> None:
    """The Kalman correction of each track by its box."""
    mean, velocity, variance, covariance, velocity_variance = (mine[part][:, OWN] for part in _FILTER)
    total = variance + game["measurement"] * _sizes(box) ** 2
    gain, velocity_gain = variance / total, covariance / total[:, :2]
    off = box - mean
    mean += gain * off
    velocity += velocity_gain * off[:, :2]
    velocity_variance -= velocity_gain * covariance
    covariance *= 1 - gain[:, :2]
    variance *= 1 - gain


def _pool(game: Game, names: tuple[str, str, str], sums: Float, prior: float, memory: float) -> None:
    """Running means of two things, with a prior worth `prior` samples and a memory of `memory`."""
    seen, count = game[names[2]], sums[2]
    part = np.minimum(count / (min(seen[0], memory) + prior), 0.5)
    for name, total in zip(names[:2], sums, strict=False):
        game[name] += part * (total / np.maximum(count, 1) - game[name])
    seen += count[0]


def _learn(game: Game, knobs: Knobs) -> None:
    """Noise from what was watched: of a box's noise r, successive second differences have variance 6 r and covariance
    -4 r, first differences 2 r and -r; what is left over a longer span is people's own motion."""
    in_heights = np.array([SQUARED_WIDTH, 1.0])
    noise = np.maximum(-game["jolt_covariance"] / np.array([4, 4, 1, 1]), knobs.least_measurement_noise**2)
    game["measurement"][:] = noise
    of_place = noise[:2] * in_heights
    turning = (game["turn_variance"] - 6 * of_place) / (2 / 3 * knobs.span**3)
    game["acceleration"][:] = np.maximum(turning, (0.05 * knobs.acceleration_noise) ** 2)
    speed = np.maximum(game["speed_variance"] - 2 * of_place / knobs.span**2, 0)
    seconds = knobs.persistence_scale * 2 * speed / game["acceleration"] / knobs.fps
    seconds = np.clip(seconds, knobs.least_persistence, knobs.longest_persistence)
    game["persistence"][:] = np.exp(-1 / (seconds * knobs.fps))
    growth = np.maximum(game["jolt_variance"][2:] - 2 * noise[2:], knobs.least_size_noise**2)
    game["growth"][:] = growth * in_heights


def _settle_rivals(
    tracks: Bank,
    game: Game,
    knobs: Knobs,
    frame: int,
    box: Float,
    owner: Index,
    offsets: Index,
    number: Index,
) -> None:
    """Near-ties are decided late: who of two that met is who, is asked again when both are seen again."""
    has_box = owner != _NOBODY
    takers = has_box.copy()
    takers[has_box] = tracks["confirmed"][owner[has_box]]
    concerned = tracks["confirmed"] & ((tracks["rival"] > 0) | (tracks["missed"] == 1))
    for row in concerned.nonzero()[0]:
        mine = tracks[row]
        if mine["rival"] > 0:
            if mine["missed"] == 0:
                _exchange_if_better(tracks, row, game, knobs, frame, box, owner, offsets, number)
            if mine["missed"] == 0 or mine["missed"] > knobs.rival_frames:
                mine["rival"] = 0
        elif takers.any():
            overlap = np.where(takers, buffered_iou(mine["mean"][None, OWN], box)[0], 0.0)
            taker = tracks[owner[overlap.argmax()]]
            if overlap.max() > knobs.rival_overlap and taker["rival"] == 0:
                mine["rival"], mine["rival_since"] = taker["number"], frame
                for part in _FILTER:
                    mine[part][RIVAL] = taker[part][PREDICTED]


def _exchange_if_better(
    tracks: Bank,
    row: int,
    game: Game,
    knobs: Knobs,
    frame: int,
    box: Float,
    owner: Index,
    offsets: Index,
    number: Index,
) -> None:
    """Two that met and are both in view exchange numbers, back to when they met, if that fits better."""
    mine = tracks[row]
    rows = ((tracks["number"] == mine["rival"]) & (tracks["missed"] == 0)).nonzero()[0]
    if len(rows) == 0 or rows[-1] == row:
        return
    rival = tracks[rows[-1]]
    pair = box[[(owner == row).argmax(), (owner == rows[-1]).argmax()]]
    as_own, as_rival = (
        _fit(mine["mean"][which], mine["variance"][which], game, knobs, pair) for which in (PREDICTED, RIVAL)
    )
    if as_own[1] + as_rival[0] <= as_own[0] + as_rival[1] + knobs.rival_margin:
        return
    since = number[offsets[mine["rival_since"]] : offsets[frame]]
    of_mine, of_rival = since == mine["number"], since == rival["number"]
    since[of_mine], since[of_rival] = rival["number"], mine["number"]
    for name in ("number", "hits"):
        kept = int(mine[name])
        mine[name], rival[name] = rival[name], kept


def _fit(mean: Float, variance: Float, game: Game, knobs: Knobs, box: Float) -> Float:
    """Log-likelihood of boxes (k, 4) under a filter's mean and variance (4,), but for a constant."""
    parts = (box - mean) ** 2 / (variance + game["measurement"] * _sizes(box) ** 2)
    distance = parts[:, :2].sum(axis=1) + knobs.rival_size_weight * parts[:, 2:].sum(axis=1)
    fit: Float = -0.5 * (knobs.rival_tail + 2) * np.log1p(distance / knobs.rival_tail)
    return fit


def _count(tracks: Bank, game: Game, knobs: Knobs, frame: int) -> None:
    """Confirms tracks, and counts how long tracks were away and how many were new."""
    enough = tracks["hits"] >= knobs.confirm_hits
    if frame > knobs.confirm_hits + 1:
        game["born"] += (enough & ~tracks["confirmed"]).sum()
    tracks["confirmed"] |= enough
    missed = tracks["missed"][tracks["confirmed"] & (tracks["missed"] > 0)]
    short = (missed < knobs.short_absence * knobs.fps).sum()
    game["away"] += np.array([short, len(missed) - short]) / knobs.fps
    seconds = knobs.newcomer_seconds + (frame + 1) / knobs.fps
    game["newcomers"] = np.log((knobs.newcomer_prior + game["born"]) / seconds)


def _start(bank: Bank, game: Game, knobs: Knobs, live: int, number: int, box: Float, score: Float, owner: Index) -> int:
    """Starts a track for each box that nobody has and that is sure enough, from left to right; returns how many
    live."""
    new = (owner == _NOBODY) & (score >= max(knobs.new_track_score, knobs.high_score))
    order = np.lexsort((box[:, 1], box[:, 0]))
    order = order[new[order]]
    started, measured = bank[live : live + len(order)], box[order]
    owner[order] = np.arange(live, live + len(order))
    for name in ("missed", "age", "confirmed", "rival", "streak", "jolt", "anchor_age"):
        started[name] = 0
    for name in ("hits", "anchors"):
        started[name] = 1
    started["number"] = np.arange(number, number + len(order))
    for name in ("velocity", "covariance"):
        started[name][:, OWN] = 0
    started["mean"][:, OWN] = measured
    started["variance"][:, OWN] = game["measurement"] * _sizes(measured) ** 2
    started["velocity_variance"][:, OWN] = (knobs.start_velocity * measured[:, HEIGHT, None]) ** 2
    started["last"] = measured[:, None]
    started["anchor"] = measured[:, None, :2]
    return live + len(order)


def _take_back(
    tracks: Bank, game: Game, knobs: Knobs, frame: int, offsets: Index, number: Index, confirmed: Mask
) -> None:
    """Takes new tracks for lost ones that returned, where that is more likely than that somebody new has come."""
    lost = (tracks["confirmed"] & (tracks["missed"] >= 1)).nonzero()[0]
    in_time = tracks["age"] <= knobs.return_frames
    come = ((tracks["missed"] == 0) & (tracks["hits"] >= knobs.return_hits) & in_time).nonzero()[0]
    if len(lost) == 0 or len(come) == 0:
        return
    absent = tracks["missed"][lost][:, None] - tracks["age"][come]
    long = (absent >= knobs.short_absence * knobs.fps).astype(int)
    gain = _return_gain(tracks[lost], tracks[come], game, knobs, absent, long)
    for i, j in zip(*assign(gain), strict=True):
        row, young = tracks[lost[i]], tracks[come[j]]
        others = np.delete(gain[:, j], i)
        rivalled = (others > max(gain[i, j] - knobs.return_margin, 0)).any()
        if rivalled and young["age"] < knobs.return_frames:
            continue
        game["returned"][long[i, j]] += 1
        if young["confirmed"]:
            game["born"] = max(game["born"] - 1, 0.0)
        since = slice(int(offsets[max(frame - young["age"], 0)]), int(offsets[frame + 1]))
        number[since][number[since] == young["number"]] = row["number"]
        confirmed[since] |= number[since] == row["number"]
        tracks["rival"][tracks["rival"] == young["number"]] = row["number"]
        young["hits"] += row["hits"]
        young["number"], young["age"], young["confirmed"], young["rival"] = row["number"], row["age"], True, 0
        row["confirmed"], row["missed"] = False, 1


def _return_gain(lost: Bank, come: Bank, game: Game, knobs: Knobs, absent: Index, long: Index) -> Float:
    """Log-odds (n, m) that each of those lost is each of those come, against a newcomer.

    absent: (n, m) for how many frames that would have been; long: which of the two rates of return holds.
    """
    returns = (knobs.return_prior + game["returned"]) / (knobs.return_seconds + game["away"])
    seconds = np.maximum(absent, 0) / knobs.fps
    spread = np.stack(
        [
            knobs.return_x + knobs.return_x_growth * seconds**knobs.return_x_power,
            knobs.return_y + knobs.return_y_growth * seconds**knobs.return_y_power,
        ],
        axis=2,
    )
    then, now = lost["mean"][:, None, OWN], come["mean"][None, :, OWN]
    height = np.maximum(then[:, :, HEIGHT], 1.0)
    away = (_feet(now) - _feet(then)) / height[:, :, None] / spread
    grown = np.log(np.maximum(now[:, :, HEIGHT], 1.0) / height) / knobs.return_height
    distance = (away**2).sum(axis=2) + grown**2
    fits = -(knobs.return_tail + 2) / 2 * np.log1p(distance / knobs.return_tail) - np.log(
        2 * np.pi * spread.prod(axis=2)
    )
    anywhere = -np.log(np.maximum(game["extent"], 1.0).prod() / height**2)
    gain = np.log(returns)[long] - knobs.newcomer_weight * game["newcomers"] + fits - anywhere + knobs.return_bias
    possible: Float = np.where((absent > 0) & (absent <= knobs.reentry_frames) & (distance <= _FARTHEST), gain, -1.0)
    return possible


def _forget(bank: Bank, knobs: Knobs, live: int) -> int:
    """Drops tracks that were lost for too long, and unconfirmed ones at their first miss; returns how many live."""
    tracks = bank[:live]
    longest = knobs.reentry_frames + knobs.return_frames
    kept = tracks[tracks["missed"] <= np.where(tracks["confirmed"], longest, 0)]
    bank[: len(kept)] = kept
    return len(kept)
