"""What a data set says of itself: dataset.json, how it was made and who is in it; crops.parquet, a row per crop."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import AwareDatetime, Field, model_validator

from shared_libs.common.documents import Contract, read_document, write_document
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from shared_libs.common.parquet_columns import parse_columns, write_columns
from shared_libs.common.run import InputFile
from shared_libs.common.storage import SPLITS

SCHEMA: Final = "laxai.dataset"
SCHEMA_VERSION: Final = 1
DATASET, CROPS = "dataset.json", "crops.parquet"

SplitBy = Literal["identity", "game", "time"]

IdentityKind = Literal["player", "track", "person"]
"""Who is one identity: a player linked from tracks, a track, or a person, known for certain, as in ground truth."""

_CORNERS = ("x_min", "y_min", "x_max", "y_max")
_COLUMNS: dict[str, pa.DataType] = {
    "file": pa.string(),
    "split": pa.string(),
    "identity": pa.int32(),
    "game": pa.int32(),
    "frame": pa.int32(),
    "time": pa.float64(),
    "quality": pa.float32(),
    "sharpness": pa.float32(),
    **dict.fromkeys(_CORNERS, pa.float32()),
}
_ANEW = "build the data set anew"

_Count = Annotated[int, Field(ge=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]


class Split(Contract):
    """How crops were held back for validation, see `splitting`. gap_seconds: of a split by time alone."""

    by: SplitBy
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    gap_seconds: _NotNegative | None
    seed: int

    @model_validator(mode="after")
    def _has_a_gap_in_time_only(self) -> Self:
        if (self.gap_seconds is None) != (self.by != "time"):
            raise ValueError("gap_seconds belongs to a split by time, and to no other")
        return self


class Choice(Contract):
    """How many crops of an identity were taken at most, and how far apart in time at least."""

    per_identity: Annotated[int, Field(ge=1)]
    seconds_apart: _NotNegative


class SourceGame(Contract):
    """A film and its tracks. players: None where they were not used."""

    name: _Name
    film: InputFile
    tracks: InputFile
    players: InputFile | None
    identity_kind: IdentityKind


class SplitCounts(Contract):
    """Something counted on both sides."""

    train: _Count
    val: _Count


class Identity(Contract):
    """Somebody to be told from others. game: an index into games."""

    name: _Name
    game: _Count
    kind: IdentityKind
    crops: SplitCounts


class Counts(Contract):
    """How many identities and crops there are on each side. In a split by time an identity can be on both."""

    identities: SplitCounts
    crops: SplitCounts


class DatasetDescription(Contract):
    """dataset.json. certain_negatives: pairs (first, second), first < second, rising, of indices into identities, of
    one game, who are two people for certain. notes: what must be said of it."""

    schema_: Literal["laxai.dataset"] = Field(default=SCHEMA, alias="schema")
    schema_version: Literal[1] = SCHEMA_VERSION
    created: AwareDatetime
    code_version: Annotated[str, Field(min_length=1)]
    split: Split
    choice: Choice
    games: Annotated[tuple[SourceGame, ...], Field(min_length=1)]
    identities: tuple[Identity, ...]
    certain_negatives: tuple[tuple[_Count, _Count], ...]
    counts: Counts
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for what, names in (("game", self.games), ("identity", self.identities)):
            twice = [name for name, count in Counter(each.name for each in names).items() if count > 1]
            if twice:
                raise ValueError(f"{what} {twice[0]} stands twice")
        for identity in self.identities:
            if identity.game >= len(self.games):
                raise ValueError(f"identity {identity.name}: there is no game {identity.game}")
        for first, second in self.certain_negatives:
            if not first < second < len(self.identities):
                raise ValueError(f"certain_negatives: {first}, {second} is not a pair of identities")
            if self.identities[first].game != self.identities[second].game:
                raise ValueError(f"certain_negatives: {first}, {second} are of two games")
        if any(first >= second for first, second in pairwise(self.certain_negatives)):
            raise ValueError("certain_negatives must rise, and no pair may stand twice")
        if self.counts != counts_of(self.identities):
            raise ValueError("counts: are not those of the identities")
        return self

    def different(self) -> npt.NDArray[np.bool_]:
        """Which identities are two people for certain, bool (i, i), symmetric."""
        result = np.zeros((len(self.identities), len(self.identities)), np.bool_)
        pairs = np.array(self.certain_negatives, np.int64).reshape(-1, 2)
        result[pairs[:, 0], pairs[:, 1]] = result[pairs[:, 1], pairs[:, 0]] = True
        return result


@dataclass(frozen=True, slots=True, eq=False)
class CropTable:
    """crops.parquet: n crops, sorted by file.

    file: n paths `split/identity/name` below the data set's folder. split: n of "train" and "val". identity, game:
    int32 (n,), indices into those of dataset.json. frame: int32 (n,), 0-based, in the film. time: float64 (n,), seconds
    in the film. quality: float32 (n,), 0 to 1, by the box alone (`shared_libs.common.crops`). sharpness: float32 (n,),
    see `pictures.sharpness`. xyxy: float32 (n, 4), the box in displayed pixels.
    """

    file: tuple[str, ...]
    split: tuple[str, ...]
    identity: npt.NDArray[np.int32]
    game: npt.NDArray[np.int32]
    frame: npt.NDArray[np.int32]
    time: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    xyxy: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.file)


def counts_of(identities: tuple[Identity, ...]) -> Counts:
    """How many identities and crops there are on each side."""
    train, val = ([identity.crops.train for identity in identities], [identity.crops.val for identity in identities])
    return Counts(
        identities=SplitCounts(train=sum(map(bool, train)), val=sum(map(bool, val))),
        crops=SplitCounts(train=sum(train), val=sum(val)),
    )


def write_dataset(folder: Path, description: DatasetDescription, crops: CropTable) -> None:
    """Writes dataset.json and crops.parquet to `folder`. Raises OutputError."""
    columns = {
        "file": crops.file,
        "split": crops.split,
        "identity": crops.identity,
        "game": crops.game,
        "frame": crops.frame,
        "time": crops.time,
        "quality": crops.quality,
        "sharpness": crops.sharpness,
        **{corner: np.ascontiguousarray(crops.xyxy[:, place]) for place, corner in enumerate(_CORNERS)},
    }
    write_columns(folder / CROPS, "crops", SCHEMA_VERSION, _COLUMNS, columns)
    write_document(folder / DATASET, description)


def read_description(folder: Path) -> DatasetDescription:
    """The dataset.json in `folder`. Raises InputError where it is missing or anything in it is wrong."""
    return read_document(folder / DATASET, DatasetDescription, SCHEMA, SCHEMA_VERSION)


def read_dataset(folder: Path) -> tuple[DatasetDescription, CropTable]:
    """Both files in `folder`. Raises InputError where one is missing or wrong, or where they do not belong together."""
    description = read_description(folder)
    path = folder / CROPS
    crops = _read_crops(path)
    if len(crops) and not 0 <= crops.identity.min() <= crops.identity.max() < len(description.identities):
        raise _not_of_one(path, "an identity that is not in it")
    for file, split, identity, game in zip(crops.file, crops.split, crops.identity, crops.game, strict=True):
        own = description.identities[identity]
        if (split, own.name) != tuple(file.split("/")[:-1]) or game != own.game:
            raise _not_of_one(path, f"{file} for a crop in {split} of {own.name}")
    is_val = np.array(crops.split) == SPLITS[1]
    people = len(description.identities)
    train, val = (np.bincount(crops.identity[mask], minlength=people).tolist() for mask in (~is_val, is_val))
    for identity, *counted in zip(description.identities, train, val, strict=True):
        if counted != [identity.crops.train, identity.crops.val]:
            raise _not_of_one(path, f"{counted[0]} + {counted[1]} crops of {identity.name}")
    return description, crops


def _not_of_one(path: Path, what: str) -> InputError:
    return InputError(path, f"has {what}, unlike {DATASET}", hint=f"the two are not of one data set; {_ANEW}")


def _read_crops(path: Path) -> CropTable:
    """The rows of crops.parquet, each for itself as it should be."""
    table = parse_columns(path, read_bytes(path), SCHEMA_VERSION, _COLUMNS, remedy=_ANEW)
    file, split = table.column("file").to_pylist(), table.column("split").to_pylist()
    numbers = {name: np.asarray(table.column(name).to_numpy()) for name in _COLUMNS if name not in ("file", "split")}
    for row, (name, side) in enumerate(zip(file, split, strict=True)):
        if side not in SPLITS:
            raise InputError(path, f"row {row + 1}: split must be one of {', '.join(SPLITS)}, here it is {side!r:.80}")
        parts = name.split("/")
        if len(parts) != 3 or any(part in ("", ".", "..") for part in parts):
            raise InputError(path, f"row {row + 1}: file must be split/identity/name, here it is {name!r:.200}")
    if any(first >= second for first, second in pairwise(file)):
        raise InputError(path, "the files must rise, and none may stand twice")
    for name, values in numbers.items():
        wrong = ~np.isfinite(values) if values.dtype.kind == "f" else values < 0
        if wrong.any():
            row = int(wrong.argmax())
            raise InputError(path, f"row {row + 1}: {name} cannot be {values[row]}")
    return CropTable(
        file=tuple(file),
        split=tuple(split),
        **{name: values for name, values in numbers.items() if name not in _CORNERS},
        xyxy=np.stack([numbers[corner] for corner in _CORNERS], axis=1),
    )
