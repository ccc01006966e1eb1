"""Who is looked at next, and how a borrower stands."""

import asyncio
from typing import Annotated

import orjson
from fastapi import Query, Request, Response

from serving.bodies import misstated, parse
from serving.cases import named
from serving.problems import Fault, broken
from serving.routes import documents
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import read
from serving.watching import MOST, standing, visits

routes = router()
Days = Annotated[int, Query(ge=1, le=366, description="Visits of the next so many days.")]
Team = Annotated[str | None, Query(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$", description="Only this team's.")]
After = Annotated[int, Query(ge=0, le=10_000_000, description="`next` of the page before.")]
Most = Annotated[int, Query(ge=1, le=MOST, description="Visits of a page.")]


@routes.get("/v1/worklist", **documents.WORKLIST)
@needs("read")
async def listed(request: Request, days: Days = 30, team: Team = None, after: After = 0, most: Most = MOST) -> Response:
    """The visits of the last official run, those worth most first, with the actions of open tasks."""
    service = service_of(request)
    with misstated({"team": team}):
        return _json(await asyncio.to_thread(visits, service.book.path, service.record, days, team, after, most))


@routes.post("/v1/standing", **documents.STANDING)
@needs("read")
async def one(request: Request) -> Response:
    """How a borrower stands after the last official run: tier, its cause, signals, and the next visit."""
    said = parse(await read(request, "application/json"))
    borrower = named(said.get("borrower_id"), "/borrower_id")
    if said.keys() != {"borrower_id"}:
        raise broken([Fault("", "send borrower_id alone", "仅应含 borrower_id", ", ".join(sorted(said))[:100], "borrower_id")])
    return _json(await asyncio.to_thread(standing, service_of(request).book.path, borrower))


def _json(said: object) -> Response:
    return Response(orjson.dumps(said), media_type="application/json")
