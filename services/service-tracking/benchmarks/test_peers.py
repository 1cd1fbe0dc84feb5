"""Ours and the peers behind one signature: the same boxes in, valid tracks out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.excerpt import first_frames
from benchmarks.headless import prefer_headless_opencv
from benchmarks.peers import ONLINE, OURS, Contestant, chosen, contestants
from benchmarks.pictures import Film, ImageFolder, pictures_of
from benchmarks.small import FPS, FRAMES, PLAYERS, WatchedPictures, panned_pictures
from shared_libs.common.detections import Detections
from tracking.linker import link
from tracking.tracker import track

PEERS = ["ByteTrack", "SORT", "OC-SORT", "BoT-SORT", "ARC-SORT"]

everybody = pytest.mark.parametrize("contestant", contestants(), ids=lambda each: each.name)


@everybody
def test_tracks_consist_of_the_boxes_that_were_given(contestant: Contestant, boxes: Detections) -> None:
    tracks, seconds = contestant.run(boxes, FPS, None)
    assert seconds > 0
    assert tracks.frame_count == FRAMES
    given = {(int(frame), *np.round(box, 2).tolist()) for frame, box in zip(boxes.frame, boxes.xyxy, strict=True)}
    found = {(int(frame), *np.round(box, 2).tolist()) for frame, box in zip(tracks.frame, tracks.xyxy, strict=True)}
    assert found <= given
    assert len(found) > 0.7 * len(given)


@everybody
def test_ids_count_from_one_and_stay_with_players_who_keep_apart(contestant: Contestant) -> None:
    frame = np.repeat(np.arange(FRAMES), 3)
    player = np.tile(np.arange(3), FRAMES)
    corner = np.stack([100 + 300 * player + 2 * frame, 200 + frame], axis=1)
    xyxy = np.concatenate([corner, corner + np.array([40, 90])], axis=1)
    apart = Detections.from_arrays(frame, xyxy, np.full(len(frame), 0.9), np.zeros(len(frame)))
    tracks = contestant.run(apart, FPS, None).tracks
    assert sorted(set(tracks.track_id.tolist())) == [1, 2, 3]
    for track_id in (1, 2, 3):
        mine = tracks.track_id == track_id
        assert len(set(((tracks.xyxy[mine, 0] - 2 * tracks.frame[mine]) // 300).tolist())) == 1


@everybody
def test_frames_without_boxes_are_no_trouble(contestant: Contestant) -> None:
    assert len(contestant.run(Detections.empty(5), FPS, None).tracks) == 0


@everybody
def test_pictures_are_seen_by_those_who_look(contestant: Contestant, boxes: Detections) -> None:
    pictures = WatchedPictures(panned_pictures(10))
    contestant.run(first_frames(boxes, 10), FPS, pictures)
    seen = (pictures.colours_seen, pictures.luma_seen)
    assert seen == ((0, 0) if not contestant.looks else (0, 10) if contestant.name in (ONLINE, OURS) else (10, 0))


def test_peers_are_chosen_by_name_and_ours_always_is() -> None:
    assert [each.name for each in chosen([])] == [*PEERS, ONLINE, OURS]
    assert [each.name for each in chosen(["sort", "ByteTrack "])] == ["ByteTrack", "SORT", ONLINE, OURS]
    with pytest.raises(ValueError, match="there is no tracker deepsort"):
        chosen(["sort", "deepsort"])


def test_ours_is_online_first_and_then_with_all_that_is_known(boxes: Detections) -> None:
    *_, online, ours = contestants()
    seen = track(boxes, FPS)
    np.testing.assert_array_equal(online.run(boxes, FPS, None).tracks.track_id, seen.track_id)
    np.testing.assert_array_equal(ours.run(boxes, FPS, None).tracks.track_id, link(seen, FPS).track_id)


def test_a_film_gives_the_same_pictures_by_both_decoders(film: Path) -> None:
    by_cv2, by_pyav = (list(Film(film, decoder=decoder).bgr()) for decoder in ("cv2", "pyav"))
    luma = list(Film(film).luma(160))
    assert len(by_cv2) == len(by_pyav) == len(luma) == FRAMES
    assert by_cv2[0].shape == by_pyav[0].shape == (180, 320, 3)
    assert luma[0].shape == (90, 160)
    for one, other in zip(by_cv2, by_pyav, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 12
    assert len(list(Film(film, 7).bgr())) == len(list(Film(film, 7).luma(160))) == 7


def test_a_folder_of_images(tmp_path: Path) -> None:
    import cv2

    (tmp_path / "img1").mkdir()
    images = panned_pictures(3)
    for number, image in enumerate(images, start=1):
        cv2.imwrite(str(tmp_path / "img1" / f"{number:06d}.png"), image)
    pictures = pictures_of(tmp_path, "img1")
    assert isinstance(pictures, ImageFolder)
    assert pictures.size == (320, 180)
    np.testing.assert_array_equal(list(pictures.bgr()), images)
    assert [image.shape for image in pictures.luma(160)] == [(90, 160)] * 3
    assert pictures_of(tmp_path, "img2") is None


def test_the_headless_opencv_goes_first_where_each_wheel_has_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "with_windows", tmp_path / "headless"]
    for folder, name in zip(folders, ("opencv-python", "opencv-python-headless"), strict=True):
        facts = folder / f"{name.replace('-', '_')}-9.9.dist-info" / "METADATA"
        facts.parent.mkdir(parents=True)
        facts.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    before = [str(folder) for folder in folders] + sys.path
    monkeypatch.setattr(sys, "path", list(before))
    prefer_headless_opencv()
    assert sys.path == [str(folders[1]), *before]


def test_opencv_stays_where_both_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("opencv-python", "opencv-python-headless"):
        facts = tmp_path / f"{name.replace('-', '_')}-9.9.dist-info" / "METADATA"
        facts.parent.mkdir(parents=True)
        facts.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
    before = [str(tmp_path), *sys.path]
    monkeypatch.setattr(sys, "path", list(before))
    prefer_headless_opencv()
    assert sys.path == before


def test_the_first_frames_of_boxes(boxes: Detections) -> None:
    few = first_frames(boxes, 3)
    assert few.frame_count == 3
    assert few.frame.tolist() == [0] * PLAYERS + [1] * PLAYERS + [2] * PLAYERS
    assert len(first_frames(boxes, 10 * FRAMES)) == len(boxes)
