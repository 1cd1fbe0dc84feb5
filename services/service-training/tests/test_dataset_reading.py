"""Pictures on disk into memory: data sets, folders of people, and whatever is wrong with either."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from shared_libs.common.errors import InputError, OutputError
from training.dataset import reading
from training.dataset.pictures import encode, fit
from training.dataset.reading import read_crops

Image = npt.NDArray[np.uint8]


def picture(person: int, number: int = 0, height: int = 40, width: int = 20) -> Image:
    """Of one colour for each person and number, so that it can be known again."""
    return np.full((height, width, 3), (40 * person + 10, 20 * number + 10, 100), np.uint8)


def put(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(cv2.imencode(path.suffix.lower(), np.ascontiguousarray(image[..., ::-1]))[1]))


def people(folder: Path, count: int, pictures: int = 2) -> None:
    """Folders person0, person1, … of PNG files, which lose nothing."""
    for person in range(count):
        for number in range(pictures):
            put(folder / f"person{person}" / f"{number}.png", picture(person, number))


def test_a_folder_of_people_is_read_whole(tmp_path: Path) -> None:
    people(tmp_path, 3)
    crops, problems = read_crops(tmp_path, height=32, width=16, quiet=True)
    assert problems == ()
    assert crops.pictures.shape == (6, 32, 16, 3)
    assert crops.identities == ("person0", "person1", "person2")
    assert crops.names == tuple(f"person{person}/{number}.png" for person in range(3) for number in range(2))
    assert crops.identity.tolist() == [0, 0, 1, 1, 2, 2]
    assert crops.game.tolist() == [0, 0, 0]
    assert np.isnan(crops.time).all()
    assert np.array_equal(crops.different, ~np.eye(3, dtype=bool))
    for row, (person, number) in enumerate((person, number) for person in range(3) for number in range(2)):
        assert (crops.pictures[row] == picture(person, number)[0, 0]).all()


def test_pictures_are_brought_to_size_as_crops_are(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    given = {
        f"{person}/{height}.png": random.integers(0, 256, (height, 30, 3), np.uint8)
        for person in range(2)
        for height in (20, 90)
    }
    for name, image in given.items():
        put(tmp_path / name, image)
    crops, _ = read_crops(tmp_path, height=48, width=24, quiet=True)
    for name, found in zip(crops.names, crops.pictures, strict=True):
        assert np.array_equal(found, fit(given[name], 48, 24))


def test_all_usual_formats_are_read_and_other_files_passed_over(tmp_path: Path) -> None:
    for suffix in (".jpg", ".JPG", ".jpeg", ".png", ".PNG", ".webp", ".bmp"):
        for person in ("ann", "bob"):
            put(tmp_path / person / f"a{suffix}", picture(1))
    (tmp_path / "ann" / "Thumbs.db").write_text("?")
    (tmp_path / "ann" / "._a.jpg").write_text("?")
    (tmp_path / ".DS_Store").write_text("?")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "README.txt").write_text("?")
    (tmp_path / "nobody").mkdir()
    crops, problems = read_crops(tmp_path, quiet=True)
    assert (len(crops), problems, crops.identities) == (14, (), ("ann", "bob"))


def test_train_and_val_below_a_folder_are_its_parts(tmp_path: Path) -> None:
    people(tmp_path / "train", 3)
    people(tmp_path / "val", 2)
    train, _ = read_crops(tmp_path, "train", quiet=True)
    val, _ = read_crops(tmp_path, "val", quiet=True)
    both, _ = read_crops(tmp_path, quiet=True)
    assert (len(train), len(val), len(both)) == (6, 4, 10)
    assert train.names[0] == "train/person0/0.png"
    assert both.identities == ("person0", "person1", "person2")
    assert both.names[:4] == ("train/person0/0.png", "train/person0/1.png", "val/person0/0.png", "val/person0/1.png")


def test_a_folder_that_is_not_split_is_split_by_people_always_in_the_same_way(tmp_path: Path) -> None:
    people(tmp_path, 15)
    train, _ = read_crops(tmp_path, "train", quiet=True)
    val, _ = read_crops(tmp_path, "val", quiet=True)
    assert (len(train.identities), len(val.identities)) == (12, 3)
    assert not {*train.identities} & {*val.identities}
    again, _ = read_crops(tmp_path, "val", quiet=True)
    assert again.identities == val.identities


def test_what_cannot_be_read_is_left_out_and_said_by_name(tmp_path: Path) -> None:
    people(tmp_path, 3, pictures=3)
    whole = encode(np.random.default_rng(0).integers(0, 256, (60, 30, 3), np.uint8))
    (tmp_path / "person2" / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "person0" / "z.jpg").write_bytes(b"")
    (tmp_path / "person0" / "m.webp").write_text("hello")
    (tmp_path / "person1" / "0.png").unlink()
    (tmp_path / "person1" / "0.png").symlink_to("/nowhere/at/all")
    crops, problems = read_crops(tmp_path, quiet=True)
    assert problems == (
        "person0/m.webp: is not a picture that can be read",
        "person0/z.jpg: the file is empty",
        "person1/0.png: cannot be read: No such file or directory",
        "person2/b.jpg: the file is cut off",
    )
    assert len(crops) == 8
    for name, person, found in zip(crops.names, crops.identity, crops.pictures, strict=True):
        assert (found == picture(int(person), int(Path(name).stem))[0, 0]).all()


def test_people_of_whom_nothing_can_be_read_are_not_among_the_identities(tmp_path: Path) -> None:
    people(tmp_path, 4, pictures=1)
    (tmp_path / "person1" / "0.png").write_bytes(b"")
    crops, problems = read_crops(tmp_path, quiet=True)
    assert crops.identities == ("person0", "person2", "person3")
    assert crops.identity.tolist() == [0, 1, 2]
    assert crops.different.shape == (3, 3)
    assert problems == ("person1/0.png: the file is empty",)


def test_many_pictures_are_kept_in_a_file_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people(tmp_path, 3, pictures=3)
    (tmp_path / "person0" / "0.png").write_bytes(b"")
    in_memory, _ = read_crops(tmp_path, quiet=True)
    monkeypatch.setattr(reading, "_LARGEST_IN_MEMORY", 1000)
    in_file, _ = read_crops(tmp_path, quiet=True)
    assert isinstance(in_file.pictures, np.memmap)
    assert not isinstance(in_memory.pictures, np.memmap)
    assert np.array_equal(in_file.pictures, in_memory.pictures)


def test_no_room_for_that_file_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people(tmp_path, 2)
    monkeypatch.setattr(reading, "_LARGEST_IN_MEMORY", 1000)
    with pytest.raises(OutputError, match="cannot be written"):
        read_crops(tmp_path, height=2**25, width=2**25, quiet=True)  # 2**54 bytes, beyond any file system


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "holds no pictures – expected are folders of pictures, one for each person"),
        (("ann/a.txt", "bob/b.txt"), "holds no pictures"),
        (("a.png", "bob/b.png"), "a.png: is a picture outside of any person's folder – expected are"),
        (("train/a.png", "train/bob/b.png"), "train/a.png: is a picture outside of any person's folder"),
        (("ann/day1/a.png", "ann/b.png", "bob/b.png"), "ann/day1: is a folder in a person's folder – expected are"),
        (("ann/a.png", "ann/b.png"), "has pictures of one person only, ann"),
    ],
)
def test_what_is_not_as_expected_is_said_in_one_line(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    for name in names:
        path = tmp_path / name
        if path.suffix == ".png":
            put(path, picture(1))
        else:
            path.parent.mkdir()
            path.write_text("?")
    with pytest.raises(InputError, match=words):
        read_crops(tmp_path, quiet=True)


def test_a_missing_folder_or_part_is_named(tmp_path: Path) -> None:
    people(tmp_path / "train", 3)
    with pytest.raises(InputError, match="none: no such folder"):
        read_crops(tmp_path / "none")
    with pytest.raises(InputError, match="has train, but not val"):
        read_crops(tmp_path, "val")
    (tmp_path / "val").mkdir()
    with pytest.raises(InputError, match="val: holds no pictures"):
        read_crops(tmp_path, "val")
    with pytest.raises(InputError, match="is a file, not a folder"):
        read_crops(tmp_path / "train" / "person0" / "0.png")
    with pytest.raises(InputError, match="has the pictures of 3 people: too few to hold some back"):
        read_crops(tmp_path / "train", "val")


def test_pictures_that_are_all_broken_are_an_error(tmp_path: Path) -> None:
    for person in ("ann", "bob"):
        (tmp_path / person).mkdir()
        (tmp_path / person / "a.jpg").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"none of its 2 pictures can be read, the first since: ann/a.jpg: the file is"
    ):
        read_crops(tmp_path, quiet=True)
