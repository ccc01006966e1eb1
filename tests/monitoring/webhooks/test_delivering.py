"""Deliveries to a receiver that listens: in order, once each but for what a death leaves open, and as long as it takes."""

import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from desk import TODAY, receive, signals
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from receiver import SECRET, Receiver, named, receiving
from records import on_sqlite, score
from sqlalchemy import Engine, event

from monitoring.database import Unavailable
from monitoring.decisions.entry import Entry
from monitoring.decisions.record import Record
from monitoring.webhooks import delivering, events, state
from monitoring.webhooks.delivering import Courier, Desk, deliver
from monitoring.webhooks.endpoints import Endpoint, endpoints
from monitoring.webhooks.events import Page
from monitoring.webhooks.looking import looked
from monitoring.webhooks.state import LEASE, SECOND, State, delay, enable, everything

Verified = Callable[..., bool]
START = 1_795_000_000 * SECOND


class At:
    """A desk in a folder, whose clock stands until it is moved."""

    def __init__(self, engine: Engine, folder: Path, url: str, *types: str) -> None:
        self.now, self.said = START, list[str]()
        self.folder = folder
        named(folder, url, *(types or ("tier.moved", "night.finished")))
        self.desk = Desk(engine, endpoints(folder), lambda _, outcome: self.said.append(outcome), lambda: self.now)
        state.begin(engine, self.desk.endpoints)

    @property
    def row(self) -> State:
        return everything(self.desk.engine)["core"]

    def later(self) -> list[str]:
        """Deliver when the next attempt is due; what came of it."""
        self.now = max(self.now, self.row.next_at)
        self.said.clear()
        deliver(self.desk)
        return list(self.said)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def at(small: Record, receiver: Receiver, tmp_path: Path) -> At:
    return At(small.engine, tmp_path, receiver.url())


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[At, Record, Receiver]]:
    """All of it for many examples."""
    folder = tmp_path_factory.mktemp("lasting")
    with on_sqlite(folder / "record") as record, receiving() as receiver:
        yield At(record.engine, folder, receiver.url()), record, receiver


def moved(record: Record, many: int) -> list[str]:
    """Have that many moves recorded among scores; their ids."""
    made = []
    for n in range(many):
        record.add(score(n))
        made.append(record.add(Entry("move", "loanwatch nightly", {"cause": "score"}, f"canary-{n}", None, b"x")).id)
    return made


