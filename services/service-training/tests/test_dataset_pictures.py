"""One picture: cut out of a frame, brought to a size, measured, stored and read back."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.dataset.pictures import cut_out, decode, encode, fit, sharpness

Image = npt.NDArray[np.uint8]
SUFFIXES = (".jpg", ".png", ".webp", ".bmp")


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def box(*edges: float) -> npt.NDArray[np.float32]:
    return np.array(edges, np.float32)


def stored(picture: Image, suffix: str) -> bytes:
    done, content = cv2.imencode(suffix, np.ascontiguousarray(picture[..., ::-1]))
    assert done
    return bytes(content)


@settings(max_examples=100, deadline=None)
@given(box=arrays(np.float32, 4, elements=st.floats(-60, 100, width=32)))
def test_what_is_cut_out_are_the_pixels_in_the_rounded_box(box: npt.NDArray[np.float32]) -> None:
    frame = noise(30, 40)
    left, top, right, bottom = (round(float(edge)) for edge in box)
    rows = [row for row in range(30) if top <= row < bottom]
    columns = [column for column in range(40) if left <= column < right]
    cut = cut_out(frame, box)
    if not rows or not columns:
        assert cut is None
    else:
        assert cut is not None
        assert np.array_equal(cut, frame[np.ix_(rows, columns)])


@pytest.mark.parametrize("edges", [(-30, 2, -5, 9), (2, -30, 9, -5), (41, 2, 50, 9), (2, 31, 9, 40), (5, 5, 5.2, 9)])
def test_a_box_that_shows_nothing_of_the_frame_gives_nothing(edges: tuple[float, float, float, float]) -> None:
    assert cut_out(noise(30, 40), box(*edges)) is None


def test_a_larger_picture_is_averaged_and_any_other_drawn_out() -> None:
    both_larger = noise(8, 4)
    blocks = both_larger.reshape(4, 2, 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(fit(both_larger, 4, 2) - blocks).max() <= 0.5
    narrower = noise(8, 2)
    assert np.array_equal(fit(narrower, 4, 4), cv2.resize(narrower, (4, 4), interpolation=cv2.INTER_LINEAR))
    assert np.array_equal(fit(both_larger, 8, 4), both_larger)


def test_a_blurred_picture_is_less_sharp_at_any_size() -> None:
    for height, width in ((40, 16), (128, 64), (300, 120)):
        picture = np.kron(noise(height // 4, width // 4), np.ones((4, 4, 1))).astype(np.uint8)
        assert sharpness(np.asarray(cv2.GaussianBlur(picture, (0, 0), 2))) < 0.5 * sharpness(picture)
    assert sharpness(np.full((50, 20, 3), 90, np.uint8)) == 0


def test_a_stored_picture_comes_back_in_its_colours() -> None:
    picture = np.full((60, 30, 3), (200, 60, 20), np.uint8)
    content = encode(picture)
    back = decode(content)
    assert not isinstance(back, str)
    assert np.abs(back.astype(int) - picture).max() <= 3
    assert content == encode(picture.copy())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_of_all_formats_are_read_as_rgb(suffix: str) -> None:
    picture = np.full((40, 20, 3), (200, 60, 20), np.uint8)
    back = decode(stored(picture, suffix))
    assert not isinstance(back, str)
    assert np.abs(back.astype(int) - picture).max() <= 8


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_that_is_cut_off_anywhere_is_none(suffix: str) -> None:
    content = stored(noise(60, 30), suffix)
    for share in (0.3, 0.9, 0.999):
        assert decode(content[: int(share * len(content))]) == "the file is cut off"


def test_zero_bytes_after_a_whole_jpeg_do_no_harm() -> None:
    content = encode(noise(60, 30))
    assert not isinstance(decode(content + bytes(100)), str)
    assert decode(content[:-200] + bytes(200)) == "the file is cut off"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"hello", "is not a picture that can be read"), (bytes(1000), "is not a picture")],
)
def test_what_is_no_picture_is_said_in_words(content: bytes, reason: str) -> None:
    found = decode(content)
    assert isinstance(found, str)
    assert found.startswith(reason)


def test_grey_and_transparent_pictures_become_three_colours() -> None:
    for picture in (np.full((20, 10), 90, np.uint8), np.full((20, 10, 4), 90, np.uint8)):
        content = bytes(cv2.imencode(".png", picture)[1])
        back = decode(content)
        assert not isinstance(back, str)
        assert back.shape == (20, 10, 3)
