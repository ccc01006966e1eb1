"""Cases: listed, looked at, and what persons do with them."""

import asyncio
from typing import Annotated

import orjson
from fastapi import Path, Query, Request, Response

from monitoring.cases.looking import Wanted
from monitoring.cases.state import STATES
from monitoring.policy.cases import OWNER_LIMIT, case_policies
from serving.bodies import kind, misstated, parse, pointer
from serving.cases import day
from serving.casework import MOST, act, one
from serving.casework import listed as listed_of
from serving.problems import Fault, broken
from serving.routes import documents
from serving.routes.events import arrival_day, today_of
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import asked_before, read

routes = router()
Id = Annotated[str, Path(pattern=documents.DECISION_ID, description="A case's id: 32 hexadecimal digits.")]
_SEVERITIES = case_policies()[-1].severities
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
State = Annotated[str | None, Query(pattern=f"^({'|'.join(STATES)})$", description="Only those in this state.")]
Severity = Annotated[str | None, Query(pattern=f"^({'|'.join(_SEVERITIES)})$", description="Only those of this severity.")]
Owner = Annotated[
    str | None, Query(min_length=1, max_length=OWNER_LIMIT, pattern=r"^[^\x00-\x1f\x7f]+$", description="Only this owner's.")
]
Before = Annotated[str | None, Query(pattern=f"^{_DAY}$", description="Only those that are due before this day.")]
After = Annotated[str | None, Query(pattern=rf"^{_DAY}\.[0-9]{{1,15}}$", description="`next` of the page before.")]
Most = Annotated[int, Query(ge=1, le=MOST, description="Cases of a page.")]


@routes.get("/v1/cases", **documents.CASES)
@needs("read")
async def listed(
    request: Request, state: State = None, severity: Severity = None, owner: Owner = None, due_before: Before = None,
    after: After = None, most: Most = MOST,
) -> Response:  # fmt: skip
    """Cases by the day they are due."""
    before = None if due_before is None else day(due_before, pointer("due_before"))
    wanted = Wanted(state, severity, owner, before)
    service = service_of(request)
    return _json(await asyncio.to_thread(listed_of, service.record, wanted, await today_of(service), most, after))


@routes.get("/v1/cases/{id}", **documents.CASE)
@needs("read")
async def looked_at(request: Request, id: Id) -> Response:
    """A case with its signals and with what was done."""
    service = service_of(request)
    return _json(await asyncio.to_thread(one, service.record, id, await today_of(service)))


@routes.post("/v1/cases/{id}/acts", **documents.ACT)
@needs("work")
async def done(request: Request, id: Id) -> Response:
    """Put a case off, escalate it, assign it, or close it with an outcome."""
    service, body = service_of(request), await read(request, "application/json")
    key, said = asked_before(request), parse(body)
    _sound(said)
    repeat = None if key is None else (key, id.encode() + body)
    day = await arrival_day(service)
    with misstated(said):
        return _json(await asyncio.to_thread(act, service.record, id, said, request.scope["caller"], day, repeat))


def _sound(said: dict[str, object]) -> None:
    faults = [
        Fault(pointer(name), "has to be said", "必须填写", kind(said.get(name)), "a text")
        for name in ("act", "reason")
        if not isinstance(said.get(name), str)
    ]
    names = {"act", "reason", *documents.TERMS_OF_ACTS}
    faults += [
        Fault(pointer(name), "no such name here", "名称无效", name[:100], ", ".join(sorted(names)))
        for name in sorted(said.keys() - names)
    ]
    if faults:
        raise broken(faults)


def _json(said: object) -> Response:
    return Response(orjson.dumps(said), media_type="application/json")
