"""Whether the service lives, whether it can decide, and its metrics."""

import orjson
from fastapi import Request, Response

from serving.problems import Problem, answer
from serving.routes import documents
from serving.routes.guard import needs, router, service_of

routes = router()


@routes.get("/livez", **documents.LIVE)
@needs("nothing")
async def livez(request: Request) -> Response:
    """The process answers."""
    return Response(b'{"alive":true}', media_type="application/json")


@routes.get("/readyz", **documents.READY)
@needs("nothing")
async def readyz(request: Request) -> Response:
    """A model is in use, and the record keeps up; which model, and whether a newer one was refused."""
    service = service_of(request)
    if service.record.waiting > service.limits.in_flight * 32:
        busy = Problem("unavailable", "decisions wait to be recorded; try again soon", "决策记录积压,请稍后重试")
        return answer(busy, request.scope)
    said = {"ready": True, "model": service.models.champion.digest, "refused": sorted(service.models.refused)}
    return Response(orjson.dumps(said), media_type="application/json")


@routes.get("/metrics", **documents.METRICS)
@needs("read")
async def metrics(request: Request) -> Response:
    """All metrics, for Prometheus."""
    service = service_of(request)
    service.meters.waiting.set(service.record.waiting)
    return Response(service.meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@routes.get("/v1/openapi.json", **documents.OPENAPI)
@needs("nothing")
async def openapi(request: Request) -> Response:
    """This interface as OpenAPI 3.1."""
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")
