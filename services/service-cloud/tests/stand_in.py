"""Stands in for service-tracking: does what the film says, which is a line of JSON, and keeps a diary of it.

{"seconds": 0.1, "refuse": "words", "crash": true, "ignore_sigterm": true, "files": 500}
"""

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        print("stand-in 1")
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["track"])
    parser.add_argument("film", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reid")
    options = parser.parse_args()
    wanted = json.loads(options.film.read_bytes())
    _write_down(wanted, "began")
    if "refuse" in wanted:
        print(f"error: {options.film}: {wanted['refuse']}", file=sys.stderr)
        return 2
    if "crash" in wanted:
        os.kill(os.getpid(), signal.SIGSEGV)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "ignore_sigterm" in wanted else _stop)
    seconds, began = wanted.get("seconds", 0.0), time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    while (spent := time.monotonic() - began) < seconds:
        _tell(int(100 * spent / seconds))
        time.sleep(min(0.1, seconds - spent))
    _tell(100)
    (options.out / "tracks.txt").write_text("1,1,10,10,20,40,1,-1,-1,-1\n")
    for number in range(wanted.get("files", 0)):
        (options.out / f"piece-{number}.txt").write_text(str(number))
    film = {
        "name": "source.mp4",
        "size": options.film.stat().st_size,
        "sha256": hashlib.sha256(options.film.read_bytes()).hexdigest(),
    }
    (options.out / "run.json").write_text(json.dumps(_run(film)))
    _write_down(wanted, "ended")
    return 0


def _tell(done: int) -> None:
    line = {"laxai_progress": {"stage": "tracking", "done": done, "total": 100, "unit": "frames"}}
    print(json.dumps(line), file=sys.stderr, flush=True)


def _write_down(wanted: dict[str, object], what: str) -> None:
    """One line, whole: several of these may write at a time."""
    diary = os.open(os.environ["STAND_IN_DIARY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(diary, f"{wanted.get('name', '')} {what}\n".encode())
    os.close(diary)


def _stop(number: int, frame: object) -> None:
    print("interrupted; the same command goes on from there", file=sys.stderr, flush=True)
    sys.exit(143)


def _run(film: dict[str, object]) -> dict[str, object]:
    return {
        "schema": "laxai.run",
        "schema_version": 1,
        "service": "service-tracking",
        "created": "2026-05-01T12:00:00Z",
        "code_version": "stand-in",
        "inputs": {"video": film},
        "metrics": {"frames": 1, "players": 1},
    }


if __name__ == "__main__":
    sys.exit(main())
