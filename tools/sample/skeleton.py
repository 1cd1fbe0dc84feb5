"""From where people are to how they stand: joints in metres.

Local axes of a person: forward (where the hips face), left, up. Hands follow the stick; elbows follow by inverse
kinematics; legs swing with the stride and are placed so that the lower foot touches the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample.people import Person, Role
from sample.play import STEP, Play, Pose

Array = npt.NDArray[np.float64]

POSES: dict[Pose, tuple[float, ...]] = {
    # lower hand (forward, left, up), upper hand (forward, left, up), crouch, bend: metres from between the shoulders
    # of a right-handed person of 1.80 m; crouch 0 to 1, bend of the trunk in radians.
    Pose.RUN: (0.24, 0.17, -0.40, 0.30, -0.15, -0.16, 0.10, 0.06),
    Pose.CRADLE: (0.26, -0.02, -0.36, 0.22, -0.24, -0.02, 0.12, 0.08),
    Pose.WIND_UP: (0.28, -0.12, -0.10, -0.02, -0.38, 0.12, 0.18, -0.02),
    Pose.FOLLOW_THROUGH: (0.22, 0.14, -0.36, 0.50, 0.02, -0.20, 0.15, 0.30),
    Pose.CATCH: (0.28, -0.10, -0.26, 0.30, -0.22, 0.10, 0.12, 0.04),
    Pose.SCOOP: (0.22, -0.06, -0.52, 0.46, -0.14, -0.60, 0.62, 0.75),
    Pose.CHECK: (0.24, 0.12, -0.36, 0.52, -0.03, -0.24, 0.30, 0.18),
    Pose.GOALKEEPER: (0.32, 0.10, -0.34, 0.36, -0.12, -0.02, 0.42, 0.20),
    Pose.FACE_OFF: (0.30, 0.26, -0.60, 0.42, -0.10, -0.62, 0.85, 0.95),
    Pose.IDLE: (0.20, -0.20, -0.46, 0.20, -0.22, -0.20, 0.02, 0.02),
}
_TABLE = np.array([POSES[pose] for pose in Pose])

JOINTS = (
    "pelvis",
    "chest",
    "neck",
    "head",
    "hip_left",
    "hip_right",
    "knee_left",
    "knee_right",
    "ankle_left",
    "ankle_right",
    "heel_left",
    "heel_right",
    "toe_left",
    "toe_right",
    "shoulder_left",
    "shoulder_right",
    "elbow_left",
    "elbow_right",
    "hand_left",
    "hand_right",
    "butt",
    "throat",
    "tip",
)
J = {name: index for index, name in enumerate(JOINTS)}
"""Joint name to row. butt, throat, tip: the stick's lower end, where its head begins, and the head's far end."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Everybody's motion at the frames of the clip: f frames, n people.

    position, velocity, acceleration (f, n, 2); facing, stride (f, n); pose (f, n, 8) as in `POSES`, smoothed.
    """

    position: Array
    velocity: Array
    acceleration: Array
    facing: Array
    stride: Array
    pose: Array


@dataclass(frozen=True, slots=True)
class Skeletons:
    """Everybody in one frame: joints (n, j, 3) in field metres; axes of the trunk and of the head, each (n, 3)."""

    joints: Array
    trunk_forward: Array
    trunk_left: Array
    trunk_up: Array
    head_forward: Array
    head_left: Array
    head_up: Array


def make_motion(play: Play, frame_count: int, fps: int) -> Motion:
    """Sample the simulation at the clip's frames."""
    steps = np.arange(frame_count) / fps / STEP
    low = np.minimum(steps.astype(np.int64), len(play.position) - 2)
    part = steps - low

    def at(values: Array) -> Array:
        weight = part.reshape(-1, *([1] * (values.ndim - 1)))
        return np.asarray(values[low] * (1 - weight) + values[low + 1] * weight, np.float64)

    pose = np.empty((*play.pose.shape, _TABLE.shape[1]))
    current = _TABLE[play.pose[0]]
    for i, wanted in enumerate(play.pose):
        fast = np.isin(wanted, (Pose.WIND_UP, Pose.FOLLOW_THROUGH))
        current = current + (_TABLE[wanted] - current) * (STEP / np.where(fast, 0.07, 0.16))[:, None]
        pose[i] = current
    acceleration = np.gradient(play.velocity, STEP, axis=0)
    kernel = 9
    padded = np.pad(acceleration, ((kernel // 2, kernel // 2), (0, 0), (0, 0)), mode="edge")
    total = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), 0)
    acceleration = (total[kernel:] - total[:-kernel]) / kernel
    return Motion(at(play.position), at(play.velocity), at(acceleration), at(play.facing), at(play.stride), at(pose))


class Anatomy:
    """The measures of everybody, and their joints at a frame."""

    def __init__(self, people: list[Person]) -> None:
        self.height = np.array([person.looks.height for person in people])
        self.scale = self.height / 1.80
        self.build = np.array([person.looks.build for person in people])
        self.hand = np.array([-1.0 if person.looks.left_handed else 1.0 for person in people])
        self.stick = np.array([person.looks.stick_length for person in people])
        self.head_length = np.array([0.43 if person.role is Role.KEEPER else 0.27 for person in people])
        self.unarmed = np.array([person.role is Role.REFEREE for person in people])

    def at(self, motion: Motion, frame: int) -> Skeletons:
        count = len(self.height)
        scale = self.scale[:, None]
        velocity, facing, stride = motion.velocity[frame], motion.facing[frame], motion.stride[frame]
        pose = motion.pose[frame]
        pace = np.hypot(velocity[:, 0], velocity[:, 1])
        crouch, bend = pose[:, 6].copy(), pose[:, 7].copy()
        crouch[self.unarmed], bend[self.unarmed] = 0.03, 0.03
        crouch *= np.clip(1.25 - 0.07 * pace, 0.4, 1)
        forward = _flat(np.cos(facing), np.sin(facing))
        left = _flat(-np.sin(facing), np.cos(facing))
        up = np.repeat(np.array([[0.0, 0.0, 1.0]]), count, 0)
        # Direction of travel; standing people step on the spot.
        share = np.clip(pace / 1.5, 0, 1)[:, None]
        travel = _flat(velocity[:, 0], velocity[:, 1]) / np.maximum(pace, 0.3)[:, None]
        travel = share * travel + (1 - share) * 0.5 * left
        joints = np.zeros((count, len(JOINTS), 3))

        swing = np.minimum(0.10 + 0.115 * pace, 0.92)
        kick = np.clip(0.25 + 0.19 * pace, 0.25, 1.55)
        twist = -0.32 * np.sin(stride) * swing
        hips_left = _turn(left, forward, 0.4 * twist)
        pelvis = np.zeros((count, 3))
        thigh, shank = 0.445 * scale, 0.43 * scale
        for name, side, phase in (("left", 1.0, 0.0), ("right", -1.0, np.pi)):
            hip = pelvis + side * 0.10 * scale * hips_left * (0.4 + 0.6 * self.build[:, None])
            angle = stride + phase
            lift = crouch * 0.80 + 0.02 * pace
            reach = np.sin(lift)[:, None] * forward + (swing * np.sin(angle))[:, None] * travel
            reach = reach + side * (0.07 + 0.16 * crouch[:, None]) * left
            length = np.minimum(np.linalg.norm(reach, axis=1), 0.94)[:, None]
            reach = reach * (length / np.maximum(np.linalg.norm(reach, axis=1)[:, None], 1e-9))
            down = -np.sqrt(1 - length**2)
            upper = reach + down * up
            flex = 0.12 + 1.45 * crouch + kick * (0.5 + 0.5 * np.cos(angle - 0.35)) ** 2
            along = (upper * forward).sum(1)
            sine, cosine = np.sin(flex), np.cos(flex)
            vertical = upper[:, 2]
            lower = upper - along[:, None] * forward - vertical[:, None] * up
            lower = lower * 0.4
            lower += (along * cosine + vertical * sine)[:, None] * forward
            lower += (vertical * cosine - along * sine)[:, None] * up
            lower /= np.linalg.norm(lower, axis=1)[:, None]
            knee = hip + thigh * upper
            ankle = knee + shank * lower
            # The foot stands flat under an upright shank and points down behind the body.
            pitch = np.clip((lower * forward).sum(1) * 0.9 + 0.05, -0.9, 0.35)[:, None]
            toward = np.cos(pitch) * forward + np.sin(pitch) * up
            joints[:, J[f"hip_{name}"]], joints[:, J[f"knee_{name}"]] = hip, knee
            joints[:, J[f"ankle_{name}"]] = ankle
            joints[:, J[f"heel_{name}"]] = ankle - 0.05 * scale * toward - 0.045 * scale * up
            joints[:, J[f"toe_{name}"]] = ankle + 0.17 * scale * toward - 0.05 * scale * up
        feet = joints[:, [J[name] for name in ("heel_left", "heel_right", "toe_left", "toe_right")], 2]
        bob = 0.02 + 0.005 * pace * np.maximum(0, np.cos(2 * stride + 0.6))
        pelvis[:, 2] = -feet.min(1) + bob

        tilt = motion.acceleration[frame]
        lean = 0.035 * _flat(np.clip(tilt[:, 0], -6, 6), np.clip(tilt[:, 1], -6, 6))
        spine = up + np.tan(np.clip(bend + 0.25 * crouch, -0.3, 1.05))[:, None] * forward
        spine = spine + lean + (0.03 * pace)[:, None] * travel
        spine /= np.linalg.norm(spine, axis=1)[:, None]
        trunk_left = _turn(left, forward, twist)
        trunk_left = trunk_left - (trunk_left * spine).sum(1)[:, None] * spine
        trunk_left /= np.linalg.norm(trunk_left, axis=1)[:, None]
        trunk_forward = np.cross(trunk_left, spine)
        chest = pelvis + 0.50 * scale * spine
        neck = pelvis + 0.56 * scale * spine + 0.01 * forward
        head_up = 0.45 * spine + 0.55 * up
        head_up /= np.linalg.norm(head_up, axis=1)[:, None]
        head_forward = np.cross(left, head_up)
        joints[:, J["pelvis"]], joints[:, J["chest"]], joints[:, J["neck"]] = pelvis, chest, neck
        joints[:, J["head"]] = neck + 0.155 * scale * head_up + 0.035 * head_forward

        hand = self.hand[:, None]

        def place(offset: Array) -> Array:
            offset = offset * scale
            across = offset[:, 1:2] * hand * trunk_left
            return np.asarray(chest + offset[:, :1] * trunk_forward + across + offset[:, 2:3] * spine, np.float64)

        pump = (np.sin(stride) * np.clip(0.012 + 0.014 * pace, 0, 0.1) * self.hand)[:, None]
        rock = (np.sin(stride * 0.9) * 0.03)[:, None]
        low = place(pose[:, 0:3] + np.hstack([0.4 * pump, pump, rock]))
        high = place(pose[:, 3:6] + np.hstack([0.3 * rock, pump, -rock]))
        free = self.unarmed[:, None]
        for name, side, phase in (("left", 1.0, np.pi), ("right", -1.0, 0.0)):
            shoulder = chest + side * 0.185 * scale * trunk_left * (0.35 + 0.65 * self.build[:, None])
            shoulder = shoulder - 0.015 * spine
            # A right-handed player's left hand is the lower one.
            wanted = np.where(side * hand > 0, low, high)
            swinging = (np.sin(stride + phase) * np.clip(0.05 + 0.05 * pace, 0, 0.38))[:, None]
            hanging = (
                shoulder
                - (0.46 - 0.12 * np.clip(pace / 6, 0, 1))[:, None] * scale * up
                + (0.05 + swinging) * forward
                + side * 0.05 * left
            )
            wanted = np.where(free, hanging, wanted)
            elbow, reached = _bend_arm(
                shoulder, wanted, 0.30 * scale, 0.29 * scale, side * 0.8 * trunk_left - 0.45 * forward - 0.55 * up
            )
            joints[:, J[f"shoulder_{name}"]] = shoulder
            joints[:, J[f"elbow_{name}"]], joints[:, J[f"hand_{name}"]] = elbow, reached
        low = np.where(hand > 0, joints[:, J["hand_left"]], joints[:, J["hand_right"]])
        high = np.where(hand > 0, joints[:, J["hand_right"]], joints[:, J["hand_left"]])
        along = high - low
        along /= np.maximum(np.linalg.norm(along, axis=1)[:, None], 1e-6)
        butt = low - 0.08 * along
        throat = butt + (self.stick - self.head_length)[:, None] * along
        joints[:, J["butt"]], joints[:, J["throat"]] = butt, throat
        joints[:, J["tip"]] = throat + self.head_length[:, None] * along

        # Up to here the hips were the origin; feet were found first, now everything stands on the ground.
        legs = [J[f"{part}_{side}"] for part in ("hip", "knee", "ankle", "heel", "toe") for side in ("left", "right")]
        joints[:, legs, 2] += pelvis[:, None, 2]
        joints[..., :2] += motion.position[frame][:, None]
        # A stick never reaches under the grass.
        for name in ("butt", "throat", "tip"):
            joints[:, J[name], 2] = np.maximum(joints[:, J[name], 2], 0.03)
        return Skeletons(joints, trunk_forward, trunk_left, spine, head_forward, left, head_up)


def _flat(x: Array, y: Array) -> Array:
    return np.stack([x, y, np.zeros_like(x)], -1)


def _turn(axis: Array, other: Array, angle: Array) -> Array:
    return np.asarray(np.cos(angle)[:, None] * axis + np.sin(angle)[:, None] * other, np.float64)


def _bend_arm(shoulder: Array, hand: Array, upper: Array, lower: Array, outward: Array) -> tuple[Array, Array]:
    """The elbow (n, 3) between a shoulder and a hand, on the side of `outward`, and the hand within reach (n, 3)."""
    line = hand - shoulder
    distance = np.linalg.norm(line, axis=1)[:, None]
    line = line / np.maximum(distance, 1e-6)
    distance = np.clip(distance, 0.12, (upper + lower) * 0.985)
    along = (distance**2 + upper**2 - lower**2) / (2 * distance)
    height = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    side = outward - (outward * line).sum(1)[:, None] * line
    side /= np.maximum(np.linalg.norm(side, axis=1)[:, None], 1e-6)
    return shoulder + along * line + height * side, shoulder + distance * line
