"""Pushes to a registry that runs for the length of a test."""

import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from oci_layout import Json, file_of, sha256

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def crane() -> str:
    """rules_oci's own crane, which stands beside the program that pushes, or the one on the PATH."""
    runfiles = Path(os.environ["RUNFILES_DIR"])
    for program in sorted(runfiles.glob("*oci_crane_*/crane")):
        return str(program)
    program_on_path = shutil.which("crane")
    assert program_on_path, "there is no crane, neither in the runfiles nor on the PATH"
    return program_on_path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No credentials of the machine, and no proxy between a program and this machine."""
    keep = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {**keep, "DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}


@pytest.fixture
def registry(environment: dict[str, str]) -> Iterator[str]:
    """A registry that keeps everything in memory: its host and port."""
    server = subprocess.Popen(
        [crane(), "registry", "serve", "--address", "127.0.0.1:0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        said = []
        for line in server.stderr:
            said.append(line)
            if match := re.search(r"serving on port (\d+)", line):
                break
        else:
            pytest.fail("the registry did not start: " + "".join(said))
        # Nobody reads what it says from now on, and it must not wait for that.
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield f"127.0.0.1:{match[1]}"
    finally:
        server.terminate()
        server.wait()


def push(program: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([file_of(program), *arguments], env=environment, capture_output=True, text=True, check=False)


def get(registry: str, path: str, media_type: str = "*/*") -> bytes:
    request = urllib.request.Request(f"http://{registry}/v2/{path}", headers={"Accept": media_type})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        content: bytes = response.read()
    return content


def digest_in(variable: str) -> str:
    return file_of(variable).read_text(encoding="utf-8").strip()


def test_an_image_arrives_as_it_was_built(registry: str, environment: dict[str, str]) -> None:
    result = push("IMAGE_PUSH", environment, "--repository", f"{registry}/laxai/image", "--tag", "one", "--tag=two")
    assert result.returncode == 0, result.stderr

    for tag in ("one", "two", "always"):
        content = get(registry, f"laxai/image/manifests/{tag}", MANIFEST)
        assert sha256(content) == digest_in("IMAGE_DIGEST")
    manifest: Json = json.loads(content)
    config: Json = json.loads(get(registry, f"laxai/image/blobs/{manifest['config']['digest']}"))
    assert config["config"]["User"] == "65532"
    assert config["config"]["Entrypoint"][0] == "/opt/python/bin/python3.11"
    assert config["config"]["Labels"] == {"org.opencontainers.image.source": "https://example.org/a?b=c"}
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"])
    for layer in manifest["layers"]:
        assert sha256(get(registry, f"laxai/image/blobs/{layer['digest']}")) == layer["digest"]


def test_an_index_arrives_with_all_its_images(registry: str, environment: dict[str, str]) -> None:
    result = push("INDEX_PUSH", environment, "-r", f"{registry}/laxai/index", "-t", "latest")
    assert result.returncode == 0, result.stderr

    content = get(registry, "laxai/index/manifests/latest", INDEX)
    assert sha256(content) == digest_in("INDEX_DIGEST")
    for entry in json.loads(content)["manifests"]:
        assert sha256(get(registry, f"laxai/index/manifests/{entry['digest']}", MANIFEST)) == entry["digest"]


def test_crane_finds_a_pushed_image_valid(registry: str, environment: dict[str, str]) -> None:
    # crane's own check reads gzip only.
    push("GZIP_IMAGE_PUSH", environment, "--repository", f"{registry}/laxai/gzip", "--tag", "latest").check_returncode()
    validate = [crane(), "validate", "--remote", f"{registry}/laxai/gzip:latest"]
    result = subprocess.run(validate, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "PASS" in result.stdout + result.stderr


def test_a_second_push_of_the_same_image_changes_nothing(registry: str, environment: dict[str, str]) -> None:
    for _ in range(2):
        push("IMAGE_PUSH", environment, "--repository", f"{registry}/laxai/image").check_returncode()
    assert json.loads(get(registry, "laxai/image/tags/list"))["tags"] == ["always"]


def test_a_push_without_a_repository_is_refused(environment: dict[str, str]) -> None:
    result = push("IMAGE_PUSH", environment)
    assert result.returncode == 1
    assert "--repository" in result.stderr


def test_a_registry_that_does_not_answer_is_an_error(registry: str, environment: dict[str, str]) -> None:
    host, _, port = registry.partition(":")
    assert port
    # Nothing listens on port 1.
    result = push("IMAGE_PUSH", environment, "--repository", f"{host}:1/laxai/image", "--tag", "one")
    assert result.returncode != 0
    assert "refused" in result.stderr


class AnsweringBadly(BaseHTTPRequestHandler):
    """A registry that lets nobody in (`accepted` is None), or that goes away after it took so many blobs."""

    protocol_version = "HTTP/1.1"
    accepted: int | None = None

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        left = type(self).accepted
        if left is not None and self.command == "PUT":
            left -= 1
            type(self).accepted = left
        if left is not None and left < 0:
            self.close_connection = True
            return
        status, headers, body = self.what()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def what(self) -> tuple[HTTPStatus, dict[str, str], bytes]:
        if self.path == "/v2/":
            return HTTPStatus.OK, {}, b"{}"
        if self.command == "HEAD":
            return HTTPStatus.NOT_FOUND, {}, b""
        if type(self).accepted is None:
            refusal = {"errors": [{"code": "DENIED", "message": "you may not write here"}]}
            return HTTPStatus.FORBIDDEN, {"Content-Type": "application/json"}, json.dumps(refusal).encode()
        if self.command == "POST":
            return HTTPStatus.ACCEPTED, {"Location": f"{self.path.rstrip('/')}/upload"}, b""
        if self.command == "PATCH":
            return HTTPStatus.ACCEPTED, {"Location": self.path}, b""
        return HTTPStatus.CREATED, {}, b""

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering_badly(accepted: int | None) -> Iterator[str]:
    handler = type("Handler", (AnsweringBadly,), {"accepted": accepted})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_registry_that_lets_nobody_write_is_an_error_in_its_own_words(environment: dict[str, str]) -> None:
    with answering_badly(None) as registry:
        result = push("IMAGE_PUSH", environment, "--repository", f"{registry}/laxai/image", "--tag", "one")
    assert result.returncode != 0
    assert "DENIED: you may not write here" in result.stderr


def test_a_registry_that_goes_away_half_way_is_an_error_and_the_next_push_is_whole(
    registry: str, environment: dict[str, str]
) -> None:
    with answering_badly(2) as gone:
        result = push("IMAGE_PUSH", environment, "--repository", f"{gone}/laxai/image", "--tag", "one")
    assert result.returncode != 0
    assert gone in result.stderr
    push("IMAGE_PUSH", environment, "--repository", f"{registry}/laxai/image", "--tag", "one").check_returncode()
    assert sha256(get(registry, "laxai/image/manifests/one", MANIFEST)) == digest_in("IMAGE_DIGEST")
