"""The service as a process, with its real record: what it has answered is there after it was told to stop, or killed."""

import http.client
import json
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from books import Book
from effort import TIMES
from running import process
from served import asked

from monitoring.database import database
from monitoring.decisions.place import Place, opened
from serving.callers import Callers
from serving.key_table import KeyTable


@pytest.mark.parametrize("stop", [signal.SIGTERM, *([signal.SIGKILL] if TIMES > 1 else [])])
def test_every_answered_decision_is_in_the_record_whichever_way_it_ends(
    book: Book, place: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    key = Callers(KeyTable(database(place))).make("test", ["score"], "test")[1]
    body = orjson.dumps({"features": asked(book.scores.values.iloc[0])})
    answered: list[str] = []
    wrong: list[int] = []
    stopped = threading.Event()

    def ask(port: int) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            try:
                while True:
                    connection.request("POST", "/v1/scores", body, {"Authorization": f"Bearer {key}"})
                    with connection.getresponse() as response:
                        text = response.read()
                    if response.status == 200:
                        answered.append(json.loads(text)["decision"])
                    else:
                        wrong.append(response.status)
            except (OSError, http.client.HTTPException):
                assert stopped.is_set()

    log = tmp_path / "log"
    with process(place, book.mlruns, log) as (running, port):
        threads = [threading.Thread(target=ask, args=[port]) for _ in range(6)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 60
        while len(answered) < 60 * TIMES and time.monotonic() < until:
            time.sleep(0.02)
        stopped.set()
        told = time.monotonic()
        running.send_signal(stop)
        status = running.wait(30)
        took = time.monotonic() - told
        for thread in threads:
            thread.join(30)
    assert len(answered) >= 60 * TIMES and not wrong
    assert took < 10
    with opened(Place(place)) as record:
        kept = {row.id for row in record.rows()}
    assert set(answered) <= kept
    if stop == signal.SIGTERM:
        assert status in (0, -signal.SIGTERM)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert sum(line.get("status") == 200 for line in lines) >= len(answered)
        assert not any("error" in line for line in lines)
