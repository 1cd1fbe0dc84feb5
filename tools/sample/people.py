"""Who plays: identities, their kits and what tells teammates apart.

A team's kit is the same for all its outfield players. People differ in number, height, build, skin, hair, shade of
the helmet and stick only, so that a re-identification model has something to learn and a colour histogram has not.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator

from sample.settings import Settings

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


class Role(StrEnum):
    KEEPER = "goalkeeper"
    ATTACK = "attack"
    MIDFIELD = "midfield"
    DEFENCE = "defence"
    REFEREE = "referee"


@dataclass(frozen=True, slots=True)
class Kit:
    name: str
    jersey: Colour
    panel: Colour
    """Side panels and the yoke's edge."""
    yoke: Colour
    digits: Colour
    outline: Colour
    shorts: Colour
    socks: Colour
    helmet: Colour
    gloves: Colour
    striped: bool = False


@dataclass(frozen=True, slots=True)
class Looks:
    height: float
    """Metres, without shoes and helmet."""
    build: float
    """Width of limbs and trunk; 1 is average."""
    skin: Colour
    hair: Colour
    hair_length: float
    """0: none seen below the helmet; 1: on the shoulders."""
    helmet_shade: float
    mask: Colour
    shaft: Colour
    stick_head: Colour
    mesh: Colour
    stick_length: float
    left_handed: bool


@dataclass(frozen=True, slots=True)
class Person:
    track_id: int
    """From 1, as in the ground truth."""
    team: int
    """0 or 1; -1 for a referee."""
    role: Role
    number: int
    """-1 for a referee."""
    substitute: bool
    """Starts on the bench."""
    kit: Kit
    looks: Looks


_DARK: tuple[tuple[str, Colour], ...] = (
    ("navy", (30, 42, 96)),
    ("maroon", (118, 24, 42)),
    ("royal", (28, 72, 178)),
    ("black", (36, 36, 41)),
    ("purple", (84, 42, 138)),
    ("red", (196, 32, 44)),
)
_LIGHT: tuple[tuple[str, Colour], ...] = (
    ("white", (236, 236, 232)),
    ("gold", (244, 198, 54)),
    ("sky", (146, 200, 238)),
    ("silver", (186, 190, 196)),
    ("cream", (238, 224, 190)),
)
_KEEPER: tuple[tuple[str, Colour], ...] = (
    ("orange", (242, 120, 24)),
    ("pink", (232, 74, 150)),
    ("turquoise", (24, 178, 190)),
    ("lemon", (226, 236, 60)),
)
# Few and similar on purpose: with more of them a colour histogram alone would tell teammates apart.
_SKIN: tuple[Colour, ...] = ((232, 192, 164), (216, 168, 136), (190, 138, 104), (142, 96, 68))
_HAIR: tuple[Colour, ...] = ((34, 26, 22), (78, 50, 32), (122, 82, 48), (190, 152, 94))
_MASK: tuple[Colour, ...] = ((222, 222, 226), (44, 44, 48), (168, 172, 178))
_SHAFT: tuple[Colour, ...] = ((44, 44, 48), (206, 208, 212), (150, 154, 160), (150, 112, 76))
_STICK_HEAD: tuple[Colour, ...] = (
    (246, 246, 244),
    (246, 246, 244),
    (44, 44, 48),
    (226, 206, 60),
    (226, 116, 44),
    (70, 160, 206),
)
_MESH: tuple[Colour, ...] = ((240, 240, 236), (70, 70, 74), (206, 200, 130))
_WHITE: Colour = (240, 240, 238)
_BLACK: Colour = (32, 32, 36)


