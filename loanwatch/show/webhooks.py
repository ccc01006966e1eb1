"""Endpoints of webhooks as a table."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table

from loanwatch.show.tables import titled
from monitoring.webhooks.looking import Looked


def table(found: Sequence[Looked]) -> Table:
    made = titled("Webhooks", "name", "what", "host", "place", "waiting", "attempts", "next", "last error", "delivered")
    for one in found:
        moments = (_moment(one.next_at), one.last_error or "", _moment(one.delivered_at))
        made.add_row(one.endpoint, one.standing, one.host or "", str(one.place), str(one.waiting), str(one.attempts), *moments)
    return made


def _moment(at: int | None) -> str:
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M:%S}" if at else ""
