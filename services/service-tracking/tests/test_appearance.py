"""Looks at people through a whole film: few pictures made, what is missing not seen, cut short without a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from shared_libs.common.crops import choose_crops
from shared_libs.common.errors import InputError
from shared_libs.common.tracks import Tracks
from shared_libs.common.video import FrameReader, FrameWriter, read_frames
from tracking import appearance_stage
from tracking.appearance import Appearance, Looks
from tracking.appearance_stage import look_at_film
from tracking.checkpoint import Checkpoint, Watcher
from tracking.jersey import describe_jerseys
from tracking.reid_model import ReidModel, open_reid_model

FRAMES, WIDTH, HEIGHT, FPS = 60, 240, 160, 25
COLOURS = np.array([(200, 40, 40), (40, 60, 190), (240, 240, 235), (230, 190, 40)], np.uint8)
Image = npt.NDArray[np.uint8]


def film_tracks(frames: int = FRAMES) -> Tracks:
    """Four people side by side, walking, of whom the last comes at frame 20."""
    rows = [
        (frame, person + 1, 20 + 55 * person + frame * 0.3, 40 + 5 * person)
        for frame in range(frames)
        for person in range(4)
        if person < 3 or frame >= 20
    ]
    frame, track, left, top = np.array(rows).T
    xyxy = np.stack([left, top, left + 28, top + 80], axis=1)
    return Tracks.from_arrays(frame, track, xyxy, np.full(len(rows), 0.9), np.zeros(len(rows)))


def write_film(path: Path, frames: int = FRAMES) -> Path:
    """The film of `film_tracks`: everybody in his colour, white shorts, on grass."""
    tracks = film_tracks(frames)
    random = np.random.default_rng(1)
    with FrameWriter(path, fps=FPS, threads=1) as writer:
        for frame in range(frames):
            picture = np.full((HEIGHT, WIDTH, 3), (70, 130, 60), np.uint8)
            picture += random.integers(0, 20, picture.shape, np.uint8)
            here = tracks.frame == frame
            for track, box in zip(tracks.track_id[here], tracks.xyxy[here].astype(int), strict=True):
                left, top, right, bottom = box.tolist()
                picture[top + 2 : top + 42, left + 3 : right - 3] = COLOURS[track - 1]
                picture[top + 42 : top + 56, left + 4 : right - 4] = 230
                picture[top + 56 : bottom, left + 8 : right - 8] = (190, 140, 110)
            writer.write(picture)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "clip.mp4")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ReidModel:
    """Its vector is a coarse picture of the person: real convolution-like work, no training."""
    node = helper.make_node("AveragePool", ["images"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8])
    flat = helper.make_node("Flatten", ["pooled"], ["embedding"])
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, 32, 16])
    vector = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["b", 24])
    graph = helper.make_graph([node, flat], "coarse", [images], [vector])
    path = tmp_path_factory.mktemp("model") / "coarse.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
    return open_reid_model(path)


def checkpoint(folder: Path) -> Checkpoint:
    folder.mkdir(exist_ok=True)
    return Checkpoint(folder, {"command": "test"})


def look(
    film: Path,
    folder: Path,
    tracks: Tracks | None = None,
    model: ReidModel | None = None,
    watcher: Watcher | None = None,
) -> Appearance:
    chosen = film_tracks() if tracks is None else tracks
    return look_at_film(film, chosen, model, checkpoint(folder), watcher or Watcher())[0]


def content(looks: Looks | None) -> bytes:
    assert looks is not None
    return b"".join(array.tobytes() for array in (looks.track_id, looks.frame, looks.vector, looks.quality))


def test_every_look_is_that_of_its_box_in_its_frame(film: Path, tmp_path: Path) -> None:
    tracks = film_tracks()
    jersey = look(film, tmp_path).jersey
    crops = choose_crops(tracks, FPS, (WIDTH, HEIGHT))
    assert jersey.describer == "jersey colours"
    assert len(jersey) == len(crops) == 4 * 12
    assert (np.lexsort((jersey.frame, jersey.track_id)) == np.arange(len(jersey))).all()
    with read_frames(film) as reader:
        for frame, _, picture in reader:
            for row in np.flatnonzero(jersey.frame == frame).tolist():
                box = tracks.xyxy[(tracks.frame == frame) & (tracks.track_id == jersey.track_id[row])]
                assert jersey.vector[row] == pytest.approx(describe_jerseys(picture, box)[0], abs=1e-6)
    assert jersey.quality.sum() == pytest.approx(crops.quality.sum(), rel=1e-5)


def test_people_are_liker_to_themselves_than_to_others_with_and_without_a_model(
    film: Path, tmp_path: Path, model: ReidModel
) -> None:
    appearance = look(film, tmp_path, model=model)
    for looks in (appearance.jersey, appearance.embedding):
        assert looks is not None
        likeness = looks.vector @ looks.vector.T
        same = looks.track_id[:, None] == looks.track_id
        assert likeness[same].min() > likeness[~same].max()
    assert appearance.embedding is not None
    assert appearance.embedding.describer == "coarse.onnx"
    assert np.array_equal(appearance.embedding.frame, appearance.jersey.frame)
    assert np.array_equal(appearance.embedding.track_id, appearance.jersey.track_id)


def test_without_a_model_there_is_no_embedding(film: Path, tmp_path: Path) -> None:
    assert look(film, tmp_path).embedding is None


def test_two_runs_give_the_same_bytes(film: Path, tmp_path: Path, model: ReidModel) -> None:
    one, other = (look(film, tmp_path / name, model=model) for name in ("one", "other"))
    assert content(one.jersey) == content(other.jersey)
    assert content(one.embedding) == content(other.embedding)


class _Stop(Exception):
    """Stands for whatever kills a run."""


class _StopAt(Watcher):
    """Stops a run at its `count`-th frame, and notes from where it went on."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.began_at = -1

    def started(self, done: int, work_seconds: float) -> None:
        self.began_at = done

    def progressed(self, done: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise _Stop


@pytest.mark.parametrize("with_model", [True, False])
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes(
    film: Path, tmp_path: Path, model: ReidModel, monkeypatch: pytest.MonkeyPatch, with_model: bool
) -> None:
    chosen = model if with_model else None
    whole = look(film, tmp_path / "whole", model=chosen)
    monkeypatch.setattr("tracking.checkpoint.SECONDS_BETWEEN_SAVES", 0.0)
    monkeypatch.setattr("tracking.checkpoint.LARGEST_SHARE", 1e9)
    monkeypatch.setattr(appearance_stage, "_BATCH_WITHOUT_MODEL", 16)
    began = []
    for _ in range(20):
        watcher = _StopAt(11)
        try:
            result = look(film, tmp_path / "cut", model=chosen, watcher=watcher)
            break
        except _Stop:
            began.append(watcher.began_at)
    began.append(watcher.began_at)
    assert len(began) >= 3
    assert began == sorted(began)
    assert began[-1] > 0
    assert content(result.jersey) == content(whole.jersey)
    if with_model:
        assert content(result.embedding) == content(whole.embedding)


def test_a_whole_result_is_not_looked_for_again(film: Path, tmp_path: Path) -> None:
    first = look(film, tmp_path)
    assert content(look(film, tmp_path, watcher=_StopAt(1)).jersey) == content(first.jersey)


def test_what_was_saved_of_other_tracks_or_another_model_is_not_used(
    film: Path, tmp_path: Path, model: ReidModel
) -> None:
    look(film, tmp_path)
    tracks = film_tracks()
    moved = Tracks.from_arrays(tracks.frame, tracks.track_id, tracks.xyxy + 2, tracks.score, tracks.class_id)
    assert content(look(film, tmp_path, moved).jersey) == content(look(film, tmp_path / "other", moved).jersey)
    assert look(film, tmp_path, moved, model).embedding is not None


def test_a_film_that_ends_before_its_tracks_shows_what_it_has(tmp_path: Path, model: ReidModel) -> None:
    short = write_film(tmp_path / "short.mp4", 25)
    appearance = look(short, tmp_path / "work", model=model)
    jersey = appearance.jersey
    assert 0 < len(jersey) < 48
    assert jersey.frame.max() < 25
    assert set(jersey.track_id.tolist()) == {1, 2, 3, 4}
    assert appearance.embedding is not None
    assert np.array_equal(appearance.embedding.frame, jersey.frame)


def test_only_frames_with_chosen_boxes_become_pictures(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    real = FrameReader._displayed

    def counted(self: FrameReader, frame: object) -> Image:
        made.append(1)
        return real(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(FrameReader, "_displayed", counted)
    tracks = film_tracks()
    seldom = tracks.frame % 15 == 0
    few = Tracks.from_arrays(
        *(column[seldom] for column in (tracks.frame, tracks.track_id, tracks.xyxy, tracks.score, tracks.class_id))
    )
    jersey = look(film, tmp_path, few).jersey
    assert len(made) == len(np.unique(jersey.frame)) == 4


def test_no_tracks_give_no_looks(film: Path, tmp_path: Path, model: ReidModel) -> None:
    appearance = look(film, tmp_path, Tracks.empty(10), model)
    assert len(appearance.jersey) == 0
    assert appearance.embedding is not None
    assert appearance.embedding.vector.shape == (0, 24)
    assert len(appearance.jersey.of_tracks().track_id) == 0


def test_a_film_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no film")
    with pytest.raises(InputError, match=r"clip\.mp4"):
        look(path, tmp_path / "work")


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 60), tracks=st.integers(1, 9))
def test_looks_are_sorted_and_the_mean_of_a_track_is_that_of_its_own(seed: int, count: int, tracks: int) -> None:
    random = np.random.default_rng(seed)
    ids, frames = random.integers(1, tracks + 1, count), random.permutation(1000)[:count]
    vectors, quality = random.normal(size=(count, 5)), random.random(count)
    looks = Looks.from_arrays(ids, frames, vectors, quality, "test")
    key = looks.track_id.astype(np.int64) * 1000 + looks.frame
    assert (np.diff(key) > 0).all()
    assert np.linalg.norm(looks.vector, axis=1) == pytest.approx(np.ones(count), abs=1e-5)
    means = looks.of_tracks()
    assert means.track_id.tolist() == sorted(set(ids.tolist()))
    assert means.number.sum() == count
    for row, track in enumerate(means.track_id.tolist()):
        mine = looks.of_track(track)
        assert (looks.track_id[mine] == track).all()
        assert mine.stop - mine.start == means.number[row]
        total = (looks.vector[mine] * np.maximum(looks.quality[mine], 1e-3)[:, None]).sum(axis=0)
        if np.linalg.norm(total) > 1e-2:
            assert means.vector[row] == pytest.approx(total / np.linalg.norm(total), abs=1e-3)
    nobody = looks.of_track(tracks + 1)
    assert nobody.start == nobody.stop


@pytest.mark.parametrize("vectors", [[[0.0, 0.0]], [[np.nan, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
def test_looks_without_length_or_of_unequal_number_are_refused(vectors: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="look"):
        Looks.from_arrays([1], [0], vectors, [1.0], "test")
