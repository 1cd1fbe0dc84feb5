"""The command line: `python -m sample --out DIR`, or `bazel run //tools/sample -- --out DIR`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import sample
from sample.clip import make_clip
from sample.happenings import Happenings
from sample.settings import Settings
from shared_libs.common.errors import UserError
from shared_libs.utils.paths import as_typed, user_path


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, like every other error."""
        print(f"error: {message} \N{EN DASH} --help shows all options", file=sys.stderr)
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = _Parser(
        prog="sample",
        description="Render a short lacrosse clip of which everything is known: video, ground truth, detections.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder to make (new, empty, or an older clip)")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="length of the clip")
    parser.add_argument("--width", type=int, default=default.width, help="pixels, even")
    parser.add_argument("--height", type=int, default=default.height, help="pixels, even")
    parser.add_argument("--fps", type=int, default=default.fps, help="frames a second")
    parser.add_argument("--seed", type=int, default=default.seed, help="another seed is another game and other people")
    parser.add_argument("--players", type=int, default=default.players, help="a side on the field, goalkeeper included")
    parser.add_argument("--no-video", action="store_true", help="truth and detections only, in a few seconds")
    parser.add_argument("--quiet", action="store_true", help="no progress and no summary")
    parser.add_argument("--version", action="version", version=f"sample {sample.__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 2 for an error of the user's, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    # A polite kill cleans up like Ctrl-C does.
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = Settings(
            seconds=options.seconds,
            width=options.width,
            height=options.height,
            fps=options.fps,
            seed=options.seed,
            players=options.players,
        )
        folder = user_path(options.out)
        started = time.monotonic()
        happenings = make_clip(settings, folder, video=not options.no_video, quiet=options.quiet)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: nothing was left behind", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)
    if not options.quiet:
        _summarise(folder, settings, happenings, time.monotonic() - started)
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _summarise(folder: Path, settings: Settings, happenings: Happenings, seconds: float) -> None:
    exits = happenings.short_exits + happenings.long_exits
    print(
        f"{as_typed(folder)}: {settings.frame_count} frames of {settings.width}x{settings.height}, "
        f"{happenings.people} people, {happenings.boxes_per_frame:.1f} boxes a frame, "
        f"{happenings.occlusions} occlusions, {exits} exits with re-entry; made in {seconds:.1f} s"
    )
