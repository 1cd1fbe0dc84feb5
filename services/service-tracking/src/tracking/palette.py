"""One colour per track, the same in the video and in the report; or one per team."""

from __future__ import annotations

from collections.abc import Iterable

RGB = tuple[int, int, int]

INK: RGB = (18, 22, 28)
PAPER: RGB = (238, 240, 243)
"""Of players whose team is not known, where others' is."""

_COLOURS = (
    "#4cc9f0", "#ffb703", "#f72585", "#b8f35a", "#c77dff", "#ff8552", "#64f4e4", "#ffe14d",
    "#ff6b8b", "#7aa2ff", "#f4a6ff", "#ffd9a0", "#9be7ff", "#ff9f1c", "#d0ff8a", "#e85dff",
)  # fmt: skip
"""Light, saturated, far from the green of a field; neighbours in the list are far apart in hue."""


def colour_of(track_id: int) -> str:
    """The colour of a track as #rrggbb. Ids that are close to each other get colours that are not."""
    return _COLOURS[(track_id - 1) % len(_COLOURS)]


def rgb_of(track_id: int) -> RGB:
    """The same as red, green and blue, 0 to 255."""
    colour = colour_of(track_id)
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def team_colours(teams: Iterable[str]) -> dict[str, RGB]:
    """A colour for each team, the teams in the order of their names."""
    return {team: rgb_of(number) for number, team in enumerate(sorted(set(teams)), 1)}
