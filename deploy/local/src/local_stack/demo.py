"""The demo: a sample game is rendered, tracked, and measured against its known truth.

./bazelw run //:demo [-- --out DIR] [--seconds S] [--seed N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.children import Children
from local_stack.commands import SAMPLE, TRACKING, command, not_startable
from local_stack.endings import PartFailed, exit_code_of
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.run import Run, read_run
from shared_libs.utils.paths import user_path


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo. Folders are as the user typed them: the parts resolve them in the same way."""

    out: Path
    sample_options: Sequence[str] = ()
    started: float = field(default_factory=time.monotonic)

    @property
    def sample(self) -> Path:
        return self.out / "sample"

    @property
    def tracking(self) -> Path:
        return self.out / "tracking"

    def run(self) -> None:
        """Runs both parts and says what came of them. Raises UserError, PartFailed, Stopped."""
        render, track = command(SAMPLE), command(TRACKING)
        _make_folder(self.out)
        with Children() as children:
            _heading("1 of 2  A game of which every position is known")
            self._part(children, "the sample renderer", [*render, "--out", str(self.sample), *self.sample_options])
            _heading("2 of 2  The service follows the players")
            arguments = ["track", str(self.sample / "clip.mp4"), "--out", str(self.tracking)]
            arguments += ["--detections", str(self.sample / "det" / "det.txt")]
            arguments += ["--truth", str(self.sample / "gt" / "gt.txt")]
            arguments += ["--reid", "none"]  # the same for everybody, whatever model they have promoted
            self._part(children, "service-tracking", [*track, *arguments])
        self._say_results()

    def _part(self, children: Children, name: str, words: Sequence[str]) -> None:
        try:
            code = children.run(words)
        except OSError as error:
            raise not_startable(words, error) from error
        if code != 0:
            raise PartFailed(name, code)

    def _say_results(self) -> None:
        folder = user_path(self.tracking)
        run = read_run(folder / "run.json")
        for name in ("annotated.mp4", "report.html"):
            if not (folder / name).is_file():
                raise InputError(folder / name, "service-tracking ended well but did not write it")
        _heading(f"Done in {_duration(time.monotonic() - self.started)}")
        print(f"  annotated video   {self.tracking / 'annotated.mp4'}")
        print(f"  report            {self.tracking / 'report.html'}")
        print(f"  against the truth {_scores(run, folder / 'run.json')}", flush=True)


def _scores(run: Run, path: Path) -> str:
    try:
        hota, idf1, switches = (run.metrics[name] for name in ("hota", "idf1", "switches"))
    except KeyError as error:
        raise InputError(path, f"has no metric {error}, although the truth was given") from error
    return f"HOTA {100 * hota:.1f} %, IDF1 {100 * idf1:.1f} %, {switches:.0f} identity switches"


def _make_folder(out: Path) -> None:
    folder = user_path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(folder, "is a file, not a folder", hint="choose another --out") from error
    except OSError as error:
        raise OutputError.from_os_error(folder, error) from error


def _heading(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo", description="Renders a sample lacrosse game, tracks its players and measures how well."
    )
    parser.add_argument("--out", default="laxai-demo", metavar="DIR", help="where the results go (%(default)s)")
    parser.add_argument("--seconds", metavar="S", help="length of the clip (20)")
    parser.add_argument("--seed", metavar="N", help="another seed is another game")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; the exit code is 0, 2 for bad input, a failed part's own, or 128 + n after signal n."""
    options = _parser().parse_args(arguments)
    sample_options = [
        f"--{name}={value}" for name in ("seconds", "seed") if (value := getattr(options, name)) is not None
    ]
    return exit_code_of(Demo(Path(options.out), sample_options).run)


if __name__ == "__main__":
    sys.exit(main())
