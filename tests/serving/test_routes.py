"""Every route says who may use it, and nobody else can."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from asgi import Answer
from fastapi import FastAPI
from served import Served, served

from serving.app import create
from serving.callers import SCOPES
from serving.problems import KINDS
from serving.routes.guard import Guarded, needs, router

OPEN = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/v1/openapi.json")}


def routes(api: Served) -> list[tuple[str, Guarded]]:
    app: Any = api.client.app
    found = [(method, route) for route in app.routes for method in sorted(route.methods)]
    assert len(found) >= 15
    return found


def call(api: Served, method: str, path: str, headers: dict[str, str]) -> Answer:
    return api.client.request(method, path.replace("{id}", "0" * 32), headers)


def test_every_route_without_a_key_or_with_a_wrong_one_is_closed_unless_it_is_open_to_all(api: Served) -> None:
    key = api.keys["score"]
    wrong = [
        {}, {"authorization": "Bearer "}, {"authorization": f"Basic {key}"}, {"authorization": f"Bearer {key}x"},
        {"authorization": f"Bearer lw_{'0' * 16}_{'a' * 43}"}, {"authorization": f"Bearer {key[:-1]}"},
    ]  # fmt: skip
    for (method, route), headers in itertools.product(routes(api), wrong):
        found = call(api, method, route.path, headers)
        if (method, route.path) in OPEN:
            assert found.status == 200
        else:
            assert (found.status, found.json()["type"]) == (401, "/problems/unauthenticated"), (method, route.path, headers)
            assert found.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_the_routes_of_its_scope_and_no_others(api: Served, scope: str) -> None:
    for method, route in routes(api):
        found = call(api, method, route.path, api.headers(scope))
        allowed = route.needs in (scope, "nothing")
        assert (found.status not in (401, 403)) == allowed, (method, route.path)
        if not allowed:
            assert found.json()["type"] == "/problems/forbidden"


def test_a_route_that_does_not_say_what_it_needs_cannot_be_registered() -> None:
    async def anything() -> None: ...

    with pytest.raises(TypeError, match="does not say what it needs"):
        router().add_api_route("/v1/anything", anything)
    router().add_api_route("/v1/anything", needs("read")(anything))


def test_a_route_past_the_guard_stops_the_service_before_it_starts(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    class Part:
        routes = FastAPI(openapi_url=None, docs_url=None, redoc_url=None).router

    Part.routes.add_api_route("/v1/open", lambda: {"all": "the data"})
    monkeypatch.setattr("serving.app.PARTS", (Part,))
    with pytest.raises(TypeError, match="/v1/open: a route outside the guard"):
        create(api.service)


def test_other_methods_and_paths_are_problems(api: Served) -> None:
    found = api.client.request("DELETE", "/v1/scores", api.headers())
    assert (found.status, found.json()["type"], found.headers["allow"]) == (405, "/problems/method", "POST")
    for path in ("/", "/v1", "/v1/scores/", "/docs", "/openapi.json", "/v1/decisions/", "/v1/../metrics", "/%00"):
        assert api.get(path).json()["type"] == "/problems/not-found", path


def test_openapi_names_every_route_its_problems_and_no_other_media_type(api: Served) -> None:
    said = api.get("/v1/openapi.json").json()
    listed = {(method.upper(), path) for path, item in said["paths"].items() for method in item}
    assert listed == {(method, route.path) for method, route in routes(api)}
    for path, item in said["paths"].items():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_keys_are_made_listed_and_ended_by_an_administrator(book: Any) -> None:
    with served(book.path, book.mlruns) as own:
        asked = b'{"name": "loan system", "scopes": ["read", "score"], "days": 30}'
        made = own.client.request("POST", "/v1/keys", own.headers("admin"), asked)
        assert made.status == 201
        key, id = made.json()["key"], made.json()["id"]
        own.keys["new"] = key
        assert own.get("/v1/model", "new").status == 200
        listed = own.get("/v1/keys", "admin")
        assert id in [k["id"] for k in listed.json()["keys"]]
        assert key.split("_", 2)[2] not in listed.text and "argon2" not in listed.text
        assert own.client.request("DELETE", f"/v1/keys/{id}", own.headers("admin")).json()["revoked_at"]
        assert own.get("/v1/model", "new").status == 401
        assert own.client.request("DELETE", f"/v1/keys/{id}", own.headers("admin")).status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": ["score"]}, "/name"), ({"name": "a"}, "/scopes"), ({"name": "a", "scopes": []}, "/scopes"),
        ({"name": "a", "scopes": ["score"], "days": 0}, "/days"), ({"name": "a", "scopes": ["score"], "days": True}, "/days"),
        ({"name": "a", "scopes": ["score"], "days": 1.5}, "/days"), ({"name": "a", "scopes": ["score"], "until": 1}, "/until"),
        ({"name": "a", "scopes": ["work"], "authorities": "risk manager"}, "/authorities"),
        ({"name": "a", "scopes": ["work"], "authorities": [1]}, "/authorities"),
    ],
)  # fmt: skip
def test_a_key_is_not_made_of_a_body_that_says_something_else(api: Served, body: Any, pointer: str) -> None:
    import orjson

    found = api.client.request("POST", "/v1/keys", api.headers("admin"), orjson.dumps(body))
    assert (found.status, [fault["pointer"] for fault in found.json()["errors"]]) == (422, [pointer])


def test_every_kind_of_problem_has_its_row_in_the_documentation() -> None:
    rows = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8").splitlines()
    listed = {(row.split("|")[1].strip(), row.split("|")[2].strip()) for row in rows if row.startswith("| /problems/")}
    assert listed == {(f"/problems/{name}", str(kind.status)) for name, kind in KINDS.items()}
