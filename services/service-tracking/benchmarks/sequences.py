"""Sequences to be scored on: from folders in MOTChallenge's layout, or made by tools/sample."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.pictures import Pictures, pictures_of
from shared_libs.common.detections import Detections, read_detections
from shared_libs.common.errors import InputError
from shared_libs.common.files import read_bytes
from shared_libs.utils.progress import progress
from tracking.exact_tracks import ExactTracks, read_exact_tracks
from tracking.motchallenge import sequence_length

SAMPLE_COMMAND = "LAXAI_SAMPLE_COMMAND"
"""Names the variable with the command that starts tools/sample; the BUILD file sets it."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSequence:
    """Boxes to track and what is true of them. truth and detections have the same frame_count."""

    name: str
    truth: ExactTracks
    detections: Detections
    fps: float
    pictures: Pictures | None


def find_sequences(truth: Path) -> list[Path]:
    """The folders of the sequences in `truth`, by name. Raises InputError where there is none."""
    if not truth.is_dir():
        raise InputError(truth, "is not a folder" if truth.exists() else "no such folder")
    folders = sorted(path.parent.parent for path in truth.glob("*/gt/gt.txt"))
    if not folders:
        raise InputError(truth, "has no sequences", hint="expected <sequence>/gt/gt.txt in it")
    return folders


def read_sequence(folder: Path, detections: Path | None) -> LabelledSequence:
    """One sequence: `folder` has gt/gt.txt and seqinfo.ini; its boxes are DETECTIONS/<sequence>.txt or
    DETECTIONS/<sequence>/det/det.txt, and without `detections` those of the truth, with score 1.

    Raises InputError.
    """
    fps, image_folder = _rate_and_images(folder / "seqinfo.ini")
    path = folder / "gt" / "gt.txt"
    truth = read_exact_tracks(path)
    if len(truth.frame) == 0:
        raise InputError(path, "has no boxes to compare with")
    boxes = _truth_as_detections(truth) if detections is None else read_detections(_found(detections, folder.name))
    length = sequence_length(folder / "seqinfo.ini") or max(truth.frame_count, boxes.frame_count)
    for source, last in ((path, truth.frame), (detections or path, boxes.frame)):
        if len(last) and int(last[-1]) >= length:
            raise InputError(source, f"{folder.name} has boxes in frame {int(last[-1]) + 1} of {length}")
    return LabelledSequence(
        name=folder.name,
        truth=replace(truth, frame_count=length),
        detections=replace(boxes, frame_count=length),
        fps=fps,
        pictures=pictures_of(folder, image_folder),
    )


def make_sample_sequences(
    folder: Path,
    count: int,
    seconds: float,
    seed: int,
    *,
    video: bool = False,
    width: int = 1280,
    height: int = 720,
    quiet: bool = False,
) -> None:
    """Has tools/sample make `count` lacrosse games in `folder`, of `seconds` each, from seeds `seed` onwards.

    Raises InputError where it cannot be started or fails.
    """
    start = _sample_command()
    # With a film, each game takes long enough to have a bar of its own.
    with progress(count, "making sample games", "games", quiet=quiet or video) as bar:
        for number in range(seed, seed + count):
            words = [*start, "--out", str((folder / f"sample-{number}").absolute()), "--seed", str(number)]
            words += ["--seconds", f"{seconds:g}", "--width", str(width), "--height", str(height)]
            words += [] if video else ["--no-video"]
            words += [] if video and not quiet else ["--quiet"]
            _run(words)
            bar.advance()


def _run(words: list[str]) -> None:
    # Without our import path: it brings the libraries of its own lock.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=False)
    except OSError as error:
        raise InputError(words[0], f"cannot be started: {error.strerror or error}") from error
    if done.returncode != 0:
        raise InputError(SAMPLE_COMMAND, f"tools/sample ended with exit code {done.returncode}; what it said is above")


def _sample_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    hint = "start the benchmarks with `./bazelw run`, which sets it, or name sequences of your own"
    words = shlex.split(environment.get(SAMPLE_COMMAND, ""))
    if not words:
        raise InputError(SAMPLE_COMMAND, "is not set", hint=hint)
    program = words[0]
    found = shutil.which(program if "/" not in program else str(Path.cwd() / program))
    if found is None:
        raise InputError(SAMPLE_COMMAND, f"names no program that can be started: {program}", hint=hint)
    return [found, *words[1:]]


def _truth_as_detections(truth: ExactTracks) -> Detections:
    ones = np.ones(len(truth.frame))
    return Detections.from_arrays(truth.frame, truth.xyxy, ones, ones, truth.frame_count)


def _found(detections: Path, name: str) -> Path:
    for path in (detections / f"{name}.txt", detections / name / "det" / "det.txt"):
        if path.exists():
            return path
    raise InputError(detections, f"has no boxes for {name}", hint=f"expected {name}.txt or {name}/det/det.txt in it")


def _rate_and_images(path: Path) -> tuple[float, str]:
    parser = configparser.ConfigParser(interpolation=None)
    content = read_bytes(path)
    try:
        parser.read_string(content.decode("utf-8-sig"))
        rate, images = float(parser["Sequence"]["frameRate"]), parser["Sequence"].get("imDir", "img1")
    except (UnicodeDecodeError, configparser.Error, KeyError, ValueError) as error:
        raise InputError(path, "does not say how fast time runs", hint="expected frameRate=… in [Sequence]") from error
    if not 0 < rate <= 1000:
        raise InputError(path, f"frameRate must lie between 0 and 1000, not {rate:g}")
    return rate, images


def sequences_of(folders: list[Path], detections: Path | None) -> Iterator[LabelledSequence]:
    """One after the other, so that one at a time is in memory."""
    return (read_sequence(folder, detections) for folder in folders)
