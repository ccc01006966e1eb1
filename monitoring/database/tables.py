"""The tables as they are now; ``versions/`` has the steps that lead here."""

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, LargeBinary, MetaData, String, Table, Text, text

METADATA = MetaData()

decisions = Table(
    "decisions", METADATA,
    Column("count", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("entry", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("link", LargeBinary, nullable=False),
)  # fmt: skip
"""What was decided, in its order: ``entry`` is the text that ``link`` chains, ``sealed`` what only its borrower's key opens."""

checkpoints = Table(
    "checkpoints", METADATA,
    Column("count", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("signature", Text, nullable=False),
)  # fmt: skip
"""Signed statements of how far the chain reached and what its last link was."""

subjects = Table(
    "subjects", METADATA,
    Column("id", String(32), primary_key=True),
    Column("who", LargeBinary, unique=True),
    Column("wrapped", LargeBinary),
    Column("erased_at", BigInteger),
)  # fmt: skip
"""Borrowers by a keyed hash of their id, each with a key of his own; both are gone once he is erased."""

lookups = Table(
    "lookups", METADATA,
    Column("who", LargeBinary, primary_key=True),
    Column("count", BigInteger, ForeignKey("decisions.count"), primary_key=True, autoincrement=False),
    Column("subject", String(32), ForeignKey("subjects.id"), nullable=False, index=True),
)  # fmt: skip
"""Which decisions are about a borrower or a loan, by a keyed hash of the id."""

requests = Table(
    "requests", METADATA,
    Column("key", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("count", BigInteger, ForeignKey("decisions.count"), nullable=False),
)  # fmt: skip
"""Requests that may come again, by keyed hashes of caller and key, and of the body."""

masters = Table(
    "masters", METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip
"""Which master key is in use: the last one."""

_OPEN = text("outcome IS NULL")
cases = Table(
    "cases", METADATA,
    Column("id", String(32), primary_key=True),
    Column("subject", String(32), ForeignKey("subjects.id"), nullable=False),
    Column("opened", BigInteger, ForeignKey("decisions.count"), nullable=False, unique=True),
    Column("opened_on", Date, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("level", String(32), nullable=False),
    Column("owner", Text),
    Column("snoozed_until", Date),
    Column("outcome", String(16)),
    Column("cause", String(32)),
    Column("look_again_on", Date),
    Column("closed_on", Date),
    Index("cases_subject", "subject"),
    Index("cases_due", "due_on", "opened"),
    Index("cases_open_due", "due_on", "opened", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("one_open_case", "subject", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
)  # fmt: skip
"""Cases as they stand, which follows from the record: the id is that of the decision that opened it, ``opened`` its place."""

signals = Table(
    "signals", METADATA,
    Column("case", String(32), ForeignKey("cases.id"), primary_key=True),
    Column("trigger", Text, primary_key=True),
    Column("suppressed", Boolean, primary_key=True),
    Column("severity", String(16), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("source", Text, nullable=False, index=True),
    Column("count", BigInteger, ForeignKey("decisions.count"), nullable=False),
)  # fmt: skip
"""Signals of cases, each once: in one, or ``suppressed`` by one that was closed; ``count`` is the decision that says so."""

webhooks = Table(
    "webhooks", METADATA,
    Column("endpoint", String(40), primary_key=True),
    Column("address", String(64), nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("last_error", String(32)),
    Column("delivered_at", BigInteger),
    Column("disabled_at", BigInteger),
)  # fmt: skip
"""How far in the record each system has come that is told of it; ``address`` is a digest of its URL."""

checks = Table(
    "checks", METADATA,
    Column("id", String(32), primary_key=True),
    Column("subject", String(32), ForeignKey("subjects.id"), nullable=False, index=True),
    Column("count", BigInteger, ForeignKey("decisions.count"), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("checked_on", Date, nullable=False),
    Column("known_on", Date, nullable=False),
    Column("flags", Text, nullable=False),
    Column("looked_on", Date),
    Column("signature", LargeBinary),
)  # fmt: skip
"""Checks by the decision that recorded each: its flags with blanks between them, when somebody looked at those, and what its
report is compared by, if it is.
"""

check_bands = Table(
    "check_bands", METADATA,
    Column("band", LargeBinary, primary_key=True),
    Column("check", String(32), ForeignKey("checks.id"), primary_key=True, index=True),
)  # fmt: skip
"""Parts of what reports are compared by, under which those that are alike find each other."""

tasks = Table(
    "tasks", METADATA,
    Column("id", String(32), primary_key=True),
    Column("subject", String(32), ForeignKey("subjects.id"), nullable=False, index=True),
    Column("opened", BigInteger, ForeignKey("decisions.count"), nullable=False, unique=True),
    Column("action", String(32), nullable=False),
    Column("side", String(16), nullable=False),
    Column("authority", Text, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("owner", Text),
    Column("outcome", String(16)),
    Column("ended_on", Date),
    Column("proposal", String(32)),
    Column("ceased_on", Date),
    Index("tasks_outcome_due", "outcome", "due_on", "opened"),
    Index("one_open_task", "subject", "action", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
)  # fmt: skip
"""Tasks as they stand, which follows from the record: the id is that of the decision that opened it, ``opened`` its place;
``ceased_on`` is the first night after it was done or declined on which it was out of question.
"""

callers = Table(
    "callers", METADATA,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("authorities", Text, nullable=False, server_default=""),
)  # fmt: skip
"""Who may call the service; ``secret`` is the argon2 hash of the key that was shown once, ``authorities`` has one a line."""
