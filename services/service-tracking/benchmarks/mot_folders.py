"""Truth and results in the folders that both TrackEval and `evaluate` read."""

from __future__ import annotations

from pathlib import Path

from shared_libs.common.tracks import Tracks, write_mot_tracks


def put_sequence(folder: Path, name: str, truth: Tracks, result: Tracks) -> None:
    """Writes truth/<name>/gt/gt.txt with seqinfo.ini, and trackers/ours/data/<name>.txt, into `folder`."""
    (folder / "truth" / name / "gt").mkdir(parents=True)
    write_mot_tracks(folder / "truth" / name / "gt" / "gt.txt", truth)
    info = f"[Sequence]\nname={name}\nseqLength={truth.frame_count}\n"
    (folder / "truth" / name / "seqinfo.ini").write_text(info)
    (folder / "trackers" / "ours" / "data").mkdir(parents=True, exist_ok=True)
    write_mot_tracks(folder / "trackers" / "ours" / "data" / f"{name}.txt", result)
