"""Proposals that need a second person: made, listed, looked at, decided."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request, Response

from monitoring.decisions.proposals import SAID, STATES, find
from monitoring.policy.actions import action_policy
from monitoring.policy.proposals import proposal_policy
from serving.bodies import kind, misstated, parse
from serving.cases import named
from serving.problems import Fault, broken
from serving.proposing import asked, decide, propose, told
from serving.proposing import listed as listed_of
from serving.routes import documents
from serving.routes.events import today_of
from serving.routes.guard import needs, router, service_of
from serving.routes.scores import asked_before, read

routes = router()
Id = Annotated[str, Path(pattern=documents.DECISION_ID, description="A proposal's id: 32 hexadecimal digits.")]
State = Annotated[str | None, Query(pattern=f"^({'|'.join(STATES)})$", description="Only those in this state.")]


@routes.post("/v1/proposals", **documents.PROPOSE)
@needs("decide")
async def make(request: Request) -> Response:
    """Propose something that a second person has to decide."""
    service, body = service_of(request), await read(request, "application/json")
    key, said = asked_before(request), parse(body)
    _texts(said, ("kind", "reason"))
    for name in ("borrower_id", *(["loan_id"] if said.get("loan_id") is not None else [])):
        named(said.get(name), f"/{name}")
    repeat = None if key is None else (key, body)
    caller, today = request.scope["caller"], await today_of(service)
    with misstated(said):
        made = await asyncio.to_thread(propose, service.book.path, service.record, asked(said), caller, today, repeat)
    return _json(told(made, today), 201)


@routes.get("/v1/proposals", **documents.PROPOSALS)
@needs("read")
async def listed(request: Request, state: State = None) -> Response:
    """The last proposals, newest first; those about borrowers who were erased are left out."""
    service = service_of(request)
    return _json({"proposals": await asyncio.to_thread(listed_of, service.record, await today_of(service), state)})


@routes.get("/v1/proposals/kinds", **documents.KINDS_OF_PROPOSALS)
@needs("read")
async def kinds(request: Request) -> Response:
    """What can be proposed today, and what each kind needs."""
    today = await today_of(service_of(request))
    policy, actions = proposal_policy(today), action_policy(today)
    told = [{**asdict(kind), "authority": actions.approves(kind.name)} for kind in policy.kinds.values()]
    return _json({"lapse_days": policy.lapse_days, "kinds": told, "policy": policy.digest})


@routes.get("/v1/proposals/{id}", **documents.PROPOSAL)
@needs("read")
async def one(request: Request, id: Id) -> Response:
    """A proposal as it stands."""
    service = service_of(request)
    return _json(told(await asyncio.to_thread(find, service.record, id), await today_of(service)))


@routes.post("/v1/proposals/{id}/verdict", **documents.VERDICT)
@needs("decide")
async def verdict(request: Request, id: Id) -> Response:
    """Decide a proposal, as another person than the one who made it, or withdraw one's own."""
    service, said = service_of(request), parse(await read(request, "application/json"))
    _texts(said, ("verdict", "reason"))
    if said["verdict"] not in SAID or said.keys() != {"verdict", "reason"}:
        seen, expected = kind(said["verdict"]), " or ".join(SAID)
        raise broken([Fault("/verdict", "say verdict and reason", "应含 verdict 与 reason", seen, expected)])
    caller, today = request.scope["caller"], await today_of(service)
    asked_of = service.book.path, service.record, id, said["verdict"], said["reason"]
    with misstated(said):
        return _json(told(await asyncio.to_thread(decide, *asked_of, caller, today), today))


def _texts(said: dict[str, Any], names: tuple[str, ...]) -> None:
    faults = [
        Fault(f"/{name}", "has to be said", "必须填写", kind(said.get(name)), "a text")
        for name in names
        if not isinstance(said.get(name), str)
    ]
    if faults:
        raise broken(faults)


def _json(said: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(said), status, media_type="application/json")
