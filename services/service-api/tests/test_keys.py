"""Keys: made once, listed without their secrets, revoked for good; and sessions that they are exchanged for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.access.keys import KeyStore, NoSuchKey, Scope
from api.access.sessions import SessionStore
from api.database import open_database, sessions
from postgresql.databases import KINDS, NewDatabase, databases
from shared_libs.common.errors import InputError
from shared_libs.utils.ids import parse_id


@pytest.fixture(scope="module", params=KINDS)
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    with databases(request.param, tmp_path_factory.mktemp("databases")) as new:
        yield new


@pytest.fixture
def engine(new_database: NewDatabase) -> Iterator[sa.Engine]:
    made = open_database(new_database())
    yield made
    made.dispose()


def test_a_key_is_found_by_the_whole_of_it(engine: sa.Engine) -> None:
    store = KeyStore(engine)
    key, token = store.create("eagles", Scope.WRITE, "the coach's laptop")
    assert parse_id(key.key_id, "key") and token.startswith(f"laxai_{key.key_id}_")
    assert (key.tenant, key.scope, key.name, key.revoked) == ("eagles", "write", "the coach's laptop", None)
    assert store.owner(token) == key
    assert KeyStore(engine).owner(token) == key


@given(position=st.integers(0, 87), digit=st.sampled_from("0123456789abcdefABCDEF_-/ é\0"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_with_another_digit_it_is_no_key(engine: sa.Engine, position: int, digit: str) -> None:
    store = KeyStore(engine)
    key, token = store.create("eagles", Scope.READ)
    assert len(token) == 87
    changed = token[:position] + digit + token[position + 1 :]
    assert store.owner(changed) == (key if changed == token else None)


def test_secrets_differ(engine: sa.Engine) -> None:
    store = KeyStore(engine)
    assert len({store.create("eagles", Scope.READ)[1].rpartition("_")[2] for _ in range(20)}) == 20


def test_keys_are_listed_oldest_first_also_of_one_tenant(engine: sa.Engine) -> None:
    store = KeyStore(engine)
    assert store.list() == ()
    made = [store.create(tenant, Scope.READ)[0] for tenant in ("eagles", "blues", "eagles")]
    assert sorted(store.list(), key=made.index) == made
    assert [key.created for key in store.list()] == sorted(key.created for key in made)
    assert {key.key_id for key in store.list("eagles")} == {made[0].key_id, made[2].key_id}
    assert store.list("reds") == ()


def test_a_revoked_key_stays_listed_and_revoked_since_the_first_time(engine: sa.Engine) -> None:
    store = KeyStore(engine)
    key, token = store.create("eagles", Scope.ADMIN)
    revoked = store.revoke(key.key_id)
    assert revoked.revoked is not None and store.owner(token) is None
    assert store.revoke(key.key_id) == revoked
    assert store.list() == (revoked,)


def test_a_key_that_is_not_there_cannot_be_revoked(engine: sa.Engine) -> None:
    with pytest.raises(NoSuchKey, match="key_0123456789ab: there is no such key"):
        KeyStore(engine).revoke("key_0123456789ab")


def test_keys_are_needed_from_the_first_on_whoever_makes_it(engine: sa.Engine) -> None:
    store = KeyStore(engine)
    assert not store.are_needed()
    key, _ = KeyStore(engine).create("eagles", Scope.READ)
    assert store.are_needed()
    store.revoke(key.key_id)
    assert store.are_needed() and KeyStore(engine).are_needed()


@pytest.mark.parametrize(
    ("tenant", "name"), [("../blues", ""), ("", ""), ("Blues", ""), ("blues", "x" * 201), ("blues", "a\nb")]
)
def test_what_is_no_tenant_or_no_name_gets_no_key(engine: sa.Engine, tenant: str, name: str) -> None:
    with pytest.raises(InputError):
        KeyStore(engine).create(tenant, Scope.READ, name)
    assert KeyStore(engine).list() == ()


def test_a_session_is_found_until_it_is_over(engine: sa.Engine) -> None:
    key, _ = KeyStore(engine).create("eagles", Scope.WRITE)
    store = SessionStore(engine)
    session, over = store.begin(key, 1.0), store.begin(key, -1.0)
    assert store.find(session.token) == session and session.key == key
    assert store.find(over.token) is None
    store.end(session)
    store.end(session)
    assert store.find(session.token) is None


def test_sessions_that_are_over_are_forgotten(engine: sa.Engine) -> None:
    key, _ = KeyStore(engine).create("eagles", Scope.WRITE)
    store = SessionStore(engine)
    for _ in range(3):
        store.begin(key, -1.0)
    kept = store.begin(key, 1.0)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(sessions)) == 1
    assert store.find(kept.token) == kept


def test_csrf_tokens_are_of_one_session(engine: sa.Engine) -> None:
    key, _ = KeyStore(engine).create("eagles", Scope.WRITE)
    store = SessionStore(engine)
    one, other = store.begin(key, 1.0), store.begin(key, 1.0)
    assert one.has_csrf_token(one.csrf_token)
    for wrong in (other.csrf_token, "", one.token, one.csrf_token[:-1], "\N{GREEK SMALL LETTER ALPHA}"):
        assert not one.has_csrf_token(wrong)
