"""From joints to outlines: the polygons that a person is drawn with, in pixels.

Limbs are tapered capsules, the trunk is a stack of ellipses, the head a ball with patches on it. The same outlines are
painted (`paint`) and measured (`truth`), so the boxes are those of what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sample.camera import POSITION, View
from sample.digits import number_quads
from sample.people import Person, Role
from sample.skeleton import Anatomy, J, Skeletons

Array = npt.NDArray[np.float64]
Fixed = npt.NDArray[np.int32]

SHIFT = 4
"""Outlines are whole sixteenths of a pixel, as OpenCV's drawing takes them."""


class Limb(NamedTuple):
    """A capsule from `start` to `end`, cut to the parts between `first` and `last` of that way; radii in metres."""

    group: str
    start: str
    end: str
    first: float
    last: float
    radius_first: float
    radius_last: float
    colour: str


def _limbs() -> tuple[Limb, ...]:
    limbs = []
    for side in ("left", "right"):
        leg, arm = f"leg_{side}", f"arm_{side}"
        hip, knee, ankle = f"hip_{side}", f"knee_{side}", f"ankle_{side}"
        shoulder, elbow, hand = f"shoulder_{side}", f"elbow_{side}", f"hand_{side}"
        limbs += [
            Limb(leg, f"heel_{side}", f"toe_{side}", 0, 1, 0.046, 0.040, "shoes"),
            Limb(leg, knee, ankle, 0, 1, 0.060, 0.042, "skin"),
            Limb(leg, knee, ankle, 0.18, 0.45, 0.063, 0.060, "skin"),
            Limb(leg, knee, ankle, 0.52, 1.02, 0.056, 0.048, "socks"),
            Limb(leg, hip, knee, 0.3, 1, 0.090, 0.062, "skin"),
            Limb(leg, hip, knee, 0, 0.74, 0.122, 0.112, "shorts"),
            Limb(arm, shoulder, elbow, 0, 1, 0.060, 0.048, "skin"),
            Limb(arm, shoulder, elbow, 0.0, 0.52, 0.082, 0.074, "jersey"),
            Limb(arm, elbow, hand, 0, 1, 0.049, 0.040, "skin"),
            Limb(arm, shoulder, elbow, 0.80, 1.06, 0.060, 0.058, "pads"),
            Limb(arm, elbow, hand, 0.66, 0.84, 0.055, 0.058, "gloves"),
            Limb(arm, elbow, hand, 0.88, 1.10, 0.066, 0.060, "gloves"),
        ]
    limbs += [
        Limb("trunk", "hip_left", "hip_right", 0, 1, 0.128, 0.128, "shorts"),
        Limb("head", "neck", "head", -0.25, 0.6, 0.062, 0.056, "skin"),
    ]
    return tuple(limbs)


LIMBS = _limbs()
GROUPS = ("leg_left", "leg_right", "trunk", "arm_left", "arm_right", "head", "stick")
_DEPTHS = (
    "knee_left",
    "knee_right",
    "pelvis",
    "chest",
    "elbow_left",
    "elbow_right",
    "hand_left",
    "hand_right",
    "head",
    "butt",
    "throat",
    "tip",
)
_RINGS = ((-0.17, 0.182, 0.142), (0.14, 0.162, 0.124), (0.58, 0.198, 0.140), (0.90, 0.232, 0.140), (1.06, 0.105, 0.090))
"""The trunk: share of the way from pelvis to chest, half width and half depth in metres."""
RING_COUNT = len(_RINGS)
SIDES = 20
_TURN = np.linspace(0, 2 * np.pi, SIDES, endpoint=False)
_STRINGS = ((0.2, -0.4, 0.9, 0.6), (0.2, 0.4, 0.9, -0.6), (0.45, -0.75, 0.45, 0.75), (0.72, -1.0, 0.72, 1.0))
"""The mesh of a stick's head: from and to, each along and across."""
_HELMET = 0.142
_ARC = np.linspace(-np.pi / 2, np.pi / 2, 6)


