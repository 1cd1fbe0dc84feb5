"""What can be tuned in the tracker, in one place, with one default for every game."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes


class TrackerSettings(BaseModel):
    """Knobs of the online tracker. Each default serves every data set: there is no second set of values anywhere.

    Times are in seconds and become frames with the frame rate of the sequence; overlaps and scores are fractions
    between 0 and 1. Noise is a fraction of a box's size, so that it holds at any zoom; what is called "at first" is
    only where learning from the game begins. "Per frame" is meant at 25 frames per second and converted for others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Which detections count for what.

    high_score: float = Field(0.4, ge=0, le=1)
    """Score from which a detection takes part in the first association. Higher: fewer false boxes join tracks, but more
    of the true ones have to wait for the second association."""

    low_score: float = Field(0.15, ge=0, le=1)
    """Score from which a detection takes part in the second association, which only continues tracks that the first
    left without a box. Lower: more half-hidden players are held, and more clutter is followed."""

    new_track_score: float = Field(0.6, ge=0, le=1)
    """Score from which a detection that no track claims starts a new one. Higher: fewer false tracks, later starts."""

    confirm_hits: int = Field(3, ge=1)
    """Number of detections in successive frames after which a new track counts, in frames. The boxes before
    that are then reported as well. Higher: fewer false tracks, and short appearances are lost."""

    # How long the lost are looked for.

    search_seconds: float = Field(0.9, ge=0)
    """How long a track without a detection is searched for by overlap with where it should be, in seconds. Longer: more
    occlusions are bridged, with a greater chance that someone else is taken."""

    doubtful_seconds: float = Field(0.04, ge=0)
    """How long a lost track may still be continued by a low-score detection, in seconds. Longer: half-hidden players
    are held longer, and clutter in their place is, too."""

    reentry_seconds: float = Field(10.0, ge=0)
    """How long a lost track is remembered, in seconds, so that someone new may be recognised as the one who left.
    Longer: longer exits are bridged; the chance of a wrong guess grows slowly, since it is weighed with the time."""

    # What makes a box that of a track.

    buffer: float = Field(0.3, ge=0, le=2)
    """How far boxes are enlarged on each side before their overlap is measured, as a fraction of their size
    (buffered IoU). Larger: fast and small players are held, and neighbours are confused more easily."""

    wide_buffer: float = Field(0.28, ge=0, le=2)
    """The same for the second try, which looks further for what the first left over, as a fraction of their size."""

    least_overlap: float = Field(0.1, ge=0, le=1)
    """Least buffered IoU for a pair in the first association. Higher: fewer wrong pairs, more broken tracks."""

    wide_overlap: float = Field(0.17, ge=0, le=1)
    """Least buffered IoU, with the wide buffer, for a pair in the second try."""

    low_overlap: float = Field(0.24, ge=0, le=1)
    """Least buffered IoU for a pair with a low-score detection: stricter, because such boxes are less to be trusted."""

    acceptance: float = Field(3.0)
    """What a perfect pair is worth, in natural-log units: a pair is allowed while its mismatch costs less. Higher:
    less likely boxes are accepted."""

    overlap_weight: float = Field(0.4, ge=0)
    """What the logarithm of the buffered IoU counts for. Higher: overlap matters more, prediction less."""

    motion_weight: float = Field(0.4, ge=0)
    """What the log-likelihood of the box under the track's prediction counts for. Higher: crossing players are told
    apart by where they were going, and those who turn are lost more easily."""

    motion_tail: float = Field(4.0, gt=0)
    """Degrees of freedom of that likelihood (Student's t). Lower: sudden moves cost less."""

    size_weight: float = Field(0.33, ge=0)
    """What a box's width and height count for beside its place, in that likelihood. Higher: people of other heights are
    told apart, and stooping ones are lost more easily."""

    certainty_weight: float = Field(0.3, ge=0)
    """What a track loses for being unsure where its player is, per log of the standard deviation. Higher: tracks that
    were seen a moment ago win over those lost for a while."""

    absence_cost: float = Field(0.75, ge=0)
    """What a track without a box in the frame before loses where one new person comes in a second, in natural-log
    units: the box may be somebody else's. Higher: fewer tracks pass from one person to another, more are broken."""

    absence_newcomers: float = Field(0.2, ge=0)
    """How much more it loses when e times as many come, and less when fewer do, down to nothing: in a street most boxes
    in the place of somebody lost are somebody else's, on a field few are."""

    # Noise, learned from the game.

    measurement_noise: float = Field(0.05, gt=0)
    """Standard deviation of a detection's centre and size at first, as a fraction of its width and height. Higher:
    smoother tracks."""

    acceleration_noise: float = Field(0.006, gt=0)
    """Standard deviation by which a player's velocity changes per frame at first, in heights per frame. Higher: the
    prediction follows turns faster and trusts itself less."""

    size_noise: float = Field(0.03, gt=0)
    """Standard deviation of the change of width and height per frame at first, as a fraction of the height."""

    acceleration_scale: float = Field(1.75, gt=0)
    """What the learned variance of acceleration is multiplied with: people do not turn at random. Higher: as for
    `acceleration_noise`."""

    growth_scale: float = Field(0.85, gt=0)
    """The same for the learned variance of width and height."""

    position_noise: float = Field(0.5, ge=0)
    """Variance that a position gains per frame beside that of its velocity, as a part of a detection's variance:
    shaking cameras and swaying bodies. Higher: the prediction trusts itself less."""

    start_velocity: float = Field(0.15, gt=0)
    """Standard deviation of a new track's velocity, in heights per frame: a sprint seen by a fast pan."""

    start_speed: float = Field(0.03, gt=0)
    """Typical speed of players at first, in heights per frame; with the acceleration it says how long motion lasts."""

    start_persistence: float = Field(0.4, gt=0)
    """Time in which a lost player's velocity fades to a third at first, in seconds."""

    persistence_scale: float = Field(0.225, gt=0)
    """What the learned time of fading is multiplied with. Higher: the lost are expected to run on for longer."""

    least_persistence: float = Field(0.15, gt=0)
    """Least such time, in seconds."""

    longest_persistence: float = Field(2.0, gt=0)
    """Longest such time, in seconds."""

    least_measurement_noise: float = Field(0.003, gt=0)
    """Least noise of detections that is ever believed, as a fraction of the size."""

    least_size_noise: float = Field(0.004, gt=0)
    """Least change of sizes per frame that is ever believed, as a fraction of the height."""

    turn_span: float = Field(0.41, gt=0)
    """Time over which turns are measured, in seconds: long enough that the noise of boxes does not matter."""

    outlier: float = Field(3.0, gt=0)
    """Differences beyond this many standard deviations count as that many when noise is learned."""

    jolt_prior: float = Field(150.0, ge=1)
    """Number of observed differences that the noise of detections assumed at first is worth."""

    jolt_memory: float = Field(2400.0, ge=0)
    """Number of newest differences from which it is learned. Larger: steadier, slower to follow a change."""

    turn_prior: float = Field(40.0, ge=1)
    """Number of observed turns that the acceleration assumed at first is worth."""

    turn_memory: float = Field(600.0, ge=0)
    """Number of newest turns from which it is learned."""

    # The camera, as the boxes show it where no picture does.

    shift_votes: int = Field(4, ge=1)
    """Number of tracks in view from which a shift that they have in common is taken for the camera's jerk."""

    shift_reach: float = Field(0.7, gt=0)
    """How far the nearest box may be from where a track should be, to vote on that shift, in heights."""

    camera_votes: int = Field(3, ge=1)
    """Number of tracks in view from which their median motion is taken for the camera's. With fewer it fades out."""

    # Near-ties that are decided late.

    rival_overlap: float = Field(0.08, ge=0, le=1)
    """Overlap (IoU) of a track with a box that another one took, from which the two are rivals. Lower: more are."""

    rival_seconds: float = Field(1.2, ge=0)
    """How long after two met it is asked again who is who, in seconds. 0: never. Tracks may be renumbered that far
    back."""

    rival_margin: float = Field(1.0, ge=0)
    """By how much the other way round must fit better, in natural-log units. Higher: fewer exchanges."""

    rival_size_weight: float = Field(1.7, ge=0)
    """What widths and heights count for beside the places, in that comparison."""

    rival_tail: float = Field(15.0, gt=0)
    """Degrees of freedom of that comparison (Student's t). Lower: sudden moves count less."""

    # Recognising who returned.

    return_hits: int = Field(3, ge=1)
    """Number of detections that someone new must have before being taken for a lost one, in frames."""

    return_window: float = Field(0.12, ge=0)
    """How long after an appearance that may be decided, in seconds."""

    return_margin: float = Field(1.0, ge=0)
    """By how much the best candidate must lead the next, in natural-log units, to be taken before that time is over."""

    return_bias: float = Field(1.0)
    """What speaks for a return beforehand, in natural-log units. Higher: fewer new ids, more wrong ones."""

    return_tail: float = Field(7.5, gt=0)
    """Degrees of freedom of the likelihood of places (Student's t). Lower: places far off count less against."""

    return_x: float = Field(0.12, gt=0)
    """Standard deviation across the picture of where someone comes back at once, in heights."""

    return_x_growth: float = Field(0.57, ge=0)
    """How much of it the first second adds, in heights."""

    return_x_power: float = Field(1.25, gt=0)
    """With which power of the seconds it grows."""

    return_y: float = Field(0.05, gt=0)
    """The same down the picture: feet, in heights."""

    return_y_growth: float = Field(0.2, ge=0)
    """How much of it the first second adds, in heights."""

    return_y_power: float = Field(0.6, gt=0)
    """With which power of the seconds it grows: nearer or farther from the camera is a matter of field, not of pans."""

    return_height: float = Field(0.4, gt=0)
    """Standard deviation of the logarithm of the height."""

    short_absence: float = Field(1.0, gt=0)
    """Length of absence, in seconds, from which its rate of return is learned apart."""

    return_prior: float = Field(1.0, gt=0)
    """Returns assumed to have been seen at first."""

    return_seconds: float = Field(3.0, gt=0)
    """Seconds of absence in which they are assumed to have been seen. Shorter: returns are expected sooner."""

    newcomer_prior: float = Field(1.0, gt=0)
    """New people assumed to have been seen at first."""

    newcomer_seconds: float = Field(1.25, gt=0)
    """Seconds in which they are assumed to have been seen. Longer: returns are believed more readily."""

    newcomer_weight: float = Field(1.5, ge=0)
    """Power of the rate of new people in that comparison. Above 1: where many come, returns need to fit better; where
    nearly nobody does, they are believed more readily."""

    # Tracks of nobody.

    phantom_deficit: float = Field(0.6, ge=0)
    """How far the mean score of a track may lie below the median score of all boxes in tracks, in spreads of those
    (from the median down to the lowest sixth). Beyond that the track is taken for clutter and dropped. Higher: fewer
    are dropped; 100: none."""

    phantom_patience: float = Field(0.2, ge=0)
    """How much further it may lie, times the square root of the seconds of boxes: what is seen for long is rarely
    clutter. Higher: only short tracks are dropped."""

    least_score_spread: float = Field(0.15, gt=0)
    """Least spread of scores that counts, as a score: where all are nearly alike, they say nothing about clutter."""

    # The linker, which decides again when the whole sequence is known.

    link_seconds: float = Field(30.0, ge=0)
    """Longest absence after which someone may still be recognised by motion, size and look, in seconds."""

    link_bias: float = Field(0.0)
    """What speaks for two pieces being one person beforehand, in natural-log units. Higher: fewer people, more of whom
    are two; lower: more people, more of whom are one."""

    film_bias: float = Field(3.0)
    """What speaks for it more where a film shows how the camera moves: where people are on the field is then known, and
    motion misleads less."""

    look_weight: float = Field(2.0, ge=0)
    """What jersey colours count for beside motion when the linker compares people, as it was learned from the game.
    Higher: people of one look are joined sooner, and kits matter more. 0: they are not used for that."""

    reid_weight: float = Field(1.0, ge=0)
    """The same for what a re-identification model sees, where there is one. 0: it is not used for that."""

    kit_weight: float = Field(1.0, ge=0)
    """The same for the kits of the two teams: people in different ones are different people. 0: kits are not used."""

    # Gaps.

    interpolate_seconds: float = Field(0.42, ge=0)
    """Longest gap of a track that is filled with straight-line boxes, marked as interpolated, in seconds. 0: none."""

    border_share: float = Field(0.25, ge=0)
    """Gaps whose two ends lie nearer than this fraction of a box to the picture's border are exits and not filled."""

    @model_validator(mode="after")
    def _scores_are_in_order(self) -> TrackerSettings:
        if not self.low_score <= self.high_score <= self.new_track_score:
            raise ValueError("low_score ≤ high_score ≤ new_track_score must hold")
        return self


def read_settings(path: Path) -> TrackerSettings:
    """Settings from a TOML or JSON file that names only what differs from the defaults.

    Raises InputError when the file cannot be read, is malformed, or names an unknown or impossible value.
    """
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(path, "not UTF-8 text", hint="settings are TOML or JSON") from error
    try:
        values: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(path, f"not valid JSON: {error.msg}", line=error.lineno) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(path, f"not valid TOML: {error}") from error
    try:
        return TrackerSettings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(
            path, f"{name + ': ' if name else ''}{first['msg']}", hint="the README lists the settings"
        ) from error
