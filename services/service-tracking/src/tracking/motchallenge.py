"""Folders laid out as the MOTChallenge lays them out: many sequences, their truth and their results.

Truth: `TRUTH/<sequence>/gt/gt.txt`, with `TRUTH/<sequence>/seqinfo.ini` beside the folder `gt` where there is one.
Results: `RESULTS/<sequence>.txt`, or `RESULTS/data/<sequence>.txt` as TrackEval keeps a tracker's.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from tracking.exact_tracks import ExactTracks, read_exact_tracks


def sequences(truth: Path, results: Path) -> Iterator[tuple[str, ExactTracks, ExactTracks]]:
    """Name, truth and tracks of each sequence in the folder `truth`, by name.

    A sequence is as long as its seqinfo.ini says. Results of sequences that the truth does not have are left alone.
    Raises InputError where there is no sequence, a sequence has no results, or a file cannot be read.
    """
    folders = sorted(path.parent.parent for path in truth.glob("*/gt/gt.txt"))
    if not folders:
        raise InputError(truth, "has no sequences", hint="expected <sequence>/gt/gt.txt in it")
    paths = [(folder, _result(results, folder.name)) for folder in folders]
    for folder, path in paths:
        true = read_exact_tracks(folder / "gt" / "gt.txt")
        if len(true.frame) == 0:
            raise InputError(folder / "gt" / "gt.txt", "has no boxes to compare with")
        # A run that found nothing writes a file of no lines.
        tracks = read_exact_tracks(path, allow_empty=True)
        length = sequence_length(folder / "seqinfo.ini")
        if length is not None:
            true = _of_length(true, length, folder / "gt" / "gt.txt")
            tracks = _of_length(tracks, length, path)
        yield folder.name, true, tracks


def sequence_length(path: Path) -> int | None:
    """Frames in the sequence by its seqinfo.ini; None where there is no such file. Raises InputError."""
    if not path.exists():
        return None
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_bytes(path).decode("utf-8-sig"))
        length = int(parser["Sequence"]["seqLength"])
    except (UnicodeDecodeError, configparser.Error, KeyError, ValueError) as error:
        cause = " ".join(str(error).split()) if isinstance(error, configparser.ParsingError | ValueError) else ""
        raise InputError(
            path,
            f"does not say how long the sequence is{': ' if cause else ''}{cause}",
            hint="expected seqLength=… in [Sequence]",
        ) from error
    if length < 1:
        raise InputError(path, f"seqLength must be at least 1, not {length}")
    return length


def _result(results: Path, name: str) -> Path:
    for path in (results / f"{name}.txt", results / "data" / f"{name}.txt"):
        if path.exists():
            return path
    raise InputError(results, f"has no results for {name}", hint=f"expected {name}.txt in it")


def _of_length(tracks: ExactTracks, length: int, path: Path) -> ExactTracks:
    if len(tracks.frame) and int(tracks.frame[-1]) >= length:
        raise InputError(
            path,
            f"has boxes in frame {int(tracks.frame[-1]) + 1}; the sequence has {length} by its seqinfo.ini",
            hint="is it of the same sequence?",
        )
    return replace(tracks, frame_count=length)
