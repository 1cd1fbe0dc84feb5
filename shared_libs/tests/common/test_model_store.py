"""The models of a tenant: in a folder and in an object store alike, and never half there."""

import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common.documents import write_document
from shared_libs.common.errors import InputError, OutputError
from shared_libs.common.model_card import (
    MeasuredFile,
    ModelCard,
    ModelEmbedding,
    ModelInput,
    ModelKind,
    ModelPart,
    read_model_card,
)
from shared_libs.common.model_store import ModelStore, Promoted
from shared_libs.utils.ids import new_id

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
INPUT = ModelInput(height=64, width=32, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), colour="rgb")
Files = dict[ModelPart, Path]


def made(folder: Path, kind: ModelKind = "reid", hour: int = 0, *, checkpoint: bool = False) -> tuple[Files, ModelCard]:
    """The files of a model of random bytes, and its card."""
    folder.mkdir(parents=True, exist_ok=True)
    model_id = new_id("model")
    names: tuple[ModelPart, ...] = ("model.onnx", "checkpoint.ckpt") if checkpoint else ("model.onnx",)
    files: Files = {name: folder / f"{model_id}-{name}" for name in names}
    for path in files.values():
        path.write_bytes(os.urandom(1000))
    card = ModelCard(
        model_id=model_id,
        kind=kind,
        name="spring games",
        created=NOON + timedelta(hours=hour),
        code_version="1",
        input=INPUT,
        embedding=ModelEmbedding(size=128) if kind == "reid" else None,
        network="osnet",
        opset=17,
        files={name: MeasuredFile.of(path) for name, path in files.items()},
    )
    return files, card


def added(store: ModelStore, tmp_path: Path, kind: ModelKind = "reid", hour: int = 0) -> ModelCard:
    files, card = made(tmp_path / "made", kind, hour)
    store.add(files, card)
    return card


