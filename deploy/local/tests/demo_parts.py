"""Stand-ins for what the demo starts: real programs, among them a small HTTP server in place of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.local.tests.parts import part
from local_stack.commands import API, CLOUD, SAMPLE, TRACKING, TRAINING

SAMPLE_PART = """
import json, os, sys
from pathlib import Path
option, out, *more = sys.argv[1:]
assert option == "--out"
out = Path(out)
for name in ("clip.mp4", "gt/gt.txt", "det/det.txt"):
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text(Path(name).name)
(out / "arguments.txt").write_text(" ".join(more))
said = {"stage": "sample clip", "done": 3, "total": 4, "unit": "frames"}
draft = Path(os.environ["LAXAI_PROGRESS_FILE"] + ".tmp")
draft.write_text(json.dumps({"laxai_progress": said}))
draft.replace(os.environ["LAXAI_PROGRESS_FILE"])
print("the clip is rendered")
"""

# Measures by what the file of tracks says: the run's number.
TRACKING_PART = """
import json, sys
from pathlib import Path
command, truth, tracks, option = sys.argv[1:]
assert (command, option) == ("evaluate", "--json") and Path(truth).name == "gt.txt"
print(json.dumps(SCORES[Path(tracks).read_text()]))
print("measured", file=sys.stderr)
"""

WORKER_PART = """
import json, os, time
from pathlib import Path
told = {name: value for name, value in os.environ.items() if name.startswith("LAXAI_")}
Path(TOLD).write_text(json.dumps(told))
time.sleep(600)
"""

# Every job is done as soon as somebody follows it. What it was asked for goes to ASKED, a line each.
API_PART = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

assert sys.argv[1:] == ["serve"]
video = {"video_id": "video_0123456789ab", "state": "uploading", "reason": None}
jobs = []
pipe = os.open(PIPE, os.O_WRONLY) if PIPE else None


def result(number, payload):
    kind, made = payload["kind"], f"{number:012x}"
    if kind == "build_dataset":
        counts = {"train_crops": 1200, "train_identities": 20, "val_crops": 300, "val_identities": 5}
        return {"dataset_id": f"dataset_{made}", "notes": [], **counts}
    if kind == "train_reid":
        return {"model_id": f"model_{made}", "rank1": 0.875, "mAP": None}
    folder = Path(os.environ["LAXAI_STORAGE"], "local", "videos", payload["video_id"], "runs", f"run_{made}")
    folder.mkdir(parents=True)
    for name in ("annotated.mp4", "report.html"):
        (folder / name).write_text(f"{name} of {folder.name}")
    counts = {"players": 20 + number, "tracks": 30 + number}
    return {"video_id": payload["video_id"], "run_id": folder.name, "notes": [f"{kind} was easy"], **counts}


class Handler(BaseHTTPRequestHandler):
    def answer(self, document, status=200, **headers):
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def body(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(content) if self.headers.get("Content-Type") == "application/json" else content

    def do_GET(self):
        path = self.path.removeprefix("/api/v1").partition("?")[0]
        if path == "/videos":
            self.answer({"items": [], "following": None})
        elif path.endswith("/events"):
            self.follow(jobs[int(path.split("/")[2].removeprefix("job_"), 16)])
        elif path.endswith("/tracks.txt"):
            self.answer(path.split("/")[4].encode())
        else:
            self.answer(video)
            if video["state"] == "checking":
                video["state"] = END

    def follow(self, job):
        self.answer(b"")
        steps = [("running", 1, {"progress": {"stage": "working", "done": 1, "total": 2, "message": "1 of 2 frames"}})]
        kind = job["payload"]["kind"]
        if kind in FAILS:
            steps.append(("failed", 2, {"error": FAILS[kind]}))
            if LOGS:
                log = Path(os.environ["LAXAI_WORK"], job["job_id"], "log.txt")
                log.parent.mkdir(parents=True)
                log.write_text("reading\\n" + '{"laxai_progress": {}}' + "\\nno memory\\n")
        elif kind != HANGS:
            steps.append(("succeeded", 2, {"result": result(jobs.index(job), job["payload"])}))
        for state, revision, more in steps:
            times = {"started": job["created"], "finished": job["created"] if state != "running" else None}
            told = job | {"state": state, "revision": revision} | times | more
            self.wfile.write(f"data: {json.dumps(told)}\\n\\n".encode())
            self.wfile.flush()
        if kind == HANGS:
            time.sleep(600)

    def do_HEAD(self):
        self.answer(b"", Upload_Offset="0", Upload_Length=str(video["size"]))

    def do_POST(self):
        asked = self.body()
        if self.path == "/api/v1/videos":
            video.update(asked)
            self.answer(video)
            return
        job = {"job_id": f"job_{len(jobs):012x}", "tenant": "local", "created": "2026-01-02T03:04:05Z"}
        jobs.append(job | {"payload": asked["payload"], "state": "queued"})
        with open(ASKED, "a") as file:
            print(json.dumps(asked["payload"]), file=file)
        self.answer(jobs[-1])

    def do_PATCH(self):
        arrived = len(self.body())
        video["state"] = "checking"
        video["reason"] = "it is no film"
        self.answer(b"", Upload_Offset=str(arrived))

    def do_PUT(self):
        self.answer({"file": "boxes_of_" + self.body().decode(), "boxes": 1, "frames": 1})

    def log_message(self, *words):
        print("asked", *words, file=sys.stderr)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["LAXAI_PORT"])), Handler).serve_forever()
"""

