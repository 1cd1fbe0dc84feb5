"""The image of service-api answers as it would in a container engine."""

from __future__ import annotations

import json
import os
from pathlib import Path

from container import Container, Image

ASKS = """
import json, subprocess, sys, time, urllib.error, urllib.request

command = [sys.executable, "-m", "api", "serve", "--port", "8080", "--storage", "/tmp/storage"]
server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

def answer(path):
    with urllib.request.urlopen("http://127.0.0.1:8080" + path, timeout=10) as response:
        return response.status, response.headers["Content-Type"], response.read().decode()

while True:
    try:
        found = {path: answer(path) for path in ("/api/v1/health/live", "/", "/api/v1/openapi.json")}
        break
    except OSError:
        if server.poll() is not None:
            sys.exit("the server ended: " + server.stdout.read())
        time.sleep(0.1)
server.terminate()
server.communicate()
print(json.dumps({"found": found, "code": server.returncode}))
"""


def test_the_api_and_the_page_answer_in_the_image_and_sigterm_ends_it(tmp_path: Path) -> None:
    container = Container(Image(Path(os.environ["IMAGE"]).absolute()), tmp_path / "root")
    ended = container.python(ASKS)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert {path: status for path, (status, _, _) in said["found"].items()} == dict.fromkeys(said["found"], 200)
    assert said["found"]["/"][1].startswith("text/html")
    assert "/api/v1/videos" in said["found"]["/api/v1/openapi.json"][2]
    assert said["code"] in (0, 143)
