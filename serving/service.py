"""What the routes share: the book, the models, the record, the keys; and how a decision is made durable before it is told."""

import asyncio
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from features.errors import NotFound
from monitoring import arrivals
from monitoring.database import WAIT, unavailable
from monitoring.decisions.entry import Entry, Receipt, Recorded
from monitoring.tasks.store import Kept
from monitoring.webhooks.endpoints import Endpoint
from serving.book import Book
from serving.callers import AT_ONCE, Caller, Callers
from serving.current import Models
from serving.decided import SCORE, SHADOW, Decision, Draft, Sealed
from serving.limits import Limits
from serving.observe import Meters
from serving.telemetry import Telemetry


class Keeper(Kept, arrivals.Kept, Protocol):
    """The record of decisions, as far as the service needs it; ``monitoring.decisions.record.Record`` is one."""

    @property
    def waiting(self) -> int: ...

    def submit(self, entry: Entry) -> "Future[Receipt]": ...

    def before(self, caller: str, key: str, body: bytes) -> Recorded | None: ...

    def of_borrower(self, borrower: str, after: int = 0, most: int | None = None) -> list[Recorded]: ...

    def of_loan(self, loan: str, after: int = 0, most: int | None = None) -> list[Recorded]: ...


class Turns:
    """Whose turn it is to hold up the event loop for the time of a score.

    After each one the loop looks at what has come, so that many scores at a time keep nobody waiting who is refused.
    """

    def __init__(self) -> None:
        self._taken = False

    async def mine(self) -> None:
        """Wait for it."""
        while self._taken:
            await asyncio.sleep(0)
        self._taken = True
        asyncio.get_running_loop().call_soon(self._free)

    def _free(self) -> None:
        self._taken = False


@dataclass(frozen=True)
class Service:
    """Everything that answers requests, put together once."""

    book: Book
    models: Models
    record: Keeper
    callers: Callers
    meters: Meters
    limits: Limits = field(default_factory=Limits)
    verifying: Executor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "keys"))
    telemetry: Telemetry = field(default_factory=Telemetry)
    webhooks: tuple[Endpoint, ...] = ()
    references: set[tuple[str, bytes]] = field(default_factory=set)
    """What decisions are measured against and the record holds already."""
    turns: Turns = field(default_factory=Turns)
    calendar: bool = True
    """Whether the open business day is the calendar's; else it is the one after the last that was closed."""
    _verified: dict[str, "asyncio.Future[Caller]"] = field(default_factory=dict)

    async def caller(self, key: str) -> Caller:
        """Who calls; many who come at once with a key that is not known yet wait for one look at it, which is dear.

        Raises Problem ``unauthenticated``.
        """
        found = self.callers.known(key)
        if found is not None:
            return found
        if key not in self._verified:
            looking = asyncio.get_running_loop().run_in_executor(self.verifying, self.callers.verify, key)
            self._verified[key] = looking
            looking.add_done_callback(lambda _: self._verified.pop(key))
        return await asyncio.shield(self._verified[key])

    async def recorded(self, draft: Draft) -> tuple[Decision, bool]:
        """A decision once it is committed and synced, and whether it had been before; raises Unavailable, Conflict.

        Who was told to come again may find it recorded all the same: with an idempotency key he gets that one.
        """
        try:
            with self.telemetry.span("record"):
                async with asyncio.timeout(WAIT):
                    await self._measured(draft.reference)
                    receipt = await asyncio.wrap_future(self.record.submit(draft.entry))
        except TimeoutError as error:
            raise unavailable(error) from error
        if receipt.again:
            return await asyncio.to_thread(self._open, receipt.entry), True
        return Decision(receipt.entry, draft.sealed), False

    async def _measured(self, reference: Entry | None) -> None:
        """See to it that what a decision is measured against is in the record before it."""
        if reference is not None and reference.request not in self.references:
            await asyncio.wrap_future(self.record.submit(reference))
            assert reference.request is not None  # by which it is recorded once
            self.references.add(reference.request)

    async def before(self, caller: str, key: str, body: bytes) -> Decision | None:
        """The decision of a request that came before, whatever model is in use now; raises Conflict for another body."""
        found = await asyncio.to_thread(self.record.before, caller, key, body)
        return None if found is None else await asyncio.to_thread(self._open, found)

    async def decision(self, id: str) -> Decision:
        """A score that was told; raises NotFound, also for a decision of another kind, and Erased."""
        found = await asyncio.to_thread(self.record.find, id)
        if found.kind not in (SCORE, SHADOW):
            raise NotFound(f"decision {id} is a {found.kind}, not a score", f"决策 {id} 属于 {found.kind},不是评分")
        return await asyncio.to_thread(self._open, found)

    async def recorded_as(self, id: str) -> tuple[Recorded, Any]:
        """A decision of any kind with what is sealed in it, None if nothing is; raises NotFound, Erased."""
        found = await asyncio.to_thread(self.record.find, id)
        sealed = None if found.cipher is None else await asyncio.to_thread(self.record.opened, found)
        return found, sealed and orjson.loads(sealed)

    def _open(self, found: Recorded) -> Decision:
        return Decision(found, Sealed.read(self.record.opened(found)))
