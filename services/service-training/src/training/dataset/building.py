"""From films and their tracks to a data set on disk: the story of one `build-dataset`."""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from shared_libs.common.errors import InputError
from shared_libs.common.storage import SPLITS
from training import __version__
from training.dataset.choosing import PER_IDENTITY, SECONDS_APART, choose_candidates, keep_best, score_of
from training.dataset.cutting import cut_film
from training.dataset.description import (
    Choice,
    CropTable,
    DatasetDescription,
    Identity,
    Split,
    SplitBy,
    SplitCounts,
    counts_of,
    write_dataset,
)
from training.dataset.games import Game, Identities, TrackedGame, read_game
from training.dataset.splitting import (
    FEWEST_IDENTITIES,
    FEWEST_ON_A_SIDE,
    TRAIN,
    UNUSED,
    VALIDATION,
    split_by_game,
    split_by_identity,
    split_by_time,
)
from training.dataset.whole_folder import check_replaceable, whole_folder

Int8s = npt.NDArray[np.int8]

_CANDIDATES = ".candidates"
_USUAL_RATE = 25.0
"""Frames a second of a film that does not say its own: good enough to choose by; times are read from the film."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to build, and where to put it.

    identities: see `games.Identities`. per_identity: crops of one identity at most; seconds_apart: between two of them
    at least. validation_share: of the identities, or of each one's crops, that is held back; by: how, see `splitting`,
    where "auto" is by identity if there are enough of them; gap_seconds: in a split by time; seed: draws who is held
    back.
    """

    games: tuple[Game, ...]
    out: Path
    identities: Identities = "auto"
    per_identity: int = PER_IDENTITY
    seconds_apart: float = SECONDS_APART
    validation_share: float = 0.2
    by: Literal["auto"] | SplitBy = "auto"
    gap_seconds: float = 2.0
    seed: int = 0


def build_dataset(request: Request, *, quiet: bool = False) -> DatasetDescription:
    """Cuts the crops, splits them, and puts them at `request.out`, all or nothing; returns its dataset.json.

    A data set that stands there already is replaced. The same request gives the same bytes, but for `created`.
    Raises InputError for a bad request or a bad input, with nothing written, and OutputError where the data set cannot
    be written.
    """
    _check(request)
    games = [read_game(game, f"game{number}", request.identities) for number, game in enumerate(request.games, 1)]
    with whole_folder(request.out) as folder:
        candidates = folder / _CANDIDATES
        candidates.mkdir()
        everybody = _People.of(games)
        crops, notes = _cut(games, request, candidates, quiet=quiet)
        crops = crops.take(_best(crops, request))
        crops, people = _with_two_crops(crops, everybody)
        if len(people) < FEWEST_ON_A_SIDE:
            who = f"only one identity, {people.name[0]}, has" if len(people) else "no identity has"
            cause = f"{who} two crops that show something"
            hint = "; ".join(notes) or "there must be somebody to tell from somebody else"
            raise InputError(request.games[0].tracks, cause, hint=hint)
        notes += _notes(games, everybody, people)
        split, side = _split(crops, people, request, notes)
        crops, side = crops.take(side != UNUSED), side[side != UNUSED]
        table, order = _table(crops, side, people)
        for file, number in zip(table.file, crops.number[order].tolist(), strict=True):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            os.rename(_candidate(candidates, number), folder / file)
        shutil.rmtree(candidates)
        description = _describe(table, people, games, request, split, notes)
        write_dataset(folder, description, table)
    return description


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Arrays of one length each."""

    def take(self, rows: npt.NDArray[Any]) -> Self:
        """Some of the rows: indices or a mask."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class _Crops(_Columns):
    """n crops that were cut. number: int64 (n,), in their files' names; identity: int32 (n,), an index into _People;
    the rest as in CropTable, quality and sharpness as float64 (n,)."""

    number: npt.NDArray[np.int64]
    identity: npt.NDArray[np.int32]
    track_id: npt.NDArray[np.int32]
    frame: npt.NDArray[np.int32]
    time: npt.NDArray[np.float64]
    quality: npt.NDArray[np.float64]
    sharpness: npt.NDArray[np.float64]
    xyxy: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _People(_Columns):
    """i identities of all games. name, kind: of text (i,). game, team: int32 (i,). place: int64 (i,), among those of
    their game."""

    name: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    game: npt.NDArray[np.int32]
    team: npt.NDArray[np.int32]
    place: npt.NDArray[np.int64]

    @classmethod
    def of(cls, games: list[TrackedGame]) -> Self:
        counts = [len(game.names) for game in games]
        return cls(
            name=np.concatenate([game.names for game in games]),
            kind=np.concatenate([game.kinds for game in games]),
            game=np.repeat(np.arange(len(games), dtype=np.int32), counts),
            team=np.concatenate([game.team for game in games]),
            place=np.concatenate([np.arange(count) for count in counts]),
        )

    def __len__(self) -> int:
        return len(self.name)


