"""The sample game: a clip rendered by //tools/sample, of which everything is known, and runs that say just that."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from shared_libs.common.players import Player, Players, Role, Segment
from shared_libs.common.tracks import Tracks, read_tracks

COMMAND: Final = "SAMPLE"
"""The variable that says how the program is started, as Bazel sets it."""

ROLES: Final = ("player", "goalkeeper", "referee")


@dataclass(frozen=True)
class SampleGame:
    """film: an MP4 at 25 frames a second. detections: MOTChallenge text. tracks: the truth. people: what is known of
    each by their track: team, role, number."""

    film: Path
    detections: Path
    tracks: Tracks
    people: dict[int, dict[str, Any]]

    def players(self, *cuts: int) -> tuple[Tracks, Players]:
        """Everybody as a player of their own; with `cuts`, as another one, on another track, from each of these frames
        on, as if they had been lost there."""
        stage = np.searchsorted(np.array(cuts), self.tracks.frame, side="right")
        most = int(self.tracks.track_id.max())
        ids = self.tracks.track_id + stage * most
        whole = self.tracks
        tracks = Tracks.from_arrays(
            whole.frame, ids, whole.xyxy, whole.score, whole.class_id, whole.source, whole.frame_count
        )
        found = []
        for track_id in np.unique(ids).tolist():
            frames = tracks.frame[tracks.track_id == track_id]
            who = self.people[(track_id - 1) % most + 1]
            role: Role = who["role"] if who["role"] in ROLES else "player"
            segment = Segment(track_id, int(frames.min()), int(frames.max()))
            found.append(Player(track_id, who["team"], segments=(segment,), role=role))
        return tracks, Players(tuple(found))


def render(folder: Path, seconds: float = 2.4, width: int = 960, height: int = 540) -> SampleGame:
    """The first seconds of the game. Skips the test where nothing says how the program is started."""
    command = os.environ.get(COMMAND)
    if command is None:
        pytest.skip(f"{COMMAND} does not say how //tools/sample is started")
    size = ["--width", str(width), "--height", str(height), "--seconds", str(seconds)]
    subprocess.run([*shlex.split(command), "--out", str(folder), *size, "--quiet"], check=True)
    people = json.loads((folder / "truth.json").read_text())["people"]
    return SampleGame(
        folder / "clip.mp4",
        folder / "det" / "det.txt",
        read_tracks(folder / "gt" / "gt.txt"),
        {each["track_id"]: each for each in people},
    )
