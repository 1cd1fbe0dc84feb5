"""The game itself: where everybody and the ball are, 50 times a second.

A seeded simulation. A play is a face-off, a scramble for the ground ball, a run to the other end, an attack with
passes, dodges and a shot, then the way back. Everybody steers towards a place that their role gives them, within what
legs can do (speed and acceleration are limited) and without running through others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sample.field import CREASE_RADIUS, GOAL_X, HALF_LENGTH, HALF_WIDTH, RESTRAINING_X
from sample.people import Person, Role
from sample.settings import Settings

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

STEP = 0.02
"""Seconds between two states of the simulation, whatever the clip's frame rate."""
MAX_SPEED = 8.5
MAX_ACCELERATION = 6.5
_BODY = 0.62
"""Metres between two people's centres below which they push each other apart."""
_BENCH_Y = -HALF_WIDTH - 4.5


class Phase(IntEnum):
    FACE_OFF = 0
    GROUND_BALL = 1
    TRANSITION = 2
    OFFENCE = 3


class Pose(IntEnum):
    """What somebody does with the stick; `skeleton.POSES` says where the hands are."""

    RUN = 0
    CRADLE = 1
    WIND_UP = 2
    FOLLOW_THROUGH = 3
    CATCH = 4
    SCOOP = 5
    CHECK = 6
    GOALKEEPER = 7
    FACE_OFF = 8
    IDLE = 9


@dataclass(frozen=True, slots=True)
class Play:
    """Everything that moves, `STEP` seconds apart: t steps, n people.

    position, velocity (t, n, 2) metres, metres/second; facing (t, n) radians from the x axis; stride (t, n) radians of
    the leg cycle; pose (t, n) `Pose`; ball (t, 3) metres; holder (t,) index of who has the ball in the stick, or -1;
    phase (t,) `Phase`; aim, aim_velocity (t, 2): what an operator looks at.
    """

    position: Array
    velocity: Array
    facing: Array
    stride: Array
    pose: Integers
    ball: Array
    holder: Integers
    phase: Integers
    aim: Array
    aim_velocity: Array


def simulate(settings: Settings, people: list[Person]) -> Play:
    """Play as long as the clip lasts."""
    game = _Game(settings, people)
    count = int(np.ceil(settings.seconds / STEP)) + 2
    frames = [game.step() for _ in range(count)]
    aim = np.array([frame[7] for frame in frames])
    velocity = np.gradient(aim, STEP, axis=0)
    kernel = np.ones(15) / 15
    smooth = np.stack([np.convolve(np.pad(velocity[:, k], 7, mode="edge"), kernel, "valid") for k in (0, 1)], -1)
    return Play(
        position=np.array([frame[0] for frame in frames]),
        velocity=np.array([frame[1] for frame in frames]),
        facing=np.array([frame[2] for frame in frames]),
        stride=np.array([frame[3] for frame in frames]),
        pose=np.array([frame[4] for frame in frames], np.int64),
        ball=np.array([frame[5] for frame in frames]),
        holder=np.array([frame[6] for frame in frames], np.int64),
        phase=np.array([frame[8] for frame in frames], np.int64),
        aim=aim,
        aim_velocity=smooth,
    )


_State = tuple[Array, Array, Array, Array, Integers, Array, int, Array, int]

# Places of the attacking side, in metres from the goal towards midfield, and across.
_SPOTS = ((-5.0, 2.5), (4.0, -10.5), (4.5, 10.0), (12.5, -7.0), (13.0, 6.0), (7.0, -0.5), (16.0, 0.0), (9.0, 13.0))


