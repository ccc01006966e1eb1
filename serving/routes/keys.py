"""Keys of callers: made, listed, ended; for administrators."""

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import Path, Request, Response

from monitoring.decisions.record import now
from monitoring.policy.actions import authorities
from serving.bodies import kind, parse, pointer
from serving.callers import SCOPES, Caller
from serving.problems import Fault, broken
from serving.routes import documents
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import read

routes = router()
DAY = 86_400_000_000
"""Microseconds."""
Id = Annotated[str, Path(pattern=documents.KEY_ID, description="A key's id: 16 hexadecimal digits.")]
NAMES = {"name", "scopes", "days", "authorities"}


@routes.post("/v1/keys", **documents.MAKE_KEY)
@needs("admin")
async def make(request: Request) -> Response:
    """A new key; its text is in this answer and nowhere else."""
    callers, asked = service_of(request).callers, _asked(parse(await read(request, "application/json")))
    by, days = request.scope["caller_id"], asked.get("days")
    expires = None if days is None else now() + int(days) * DAY
    held = asked.get("authorities", [])
    made, key = await asyncio.to_thread(callers.make, asked["name"], asked["scopes"], by, expires, held)
    return _json({**_told(made), "key": key}, 201)


@routes.get("/v1/keys", **documents.LIST_KEYS)
@needs("admin")
async def listed(request: Request) -> Response:
    """All keys that were made, without their secrets."""
    found = await asyncio.to_thread(service_of(request).callers.all)
    return _json({"keys": [_told(caller) for caller in found]})


@routes.delete("/v1/keys/{id}", **documents.END_KEY)
@needs("admin")
async def revoke(request: Request, id: Id) -> Response:
    """End a key: at once here, within half a minute in other processes."""
    return _json(_told(await asyncio.to_thread(service_of(request).callers.revoke, id)))


def _asked(said: dict[str, Any]) -> dict[str, Any]:
    faults = [Fault(pointer(name), "no such name here", "名称无效", name[:100]) for name in sorted(said.keys() - NAMES)]
    if not isinstance(said.get("name"), str):
        faults.append(Fault("/name", "say which system calls", "请写明调用系统", kind(said.get("name")), "a text"))
    scopes = said.get("scopes")
    if not isinstance(scopes, list) or not scopes or not all(isinstance(scope, str) for scope in scopes):
        faults.append(Fault("/scopes", "say what the key may do", "请列出权限", kind(scopes), f"a list of {', '.join(SCOPES)}"))
    held = said.get("authorities", [])
    if not isinstance(held, list) or not all(isinstance(authority, str) for authority in held):
        expected = f"a list of {', '.join(authorities())}"
        faults.append(Fault("/authorities", "say what may be decided with the key", "请列出决定权限", kind(held), expected))
    days = said.get("days")
    if "days" in said and not (isinstance(days, int | float) and not isinstance(days, bool) and days in range(1, 3_651)):
        faults.append(
            Fault("/days", "in how many days the key ends", "有效天数", str(days)[:20], "a whole number from 1 to 3650")
        )
    if faults:
        raise broken(faults)
    return said


def _told(caller: Caller) -> dict[str, Any]:
    return {name: value for name, value in caller.__dict__.items() if name != "secret"}


def _json(said: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(said), status, media_type="application/json")
