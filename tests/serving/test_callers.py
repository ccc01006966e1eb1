"""Keys are shown once, hashed, verified, remembered for a while, rotated, revoked, and they end."""

from pathlib import Path

import pytest
from served import KeysInMemory
from sqlalchemy import text

from features.errors import NotFound, UsageError
from monitoring.database import database, writing
from serving.callers import REMEMBERED, Callers, Kept
from serving.key_table import KeyTable
from serving.problems import Problem


class Clock:
    """Microseconds and ticks that move when told."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> int:
        return int(self.seconds * 1e6)

    def ticks(self) -> float:
        return self.seconds


@pytest.fixture(params=["memory", "database"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return KeysInMemory() if request.param == "memory" else KeyTable(database(tmp_path))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def callers(kept: Kept, clock: Clock) -> Callers:
    return Callers(kept, clock.now, clock.ticks)


def test_a_key_is_verified_remembered_and_verified_again(callers: Callers, clock: Clock) -> None:
    made, key = callers.make("loan system", ["read", "score"], "me")
    assert made.scopes == ("score", "read") and key.startswith(f"lw_{made.id}_")
    assert callers.known(key) is None
    assert callers.verify(key) == made == callers.known(key)
    clock.seconds += REMEMBERED + 0.1
    assert callers.known(key) is None
    assert callers.verify(key).may("read") and not made.may("admin")


def test_what_is_kept_does_not_hold_the_key(callers: Callers, kept: Kept, tmp_path: Path) -> None:
    made, key = callers.make("loan system", ["score"], "me")
    secret = key.removeprefix(f"lw_{made.id}_")
    assert kept.all() == [made]
    assert made.secret.startswith("$argon2id$") and secret not in made.secret
    assert not any(secret.encode() in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


def test_a_key_that_is_wrong_anywhere_is_refused(callers: Callers) -> None:
    _, key = callers.make("loan system", ["score"], "me")
    _, other = callers.make("another", ["score"], "me")
    callers.verify(key)
    mixed = key[:19] + other[19:]
    for wrong in (
        "",
        key + "a",
        key[:-1],
        key.upper(),
        mixed,
        "lw_",
        key[:-1] + ("b" if key[-1] == "a" else "a"),
        "\ud800",
        key + "\n",
    ):
        assert callers.known(wrong) is None
        with pytest.raises(Problem, match="no valid key"):
            callers.verify(wrong)


def test_a_key_ends_on_its_day_and_when_it_is_revoked(callers: Callers, clock: Clock) -> None:
    made, key = callers.make("loan system", ["score"], "me", expires_at=clock.now() + 10_000_000)
    callers.verify(key)
    clock.seconds += 10.0
    assert callers.known(key) is None
    with pytest.raises(Problem):
        callers.verify(key)
    with pytest.raises(NotFound):
        callers.revoke(made.id)
    lasting, other = callers.make("loan system", ["score"], "me")
    callers.verify(other)
    assert callers.revoke(lasting.id).revoked_at == clock.now()
    assert callers.known(other) is None
    with pytest.raises(Problem):
        callers.verify(other)


def test_a_revocation_elsewhere_counts_when_what_is_remembered_is_forgotten(kept: Kept, clock: Clock) -> None:
    here, elsewhere = Callers(kept, clock.now, clock.ticks), Callers(kept, clock.now, clock.ticks)
    made, key = here.make("loan system", ["score"], "me")
    here.verify(key)
    elsewhere.revoke(made.id)
    assert here.known(key) is not None
    clock.seconds += REMEMBERED + 0.1
    assert here.known(key) is None
    with pytest.raises(Problem):
        here.verify(key)


def test_a_rotated_key_keeps_name_and_scopes_and_the_old_one_its_grace(callers: Callers, clock: Clock) -> None:
    old, key = callers.make("loan system", ["score", "audit"], "me")
    callers.verify(key)
    made, fresh = callers.rotate(old.id, "you", keep_seconds=60)
    assert (made.name, made.scopes, made.made_by) == (old.name, old.scopes, "you")
    assert callers.verify(fresh).id == made.id and callers.verify(key).id == old.id
    clock.seconds += 60.0
    with pytest.raises(Problem):
        callers.verify(key)
    _, third = callers.rotate(made.id, "you")
    with pytest.raises(Problem):
        callers.verify(fresh)
    assert callers.verify(third).may("audit")


def test_a_key_has_the_authorities_that_it_was_made_with_and_keeps_them_when_it_is_rotated(callers: Callers, kept: Kept) -> None:
    asked = ["risk manager", "credit committee", "risk manager"]
    made, key = callers.make("Zhao Min", ["work"], "me", authorities=asked)
    assert callers.verify(key) == made == kept.find(made.id)
    assert callers.rotate(made.id, "me")[0].authorities == made.authorities == ("credit committee", "risk manager")
    assert callers.make("loan system", ["score"], "me")[0].authorities == ()


def test_an_authority_that_no_action_names_is_refused_with_its_neighbour(callers: Callers, kept: Kept) -> None:
    with pytest.raises(UsageError, match="no authority 'credit comittee'; did you mean credit committee") as refused:
        callers.make("Zhao Min", ["work"], "me", authorities=["risk manager", "credit comittee"])
    assert "没有决定权限 'credit comittee';是否指 credit committee" in refused.value.zh
    assert kept.all() == []


def test_a_key_of_before_there_were_authorities_has_none(tmp_path: Path) -> None:
    engine = database(tmp_path)
    with writing(engine) as connection:
        columns = "id, name, scopes, secret, made_at, made_by"
        connection.execute(text(f"INSERT INTO callers ({columns}) VALUES ('0a', 'Wang Li', 'work decide', 's', 1, 'me')"))
    found = KeyTable(engine).find("0a")
    assert found is not None and (found.scopes, found.authorities) == (("work", "decide"), ())


@pytest.mark.parametrize("scopes", [[], ["scores"], ["score", "root"]])
def test_a_scope_that_is_none_is_refused(callers: Callers, scopes: list[str]) -> None:
    with pytest.raises(UsageError, match="no scope"):
        callers.make("loan system", scopes, "me")


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_a_key_has_a_name(callers: Callers, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        callers.make(name, ["score"], "me")


def test_a_key_does_not_end_before_it_is_made(callers: Callers, clock: Clock) -> None:
    with pytest.raises(UsageError, match="expire before"):
        callers.make("loan system", ["score"], "me", clock.now())
