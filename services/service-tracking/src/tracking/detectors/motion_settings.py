"""What can be tuned in the motion detector, with one default for every film."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MotionSettings(BaseModel):
    """Knobs of the motion detector. "Reduced pixels" are those of the picture that is worked on, see `longest_side`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    longest_side: int = Field(640, ge=64, le=2048)
    """Longest side of the picture that is worked on, in pixels. Larger: smaller people are found, in more time."""

    key_seconds: float = Field(0.5, gt=0, le=10)
    """Time between the frames that the background is made of, in seconds. Shorter: a turning camera is followed more
    closely, in more time."""

    key_motion: float = Field(0.12, gt=0, le=1)
    """How far a corner of the picture may move until the next such frame, as a fraction of the longer side."""

    window: tuple[int, ...] = (1, 2, 3, 5, 8, 12)
    """How many keys before and after one contribute to its background, rising. Farther: people who stand still for
    longer are found, and more memory is used, since the film is read that far ahead."""

    margin: float = Field(0.06, ge=0, le=0.5)
    """How far the background reaches beyond its key's picture, as a fraction of the picture on each side."""

    field_share: float = Field(0.2, ge=0, le=1)
    """Share of what was seen in a place that must have the field's colour for the field to be its background."""

    field_radius: float = Field(0.09, gt=0)
    """Up to which distance a colour counts as the field's, in units of chroma per brightness. Larger: faded grass is
    still grass, and so are olive jerseys."""

    shadow: float = Field(0.5, gt=0, le=1)
    """How dark the field may become, as a fraction of its brightness, without anybody being there. Lower: deeper
    shadows are seen through, and dark jerseys too."""

    chroma_step: float = Field(5.0, gt=0)
    """Difference of chroma from the background that counts as one unit, in grey levels."""

    luma_step: float = Field(18.0, gt=0)
    """Difference of brightness from the background that counts as one unit, in grey levels."""

    least_difference: float = Field(1.5, gt=0)
    """From how many units on a pixel is not background. Lower: more of people in the colours of the
    field, more noise."""
