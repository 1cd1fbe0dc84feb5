import cv2
import numpy as np
import pytest

from sample.paint import Painter, silhouette
from sample.settings import Settings
from sample.truth import LEAST_INSIDE, Observer, Truth
from sample.world import World

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def world() -> World:
    return World(Settings(seconds=10, fps=8, width=WIDTH, height=HEIGHT, seed=2))


@pytest.fixture(scope="module")
def truth(world: World) -> Truth:
    observer = Observer(world)
    for index in range(world.settings.frame_count):
        observer.observe(world.frame(index))
    return observer.truth()


def test_boxes_lie_in_the_picture_and_have_an_area(truth: Truth) -> None:
    assert len(truth.frame) > 300
    assert (truth.xyxy[:, :2] >= 0).all()
    assert (truth.xyxy[:, 2] <= WIDTH).all() and (truth.xyxy[:, 3] <= HEIGHT).all()
    assert (truth.xyxy[:, 2:] > truth.xyxy[:, :2]).all()


def test_an_identity_stands_once_in_a_frame_and_rows_are_sorted(truth: Truth) -> None:
    key = truth.frame.astype(np.int64) * 1000 + truth.track_id
    assert (np.diff(key) > 0).all()


def test_visibility_is_a_share_and_takes_all_kinds_of_values(truth: Truth) -> None:
    assert truth.visibility.min() >= 0 and truth.visibility.max() <= 1
    assert (truth.visibility > 0.97).mean() > 0.4
    assert (truth.visibility < 0.5).any()


def test_the_box_is_tight_around_the_body_as_drawn(world: World) -> None:
    for index in range(0, world.settings.frame_count, 7):
        outlines = world.frame(index).outlines
        for row in range(len(outlines.who)):
            left, top, right, bottom = outlines.boxes[row]
            if left < 2 or top < 2 or right > WIDTH - 2 or bottom > HEIGHT - 2:
                continue
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            silhouette(mask, outlines, row, 1)
            x, y, width, height = cv2.boundingRect(mask)
            assert np.allclose([x, y, x + width, y + height], outlines.boxes[row], atol=1.6)


def test_the_box_holds_all_that_is_painted_but_the_stick(world: World) -> None:
    tint = np.ones(3)
    referee = len(world.people) - 1  # carries no stick
    checked = 0
    for index in range(0, world.settings.frame_count, 3):
        outlines = world.frame(index).outlines
        for row in np.flatnonzero(outlines.who == referee):
            picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            Painter(world.people[referee], tint).paint(picture, outlines, int(row), 1.0)
            rows, columns = np.nonzero(picture.sum(2) > 40)
            left, top, right, bottom = outlines.boxes[row]
            if len(rows) == 0:
                continue
            assert columns.min() + 0.5 >= left - 2 and columns.max() + 0.5 <= right + 2
            assert rows.min() + 0.5 >= top - 2 and rows.max() + 0.5 <= bottom + 2
            checked += 1
    assert checked > 5


def test_visible_pixels_of_the_nearest_person_are_all_of_the_body(world: World) -> None:
    index = 20
    frame = world.frame(index)
    observer = Observer(world)
    observer.observe(frame)
    seen = {track_id: visibility for _, track_id, *_, visibility in observer.boxes}
    nearest = int(frame.outlines.who[-1])
    box = frame.outlines.boxes[-1]
    inside = box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= HEIGHT
    share = seen.get(nearest + 1, 0.0)
    assert share == 1.0 if inside else share < 1.0


def test_who_is_hardly_in_the_picture_is_left_out(world: World, truth: Truth) -> None:
    left_out = 0
    for index in range(world.settings.frame_count):
        outlines = world.frame(index).outlines
        present = set(truth.track_id[truth.frame == index].tolist())
        for row, person in enumerate(outlines.who):
            box = outlines.boxes[row]
            clipped = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
            share = np.prod(clipped[2:] - clipped[:2]) / np.prod(box[2:] - box[:2])
            assert (int(person) + 1 in present) == (share >= LEAST_INSIDE)
            left_out += share < LEAST_INSIDE
    assert left_out > 0


def test_the_document_tells_every_identity_and_every_frame(world: World) -> None:
    observer = Observer(world)
    for index in range(5):
        observer.observe(world.frame(index))
    document = observer.document()
    assert len(document["people"]) == len(world.people)
    assert {person["role"] for person in document["people"]} == {
        "goalkeeper",
        "attack",
        "midfield",
        "defence",
        "referee",
    }
    assert len(document["camera"]["frames"]) == len(document["ball"]["field"]) == len(document["phase"]) == 5
    assert np.allclose(document["camera"]["frames"][3]["homography"], world.camera.view(3).ground, rtol=1e-6)
