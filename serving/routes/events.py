"""What happens between two nights: records of one borrower, who is looked at again at once."""

import asyncio
from datetime import date

from fastapi import Request, Response

from serving.arriving import Desk, arrive, day_to_arrive, open_day
from serving.bodies import parse
from serving.problems import language
from serving.routes import documents
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import asked_before, read
from serving.service import Service

routes = router()


@routes.post("/v1/events", **documents.EVENT)
@needs("report")
async def event(request: Request) -> Response:
    """Take in records of a borrower; durable when it is answered, with his score, his signals and his case."""
    body = await read(request, "application/json")
    key, said, desk = asked_before(request), parse(body), await desk_of(request)
    return Response(await asyncio.to_thread(arrive, desk, said, body, key), media_type="application/json")


async def desk_of(request: Request) -> Desk:
    """Where what a request brings is taken in."""
    service, spoken = service_of(request), language(request.headers.get("accept-language"))
    caller, day = request.scope["caller_id"], await arrival_day(service)
    return Desk(service.book, service.models.champion, service.record, day, caller, spoken)


async def today_of(service: Service) -> date:
    """The business day that is open."""
    return await asyncio.to_thread(open_day, service.book, service.record.clock(), service.calendar)


async def arrival_day(service: Service) -> date:
    """The business day on which what arrives now becomes known; raises Behind."""
    return await asyncio.to_thread(day_to_arrive, service.book, service.record.clock(), service.calendar)
