"""One picture of one person: cut out of a frame, brought to a size, measured, stored and read back."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

QUALITY = 95
"""Of a JPEG, 0 to 100: from here on, what is lost is less than what the film has lost already."""

_SHARPNESS_HEIGHT = 128
_JPEG, _PNG, _BMP, _RIFF, _WEBP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF", b"WEBP"
_END_OF_JPEG, _END_OF_PNG = b"\xff\xd9", b"IEND\xaeB`\x82"


def cut_out(frame: Image, box: npt.NDArray[np.float32]) -> Image | None:
    """What `frame`, uint8 (h, w, 3), shows in `box` (4,), to the nearest pixels: a view; None where nothing.

    service-tracking cuts in the same way when it uses a model (`ReidModel.cut`, together with `fit`), and the two must
    agree: a model is to see what it has learned from.
    """
    rows, columns = frame.shape[:2]
    left, top, right, bottom = (max(round(float(edge)), 0) for edge in box)
    region = frame[top : min(bottom, rows), left : min(right, columns)]
    return region if region.size else None


def fit(picture: Image, height: int, width: int) -> Image:
    """`picture`, uint8 (h, w, 3), at another size: uint8 (height, width, 3).

    Pixels are averaged where it is at least as large both ways, and drawn out in straight lines otherwise. As with
    `cut_out`, service-tracking does the same, and must.
    """
    is_larger = picture.shape[0] >= height and picture.shape[1] >= width
    way = cv2.INTER_AREA if is_larger else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def sharpness(picture: Image) -> float:
    """How much fine detail `picture`, uint8 (h, w, 3) in RGB, shows: the variance of its Laplacian, in grey levels².

    Seen at a height of 128, so that sizes can be compared, as far as that goes: what was smaller has less detail.
    """
    rows, columns = picture.shape[:2]
    width = max(1, round(columns * _SHARPNESS_HEIGHT / rows))
    grey = cv2.cvtColor(fit(picture, _SHARPNESS_HEIGHT, width), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def encode(picture: Image) -> bytes:
    """`picture`, uint8 (h, w, 3) in RGB, as a JPEG."""
    is_done, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert is_done  # JPEG takes sides of up to 65,500 pixels, films have shorter ones
    return bytes(content)


def decode(content: bytes) -> Image | str:
    """The picture in a JPEG, PNG, WebP or BMP, uint8 (h, w, 3) in RGB; or why there is none, in words.

    A file that was cut off is no picture, though part of it could be shown: the rest would be grey or black.
    """
    if not content:
        return "the file is empty"
    if _is_cut_off(content):
        return "the file is cut off"
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # a size beyond all reason
        picture = None
    return np.asarray(picture[..., ::-1], np.uint8) if picture is not None else "is not a picture that can be read"


def _is_cut_off(content: bytes) -> bool:
    """Whether the end of a picture is missing; each format says in another way where that is."""
    if content.startswith(_JPEG):
        return not content.rstrip(b"\0").endswith(_END_OF_JPEG)
    if content.startswith(_PNG):
        return not content.rstrip(b"\0").endswith(_END_OF_PNG)
    if content.startswith(_BMP):
        return len(content) < int.from_bytes(content[2:6], "little")
    if content.startswith(_RIFF) and content[8:12] == _WEBP:
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    return False
