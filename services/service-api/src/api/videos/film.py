"""What is known of a film once it has been looked at, and which films are taken."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from shared_libs.common.documents import Contract

SUFFIXES: Final = {
    "video/mp4": "mp4",
    "video/x-m4v": "m4v",
    "video/quicktime": "mov",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/x-matroska": "mkv",
    "video/matroska": "mkv",
    "video/webm": "webm",
    "video/x-msvideo": "avi",
    "video/avi": "avi",
    "video/vnd.avi": "avi",
    "video/mp2t": "ts",
    "video/vnd.dlna.mpeg-tts": "mts",
    "video/mpeg": "mpg",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "wmv",
    "video/x-ms-asf": "asf",
    "video/ogg": "ogv",
    "application/mxf": "mxf",
}
"""The content types of videos that can be read, and the usual ending of their names."""

OF_ANY_KIND: Final = "application/octet-stream"
"""What browsers call a file whose name's ending they do not know: it will show when it is looked at."""

SMALLEST_SIDE: Final = 32
LARGEST_SIDE: Final = 8192


class Film(Contract):
    """A film, as displayed.

    media_type: of the source, for players. codec: as FFmpeg calls it. width, height: pixels. duration: seconds.
    frame_count: of the frames that are shown. average_rate: frames a second. rotation: degrees clockwise by which the
    pictures are turned for display; width and height are after it. plays_in_browsers: whether all current browsers do.
    """

    media_type: Annotated[str, Field(examples=["video/mp4"])]
    codec: Annotated[str, Field(examples=["h264"])]
    width: Annotated[int, Field(examples=[1920])]
    height: Annotated[int, Field(examples=[1080])]
    duration: Annotated[float, Field(examples=[3600.2])]
    frame_count: Annotated[int, Field(examples=[107892])]
    average_rate: Annotated[float, Field(examples=[29.97])]
    rotation: Annotated[int, Field(examples=[0])]
    is_variable_rate: bool
    has_audio: bool
    plays_in_browsers: bool
