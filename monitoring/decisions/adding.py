"""Some decisions recorded together: what they need to know is asked once for all of them, and their rows are written once."""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from features.errors import LoanwatchError
from monitoring.database.tables import decisions, lookups, masters, requests, subjects
from monitoring.decisions.chain import START, link
from monitoring.decisions.entry import Conflict, Entry, Receipt, Recorded, Theirs, read
from monitoring.decisions.vault import Vault, another_master, seal

# Statements are laid out once: to compose one costs more than to execute it.
MASTER = select(masters.c.fingerprint).order_by(masters.c.number.desc()).limit(1)
HEAD = select(decisions.c["count"], decisions.c.link, MASTER.scalar_subquery()).order_by(decisions.c["count"].desc()).limit(1)
SUBJECTS = select(subjects.c.who, subjects.c.id, subjects.c.wrapped).where(subjects.c.who.in_(bindparam("who", expanding=True)))
OWNERS = select(lookups.c.who, lookups.c.subject).where(lookups.c.who.in_(bindparam("who", expanding=True)))
REQUESTS = (
    select(requests.c.key, requests.c.body, decisions.c["count"], decisions.c.entry, decisions.c.sealed)
    .join(decisions, decisions.c["count"] == requests.c["count"])
    .where(requests.c.key.in_(bindparam("key", expanding=True)))
)
INSERTS = {table: insert(table) for table in (masters, subjects, decisions, lookups, requests)}


OPENED = "opened"
"""The kind of the first entry of a record."""


def begun(connection: Connection, vault: Vault, clock: Callable[[], int], entries: Sequence[Entry]) -> "Adding":
    """Adding to a record, which begins with an entry of its own; raises like Adding."""
    adding = Adding(connection, vault, clock, entries)
    if not adding.count:
        adding.add(Entry(OPENED, "loanwatch", {"record": secrets.token_hex(16)}))
    return adding


def head(connection: Connection) -> tuple[int, bytes, str | None]:
    """How many decisions there are, the last link, and which master key is in use; none before the first."""
    found = connection.execute(HEAD).first()
    return (0, START, None) if found is None else (found[0], found[1], found[2])


class Adding:
    """Decisions of one transaction, after the ``count`` that lead to the link ``last``.

    Raises IntegrityFailed where another master key is in use: what it would seal, nobody could read.
    """

    def __init__(self, connection: Connection, vault: Vault, clock: Callable[[], int], entries: Sequence[Entry]) -> None:
        self.connection, self.vault, self.clock = connection, vault, clock
        self.count, self.last, master = head(connection)
        self._rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in INSERTS}
        if master is None:
            self._rows[masters].append({"number": 1, "fingerprint": vault.fingerprint, "at": clock()})
        elif master != vault.fingerprint:
            raise another_master()
        self._requests = self._known_requests([e.request and self._key(e) for e in entries])
        self._keys = self._known_keys({e.about for e in entries if e.about is not None})

    def receipt(self, entry: Entry) -> Receipt | LoanwatchError:
        """What was recorded of a request before, or now; nothing is where a name is another borrower's."""
        if entry.request is None:
            return self._new(entry)
        key, body = self._key(entry), self.vault.body(entry.request[1])
        if key in self._requests:
            said, before = self._requests[key]
            return Receipt(before, again=True) if said == body else Conflict()
        receipt = self._new(entry)
        if isinstance(receipt, Receipt):
            self._requests[key] = (body, receipt.entry)
            self._rows[requests].append({"key": key, "body": body, "count": receipt.entry.count})
        return receipt

    def add(self, entry: Entry) -> Recorded:
        self.count += 1
        id, at, subject, cipher = secrets.token_hex(16), self.clock(), None, None
        if entry.about is not None:
            subject, key = self._keys.get(entry.about) or self._new_key(entry.about)
            cipher = None if entry.sealed is None else seal(key, entry.sealed, id)
            names = [("borrower", entry.about), *([] if entry.loan is None else [("loan", entry.loan)])]
            names += dict.fromkeys(entry.own)
            self._rows[lookups] += [{"who": self.vault.who(*n), "count": self.count, "subject": subject} for n in names]
        text = _text(entry, id, at, subject, cipher)
        self.last = link(self.last, text)
        row = {"count": self.count, "id": id, "kind": entry.kind, "at": at, "entry": text, "sealed": cipher, "link": self.last}
        self._rows[decisions].append(row)
        return Recorded(self.count, id, entry.kind, at, entry.caller, entry.said, subject, cipher)

    def write(self) -> None:
        for table, rows in self._rows.items():
            if rows:
                self.connection.execute(INSERTS[table], rows)

    def _new(self, entry: Entry) -> Receipt | LoanwatchError:
        taken = self._theirs(entry)
        return Theirs(taken) if taken else Receipt(self.add(entry))

    def _theirs(self, entry: Entry) -> list[tuple[str, str]]:
        """Which of an entry's own names are another borrower's, in the record or among what is being added."""
        if entry.about is None or not entry.own:
            return []
        who, (subject, _) = {self.vault.who(*name): name for name in entry.own}, self._keys.get(entry.about, (None, None))
        found = {row.who: row.subject for row in self.connection.execute(OWNERS, {"who": list(who)})}
        found |= {row["who"]: row["subject"] for row in self._rows[lookups]}
        return [name for hashed, name in who.items() if found.get(hashed, subject) != subject]

    def _key(self, entry: Entry) -> bytes:
        assert entry.request is not None
        return self.vault.asked(entry.caller, entry.request[0])

    def _known_requests(self, keys: list[bytes | None]) -> dict[bytes, tuple[bytes, Recorded]]:
        """What was recorded of requests that came before."""
        asked = list({key for key in keys if key is not None})
        found = self.connection.execute(REQUESTS, {"key": asked}) if asked else ()
        return {key: (body, read(count, entry, sealed)) for key, body, count, entry, sealed in found}

    def _known_keys(self, borrowers: set[str]) -> dict[str, tuple[str, bytes]]:
        """The places of borrowers among those who have a key, and their keys."""
        who = {self.vault.who("borrower", name): name for name in borrowers}
        found = self.connection.execute(SUBJECTS, {"who": list(who)}) if who else ()
        return {who[hashed]: (id, self.vault.unwrap(id, wrapped)) for hashed, id, wrapped in found}

    def _new_key(self, borrower: str) -> tuple[str, bytes]:
        id = secrets.token_hex(16)
        key, wrapped = self.vault.new_key(id)
        row = {"id": id, "who": self.vault.who("borrower", borrower), "wrapped": wrapped, "erased_at": None}
        self._rows[subjects].append(row)
        self._keys[borrower] = (id, key)
        return self._keys[borrower]


def _text(entry: Entry, id: str, at: int, subject: str | None, cipher: bytes | None) -> str:
    """The entry in its canonical form, put together from what is canonical already; names in their order."""
    caller, kind, about = json.dumps(entry.caller, ensure_ascii=False), json.dumps(entry.kind), json.dumps(subject)
    sealed = json.dumps(None if cipher is None else hashlib.sha256(cipher).hexdigest())
    return (
        f'{{"at":{at},"caller":{caller},"id":"{id}","kind":{kind},"said":{entry.text},"sealed":{sealed},"subject":{about}}}'
    )  # fmt: skip
