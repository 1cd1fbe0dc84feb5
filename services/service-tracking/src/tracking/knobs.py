"""The settings in the units of one sequence: seconds have become frames, and rates what they are per frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracking.settings import TrackerSettings

_USUAL_FPS = 25.0
"""Noise per frame in the settings is meant at this rate; at others it is what the same motion gives there."""


class Knobs(NamedTuple):
    """See `TrackerSettings` for what each does; all float but the counts of frames and votes."""

    fps: float
    high_score: float
    low_score: float
    new_track_score: float
    confirm_hits: int
    search_frames: int
    doubtful_frames: int
    reentry_frames: int
    buffer: float
    wide_buffer: float
    least_overlap: float
    wide_overlap: float
    low_overlap: float
    acceptance: float
    overlap_weight: float
    motion_weight: float
    motion_tail: float
    size_weight: float
    certainty_weight: float
    absence_cost: float
    absence_newcomers: float
    measurement_noise: float
    acceleration_noise: float
    size_noise: float
    acceleration_scale: float
    growth_scale: float
    position_noise: float
    start_velocity: float
    start_speed: float
    start_persistence: float
    persistence_scale: float
    least_persistence: float
    longest_persistence: float
    least_measurement_noise: float
    least_size_noise: float
    span: int
    outlier: float
    jolt_prior: float
    jolt_memory: float
    turn_prior: float
    turn_memory: float
    shift_votes: int
    shift_reach: float
    camera_votes: int
    rival_overlap: float
    rival_frames: int
    rival_margin: float
    rival_size_weight: float
    rival_tail: float
    return_hits: int
    return_frames: int
    return_margin: float
    return_bias: float
    return_tail: float
    return_x: float
    return_x_growth: float
    return_x_power: float
    return_y: float
    return_y_growth: float
    return_y_power: float
    return_height: float
    short_absence: float
    return_prior: float
    return_seconds: float
    newcomer_prior: float
    newcomer_seconds: float
    newcomer_weight: float


def knobs_of(settings: TrackerSettings, fps: float) -> Knobs:
    """`settings` for a sequence of `fps` frames per second (positive)."""
    frames = {
        "search_frames": round(min(settings.search_seconds, settings.reentry_seconds) * fps),
        "doubtful_frames": round(settings.doubtful_seconds * fps),
        "reentry_frames": round(settings.reentry_seconds * fps),
        "rival_frames": round(settings.rival_seconds * fps),
        "return_frames": round(settings.return_window * fps),
        "span": max(2, round(settings.turn_span * fps)),
    }
    slower = _USUAL_FPS / fps
    per_frame = {
        "acceleration_noise": settings.acceleration_noise * slower**1.5,
        "size_noise": settings.size_noise * slower,
        "start_velocity": settings.start_velocity * slower,
        "start_speed": settings.start_speed * slower,
    }
    derived = {"fps", *frames, *per_frame}
    same = {name: getattr(settings, name) for name in Knobs._fields if name not in derived}
    return Knobs(**{**same, "fps": float(fps), **frames, **per_frame})


def packed(knobs: Knobs) -> np.void:
    """The same as one record of a structured array: what compiled code takes at once."""
    kinds = [(name, np.int64 if isinstance(value, int) else np.float64) for name, value in knobs._asdict().items()]
    record: np.void = np.array([tuple(knobs)], kinds)[0]
    return record
