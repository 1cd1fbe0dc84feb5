"""Models by HTTP: brought along, checked, listed, promoted, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from tests.made_games import TENANT, put_video
from tests.onnx_bytes import CARD, onnx_model, value
from tests.served import Served, problem, served

from shared_libs.common.jobs import TrackVideo
from shared_libs.common.storage import model_path
from shared_libs.utils.ids import new_id

MODELS = "/api/v1/models"

DETECTOR = CARD | {"kind": "detector", "embedding": None, "network": "yolox"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("games"), model_bytes=3 << 20) as place:
        yield place


def _send(place: Served, content: bytes | None = None, card: object = CARD) -> httpx.Response:
    file = ("../../evil.onnx", onnx_model() if content is None else content, "application/octet-stream")
    data = {"card": card if isinstance(card, str) else json.dumps(card)}
    return place.http.post(MODELS, data=data, files={"model": file})


def _upload(place: Served, content: bytes | None = None, card: object = CARD) -> str:
    answer = _send(place, content, card)
    assert answer.status_code == 201, answer.text
    model_id: str = answer.json()["card"]["model_id"]
    return model_id


def test_a_model_is_uploaded_with_a_card_that_says_what_was_checked(place: Served) -> None:
    answer = _send(place)
    assert answer.status_code == 201, answer.text
    card = answer.json()["card"]
    assert (card["opset"], card["name"], card["embedding"]) == (17, "Last season's", {"size": 512})
    assert card["notes"][0] == "from a friend" and card["notes"][1].startswith("uploaded: its file was checked")
    found = place.http.get(answer.headers["Location"]).json()
    assert found == {"card": card, "promoted": False}
    assert place.site.files.read(model_path(TENANT, card["model_id"], "model.onnx")) == onnx_model()


def test_a_model_larger_than_a_page_of_json_is_taken_and_one_that_is_too_large_is_not(place: Served) -> None:
    padded = onnx_model() + b"\x32" + b"\x80\x80\x80\x01" + b"d" * (1 << 21)  # a long description: field 6
    _upload(place, padded)
    problem(_send(place, onnx_model() + b"\0" * (5 << 20)), 413, "too-large")


@pytest.mark.parametrize(
    ("content", "card", "said"),
    [
        (b"no model", CARD, "not an ONNX model"),
        (b"", CARD, "empty"),
        (
            onnx_model(inputs=[value("x", ["n", 3, 64, 64])]),
            CARD,
            r"(n, 3, 64, 64), and the card says (n, 3, 256, 128)",
        ),
        (onnx_model(inputs=[value("x", ["n", 1, 256, 128])]), CARD, "(n, 1, 256, 128)"),
        (onnx_model(inputs=[value("x", None, element=2)]), CARD, "32-bit floating point"),
        (onnx_model(inputs=[value("x", None), value("y", None)]), CARD, "takes 2 inputs"),
        (onnx_model(outputs=[value("v", ["n", 128])]), CARD, "(n, 128), and the card says (n, 512)"),
        (onnx_model(outputs=[value("v", None), value("w", None)]), CARD, "one output"),
        (None, CARD | {"embedding": None}, "has an embedding"),
        (None, CARD | {"kind": "other"}, "kind"),
        (None, CARD | {"model_id": "model_0123456789ab"}, "model_id"),
        (None, "{", "card"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(
    place: Served, content: bytes | None, card: object, said: str
) -> None:
    before = len(place.site.models(TENANT).list().models)
    assert said in problem(_send(place, content, card), 422, "not-usable")["detail"]
    assert len(place.site.models(TENANT).list().models) == before


def test_a_form_that_lacks_something_is_refused(place: Served) -> None:
    problem(place.http.post(MODELS, data={"card": json.dumps(CARD)}), 422, "invalid-request")
    problem(place.http.post(MODELS, json=CARD), 422, "invalid-request")
    problem(place.http.post(MODELS, files={"card": b"{}", "model": b"x"}), 400, "bad-request")
    broken = {"Content-Type": "multipart/form-data"}
    assert place.http.post(MODELS, content=b"--x", headers=broken).status_code == 400


def test_models_are_listed_newest_first_by_kind_and_in_pages(place: Served) -> None:
    reid = [_upload(place), _upload(place)]
    detector = _upload(place, onnx_model(outputs=[value("boxes", None), value("scores", None)]), DETECTOR)
    first = place.http.get(MODELS, params={"limit": 2}).json()
    assert [each["card"]["model_id"] for each in first["items"]] == [detector, reid[1]]
    second = place.http.get(MODELS, params={"limit": 1, "following": first["following"]}).json()
    assert [each["card"]["model_id"] for each in second["items"]] == [reid[0]]
    only = place.http.get(MODELS, params={"kind": "detector"}).json()["items"]
    assert [each["card"]["model_id"] for each in only] == [detector]


def test_one_model_of_a_kind_is_promoted_and_cannot_be_deleted_until_another_is(place: Served) -> None:
    first, second = _upload(place), _upload(place)
    assert place.http.post(f"{MODELS}/{first}/promote").json()["promoted"]
    problem(place.http.delete(f"{MODELS}/{first}"), 409, "in-use")
    place.http.post(f"{MODELS}/{second}/promote")
    assert not place.http.get(f"{MODELS}/{first}").json()["promoted"]
    assert place.http.delete(f"{MODELS}/{first}").status_code == 204
    problem(place.http.get(f"{MODELS}/{first}"), 404, "no-such-model")
    problem(place.http.delete(f"{MODELS}/{first}"), 404, "no-such-model")
    problem(place.http.post(f"{MODELS}/{first}/promote"), 404, "no-such-model")


def test_a_model_whose_file_was_changed_is_not_promoted(place: Served) -> None:
    model_id = _upload(place)
    place.site.files.write(model_path(TENANT, model_id, "model.onnx"), b"another")
    assert "SHA-256" in problem(place.http.post(f"{MODELS}/{model_id}/promote"), 422, "not-usable")["detail"]


def test_a_model_that_a_job_names_is_not_deleted(place: Served) -> None:
    model_id = _upload(place)
    job = place.site.jobs.submit(TENANT, TrackVideo(video_id=put_video(place.site), reid_model_id=model_id))
    assert problem(place.http.delete(f"{MODELS}/{model_id}"), 409, "in-use")["jobs"] == [job.job_id]
    place.site.jobs.cancel(TENANT, job.job_id)
    assert place.http.delete(f"{MODELS}/{model_id}").status_code == 204


def test_a_damaged_card_does_not_hide_the_other_models(place: Served) -> None:
    model_id, damaged = _upload(place), _upload(place)
    place.site.files.write(model_path(TENANT, damaged, "model.json"), b"{")
    listed = [each["card"]["model_id"] for each in place.http.get(MODELS).json()["items"]]
    assert model_id in listed and damaged not in listed
    problem(place.http.get(f"{MODELS}/{damaged}"), 422, "not-usable")
    problem(place.http.get(f"{MODELS}/{new_id('model')}"), 404, "no-such-model")
