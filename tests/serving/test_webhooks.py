"""A service that tells others of decisions while it serves."""

import http.client
import json
import signal
import time
from contextlib import closing

import pytest
from forked import Child, Nursery
from receiver import named, receiving
from tiny import Tiny

from features.errors import UsageError
from monitoring.decisions.entry import Entry
from monitoring.decisions.place import Place
from monitoring.decisions.place import opened as opened_record
from serving.app import opened

MOVE = Entry("move", "loanwatch nightly", {"cause": "score"}, "canary-borrower-4711", None, b"x")


def shown(child: Child, key: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", child.port, timeout=30)) as connection:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {key}"})
        return connection.getresponse().read().decode()


def test_what_is_decided_while_it_serves_is_told_and_counted(nursery: Nursery, tiny: Tiny) -> None:
    key = tiny.key()
    with receiving() as receiver, opened_record(Place(tiny.book)) as record:
        named(tiny.book, receiver.url(), "tier.moved")
        receiver.answers[:] = [204, 500]
        with nursery.serve(tiny.book, tiny.mlruns) as child:
            made = [record.add(MOVE).id for _ in range(2)]
            receiver.await_(2)
            until = time.monotonic() + 10
            while "status 500" not in shown(child, key) and time.monotonic() < until:
                time.sleep(0.02)
            metrics = shown(child, key)
            child.kill(signal.SIGTERM)
            log = child.log.read_text()
    assert receiver.decisions[:2] == made
    assert 'loanwatch_webhooks_total{endpoint="core",outcome="delivered"} 1.0' in metrics
    assert 'loanwatch_webhooks_total{endpoint="core",outcome="status 500"} 1.0' in metrics
    lines = [json.loads(line) for line in log.splitlines()]
    assert next(line["outcome"] for line in lines if line["event"] == "webhook") == "status 500"
    assert "token" not in log + metrics and not any("error" in line for line in lines)
    assert b"canary" not in b"".join(one.body for one in receiver.came)


def test_a_service_does_not_begin_with_a_wrong_file(tiny: Tiny) -> None:
    named(tiny.book, "http://core.bank.example/", "tier.moved")
    with pytest.raises(UsageError, match=r"core\.url: expected https"), opened(tiny.book, tiny.mlruns, Place(tiny.book)):
        pass
