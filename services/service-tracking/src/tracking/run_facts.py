"""What the report says about a run, taken from its run.json."""

from __future__ import annotations

import numpy as np

from shared_libs.common.detections import Detections
from shared_libs.common.players import Player, Players, team_called
from shared_libs.common.run import Run
from shared_libs.common.tracks import Tracks
from tracking.boxes_stage import MOTION_ONLY
from tracking.report import ReportFacts, ReportPlayer

_ROLES = {
    "video": "Video",
    "detections": "Detections",
    "tracks": "Tracks",
    "truth": "Ground truth",
    "reid": "Re-identification model",
    "roster": "Roster",
    "edits": "Corrections",
}


def facts_of(
    run: Run,
    video: str | None = None,
    detections: Detections | None = None,
    truth: Tracks | None = None,
    players: Players | None = None,
) -> ReportFacts:
    """The facts of `run`, but for its date and timings: of equal results the page is equal.

    `video`: file name of the annotated video beside the report. `detections` and `truth` add their lines to the plot of
    players per frame, where they are at hand, `players` their table.
    """
    name = next((run.inputs[role].name for role in _ROLES if role in run.inputs), "Tracks")
    rows = [
        (words, f"{run.inputs[role].name} ({run.inputs[role].size:,} bytes, SHA-256 {run.inputs[role].sha256[:16]}…)")
        for role, words in _ROLES.items()
        if role in run.inputs
    ]
    fps = run.settings.get("fps")
    if isinstance(fps, int | float):
        rows.append(("Frame rate", f"{fps:g} frames per second"))
    for key, words in (
        ("frames", "Frames"),
        ("detections", "Detections"),
        ("players", "Players"),
        ("boxes", "Boxes in tracks"),
        ("interpolated_boxes", "of these filled in"),
    ):
        if key in run.metrics:
            rows.append((words, f"{run.metrics[key]:,.0f}"))
    if "camera_frames" in run.metrics:
        known, of = run.metrics.get("camera_known", 0), run.metrics["camera_frames"]
        rows.append(("Camera motion", f"known in {known:,.0f} of {of:,.0f} frames"))
    if "detector" in run.model_ids:
        rows.append(("Detector", run.model_ids["detector"]))
    rows.append(("Made by", f"{run.service} {run.code_version}"))
    rows += [("Note", note) for note in run.notes]
    return ReportFacts(
        title=f"Tracks of {name}",
        subtitle=", ".join(_length(run)),
        facts=rows,
        settings=run.settings,
        metrics=run.metrics,
        detections_per_frame=_per_frame(detections),
        truth_per_frame=_per_frame(truth),
        video=video,
        remark=next((note for note in run.notes if note == MOTION_ONLY), ""),
        players=_players(players, fps if isinstance(fps, int | float) else 0.0),
    )


def _players(players: Players | None, fps: float) -> list[ReportPlayer]:
    """By team, then by how long they were seen."""
    if players is None:
        return []
    rows = [
        ReportPlayer(
            player_id=player.player_id,
            name=" ".join(filter(None, (player.number, player.name))),
            team=_team(player, players),
            role=player.role or "",
            seconds=sum(segment.end - segment.start + 1 for segment in player.segments) / fps if fps else 0.0,
            appearances=len(player.segments),
            first_second=player.segments[0].start / fps if fps and player.segments else 0.0,
        )
        for player in players
    ]
    return sorted(rows, key=lambda row: (not row.team, row.team, -row.seconds, row.player_id))


def _team(player: Player, players: Players) -> str:
    if player.team_id is None:
        return ""
    return team_called(player.team_id, players.team_names)


def _length(run: Run) -> list[str]:
    """How long it is, in words."""
    frames, fps = run.metrics.get("frames"), run.settings.get("fps")
    words = [f"{frames:,.0f} frames"] if frames is not None else []
    if frames is not None and isinstance(fps, int | float) and fps > 0:
        minutes, seconds = divmod(round(frames / fps), 60)
        words.append(f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s")
    return words


def _per_frame(boxes: Detections | Tracks | None) -> list[int]:
    if boxes is None:
        return []
    return [int(count) for count in np.bincount(boxes.frame, minlength=boxes.frame_count)]
