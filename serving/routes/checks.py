"""Checks that were made: reported, listed by what is flagged about them, and looked at."""

import asyncio
from typing import Annotated

import orjson
from fastapi import Path, Query, Request, Response

from models.wording import Language
from monitoring.checks.looking import Wanted
from serving.bodies import kind, parse, pointer
from serving.checking import MOST, check, look, one, templates
from serving.checking import listed as listed_of
from serving.problems import Fault, broken, language
from serving.routes import documents
from serving.routes.events import desk_of, today_of
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import asked_before, read

routes = router()
Id = Annotated[str, Path(pattern=documents.DECISION_ID, description="A check's id: 32 hexadecimal digits.")]
_SAID = {None: None, "true": True, "false": False}
Flagged = Annotated[str | None, Query(pattern="^(true|false)$", description="Only those with flags, or without.")]
Open = Annotated[
    str | None, Query(pattern="^(true|false)$", description="Only those with flags that nobody has looked at, or the others.")
]
After = Annotated[int, Query(ge=0, le=10**15, description="`next` of the page before.")]
Most = Annotated[int, Query(ge=1, le=MOST, description="Checks of a page.")]


@routes.post("/v1/checks", **documents.CHECK_MADE)
@needs("report")
async def made(request: Request) -> Response:
    """Take in a check with its report and evidence; durable when it is answered, with its flags and what followed."""
    body = await read(request, "application/json")
    key, said, desk = asked_before(request), parse(body), await desk_of(request)
    return Response(await asyncio.to_thread(check, desk, said, body, key), media_type="application/json")


@routes.get("/v1/checks", **documents.CHECKS)
@needs("read")
async def listed(
    request: Request, flagged: Flagged = None, open: Open = None, after: After = 0, most: Most = MOST
) -> Response:  # fmt: skip
    """Checks in the order in which they came."""
    wanted = Wanted(_SAID[flagged], _SAID[open])
    return _json(await asyncio.to_thread(listed_of, service_of(request).record, wanted, _spoken(request), most, after))


@routes.get("/v1/checks/templates", **documents.CHECK_TEMPLATES)
@needs("read")
async def kinds(request: Request) -> Response:
    """What each kind of check looks at and has to bring."""
    return _json(templates())


@routes.get("/v1/checks/{id}", **documents.CHECK)
@needs("read")
async def shown(request: Request, id: Id) -> Response:
    """A check with its report, its evidence, and who looked at its flags."""
    return _json(await asyncio.to_thread(one, service_of(request).record, id, _spoken(request)))


@routes.post("/v1/checks/{id}/looks", **documents.LOOK)
@needs("work")
async def looked(request: Request, id: Id) -> Response:
    """Say that the flags of a check have been looked at, and why they are settled."""
    service, body = service_of(request), await read(request, "application/json")
    key, said = asked_before(request), parse(body)
    if said.keys() != {"reason"} or not isinstance(said["reason"], str):
        fault = Fault(pointer("reason"), "send a reason alone, a text", "仅应含 reason 文本", kind(said.get("reason")), "a text")
        raise broken([fault])
    repeat = None if key is None else (key, id.encode() + body)
    caller, today = request.scope["caller"], await today_of(service)
    return _json(await asyncio.to_thread(look, service.record, id, said["reason"], caller, today, _spoken(request), repeat))


def _spoken(request: Request) -> Language:
    return language(request.headers.get("accept-language"))


def _json(said: object) -> Response:
    return Response(orjson.dumps(said), media_type="application/json")
