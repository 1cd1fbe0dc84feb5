"""`models`: which models there are, what one of them is, and which are in use.

Each function takes the storage and the tenant; where one is None, the settings say it. The `_json` variants are the
same for programs. All raise InputError where the store, or what was asked for in it, cannot be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

from pydantic import JsonValue

from shared_libs.common.errors import InputError
from shared_libs.common.model_card import ModelCard, ModelKind
from shared_libs.common.model_store import Listing, ModelStore, Promoted

_COLUMNS = ("model", "created (UTC)", "kind", "network", "rank1", "mAP", "in use")
_KINDS: dict[ModelKind, str] = {"reid": "re-identification", "detector": "detector"}


def list_models(storage: str | None = None, tenant: str | None = None) -> str:
    """A table of all models, newest first, and a line for each that could not be read."""
    store = ModelStore.configured(storage, tenant)
    (models, problems), in_use = _all(store)
    rows = [
        (
            card.model_id,
            f"{card.created.astimezone(UTC):%Y-%m-%d %H:%M}",
            card.kind,
            card.network,
            _share(card.metrics.get("rank1")),
            _share(card.metrics.get("mAP")),
            "yes" if _is_in_use(card, in_use) else "",
        )
        for card in models
    ]
    lines = _aligned([_COLUMNS, *rows]) if rows else [f"no models in {store.place}"]
    return "\n".join([*lines, *(f"cannot be read: {problem}" for problem in problems)])


def list_models_json(storage: str | None = None, tenant: str | None = None) -> dict[str, JsonValue]:
    """{"models": cards, "promoted": the ids in use by kind, "problems": lines}."""
    (models, problems), in_use = _all(ModelStore.configured(storage, tenant))
    promoted: dict[str, JsonValue] = {kind: in_use.of(kind) if in_use is not None else None for kind in _KINDS}
    return {"models": [_document(card) for card in models], "promoted": promoted, "problems": list(problems)}


def show_model(model_id: str, storage: str | None = None, tenant: str | None = None) -> str:
    """All that is known of one model, for people."""
    store = ModelStore.configured(storage, tenant)
    card = store.card(model_id)
    took = card.input
    rows = [
        ("model", f"{card.model_id}{' (in use)' if _is_in_use(card, store.in_use()) else ''}"),
        ("name", card.name),
        ("kind", _KINDS[card.kind]),
        ("network", f"{card.network}, ONNX opset {card.opset}"),
        ("created", f"{card.created.astimezone(UTC):%Y-%m-%d %H:%M} UTC by version {card.code_version}"),
        ("takes", f"pictures of {took.height} by {took.width} pixels (height by width), {took.colour.upper()}"),
        ("mean, std", f"{_numbers(took.mean)}; {_numbers(took.std)}"),
    ]
    if card.embedding is not None:
        rows.append(("gives", f"vectors of {card.embedding.size} values"))
    if card.likeness_threshold is not None:
        rows.append(("one person", f"from a likeness of {card.likeness_threshold:.3f} on"))
    rows += [(name, f"{file.size:,} bytes, SHA-256 {file.sha256}") for name, file in card.files.items()]
    for title, values in (("metrics", card.metrics), ("data", card.data), ("training", card.training)):
        rows += _titled(title, values)
    rows += [("note", note) for note in card.notes]
    return "\n".join(_aligned(rows))


def show_model_json(model_id: str, storage: str | None = None, tenant: str | None = None) -> dict[str, JsonValue]:
    """The model's card."""
    return _document(ModelStore.configured(storage, tenant).card(model_id))


def promote_model(model_id: str, storage: str | None = None, tenant: str | None = None) -> str:
    """Puts a model in use, and says so. OutputError where that cannot be written."""
    store = ModelStore.configured(storage, tenant)
    before, kind = store.in_use(), store.card(model_id).kind
    replaced = before.of(kind) if before is not None else None
    store.promote(model_id)
    if replaced == model_id:
        return f"{model_id} is in use already ({_KINDS[kind]})"
    return f"{model_id} is in use now ({_KINDS[kind]})" + (f", in place of {replaced}" if replaced else "")


def promote_model_json(model_id: str, storage: str | None = None, tenant: str | None = None) -> dict[str, JsonValue]:
    """Puts a model in use; promoted.json as it is then. OutputError where that cannot be written."""
    promoted = ModelStore.configured(storage, tenant).promote(model_id)
    document: dict[str, JsonValue] = promoted.model_dump(mode="json", by_alias=True)
    return document


def _all(store: ModelStore) -> tuple[Listing, Promoted | None]:
    """The models, and which of them are in use; that this cannot be read is one more problem."""
    listing = store.list()
    try:
        return listing, store.in_use()
    except InputError as error:
        return listing._replace(problems=(*listing.problems, str(error))), None


def _is_in_use(card: ModelCard, in_use: Promoted | None) -> bool:
    return in_use is not None and in_use.of(card.kind) == card.model_id


def _document(card: ModelCard) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = card.model_dump(mode="json", by_alias=True)
    return document


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _titled(title: str, values: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """A row for each value, the first under the title."""
    lines = [
        f"{name}: {f'{value:g}' if isinstance(value, float) else json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    ]
    return list(zip([title, *[""] * len(lines)], lines, strict=False))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
