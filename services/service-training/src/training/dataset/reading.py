"""A data set, or any folder with a folder of pictures for each person, read into memory."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.storage import SPLITS, Split
from shared_libs.utils.progress import progress
from training.dataset.crop_set import CropSet
from training.dataset.description import DATASET, read_dataset
from training.dataset.pictures import Image, decode, fit
from training.dataset.splitting import split_by_identity

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_LARGEST_IN_MEMORY = 4 * 2**30
_VALIDATION_SHARE = 0.2
_EXPECTED = "expected are folders of pictures, one for each person, and perhaps train and val above them"


def read_crops(
    folder: Path, split: Split | None = None, *, height: int = 128, width: int = 64, quiet: bool = False
) -> tuple[CropSet, tuple[str, ...]]:
    """The pictures in `folder`, all at one size, and a line for each that had to be left out, by name.

    folder: a data set that `build_dataset` wrote, or `person/picture`, with or without `train` and `val` above; there
    all folders are different people for certain. split: which part; None for all of it. Where people are not split, a
    fifth of them, always the same, is "val". height, width: in pixels.

    Of a data set, what lies in its folder counts: pictures that its table does not list have no time, and whom it does
    not know was in one more game. More than 4 GiB of pictures are kept in a temporary file.
    Raises InputError where there is no such folder, no picture or only one person's in it that can be read, or where
    pictures lie elsewhere than expected; OutputError where there is no room for the temporary file.
    """
    if not folder.is_dir():
        cause = "is a file, not a folder" if folder.exists() else "no such folder"
        raise InputError(folder, cause, hint=_EXPECTED)
    try:
        shelf = _data_set(folder, split) if (folder / DATASET).is_file() else _people(folder, split)
    except OSError as error:
        raise InputError.from_os_error(error.filename or folder, error) from error
    if not shelf.files:
        raise InputError(folder if split is None else folder / split, "holds no pictures", hint=_EXPECTED)
    pictures = _room((len(shelf.files), height, width, 3))
    reasons = _read(folder, [file.name for file in shelf.files], pictures, quiet=quiet)
    problems = [f"{file.name}: {reason}" for file, reason in zip(shelf.files, reasons, strict=True) if reason]
    problems = sorted([*problems, *(f"{name}: is missing" for name in shelf.missing)])
    return _crop_set(folder, shelf, pictures, [reason is None for reason in reasons], problems), tuple(problems)


class _File(NamedTuple):
    """A picture: its person, its time in seconds or NaN, its name below the folder."""

    identity: int
    time: float
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Shelf:
    """The pictures of a folder, in the order of a CropSet, and the people who may be on them; as in a CropSet."""

    files: list[_File]
    identities: tuple[str, ...]
    game: npt.NDArray[np.int32]
    different: npt.NDArray[np.bool_]
    missing: tuple[str, ...] = ()


def _data_set(folder: Path, split: Split | None) -> _Shelf:
    description, table = read_dataset(folder)
    splits = SPLITS if split is None else (split,)
    found = {name: person for part in splits for name, person in _pictures(folder, part)}
    time = dict(zip(table.file, table.time.tolist(), strict=True))
    known = [identity.name for identity in description.identities]
    strangers = sorted(set(found.values()) - set(known))
    number = {name: place for place, name in enumerate([*known, *strangers])}
    games = [*(identity.game for identity in description.identities), *([len(description.games)] * len(strangers))]
    different = np.zeros((len(number), len(number)), np.bool_)
    different[: len(known), : len(known)] = description.different()
    return _Shelf(
        files=_sorted(_File(number[person], time.get(name, math.nan), name) for name, person in found.items()),
        identities=tuple(number),
        game=np.array(games, np.int32),
        different=different,
        missing=tuple(
            file for file, part in zip(table.file, table.split, strict=True) if part in splits and file not in found
        ),
    )


def _people(folder: Path, split: Split | None) -> _Shelf:
    parts = [part for part in SPLITS if (folder / part).is_dir()]
    if split is not None and parts and split not in parts:
        raise InputError(folder, f"has {parts[0]}, but not {split}", hint=_EXPECTED)
    wanted: list[str] = ["."] if not parts else [*parts] if split is None else [split]
    found = [pair for part in wanted for pair in _pictures(folder, part)]
    people = sorted({person for _, person in found})
    if split is not None and not parts and people:
        people = _side(folder, people, split)
    number = {person: place for place, person in enumerate(people)}
    return _Shelf(
        files=_sorted(_File(number[person], math.nan, name) for name, person in found if person in number),
        identities=tuple(people),
        game=np.zeros(len(people), np.int32),
        different=~np.eye(len(people), dtype=np.bool_),
    )


def _side(folder: Path, people: list[str], split: Split) -> list[str]:
    """Those of the people in an unsplit folder who belong to `split`."""
    one_game, no_teams = np.zeros(len(people), np.int32), np.full(len(people), -1, np.int32)
    is_val = split_by_identity(one_game, no_teams, share=_VALIDATION_SHARE, seed=0)
    if is_val is None:
        cause = f"has the pictures of {len(people)} people: too few to hold some back"
        raise InputError(folder, cause, hint="put train and val above them yourself, or add people")
    return [person for person, held_back in zip(people, is_val, strict=True) if held_back == (split == "val")]


def _pictures(folder: Path, part: str) -> Iterator[tuple[str, str]]:
    """(name below `folder`, person) of every picture in `part` of it. What is hidden or no picture is passed over."""
    top = folder / part
    for person in sorted(top.iterdir()) if top.is_dir() else ():
        if person.name.startswith("."):
            continue
        if not person.is_dir():
            if person.suffix.lower() in _SUFFIXES:
                raise InputError(person, "is a picture outside of any person's folder", hint=_EXPECTED)
            continue
        prefix = person.relative_to(folder).as_posix()
        with os.scandir(person) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    raise InputError(entry.path, "is a folder in a person's folder", hint=_EXPECTED)
                if entry.name.lower().endswith(_SUFFIXES):
                    yield f"{prefix}/{entry.name}", person.name


def _sorted(files: Iterator[_File]) -> list[_File]:
    """As in a CropSet: by identity, then by time, where it is known, then by name."""
    return sorted(files, key=lambda file: (file.identity, math.inf if math.isnan(file.time) else file.time, file.name))


def _room(shape: tuple[int, int, int, int]) -> Image:
    """An array of zeros, in memory or, where it is large, in a temporary file that has no name."""
    size = math.prod(shape)
    if size <= _LARGEST_IN_MEMORY:
        return np.zeros(shape, np.uint8)
    try:
        with tempfile.TemporaryFile(prefix="laxai-crops-") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is found now, and not when a page is written
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, np.uint8, "w+", shape=shape)
    except OSError as error:
        raise OutputError.from_os_error(tempfile.gettempdir(), error) from error


def _read(folder: Path, names: Sequence[str], pictures: Image, *, quiet: bool) -> list[str | None]:
    """Fills `pictures`, uint8 (n, h, w, 3), with the pictures; returns why one could not be read, None where it was."""
    height, width = pictures.shape[1:3]

    def read(row: int) -> str | None:
        try:
            content = (folder / names[row]).read_bytes()
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        picture = decode(content)
        if isinstance(picture, str):
            return picture
        pictures[row] = fit(picture, height, width)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(progress(len(names), "reading", "pictures", quiet=quiet).over(pool.map(read, range(len(names)))))


def _crop_set(folder: Path, shelf: _Shelf, pictures: Image, is_good: list[bool], problems: list[str]) -> CropSet:
    """The crops that could be read, and the people on them."""
    good = np.flatnonzero(is_good)
    files = [shelf.files[row] for row in good.tolist()]
    identity = np.array([file.identity for file in files], np.int64)
    seen = np.unique(identity)
    if not len(seen):
        cause = f"none of its {len(is_good):,} pictures can be read, the first since: {problems[0]}"
        raise InputError(folder, cause, hint="copy or build it again")
    if len(seen) == 1:
        cause = f"has pictures of one person only, {shelf.identities[seen[0]]}"
        raise InputError(folder, cause, hint="there must be somebody to tell from somebody else")
    for row, old in enumerate(good.tolist()):  # in place: there may be no room for all of them twice
        if row != old:
            pictures[row] = pictures[old]
    return CropSet(
        pictures=pictures[: len(good)],
        identity=np.searchsorted(seen, identity).astype(np.int32),
        time=np.array([file.time for file in files], np.float64),
        names=tuple(file.name for file in files),
        identities=tuple(shelf.identities[each] for each in seen.tolist()),
        game=shelf.game[seen],
        different=shelf.different[np.ix_(seen, seen)],
    )