class _Game:
    def __init__(self, settings: Settings, people: list[Person]) -> None:
        self.random = settings.random("play")
        self.people = people
        count = len(people)
        self.team = np.array([person.team for person in people])
        self.role = np.array([list(Role).index(person.role) for person in people])
        self.playing = np.array([not person.substitute for person in people])
        self.leaving = np.zeros(count, bool)
        self.keeper = self.role == list(Role).index(Role.KEEPER)
        self.referee = int(np.flatnonzero(self.team < 0)[0])
        self.sign = np.array([1.0, -1.0])
        self.time = 0.0
        self.position = np.zeros((count, 2))
        self.velocity = np.zeros((count, 2))
        self.facing = np.zeros(count)
        self.stride = self.random.uniform(0, 2 * np.pi, count)
        self.pose = np.zeros(count, np.int64)
        self.pace = self.random.uniform(7.0, 8.3, count)
        self.wobble = self.random.uniform(0, 2 * np.pi, (count, 4))
        self.tempo = self.random.uniform(0.75, 1.3, count)
        self.mark = np.full(count, -1)
        self.spot = np.full(count, -1)
        self.bench_since = np.full(count, -99.0)
        self.swing_until = np.full(count, -1.0)
        self.ball = np.zeros(3)
        self.ball_velocity = np.zeros(3)
        self.holder = -1
        self.flight: tuple[Array, Array | None, int, float, float] | None = None
        self.throw: tuple[float, int] | None = None
        self.shots = 0
        self.goals = [0, 0]
        self.next_change = self.random.uniform(2.6, 3.4)
        self.start_face_off(placed=True)

    # --- groups of people -----------------------------------------------------------------------------------------

    def is_role(self, *roles: Role) -> npt.NDArray[np.bool_]:
        return np.isin(self.role, [list(Role).index(role) for role in roles])

    def group(self, team: int, *roles: Role) -> list[int]:
        return [int(i) for i in np.flatnonzero((self.team == team) & self.playing & self.is_role(*roles))]

    def attackers(self) -> list[int]:
        return self.group(self.possession, Role.ATTACK, Role.MIDFIELD)

    def keeper_of(self, team: int) -> int:
        return self.group(team, Role.KEEPER)[0]

    # --- turns of the play ----------------------------------------------------------------------------------------

    def start_face_off(self, placed: bool) -> None:
        self.phase = Phase.FACE_OFF
        self.possession = int(self.random.integers(2))
        self.holder, self.flight, self.throw = -1, None, None
        self.ball = np.zeros(3)
        self.ball_velocity = np.zeros(3)
        self.home: dict[int, Array] = {}
        for team in (0, 1):
            sign = self.sign[team]
            self.home[self.keeper_of(team)] = np.array([-sign * (GOAL_X - 1.2), 0.0])
            for roles, x in (((Role.ATTACK,), 1.0), ((Role.DEFENCE,), -1.0)):
                members = self.group(team, *roles)
                for k, i in enumerate(members):
                    across = (k - (len(members) - 1) / 2) * 9.0 + self.random.uniform(-2, 2)
                    back = RESTRAINING_X + self.random.uniform(0.5, 6.0) + (1.0 if x < 0 else 0.0)
                    self.home[i] = np.array([x * sign * back, across])
            for k, i in enumerate(self.group(team, Role.MIDFIELD)):
                wing = 18.0 * (-1) ** k + self.random.uniform(-0.6, 0.6)
                if k == 0:
                    self.home[i] = np.array([-sign * 0.42, 0.1 * sign])
                else:
                    self.home[i] = np.array([-sign * (1.2 + 2.2 * (k // 3)), wing * (1 - 0.25 * (k // 2))])
        self.whistle = self.time + (0.7 if placed else 9.0)
        if placed:
            for i, place in self.home.items():
                self.position[i] = place
                self.facing[i] = np.arctan2(-place[1], -place[0])
            for team in (0, 1):
                bench = np.flatnonzero((self.team == team) & ~self.playing)
                for k, i in enumerate(bench.tolist()):
                    self.position[i] = (-self.sign[team] * (4.0 + 1.4 * k), _BENCH_Y)
                    self.facing[i] = np.pi / 2
            self.position[self.referee] = (2.2, 4.5)
        self.pair()

    def start_ground_ball(self, winner: int, wait: tuple[float, float]) -> None:
        self.phase = Phase.GROUND_BALL
        self.holder, self.flight, self.throw = -1, None, None
        self.winner = winner
        self.settled = self.time + self.random.uniform(*wait)

    def take(self, i: int) -> None:
        """The ball is in the stick of `i`."""
        changed = self.possession != self.team[i] or self.phase is Phase.GROUND_BALL
        self.possession = int(self.team[i])
        self.holder, self.flight, self.throw = i, None, None
        if changed:
            self.pair()
            self.assign_spots()
            self.phase = Phase.TRANSITION
            self.substitute()
        ahead = self.sign[self.possession] * self.position[i, 0]
        if self.phase is not Phase.OFFENCE and ahead > GOAL_X - 16.5:
            self.start_offence()
        self.next_pass = self.time + self.random.uniform(0.7, 1.5)
        self.dodge_until = -1.0
        if self.random.random() < 0.45:
            self.dodge_until = self.time + self.random.uniform(0.7, 1.3)

    def start_offence(self) -> None:
        self.phase = Phase.OFFENCE
        # The first attack is short, so that a clip of 20 s shows both ends.
        self.shot_at = self.time + (self.random.uniform(2.6, 3.4) if self.shots == 0 else self.random.uniform(4.5, 9.0))
        self.next_swap = self.time + self.random.uniform(0.5, 1.2)

    def pair(self) -> None:
        """Every defender gets the nearest free attacker opposite."""
        self.mark[:] = -1
        for team in (0, 1):
            for mine, theirs in (
                (Role.DEFENCE, Role.ATTACK),
                (Role.MIDFIELD, Role.MIDFIELD),
                (Role.ATTACK, Role.DEFENCE),
            ):
                free = self.group(1 - team, theirs)
                for i in self.group(team, mine):
                    if free:
                        nearest = min(free, key=lambda j: float(np.hypot(*(self.position[j] - self.position[i]))))
                        self.mark[i] = nearest
                        free.remove(nearest)

    def assign_spots(self) -> None:
        self.spot[:] = -1
        free = list(range(min(len(_SPOTS), max(len(self.attackers()), 1))))
        for i in self.attackers():
            if not free:
                free = list(range(len(_SPOTS)))
            best = min(free, key=lambda k: float(np.hypot(*(self.place_of_spot(k) - self.position[i]))))
            self.spot[i] = best
            free.remove(best)

    def place_of_spot(self, k: int) -> Array:
        forward, across = _SPOTS[k % len(_SPOTS)]
        sign = self.sign[self.possession]
        return np.array([sign * (GOAL_X - forward), across])

    def substitute(self) -> None:
        """On a change of possession a midfielder of each side runs to the bench."""
        for team in (0, 1):
            rested = [
                int(i)
                for i in np.flatnonzero((self.team == team) & ~self.playing)
                if self.time - self.bench_since[i] > 2.5
            ]
            tired = [
                i
                for i in self.group(team, Role.MIDFIELD)
                if i != self.holder and not self.leaving[i] and self.position[i, 1] < 24
            ]
            if rested and len(tired) >= 2 and not self.leaving[self.team == team].any():
                off = min(tired, key=lambda i: self.position[i, 1] + self.random.uniform(0, 6))
                self.leaving[off] = True

    def change_places(self, off: int) -> None:
        """`off` has reached the bench: the one who has rested longest comes on."""
        team = int(self.team[off])
        self.playing[off], self.leaving[off] = False, False
        rested = [int(i) for i in np.flatnonzero((self.team == team) & ~self.playing) if i != off]
        on = min(rested, key=lambda i: self.bench_since[i])
        self.bench_since[off] = self.time
        self.playing[on] = True
        self.mark[on], self.mark[off] = self.mark[off], -1
        self.spot[on], self.spot[off] = self.spot[off], -1
        self.mark[self.mark == off] = on
        if off in self.home:
            self.home[on] = self.home.pop(off)

    # --- one step -------------------------------------------------------------------------------------------------

    def step(self) -> _State:
        self.play_ball()
        target, speed, look = self.decide()
        self.move(target, speed, look)
        for i in np.flatnonzero(self.leaving):
            if self.position[i, 1] < _BENCH_Y + 1.2:
                self.change_places(int(i))
        if self.time > self.next_change:
            self.next_change = self.time + self.random.uniform(3.0, 5.0)
            if self.phase is not Phase.FACE_OFF:
                self.substitute()
        self.time += STEP
        aim = self.ball[:2].copy()
        if self.phase is Phase.OFFENCE:
            goal = np.array([self.sign[self.possession] * GOAL_X, 0.0])
            aim = 0.72 * aim + 0.28 * goal
        return (
            self.position.copy(),
            self.velocity.copy(),
            self.facing.copy(),
            self.stride.copy(),
            self.pose.copy(),
            self.ball.copy(),
            self.holder,
            aim,
            int(self.phase),
        )

    def play_ball(self) -> None:
        if self.phase is Phase.FACE_OFF:
            if self.time >= self.whistle:
                self.ball_velocity[:2] = self.random.uniform(-1.0, 1.0, 2)
                self.start_ground_ball(self.possession, (1.1, 1.7))
            return
        if self.flight is not None:
            self.fly()
        elif self.holder >= 0:
            self.carry()
        else:
            self.ball[:2] += self.ball_velocity[:2] * STEP
            self.ball_velocity *= 1 - 1.4 * STEP
            self.ball[2] = 0.05
            for axis, limit in enumerate((HALF_LENGTH - 1, HALF_WIDTH - 1)):
                if abs(self.ball[axis]) > limit:
                    self.ball[axis] = np.clip(self.ball[axis], -limit, limit)
                    self.ball_velocity[axis] *= -0.3
            if self.time >= self.settled:
                mine = [int(i) for i in np.flatnonzero((self.team == self.winner) & self.playing & ~self.leaving)]
                nearest = min(mine, key=lambda i: float(np.hypot(*(self.position[i] - self.ball[:2]))))
                if np.hypot(*(self.position[nearest] - self.ball[:2])) < 1.1:
                    self.take(nearest)

    def carry(self) -> None:
        i = self.holder
        heading = np.array([np.cos(self.facing[i]), np.sin(self.facing[i])])
        self.ball[:2] = self.position[i] + 0.35 * heading
        self.ball[2] = 1.75
        if self.throw is not None:
            released, receiver = self.throw
            if self.time >= released:
                self.release(receiver)
            return
        sign = self.sign[self.possession]
        ahead = sign * self.position[i, 0]
        if self.keeper[i]:
            if self.time > self.next_pass:
                self.pass_to(self.open_mate(forward=True))
            return
        if self.phase is Phase.TRANSITION:
            if ahead > GOAL_X - 15.5:
                self.start_offence()
            elif self.time > self.next_pass:
                self.next_pass = self.time + 0.8
                mate = self.open_mate(forward=True)
                if sign * (self.position[mate, 0] - self.position[i, 0]) > 5 and self.random.random() < 0.6:
                    self.pass_to(mate)
            return
        distance = np.hypot(sign * GOAL_X - self.position[i, 0], self.position[i, 1])
        if self.time > self.shot_at and ((distance < 10.5 and ahead < GOAL_X - 3.0) or self.time > self.shot_at + 2.5):
            self.throw = (self.time + 0.26, -1)
            self.swing_until[i] = self.time + 0.6
        elif self.time > self.next_pass and self.time > self.dodge_until and self.time < self.shot_at:
            self.pass_to(self.open_mate(forward=False))

    def open_mate(self, forward: bool) -> int:
        i = self.holder
        sign = self.sign[self.possession]
        mates = [j for j in self.attackers() if j != i and not self.leaving[j]] or [
            j for j in self.group(self.possession, *Role) if j != i
        ]
        opponents = self.position[(self.team == 1 - self.possession) & self.playing]

        def worth(j: int) -> float:
            gap = float(np.hypot(*(opponents - self.position[j]).T).min()) if len(opponents) else 5.0
            distance = float(np.hypot(*(self.position[j] - self.position[i])))
            advance = sign * float(self.position[j, 0] - self.position[i, 0])
            near = -abs(distance - (22 if forward else 11)) * 0.25
            return gap + near + (0.12 * advance if forward else 0.0) + float(self.random.uniform(0, 3.5))

        return max(mates, key=worth)

    def pass_to(self, receiver: int) -> None:
        self.throw = (self.time + 0.22, receiver)
        self.swing_until[self.holder] = self.time + 0.5

    def release(self, receiver: int) -> None:
        thrower = self.holder
        start = self.ball.copy()
        start[2] = 1.9
        self.holder, self.throw = -1, None
        if receiver >= 0:
            distance = float(np.hypot(*(self.position[receiver] - start[:2])))
            self.flight = (start, None, receiver, self.time, self.time + max(0.18, distance / 17.0))
            return
        sign = self.sign[int(self.team[thrower])]
        self.shots += 1
        goal = np.array([sign * (GOAL_X + 0.3), self.random.uniform(-0.7, 0.7), self.random.uniform(0.3, 1.5)])
        distance = float(np.hypot(*(goal[:2] - start[:2])))
        self.flight = (start, goal, -1, self.time, self.time + distance / 30.0)

    def fly(self) -> None:
        assert self.flight is not None
        start, end, receiver, begun, due = self.flight
        if end is None:
            end = np.append(self.position[receiver], 1.9)
        part = min(1.0, (self.time - begun) / (due - begun))
        self.ball = start + part * (end - start)
        arc = 0.0 if receiver < 0 else 1.1 * (due - begun)
        self.ball[2] += 4 * arc * part * (1 - part)
        if part < 1.0:
            return
        if receiver >= 0:
            if self.random.random() < 0.07 and self.phase is Phase.OFFENCE:
                self.ball_velocity = np.append(self.random.uniform(-3, 3, 2), 0.0)
                self.start_ground_ball(int(self.random.integers(2)), (0.9, 1.6))
            else:
                self.take(receiver)
            return
        attacking = self.possession
        luck = self.random.random() + (0.3 if self.shots == 1 else 0.0)
        if luck < 0.3:
            self.goals[attacking] += 1
            self.start_face_off(placed=False)
        elif luck < 0.6:
            self.take(self.keeper_of(1 - attacking))
            self.next_pass = self.time + self.random.uniform(0.5, 0.9)
        else:
            back = -self.sign[attacking]
            self.ball_velocity = np.array([back * self.random.uniform(5, 8), self.random.uniform(-4, 4), 0.0])
            self.start_ground_ball(1 - attacking, (1.0, 1.5))

    # --- where everybody wants to be ------------------------------------------------------------------------------

    def decide(self) -> tuple[Array, Array, Array]:
        """Targets (n, 2), speed limits (n,) and what each looks at (n, 2); sets the poses."""
        count = len(self.people)
        target, speed = self.position.copy(), np.full(count, 4.0)
        ball = self.ball[:2]
        look = np.repeat(ball[None], count, 0)
        drift = np.stack(
            [
                np.sin(self.tempo * 1.25 * self.time + self.wobble[:, 0])
                + 0.5 * np.sin(self.tempo * 2.4 * self.time + self.wobble[:, 1]),
                np.sin(self.tempo * 1.1 * self.time + self.wobble[:, 2])
                + 0.5 * np.sin(self.tempo * 2.9 * self.time + self.wobble[:, 3]),
            ],
            -1,
        )
        self.pose[:] = Pose.RUN
        self.place_resting(target, speed, drift)
        self.place_keepers(target, speed, look)
        if self.phase is Phase.FACE_OFF:
            self.place_face_off(target, speed, drift)
        else:
            self.place_play(target, speed, look, drift)
        sign = self.sign[self.possession]
        spot = ball + np.array([-sign * 5.0, 8.5 if ball[1] < 6 else -8.5]) + 1.3 * drift[self.referee]
        target[self.referee], speed[self.referee] = spot, 6.5
        for i in np.flatnonzero(self.leaving):
            target[i] = (-self.sign[self.team[i]] * 3.0, _BENCH_Y)
            speed[i] = 7.0
        swinging = np.flatnonzero(self.swing_until > self.time)
        for i in swinging:
            before = self.throw is not None and self.holder == i
            self.pose[i] = Pose.WIND_UP if before else Pose.FOLLOW_THROUGH
        return target, speed, look

    def place_resting(self, target: Array, speed: Array, drift: Array) -> None:
        for team in (0, 1):
            for k, i in enumerate(np.flatnonzero((self.team == team) & ~self.playing)):
                target[i] = np.array([-self.sign[team] * (4.5 + 1.5 * k), _BENCH_Y]) + 0.35 * drift[i]
                speed[i] = 2.5
                self.pose[i] = Pose.IDLE

    def place_keepers(self, target: Array, speed: Array, look: Array) -> None:
        for team in (0, 1):
            i = self.keeper_of(team)
            goal = np.array([-self.sign[team] * GOAL_X, 0.0])
            to_ball = self.ball[:2] - goal
            distance = float(np.hypot(*to_ball)) + 1e-6
            radius = 1.35 if distance < 30 else 2.4
            shuffle = 0.45 * np.sin(2.6 * self.time + self.wobble[i, 0])
            side = np.array([-to_ball[1], to_ball[0]]) / distance
            target[i] = goal + to_ball / distance * radius + side * shuffle
            speed[i] = 4.5
            self.pose[i] = Pose.GOALKEEPER
            if self.holder == i:
                self.pose[i] = Pose.CRADLE
                out = np.array([self.sign[team] * (CREASE_RADIUS + 0.5), 2.0 * np.sign(self.wobble[i, 1] - np.pi)])
                target[i] = goal + out
                look[i] = self.position[i] + np.array([self.sign[team] * 10.0, 0.0])

    def place_face_off(self, target: Array, speed: Array, drift: Array) -> None:
        for i, place in self.home.items():
            if self.keeper[i] or not self.playing[i]:
                continue
            centre = float(np.hypot(*place)) < 1.0
            waiting = np.hypot(*(place - self.position[i])) < 1.5
            target[i] = place + (0.0 if centre else 0.4) * drift[i]
            speed[i] = 5.5
            if centre and waiting:
                self.pose[i] = Pose.FACE_OFF

    def place_play(self, target: Array, speed: Array, look: Array, drift: Array) -> None:
        sign = self.sign[self.possession]
        loose = self.phase is Phase.GROUND_BALL
        goal = np.array([sign * GOAL_X, 0.0])
        ball = self.ball[:2]
        receiver = self.flight[2] if self.flight is not None else -1
        chasers: set[int] = set()
        if loose:
            for team in (0, 1):
                field = [int(i) for i in np.flatnonzero((self.team == team) & self.playing & ~self.keeper)]
                field.sort(key=lambda i: float(np.hypot(*(self.position[i] - ball))))
                chasers.update(field[:3])
        attacking = set(self.attackers())
        for i in np.flatnonzero(self.playing & (self.team >= 0) & ~self.keeper).tolist():
            side = self.sign[self.team[i]]
            if i in chasers:
                gap = self.position[i] - ball
                distance = float(np.hypot(*gap)) + 1e-6
                # Whoever is to win the ball goes straight for it; the others crowd around.
                collecting = self.time >= self.settled and self.team[i] == self.winner
                ring = 0.0 if collecting else 0.6
                target[i] = ball + gap / distance * ring + (0.1 if collecting else 0.35) * drift[i]
                speed[i] = self.pace[i] if distance > 2 else 3.0
                if distance < 2.4:
                    self.pose[i] = Pose.SCOOP
            elif loose and self.people[i].role is Role.MIDFIELD:
                target[i] = ball + np.array([-side * 6.0, 6.0 * np.sin(self.wobble[i, 0])]) + drift[i]
                speed[i] = 5.0
            elif i in attacking and self.people[i].role is not Role.DEFENCE:
                self.place_attacker(i, target, speed, look, drift, goal)
            elif self.people[i].role is Role.ATTACK:
                # Waits at midfield for the ball to come back.
                place = np.array([side * (9.0 + 5.0 * np.sin(self.wobble[i, 0])), 14.0 * np.sin(self.wobble[i, 1])])
                target[i] = place + 2.6 * drift[i]
                speed[i] = 4.0
            elif self.mark[i] >= 0:
                self.place_defender(i, target, speed, look, drift)
            else:
                target[i] = np.array([-side * 24.0, 9.0 * np.sin(self.wobble[i, 0])]) + 2 * drift[i]
            if i == receiver:
                self.pose[i] = Pose.CATCH
                speed[i] = min(speed[i], 5.0)

    def place_attacker(self, i: int, target: Array, speed: Array, look: Array, drift: Array, goal: Array) -> None:
        sign = self.sign[self.possession]
        spot = self.place_of_spot(int(self.spot[i])) if self.spot[i] >= 0 else goal - np.array([sign * 14, 0.0])
        if self.phase is Phase.OFFENCE and self.time > self.next_swap:
            self.next_swap = self.time + self.random.uniform(1.0, 2.0)
            others = [j for j in self.attackers() if j != self.holder and self.spot[j] >= 0]
            if len(others) >= 2:
                a, b = self.random.choice(others, 2, replace=False)
                self.spot[a], self.spot[b] = self.spot[b], self.spot[a]
        if self.phase is Phase.TRANSITION:
            offset = 3.0 * drift[i]
            if i == self.holder:
                target[i] = np.array([spot[0], 0.75 * spot[1] + 0.25 * self.position[i, 1]]) + offset
                speed[i] = self.pace[i] * 0.97
            else:
                target[i] = spot + offset
                ahead = sign * (self.position[i, 0] - self.ball[0])
                speed[i] = self.pace[i] if ahead < 14 else 4.5
        else:
            target[i] = spot + 1.9 * drift[i]
            speed[i] = 5.6
        if i == self.holder:
            self.pose[i] = Pose.CRADLE
            look[i] = goal
            if self.phase is Phase.OFFENCE:
                if self.time > self.shot_at - 0.4:
                    target[i] = goal - np.array([sign * 7.0, 0.0]) + 2.0 * drift[i]
                    speed[i] = 7.2
                elif self.time < self.dodge_until:
                    target[i] = 0.55 * self.position[i] + 0.45 * goal + 4.0 * drift[i]
                    speed[i] = 7.0

    def place_defender(self, i: int, target: Array, speed: Array, look: Array, drift: Array) -> None:
        man = int(self.mark[i])
        own_goal = np.array([-self.sign[self.team[i]] * GOAL_X, 0.0])
        to_goal = own_goal - self.position[man]
        distance = float(np.hypot(*to_goal)) + 1e-6
        cushion = 1.0 if man == self.holder else 1.6
        if self.phase is Phase.TRANSITION:
            cushion += 1.0
        target[i] = self.position[man] + to_goal / distance * min(cushion, distance / 2) + 0.5 * drift[i]
        target[i] += 0.3 * self.velocity[man]
        speed[i] = self.pace[i]
        look[i] = self.position[man]
        if man == self.holder:
            self.pose[i] = Pose.CHECK

    # --- legs -----------------------------------------------------------------------------------------------------

    def move(self, target: Array, speed: Array, look: Array) -> None:
        wanted = (target - self.position) / 0.45
        length = np.hypot(wanted[:, 0], wanted[:, 1])
        wanted *= np.minimum(1.0, speed / np.maximum(length, 1e-6))[:, None]
        gap = self.position[:, None] - self.position[None]
        distance = np.hypot(gap[..., 0], gap[..., 1]) + np.eye(len(gap)) * 99
        near = np.clip(1.15 - distance, 0, 1.15) / np.maximum(distance, 0.05)
        close = np.clip(0.72 - distance, 0, 0.72) / np.maximum(distance, 0.05)
        wanted += (gap * (2.2 * near + 9.0 * close)[..., None]).sum(1)
        acceleration = (wanted - self.velocity) / 0.22
        strength = np.hypot(acceleration[:, 0], acceleration[:, 1])
        acceleration *= np.minimum(1.0, MAX_ACCELERATION / np.maximum(strength, 1e-6))[:, None]
        self.velocity = self.velocity + acceleration * STEP
        pace = np.hypot(self.velocity[:, 0], self.velocity[:, 1])
        self.velocity *= np.minimum(1.0, (MAX_SPEED - 0.35) / np.maximum(pace, 1e-6))[:, None]
        push = np.clip(_BODY - distance, 0, _BODY) / np.maximum(distance, 0.05)
        shove = 0.06 * (gap * push[..., None]).sum(1)
        reach = np.hypot(shove[:, 0], shove[:, 1])
        shove *= np.minimum(1.0, 0.006 / np.maximum(reach, 1e-9))[:, None]
        self.position = self.position + self.velocity * STEP + shove
        pace = np.hypot(self.velocity[:, 0], self.velocity[:, 1])
        bearing = np.arctan2(self.velocity[:, 1], self.velocity[:, 0])
        view = look - self.position
        to_look = np.arctan2(view[:, 1], view[:, 0])
        # Walking, people look at the play; running, where they run.
        share = np.clip((pace - 2.5) / 2.0, 0, 1)
        heading = np.arctan2(
            share * np.sin(bearing) + (1 - share) * np.sin(to_look),
            share * np.cos(bearing) + (1 - share) * np.cos(to_look),
        )
        turn = (heading - self.facing + np.pi) % (2 * np.pi) - np.pi
        self.facing = self.facing + np.clip(turn * 6.0, -7.0, 7.0) * STEP
        frequency = np.where(pace > 0.25, 0.75 + 0.19 * pace, 0.55)
        self.stride = self.stride + 2 * np.pi * frequency * STEP
