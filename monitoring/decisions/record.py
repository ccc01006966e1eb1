"""The record in use: decisions are added many at a time by one thread, each group with one sync, and found again.

A future of ``submit`` is done when the decision is committed and synced: who answers a caller only then never tells him a
decision that a crash could forget.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from features.errors import LoanwatchError, NotFound
from models.keys import Signer
from monitoring.database import Unavailable, reading, writing
from monitoring.database.tables import cases, check_bands, checkpoints, checks, decisions, lookups, signals, subjects, tasks
from monitoring.decisions import chain
from monitoring.decisions.adding import REQUESTS, Adding, begun, head
from monitoring.decisions.chain import Checkpoint, Row
from monitoring.decisions.entry import Conflict, Entry, Erased, Receipt, Recorded, read
from monitoring.decisions.vault import Vault, unseal

GROUP, WAITING = 256, 4_096
"""Decisions that are synced together at most, and that may wait."""
EVERY = 1_000
"""Decisions after which a checkpoint is signed."""
ERASED = "erasure"
PAGE = 1_000
FIRST = select(decisions.c.id).where(decisions.c["count"] == 1)

Asked = tuple[Entry, "Future[Receipt]"]


def now() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1_000


class Record:
    """The record of a database; ``close`` ends its thread. One of a process, shared by its threads."""

    def __init__(self, engine: Engine, vault: Vault, signer: Signer, clock: Callable[[], int] = now, every: int = EVERY) -> None:
        self.engine, self.vault = engine, vault
        self.signer, self.clock, self._every = signer, clock, every
        self._asked: queue.Queue[Asked | None] = queue.Queue(WAITING)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many decisions are not yet recorded."""
        return self._asked.qsize()

    @property
    def name(self) -> str:
        """The id of the first decision, by which one record is told from another; empty before it."""
        with reading(self.engine) as connection:
            return connection.scalar(FIRST) or ""

    def submit(self, entry: Entry) -> "Future[Receipt]":
        """Record a decision; raises ValueError if what it says openly is no JSON.

        The future raises Unavailable where the database is away, Conflict for a request's key that came with another body.
        """
        entry.text  # noqa: B018 - written here, where an error concerns nobody else
        done: Future[Receipt] = Future()
        self._start()
        try:
            self._asked.put_nowait((entry, done))
        except queue.Full:
            done.set_exception(_too_many())
        return done

    def before(self, caller: str, key: str, body: bytes) -> Recorded | None:
        """What was recorded of a caller's request when it first came, None if it did not; raises Conflict for another body."""
        with reading(self.engine) as connection:
            found = connection.execute(REQUESTS, {"key": [self.vault.asked(caller, key)]}).first()
        if found is None:
            return None
        if found[1] != self.vault.body(body):
            raise Conflict
        return read(*found[2:])

    def add(self, entry: Entry) -> Receipt:
        """Record a decision and wait for it; raises like ``submit``'s future."""
        return self.submit(entry).result()

    def close(self) -> None:
        """Record what waits, and end."""
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()
            self._thread = None

    def find(self, id: str) -> Recorded:
        """A decision by its id; raises NotFound."""
        with reading(self.engine) as connection:
            found = _rows(connection, decisions.c.id == id)
        if not found:
            raise NotFound(f"no decision {id}; check the id", f"没有决策记录 {id};请核对编号")
        return found[0]

    def of_borrower(self, borrower: str, after: int = 0, most: int | None = None) -> list[Recorded]:
        """Decisions about a borrower, in their order: all, or so many of those past a place."""
        return self._about("borrower", borrower, after, most)

    def of_loan(self, loan: str, after: int = 0, most: int | None = None) -> list[Recorded]:
        """Decisions about a loan, in their order, as ``of_borrower``."""
        return self._about("loan", loan, after, most)

    def of_kind(self, kind: str, after: int = 0) -> list[Recorded]:
        """All decisions of a kind past a place, in their order."""
        with reading(self.engine) as connection:
            return _rows(connection, (decisions.c.kind == kind) & (decisions.c["count"] > after))

    def opened(self, found: Recorded) -> bytes:
        """What was sealed; raises NotFound if nothing was, Erased if the borrower was."""
        if found.cipher is None or found.subject is None:
            raise NotFound(f"decision {found.id} has nothing sealed", f"决策 {found.id} 没有密封内容")
        with reading(self.engine) as connection:
            wrapped = connection.scalar(select(subjects.c.wrapped).where(subjects.c.id == found.subject))
            if wrapped is None:
                raise _erased(connection, found.subject)
        return unseal(self.vault.unwrap(found.subject, wrapped), found.cipher, found.id)

    def rows(self, first: int = 1) -> Iterator[Row]:
        """The chain from a place on, page by page."""
        while True:
            with reading(self.engine) as connection:
                page = select(decisions).where(decisions.c["count"] >= first).order_by(decisions.c["count"]).limit(PAGE)
                found = [Row(**row) for row in connection.execute(page).mappings()]
            yield from found
            if len(found) < PAGE:
                return
            first = found[-1].count + 1

    def signed(self) -> list[Checkpoint]:
        """The checkpoints that are kept, unverified, in their order."""
        with reading(self.engine) as connection:
            found = connection.execute(select(checkpoints).order_by(checkpoints.c["count"])).all()
        return [chain.parse(text, signature.encode()) for _, text, signature in found]

    def checkpoint(self) -> Checkpoint:
        """Sign how far the record has come, keep the statement, and return it; raises NotFound where nothing is recorded."""
        with writing(self.engine) as connection:
            count, last, _ = head(connection)
            if not count:
                raise NotFound("nothing has been recorded yet", "尚无任何记录")
            kept = connection.execute(select(checkpoints).where(checkpoints.c["count"] == count)).first()
            if kept is not None:
                return chain.parse(kept[1], kept[2].encode())
            return self._sign(connection, count, last)

    def forget(self, borrower: str, said: Mapping[str, Any]) -> Recorded:
        """Forget a borrower's key, how he is found, his cases, checks and tasks, and record that it was done."""
        who = self.vault.who("borrower", borrower)
        with writing(self.engine) as connection:
            subject = connection.scalar(select(subjects.c.id).where(subjects.c.who == who))
            entry = Entry(ERASED, str(said["by"]), {**said, "subject": subject})
            adding = Adding(connection, self.vault, self.clock, [entry])
            recorded = adding.add(entry)
            adding.write()
            if subject is not None:
                gone = {"who": None, "wrapped": None, "erased_at": recorded.at}
                connection.execute(update(subjects).where(subjects.c.id == subject).values(gone))
                connection.execute(delete(lookups).where(lookups.c.subject == subject))
                mine = select(cases.c.id).where(cases.c.subject == subject)
                connection.execute(delete(signals).where(signals.c.case.in_(mine)))
                connection.execute(delete(cases).where(cases.c.subject == subject))
                made = select(checks.c.id).where(checks.c.subject == subject)
                connection.execute(delete(check_bands).where(check_bands.c.check.in_(made)))
                connection.execute(delete(checks).where(checks.c.subject == subject))
                connection.execute(delete(tasks).where(tasks.c.subject == subject))
        if self.engine.dialect.name == "sqlite":  # what was overwritten is still in the log
            with self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return recorded

    def _sign(self, connection: Connection, count: int, last: bytes) -> Checkpoint:
        first = connection.scalar(FIRST)
        made = chain.sign(count, last, self.clock(), str(first), self.signer)
        connection.execute(insert(checkpoints).values(count=count, text=made.text, signature=made.signature.decode()))
        return made

    def _about(self, kind: str, name: str, after: int, most: int | None) -> list[Recorded]:
        place = lookups.c["count"]
        mine = select(place).where(lookups.c.who == self.vault.who(kind, name), place > after)
        asked = mine.order_by(place).limit(most)
        with reading(self.engine) as connection:
            return _rows(connection, decisions.c["count"].in_(asked))

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            group = self._group()
            if group is None:
                return
            wanted = [asked for asked in group if asked[1].set_running_or_notify_cancel()]
            try:
                receipts = self._add([entry for entry, _ in wanted])
            except Exception as error:  # noqa: BLE001 - each caller gets it, and the thread goes on
                for _, done in wanted:
                    done.set_exception(error)
            else:
                for (_, done), receipt in zip(wanted, receipts, strict=True):
                    if isinstance(receipt, Receipt):
                        done.set_result(receipt)
                    else:
                        done.set_exception(receipt)

    def _group(self) -> list[Asked] | None:
        """All that wait, up to GROUP, as soon as one does; None at the end."""
        first = self._asked.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP:
            try:
                more = self._asked.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._asked.put(None)
                break
            group.append(more)
        return group

    def _add(self, entries: Sequence[Entry]) -> list[Receipt | LoanwatchError]:
        """Record a group in one transaction."""
        with writing(self.engine) as connection:
            adding = begun(connection, self.vault, self.clock, entries)
            before = adding.count
            receipts = [adding.receipt(entry) for entry in entries]
            adding.write()
            if adding.count // self._every > before // self._every:
                self._sign(connection, adding.count, adding.last)
        return receipts


def _rows(connection: Connection, where: Any) -> list[Recorded]:
    asked = select(decisions.c["count"], decisions.c.entry, decisions.c.sealed).where(where).order_by(decisions.c["count"])
    return [read(*row) for row in connection.execute(asked)]


def _erased(connection: Connection, subject: str) -> Erased:
    said = [found.said for found in _rows(connection, decisions.c.kind == ERASED) if found.said["subject"] == subject]
    return Erased(said[-1]["on"], said[-1]["by"], said[-1]["authority"])


def _too_many() -> Unavailable:
    return Unavailable(
        f"{WAITING} decisions wait to be recorded; nothing was decided. Try again in a moment",
        f"已有{WAITING}条决策等待记录,未作出任何决定;请稍后重试",
    )
