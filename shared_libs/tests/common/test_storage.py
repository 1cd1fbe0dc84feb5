import posixpath
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_libs.common import storage
from shared_libs.common.storage import StoragePath, StoragePathError, parse, under
from shared_libs.utils.ids import new_id

VIDEO, RUN, MODEL, DATASET, CLIPS = (new_id(kind) for kind in ("video", "run", "model", "dataset", "clips"))

NASTY = st.sampled_from(
    [
        *("..", ".", "", "/", "\\", "a/b", "../b", "..\\b", "/etc", "C:", "C:\\x", "a\0b", "a\n", "\n", " ", "a ", "~"),
        *("..%2f", "%2e%2e", "\N{FULLWIDTH FULL STOP}" * 2, "a\N{DIVISION SLASH}b", "\N{ONE DOT LEADER}" * 2, "\u202e"),
        *(
            "file:",
            "gs://x",
            "a?b",
            "a#b",
            "*",
            "-rf",
            "source.mp4",
            "runs",
            "videos",
            "x" * 300,
            "CON",
            "a.",
            ".a",
            "\u00e4",
        ),
        *(VIDEO, RUN, MODEL, DATASET, CLIPS, "reds", "train", "model.onnx", "models", "promoted.json"),
    ]
)
ANYTHING = NASTY | st.text() | st.text("./\\ab-_\0%~ ", max_size=6)
TENANTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=10).filter(lambda s: s[0] != "-")


def is_inside(path: str, tenant: str) -> bool:
    """Whether no reading of `path` leaves `{tenant}/`."""
    return (
        path.startswith(f"{tenant}/")
        and path.isascii()
        and path.isprintable()
        and not set(path) & set("\\ %?#*:~")
        and posixpath.normpath(path) == path
        and all(part.strip(".") for part in path.split("/"))
    )


@given(st.lists(ANYTHING, max_size=5), TENANTS | ANYTHING)
def test_no_text_makes_a_path_outside_its_tenant(texts: list[str], tenant: str) -> None:
    a, b, c = [*texts, "", "", ""][:3]
    attempts: list[Callable[[], str]] = [
        lambda: under(tenant, *texts),
        lambda: storage.video_folder(tenant, a),
        lambda: storage.video_source(tenant, VIDEO, a),
        lambda: storage.video_source(tenant, a, b),
        lambda: storage.video_file(tenant, VIDEO, a),
        lambda: storage.video_file(tenant, a, b),
        lambda: storage.run_path(tenant, VIDEO, RUN, *texts),
        lambda: storage.run_path(tenant, a, b, c),
        lambda: storage.clips_path(tenant, VIDEO, RUN, CLIPS, *texts),
        lambda: storage.clips_path(tenant, VIDEO, a, b, c),
        lambda: storage.dataset_folder(tenant, a),
        lambda: storage.dataset_file(tenant, DATASET, a),
        lambda: storage.dataset_file(tenant, a, b),
        lambda: storage.dataset_path(tenant, DATASET, "train", *[a, b, c]),
        lambda: storage.dataset_path(tenant, a, b, c),
        lambda: storage.model_folder(tenant, a),
        lambda: storage.model_path(tenant, MODEL, a),
        lambda: storage.models_folder(tenant),
        lambda: storage.promoted_models(tenant),
        lambda: str(parse("/".join([tenant, *texts]))),
        lambda: str(StoragePath(tenant, "video", a, b, tuple(texts))),
        lambda: str(StoragePath(tenant, "promoted", a, None, tuple(texts))),
    ]
    for attempt in attempts:
        try:
            path = attempt()
        except StoragePathError as error:
            assert len(str(error)) < 400
        else:
            assert is_inside(path, tenant)


