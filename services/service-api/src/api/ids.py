"""Ids in addresses: of their form, or the address is refused before anything is looked up."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

VideoPath = Annotated[
    str, Path(pattern="^video_[0-9a-f]{12}$", description="A video.", examples=["video_0123456789ab"])
]
RunPath = Annotated[str, Path(pattern="^run_[0-9a-f]{12}$", description="A run.", examples=["run_0123456789ab"])]
JobPath = Annotated[str, Path(pattern="^job_[0-9a-f]{12}$", description="A job.", examples=["job_0123456789ab"])]
DatasetPath = Annotated[
    str, Path(pattern="^dataset_[0-9a-f]{12}$", description="A dataset.", examples=["dataset_0123456789ab"])
]
ModelPath = Annotated[
    str, Path(pattern="^model_[0-9a-f]{12}$", description="A model.", examples=["model_0123456789ab"])
]
ClipsPath = Annotated[
    str,
    Path(pattern="^clips_[0-9a-f]{12}$", description="Reels that were made together.", examples=["clips_0123456789ab"]),
]
PlayerPath = Annotated[int, Path(ge=0, le=2**31 - 1, description="A player of the run.", examples=[7])]
