"""Makes a whole clip: one folder with video, ground truth, detections and everything that is known.

The folder appears whole or not at all: it is written under a temporary name beside its place and renamed. A folder that
is there already is replaced only if it is empty or holds nothing but an earlier clip of this tool.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2

from sample.detector import detect
from sample.happenings import Happenings, count_happenings
from sample.scene import Scene
from sample.settings import Settings
from sample.truth import Observer, write_document, write_sequence_info, write_truth
from sample.world import World
from shared_libs.common.detections import write_mot_detections
from shared_libs.common.errors import OutputError
from shared_libs.common.video import FrameWriter
from shared_libs.utils.progress import progress

VIDEO = "clip.mp4"
TRUTH = "gt/gt.txt"
DETECTIONS = "det/det.txt"
SEQUENCE = "seqinfo.ini"
DOCUMENT = "truth.json"
_OURS = {VIDEO, TRUTH, DETECTIONS, SEQUENCE, DOCUMENT, "gt", "det"}


def make_clip(settings: Settings, folder: Path, *, video: bool = True, quiet: bool = True) -> Happenings:
    """Write the clip's files into `folder` and say what happens in it.

    Equal settings give equal bytes. Raises OutputError where the folder cannot be written or holds somebody's files.
    """
    with _whole_folder(folder) as fresh:
        cv2.setNumThreads(1)  # small pictures: threads cost more than they bring
        world = World(settings)
        observer = Observer(world)
        with contextlib.ExitStack() as stack:
            writer = scene = None
            if video:
                scene = Scene(settings, world.people, world.light)
                writer = stack.enter_context(
                    FrameWriter(fresh / VIDEO, fps=settings.fps, quality=23, preset="superfast", threads=1)
                )
            bar = stack.enter_context(progress(settings.frame_count, "sample clip", "frames", quiet=quiet))
            for index in range(settings.frame_count):
                frame = world.frame(index)
                observer.observe(frame)
                if writer is not None and scene is not None:
                    writer.write(scene.render(frame, world.pan_pixels(index)))
                bar.advance()
        truth = observer.truth()
        (fresh / "gt").mkdir()
        (fresh / "det").mkdir()
        write_truth(fresh / TRUTH, truth)
        write_mot_detections(fresh / DETECTIONS, detect(settings, truth))
        write_sequence_info(fresh / SEQUENCE, f"sample-{settings.seed}", settings)
        write_document(fresh / DOCUMENT, observer.document())
        return count_happenings(settings, world, truth)


@contextlib.contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block ends well, and is gone when it does not."""
    target = Path(os.path.realpath(folder))
    _refuse_strange(folder, target)
    token = secrets.token_hex(4)
    fresh, old = (target.with_name(f".{target.name}.{token}.{kind}") for kind in ("tmp", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error
    try:
        yield fresh
        _refuse_strange(folder, target)
        if target.exists():
            os.rename(target, old)
        try:
            os.rename(fresh, target)
        except OSError:
            if old.exists():
                os.rename(old, target)
            raise
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _refuse_strange(folder: Path, target: Path) -> None:
    """Raise where `target` holds anything that is not an earlier clip of this tool."""
    try:
        if not target.exists():
            return
        if not target.is_dir():
            raise OutputError(folder, "is a file, not a folder", hint="name a new folder")
        found = [path.relative_to(target).as_posix() for path in target.rglob("*")]
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error
    if not found:
        return
    strange = sorted(set(found) - _OURS)
    if strange:
        raise OutputError(
            folder, f"holds {strange[0]}, which is not part of a sample clip", hint="name a new or an empty folder"
        )
    try:
        document = json.loads((target / DOCUMENT).read_bytes())
        ours = isinstance(document, dict) and document.get("made_by") == "sample"
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise OutputError(folder, "holds files that this tool did not make", hint="name a new or an empty folder")
    if not os.access(target.parent, os.W_OK):
        raise OutputError.from_os_error(folder, PermissionError(errno.EACCES, "permission denied"))