@pytest.fixture(params=["folder", "file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    urls = {"folder": f"{tmp_path}/s", "file": f"file://{tmp_path}/s", "memory": f"memory://{new_id('run')}"}
    return urls[request.param]


def folder_of(tmp_path: Path, model_id: str) -> Path:
    return tmp_path / "s" / "reds" / "models" / model_id


def test_an_empty_store_has_no_models(storage: str) -> None:
    store = ModelStore(storage, "reds")
    assert store.list() == ((), ())
    assert store.promoted("reid") is None
    with pytest.raises(InputError, match="there is no model model_000000000000"):
        store.card("model_000000000000")


def test_models_are_listed_newest_first_and_for_their_tenant_alone(storage: str, tmp_path: Path) -> None:
    store = ModelStore(storage, "reds")
    cards = [added(store, tmp_path, hour=hour) for hour in (3, 1, 2)]
    assert store.list() == ((cards[0], cards[2], cards[1]), ())
    assert store.card(cards[1].model_id) == cards[1]
    assert ModelStore(storage, "blues").list() == ((), ())


def test_a_model_is_fetched_with_its_card(storage: str, tmp_path: Path) -> None:
    store = ModelStore(storage, "reds")
    files, card = made(tmp_path / "made", checkpoint=True)
    store.add(files, card)
    path = store.fetch(card.model_id, tmp_path / "here")
    assert path.read_bytes() == files["model.onnx"].read_bytes()
    assert path.name == "model.onnx"
    assert read_model_card(path.with_name("model.json")) == card
    if storage.startswith("memory"):
        assert path == tmp_path / "here" / card.model_id / "model.onnx"
    else:
        assert path == folder_of(tmp_path, card.model_id) / "model.onnx"
        assert not (tmp_path / "here").exists()
        assert path.with_name("checkpoint.ckpt").read_bytes() == files["checkpoint.ckpt"].read_bytes()


def test_what_was_fetched_before_is_fetched_again_only_where_it_is_damaged(tmp_path: Path) -> None:
    store = ModelStore(f"memory://{new_id('run')}", "reds")
    card = added(store, tmp_path)
    path = store.fetch(card.model_id, tmp_path / "here")
    before, content = path.stat().st_ino, path.read_bytes()
    assert store.fetch(card.model_id, tmp_path / "here").stat().st_ino == before
    path.write_bytes(b"damaged")
    assert store.fetch(card.model_id, tmp_path / "here").read_bytes() == content
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="a part of its path is a file"):
        store.fetch(card.model_id, tmp_path / "file" / "here")


def test_a_model_is_never_replaced(storage: str, tmp_path: Path) -> None:
    store = ModelStore(storage, "reds")
    files, card = made(tmp_path / "made")
    store.add(files, card)
    with pytest.raises(OutputError, match=f"{card.model_id}: is there already"):
        store.add(files, card.model_copy(update={"name": "other"}))
    assert store.card(card.model_id).name == "spring games"


def test_what_is_not_as_its_card_says_is_not_added(storage: str, tmp_path: Path) -> None:
    store = ModelStore(storage, "reds")
    files, card = made(tmp_path / "made")
    files["model.onnx"].write_bytes(b"changed since")
    with pytest.raises(InputError, match=r"model\.onnx: is not the file that the card of model_.* describes"):
        store.add(files, card)
    with pytest.raises(ValueError, match=r"the card names \['model.onnx'\], given were \[\]"):
        store.add({}, card)
    assert store.list() == ((), ())


def test_a_folder_without_a_card_is_no_model_and_a_broken_card_is_reported(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "s", "reds")
    cards = [added(store, tmp_path) for _ in range(3)]
    whole, broken, moved = (folder_of(tmp_path, card.model_id) for card in cards)
    (broken / "model.json").write_text("{")
    moved.rename(moved.with_name("model_000000000000"))
    (whole.with_name("model_111111111111")).mkdir()
    (whole.with_name(".model_222222222222.tmp")).mkdir()
    models, problems = store.list()
    assert models == (cards[0],)
    assert len(problems) == 2
    assert any(f"{broken}/model.json" in line and "breaks off" in line for line in problems)
    assert any(f"model_000000000000/model.json: is the card of {cards[2].model_id}" in line for line in problems)
    with pytest.raises(InputError, match="breaks off"):
        store.card(cards[1].model_id)


def test_the_promoted_model_of_each_kind_is_in_use(storage: str, tmp_path: Path) -> None:
    store = ModelStore(storage, "reds")
    first, second = added(store, tmp_path), added(store, tmp_path)
    finder = added(store, tmp_path, "detector")
    assert store.promote(first.model_id).previous is None
    assert store.promoted("reid") == first
    assert store.promoted("detector") is None
    assert store.promote(finder.model_id).previous is None
    now = store.promote(second.model_id)
    assert (now.reid, now.detector, now.previous) == (second.model_id, finder.model_id, first.model_id)
    assert (store.promoted("reid"), store.promoted("detector")) == (second, finder)
    assert ModelStore(storage, "blues").promoted("reid") is None


def test_promoting_what_is_in_use_changes_nothing(storage: str, tmp_path: Path) -> None:
    store = ModelStore(storage, "reds")
    first, second = added(store, tmp_path), added(store, tmp_path)
    store.promote(first.model_id)
    assert store.promote(second.model_id) == store.promote(second.model_id)
    assert store.promote(second.model_id).previous == first.model_id


def test_promoted_json_is_the_layouts(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "s", "reds")
    card = added(store, tmp_path)
    promoted = store.promote(card.model_id)
    document = json.loads((tmp_path / "s" / "reds" / "models" / "promoted.json").read_text())
    time = document.pop("time")
    assert datetime.fromisoformat(time) == promoted.time
    assert document == {
        "schema": "laxai.promoted",
        "schema_version": 1,
        "reid": card.model_id,
        "detector": None,
        "previous": None,
    }


IDS = st.none() | st.from_regex(r"model_[0-9a-f]{12}", fullmatch=True)


@given(st.builds(Promoted, reid=IDS, detector=IDS, previous=IDS, time=st.datetimes(timezones=st.just(UTC))))
def test_a_promotion_comes_back_as_it_was(tmp_path: Path, promoted: Promoted) -> None:
    path = tmp_path / "reds" / "models" / "promoted.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_document(path, promoted)
    assert ModelStore(tmp_path, "reds").in_use() == promoted


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.onnx", "checkpoint.ckpt"])
@pytest.mark.parametrize(
    ("change", "message"), [(damage, "is not the file that the card of"), (Path.unlink, "no such file")]
)
def test_a_model_that_is_not_whole_is_not_promoted(
    name: str, change: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    store = ModelStore(tmp_path / "s", "reds")
    files, card = made(tmp_path / "made", checkpoint=True)
    store.add(files, card)
    change(folder_of(tmp_path, card.model_id) / name)
    with pytest.raises(InputError, match=f"{card.model_id}/{name}: {message}"):
        store.promote(card.model_id)
    assert store.promoted("reid") is None


def test_a_model_that_is_not_whole_is_not_fetched(tmp_path: Path) -> None:
    url = f"memory://{new_id('run')}"
    folder, objects = ModelStore(tmp_path / "s", "reds"), ModelStore(url, "reds")
    files, card = made(tmp_path / "made")
    folder.add(files, card)
    damage(folder_of(tmp_path, card.model_id) / "model.onnx")
    with pytest.raises(InputError, match=r"model\.onnx: is not the file that the card of"):
        folder.fetch(card.model_id, tmp_path / "here")
    objects.add(files, card)
    fsspec.filesystem("memory").pipe_file(f"{url}/reds/models/{card.model_id}/model.onnx", b"damaged")
    with pytest.raises(InputError, match=r"memory://.*model\.onnx: is not the file that the card of"):
        objects.fetch(card.model_id, tmp_path / "here")
    assert [path.name for path in (tmp_path / "here").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "breaks off"),
        ("[]", "is not a laxai.promoted document"),
        ('{"schema": "laxai.promoted", "schema_version": 2}', "reads up to 1"),
        ('{"schema": "laxai.promoted", "schema_version": 1, "reid": "../x", "time": "2026-05-01T12:00:00Z"}', "reid: "),
    ],
)
def test_a_promotion_that_cannot_be_read_is_one_line_and_stays(text: str, message: str, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "s", "reds")
    card = added(store, tmp_path)
    path = tmp_path / "s" / "reds" / "models" / "promoted.json"
    path.write_text(text)
    for attempt in (lambda: store.promoted("reid"), lambda: store.promote(card.model_id)):
        with pytest.raises(InputError) as caught:
            attempt()
        assert str(caught.value).startswith(f"{path}")
        assert message in str(caught.value)
        assert "remove it and promote a model" in str(caught.value)
    assert path.read_text() == text


