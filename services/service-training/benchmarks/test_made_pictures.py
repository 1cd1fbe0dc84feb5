"""The pictures that are made where none are at hand."""

from __future__ import annotations

from pathlib import Path

from benchmarks.made_pictures import make_pictures
from training.dataset.pictures import decode


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        make_pictures(tmp_path / name, 2, 3, seed)
    one, same, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.jpg")}
        for name in ("one", "same", "other")
    )
    assert len(one) == 6
    assert one == same
    assert set(one) == set(other) and one != other


def test_they_are_as_large_as_crops_out_of_a_film(tmp_path: Path) -> None:
    make_pictures(tmp_path, 5, 5)
    pictures = [decode(path.read_bytes()) for path in tmp_path.rglob("*.jpg")]
    shapes = [picture.shape for picture in pictures if not isinstance(picture, str)]
    assert len(shapes) == 25
    assert all(height == 2 * width and 64 <= width <= 100 for height, width, _ in shapes)
    assert len(set(shapes)) > 5
