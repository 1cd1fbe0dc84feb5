"""What is known about a clip: boxes, how much of each person is seen, and the ground truth files.

A box is the tight box around the body as drawn, stick not included, as if nobody stood in front, cut at the picture's
border. Coordinates are continuous: the first pixel spans 0 to 1. Visibility is the share of the body's pixels that are
seen: not hidden by others, not outside the picture. Who has less than a tenth of the box in the picture is left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

import sample
from sample.camera import POSITION
from sample.figure import Outlines
from sample.paint import silhouette
from sample.play import Phase
from sample.settings import Settings
from sample.world import Frame, World
from shared_libs.common.files import atomic_write

Array = npt.NDArray[np.float64]

LEAST_INSIDE = 0.1
"""Share of the box that must lie in the picture."""
PLAYER_CLASS = 1
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Truth:
    """Boxes of the whole clip, sorted by frame and identity.

    frame (n,) from 0; track_id (n,) from 1; xyxy (n, 4) pixels; visibility (n,) 0 to 1; frame_count.
    """

    frame: npt.NDArray[np.int32]
    track_id: npt.NDArray[np.int32]
    xyxy: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.float32]
    frame_count: int


class Observer:
    """Collects the truth while frames go by."""

    def __init__(self, world: World) -> None:
        self.world = world
        settings = world.settings
        # Counting pixels needs no full size: about 640 columns are enough.
        self.reduce = max(0, round(np.log2(settings.width / 640)))
        size = 1 << self.reduce
        self.columns, self.rows = -(-settings.width // size), -(-settings.height // size)
        self.margin = self.rows // 2
        shape = (self.rows + 2 * self.margin, self.columns + 2 * self.margin)
        self.scratch = np.zeros(shape, np.uint8)
        self.ids = np.zeros(shape, np.uint8)
        self.boxes: list[tuple[int, int, float, float, float, float, float]] = []
        self.cameras: list[dict[str, Any]] = []
        self.balls: list[list[float]] = []
        self.ball_pixels: list[list[float] | None] = []
        self.holders: list[int | None] = []
        self.phases: list[str] = []

    def observe(self, frame: Frame) -> None:
        visibility = self._visibility(frame.outlines)
        width, height = self.world.settings.width, self.world.settings.height
        full = frame.outlines.boxes
        clipped = np.clip(full, 0, [width, height, width, height])
        area = (full[:, 2] - full[:, 0]) * (full[:, 3] - full[:, 1])
        inside = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
        rounded = np.round(clipped, 2)
        for row in np.argsort(frame.outlines.who):
            if inside[row] < LEAST_INSIDE * area[row]:
                continue
            left, top, right, bottom = (float(value) for value in rounded[row])
            track_id = int(frame.outlines.who[row]) + 1
            self.boxes.append((frame.index, track_id, left, top, right, bottom, float(visibility[row])))
        self._note(frame)

    def _visibility(self, outlines: Outlines) -> Array:
        count = len(outlines.who)
        total = np.zeros(count)
        self.ids[:] = 0
        limit_y, limit_x = self.scratch.shape
        for row in range(count):
            box = outlines.boxes[row] / (1 << self.reduce) + self.margin
            x0, y0 = max(int(box[0]) - 2, 0), max(int(box[1]) - 2, 0)
            x1, y1 = min(int(box[2]) + 3, limit_x), min(int(box[3]) + 3, limit_y)
            if x1 <= x0 or y1 <= y0:
                continue
            move = self.margin << self.reduce
            silhouette(self.scratch, outlines, row, 255, (move, move), self.reduce)
            region = self.scratch[y0:y1, x0:x1]
            total[row] = cv2.countNonZero(region)
            self.ids[y0:y1, x0:x1][region > 0] = row + 1
            region[:] = 0
        m = self.margin
        seen = np.bincount(self.ids[m : m + self.rows, m : m + self.columns].ravel(), minlength=count + 1)[1:]
        return np.round(seen / np.maximum(total, 1), 3)

    def _note(self, frame: Frame) -> None:
        path, index = self.world.camera, frame.index
        self.cameras.append(
            {
                "pan": round(float(path.pan[index]), 6),
                "tilt": round(float(path.tilt[index]), 6),
                "roll": round(float(path.roll[index]), 6),
                "focal": round(float(path.focal[index]), 3),
                "homography": [[float(f"{value:.9g}") for value in row] for row in frame.view.ground],
            }
        )
        self.balls.append([round(float(value), 3) for value in frame.ball])
        pixel, _ = frame.view.project(frame.ball)
        width, height = frame.view.size
        seen = 0 <= pixel[0] + 0.5 < width and 0 <= pixel[1] + 0.5 < height
        self.ball_pixels.append([round(float(value) + 0.5, 2) for value in pixel] if seen else None)
        self.holders.append(frame.holder + 1 if frame.holder >= 0 else None)
        self.phases.append(Phase(frame.phase).name.lower())

    def truth(self) -> Truth:
        table = np.array(self.boxes, np.float64).reshape(-1, 7)
        return Truth(
            frame=table[:, 0].astype(np.int32),
            track_id=table[:, 1].astype(np.int32),
            xyxy=table[:, 2:6].astype(np.float32),
            visibility=table[:, 6].astype(np.float32),
            frame_count=len(self.phases),
        )

    def document(self) -> dict[str, Any]:
        """What `truth.json` holds."""
        world = self.world
        teams = []
        for team in (0, 1):
            outfield = next(p for p in world.people if p.team == team and p.role.value != "goalkeeper")
            keeper = next(p for p in world.people if p.team == team and p.role.value == "goalkeeper")
            teams.append(
                {
                    "team": team,
                    "name": outfield.kit.name,
                    "jersey": list(outfield.kit.jersey),
                    "goalkeeper_jersey": list(keeper.kit.jersey),
                }
            )
        return {
            "made_by": "sample",
            "schema": SCHEMA,
            "versions": {"sample": sample.__version__, "numpy": np.__version__, "opencv": cv2.__version__},
            "settings": asdict(world.settings),
            "conventions": (
                "boxes: left, top, right, bottom in pixels, the first pixel spans 0 to 1; field: metres, origin at the "
                "centre, x along, y away from the camera, z up; homography: field (x, y, 1) to pixel middles"
            ),
            "teams": teams,
            "people": [
                {
                    "track_id": person.track_id,
                    "team": person.team if person.team >= 0 else None,
                    "role": person.role.value,
                    "number": person.number if person.number >= 0 else None,
                    "starts_on_bench": person.substitute,
                    "height": round(person.looks.height, 3),
                    "left_handed": person.looks.left_handed,
                }
                for person in world.people
            ],
            "camera": {"position": POSITION.tolist(), "frames": self.cameras},
            "ball": {"field": self.balls, "pixels": self.ball_pixels, "held_by": self.holders},
            "phase": self.phases,
        }


def write_truth(path: Path, truth: Truth) -> None:
    """MOTChallenge ground truth: frame,id,left,top,width,height,1,class,visibility; frames from 1."""
    with atomic_write(path, "w") as file:
        for frame, track_id, box, visibility in zip(
            truth.frame.tolist(), truth.track_id.tolist(), truth.xyxy.astype(np.float64), truth.visibility, strict=True
        ):
            left, top, right, bottom = (round(float(value), 2) for value in box)
            size = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
            file.write(f"{frame + 1},{track_id},{size},1,{PLAYER_CLASS},{float(visibility):.3f}\n")


def write_document(path: Path, document: dict[str, Any]) -> None:
    """`truth.json`: short lists on one line each, so that people can read it too."""
    with atomic_write(path, "w") as file:
        file.write(json.dumps(document, indent=None, separators=(", ", ": ")).replace('}, {"', '},\n{"'))
        file.write("\n")


def write_sequence_info(path: Path, name: str, settings: Settings) -> None:
    """MOTChallenge's seqinfo.ini; the frames are in clip.mp4, not in a folder of images."""
    with atomic_write(path, "w") as file:
        file.write(
            f"[Sequence]\nname={name}\nimDir=clip.mp4\nframeRate={settings.fps}\nseqLength={settings.frame_count}\n"
            f"imWidth={settings.width}\nimHeight={settings.height}\nimExt=.mp4\n"
        )
