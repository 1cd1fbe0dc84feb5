import numpy as np
import pytest

from sample.scene import Scene
from sample.settings import Settings
from sample.world import World

SETTINGS = Settings(seconds=3, fps=5, width=640, height=360, seed=9)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SETTINGS)


@pytest.fixture(scope="module")
def scene(world: World) -> Scene:
    return Scene(SETTINGS, world.people, world.light)


def test_a_frame_is_a_picture_of_grass_with_a_wall_behind(world: World, scene: Scene) -> None:
    picture = scene.render(world.frame(0), 0.0)
    assert picture.shape == (360, 640, 3) and picture.dtype == np.uint8
    grass = picture[200:].astype(int)
    green = (grass[..., 1] > grass[..., 0]) & (grass[..., 1] > grass[..., 2])
    assert green.mean() > 0.7


def test_the_same_frame_is_rendered_to_the_same_pixels(world: World, scene: Scene) -> None:
    again = Scene(SETTINGS, world.people, world.light)
    assert (scene.render(world.frame(7), 3.0) == again.render(world.frame(7), 3.0)).all()


def test_players_wear_their_teams_colour_where_the_truth_says_they_are(world: World, scene: Scene) -> None:
    checked = 0
    for index in (0, 4, 9, 14):
        frame = world.frame(index)
        picture = scene.render(frame, 0.0).astype(float)
        for row in range(len(frame.outlines.who)):
            person = world.people[int(frame.outlines.who[row])]
            left, top, right, bottom = frame.outlines.boxes[row]
            others = np.delete(frame.outlines.boxes, row, 0)
            beside = (others[:, 0] > right) | (others[:, 2] < left)
            alone = (beside | (others[:, 1] > bottom) | (others[:, 3] < top)).all()
            if not alone or person.team < 0 or left < 0 or right > 640 or bottom > 360:
                continue
            trunk = picture[int(top + 0.2 * (bottom - top)) : int(top + 0.5 * (bottom - top)), int(left) : int(right)]
            kits = [world.people[1].kit, next(p for p in world.people if p.team == 1 and p.role == "attack").kit]
            if person.role == "goalkeeper":
                continue
            distance = [
                np.sort(np.linalg.norm(trunk - 0.9 * np.array(kit.jersey), axis=-1).ravel())[: trunk.size // 20].mean()
                for kit in kits
            ]
            assert int(np.argmin(distance)) == person.team
            checked += 1
    assert checked >= 3


def test_a_fast_pan_blurs_the_picture(world: World, scene: Scene) -> None:
    def sharpness(pan: float) -> float:
        picture = scene.render(world.frame(3), pan).astype(float)
        return float(np.abs(np.diff(picture, axis=1)).mean())

    assert sharpness(30.0) < 0.8 * sharpness(0.0)
