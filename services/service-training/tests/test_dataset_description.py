"""dataset.json and crops.parquet: written whole, read back to the bit, and refused in one line where they are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from shared_libs.common.errors import InputError
from shared_libs.common.run import InputFile
from training.dataset.description import (
    CROPS,
    DATASET,
    Choice,
    CropTable,
    DatasetDescription,
    Identity,
    SourceGame,
    Split,
    SplitCounts,
    counts_of,
    read_dataset,
    read_description,
    write_dataset,
)

FILE = InputFile(name="clip.mp4", size=5, sha256="0" * 64)


def described(crops: list[tuple[int, int]], games: int = 1) -> DatasetDescription:
    """A description of identities with (train, val) crops each, dealt out to the games."""
    identities = tuple(
        Identity(
            name=f"game{place % games + 1}-p{place:03d}",
            game=place % games,
            kind="player",
            crops=SplitCounts(train=train, val=val),
        )
        for place, (train, val) in enumerate(crops)
    )
    pairs = [(i, j) for i in range(len(crops)) for j in range(i + 1, len(crops)) if (i - j) % games == 0]
    return DatasetDescription(
        created=datetime.now(UTC),
        code_version="1",
        split=Split(by="time", validation_share=0.2, gap_seconds=2.0, seed=3),
        choice=Choice(per_identity=60, seconds_apart=0.2),
        games=tuple(
            SourceGame(name=f"game{game + 1}", film=FILE, tracks=FILE, players=None, identity_kind="track")
            for game in range(games)
        ),
        identities=identities,
        certain_negatives=tuple(pairs),
        counts=counts_of(identities),
        notes=("a note",),
    )


def table_of(description: DatasetDescription) -> CropTable:
    rows = sorted(
        (f"{split}/{identity.name}/{frame:06d}-t0001.jpg", split, place, identity.game, frame)
        for place, identity in enumerate(description.identities)
        for split, count in (("train", identity.crops.train), ("val", identity.crops.val))
        for frame in range(count)
    )
    frame = np.array([row[4] for row in rows], np.int32)
    random = np.random.default_rng(len(rows))
    return CropTable(
        file=tuple(row[0] for row in rows),
        split=tuple(row[1] for row in rows),
        identity=np.array([row[2] for row in rows], np.int32),
        game=np.array([row[3] for row in rows], np.int32),
        frame=frame,
        time=frame / 29.97,
        quality=random.random(len(rows), np.float32),
        sharpness=random.random(len(rows), np.float32),
        xyxy=random.random((len(rows), 4), np.float32),
    )


def write(folder: Path, crops: list[tuple[int, int]]) -> DatasetDescription:
    description = described(crops)
    write_dataset(folder, description, table_of(description))
    return description


@settings(max_examples=40, deadline=None)
@given(
    crops=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8),
    games=st.integers(1, 3),
)
def test_both_files_come_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, crops: list[tuple[int, int]], games: int
) -> None:
    folder = tmp_path_factory.mktemp("set")
    description = described(crops, games)
    table = table_of(description)
    write_dataset(folder, description, table)
    again, table_again = read_dataset(folder)
    assert again == description
    assert (table_again.file, table_again.split) == (table.file, table.split)
    for field in fields(CropTable)[2:]:
        one, other = getattr(table, field.name), getattr(table_again, field.name)
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    content = (folder / CROPS).read_bytes()
    write_dataset(folder, description, table)
    assert (folder / CROPS).read_bytes() == content


def test_who_differs_for_certain_is_symmetric_and_nobody_from_themselves() -> None:
    different = described([(2, 2)] * 4, games=2).different()
    assert different.tolist() == [
        [False, False, True, False],
        [False, False, False, True],
        [True, False, False, False],
        [False, True, False, False],
    ]


def change(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(values)


def set_in(key: str, place: int, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[key][place].update(values)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (change(schema="laxai.run"), "is not a laxai.dataset document"),
        (change(schema_version=2), "has schema version 2, this program reads up to 1 – use a newer version"),
        (change(certain_negatives=[[0, 0]]), "certain_negatives: 0, 0 is not a pair of identities"),
        (change(certain_negatives=[[0, 3]]), "certain_negatives: 0, 3 is not a pair of identities"),
        (change(certain_negatives=[[1, 2], [0, 1]]), "certain_negatives must rise"),
        (set_in("identities", 1, name="game1-p000"), "identity game1-p000 stands twice"),
        (set_in("identities", 1, name="../up"), r"identities\[1\].name: string should match"),
        (set_in("identities", 1, game=1), "identity game1-p001: there is no game 1"),
        (set_in("identities", 1, crops={"train": 5, "val": 0}), "counts: are not those of the identities"),
        (set_in("identities", 1, kind="ghost"), r"identities\[1\].kind: input should be"),
        (change(split={"by": "identity", "validation_share": 0.2, "gap_seconds": 2.0, "seed": 0}), "gap_seconds"),
        (change(games=[]), "games: tuple should have at least 1 item"),
    ],
)
def test_a_wrong_description_is_refused_in_one_line(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], words: str
) -> None:
    write(tmp_path, [(2, 1), (3, 0), (2, 2)])
    document = json.loads((tmp_path / DATASET).read_text())
    spoil(document)
    (tmp_path / DATASET).write_text(json.dumps(document))
    with pytest.raises(InputError, match=words) as caught:
        read_description(tmp_path)
    assert str(caught.value).isprintable()


def test_negatives_of_two_games_are_refused() -> None:
    description = described([(2, 2)] * 4, games=2)
    with pytest.raises(ValueError, match="certain_negatives: 0, 1 are of two games"):
        DatasetDescription.model_validate({**description.model_dump(by_alias=True), "certain_negatives": ((0, 1),)})


Spoil = Callable[[pa.Table], pa.Table]


def put(name: str, row: int, value: Any) -> Spoil:
    def spoil(table: pa.Table) -> pa.Table:
        values = table.column(name).to_pylist()
        values[row] = value
        place = table.column_names.index(name)
        kind = table.schema.field(name).type
        return table.set_column(place, pa.field(name, kind), pa.array(values, kind))

    return spoil


def retyped(table: pa.Table) -> pa.Table:
    return table.set_column(4, "frame", table.column("frame").cast(pa.int64()))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (put("split", 0, "test"), "row 1: split must be one of train, val, here it is 'test'"),
        (put("file", 0, "/etc/passwd"), "row 1: file must be split/identity/name, here it is '/etc/passwd'"),
        (put("file", 0, "train/../x.jpg"), "row 1: file must be split/identity/name"),
        (put("file", 1, "train/game1-p000/000000-t0001.jpg"), "none may stand twice"),
        (put("file", 0, "train/game1-p000/"), "row 1: file must be split/identity/name"),
        (put("frame", 2, -4), "row 3: frame cannot be -4"),
        (put("time", 2, float("nan")), "row 3: time cannot be nan"),
        (put("quality", 2, None), "row 3: quality is empty – build the data set anew"),
        (put("identity", 0, 7), f"has an identity that is not in it, unlike {DATASET}"),
        (put("identity", 0, 1), "for a crop in train of game1-p001"),
        (put("game", 0, 1), "for a crop in train of game1-p000"),
        (lambda table: table.slice(1), r"has 1 \+ 1 crops of game1-p000, unlike dataset.json – the two are not of one"),
        (lambda table: table.drop_columns(["time"]), "needs one column time – build the data set anew"),
        (retyped, "column frame must be of type int32, here it is int64"),
        (lambda table: table.replace_schema_metadata({}), "it has no laxai.schema_version"),
        (lambda table: table.replace_schema_metadata({"laxai.schema_version": "2"}), "has schema version 2"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(tmp_path: Path, spoil: Spoil, words: str) -> None:
    write(tmp_path, [(2, 1), (3, 0)])
    parquet.write_table(spoil(parquet.read_table(tmp_path / CROPS)), tmp_path / CROPS)
    with pytest.raises(InputError, match=words) as caught:
        read_dataset(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / CROPS))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [DATASET, CROPS])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, [(2, 1), (3, 0)])
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=name):
        read_dataset(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{name}: no such file"):
        read_dataset(tmp_path)


def test_a_split_by_identity_has_no_gap(tmp_path: Path) -> None:
    by_identity = Split(by="identity", validation_share=0.2, gap_seconds=None, seed=3)
    description = described([(2, 0), (3, 0), (0, 2), (0, 2)]).model_copy(update={"split": by_identity})
    write_dataset(tmp_path, description, table_of(description))
    assert read_description(tmp_path).split == by_identity