def _cut(games: list[TrackedGame], request: Request, folder: Path, *, quiet: bool) -> tuple[_Crops, list[str]]:
    """The candidates of all games, as files in `folder`, and what must be said of the films."""
    parts: list[_Crops] = []
    notes: list[str] = []
    people = number = 0
    for game in games:
        chosen = choose_candidates(
            game.tracks,
            game.identity,
            game.info.average_rate or _USUAL_RATE,
            (game.info.width, game.info.height),
            per_identity=request.per_identity,
            seconds_apart=request.seconds_apart,
        )
        frame, xyxy = game.tracks.frame[chosen.row], game.tracks.xyxy[chosen.row]
        numbers = np.arange(number, number + len(chosen))
        files = [_candidate(folder, each) for each in numbers.tolist()]
        cuts = cut_film(game.film, frame, xyxy, files, label=f"cutting {game.source.name}", quiet=quiet)
        crops = _Crops(
            number=numbers,
            identity=game.identity[chosen.row] + np.int32(people),
            track_id=game.tracks.track_id[chosen.row],
            frame=frame,
            time=cuts.time,
            quality=chosen.quality.astype(np.float64),
            sharpness=cuts.sharpness,
            xyxy=xyxy,
        )
        parts.append(crops.take(~np.isnan(cuts.time)))
        notes += [f"{game.source.name}: {note}" for note in cuts.notes]
        people, number = people + len(game.names), number + len(chosen)
    return _Crops(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Crops))), notes


def _candidate(folder: Path, number: int) -> Path:
    return folder / f"{number}.jpg"


def _best(crops: _Crops, request: Request) -> npt.NDArray[np.int64]:
    height = (crops.xyxy[:, 3] - crops.xyxy[:, 1]).astype(np.float64)
    score = score_of(crops.identity, height, crops.quality, crops.sharpness)
    return keep_best(
        crops.identity,
        crops.time,
        score,
        per_identity=request.per_identity,
        seconds_apart=request.seconds_apart,
    )


def _with_two_crops(crops: _Crops, people: _People) -> tuple[_Crops, _People]:
    """Those who have two crops at least, numbered anew, and their crops: one alone teaches nothing."""
    has_two = np.bincount(crops.identity, minlength=len(people)) >= FEWEST_ON_A_SIDE
    crops = crops.take(has_two[crops.identity])
    number = (np.cumsum(has_two) - 1).astype(np.int32)
    return replace(crops, identity=number[crops.identity]), people.take(has_two)


def _notes(games: list[TrackedGame], everybody: _People, people: _People) -> list[str]:
    notes = []
    if len(people) < len(everybody):
        left_out = len(everybody) - len(people)
        notes.append(f"{left_out:,} of {len(everybody):,} identities have fewer than two good crops and were left out")
    for index, game in enumerate(games):
        if "track" in people.kind[people.game == index]:
            notes.append(f"{game.source.name}: tracks that are not linked to players may be one and the same person's")
    return notes


def _split(crops: _Crops, people: _People, request: Request, notes: list[str]) -> tuple[Split, Int8s]:
    """How it is split, and the side of each crop, int8 (n,); adds to `notes` what must be said of it."""
    is_held_back = None
    if request.by == "identity" or (request.by == "auto" and len(people) >= FEWEST_IDENTITIES):
        share, seed = request.validation_share, request.seed
        is_held_back = split_by_identity(people.game, people.team, share=share, seed=seed)
    elif request.by == "game":
        is_held_back = split_by_game(people.game, share=request.validation_share)
        if is_held_back is None:
            hint = "pass more films, or split by identity"
            raise InputError("GAMES", "one game cannot be held back and learned from", hint=hint)
    if is_held_back is not None:
        side = np.where(is_held_back[crops.identity], VALIDATION, TRAIN).astype(np.int8)
        return _split_of(request, "game" if request.by == "game" else "identity"), side
    if request.by != "time":
        notes.append(f"split by time: {len(people)} identities are too few to hold some of them back")
    side = split_by_time(crops.identity, crops.time, share=request.validation_share, gap_seconds=request.gap_seconds)
    held_back = len(np.unique(crops.identity[side == VALIDATION]))
    if held_back < FEWEST_ON_A_SIDE:
        cause = f"{held_back} of {len(people)} identities are seen for long enough to hold back their last crops"
        hint = "pass more film, allow a smaller gap, or split by identity"
        raise InputError(request.games[0].tracks, cause, hint=hint)
    if held_back < len(people):
        brief = len(people) - held_back
        notes.append(
            f"{brief} of {len(people)} identities are seen too briefly to be split by time: they are in train only"
        )
    return _split_of(request, "time"), side