def test_a_promoted_model_that_is_gone_or_of_another_kind_is_told(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "s", "reds")
    card, finder = added(store, tmp_path), added(store, tmp_path, "detector")
    store.promote(card.model_id)
    path = tmp_path / "s" / "reds" / "models" / "promoted.json"
    path.write_text(path.read_text().replace(card.model_id, finder.model_id))
    with pytest.raises(InputError, match=f"promoted.json: reid: {finder.model_id} is a detector model"):
        store.promoted("reid")
    path.write_text(path.read_text().replace(finder.model_id, "model_000000000000"))
    with pytest.raises(InputError, match="there is no model model_000000000000"):
        store.promoted("reid")


def test_of_promotions_at_a_time_one_counts_and_readers_see_it_whole(tmp_path: Path) -> None:
    cards = [added(ModelStore(tmp_path / "s", "reds"), tmp_path) for _ in range(2)]
    failures: list[BaseException] = []
    done = threading.Event()

    def repeat(action: Callable[[ModelStore], object]) -> None:
        store = ModelStore(tmp_path / "s", "reds")
        try:
            while not done.is_set():
                action(store)
        except BaseException as error:
            failures.append(error)

    def promote(card: ModelCard) -> Callable[[ModelStore], Promoted]:
        return lambda store: store.promote(card.model_id)

    def read(store: ModelStore) -> None:
        assert store.promoted("reid") in (None, *cards)

    threads = [threading.Thread(target=repeat, args=(each,)) for each in (*map(promote, cards), read, read)]
    for thread in threads:
        thread.start()
    done.wait(0.5)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ModelStore(tmp_path / "s", "reds").promoted("reid") in cards
    assert [path.suffix for path in (tmp_path / "s" / "reds" / "models").iterdir() if path.is_file()] == [".json"]


@pytest.mark.parametrize("name", ["../model_000000000000", "model_1", "run_000000000000", "", "model_000000000000/.."])
def test_what_is_no_id_is_refused(name: str, storage: str) -> None:
    store = ModelStore(storage, "reds")
    for attempt in (store.card, store.promote, lambda text: store.fetch(text, "here")):
        with pytest.raises(InputError, match="an id looks like model_3f9a0c51d2e7"):
            attempt(name)


def test_what_is_no_tenant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tenant: a tenant is 1 to 63 of a-z, 0-9 and dash, not"):
        ModelStore(tmp_path, "../reds")


def test_the_store_is_where_the_settings_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LAXAI_CONFIG", raising=False)
    monkeypatch.setenv("LAXAI_STORAGE", f"{tmp_path}/s")
    monkeypatch.setenv("LAXAI_TENANT", "reds")
    card = added(ModelStore(tmp_path / "s", "reds"), tmp_path)
    assert ModelStore.configured().list().models == (card,)
    assert ModelStore.configured(tenant="blues").list().models == ()
    assert ModelStore.configured(storage=f"{tmp_path}/other").place == f"{tmp_path}/other"
    monkeypatch.setenv("LAXAI_TENANT", "Reds")
    with pytest.raises(InputError, match="a tenant is"):
        ModelStore.configured()
    monkeypatch.setenv("LAXAI_STORAGE", "")
    with pytest.raises(InputError, match="LAXAI_STORAGE: string should have at least 1 character"):
        ModelStore.configured()
