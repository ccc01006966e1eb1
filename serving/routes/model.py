"""The model in use: what it reads and expects, how it was calibrated, how it was judged; and its card."""

import asyncio
from typing import Any

import orjson
from fastapi import Request, Response

from serving.ready import Ready
from serving.routes import documents
from serving.routes.guard import needs, router, service_of

routes = router()


@routes.get("/v1/model", **documents.MODEL)
@needs("read")
async def model(request: Request) -> Response:
    """Digest, target, features with unit, allowed values and meaning, calibration, PD by horizon, metrics."""
    return Response(orjson.dumps(_said(service_of(request).models.champion)), media_type="application/json")


@routes.get("/v1/model/card", **documents.CARD)
@needs("read")
async def model_card(request: Request) -> Response:
    """The model card as a page."""
    models = service_of(request).models
    return Response(await asyncio.to_thread(models.card), media_type="text/html")


def _said(ready: Ready) -> dict[str, Any]:
    said = ready.bundle.said
    return {
        "bundle": ready.digest, "catalogue": ready.bundle.catalogue, "target": said["target"], "profile": said["profile"]["name"],
        "features": ready.contract.said(), "calibration": said["calibration"], "horizons": said["horizons"],
        "periods": said["periods"], "metrics": dict(ready.bundle.metrics), "architecture": said["architecture"],
        "libraries": said["libraries"],
    }  # fmt: skip