def _cone(azimuth: float, elevation: float, wide: float, high: float, count: int = 14) -> Array:
    """Directions (count, 3) around a direction of the head, in (forward, left, up); angles in degrees."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    a = np.radians(azimuth + wide * np.cos(turn))
    e = np.radians(elevation + high * np.sin(turn))
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1)


def _band(elevations: tuple[float, float], azimuths: tuple[float, float], count: int = 7) -> Array:
    a = np.radians(np.linspace(*azimuths, count))
    turn = np.concatenate([a, a[::-1]])
    e = np.radians(np.repeat(elevations, count))
    return np.stack([np.cos(e) * np.cos(turn), np.cos(e) * np.sin(turn), np.sin(e)], -1)


def _crest(half: float, first: float, last: float, count: int = 8) -> Array:
    """A stripe over the top of the head, from elevation `first` in front to `last` (> 90: behind)."""
    e = np.radians(np.linspace(first, last, count))
    left = np.stack([np.cos(e), np.full(count, np.sin(np.radians(half))), np.sin(e)], -1)
    right = (left * (1, -1, 1))[::-1]
    both = np.concatenate([left, right])
    return np.asarray(both / np.linalg.norm(both, axis=1)[:, None], np.float64)


def _bar(elevation: float, spread: float, count: int = 7) -> Array:
    a = np.radians(np.linspace(-spread, spread, count))
    e = np.full(count, np.radians(elevation))
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], -1)


PATCHES: dict[str, Array] = {
    "crest": _crest(14, 28, 205),
    "cap": _cone(180, 90, 180, 72, 20),
    "back": _band((-42, -16), (115, 245)),
    "face": _cone(0, -14, 50, 34),
    "brim": _band((12, 27), (-66, 66)),
    "chin": _cone(0, -50, 30, 13, 10),
}
BARS: dict[str, Array] = {
    "bar_high": _bar(-6, 58),
    "bar_low": _bar(-27, 56),
    "bar_chin": _bar(-46, 42),
    "bar_middle": np.stack([np.cos(np.radians([10, -20, -52])), np.zeros(3), np.sin(np.radians([10, -20, -52]))], -1),
}


_DIRECTIONS = np.concatenate([*PATCHES.values(), *BARS.values()])
_OUTWARD = np.concatenate([np.full(sum(map(len, PATCHES.values())), 1.0), np.full(sum(map(len, BARS.values())), 1.1)])


def _rows(parts: dict[str, Array], first: int) -> dict[str, slice]:
    bounds = first + np.concatenate([[0], np.cumsum([len(part) for part in parts.values()])])
    return {name: slice(int(a), int(b)) for name, a, b in zip(parts, bounds, bounds[1:], strict=False)}


_PATCH_ROWS = _rows(PATCHES, 0)
_BAR_ROWS = _rows(BARS, sum(map(len, PATCHES.values())))


@dataclass(frozen=True, slots=True)
class Outlines:
    """One frame's people, nearest last.

    who (n,): index into the list of people; scale (n,): pixels per metre; order (n, groups): groups far to near.
    Polygons in sixteenths of a pixel: limbs (n, limbs, 12, 2), gleams the same (their sunny side), trunk
    (n, rings, sides, 2) with `trunk_seen` (n, sides) and `trunk_sun` (n, sides: cosine to the sun), helmet_disc,
    helmet_gleam, patches, bars, hair (n, k, 2), stick (n, 3, 2), stick_head (n, k, 2), mesh (n, 4, 2, 2), digits
    (n, quads, 4, 2) with `digits_seen` (n,), shadows (n, k, 12, 2). face_seen (n,): 1 where the face is turned to the
    camera, -1 where away. boxes (n, 4): left, top, right, bottom in pixels of the whole body without the stick.
    """

    who: npt.NDArray[np.int64]
    scale: Array
    order: npt.NDArray[np.int64]
    limbs: Fixed
    gleams: Fixed
    trunk: Fixed
    trunk_seen: npt.NDArray[np.bool_]
    trunk_sun: Array
    helmet_disc: Fixed
    helmet_gleam: Fixed
    patches: dict[str, Fixed]
    bars: dict[str, Fixed]
    face_seen: Array
    hair: Fixed
    stick: Fixed
    stick_head: Fixed
    mesh: Fixed
    digits: Fixed
    digits_seen: npt.NDArray[np.bool_]
    boxes: Array
    feet: Array
    """(n, 2): where each stands, in field metres."""
    shadows: Fixed
    ball_pocket: Array
    """(n, 3): where a ball in the stick lies, in field metres."""


def _fixed(pixels: Array) -> Fixed:
    return np.round(np.clip(pixels, -30000, 30000) * (1 << SHIFT)).astype(np.int32)


def _capsules(a: Array, b: Array, radius_a: Array, radius_b: Array) -> Array:
    """Outlines (..., 12, 2) of capsules between pixels a and b (..., 2)."""
    angle = np.arctan2(b[..., 1] - a[..., 1], b[..., 0] - a[..., 0])[..., None]
    end = angle + _ARC
    start = angle + np.pi + _ARC
    tip = b[..., None, :] + radius_b[..., None, None] * np.stack([np.cos(end), np.sin(end)], -1)
    tail = a[..., None, :] + radius_a[..., None, None] * np.stack([np.cos(start), np.sin(start)], -1)
    return np.concatenate([tip, tail], -2)


class Figures:
    """Makes outlines of everybody; `sun` (3,) is the direction towards the sun in field coordinates."""

    def __init__(self, people: list[Person], sun: Array) -> None:
        self.people = people
        self.sun = sun
        self.anatomy = Anatomy(people)
        self.start = np.array([J[limb.start] for limb in LIMBS])
        self.end = np.array([J[limb.end] for limb in LIMBS])
        self.cut = np.array([(limb.first, limb.last) for limb in LIMBS])
        self.radii = np.array([(limb.radius_first, limb.radius_last) for limb in LIMBS])
        quads = [number_quads(person.number) for person in people]
        most = max(len(quad) for quad in quads)
        self.quads = np.zeros((len(people), most, 4, 2))
        for row, quad in zip(self.quads, quads, strict=True):
            row[: len(quad)] = quad
            row[len(quad) :] = quad[:1] if len(quad) else 0.0
        self.numbered = np.array([person.number >= 0 for person in people])
        self.hair = np.array([person.looks.hair_length for person in people])
        self.keeper = np.array([person.role is Role.KEEPER for person in people])
        self.cast = [
            k for k, limb in enumerate(LIMBS) if limb.colour in ("skin", "shorts", "jersey") and limb.group != "head"
        ]

    def at(self, view: View, skeletons: Skeletons) -> Outlines:
        width, height = view.size
        rough, depth = view.project(skeletons.joints[:, J["pelvis"]])
        reach = 2.0 * view.focal / depth
        inside = (
            (rough[:, 0] > -reach)
            & (rough[:, 0] < width + reach)
            & (rough[:, 1] > -reach)
            & (rough[:, 1] < height + reach)
            & (depth > 3.0)
        )
        who = np.flatnonzero(inside)
        who = who[np.argsort(-depth[who], kind="stable")]
        joints = skeletons.joints[who]
        axes = (skeletons.trunk_forward[who], skeletons.trunk_left[who], skeletons.trunk_up[who])
        head_axes = np.stack([skeletons.head_forward[who], skeletons.head_left[who], skeletons.head_up[who]], 1)
        body = self.anatomy.scale[who]
        build = self.anatomy.build[who]
        to_camera = POSITION - joints[:, J["chest"]]
        to_camera /= np.linalg.norm(to_camera, axis=1)[:, None]

        first = joints[:, self.start] + self.cut[:, 0, None] * (joints[:, self.end] - joints[:, self.start])
        last = joints[:, self.start] + self.cut[:, 1, None] * (joints[:, self.end] - joints[:, self.start])
        first_pixel, first_depth = view.project(first)
        last_pixel, last_depth = view.project(last)
        thick = (body * build)[:, None]
        radius_first = self.radii[:, 0] * thick * view.focal / first_depth
        radius_last = self.radii[:, 1] * thick * view.focal / last_depth
        limbs = _capsules(first_pixel, last_pixel, radius_first, radius_last)
        toward_sun = view.rotation @ self.sun
        glint = toward_sun[:2] / max(float(np.hypot(*toward_sun[:2])), 1e-6) * 0.36
        gleams = _capsules(
            first_pixel + glint * radius_first[..., None],
            last_pixel + glint * radius_last[..., None],
            0.62 * radius_first,
            0.62 * radius_last,
        )

        trunk, seen, sunny = self._trunk(view, joints, axes, body, build)
        digits, digits_seen = self._digits(view, who, joints, axes, body, build, to_camera)

        head = joints[:, J["head"]]
        centre, head_depth = view.project(head)
        scale = view.focal / head_depth
        helmet_radius = _HELMET * body**0.5 * scale
        disc = centre[:, None] + helmet_radius[:, None, None] * np.stack([np.cos(_TURN), 1.04 * np.sin(_TURN)], -1)
        gleam = (
            centre[:, None]
            + (0.9 * glint * helmet_radius[:, None])[:, None]
            + 0.55 * helmet_radius[:, None, None] * np.stack([np.cos(_TURN), np.sin(_TURN)], -1)
        )
        on_head = self._on_head(view, head, head_axes, to_camera, body)
        patches = {name: on_head[:, where] for name, where in _PATCH_ROWS.items()}
        bars = {name: on_head[:, where] for name, where in _BAR_ROWS.items()}
        face_seen = (head_axes[:, 0] * to_camera).sum(1)
        nape = head - 0.085 * head_axes[:, 0] - 0.07 * head_axes[:, 2]
        ends = nape - (0.03 + 0.20 * self.hair[who])[:, None] * (0.8 * axes[2] + 0.25 * head_axes[:, 0])
        nape_pixel, _ = view.project(nape)
        ends_pixel, _ = view.project(ends)
        thickness = 0.07 * scale * (self.hair[who] > 0)
        hair = _capsules(nape_pixel, ends_pixel, thickness, 0.6 * thickness)

        stick_points = joints[:, [J["butt"], J["throat"], J["tip"]]]
        stick, _ = view.project(stick_points)
        outline, mesh, pocket = self._stick_head(view, who, stick_points, to_camera)

        every = np.concatenate([limbs.reshape(len(who), -1, 2), trunk.reshape(len(who), -1, 2), disc, hair], 1)
        boxes = np.concatenate([every.min(1), every.max(1)], 1) + 0.5

        joint_depth = (joints - POSITION) @ view.rotation[2]
        depth_of = {name: joint_depth[:, J[name]] for name in _DEPTHS}
        keys = np.stack(
            [
                depth_of["knee_left"] + 0.5,
                depth_of["knee_right"] + 0.5,
                0.4 * depth_of["pelvis"] + 0.6 * depth_of["chest"],
                0.5 * (depth_of["elbow_left"] + depth_of["hand_left"]),
                0.5 * (depth_of["elbow_right"] + depth_of["hand_right"]),
                depth_of["head"] - 0.12,
                (depth_of["butt"] + depth_of["throat"] + depth_of["tip"]) / 3 - 0.02,
            ],
            1,
        )
        return Outlines(
            who=who,
            scale=scale,
            order=np.argsort(-keys, axis=1, kind="stable"),
            limbs=_fixed(limbs),
            gleams=_fixed(gleams),
            trunk=_fixed(trunk),
            trunk_seen=seen,
            trunk_sun=sunny,
            helmet_disc=_fixed(disc),
            helmet_gleam=_fixed(gleam),
            patches=patches,
            bars=bars,
            face_seen=face_seen,
            hair=_fixed(hair),
            stick=_fixed(stick),
            stick_head=outline,
            mesh=mesh,
            digits=digits,
            digits_seen=digits_seen,
            boxes=boxes,
            feet=joints[:, J["pelvis"], :2],
            shadows=self._shadows(view, joints, first[:, self.cast], last[:, self.cast], body),
            ball_pocket=pocket,
        )

    def _surface(
        self,
        joints: Array,
        axes: tuple[Array, Array, Array],
        body: Array,
        build: Array,
        height: Array,
        angle: Array,
    ) -> Array:
        """Points (n, ..., 3) on the trunk at shares of its height and angles from the front, both (n or 1, ...)."""
        levels = np.array(_RINGS)
        extra = (1,) * (height.ndim - 1)
        wide = np.interp(height, levels[:, 0], levels[:, 1]) * (body * build).reshape(-1, *extra)
        deep = np.interp(height, levels[:, 0], levels[:, 2]) * (body * build).reshape(-1, *extra)

        def spread(vector: Array) -> Array:
            return vector.reshape(len(vector), *extra, 3)

        pelvis, chest = spread(joints[:, J["pelvis"]]), spread(joints[:, J["chest"]])
        middle = pelvis + height[..., None] * (chest - pelvis)
        return np.asarray(
            middle
            + (deep * np.cos(angle))[..., None] * spread(axes[0])
            + (wide * np.sin(angle))[..., None] * spread(axes[1]),
            np.float64,
        )

    def _trunk(
        self, view: View, joints: Array, axes: tuple[Array, Array, Array], body: Array, build: Array
    ) -> tuple[Array, npt.NDArray[np.bool_], Array]:
        heights = np.array([ring[0] for ring in _RINGS])
        grid_height, grid_angle = np.broadcast_arrays(heights[None, :, None], _TURN[None, None, :])
        points = self._surface(joints, axes, body, build, np.asarray(grid_height), np.asarray(grid_angle))
        pixels, _ = view.project(points)
        middle = _TURN + np.pi / SIDES
        normal = (
            np.cos(middle)[None, :, None] * axes[0][:, None] / 0.75 + np.sin(middle)[None, :, None] * axes[1][:, None]
        )
        normal = normal + 0.15 * axes[2][:, None]
        normal /= np.linalg.norm(normal, axis=-1)[..., None]
        level = RING_COUNT // 2
        nxt = np.roll(pixels, -1, axis=2)
        edge = nxt[:, level] - pixels[:, level]
        rise = pixels[:, level + 1] - pixels[:, level]
        seen = edge[..., 0] * rise[..., 1] - edge[..., 1] * rise[..., 0] > 0
        return pixels, seen, normal @ self.sun

    def _digits(
        self,
        view: View,
        who: npt.NDArray[np.int64],
        joints: Array,
        axes: tuple[Array, Array, Array],
        body: Array,
        build: Array,
        to_camera: Array,
    ) -> tuple[Fixed, npt.NDArray[np.bool_]]:
        facing = (axes[0] * to_camera).sum(1)
        back = facing < 0
        quads = self.quads[who]
        # Quads are in metres around the middle of the number; turned into angle and height on the trunk.
        radius = 0.19 * build * body
        angle = np.where(back, np.pi, 0.0)[:, None, None] + quads[..., 0] / radius[:, None, None]
        height = np.where(back, 0.52, 0.50)[:, None, None] + quads[..., 1] / (0.5 * body)[:, None, None]
        points = self._surface(joints, axes, body, build, height, angle)
        pixels, _ = view.project(points)
        return _fixed(pixels), self.numbered[who] & (np.abs(facing) > 0.22)

    def _on_head(self, view: View, head: Array, axes: Array, to_camera: Array, body: Array) -> Fixed:
        """Pixels (n, k, 2) of all patches and bars; what lies behind the head's rim is slid onto the rim."""
        normal = np.einsum("kc,ncd->nkd", _DIRECTIONS, axes)
        toward = (normal * to_camera[:, None]).sum(-1)
        normal -= np.minimum(toward, 0.0)[..., None] * to_camera[:, None]
        normal /= np.maximum(np.sqrt((normal * normal).sum(-1)), 1e-6)[..., None]
        radius = (_HELMET * body**0.5)[:, None] * _OUTWARD
        pixels, _ = view.project(head[:, None] + radius[..., None] * normal)
        return _fixed(pixels)

    def _stick_head(
        self, view: View, who: npt.NDArray[np.int64], stick: Array, to_camera: Array
    ) -> tuple[Fixed, Fixed, Array]:
        along = stick[:, 2] - stick[:, 1]
        length = np.linalg.norm(along, axis=1)[:, None]
        direction = along / np.maximum(length, 1e-6)
        # The head is turned half towards the camera, so that it is seen as a head.
        across = np.cross(direction, to_camera + np.array([0.3, 0.2, 0.1]))
        across /= np.maximum(np.linalg.norm(across, axis=1)[:, None], 1e-6)
        half = np.where(self.keeper[who], 0.15, 0.085)[:, None]
        shape = ((0.0, 0.12), (0.30, 0.55), (0.72, 1.0), (0.93, 0.85), (1.0, 0.0))
        right = [stick[:, 1] + a * along + b * half * across for a, b in shape]
        left = [stick[:, 1] + a * along - b * half * across for a, b in shape[::-1][1:]]
        outline, _ = view.project(np.stack(right + left, 1))
        net = []
        for a, b, c, d in _STRINGS:
            net.append(
                np.stack([stick[:, 1] + a * along + b * half * across, stick[:, 1] + c * along + d * half * across], 1)
            )
        mesh, _ = view.project(np.stack(net, 1))
        return _fixed(outline), _fixed(mesh), stick[:, 1] + 0.55 * along

    def _shadows(self, view: View, joints: Array, first: Array, last: Array, body: Array) -> Fixed:
        """What the limbs, trunk and head throw on the grass: (n, k, 12, 2)."""
        extra_first = np.stack([joints[:, J["pelvis"]], joints[:, J["head"]], joints[:, J["butt"]]], 1)
        extra_last = np.stack([joints[:, J["chest"]], joints[:, J["head"]] + 1e-3, joints[:, J["tip"]]], 1)
        a, b = np.concatenate([first, extra_first], 1), np.concatenate([last, extra_last], 1)
        radius = np.array([0.085] * first.shape[1] + [0.19, 0.15, 0.02]) * body[:, None]
        slope = self.sun[:2] / self.sun[2]
        ground_a = a[..., :2] - slope * a[..., 2:]
        ground_b = b[..., :2] - slope * b[..., 2:]
        flat = _capsules(ground_a, ground_b, radius, radius)
        points = np.concatenate([flat, np.zeros((*flat.shape[:-1], 1))], -1)
        pixels, _ = view.project(points)
        return _fixed(pixels)