@given(TENANTS, st.lists(NAMES, min_size=1, max_size=4))
def test_paths_of_ordinary_names_are_made_and_taken_apart(tenant: str, names: list[str]) -> None:
    assert under(tenant, *names) == "/".join([tenant, *names])
    for path in (
        storage.video_file(tenant, VIDEO, names[0]),
        storage.run_path(tenant, VIDEO, RUN, *names),
        storage.clips_path(tenant, VIDEO, RUN, CLIPS, *names),
        storage.dataset_file(tenant, DATASET, names[0]),
        storage.dataset_path(tenant, DATASET, "val", *names),
        f"{storage.video_folder(tenant, VIDEO)}/{names[0]}",
        storage.model_path(tenant, MODEL, "model.onnx"),
        storage.promoted_models(tenant),
    ):
        assert str(parse(path)) == path


def test_the_layout_is_the_designs() -> None:
    assert storage.video_source("reds", VIDEO, "mp4") == f"reds/videos/{VIDEO}/source.mp4"
    assert storage.video_file("reds", VIDEO, storage.EDITS) == f"reds/videos/{VIDEO}/edits.jsonl"
    clips = f"reds/videos/{VIDEO}/runs/{RUN}/clips/{CLIPS}/clips.json"
    assert storage.clips_path("reds", VIDEO, RUN, CLIPS, "clips.json") == clips
    assert storage.run_path("reds", VIDEO, RUN, "tracks.txt") == f"reds/videos/{VIDEO}/runs/{RUN}/tracks.txt"
    assert storage.dataset_path("reds", DATASET, "train", "p7", "1.jpg") == f"reds/datasets/{DATASET}/train/p7/1.jpg"
    assert storage.model_path("reds", MODEL, "model.onnx") == f"reds/models/{MODEL}/model.onnx"
    assert storage.dataset_file("reds", DATASET, "dataset.json") == f"reds/datasets/{DATASET}/dataset.json"
    assert storage.dataset_folder("reds", DATASET) == f"reds/datasets/{DATASET}"
    assert storage.model_folder("reds", MODEL) == f"reds/models/{MODEL}"
    assert storage.models_folder("reds") == "reds/models"
    assert storage.promoted_models("reds") == "reds/models/promoted.json"


def test_a_path_is_taken_apart() -> None:
    assert parse(f"reds/videos/{VIDEO}/runs/{RUN}/a/b.txt") == StoragePath("reds", "run", VIDEO, RUN, ("a", "b.txt"))
    assert parse(f"reds/videos/{VIDEO}/source.mp4") == StoragePath("reds", "video", VIDEO, None, ("source.mp4",))
    assert parse(f"reds/models/{MODEL}/model.json") == StoragePath("reds", "model", MODEL, None, ("model.json",))
    assert parse("reds/models/promoted.json") == StoragePath("reds", "promoted", "promoted.json")
    assert parse(f"reds/datasets/{DATASET}/train/p7") == StoragePath("reds", "dataset", DATASET, None, ("train", "p7"))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "reds",
        "reds/videos",
        f"reds/videos/{RUN}",
        f"reds/photos/{VIDEO}",
        f"/reds/videos/{VIDEO}",
        f"reds//videos/{VIDEO}",
        f"reds/videos/{VIDEO}/",
        f"reds/videos/{VIDEO}/runs/{VIDEO}/a",
        f"reds/videos/{VIDEO}/../{VIDEO}",
        f"reds/models/{MODEL}/weights.bin",
        f"reds/models/{MODEL}/promoted.json",
        "reds/models/promoted.json/model.onnx",
        "reds/models/model.json",
        "reds/datasets/promoted.json",
        f"reds/datasets/{DATASET}/test/p7",
        f"Reds/videos/{VIDEO}",
    ],
)
def test_a_path_outside_the_layout_is_refused(path: str) -> None:
    with pytest.raises(StoragePathError):
        parse(path)


@pytest.mark.parametrize("tenant", ["", "-reds", "Reds", "r_s", "r" * 64, "réds", "reds\n", "..", "a/b", "\uff52eds"])
def test_a_tenants_name_is_restricted(tenant: str) -> None:
    with pytest.raises(StoragePathError, match="a tenant is"):
        under(tenant, "a")
    assert under("0-reds", "a") == "0-reds/a"
