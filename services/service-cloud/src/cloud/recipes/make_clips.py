"""`make_clips`: a clip reel of each of some players of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from cloud.recipes.films import fetched_film, film, said, sayings
from cloud.recipes.recipe import Allowed, Command, Report
from cloud.recipes.runs import PLAYERS, PLAYERS_FOUND, TRACKS, run_file
from cloud.recipes.wanted import download_all, welcome
from shared_libs.common.clips import Reel, read_clips
from shared_libs.common.corrections import corrected
from shared_libs.common.jobs import MakeClips, RunReference
from shared_libs.common.model_store import ModelStore
from shared_libs.common.players import read_players, write_players
from shared_libs.common.storage import clips_path, run_path
from shared_libs.common.stored_files import StoredFiles
from shared_libs.common.tracks import read_tracks

CLIPS: Final = "clips.json"

_CLIPS = "clips"

_NOW = "players_now.json"
"""The players with all corrections."""


@dataclass(frozen=True, slots=True)
class MakeClipsRecipe:
    """Of one such job."""

    payload: MakeClips

    def fetch(self, tenant: str, files: StoredFiles, models: ModelStore, inputs: Path, report: Report) -> None:
        """The film, and who is where in it, as people have corrected that by now."""
        asked = self.payload
        run = RunReference(video_id=asked.video_id, run_id=asked.run_id)
        found = welcome(files, run_path(tenant, asked.video_id, asked.run_id, PLAYERS_FOUND), inputs / PLAYERS_FOUND)
        wanted = [
            *(run_file(tenant, files, run, name, inputs) for name in (TRACKS, PLAYERS)),
            *found,
            *sayings(tenant, files, asked.video_id, inputs),
            film(tenant, files, asked.video_id, inputs),
        ]
        download_all(files, wanted, report)
        players = read_players(inputs / (PLAYERS_FOUND if found else PLAYERS))
        edits, roster = said(inputs)
        write_players(inputs / _NOW, corrected(players, read_tracks(inputs / TRACKS), edits, roster).players)

    def commands(self, inputs: Path, out: Path) -> tuple[Command, ...]:
        """`clips`."""
        asked = self.payload
        files = ("--players", str(inputs / _NOW), "--tracks", str(inputs / TRACKS), "--out", str(out / _CLIPS))
        players = [word for player in dict.fromkeys(asked.player_ids or ()) for word in ("--player", str(player))]
        options = (*players, "--padding", str(asked.padding_seconds))
        return (Command("tracking", ("clips", str(fetched_film(inputs)), *files, *options), "making clips"),)

    def store(
        self, tenant: str, files: StoredFiles, out: Path, made: str, allowed: Allowed, report: Report
    ) -> dict[str, JsonValue]:
        """The reels, in a folder of their own in that of the run; the result says what each of them shows."""
        asked, clips_id = self.payload, _clips_id(made)
        source = out / _CLIPS
        clips = read_clips(source / CLIPS)
        folder = clips_path(tenant, asked.video_id, asked.run_id, clips_id)
        files.upload_folder(source, folder, last=CLIPS, allowed=allowed, report=report)
        reels: list[JsonValue] = [_told(reel) for reel in clips.reels]
        return {"video_id": asked.video_id, "run_id": asked.run_id, "clips_id": clips_id, "reels": reels}

    def discard(self, tenant: str, files: StoredFiles, made: str) -> None:
        """Of these reels."""
        files.remove_folder(clips_path(tenant, self.payload.video_id, self.payload.run_id, _clips_id(made)))


def _clips_id(made: str) -> str:
    return f"clips_{made}"


def _told(reel: Reel) -> dict[str, JsonValue]:
    scenes: list[JsonValue] = [scene.model_dump(mode="json") for scene in reel.scenes]
    told: dict[str, JsonValue] = {"player_id": reel.player_id, "number": reel.number, "name": reel.name}
    return {**told, "file": reel.file.name, "seconds": reel.seconds, "scenes": scenes}
