"""Checkpoints: whole or absent, and nothing is believed of a file that is none."""

from __future__ import annotations

import io
import os
import pickle
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_libs.common.errors import InputError, OutputError
from training.checkpoints import About, DurableCheckpoints, about_of, mark, network_of, read_checkpoint
from training.networks.network import NetworkName, make_network


@contextmanager
def files_may_be_no_larger_than(size: int) -> Iterator[None]:
    """As if the disk were full after so many bytes of a file."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


def about(**changes: Any) -> About:
    usual: dict[str, Any] = {
        "network": "small",
        "embedding_size": 20,
        "height": 64,
        "width": 32,
        "command": {"loss": "triplet", "rate": 3e-3, "budget": None},
        "data": {"train": {"crops": 48}},
    }
    return About(**(usual | changes))


def checkpoint(what: About, seed: int = 0) -> dict[str, Any]:
    """As a training saves it: of random weights."""
    torch.manual_seed(seed)
    network = make_network(what.network, what.embedding_size)
    saved: dict[str, Any] = {"epoch": 3, "state_dict": network.state_dict(prefix="network.")}
    mark(saved, what)
    return saved


def save(path: Path, saved: object) -> None:
    DurableCheckpoints().save_checkpoint(saved, path)  # type: ignore[arg-type]


def saved_bytes(saved: object, **options: Any) -> bytes:
    content = io.BytesIO()
    torch.save(saved, content, **options)
    return content.getvalue()


class Code:
    """What runs a program where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch it_ran",)


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    path, store = tmp_path / "last.ckpt", DurableCheckpoints()
    saved = {"numbers": torch.arange(5), "epoch": 3, "nested": {"a": [1.5, None, "text"]}}
    store.save_checkpoint(saved, path)
    for found in (read_checkpoint(path), store.load_checkpoint(path)):
        assert torch.equal(found.pop("numbers"), saved["numbers"])  # type: ignore[arg-type]
        assert found == {"epoch": 3, "nested": {"a": [1.5, None, "text"]}}
    assert os.listdir(tmp_path) == ["last.ckpt"]
    store.remove_checkpoint(path)
    store.remove_checkpoint(path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [0, 600, 100_000])
def test_a_disk_that_is_full_leaves_the_earlier_checkpoint_and_is_one_line(size: int, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    save(path, {"epoch": 3})
    with (
        pytest.raises(OutputError, match=rf"^{re.escape(str(path))}: cannot be written: File too large$"),
        files_may_be_no_larger_than(size),
    ):
        save(path, {"numbers": torch.zeros(1_000_000)})
    assert os.listdir(tmp_path) == ["last.ckpt"]
    assert read_checkpoint(path) == {"epoch": 3}


def test_what_cannot_be_saved_leaves_the_earlier_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    save(path, {"epoch": 3})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        save(path, {"numbers": torch.zeros(9), "no": lambda: None})
    assert os.listdir(tmp_path) == ["last.ckpt"]
    assert read_checkpoint(path) == {"epoch": 3}


def test_a_missing_folder_and_a_folder_in_the_way_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="its folder does not exist"):
        save(tmp_path / "none" / "last.ckpt", {})
    with pytest.raises(OutputError, match="is a folder"):
        save(tmp_path, {})


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not a whole one"),
        (b"\n", "is not a checkpoint"),
        (b"epoch,step\n1,4\n", "is not a checkpoint"),
        (saved_bytes({"numbers": torch.zeros(999)})[:2000], "not a whole one"),
        (saved_bytes([1, 2]), "is not a checkpoint"),
        (saved_bytes({"a": Code()}), "or holds code"),
        (pickle.dumps(Code()), "or holds code"),
        (saved_bytes({"a": Code()}, _use_new_zipfile_serialization=False), "or holds code"),
    ],
    ids=["empty", "blank", "text", "cut short", "no table", "code", "pickled code", "code in the old form"],
)
def test_what_is_no_checkpoint_is_one_line_and_runs_nothing(
    content: bytes, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.ckpt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: .*{cause}.* – .+$"):
        read_checkpoint(path)
    assert os.listdir(tmp_path) == ["last.ckpt"]


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.ckpt: no such file"):
        read_checkpoint(tmp_path / "none.ckpt")
    with pytest.raises(InputError, match="is a folder"):
        read_checkpoint(tmp_path)


WHOLE = [
    saved_bytes({"numbers": torch.arange(9), "nested": {"a": [1.5, None, "text"]}}, _use_new_zipfile_serialization=new)
    for new in (True, False)
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4),
    st.floats(0.5, 1),
)
def test_damaged_bytes_are_read_or_refused_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(whole)
    for place, value in changes:
        content[int(place * len(content))] = value
    path = tmp_path_factory.getbasetemp() / "damaged.ckpt"
    path.write_bytes(content[: round(kept * len(content))])
    try:
        found = read_checkpoint(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(found, dict)


@pytest.mark.parametrize("network", ["small", "resnet50"])
def test_the_network_of_a_checkpoint_gives_what_it_gave(network: NetworkName, tmp_path: Path) -> None:
    what = about(network=network)
    saved = checkpoint(what)
    save(tmp_path / "best.ckpt", saved)
    found, known = network_of(tmp_path / "best.ckpt")
    assert known == what
    assert not found.training
    expected = make_network(network, 20).eval()
    expected.load_state_dict({name.removeprefix("network."): value for name, value in saved["state_dict"].items()})
    pictures = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        assert torch.equal(found(pictures), expected(pictures))


def test_what_a_checkpoint_is_of_is_marked_in_it(tmp_path: Path) -> None:
    saved: dict[str, Any] = {}
    mark(saved, about(width=48))
    save(tmp_path / "last.ckpt", saved)
    assert about_of(read_checkpoint(tmp_path / "last.ckpt"), tmp_path / "last.ckpt") == about(width=48)


def test_a_checkpoint_of_another_program_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "theirs.ckpt", {"state_dict": make_network("small", 20).state_dict()})
    with pytest.raises(InputError, match=r"theirs\.ckpt: is a checkpoint of another program – name one that `train`"):
        network_of(tmp_path / "theirs.ckpt")


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        ("network", "osnet", "network: "),
        ("height", 0, "height: "),
        ("pooling", "mean", "pooling: "),
        (None, [], "input should be"),
    ],
)
def test_a_mark_of_another_version_is_refused(field: str | None, value: object, cause: str, tmp_path: Path) -> None:
    saved = checkpoint(about())
    if field is None:
        saved["training.about"] = value
    else:
        saved["training.about"][field] = value
    save(tmp_path / "best.ckpt", saved)
    with pytest.raises(InputError, match=f"{cause}.* – it may be of a newer version"):
        network_of(tmp_path / "best.ckpt")


@pytest.mark.parametrize("weights", [None, [], {}, "other", "more"])
def test_weights_of_another_network_are_refused(weights: object, tmp_path: Path) -> None:
    saved = checkpoint(about())
    if weights == "other":
        saved["state_dict"] = checkpoint(about(embedding_size=24))["state_dict"]
    elif weights == "more":
        saved["state_dict"]["network.99.weight"] = torch.zeros(2)
    else:
        saved["state_dict"] = weights
    save(tmp_path / "best.ckpt", saved)
    with pytest.raises(InputError, match="its weights are not those of small with 20 values"):
        network_of(tmp_path / "best.ckpt")
