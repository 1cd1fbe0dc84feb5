"""`build_dataset`: crops of the people in some runs, as a new dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

from cloud.recipes.films import fetched_film, film
from cloud.recipes.recipe import Allowed, Command, Report
from cloud.recipes.runs import PLAYERS, RUN, TRACKS, run_file
from cloud.recipes.wanted import download_all
from shared_libs.common.documents import read_document
from shared_libs.common.jobs import BuildDataset, RunReference
from shared_libs.common.model_store import ModelStore
from shared_libs.common.storage import dataset_folder
from shared_libs.common.stored_files import StoredFiles

DATASET: Final = "dataset.json"

_DATASET = "dataset"
_SCHEMA, _SCHEMA_VERSION = "laxai.dataset", 1


class _Part(BaseModel):
    """Of a document of service-training, of which the rest is of no matter here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Sides(_Part):
    train: int
    val: int


class _Counts(_Part):
    crops: _Sides
    identities: _Sides


class _Dataset(_Part):
    counts: _Counts
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildDatasetRecipe:
    """Of one such job."""

    payload: BuildDataset

    def fetch(self, tenant: str, files: StoredFiles, models: ModelStore, inputs: Path, report: Report) -> None:
        """Of each run what its people are read from; of each video its film, once."""
        videos = dict.fromkeys(run.video_id for run in self.payload.runs)
        wanted = [film(tenant, files, video_id, inputs / video_id) for video_id in videos]
        for run, folder in self._games(inputs):
            wanted += [run_file(tenant, files, run, name, folder) for name in (TRACKS, PLAYERS, RUN)]
        download_all(files, wanted, report)

    def commands(self, inputs: Path, out: Path) -> tuple[Command, ...]:
        """`build-dataset`."""
        asked = self.payload
        games = [
            word
            for run, folder in self._games(inputs)
            for word in (str(fetched_film(inputs / run.video_id)), str(folder))
        ]
        options = ("--validation-share", str(asked.validation_share), "--seed", str(asked.seed))
        arguments = ("build-dataset", *games, "--out", str(out / _DATASET), *options)
        return (Command("training", arguments, "cutting crops"),)

    def store(
        self, tenant: str, files: StoredFiles, out: Path, made: str, allowed: Allowed, report: Report
    ) -> dict[str, JsonValue]:
        """A new dataset; the result says how many crops of how many people it has."""
        dataset_id = _dataset_id(made)
        source = out / _DATASET
        said = read_document(source / DATASET, _Dataset, _SCHEMA, _SCHEMA_VERSION)
        files.upload_folder(source, dataset_folder(tenant, dataset_id), last=DATASET, allowed=allowed, report=report)
        crops, people = said.counts.crops, said.counts.identities
        return {
            "dataset_id": dataset_id,
            "train_crops": crops.train,
            "train_identities": people.train,
            "val_crops": crops.val,
            "val_identities": people.val,
            "notes": list(said.notes),
        }

    def discard(self, tenant: str, files: StoredFiles, made: str) -> None:
        """Of that dataset."""
        files.remove_folder(dataset_folder(tenant, _dataset_id(made)))

    def _games(self, inputs: Path) -> Iterator[tuple[RunReference, Path]]:
        """The runs, each once, and where their files lie."""
        for run in dict.fromkeys(self.payload.runs):
            yield run, inputs / run.video_id / run.run_id


def _dataset_id(made: str) -> str:
    return f"dataset_{made}"
