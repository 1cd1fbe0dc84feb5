"""Without --reid, a film is looked at with the model that was promoted in storage."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from onnx import TensorProto, helper

from shared_libs.common.errors import OutputError
from shared_libs.common.model_card import MeasuredFile, ModelCard, ModelEmbedding, ModelInput
from shared_libs.common.model_store import ModelStore
from shared_libs.common.run import Run, read_run
from shared_libs.utils.ids import new_id

QUICK = ("--no-render", "--no-camera")
HERE = ("track", "clip.mp4", "--detections", "det.txt", *QUICK, "--out", "out")


class Done(Protocol):
    """How a command ended; see conftest.py."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings say that models are; there is nothing yet."""
    monkeypatch.setenv("LAXAI_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("LAXAI_TENANT", "reds")
    return tmp_path / "storage"


def write_model(path: Path, scale: float = 1.0) -> None:
    """A model whose vector is the mean of each colour, times `scale`."""
    size = [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 32, 16])]
    vector = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3])]
    nodes = [
        helper.make_node("Constant", [], ["scale"], value_float=scale),
        helper.make_node("Mul", ["images", "scale"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled"], ["embedding"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "reid", size, vector)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def promote(storage: Path, scale: float = 1.0, content: bytes | None = None) -> str:
    """Adds a model, of these bytes where there are some, and puts it in use; its id."""
    path = storage.with_name("model.onnx")
    if content is None:
        write_model(path, scale)
    else:
        path.write_bytes(content)
    card = ModelCard(
        model_id=new_id("model"),
        kind="reid",
        name="means",
        created=datetime.now(UTC),
        code_version="1",
        input=ModelInput(height=32, width=16, mean=(0, 0, 0), std=(1, 1, 1), colour="rgb"),
        embedding=ModelEmbedding(size=3),
        network="means",
        opset=13,
        files={"model.onnx": MeasuredFile.of(path)},
    )
    store = ModelStore(storage, "reds")
    store.add({"model.onnx": path}, card)
    store.promote(card.model_id)
    path.unlink()
    return card.model_id


def run_of(folder: Path) -> Run:
    return read_run(folder / "run.json")


def test_the_promoted_model_is_used_and_said_where_none_is_named(
    command: Command, game_video: Path, storage: Path
) -> None:
    model_id = promote(storage)
    done = command(*HERE)
    assert (done.code, done.err) == (0, f"re-identification: {model_id} (promoted)\n")
    run = run_of(game_video.with_name("out"))
    assert run.model_ids == {"reid": model_id}
    assert run.inputs["reid"].name == "model.onnx"
    done = command("link", "out/tracks.json", "clip.mp4", *QUICK, "--out", "linked")
    assert (done.code, done.err) == (0, f"re-identification: {model_id} (promoted)\n")
    assert run_of(game_video.with_name("linked")).model_ids == {"reid": model_id}


def test_the_result_is_that_of_naming_the_model(command: Command, game_video: Path, storage: Path) -> None:
    model_id = promote(storage)
    assert command(*HERE).code == 0
    named = command(*HERE[:-1], "named", "--reid", f"storage/reds/models/{model_id}/model.onnx")
    assert (named.code, named.err) == (0, "")
    one, other = (run_of(game_video.with_name(out)) for out in ("out", "named"))
    assert one.model_dump(exclude={"created", "timings"}) == other.model_dump(exclude={"created", "timings"})
    for name in ("tracks.json", "players.json"):
        assert game_video.with_name("out").joinpath(name).read_bytes() == (
            game_video.with_name("named").joinpath(name).read_bytes()
        )


def test_a_model_of_anybodys_goes_by_the_name_of_its_file(command: Command, game_video: Path, storage: Path) -> None:
    promote(storage)
    write_model(game_video.with_name("looks.onnx"))
    done = command(*HERE, "--reid", "looks.onnx")
    assert (done.code, done.err) == (0, "")
    assert run_of(game_video.with_name("out")).model_ids == {"reid": "looks.onnx"}


@pytest.mark.parametrize(
    "arguments",
    [
        (*HERE, "--reid", "none"),
        (*HERE, "--online"),
        (*HERE, "--online", "--reid", "none"),
        ("track", "--detections", "det.txt", "--fps", "25", "--out", "out"),
        ("track", "--detections", "det.txt", "--fps", "25", "--reid", "none", "--out", "out"),
        ("link", "gt.txt", "--fps", "25", "--out", "out"),
        ("link", "gt.txt", "clip.mp4", *QUICK, "--reid", "none", "--out", "out"),
    ],
)
def test_the_promoted_model_is_left_out_where_it_is_unwanted_or_of_no_use(
    arguments: tuple[str, ...], command: Command, game_video: Path, storage: Path
) -> None:
    model_id = promote(storage)
    (storage / "reds" / "models" / model_id / "model.onnx").write_bytes(b"damaged, and not even looked at")
    done = command(*arguments)
    assert (done.code, done.err) == (0, "")
    run = run_of(game_video.with_name("out"))
    assert run.model_ids == {}
    assert "reid" not in run.inputs


def test_without_storage_or_promotion_nothing_is_said(command: Command, game_video: Path, storage: Path) -> None:
    assert not storage.exists()
    done = command(*HERE)
    assert (done.code, done.err) == (0, "")
    assert run_of(game_video.with_name("out")).model_ids == {}
    promote(storage)
    (storage / "reds" / "models" / "promoted.json").unlink()
    done = command(*HERE)
    assert (done.code, done.err) == (0, "")
    assert run_of(game_video.with_name("out")).model_ids == {}


def unreadable(models: Path, model_id: str) -> None:
    (models / "promoted.json").write_text("{")


def without_card(models: Path, model_id: str) -> None:
    (models / model_id / "model.json").unlink()


def without_model(models: Path, model_id: str) -> None:
    (models / model_id / "model.onnx").unlink()


def damaged(models: Path, model_id: str) -> None:
    (models / model_id / "model.onnx").write_bytes(b"damaged")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (unreadable, "promoted.json:1: the JSON breaks off"),
        (without_card, "there is no model model_"),
        (without_model, "model.onnx: no such file"),
        (damaged, "model.onnx: is not the file that the card of model_"),
    ],
)
def test_a_broken_store_is_one_line_with_the_way_out(
    spoil: Callable[[Path, str], None], words: str, command: Command, game_video: Path, storage: Path
) -> None:
    spoil(storage / "reds" / "models", promote(storage))
    expect_way_out(command, game_video, words)


def expect_way_out(command: Command, game_video: Path, words: str) -> None:
    done = command(*HERE)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert done.err.endswith("or go on with jersey colours alone: --reid none\n")
    assert not game_video.with_name("out").exists()
    assert command(*HERE, "--reid", "none").code == 0


def test_a_promoted_file_that_is_no_model_is_one_line_with_the_way_out(
    command: Command, game_video: Path, storage: Path
) -> None:
    promote(storage, content=b"not a model")
    expect_way_out(command, game_video, "model.onnx: is not an ONNX model")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LAXAI_TENANT", "../reds", "error: tenant: a tenant is"),
        ("LAXAI_STORAGE", "s4://laxai", "error: s4://laxai: cannot be used as storage"),
        ("LAXAI_CONFIG", "none.toml", "error: LAXAI_CONFIG: none.toml: No such file"),
    ],
)
def test_bad_settings_are_one_line_with_the_way_out(
    name: str, value: str, words: str, command: Command, game_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    expect_way_out(command, game_video, words)


def test_a_model_from_an_object_store_is_kept_in_the_users_cache(
    command: Command, game_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"memory://{new_id('run')}"
    store = ModelStore(url, "reds")
    model_id = promote(tmp_path / "storage")
    local = ModelStore(tmp_path / "storage", "reds")
    store.add({"model.onnx": local.fetch(model_id, tmp_path)}, local.card(model_id))
    store.promote(model_id)
    monkeypatch.setenv("LAXAI_STORAGE", url)
    monkeypatch.setenv("LAXAI_TENANT", "reds")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = command(*HERE)
    assert (done.code, done.err) == (0, f"re-identification: {model_id} (promoted)\n")
    kept = tmp_path / "cache" / "laxai" / "models" / model_id
    assert sorted(os.listdir(kept)) == ["model.json", "model.onnx"]


def test_a_run_that_was_cut_short_does_not_go_on_with_another_model(
    command: Command, game_video: Path, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(*rest: object) -> None:
        raise OutputError("disk", "cannot be written: it is full")

    # After the film has been looked at, which is saved.
    monkeypatch.setattr("tracking.pipeline.linked", cut_short)

    def said() -> list[str]:
        done = command(*HERE)
        assert done.code == 2
        return done.err.splitlines()

    def goes_on(lines: list[str]) -> bool:
        return any(line.startswith("looking at players: going on from frame") for line in lines)

    first = promote(storage)
    assert said()[0] == f"re-identification: {first} (promoted)"
    assert goes_on(said())
    second = promote(storage, scale=2.0)
    lines = said()
    assert lines[0] == "starting afresh: an earlier run that was cut short there had another reid"
    assert lines[1] == f"re-identification: {second} (promoted)"
    assert not goes_on(lines)
    (storage / "reds" / "models" / "promoted.json").unlink()
    lines = said()
    assert lines[0] == "starting afresh: an earlier run that was cut short there had another reid"
    assert not goes_on(lines)
