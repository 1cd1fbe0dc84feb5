"""Paints one person's outlines into a picture, group by group from far to near."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sample.figure import GROUPS, LIMBS, SHIFT, SIDES, Outlines
from sample.people import Colour, Person, Role, vary

Image = npt.NDArray[np.uint8]
_Paint = tuple[int, int, int]
_GROUP_LIMBS = [[k for k, limb in enumerate(LIMBS) if limb.group == group] for group in GROUPS]
_SHOES: Colour = (46, 46, 50)
_PADS: Colour = (58, 58, 64)


_LEVELS = 96
_BRIGHTEST = 1.5


class _Palette:
    """The colours of one person at every brightness from 0 to 1.5, made once: drawing only looks them up."""

    def __init__(self, colour: Colour, tint: npt.NDArray[np.float64]) -> None:
        factors = np.linspace(0, _BRIGHTEST, _LEVELS + 1)[:, None]
        table = np.clip(np.array(colour) * tint * factors, 0, 255).astype(int)
        self.table: list[_Paint] = [(int(r), int(g), int(b)) for r, g, b in table]

    def __call__(self, light: float) -> _Paint:
        return self.table[min(_LEVELS, int(light * (_LEVELS / _BRIGHTEST) + 0.5))]


class Painter:
    """Holds one person's colours."""

    def __init__(self, person: Person, tint: npt.NDArray[np.float64]) -> None:
        kit, looks = person.kit, person.looks
        self.person = person

        def palette(colour: Colour) -> _Palette:
            return _Palette(colour, tint)

        self.helmet = palette(vary(kit.helmet, looks.helmet_shade))
        self.shadowed_skin = palette(vary(looks.skin, 0.82))
        self.skin, self.hair, self.mask = palette(looks.skin), palette(looks.hair), palette(looks.mask)
        self.shaft, self.stick_head, self.mesh = palette(looks.shaft), palette(looks.stick_head), palette(looks.mesh)
        self.jersey, self.yoke, self.panel = palette(kit.jersey), palette(kit.yoke), palette(kit.panel)
        self.digits, self.outline = palette(kit.digits), palette(kit.outline)
        self.has_yoke, self.has_outline = kit.yoke != kit.jersey, kit.outline != kit.jersey
        colours: dict[str, Colour] = {
            "skin": looks.skin,
            "jersey": kit.jersey,
            "shorts": kit.shorts,
            "socks": kit.socks,
            "gloves": kit.gloves,
            "pads": _PADS,
            "shoes": _SHOES,
        }
        if person.role is Role.REFEREE:
            colours |= {"gloves": looks.skin, "pads": looks.skin}
        palettes = {name: palette(colour) for name, colour in colours.items()}
        self.limbs = [palettes[limb.colour] for limb in LIMBS]
        # Panels run down the sides; a referee's shirt has stripes all around.
        angle = (np.arange(SIDES) + 0.5) / SIDES * 2 * np.pi
        side = np.abs(np.sin(angle)) > 0.93
        self.trunk = [self.panel if on_side else self.jersey for on_side in side]
        if kit.striped:
            self.trunk = [self.panel if k % 3 == 0 else self.jersey for k in range(SIDES)]

    def paint(self, picture: Image, outlines: Outlines, row: int, light: float) -> None:
        """Draw row `row` of `outlines`; `light` is the brightness where the person stands."""
        for group in outlines.order[row].tolist():
            name = GROUPS[group]
            if name == "stick":
                if self.person.team >= 0:
                    self._stick(picture, outlines, row, light)
                continue
            if name == "head":
                self._limb_group(picture, outlines, row, group, light)
                if self.person.role is Role.REFEREE:
                    self._capped_head(picture, outlines, row, light)
                else:
                    self._head(picture, outlines, row, light)
                continue
            self._limb_group(picture, outlines, row, group, light)
            if name == "trunk":
                self._trunk(picture, outlines, row, light)

    def _limb_group(self, picture: Image, outlines: Outlines, row: int, group: int, light: float) -> None:
        limbs, gleams = outlines.limbs[row], outlines.gleams[row]
        gleaming = outlines.scale[row] > 22
        for k in _GROUP_LIMBS[group]:
            colour = self.limbs[k]
            cv2.fillConvexPoly(picture, limbs[k], colour(0.74 * light), cv2.LINE_AA, SHIFT)
            if gleaming:
                cv2.fillConvexPoly(picture, gleams[k], colour(1.02 * light), cv2.LINE_AA, SHIFT)

    def _trunk(self, picture: Image, outlines: Outlines, row: int, light: float) -> None:
        rings = outlines.trunk[row]
        sun = np.clip(outlines.trunk_sun[row], 0, 1)
        seen = np.flatnonzero(outlines.trunk_seen[row]).tolist()
        base = cv2.convexHull(rings[1:4].reshape(-1, 2))
        cv2.fillConvexPoly(picture, base, self.jersey(0.8 * light), cv2.LINE_AA, SHIFT)
        levels = len(rings)
        yoke = self.has_yoke
        for k in seen:
            nxt, over = (k + 1) % SIDES, (k + 1) % SIDES
            colour = self.trunk[k]
            shade = (0.66 + 0.42 * float(sun[k])) * light
            top = levels - 1 if not yoke else levels - 2
            strip = np.concatenate([rings[: top + 1, k], rings[top::-1, over]])
            cv2.fillPoly(picture, [strip], colour(shade), cv2.LINE_AA, SHIFT)
            if yoke:
                cap = np.stack([rings[top, k], rings[top + 1, k], rings[top + 1, nxt], rings[top, nxt]])
                cv2.fillConvexPoly(picture, cap, self.yoke(shade * 1.05), cv2.LINE_AA, SHIFT)
        top_ring = cv2.convexHull(rings[-1])
        cv2.fillConvexPoly(picture, top_ring, self.yoke(0.95 * light), cv2.LINE_AA, SHIFT)
        if outlines.digits_seen[row] and outlines.scale[row] > 18:
            quads = list(outlines.digits[row])
            if outlines.scale[row] > 58 and self.has_outline:
                cv2.polylines(picture, quads, True, self.outline(0.9 * light), 2, cv2.LINE_AA, SHIFT)
            digits = self.digits(0.97 * light)
            for quad in quads:
                cv2.fillConvexPoly(picture, quad, digits, cv2.LINE_AA, SHIFT)

    def _head(self, picture: Image, outlines: Outlines, row: int, light: float) -> None:
        patches = outlines.patches
        facing = float(outlines.face_seen[row])
        hairy = self.person.looks.hair_length > 0
        if hairy and facing > 0.1:
            self._hair(picture, outlines, row, light)
        cv2.fillConvexPoly(picture, outlines.helmet_disc[row], self.helmet(0.76 * light), cv2.LINE_AA, SHIFT)
        cv2.fillConvexPoly(picture, outlines.helmet_gleam[row], self.helmet(1.06 * light), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(picture, [patches["crest"][row]], self.panel(0.92 * light), cv2.LINE_AA, SHIFT)
        if facing > -0.75:
            cv2.fillPoly(picture, [patches["face"][row]], self.shadowed_skin(0.86 * light), cv2.LINE_AA, SHIFT)
            cv2.fillPoly(picture, [patches["brim"][row]], self.helmet(0.5 * light), cv2.LINE_AA, SHIFT)
            cv2.fillPoly(picture, [patches["chin"][row]], self.mask(0.7 * light), cv2.LINE_AA, SHIFT)
            if outlines.scale[row] > 26:
                width = max(1, round(float(outlines.scale[row]) * 0.014))
                bars = [bar[row] for bar in outlines.bars.values()]
                cv2.polylines(picture, bars, False, self.mask(0.9 * light), width, cv2.LINE_AA, SHIFT)
        if facing < 0.3:
            cv2.fillPoly(picture, [patches["back"][row]], self.helmet(0.5 * light), cv2.LINE_AA, SHIFT)
        if hairy and facing <= 0.1:
            self._hair(picture, outlines, row, light)

    def _capped_head(self, picture: Image, outlines: Outlines, row: int, light: float) -> None:
        patches = outlines.patches
        disc = outlines.helmet_disc[row]
        cv2.fillConvexPoly(picture, disc, self.skin(0.8 * light), cv2.LINE_AA, SHIFT)
        if outlines.face_seen[row] > -0.2:
            cv2.fillPoly(picture, [patches["face"][row]], self.skin(1.0 * light), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(picture, [patches["back"][row]], self.hair(light), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(picture, [patches["cap"][row]], self.helmet(1.1 * light), cv2.LINE_AA, SHIFT)
        if outlines.face_seen[row] > -0.6:
            cv2.fillPoly(picture, [patches["brim"][row]], self.helmet(0.7 * light), cv2.LINE_AA, SHIFT)

    def _hair(self, picture: Image, outlines: Outlines, row: int, light: float) -> None:
        colour = self.hair(0.95 * light)
        cv2.fillConvexPoly(picture, outlines.hair[row], colour, cv2.LINE_AA, SHIFT)

    def _stick(self, picture: Image, outlines: Outlines, row: int, light: float) -> None:
        scale = float(outlines.scale[row])
        shaft = outlines.stick[row]
        thick = max(1, round(scale * 0.034))
        cv2.polylines(picture, [shaft[:2]], False, self.shaft(0.95 * light), thick, cv2.LINE_AA, SHIFT)
        mesh = self.mesh(0.9 * light)
        cv2.polylines(picture, list(outlines.mesh[row]), False, mesh, 1, cv2.LINE_AA, SHIFT)
        rim = max(1, round(scale * 0.03))
        cv2.polylines(picture, [outlines.stick_head[row]], True, self.stick_head(light), rim, cv2.LINE_AA, SHIFT)


def silhouette(
    mask: Image, outlines: Outlines, row: int, value: int, offset: tuple[int, int] = (0, 0), reduce: int = 0
) -> None:
    """Fill everything of a person but the stick with `value`.

    offset: pixels to the right and down, before `mask` is taken as 2 ** `reduce` times smaller than the picture.
    """
    move = np.array(offset, np.int32) << SHIFT
    rings = outlines.trunk[row] + move
    parts = [*(outlines.limbs[row] + move), outlines.helmet_disc[row] + move, outlines.hair[row] + move]
    parts += [cv2.convexHull(rings[part].reshape(-1, 2)) for part in (slice(1, 4), slice(0, 2), slice(3, None))]
    for part in parts:
        cv2.fillConvexPoly(mask, part, value, cv2.LINE_8, SHIFT + reduce)
