"""What can be tuned in the estimate of the camera's motion, with one default for every film."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Side = Annotated[int, Field(ge=5, le=63)]


class CameraSettings(BaseModel):
    """Knobs of the camera's motion. "Reduced pixels" are those of the picture that is worked on, see `longest_side`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    longest_side: int = Field(480, ge=64, le=4096)
    """Longest side of the picture that is worked on, in pixels. Larger: finer motion is measured, in more time."""

    cell: int = Field(16, ge=8, le=256)
    """Side of the squares into which the picture is divided, in reduced pixels, even: each gives one feature at most,
    so that they are spread over the picture. Smaller: more features, more time, better odds in poor pictures."""

    features: int = Field(140, ge=8)
    """Most features to follow, in number, the strongest of every part of the picture first. Higher: steadier in poor
    pictures, more time."""

    least_texture: float = Field(1e-5, gt=0)
    """How distinct a feature has to be: the smaller eigenvalue of its gradients as OpenCV scales it. Higher: less noise
    is followed, and blurred pictures are given up sooner."""

    window: tuple[Side, Side] = (16, 11)
    """Width and height of the area that is compared around a feature, in reduced pixels; widths of a multiple of 8 are
    quickest. Larger: steadier, slower, and features near moving people are dragged along by them. Higher: what is laid
    over the picture, which is wide, drags more of them along."""

    pyramid: int = Field(3, ge=0, le=6)
    """How often the picture is halved to find large motion. Each one more doubles the shift per frame that can be
    followed; 3 reaches some 50 reduced pixels."""

    box_margin: float = Field(0.1, ge=0, le=2)
    """How far the players' boxes are enlarged on each side before no feature is taken from them, as a fraction of
    their size. Larger: less of limbs and shadows gets in, less of the background is left."""

    least_score: float = Field(0.3, ge=0, le=1)
    """Score from which a detection's box is left out of the picture. Lower: more people are left out, and more
    background with them."""

    tolerance: float = Field(0.75, gt=0)
    """How far a feature may be from where the common motion takes it, in reduced pixels, to count as moved by it.
    Higher: perspective and lens distortion are forgiven, and slow people too."""

    least_features: int = Field(12, ge=3)
    """Fewest features that have to agree on a motion, in number."""

    least_share: float = Field(0.25, gt=0, le=1)
    """Smallest share of the followed features that have to agree on a motion, as a fraction. Higher: a crowd that moves
    is taken for the scene less often, and more frames go without an answer."""

    still: float = Field(0.25, gt=0)
    """Up to which motion a feature stands still on the screen, in reduced pixels. Features that keep still while the
    scene moves belong to what is laid over the picture, a score or a logo, and lose their vote."""

    still_frames: int = Field(5, ge=1, le=200)
    """In how many frames a square has to keep still while the scene moves until it loses its vote, in frames."""

    largest_zoom: float = Field(1.15, gt=1)
    """Largest change of size from one frame to the next that is believed, as a factor."""

    largest_turn: float = Field(0.15, gt=0)
    """Largest rotation from one frame to the next that is believed, in radians."""

    largest_shift: float = Field(0.35, gt=0, le=1)
    """Largest shift of the picture's middle from one frame to the next that is believed, as a fraction of the longest
    side."""

    least_likeness: float = Field(0.5, ge=-1, le=1)
    """Correlation of two successive pictures, much reduced, below which a frame without a common motion is taken for a
    cut. Higher: more of them."""
