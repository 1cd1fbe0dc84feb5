"""Datasets: crops of people, for training."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, JsonValue

from api.access.caller import Reader, Writer
from api.ids import DatasetPath
from api.learning.datasets import Dataset, DatasetCounts, list_datasets, read_dataset, remove_dataset
from api.pages import Following, Limit, Page, following_after, place_of
from api.problems import Problem
from api.queue.under_way import jobs_on_dataset
from api.site import Here

router = APIRouter(prefix="/datasets", tags=["datasets"])


class DatasetSummary(BaseModel):
    """A dataset. notes: what must be said of it wherever it is shown."""

    dataset_id: str
    created: datetime
    counts: DatasetCounts
    notes: list[str]


class WholeDataset(DatasetSummary):
    """A dataset. description: its dataset.json: of which games it is, how it was split, and who is in it."""

    description: dict[str, JsonValue]


@router.get("")
def get_datasets(caller: Reader, here: Here, limit: Limit = 50, following: Following = None) -> Page[DatasetSummary]:
    """The datasets, newest first."""
    found = list_datasets(here.files, caller.tenant)
    if following is not None:
        place = place_of(following, float, str)
        found = [each for each in found if _place(each) < place]
    page = found[:limit]
    more = following_after(*_place(page[-1])) if len(found) > limit else None
    return Page(items=[DatasetSummary(**_summary(each)) for each in page], following=more)


@router.get("/{dataset_id}")
def get_dataset(dataset_id: DatasetPath, caller: Reader, here: Here) -> WholeDataset:
    """A dataset."""
    found = read_dataset(here.files, caller.tenant, dataset_id)
    return WholeDataset(**_summary(found), description=found.document)


@router.delete("/{dataset_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_dataset(dataset_id: DatasetPath, caller: Writer, here: Here) -> None:
    """Removes a dataset with its crops; models that were trained on it stay. 409 while a job reads it."""
    read_dataset(here.files, caller.tenant, dataset_id)
    at_work = jobs_on_dataset(here.jobs, caller.tenant, dataset_id)
    if at_work:
        detail = "Jobs train on this dataset; cancel them first."
        raise Problem(HTTPStatus.CONFLICT, "in-use", detail, jobs=at_work)
    remove_dataset(here.files, caller.tenant, dataset_id)


def _summary(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset_id": dataset.dataset_id,
        "created": dataset.created,
        "counts": dataset.description.counts,
        "notes": list(dataset.description.notes),
    }


def _place(dataset: Dataset) -> tuple[float, str]:
    return dataset.created.timestamp(), dataset.dataset_id
