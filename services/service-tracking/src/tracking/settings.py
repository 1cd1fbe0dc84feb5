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

    Lengths of time are in seconds and become frames with the frame rate of the sequence; overlaps and scores are
    fractions between 0 and 1; noises are fractions of a box's size, so that they hold at any zoom.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    high_score: float = Field(0.5, ge=0, le=1)
    """Score from which a detection takes part in the first association. Higher: fewer false boxes join tracks, but more
    of the true ones have to wait for the second association."""

    low_score: float = Field(0.1, ge=0, le=1)
    """Score from which a detection takes part in the second association, which only continues tracks that the first
    left without a box. Lower: more half-hidden players are held, and more clutter is followed."""

    new_track_score: float = Field(0.6, ge=0, le=1)
    """Score from which a detection that no track claims starts a new one. Higher: fewer false tracks, later starts."""

    confirm_hits: int = Field(3, ge=1)
    """Number of detections in successive frames after which a new track counts, in frames. The boxes before
    that are then reported as well. Higher: fewer false tracks, and short appearances are lost."""

    reentry_seconds: float = Field(2.0, ge=0)
    """How long a track without a detection may be found again under its id, in seconds. Longer: more exits and
    occlusions are bridged, with a greater chance that someone else is taken for the one who left."""

    buffer: float = Field(0.3, ge=0, le=2)
    """How far boxes are enlarged on each side before their overlap is measured, as a fraction of their size
    (buffered IoU). Larger: fast and small players are held, and neighbours are confused more easily."""

    wide_buffer: float = Field(0.7, ge=0, le=2)
    """The same for the second try, which looks further for what the first left over, as a fraction of their size."""

    first_overlap: float = Field(0.2, ge=0, le=1)
    """Least buffered IoU for a pair in the first association. Higher: fewer wrong pairs, more broken tracks."""

    wide_overlap: float = Field(0.2, ge=0, le=1)
    """Least buffered IoU, with the wide buffer, for a pair in the second try."""

    low_overlap: float = Field(0.4, ge=0, le=1)
    """Least buffered IoU for a pair with a low-score detection: stricter, because such boxes are less to be trusted."""

    score_weight: float = Field(0.2, ge=0, le=1)
    """How much a detection's score counts in the first association: the overlap is multiplied by
    1 - score_weight × (1 - score). Higher: surer boxes win over nearer ones."""

    position_noise: float = Field(0.05, gt=0)
    """Standard deviation of the unpredicted motion of a box's centre within one frame, as a fraction of its height.
    Higher: the prediction follows detections faster and trusts itself less."""

    velocity_noise: float = Field(0.02, gt=0)
    """Standard deviation of the change of velocity within one frame, as a fraction of the height per frame.
    Higher: turns and pans are followed sooner, and a lost player's path is guessed more wildly."""

    size_noise: float = Field(0.03, gt=0)
    """Standard deviation of the change of width and height within one frame, as a fraction of each."""

    measurement_noise: float = Field(0.05, gt=0)
    """Standard deviation of a detection's centre and size, as a fraction of its width and height. Higher: smoother."""

    interpolate_seconds: float = Field(0.7, ge=0)
    """Longest gap of a track that is filled with straight-line boxes, marked as interpolated, in seconds. 0: none."""

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