def _split_of(request: Request, by: SplitBy) -> Split:
    return Split(
        by=by,
        validation_share=request.validation_share,
        gap_seconds=request.gap_seconds if by == "time" else None,
        seed=request.seed,
    )


def _table(crops: _Crops, side: Int8s, people: _People) -> tuple[CropTable, npt.NDArray[np.int64]]:
    """crops.parquet, and which of `crops` stands in each of its rows."""
    split = [SPLITS[value == VALIDATION] for value in side.tolist()]
    columns = (split, people.name[crops.identity].tolist(), crops.frame.tolist(), crops.track_id.tolist())
    files = [f"{where}/{name}/{frame:06d}-t{track:04d}.jpg" for where, name, frame, track in zip(*columns, strict=True)]
    order = np.array(sorted(range(len(files)), key=files.__getitem__), np.int64)
    crops = crops.take(order)
    table = CropTable(
        file=tuple(files[row] for row in order.tolist()),
        split=tuple(split[row] for row in order.tolist()),
        identity=crops.identity,
        game=people.game[crops.identity],
        frame=crops.frame,
        time=crops.time,
        quality=crops.quality.astype(np.float32),
        sharpness=crops.sharpness.astype(np.float32),
        xyxy=crops.xyxy,
    )
    return table, order


def _describe(
    table: CropTable, people: _People, games: list[TrackedGame], request: Request, split: Split, notes: list[str]
) -> DatasetDescription:
    is_val = np.array(table.split) == SPLITS[1]
    train, val = (np.bincount(table.identity[rows], minlength=len(people)).tolist() for rows in (~is_val, is_val))
    columns = (people.name.tolist(), people.game.tolist(), people.kind.tolist(), train, val)
    identities = tuple(
        Identity(name=name, game=game, kind=kind, crops=SplitCounts(train=in_train, val=in_val))
        for name, game, kind, in_train, in_val in zip(*columns, strict=True)
    )
    pairs: list[tuple[int, int]] = []
    for index, game in enumerate(games):
        own = np.flatnonzero(people.game == index)
        place = people.place[own]
        first, second = np.nonzero(np.triu(game.different()[np.ix_(place, place)]))
        pairs += zip(own[first].tolist(), own[second].tolist(), strict=True)
    return DatasetDescription(
        created=datetime.now(UTC),
        code_version=__version__,
        split=split,
        choice=Choice(per_identity=request.per_identity, seconds_apart=request.seconds_apart),
        games=tuple(game.source for game in games),
        identities=identities,
        certain_negatives=tuple(pairs),
        counts=counts_of(identities),
        notes=tuple(notes),
    )


def _check(request: Request) -> None:
    """Raises InputError for what cannot be built, before anything is read."""
    if not request.games:
        raise InputError("GAMES", "are needed", hint="name a film and its tracks")
    if request.per_identity < FEWEST_ON_A_SIDE:
        raise InputError("--per-identity", f"must be at least {FEWEST_ON_A_SIDE}, not {request.per_identity}")
    if not 0 < request.validation_share < 1:
        raise InputError("--validation-share", f"must lie between 0 and 1, not {request.validation_share:g}")
    for option, seconds in (("--gap-seconds", request.gap_seconds), ("--seconds-apart", request.seconds_apart)):
        if not 0 <= seconds < math.inf:
            raise InputError(option, f"must not be negative, nor infinite, but is {seconds:g}")
    if request.seed < 0:
        raise InputError("--seed", f"must not be negative, but is {request.seed}")
    check_replaceable(request.out)
    for path in (path for game in request.games for path in (game.film, game.tracks)):
        if path.resolve().is_relative_to(request.out.resolve()):
            raise InputError(request.out, f"holds {path.name}, and would be replaced", hint="name another folder")
