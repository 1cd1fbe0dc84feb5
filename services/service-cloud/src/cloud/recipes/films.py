"""The film of a video, and what people say of its game, in a job's folder of inputs."""

from __future__ import annotations

import re
from pathlib import Path

from cloud.recipes.wanted import Wanted, needed, welcome
from shared_libs.common.edits import EditLog, read_edits
from shared_libs.common.errors import InputError
from shared_libs.common.roster import RosterEntry, read_roster
from shared_libs.common.storage import EDITS, ROSTER, video_file, video_folder
from shared_libs.common.stored_files import StoredFiles

_SOURCE = re.compile(r"source\.[a-z0-9]{1,8}")


def film(tenant: str, files: StoredFiles, video_id: str, folder: Path) -> Wanted:
    """The film as it was uploaded, to be in `folder` under its own name; one of another name there goes.

    Raises InputError where there is none, or more than one.
    """
    names = [name for name in files.names(video_folder(tenant, video_id)) if _SOURCE.fullmatch(name)]
    if not names:
        raise _has_no_film(video_id)
    if len(names) > 1:
        cause = f"has more than one film: {', '.join(sorted(names))}"
        raise InputError(video_id, cause, hint="delete the video and upload the right film anew")
    for left in _films(folder):
        if left.name != names[0]:
            left.unlink()
    return needed(files, video_file(tenant, video_id, names[0]), folder / names[0], _has_no_film(video_id))


def fetched_film(folder: Path) -> Path:
    """Where `film` was brought to."""
    [path] = _films(folder)
    return path


def sayings(tenant: str, files: StoredFiles, video_id: str, folder: Path) -> list[Wanted]:
    """Who plays and what was corrected, as far as people have said so."""
    names = (ROSTER, EDITS)
    return [each for name in names for each in welcome(files, video_file(tenant, video_id, name), folder / name)]


def said(folder: Path) -> tuple[EditLog, tuple[RosterEntry, ...]]:
    """What `sayings` brought."""
    edits, roster = folder / EDITS, folder / ROSTER
    return (
        read_edits(edits) if edits.exists() else EditLog(),
        read_roster(roster) if roster.exists() else (),
    )


def sayings_options(folder: Path) -> tuple[str, ...]:
    """The options of `track` and `link` for what `sayings` brought."""
    options = (("--roster", folder / ROSTER), ("--edits", folder / EDITS))
    return tuple(word for option, path in options if path.exists() for word in (option, str(path)))


def _films(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("source.*")) if _SOURCE.fullmatch(path.name)]


def _has_no_film(video_id: str) -> InputError:
    return InputError(video_id, "the video has no film yet", hint="upload it first")
