"""Tasks: listed, looked at, and what persons do with them."""

import asyncio
from typing import Annotated

import orjson
from fastapi import Path, Query, Request, Response

from monitoring.policy.actions import SIDES
from monitoring.tasks.looking import Wanted
from monitoring.tasks.state import STATES
from serving.bodies import kind, misstated, parse, pointer
from serving.problems import Fault, broken
from serving.routes import documents
from serving.routes.events import today_of
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import asked_before, read
from serving.taskwork import MOST, TERMS, act, one
from serving.taskwork import listed as listed_of

routes = router()
Id = Annotated[str, Path(pattern=documents.DECISION_ID, description="A task's id: 32 hexadecimal digits.")]
_SAID = {None: None, "true": True, "false": False}
_WORDS = r"^[^\x00-\x1f\x7f]+$"
State = Annotated[str, Query(pattern=f"^({'|'.join(STATES)})$", description="Only those in this state.")]
Action = Annotated[str | None, Query(min_length=1, max_length=32, pattern=_WORDS, description="Only those of this action.")]
Authority = Annotated[
    str | None, Query(min_length=1, max_length=100, pattern=_WORDS, description="Only those that this authority decides.")
]
Side = Annotated[str | None, Query(pattern=f"^({'|'.join(SIDES)})$", description="Only those of this side.")]
Overdue = Annotated[
    str | None, Query(pattern="^(true|false)$", description="Only those past the day they were due, or the others.")
]
After = Annotated[
    str | None, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]{1,15}$", description="`next` of the page before.")
]
Most = Annotated[int, Query(ge=1, le=MOST, description="Tasks of a page.")]


@routes.get("/v1/tasks", **documents.TASKS)
@needs("read")
async def listed(
    request: Request, state: State = "open", action: Action = None, authority: Authority = None, side: Side = None,
    overdue: Overdue = None, after: After = None, most: Most = MOST,
) -> Response:  # fmt: skip
    """Tasks by the day they are due, so those overdue first; open ones unless asked otherwise."""
    wanted = Wanted(state, action, authority, side, _SAID[overdue])
    service = service_of(request)
    return _json(await asyncio.to_thread(listed_of, service.record, wanted, await today_of(service), most, after))


@routes.get("/v1/tasks/{id}", **documents.TASK)
@needs("read")
async def looked_at(request: Request, id: Id) -> Response:
    """A task with what was done."""
    service = service_of(request)
    return _json(await asyncio.to_thread(one, service.record, id, await today_of(service)))


@routes.post("/v1/tasks/{id}/acts", **documents.TASK_ACT)
@needs("work")
async def done(request: Request, id: Id) -> Response:
    """Say that a task is done or declined, or who has it."""
    service, body = service_of(request), await read(request, "application/json")
    key, said = asked_before(request), parse(body)
    _sound(said)
    repeat = None if key is None else (key, id.encode() + body)
    today = await today_of(service)
    with misstated(said):
        return _json(await asyncio.to_thread(act, service.record, id, said, request.scope["caller"], today, repeat))


def _sound(said: dict[str, object]) -> None:
    names = {"act", "reason", *TERMS}
    wanted = {"act", "reason", *(said.keys() & {"proposal"})}
    faults = [
        Fault(pointer(name), "has to be said", "必须填写", kind(said.get(name)), "a text")
        for name in sorted(wanted)
        if not isinstance(said.get(name), str)
    ]
    faults += [
        Fault(pointer(name), "no such name here", "名称无效", name[:100], ", ".join(sorted(names)))
        for name in sorted(said.keys() - names)
    ]
    if faults:
        raise broken(faults)


def _json(said: object) -> Response:
    return Response(orjson.dumps(said), media_type="application/json")
