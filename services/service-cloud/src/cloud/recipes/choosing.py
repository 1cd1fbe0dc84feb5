"""Which recipe a job has."""

from __future__ import annotations

from typing import assert_never

from cloud.recipes.build_dataset import BuildDatasetRecipe
from cloud.recipes.link_players import LinkPlayersRecipe
from cloud.recipes.make_clips import MakeClipsRecipe
from cloud.recipes.recipe import Recipe
from cloud.recipes.track_video import TrackVideoRecipe
from cloud.recipes.train_reid import TrainReidRecipe
from shared_libs.common.jobs import BuildDataset, LinkPlayers, MakeClips, Payload, TrackVideo, TrainReid


def recipe_for(payload: Payload) -> Recipe:
    """The recipe of a job that asks for `payload`."""
    match payload:
        case TrackVideo():
            return TrackVideoRecipe(payload)
        case LinkPlayers():
            return LinkPlayersRecipe(payload)
        case BuildDataset():
            return BuildDatasetRecipe(payload)
        case TrainReid():
            return TrainReidRecipe(payload)
        case MakeClips():
            return MakeClipsRecipe(payload)
    assert_never(payload)
