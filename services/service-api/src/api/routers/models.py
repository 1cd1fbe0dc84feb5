"""Models, for telling people apart and for detecting them: trained here or brought along, and which are in use."""

from __future__ import annotations

import shutil
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.access.caller import Admin, Reader, Writer
from api.access.limits import allow_body
from api.ids import ModelPath
from api.learning.models import add_model, check_model, parse_card, remove_model
from api.pages import Following, Limit, Page, following_after, place_of
from api.problems import Problem
from api.queue.under_way import jobs_on_model
from api.site import Here
from shared_libs.common.json_text import dump_json
from shared_libs.common.model_card import ModelCard, ModelKind
from shared_libs.common.model_store import Promoted
from shared_libs.config.logging import get_logger

router = APIRouter(prefix="/models", tags=["models"])

_CARD_BYTES: Final = 64 << 10

_CARD: Final = dump_json(
    {
        "kind": "reid",
        "name": "Osnet of last season",
        "network": "osnet",
        "input": {
            "height": 256,
            "width": 128,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
            "colour": "rgb",
        },
        "embedding": {"size": 512},
    }
).decode()

_FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["card", "model"],
                    "properties": {
                        "card": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "kind, name, network, input and, for reid, embedding, as in a model's card; "
                            "and, if known, likeness_threshold, data and notes.",
                            "example": _CARD,
                        },
                        "model": {"type": "string", "format": "binary", "description": "The ONNX file."},
                    },
                }
            }
        },
    }
}


class ModelView(BaseModel):
    """A model. promoted: whether it is used where no other of its kind is named."""

    card: ModelCard
    promoted: bool


@router.get("")
def get_models(
    caller: Reader,
    here: Here,
    kind: Annotated[ModelKind | None, Query(description="Of this kind alone.")] = None,
    limit: Limit = 50,
    following: Following = None,
) -> Page[ModelView]:
    """The models, newest first."""
    store = here.models(caller.tenant)
    listing = store.list()
    for problem in listing.problems:
        get_logger(__name__).error("unusable_model", error=problem)
    found = [card for card in listing.models if kind is None or card.kind == kind]
    if following is not None:
        place = place_of(following, float, str)
        found = [card for card in found if _place(card) < place]
    page = found[:limit]
    more = following_after(*_place(page[-1])) if len(found) > limit else None
    in_use = store.in_use()
    return Page(items=[_view(card, in_use) for card in page], following=more)


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=_FORM)
async def upload_model(request: Request, caller: Writer, here: Here, response: Response) -> ModelView:
    """Adds a model: an ONNX file, and what is said of it.

    The file's structure is checked (opset, one input of pictures of the size that the card says, the embedding's size,
    weights within the file); it is not run, and the model's card says so.
    """
    allow_body(request, here.settings.model_bytes + (1 << 20))
    with tempfile.TemporaryDirectory(prefix="laxai-model-") as folder:
        target = Path(folder, "model.onnx")
        async with request.form(max_files=1, max_fields=1, max_part_size=_CARD_BYTES) as form:
            file, text = form.get("model"), form.get("card")
            if not isinstance(file, UploadFile) or not isinstance(text, str):
                detail = "A form is needed with the fields card, which is JSON, and model, which is the ONNX file."
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", detail)
            given = parse_card(text)
            await run_in_threadpool(_save, file, target)
        card = await run_in_threadpool(add_model, here.models(caller.tenant), target, given)
    response.headers["Location"] = f"/api/v1/models/{card.model_id}"
    return ModelView(card=card, promoted=False)


@router.get("/{model_id}")
def get_model(model_id: ModelPath, caller: Reader, here: Here) -> ModelView:
    """A model."""
    check_model(here.files, caller.tenant, model_id)
    store = here.models(caller.tenant)
    return _view(store.card(model_id), store.in_use())


@router.post("/{model_id}/promote")
def promote(model_id: ModelPath, caller: Admin, here: Here) -> ModelView:
    """Puts a model in use wherever no other of its kind is named, once its files are found to be whole."""
    check_model(here.files, caller.tenant, model_id)
    store = here.models(caller.tenant)
    in_use = store.promote(model_id)
    return _view(store.card(model_id), in_use)


@router.delete("/{model_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_model(model_id: ModelPath, caller: Writer, here: Here) -> None:
    """Removes a model. 409 while it is promoted, or a job names it."""
    check_model(here.files, caller.tenant, model_id)
    store = here.models(caller.tenant)
    if _is_promoted(model_id, store.in_use()):
        raise Problem(HTTPStatus.CONFLICT, "in-use", "The model is promoted; promote another one first.", jobs=[])
    at_work = jobs_on_model(here.jobs, caller.tenant, model_id)
    if at_work:
        raise Problem(HTTPStatus.CONFLICT, "in-use", "Jobs name this model; cancel them first.", jobs=at_work)
    remove_model(here.files, caller.tenant, model_id)


def _save(file: UploadFile, target: Path) -> None:
    file.file.seek(0)
    with target.open("wb") as copy:
        shutil.copyfileobj(file.file, copy, 1 << 20)


def _view(card: ModelCard, in_use: Promoted | None) -> ModelView:
    return ModelView(card=card, promoted=_is_promoted(card.model_id, in_use))


def _is_promoted(model_id: str, in_use: Promoted | None) -> bool:
    return in_use is not None and model_id in (in_use.reid, in_use.detector)


def _place(card: ModelCard) -> tuple[float, str]:
    return card.created.timestamp(), card.model_id
