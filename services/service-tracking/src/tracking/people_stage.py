"""From tracks to people: looks, links, teams, players and what has been corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared_libs.common.corrections import corrected
from shared_libs.common.edits import EditLog
from shared_libs.common.players import Players
from shared_libs.common.roster import RosterEntry
from shared_libs.common.tracks import Tracks
from shared_libs.utils.progress import progress
from tracking.checkpoint import Checkpoint
from tracking.linker import link
from tracking.players import players_of
from tracking.settings import TrackerSettings
from tracking.standing import Standing

if TYPE_CHECKING:
    from tracking.appearance import Appearance, Looks
    from tracking.camera_path import CameraPath
    from tracking.reid_model import ReidModel
    from tracking.teams import Teams


@dataclass(frozen=True, slots=True)
class Said:
    """What people say of a game: who is on the teams, and what they corrected in the runs before."""

    roster: Sequence[RosterEntry] = ()
    edits: EditLog = field(default_factory=EditLog)


@dataclass(frozen=True, slots=True)
class People:
    """tracks: one id for each person found. players: the same with all corrections. found: the players before these,
    None where nobody has corrected anything. teams: None where none were looked for. notes: what has to be said,
    corrections that no longer fit above all."""

    tracks: Tracks
    players: Players
    found: Players | None
    teams: Teams | None
    notes: tuple[str, ...]


def look(
    video: Path,
    tracks: Tracks,
    model: ReidModel | None,
    checkpoint: Checkpoint,
    standing: Standing,
) -> tuple[Appearance, float]:
    """What the people on `tracks` look like in the film, and the seconds that it took. Raises InputError."""
    from tracking.appearance_stage import look_at_film

    with standing.stage("looking at players", tracks.frame_count) as watcher:
        return look_at_film(video, tracks, model, checkpoint, watcher)


def linked(
    tracks: Tracks,
    fps: float,
    settings: TrackerSettings,
    camera: CameraPath | None,
    appearance: Appearance | None,
) -> tuple[Tracks, Teams | None]:
    """`tracks` with one id for each person, and the teams of these where the film was looked at."""
    from tracking.teams import find_teams

    with progress(1, "linking", "steps") as bar:
        found = link(tracks, fps, settings, camera, appearance)
        teams = find_teams(found, renamed(appearance.jersey, tracks, found)) if appearance is not None else None
        bar.update(1)
    return found, teams


def renamed(looks: Looks, before: Tracks, after: Tracks) -> Looks:
    """The looks at boxes of `before` under the ids that the same boxes have in `after`."""
    from tracking.appearance import Looks

    one, other = (np.lexsort((each.xyxy[:, 0], each.xyxy[:, 1], each.frame)) for each in (before, after))
    ids = np.empty(len(before), np.int32)
    ids[one] = after.track_id[other]
    key = before.frame.astype(np.int64) << 32 | before.track_id
    order = np.argsort(key, kind="stable")
    wanted = looks.frame.astype(np.int64) << 32 | looks.track_id
    rows = order[np.searchsorted(key[order], wanted)] if len(wanted) else np.empty(0, np.int64)
    return Looks.from_arrays(ids[rows], looks.frame, looks.vector, looks.quality, looks.describer)


def people_on(tracks: Tracks, fps: float, settings: TrackerSettings, teams: Teams | None, said: Said) -> People:
    """The players of `tracks`, corrected."""
    longest_gap = round(settings.interpolate_seconds * fps)
    players = players_of(tracks, teams, roster=said.roster, longest_gap=longest_gap)
    done = corrected(players, tracks, said.edits, said.roster)
    notes: list[str] = []
    if said.edits.torn_line is not None:
        notes.append(f"line {said.edits.torn_line} of the edits is only half there and was left out")
    if count := len(done.applied) + len(done.unfit):
        notes.append(f"{len(done.applied)} of {count} corrections were applied")
        notes += [f"{each.kind} {each.edit_id} no longer fits: {each.why}" for each in done.unfit]
        notes += [f"{each.kind} {each.edit_id}: {each.what}" for each in done.remarks]
    return People(tracks, done.players, players if count else None, teams, tuple(notes))


def by_player(tracks: Tracks, players: Players) -> Tracks:
    """`tracks` with the players' ids, so that what was corrected can be seen; boxes that are nobody's are left out."""
    pieces = sorted((s.track_id, s.start, s.end, p.player_id) for p in players for s in p.segments)
    table = np.array(pieces, np.int64).reshape(-1, 4)
    key = (table[:, 0] << 32) + table[:, 1]
    place = np.searchsorted(key, (tracks.track_id.astype(np.int64) << 32) + tracks.frame, side="right") - 1
    kept = (place >= 0).nonzero()[0]
    owner = table[place[kept]]
    kept = kept[(owner[:, 0] == tracks.track_id[kept]) & (tracks.frame[kept] <= owner[:, 2])]
    return Tracks.from_arrays(
        frame=tracks.frame[kept],
        track_id=table[place[kept], 3],
        xyxy=tracks.xyxy[kept],
        score=tracks.score[kept],
        class_id=tracks.class_id[kept],
        source=tracks.source[kept],
        frame_count=tracks.frame_count,
    )