def test_what_is_decided_is_told_once_in_its_order_and_signed(
    record: Record, receiver: Receiver, tmp_path: Path, verified: Verified
) -> None:
    moved(record, 2)
    at = At(record.engine, tmp_path, receiver.url())
    made = moved(record, 5)
    assert at.later() == ["delivered"] * 5
    assert at.later() == []
    assert receiver.decisions == made  # a new endpoint is told what comes from then on
    for one in receiver.came:
        assert one.path == "/hooks?token=7" and one.headers["content-type"] == "application/json"
        assert one.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert verified([SECRET], one.headers, one.body, START // SECOND)
        assert b"canary" not in one.body
    assert len({one.id for one in receiver.came}) == 5
    assert (at.row.attempts, at.row.next_at, at.row.last_error, at.row.delivered_at) == (0, 0, None, START)


@given(answers=st.lists(st.sampled_from([200, 204, 299, 301, 307, 400, 404, 429, 500, 503]), max_size=12))
@examples(12)
def test_whatever_is_answered_each_is_taken_once_in_order_and_nothing_is_lost(
    lasting: tuple[At, Record, Receiver], answers: list[int]
) -> None:
    at, record, receiver = lasting
    made = moved(record, 3)
    receiver.came.clear()
    receiver.answers[:] = answers
    answered = [*answers, *[204] * 3]
    while at.later():
        pass
    taken = [one for one, status in zip(receiver.decisions, answered, strict=False) if 200 <= status < 300]
    assert taken == made
    runs = [one for n, one in enumerate(receiver.decisions) if not n or one != receiver.decisions[n - 1]]
    assert runs == made  # nothing overtakes
    by_decision = {one.json()["data"]["decision"]: one.id for one in receiver.came}
    assert len({(one.json()["data"]["decision"], one.id, one.body) for one in receiver.came}) == len(by_decision) == 3


def test_nothing_is_sent_before_it_is_due(at: At, small: Record, receiver: Receiver) -> None:
    moved(small, 1)
    receiver.answers[:] = [500]
    assert at.later() == ["status 500"]
    assert 0 < at.row.next_at - at.now == delay(receiver.came[0].id, 1) <= 5 * SECOND
    at.now = at.row.next_at - 1
    at.said.clear()
    deliver(at.desk)
    assert at.said == [] and at.row.last_error == "status 500" and at.row.attempts == 1
    assert at.later() == ["delivered"]


@given(id=st.text(max_size=40), attempts=st.integers(1, 10_000))
@examples(100)
def test_a_delay_doubles_up_to_an_hour_and_is_the_same_each_time(id: str, attempts: int) -> None:
    most = min(5 * 2 ** (attempts - 1), 3_600) * SECOND
    assert 0 <= delay(id, attempts) == delay(id, attempts) < most


def test_those_that_failed_together_do_not_come_back_together() -> None:
    found = sorted(delay(f"msg_{n}", 12) / SECOND for n in range(400))
    assert 0 <= found[40] < 600 < 1_500 < found[200] < 2_100 < 3_000 < found[360] < 3_600


def test_who_is_gone_is_asked_no_more_until_he_is_enabled_or_elsewhere(at: At, small: Record, receiver: Receiver) -> None:
    made = moved(small, 2)
    receiver.answers[:] = [410, 410]
    assert at.later() == ["gone"]
    at.now += 365 * 86_400 * SECOND
    assert at.later() == [] and at.row.disabled_at == START
    enable(at.desk.engine, "core")
    assert at.later() == ["gone"]
    other = At(at.desk.engine, at.folder, receiver.url("localhost"), "tier.moved")
    assert other.later() == ["delivered"] * 2
    assert receiver.decisions == [made[0], made[0], *made]
    assert len({one.id for one in receiver.came}) == 2


def test_a_redirect_is_not_followed(at: At, small: Record, receiver: Receiver) -> None:
    moved(small, 1)
    receiver.answers[:] = [302, 308]
    assert at.later() == ["status 302"] and at.later() == ["status 308"]
    assert len(receiver.came) == 2


def test_one_that_fails_holds_up_nobody_else(small: Record, receiver: Receiver, tmp_path: Path) -> None:
    with receiving() as broken:
        broken.answer = 500
        other = At(small.engine, tmp_path / "other", broken.url())
        text = (tmp_path / "other" / "webhooks.toml").read_text().replace('"core"', '"other"')
        (tmp_path / "other" / "webhooks.toml").write_text(text)
        one = At(small.engine, tmp_path / "one", receiver.url())
        both = Desk(small.engine, (*one.desk.endpoints, *endpoints(other.folder)), lambda *_: None, lambda: START)
        state.begin(small.engine, both.endpoints)
        made = moved(small, 3)
        deliver(both)
        assert receiver.decisions == made and broken.decisions == made[:1]


def test_places_with_nothing_to_tell_are_passed(at: At, small: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SPAN", 4)
    for n in range(11):
        small.add(score(n))
    receive(small, signals(("B1", "bounced", "serious")), TODAY, "a night")
    assert at.later() == []
    assert at.row.place >= 8
    made = moved(small, 1)
    assert at.later() == ["delivered"] and at.row.place == small.find(made[0]).count


def test_types_that_are_not_asked_for_do_not_hold_up_those_that_are(
    small: Record, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST", 2)
    at = At(small.engine, tmp_path, receiver.url(), "night.finished")
    for kind in ("backfill",) * 5 + ("nightly",):
        last = small.add(Entry("night", "loanwatch nightly", {"kind": kind})).id
    assert at.later() == ["delivered"] and receiver.decisions == [last]


def test_killed_between_answer_and_note_it_comes_again_under_the_same_id(
    receiver: Receiver, tmp_path: Path, verified: Verified
) -> None:
    with on_sqlite(tmp_path / "record") as record:
        at = At(record.engine, tmp_path, receiver.url())
        made = moved(record, 2)
        record.engine.dispose()
        child = os.fork()
        if child == 0:
            event.listen(record.engine, "before_cursor_execute", lambda *_: os.kill(os.getpid(), 9) if receiver_has() else None)

            def receiver_has() -> bool:
                return "delivered" in at.said

            try:
                deliver(at.desk)
            finally:
                os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        assert (at.row.attempts, at.row.next_at) == (1, START + LEASE * SECOND)
        assert at.later() == ["delivered"] * 2 and at.now == START + LEASE * SECOND
        assert receiver.decisions == [made[0], *made]
        assert receiver.came[0].id == receiver.came[1].id and receiver.came[0].body == receiver.came[1].body
        assert verified([SECRET], receiver.came[1].headers, receiver.came[1].body, at.now // SECOND)


def test_two_at_once_deliver_each_once_and_in_order(record: Record, receiver: Receiver, tmp_path: Path) -> None:
    at = At(record.engine, tmp_path, receiver.url())
    made = moved(record, 6)
    both = [threading.Thread(target=deliver, args=[at.desk]) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert receiver.decisions == made
    assert at.row.place == record.find(made[-1]).count


def test_who_lost_his_turn_changes_nothing(at: At, small: Record, receiver: Receiver) -> None:
    made = moved(small, 2)

    def another(_: object) -> None:
        if at.now == START:
            at.now += LEASE * SECOND
            deliver(at.desk)

    receiver.heard = another
    deliver(at.desk)
    assert receiver.decisions == [*made, made[0]]
    assert at.row.place == small.find(made[1]).count and at.row.attempts == 0


def test_a_courier_delivers_until_it_is_told_to_stop(at: At, small: Record, receiver: Receiver) -> None:
    with Courier(at.desk):
        made = moved(small, 2)
        receiver.await_(2)
    assert receiver.decisions == made
    moved(small, 1)
    assert len(receiver.came) == 2


def test_a_courier_that_stops_waits_for_no_receiver(at: At, small: Record, receiver: Receiver) -> None:
    made = moved(small, 1)
    answering, came = threading.Event(), threading.Event()

    def dawdle(_: object) -> None:
        came.set()
        answering.wait(30)

    receiver.heard = dawdle
    with Courier(at.desk):
        assert came.wait(10)
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    answering.set()
    receiver.await_(1)
    assert at.later() == ["delivered"] and receiver.decisions == made * 2


def test_a_courier_goes_on_when_the_database_is_back(
    at: At, small: Record, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PAUSE", 0.01)
    away = threading.Event()

    def fail(*_: object) -> None:
        if away.is_set() and threading.current_thread().name == "webhooks":
            raise OSError

    event.listen(at.desk.engine, "before_cursor_execute", fail)
    away.set()
    said = threading.Event()

    def told(_: str, outcome: str) -> None:
        if outcome == "database":
            said.set()

    with Courier(Desk(at.desk.engine, at.desk.endpoints, told, at.desk.clock)):
        assert said.wait(10)
        made = moved(small, 1)
        away.clear()
        receiver.await_(1)
    assert receiver.decisions == made


def test_a_courier_goes_on_after_an_error_that_nobody_foresaw(
    at: At, small: Record, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "PAUSE", 0.01)
    said, once, looked_at = list[str](), [RuntimeError("no such thing")], delivering._looked

    def fail(desk: Desk, endpoint: Endpoint) -> tuple[State, Page]:
        if once:
            raise once.pop()
        return looked_at(desk, endpoint)

    monkeypatch.setattr(delivering, "_looked", fail)
    with Courier(Desk(at.desk.engine, at.desk.endpoints, lambda _, outcome: said.append(outcome), at.desk.clock)):
        made = moved(small, 1)
        receiver.await_(1)
    assert receiver.decisions == made and said[0] == "RuntimeError"


def test_a_database_that_is_away_is_said(at: At, small: Record) -> None:
    moved(small, 1)

    def fail(*_: object) -> None:
        raise OSError

    event.listen(at.desk.engine, "before_cursor_execute", fail)
    with pytest.raises(Unavailable):
        deliver(at.desk)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/", "connection"),
        ("https://nobody.invalid/", "name"),
        ("https://localhost.nobody.invalid/", "name"),
        ("https://a..example/", "name"),
    ],
)
def test_why_there_was_no_answer_is_a_word(small: Record, tmp_path: Path, url: str, said: str) -> None:
    at = At(small.engine, tmp_path, url)
    moved(small, 1)
    assert at.later() == [said] and at.row.last_error == said
    (found,) = looked(small.engine, tmp_path)
    assert (found.standing, found.waiting, found.attempts) == ("failing", 1, 1)


def test_a_name_that_turns_out_to_be_this_machine_gets_nothing(
    small: Record, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = At(small.engine, tmp_path, receiver.url().replace("http://127.0.0.1", "https://rebound.example"))
    monkeypatch.setattr("socket.getaddrinfo", lambda host, port, *_, **__: [(2, 1, 6, "", ("127.0.0.1", port))])
    moved(small, 1)
    assert at.later() == ["address"] and receiver.came == []


def test_who_answers_too_late_is_asked_again(at: At, small: Record, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.webhooks.sending.TIMEOUT", 0.2)
    moved(small, 1)
    enough = threading.Event()
    receiver.heard = lambda _: enough.wait(5)
    assert at.later() == ["timeout"]
    enough.set()
    assert at.later() == ["delivered"]


def certificate(folder: Path, host: str) -> Path:
    """A certificate of its own for a host, with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    begin = datetime.now(UTC) - timedelta(hours=1)
    local = [x509.DNSName(host)] if host[0].isalpha() else [x509.IPAddress(ip_address(host))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(begin).not_valid_after(begin + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(local), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, SHA256())
    )  # fmt: skip
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(private + made.public_bytes(Encoding.PEM))
    return folder / "server.pem"


@pytest.mark.parametrize(
    ("host", "asked", "trusted", "said"),
    [
        ("localhost", "localhost", True, "delivered"), ("127.0.0.1", "127.0.0.1", True, "delivered"),
        ("localhost", "localhost", False, "certificate"), ("core.example", "localhost", True, "certificate"),
    ],
)  # fmt: skip
def test_a_receiver_has_to_show_a_certificate_for_the_name_in_the_url(
    small: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, asked: str, trusted: bool, said: str
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(tmp_path, host))
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    with receiving(context) as receiver:
        at = At(small.engine, tmp_path, receiver.url(asked))
        moved(small, 1)
        assert at.later() == [said]
        assert [one.headers["host"] for one in receiver.came] == [f"{asked}:{receiver.port}"] * (said == "delivered")


def test_how_an_endpoint_stands(at: At, small: Record, receiver: Receiver) -> None:
    def seen() -> dict[str, tuple[str, int]]:
        return {one.endpoint: (one.standing, one.waiting) for one in looked(small.engine, at.folder)}

    assert seen() == {"core": ("up to date", 0)}
    moved(small, 2)
    assert seen() == {"core": ("waiting", 2)}
    receiver.answers[:] = [204, 500, 410]
    at.later()
    assert seen() == {"core": ("failing", 1)}
    at.later()
    assert seen() == {"core": ("disabled", 1)}
    named(at.folder, receiver.url(), "tier.moved", name="another")
    assert seen() == {"another": ("new", 0), "core": ("not in the file", 0)}
    (found, _) = looked(small.engine, at.folder)
    assert found.host == "127.0.0.1" and "token" not in repr(found)