BETTER, WORSE = ({"hota": hota, "idf1": 0.9149, "switches": switches} for hota, switches in ((0.8711, 9), (0.8602, 12)))
FIRST_RUN, SECOND_RUN = "run_000000000000", "run_000000000003"
"""By the number of the job that makes it."""


def demo_settings(folder: Path, **parts: str) -> dict[str, str]:
    """What the environment has to say for the demo to start stand-ins, written to `folder`; `parts`: others."""
    usual: dict[str, tuple[str, Callable[[], str]]] = {
        "sample": (SAMPLE, lambda: part(folder, "sample", SAMPLE_PART)),
        "tracking": (TRACKING, lambda: tracking_part(folder)),
        "training": (TRAINING, lambda: part(folder, "training", "raise SystemExit('nobody starts it')")),
        "worker": (CLOUD, lambda: part(folder, "worker", WORKER_PART, TOLD=str(folder / "told.json"))),
        "api": (API, lambda: api_part(folder)),
    }
    return {variable: parts[name] if name in parts else make() for name, (variable, make) in usual.items()}


def tracking_part(folder: Path, before: object = WORSE, after: object = BETTER) -> str:
    """Measures the first run as `before`, the second as `after`."""
    return part(folder, "tracking", TRACKING_PART, SCORES={FIRST_RUN: before, SECOND_RUN: after})


def api_part(
    folder: Path,
    *,
    end: str = "ready",
    fails: dict[str, str] | None = None,
    logs: bool = True,
    hangs: str = "",
    pipe: str = "",
) -> str:
    """An API. end: the state in which an uploaded video comes to be. fails: errors by kind of job; `logs`: which leave
    a log where the worker works. hangs: the kind of which jobs never end. pipe: held open as long as it runs."""
    asked = str(folder / "asked.jsonl")
    return part(folder, "api", API_PART, END=end, FAILS=fails or {}, LOGS=logs, HANGS=hangs, PIPE=pipe, ASKED=asked)


def asked(folder: Path) -> list[dict[str, Any]]:
    """The payloads of all jobs that an API was asked for."""
    return [json.loads(line) for line in (folder / "asked.jsonl").read_text().splitlines()]


def failing_part(folder: Path, code: int) -> str:
    """A part that says why it fails."""
    lines = "".join(f"print('line {number}')\n" for number in range(30))
    return part(folder, "failing", f"import sys\n{lines}print('error: no disk')\nsys.exit({code})\n")
