"""Decisions that were made: as recorded, explained, certified, and worked out again."""

import asyncio
import re
from typing import Annotated

import orjson
from fastapi import Path, Request, Response

from serving import page
from serving.again import certified, explained, replayed, told
from serving.certificate import certificate
from serving.decided import Decision
from serving.problems import Problem
from serving.routes import documents
from serving.routes.guard import needs, router, service_of

routes = router()
Id = Annotated[str, Path(pattern=documents.DECISION_ID, description="A decision's id: 32 hexadecimal digits.")]
JSON, HTML, SVG = "application/json", "text/html", "image/svg+xml"


@routes.get("/v1/decisions/{id}", **documents.DECISION)
@needs("read")
async def decision(request: Request, id: Id) -> Response:
    """A decision as it is recorded, open and sealed."""
    return _json(told(await _found(request, id)))


@routes.get("/v1/decisions/{id}/explanation", **documents.PAGE)
@needs("read")
async def explanation(request: Request, id: Id) -> Response:
    """Why it was decided so: as JSON, as a page or as a picture, by Accept."""
    kind = accepted(request.headers.get("accept"), (JSON, HTML, SVG))
    service, found = service_of(request), await _found(request, id)
    why = await asyncio.to_thread(explained, found, service.models, service.book)
    if kind == JSON:
        return _json(certificate(why))
    text = page.html(why) if kind == HTML else page.waterfall(why.book)
    return Response(text, media_type=kind, headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})


@routes.get("/v1/decisions/{id}/certificate", **documents.DECISION)
@needs("audit")
async def certificate_of(request: Request, id: Id) -> Response:
    """The explanation checked and written down for an auditor; made when it is asked for."""
    service, found = service_of(request), await _found(request, id)
    return _json(await asyncio.to_thread(certified, found, service.models, service.book))


@routes.get("/v1/decisions/{id}/replay", **documents.DECISION)
@needs("audit")
async def replay(request: Request, id: Id) -> Response:
    """The decision worked out again from what is recorded, to the last bit, and from what is known now."""
    service, found = service_of(request), await _found(request, id)
    return _json(await asyncio.to_thread(replayed, found, service.models, service.book))


async def _found(request: Request, id: str) -> Decision:
    return await service_of(request).decision(id)


def accepted(header: str | None, kinds: tuple[str, ...]) -> str:
    """The first kind in the order of the caller's preference (RFC 9110, 12.5.1); raises Problem ``not-acceptable``."""
    ranges = [part.partition(";") for part in (header or "*/*")[:1_000].lower().split(",")]
    wanted = [(name.strip(), _quality(rest)) for name, _, rest in ranges]
    for name, quality in sorted(wanted, key=lambda found: -found[1]):
        for kind in kinds:
            if quality > 0 and name in (kind, "*/*", kind.partition("/")[0] + "/*"):
                return kind
    listed = ", ".join(kinds)
    raise Problem("not-acceptable", f"this comes as {listed}; ask for one of them", f"可用格式为 {listed}")


def _quality(parameters: str) -> float:
    found = re.search(r"q\s*=\s*([01](?:\.\d{0,3})?)\s*$", parameters)
    return float(found[1]) if found else 1.0


def _json(said: object) -> Response:
    return Response(orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY), media_type=JSON)
