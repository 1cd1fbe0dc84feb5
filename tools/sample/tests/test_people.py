import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sample.digits import number_quads
from sample.people import Kit, Role, make_people
from sample.settings import Settings


@given(seed=st.integers(0, 10_000), players=st.integers(2, 14))
@settings(max_examples=60, deadline=None)
def test_every_team_is_complete_and_its_numbers_are_unique(seed: int, players: int) -> None:
    people = make_people(Settings(seed=seed, players=players))
    assert [person.track_id for person in people] == list(range(1, len(people) + 1))
    for team in (0, 1):
        members = [person for person in people if person.team == team]
        assert sum(not person.substitute for person in members) == players
        assert sum(person.role is Role.KEEPER for person in members) == 1
        assert len({person.number for person in members}) == len(members)
    assert sum(person.role is Role.REFEREE for person in people) == 1


@given(seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_teammates_wear_one_kit_and_no_two_kits_look_alike(seed: int) -> None:
    people = make_people(Settings(seed=seed))
    kits: dict[tuple[int, bool], Kit] = {}
    for person in people:
        group = (person.team, person.role is Role.KEEPER)
        assert kits.setdefault(group, person.kit) == person.kit
    jerseys = [np.array(kit.jersey) for (team, _), kit in kits.items() if team >= 0]
    for k, jersey in enumerate(jerseys):
        for other in jerseys[:k]:
            assert np.abs(jersey - other).sum() > 90


def test_teammates_differ_in_looks() -> None:
    team = [person.looks for person in make_people(Settings()) if person.team == 0]
    assert len(set(team)) == len(team)


@pytest.mark.parametrize("number", range(100))
def test_a_number_fits_on_a_back(number: int) -> None:
    quads = number_quads(number)
    assert np.abs(quads[..., 0]).max() < 0.2
    assert np.abs(quads[..., 1]).max() <= 0.15 + 1e-9


def test_numbers_are_told_apart_by_their_strokes() -> None:
    assert len({number_quads(number).tobytes() for number in range(100)}) == 100
    assert len(number_quads(-1)) == 0
