import pytest

from sample.happenings import Happenings, count_happenings
from sample.settings import Settings
from sample.truth import Observer
from sample.world import World


@pytest.fixture(scope="module", params=[1, 5, 8])
def happenings(request: pytest.FixtureRequest) -> Happenings:
    """Twenty seconds of 720p at a low frame rate: what happens does not depend on it."""
    settings = Settings(fps=10, seed=request.param)
    world = World(settings)
    observer = Observer(world)
    for index in range(settings.frame_count):
        observer.observe(world.frame(index))
    return count_happenings(settings, world, observer.truth())


def test_people_hide_each_other_many_times(happenings: Happenings) -> None:
    assert happenings.occlusions >= 10
    assert happenings.occluded > 0.02


def test_people_leave_the_picture_and_come_back_soon_or_late(happenings: Happenings) -> None:
    assert happenings.short_exits >= 1
    assert happenings.long_exits >= 2
    assert happenings.short_exits + happenings.long_exits >= 6


def test_the_camera_pans_over_the_field_and_zooms(happenings: Happenings) -> None:
    assert happenings.pan_metres > 50
    assert happenings.zoom > 1.15


def test_people_are_as_large_as_in_real_footage(happenings: Happenings) -> None:
    assert 60 <= happenings.median_height <= 130
    assert 6 <= happenings.boxes_per_frame <= 20
    assert happenings.people >= 20
