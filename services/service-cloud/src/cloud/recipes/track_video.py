"""`track_video`: a film to tracks and players, as a new run of the video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cloud.recipes.films import fetched_film, film, sayings, sayings_options
from cloud.recipes.models import DETECTOR, MODEL, REID, card_of, choose_reid, finish_model, model_file, reid_options
from cloud.recipes.recipe import Allowed, Command, Report
from cloud.recipes.runs import discard_run, store_run
from cloud.recipes.wanted import download_all, needed
from shared_libs.common.errors import InputError
from shared_libs.common.jobs import TrackVideo
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import video_file
from shared_libs.common.stored_files import StoredFiles

_DETECTIONS = "detections"
"""A folder for the one file, whose name may be any."""

_RUN = "run"


@dataclass(frozen=True, slots=True)
class TrackVideoRecipe:
    """Of one such job."""

    payload: TrackVideo

    def fetch(self, tenant: str, files: StoredFiles, models: ModelStore, inputs: Path, report: Report) -> None:
        """The film, who plays, what was corrected; the file of detections or the detector, and what tells people
        apart."""
        asked = self.payload
        if asked.online and asked.reid_model_id is not None:
            cause = "a re-identification model is for joining tracks to players, which an online run leaves out"
            raise InputError(asked.reid_model_id, cause, hint="leave the model out, or track not online")
        wanted = [
            film(tenant, files, asked.video_id, inputs),
            *sayings(tenant, files, asked.video_id, inputs),
        ]
        if asked.detections_file is not None:
            name = asked.detections_file
            missing = InputError(name, f"the video {asked.video_id} has no such file of detections", hint="upload it")
            path = video_file(tenant, asked.video_id, name)
            wanted.append(needed(files, path, inputs / _DETECTIONS / name, missing))
        cards = {}
        if asked.detector_model_id is not None:
            cards[DETECTOR] = card_of(models, asked.detector_model_id, "detector")
        if not asked.online and (reid := choose_reid(models, asked.reid_model_id, inputs)) is not None:
            cards[REID] = reid
        wanted += [model_file(tenant, files, card, MODEL, inputs / folder) for folder, card in cards.items()]
        download_all(files, wanted, report)
        for folder, card in cards.items():
            finish_model(card, MODEL, inputs / folder)

    def commands(self, inputs: Path, out: Path) -> tuple[Command, ...]:
        """`track`."""
        asked = self.payload
        arguments = ["track", str(fetched_film(inputs)), "--out", str(out / _RUN)]
        if asked.detections_file is not None:
            arguments += ["--detections", str(inputs / _DETECTIONS / asked.detections_file)]
        if asked.detector_model_id is not None:
            arguments += ["--detector", f"onnx:{inputs / DETECTOR / MODEL}"]
        arguments += ["--online"] if asked.online else reid_options(inputs)
        arguments += sayings_options(inputs)
        return (Command("tracking", tuple(arguments), "tracking"),)

    def store(
        self, tenant: str, files: StoredFiles, out: Path, made: str, allowed: Allowed, report: Report
    ) -> dict[str, JsonValue]:
        """A new run of the video."""
        return store_run(tenant, files, self.payload.video_id, out / _RUN, made, allowed, report)

    def discard(self, tenant: str, files: StoredFiles, made: str) -> None:
        """Of that run."""
        discard_run(tenant, files, self.payload.video_id, made)
