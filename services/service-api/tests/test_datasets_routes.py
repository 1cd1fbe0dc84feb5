"""Datasets by HTTP: the list, one, its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.made_games import TENANT, put_dataset
from tests.served import Served, problem, served

from shared_libs.common.jobs import TrainReid
from shared_libs.common.storage import dataset_file, dataset_path
from shared_libs.utils.ids import new_id

DATASETS = "/api/v1/datasets"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games")) as place:
        yield place


def test_datasets_are_listed_newest_first_in_pages_and_unusable_ones_left_out(place: Served) -> None:
    made = [put_dataset(place.site, minute=minute) for minute in (1, 9, 5)]
    place.site.files.write(dataset_file(TENANT, put_dataset(place.site), "dataset.json"), b"[]")
    place.site.files.write(dataset_path(TENANT, new_id("dataset"), "train", "p1", "1.jpg"), b"unfinished")
    first = place.http.get(DATASETS, params={"limit": 2}).json()
    rest = place.http.get(DATASETS, params={"limit": 2, "following": first["following"]}).json()
    listed = [each["dataset_id"] for page in (first, rest) for each in page["items"]]
    assert listed == [made[1], made[2], made[0]] and rest["following"] is None


def test_a_dataset_says_how_many_crops_of_how_many_it_has_and_all_that_is_in_its_file(place: Served) -> None:
    found = place.http.get(f"{DATASETS}/{put_dataset(place.site)}").json()
    assert found["counts"]["crops"] == {"train": 8, "val": 2} and found["notes"] == ["few crops"]
    assert found["description"]["games"] == [{"name": "game"}]


def test_a_dataset_is_deleted_with_its_crops_unless_a_job_reads_it(place: Served) -> None:
    dataset_id = put_dataset(place.site)
    crop = dataset_path(TENANT, dataset_id, "train", "p1", "1.jpg")
    place.site.files.write(crop, b"crop")
    job = place.site.jobs.submit(TENANT, TrainReid(dataset_id=dataset_id))
    assert problem(place.http.delete(f"{DATASETS}/{dataset_id}"), 409, "in-use")["jobs"] == [job.job_id]
    place.site.jobs.cancel(TENANT, job.job_id)
    assert place.http.delete(f"{DATASETS}/{dataset_id}").status_code == 204
    assert place.site.files.size(crop) is None
    problem(place.http.get(f"{DATASETS}/{dataset_id}"), 404, "no-such-dataset")
    problem(place.http.delete(f"{DATASETS}/{dataset_id}"), 404, "no-such-dataset")