def vary(colour: Colour, factor: float) -> Colour:
    """The same hue, brighter (> 1) or darker (< 1)."""
    hue, light, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
    red, green, blue = colorsys.hls_to_rgb(hue, min(0.97, max(0.06, light * factor)), saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _distance(a: Colour, b: Colour) -> float:
    return float(np.abs(np.subtract(a, b)).sum())


def _kits(random: Generator) -> tuple[list[Kit], list[Kit], Kit]:
    """Kits of the two teams (one dark, one light), of their goalkeepers, and of the referee."""
    dark = _DARK[int(random.integers(len(_DARK)))]
    light = _LIGHT[int(random.integers(len(_LIGHT)))]
    trims = sorted((colour for _, colour in _DARK), key=lambda colour: (-_distance(colour, dark[1]), colour))
    light_trim = trims[int(random.integers(3))]
    dark_trim = [_WHITE, (240, 196, 60), (176, 206, 236)][int(random.integers(3))]
    teams = [
        Kit(dark[0], dark[1], dark_trim, dark[1], _WHITE, dark_trim, vary(dark[1], 0.8), dark_trim, dark[1], dark_trim),
        Kit(light[0], light[1], light_trim, light[1], light_trim, _WHITE, light_trim, light[1], light[1], light_trim),
    ]
    if random.random() < 0.5:
        teams.reverse()
    order = sorted(
        _KEEPER, key=lambda entry: -min(_distance(entry[1], teams[0].jersey), _distance(entry[1], teams[1].jersey))
    )
    chosen = [order[0], order[1]]
    if random.random() < 0.5:
        chosen.reverse()
    keepers = [
        Kit(name, hue, vary(hue, 0.6), hue, _BLACK, _WHITE, vary(hue, 0.45), team.socks, team.helmet, _BLACK)
        for (name, hue), team in zip(chosen, teams, strict=True)
    ]
    referee = Kit("striped", _WHITE, _BLACK, _WHITE, _BLACK, _BLACK, _BLACK, _BLACK, _BLACK, _BLACK, striped=True)
    return teams, keepers, referee


def _looks(random: Generator, role: Role) -> Looks:
    pole = {Role.DEFENCE: 1.75, Role.KEEPER: 1.25}.get(role, 1.06)

    def choose(options: tuple[Colour, ...], spread: float = 0.08) -> Colour:
        return vary(options[int(random.integers(len(options)))], 1 + spread * float(random.uniform(-1, 1)))

    return Looks(
        height=float(np.clip(random.normal(1.81, 0.065), 1.66, 1.97)),
        build=float(np.clip(random.normal(1.0, 0.075), 0.86, 1.2)),
        skin=choose(_SKIN),
        hair=choose(_HAIR),
        hair_length=float(random.choice([0.0, 0.35, 0.7, 1.0], p=[0.4, 0.3, 0.2, 0.1])),
        helmet_shade=float(random.uniform(0.88, 1.12)),
        mask=choose(_MASK, 0.05),
        shaft=choose(_SHAFT),
        stick_head=choose(_STICK_HEAD, 0.04),
        mesh=choose(_MESH, 0.05),
        stick_length=pole * float(random.uniform(0.97, 1.03)),
        left_handed=bool(random.random() < 0.3),
    )


def lines_of(players: int) -> tuple[int, int, int]:
    """How many attackers, midfielders and defenders stand in front of a goalkeeper."""
    attack = (players - 1) // 3
    return attack, players - 1 - 2 * attack, attack


def substitutes_of(players: int) -> int:
    return 2 if players >= 7 else 1


def make_people(settings: Settings) -> list[Person]:
    """Everybody of the game: team 0, team 1 (goalkeeper, defence, midfield, attack, substitutes), then the referee."""
    random = settings.random("people")
    teams, keepers, referee = _kits(random)
    attack, midfield, defence = lines_of(settings.players)
    line_up = (
        [(Role.KEEPER, False)]
        + [(Role.DEFENCE, False)] * defence
        + [(Role.MIDFIELD, False)] * midfield
        + [(Role.ATTACK, False)] * attack
        + [(Role.MIDFIELD, True)] * substitutes_of(settings.players)
    )
    people: list[Person] = []
    for team in (0, 1):
        numbers = random.choice(np.arange(1, 100), size=len(line_up), replace=False)
        for (role, substitute), number in zip(line_up, numbers, strict=True):
            kit = keepers[team] if role is Role.KEEPER else teams[team]
            looks = _looks(random, role)
            people.append(Person(len(people) + 1, team, role, int(number), substitute, kit, looks))
    people.append(Person(len(people) + 1, -1, Role.REFEREE, -1, False, referee, _looks(random, Role.REFEREE)))
    return people
