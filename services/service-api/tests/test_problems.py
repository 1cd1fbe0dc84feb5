"""Every error is an answer that says what went wrong, and nothing of this machine."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Callable, Iterator
from typing import Annotated

import pytest
import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, SecretStr, field_validator
from tests.served import Served, new_site, problem, served

from api.app import create_app
from api.problems import Problem, problem_of
from shared_libs.common.errors import InputError, OutputError, TransientError
from shared_libs.common.job_client.client import JobConflict, NoSuchJob
from shared_libs.common.storage import StoragePathError
from shared_libs.config.logging import configure_logging

SECRET = "sesame-7"
FOLDER = "/srv/laxai/eagles"


def _full(path: str) -> OutputError:
    return OutputError.from_os_error(path, OSError(errno.ENOSPC, "No space left on device"))


def _chained() -> Exception:
    error = OutputError(f"{FOLDER}/source.mp4", "cannot be written: something or other")
    error.__cause__ = OSError(errno.EDQUOT, "Disk quota exceeded")
    return error


def _away() -> Exception:
    cause = f'connection to server at "10.0.0.3", port 5432 failed: password {SECRET} is wrong'
    return TransientError("postgresql+psycopg://laxai@10.0.0.3/laxai", cause)


RAISED: dict[str, tuple[Callable[[], Exception], int, str]] = {
    "problem": (lambda: Problem(409, "too-late", "It has begun.", since=7), 409, "too-late"),
    "job": (lambda: NoSuchJob("job_0123456789ab", "there is no such job"), 404, "no-such-job"),
    "conflict": (lambda: JobConflict("job_0123456789ab", "has succeeded already"), 409, "job-conflict"),
    "path": (lambda: StoragePathError("not '../../etc/passwd'"), 404, "not-found"),
    "input": (lambda: InputError(f"{FOLDER}/roster.csv", "no number", line=3, hint="add one"), 422, "not-usable"),
    "hint": (lambda: InputError("roster", "odd", hint=f"see {FOLDER}/a and s3://bucket/b"), 422, "not-usable"),
    "full": (lambda: _full(f"{FOLDER}/source.mp4"), 507, "disk-full"),
    "quota": (_chained, 507, "disk-full"),
    "raw-full": (lambda: OSError(errno.ENOSPC, "No space left on device", FOLDER), 507, "disk-full"),
    "database-full": (lambda: TransientError(FOLDER, "database or disk is full"), 507, "disk-full"),
    "away": (_away, 503, "not-now"),
    "driver": (lambda: sa.exc.OperationalError(f"SELECT '{SECRET}'", {}, Exception(SECRET)), 503, "not-now"),
    "output": (lambda: OutputError(f"{FOLDER}/x", "may not be written"), 500, "not-written"),
    "bug": (lambda: KeyError(SECRET), 500, "broken"),
}


class Person(BaseModel):
    number: int
    password: SecretStr

    @field_validator("number")
    @classmethod
    def _has_two_digits(cls, number: int) -> int:
        if number > 99:
            raise ValueError("has more than two digits")
        return number


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("site")
    site = new_site(folder)
    app = create_app(site.settings, site)

    @app.get("/api/v1/raise/{name}")
    def fail(name: str) -> None:
        raise RAISED[name][0]()

    @app.post("/api/v1/people")
    def add(person: Person, team: Annotated[str, Query(max_length=3)]) -> Person:
        return person

    with served(folder, app=app) as made:
        yield made


@pytest.mark.parametrize("name", RAISED)
def test_every_error_is_a_problem_without_paths_and_secrets(place: Served, name: str) -> None:
    _, status, slug = RAISED[name]
    answer = place.http.get(f"/api/v1/raise/{name}")
    problem(answer, status, slug)
    for told in ("/srv", "s3://", "10.0.0.3", "passwd", SECRET, "Traceback", "KeyError"):
        assert told not in answer.text
    assert place.http.get("/api/v1/health/live").status_code == 200


def test_what_helps_is_told(place: Served) -> None:
    assert place.http.get("/api/v1/raise/problem").json()["since"] == 7
    assert place.http.get("/api/v1/raise/conflict").json()["detail"] == "job_0123456789ab: has succeeded already"
    assert place.http.get("/api/v1/raise/input").json()["detail"] == "line 3: no number – add one"
    assert place.http.get("/api/v1/raise/hint").json()["detail"] == "roster: odd – see … and …"


def test_what_is_away_says_when_to_ask_again(place: Served) -> None:
    assert int(place.http.get("/api/v1/raise/away").headers["Retry-After"]) > 0


def test_a_bug_is_found_in_the_log_by_what_was_answered(place: Served) -> None:
    log = io.StringIO()
    configure_logging("service-api", mode="json", stream=log)
    said = problem(place.http.get("/api/v1/raise/bug"), 500, "broken")
    assert said["request_id"] in said["detail"]
    [line] = [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "request_failed"]
    assert line["request_id"] == said["request_id"] and line["status"] == 500
    assert line["exception"][0]["exc_type"] == "KeyError"


def test_what_is_invalid_is_named_without_what_was_given(place: Served) -> None:
    given = {"number": 100, "password": {"no": SECRET}}
    answer = place.http.post("/api/v1/people", params={"team": SECRET}, json=given)
    said = problem(answer, 422, "invalid-request")
    assert {each["where"]: each["cause"] for each in said["errors"]} == {
        "query.team": "String should have at most 3 characters",
        "body.number": "has more than two digits",
        "body.password": "Input should be a valid string",
    }
    assert SECRET not in answer.text
    broken = place.http.post("/api/v1/people", params={"team": "a"}, content=f'{{"password": "{SECRET}')
    problem(broken, 422, "invalid-request")
    assert SECRET not in broken.text


def test_text_that_has_no_utf8_is_answered_too(place: Served) -> None:
    for content in (b'{"\\ud800": "\\udfff"}', b'"\\ud800"', b"\xff\xfe", b'{"\\u0000": 1}', b"[" * 100_000):
        answer = place.http.post("/api/v1/session", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), answer.text
        assert len(answer.json()["detail"]) < 1000
    long = place.http.post("/api/v1/session", json={"key": "x", "y" * 10_000: 1})
    assert len(problem(long, 422, "invalid-request")["detail"]) < 1000


def test_unknown_addresses_and_methods_are_problems(place: Served) -> None:
    for path in ("/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/session", "/nothing", "/%2e%2e/app.py"):
        problem(place.http.get(path), 404, "not-found")
        if path.startswith("/api"):
            problem(place.http.post(path), 404, "not-found")
    answer = place.http.put("/api/v1/health/live")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET"
    several = place.http.put("/api/v1/videos")  # two routes, of one method each
    problem(several, 405, "method-not-allowed")
    assert several.headers["Allow"] == "GET, POST"
    page = place.http.post("/")
    problem(page, 405, "method-not-allowed")
    assert page.headers["Allow"] == "GET, HEAD"


def test_problems_have_the_form_that_openapi_says(place: Served) -> None:
    document = place.http.get("/api/v1/openapi.json").json()
    schema = document["components"]["schemas"]["Problem"]
    for name in RAISED:
        said = json.loads(bytes(problem_of(RAISED[name][0]()).response().body))
        assert set(schema["required"]) <= set(said)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status in ("4XX", "5XX"):
                assert list(operation["responses"][status]["content"]) == ["application/problem+json"], (method, path)


def test_operations_have_names_of_their_own_and_say_what_they_do(place: Served) -> None:
    document = place.http.get("/api/v1/openapi.json").json()
    operations = [each for path, all_of_it in document["paths"].items() if "raise" not in path and "people" not in path
                  for each in all_of_it.values()]  # fmt: skip
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names) and all(name.isidentifier() for name in names)
    assert all(each["description"] for each in operations)
