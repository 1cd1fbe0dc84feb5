"""The image of service-cloud works as it would in a container engine."""

from __future__ import annotations

import json
import os
from pathlib import Path

from container import Container, Image

WORKS = """
import json, os, subprocess, sys, time, urllib.request

# Any program: none is started here.
os.environ["LAXAI_COMMANDS"] = json.dumps({"tracking": sys.executable})

settings = ["--storage", "/tmp/storage", "--metrics-port", "9464"]
worker = subprocess.Popen(
    [sys.executable, "-m", "cloud", "worker", *settings], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
)
while True:
    try:
        with urllib.request.urlopen("http://127.0.0.1:9464/health", timeout=10) as response:
            status = response.status
        break
    except OSError:
        if worker.poll() is not None:
            sys.exit("the worker ended: " + worker.stdout.read())
        time.sleep(0.1)
listing = [sys.executable, "-m", "cloud", "jobs", "list", "--storage", "/tmp/storage"]
listed = subprocess.run(listing, capture_output=True, text=True)
worker.terminate()
worker.communicate()
print(json.dumps({"status": status, "code": worker.returncode, "listed": listed.returncode}))
"""


def test_the_worker_answers_in_the_image_and_sigterm_ends_it(tmp_path: Path) -> None:
    container = Container(Image(Path(os.environ["IMAGE"]).absolute()), tmp_path / "root")
    ended = container.python(WORKS)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"status": 200, "code": 143, "listed": 0}
