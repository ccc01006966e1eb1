"""Decisions that were made: as recorded, explained, certified, and worked out again."""

import asyncio
from typing import Annotated, Any, NamedTuple

import orjson
from fastapi import Path, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor

from serving import page
from serving.again import certified, explained, listed, replayed, told
from serving.bodies import kind, parse, pointer
from serving.cases import IDS, named
from serving.certificate import certificate
from serving.decided import Decision
from serving.problems import Fault, Problem, broken, preferred
from serving.routes import documents
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import read


class _NotSearch(StringConvertor):
    """A part of a path that is not the name of the route beside it, which knows other methods."""

    regex = "(?!search$)[^/]+"


register_url_convertor("decision", _NotSearch())
routes = router()
Id = Annotated[str, Path(pattern=documents.DECISION_ID, description="A decision's id: 32 hexadecimal digits.")]
JSON, HTML, SVG = "application/json", "text/html", "image/svg+xml"


@routes.post("/v1/decisions/search", **documents.SEARCH)
@needs("audit")
async def search(request: Request) -> Response:
    """The decisions about a borrower or a loan, in the order of the record; what is sealed is not told."""
    record, asked = service_of(request).record, _asked(parse(await read(request, JSON)))
    of = record.of_borrower if asked.of == "borrower_id" else record.of_loan
    found = await asyncio.to_thread(of, asked.name, asked.after, asked.most + 1)
    page, more = found[: asked.most], len(found) > asked.most
    return _json({"decisions": [listed(one) for one in page], "next": page[-1].count if more else None})


@routes.get("/v1/decisions/{id:decision}", **documents.DECISION)
@needs("read")
async def decision(request: Request, id: Id) -> Response:
    """A decision as it is recorded, open and sealed."""
    return _json(told(*await service_of(request).recorded_as(id)))


@routes.get("/v1/decisions/{id}/explanation", **documents.PAGE)
@needs("read")
async def explanation(request: Request, id: Id) -> Response:
    """Why it was decided so: as JSON, as a page or as a picture, by Accept."""
    kind = accepted(request.headers.get("accept"), (JSON, HTML, SVG))
    service, found = service_of(request), await _found(request, id)
    why = await asyncio.to_thread(explained, found, service.models, service.book, service.record)
    if kind == JSON:
        return _json(certificate(why))
    text = page.html(why) if kind == HTML else page.waterfall(why.book)
    return Response(text, media_type=kind, headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})


@routes.get("/v1/decisions/{id}/certificate", **documents.CERTIFICATE)
@needs("audit")
async def certificate_of(request: Request, id: Id) -> Response:
    """The explanation checked and written down for an auditor; made when it is asked for."""
    service, found = service_of(request), await _found(request, id)
    return _json(await asyncio.to_thread(certified, found, service.models, service.book, service.record))


@routes.get("/v1/decisions/{id}/replay", **documents.REPLAY)
@needs("audit")
async def replay(request: Request, id: Id) -> Response:
    """The decision worked out again from what is recorded, to the last bit, and from what is known now."""
    service, found = service_of(request), await _found(request, id)
    return _json(await asyncio.to_thread(replayed, found, service.models, service.book))


class Asked(NamedTuple):
    """Whose decisions: a name by ``of``, borrower_id or loan_id; from past a place in the record, and how many at most."""

    of: str
    name: str
    after: int
    most: int


MOST = 100
"""Decisions that are told at a time."""


def _asked(said: dict[str, Any]) -> Asked:
    of = [name for name in IDS if name in said]
    faults = [
        Fault(pointer(name), "no such name here", "名称无效", name[:100], "borrower_id or loan_id, after, most")
        for name in sorted(said.keys() - {*IDS, "after", "most"})
    ]
    if len(of) != 1:
        faults.append(Fault("", "name one of borrower_id and loan_id", "须提供 borrower_id 或 loan_id 之一"))
    after, most = said.get("after", 0), said.get("most", MOST)
    for name, value, low, high in (("after", after, 0, 2**53), ("most", most, 1, MOST)):
        if not _whole(value, low, high):
            faults.append(Fault(pointer(name), "not such a number", "数值无效", kind(value), f"a whole number, {low} to {high}"))
    if faults:
        raise broken(faults)
    return Asked(of[0], named(said[of[0]], pointer(of[0])), int(after), int(most))


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high and float(value).is_integer()


async def _found(request: Request, id: str) -> Decision:
    return await service_of(request).decision(id)


def accepted(header: str | None, kinds: tuple[str, ...]) -> str:
    """The kind that the caller prefers (RFC 9110, 12.5.1), of equals the one named first; raises Problem ``not-acceptable``."""
    ranges = preferred(header or "*/*")
    best, quality = max(((kind, _wish(kind, ranges)) for kind in kinds), key=lambda found: found[1])
    if quality > NOT_AT_ALL:
        return best
    listed = ", ".join(kinds)
    raise Problem("not-acceptable", f"this comes as {listed}; ask for one of them", f"可用格式为 {listed}")


NOT_AT_ALL = (0.0, 0)


def _wish(kind: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """The weight of the closest range that a kind lies in, and how early it was named."""
    for name in (kind, kind.partition("/")[0] + "/*", "*/*"):
        for place, (range, weight) in enumerate(ranges):
            if range == name:
                return (weight, -place) if weight else NOT_AT_ALL
    return NOT_AT_ALL


def _json(said: object) -> Response:
    return Response(orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY), media_type=JSON)
