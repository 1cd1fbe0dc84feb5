"""`link_players`: the tracks of a run joined into players anew, with all corrections, as a new run of the video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cloud.recipes.films import fetched_film, film, sayings, sayings_options
from cloud.recipes.models import MODEL, REID, choose_reid, finish_model, model_file, reid_options
from cloud.recipes.recipe import Allowed, Command, Report
from cloud.recipes.runs import TRACKS, discard_run, run_file, store_run
from cloud.recipes.wanted import download_all
from shared_libs.common.jobs import LinkPlayers, RunReference
from shared_libs.common.model_store import ModelStore
from shared_libs.common.stored_files import StoredFiles

_RUN = "run"


@dataclass(frozen=True, slots=True)
class LinkPlayersRecipe:
    """Of one such job."""

    payload: LinkPlayers

    def fetch(self, tenant: str, files: StoredFiles, models: ModelStore, inputs: Path, report: Report) -> None:
        """The tracks, the film, who plays, what was corrected, and what tells people apart."""
        asked = self.payload
        run = RunReference(video_id=asked.video_id, run_id=asked.run_id)
        reid = choose_reid(models, asked.reid_model_id, inputs)
        wanted = [
            run_file(tenant, files, run, TRACKS, inputs),
            film(tenant, files, asked.video_id, inputs),
            *sayings(tenant, files, asked.video_id, inputs),
        ]
        if reid is not None:
            wanted.append(model_file(tenant, files, reid, MODEL, inputs / REID))
        download_all(files, wanted, report)
        if reid is not None:
            finish_model(reid, MODEL, inputs / REID)

    def commands(self, inputs: Path, out: Path) -> tuple[Command, ...]:
        """`link`."""
        files = str(inputs / TRACKS), str(fetched_film(inputs)), "--out", str(out / _RUN)
        return (Command("tracking", ("link", *files, *reid_options(inputs), *sayings_options(inputs)), "linking"),)

    def store(
        self, tenant: str, files: StoredFiles, out: Path, made: str, allowed: Allowed, report: Report
    ) -> dict[str, JsonValue]:
        """A new run of the video; the result says of which run the tracks were."""
        result = store_run(tenant, files, self.payload.video_id, out / _RUN, made, allowed, report)
        return {**result, "tracks_of": self.payload.run_id}

    def discard(self, tenant: str, files: StoredFiles, made: str) -> None:
        """Of that run."""
        discard_run(tenant, files, self.payload.video_id, made)
