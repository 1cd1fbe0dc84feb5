"""The datasets of a tenant: what their dataset.json says of them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from api.problems import Problem
from shared_libs.common.documents import validate_document
from shared_libs.common.errors import InputError
from shared_libs.common.json_text import parse_json
from shared_libs.common.storage import dataset_file, dataset_folder, under
from shared_libs.common.stored_files import StoredFiles
from shared_libs.config.logging import get_logger
from shared_libs.utils.ids import parse_id

DATASET: Final = "dataset.json"
SCHEMA: Final = "laxai.dataset"
SCHEMA_VERSION: Final = 1

_Count = Annotated[int, Field(ge=0)]


class Sides(BaseModel):
    """Something counted on both sides of the split."""

    train: _Count
    val: _Count


class DatasetCounts(BaseModel):
    """How many identities and crops there are."""

    identities: Sides
    crops: Sides


class Description(BaseModel):
    """Those parts of a dataset.json that people ask for in a list; service-training has the whole of it."""

    model_config = ConfigDict(extra="allow")

    created: AwareDatetime
    counts: DatasetCounts
    notes: tuple[str, ...] = ()


class Dataset(NamedTuple):
    """description: those parts that are the same in all. document: the whole dataset.json."""

    dataset_id: str
    description: Description
    document: dict[str, JsonValue]

    @property
    def created(self) -> datetime:
        """When it was built."""
        return self.description.created


def has_dataset(files: StoredFiles, tenant: str, dataset_id: str) -> bool:
    """Whether there is such a dataset."""
    return files.size(dataset_file(tenant, dataset_id, DATASET)) is not None


def read_dataset(files: StoredFiles, tenant: str, dataset_id: str) -> Dataset:
    """A dataset. Raises 404, and InputError for one that cannot be read."""
    found = _dataset(files, tenant, dataset_id)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no-such-dataset", "There is no such dataset.")
    return found


def list_datasets(files: StoredFiles, tenant: str) -> list[Dataset]:
    """All datasets, newest first. One that cannot be read is left out, and stands in the log."""
    found: list[Dataset] = []
    for name in files.folders(under(tenant, "datasets")):
        try:
            parse_id(name, "dataset")
        except ValueError:
            continue
        try:
            dataset = _dataset(files, tenant, name)
        except InputError as error:
            get_logger(__name__).error("unusable_dataset", dataset_id=name, error=str(error))
            continue
        if dataset is not None:
            found.append(dataset)
    return sorted(found, key=lambda each: (each.created, each.dataset_id), reverse=True)


def remove_dataset(files: StoredFiles, tenant: str, dataset_id: str) -> None:
    """Takes a dataset away. Nothing there is no error."""
    files.remove_folder(dataset_folder(tenant, dataset_id))


def _dataset(files: StoredFiles, tenant: str, dataset_id: str) -> Dataset | None:
    content = files.read(dataset_file(tenant, dataset_id, DATASET))
    if content is None:
        return None
    document: Any = parse_json(dataset_id, content)
    description = validate_document(dataset_id, document, Description, SCHEMA, SCHEMA_VERSION)
    return Dataset(dataset_id, description, document)
