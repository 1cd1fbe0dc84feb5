"""The demo: a game on its way through all services, and what a model that learns from it changes.

./bazelw run //:demo [-- --out DIR] [--video FILE [--detections FILE]] [--budget TIME] [--no-serve]
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from local_stack.asking import JobFailed
from local_stack.children import Children
from local_stack.commands import API, CLOUD, SAMPLE, TRACKING, TRAINING, command
from local_stack.demo_folder import DemoFolder, demo_folder
from local_stack.endings import Failed, PartFailed, exit_code_of
from local_stack.stack import SECONDS_TO_TIDY_UP
from local_stack.tour import BUDGET, Request, Tour
from shared_libs.common.errors import InputError
from shared_libs.utils.paths import user_path

LINES_SHOWN = 15
"""Of the log of what failed."""

_LONGEST_BUDGET = 7 * 24 * 3600


def demo(request: Request, out: Path) -> None:
    """Shows it all; the results are in the folder `out`. Raises UserError, Failed, Stopped."""
    for path in (request.video, request.detections):
        if path is not None and not path.is_file():
            raise InputError(path, "is no file", hint="check the path")
    for variable in (TRACKING, TRAINING, CLOUD, API, *([SAMPLE] if request.video is None else [])):
        command(variable)  # before anything is touched
    # Whatever the user's own services are told is not for these.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAXAI_")}
    with demo_folder(out) as folder, Children(SECONDS_TO_TIDY_UP, environment) as children:
        try:
            Tour(request, folder, children).run()
        except Failed as failure:
            _show_last_lines(_log_of(failure, folder))
            raise


def _log_of(failure: Failed, folder: DemoFolder) -> Path:
    """Where there is more to be read about a failure."""
    if isinstance(failure, PartFailed):
        return folder.log(failure.part)
    if isinstance(failure, JobFailed) and (log := folder.work / failure.job_id / "log.txt").exists():
        return log
    return folder.log("worker")


def _show_last_lines(log: Path) -> None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    # Programs that were asked to say how far they are do so in lines of JSON.
    told = [line for line in lines if not line.startswith('{"laxai_progress"')][-LINES_SHOWN:]
    print("\n".join(["", f"{log} ends with:", *(f"  | {line}" for line in told)]), file=sys.stderr)


def _seconds(text: str) -> int:
    """Of a time such as 60s, 5m, 2h. Raises ArgumentTypeError."""
    found = re.fullmatch(r"(\d{1,6})(s|m|h)?", text, re.ASCII)
    seconds = int(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"] if found else 0
    if not 1 <= seconds <= _LONGEST_BUDGET:
        raise argparse.ArgumentTypeError(f"{text!r} is no time of 1 s to 7 days, such as 90s, 5m or 2h")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo", description="Follows the players of a game, trains a model on them, and shows what it changes."
    )
    parser.add_argument("--out", default="laxai-demo", metavar="DIR", help="where the results go (%(default)s)")
    parser.add_argument("--video", metavar="FILE", help="your own game, in place of a rendered one")
    parser.add_argument("--detections", metavar="FILE", help="boxes on it: MOTChallenge text, LaxAI JSON, Parquet")
    parser.add_argument("--seconds", metavar="S", help="length of the rendered game (20)")
    parser.add_argument("--seed", metavar="N", help="another seed is another game")
    parser.add_argument(
        "--budget",
        type=_seconds,
        default=BUDGET,
        metavar="TIME",
        help="of training: 90s, 5m, 2h (%(default)s s)",
    )
    parser.add_argument("--no-serve", action="store_true", help="end when all is done, without showing the page")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; the exit code is 0, 2 for bad input, that of what failed, or 128 + n after signal n."""
    parser = _parser()
    options = parser.parse_args(arguments)
    sample = {name: value for name in ("seconds", "seed") if (value := getattr(options, name)) is not None}
    if options.video is None and options.detections is not None:
        parser.error("--detections goes with --video")
    if options.video is not None and sample:
        parser.error(f"--{next(iter(sample))} is for the rendered game, and --video names yours")
    request = Request(
        video=_absolute(options.video),
        detections=_absolute(options.detections),
        sample_options=tuple(f"--{name}={value}" for name, value in sample.items()),
        budget=options.budget,
        serves=not options.no_serve,
    )
    return exit_code_of(lambda: demo(request, Path(options.out)))


def _absolute(path: str | None) -> Path | None:
    return user_path(path).absolute() if path is not None else None


if __name__ == "__main__":
    sys.exit(main())
