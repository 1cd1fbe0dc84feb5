"""The same scores by TrackEval, in our names."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import trackeval

COMBINED = "COMBINED_SEQ"


def by_trackeval(folder: Path, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Scores of each sequence and of all (`COMBINED`) by the names of `Scores`, all of them but `frames`.

    `folder` has truth/<sequence>/gt/gt.txt with seqinfo.ini, and trackers/ours/data/<sequence>.txt. Without TrackEval's
    preprocessing, which drops classes and zero-marked truth of particular challenges.
    """
    quiet = {"PRINT_CONFIG": False}
    evaluator = trackeval.Evaluator(
        {
            **quiet,
            "PRINT_RESULTS": False,
            "TIME_PROGRESS": False,
            "OUTPUT_SUMMARY": False,
            "OUTPUT_DETAILED": False,
            "PLOT_CURVES": False,
            "BREAK_ON_ERROR": True,
            "LOG_ON_ERROR": None,
        }
    )
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            **quiet,
            "GT_FOLDER": str(folder / "truth"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "SKIP_SPLIT_FOL": True,
            "DO_PREPROC": False,
            "SEQ_INFO": dict.fromkeys(names),
        }
    )
    families = [
        trackeval.metrics.HOTA(quiet),
        trackeval.metrics.CLEAR(quiet),
        trackeval.metrics.Identity(quiet),
    ]
    with redirect_stdout(io.StringIO()):  # it says what it does, whatever its settings
        results, _ = evaluator.evaluate([dataset], families)
    found = results["MotChallenge2DBox"]["ours"]
    return {name: _in_our_names(found[name]["pedestrian"]) for name in [*names, COMBINED]}


def _in_our_names(theirs: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    hota, clear, identity, counted = (theirs[family] for family in ("HOTA", "CLEAR", "Identity", "Count"))
    return {
        "hota": float(np.mean(hota["HOTA"])),
        "det_a": float(np.mean(hota["DetA"])),
        "ass_a": float(np.mean(hota["AssA"])),
        "loc_a": float(np.mean(hota["LocA"])),
        "idf1": identity["IDF1"],
        "id_precision": identity["IDP"],
        "id_recall": identity["IDR"],
        "mota": clear["MOTA"],
        "motp": clear["MOTP"],
        "switches": clear["IDSW"],
        "fragmentations": clear["Frag"],
        "false_positives": clear["CLR_FP"],
        "false_negatives": clear["CLR_FN"],
        "true_positives": clear["CLR_TP"],
        "mostly_tracked": clear["MT"],
        "partly_tracked": clear["PT"],
        "mostly_lost": clear["ML"],
        "truth_boxes": counted["GT_Dets"],
        "track_boxes": counted["Dets"],
        "truth_ids": counted["GT_IDs"],
        "track_ids": counted["IDs"],
    }
