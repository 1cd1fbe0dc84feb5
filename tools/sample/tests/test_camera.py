import numpy as np
import pytest

from sample.settings import Settings
from sample.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World(Settings(seconds=8, fps=10, width=640, height=360, seed=3))


def test_the_homography_is_the_projection_of_the_ground(world: World) -> None:
    view = world.camera.view(20)
    points = np.random.default_rng(0).uniform(-25, 25, (50, 2))
    pixels, _ = view.project(np.hstack([points, np.zeros((50, 1))]))
    mapped = np.hstack([points, np.ones((50, 1))]) @ view.ground.T
    assert np.allclose(mapped[:, :2] / mapped[:, 2:], pixels, atol=1e-6)


def test_far_people_are_smaller(world: World) -> None:
    view = world.camera.view(0)
    near, far = (view.project(np.array([[0, y, 0.0], [0, y, 1.8]]))[0] for y in (-20.0, 20.0))
    assert near[0, 1] - near[1, 1] > 1.3 * (far[0, 1] - far[1, 1])


def test_the_ball_stays_in_the_picture_most_of_the_time(world: World) -> None:
    seen = 0
    for index in range(world.settings.frame_count):
        frame = world.frame(index)
        pixel, _ = frame.view.project(frame.ball)
        seen += bool((pixel >= 0).all() and (pixel < (640, 360)).all())
    assert seen >= 0.9 * world.settings.frame_count


def test_the_camera_pans_zooms_and_shakes_smoothly(world: World) -> None:
    path = world.camera
    step = np.abs(np.diff(path.pan)) * path.focal[1:]
    assert np.median(step) > 0
    assert step.max() < 0.25 * path.width
    assert path.focal.max() / path.focal.min() > 1.08


def test_the_same_moment_looks_alike_at_any_frame_rate_and_size() -> None:
    small = World(Settings(seconds=2, fps=10, width=320, height=180, seed=4))
    large = World(Settings(seconds=2, fps=20, width=640, height=360, seed=4))
    a, b = small.frame(10), large.frame(20)
    assert (a.outlines.who == b.outlines.who).all()
    assert np.allclose(2 * a.outlines.boxes, b.outlines.boxes, atol=0.75)
