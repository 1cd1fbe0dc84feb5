"""Who looks after the service sees whether it lives, whether it can work, and what it has answered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from tests.served import Served, problem, served

from api.access.keys import Scope
from shared_libs.common.job_client.table import now, workers


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as made:
        yield made


def test_a_service_that_answers_lives(place: Served) -> None:
    assert place.http.get("/api/v1/health/live").json() == {"status": "live"}


def test_ready_counts_the_workers_that_live(place: Served) -> None:
    assert place.http.get("/api/v1/health/ready").json() == {"status": "ready", "workers": 0}
    for number, (seconds, has_left, is_dead) in enumerate([(60, 0, 0), (60, 0, 0), (-1, 0, 0), (60, 1, 0), (60, 0, 1)]):
        values = {"worker_id": f"worker_{number}", "host": "here", "started": now(), "lease_until": now() + seconds}
        with place.site.engine.begin() as connection:
            connection.execute(sa.insert(workers).values(**values, has_left=bool(has_left), is_dead=bool(is_dead)))
    assert place.http.get("/api/v1/health/ready").json()["workers"] == 2


def test_a_service_without_its_database_lives_but_is_not_ready(place: Served) -> None:
    with place.site.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE laxai_workers RENAME TO elsewhere"))
    answer = place.http.get("/api/v1/health/ready")
    assert problem(answer, 503, "not-ready")["part"] == "database"
    assert str(place.site.settings.storage) not in answer.text
    assert place.http.get("/api/v1/health/live").status_code == 200


def test_a_service_without_its_storage_is_not_ready(place: Served) -> None:
    folder = Path(place.site.settings.storage) / "local"
    folder.write_text("a file, where a folder should be")
    answer = place.http.get("/api/v1/health/ready")
    assert problem(answer, 503, "not-ready")["part"] == "storage"
    assert str(folder) not in answer.text
    os.unlink(folder)
    assert place.http.get("/api/v1/health/ready").status_code == 200


def test_health_needs_no_key_and_goes_by_any_name(place: Served) -> None:
    place.key()
    for path in ("/api/v1/health/live", "/api/v1/health/ready"):
        assert place.http.get(path, headers={"Host": "10.0.0.7:8080"}).status_code == 200


def test_metrics_count_requests_by_route_method_and_status(place: Served) -> None:
    for path in ("health/live", "health/live", "nothing", "nothing/else"):
        place.http.get(f"/api/v1/{path}")
    place.http.post("/api/v1/session")
    place.http.put("/api/v1/session")
    place.http.get("/")
    place.http.request("PROPFIND", "/api/v1/session")
    place.http.get("/api/v1/session", headers={"Host": "evil.example"})
    samples = _samples(place.http)
    counted = {key[1:]: value for key, value in samples.items() if key[0] == "laxai_http_requests_total"}
    assert counted == {
        ("/api/v1/health/live", "GET", "200"): 2,
        ("other", "GET", "404"): 2,
        ("/api/v1/session", "POST", "422"): 1,
        ("/api/v1/session", "PUT", "405"): 1,
        ("/api/v1/session", "other", "405"): 1,
        ("page", "GET", "200"): 1,
        ("other", "GET", "421"): 1,
    }
    assert samples["laxai_http_request_seconds_count", "/api/v1/health/live", "GET"] == 2
    assert samples["laxai_http_request_seconds_sum", "/api/v1/health/live", "GET"] > 0


def test_metrics_need_a_key_where_there_are_keys(place: Served) -> None:
    token = place.key(Scope.READ)
    problem(place.http.get("/metrics"), 401, "key-needed")
    assert _samples(place.with_key(token))["laxai_http_requests_total", "/metrics", "GET", "401"] == 1


def _samples(http: httpx.Client) -> dict[tuple[str, ...], float]:
    """By name and what stands in the labels route, method and status; without the buckets."""
    answer = http.get("/metrics")
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if "le" not in sample.labels:
                words = [sample.labels[name] for name in ("route", "method", "status") if name in sample.labels]
                found[(sample.name, *words)] = sample.value
    return found
