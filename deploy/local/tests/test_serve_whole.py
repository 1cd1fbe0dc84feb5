"""//:serve as people start it, without any settings: a film that is put in comes out as a run with players."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared_libs.common.job_client.client import JobClient
from shared_libs.common.jobs import Job, JobState, TrackVideo
from shared_libs.common.players import read_players
from shared_libs.common.run import read_run
from shared_libs.common.storage import run_path, video_file
from shared_libs.utils.ids import new_id

SECONDS = 200.0


@contextmanager
def served(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """//:serve, on behalf of a user who has nothing yet."""
    # Of the settings those alone that say how the parts are started, as `bazel run` does.
    theirs = {name for name in os.environ if name.startswith(("LAXAI_", "XDG_")) and not name.endswith("_COMMAND")}
    kept = {name: value for name, value in os.environ.items() if name not in theirs}
    log = (home / "serve.log").open("wb")
    process = subprocess.Popen(
        shlex.split(os.environ["SERVE"]), env=kept | {"HOME": str(home)}, stdout=log, stderr=log, process_group=0
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_without_settings_a_submitted_film_is_tracked(tmp_path: Path) -> None:
    sample, storage = tmp_path / "sample", tmp_path / ".local" / "share" / "laxai"
    render = [*shlex.split(os.environ["SAMPLE"]), "--out", str(sample), "--seconds=2", "--seed=5"]
    subprocess.run(render, check=True, capture_output=True)
    video_id = new_id("video")
    for source, name in ((sample / "clip.mp4", "source.mp4"), (sample / "det" / "det.txt", "det.txt")):
        path = storage / video_file("local", video_id, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes())
    with served(tmp_path) as process:
        jobs = JobClient(f"sqlite:///{storage / 'laxai.db'}")
        job = jobs.submit("local", TrackVideo(video_id=video_id, detections_file="det.txt"))
        ended = _ended(jobs, job, process, tmp_path)
        assert ended.state == JobState.SUCCEEDED and ended.result is not None, ended
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    folder = storage / run_path("local", video_id, str(ended.result["run_id"]))
    assert read_run(folder / "run.json").metrics["players"] == len(read_players(folder / "players.json")) > 0
    assert (folder / "annotated.mp4").stat().st_size > 0


def _ended(jobs: JobClient, job: Job, process: subprocess.Popen[bytes], home: Path) -> Job:
    deadline = time.monotonic() + SECONDS
    while not (now := jobs.job("local", job.job_id)).state.is_final:
        in_time = time.monotonic() < deadline and process.poll() is None
        assert in_time, f"{now}\n{(home / 'serve.log').read_text(errors='replace')[-3000:]}"
        time.sleep(0.2)
    return now
