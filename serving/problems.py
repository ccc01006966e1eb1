"""What goes wrong, as application/problem+json (RFC 9457) in the language that was asked for: never a trace, never silence.

Every kind of problem is a row of ``KINDS``; ``type`` is its path, which docs/service.md explains. Errors of the other packages
are mapped to kinds by class in ``MEANT``.
"""

import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match

from features.errors import DataRefused, IntegrityFailed, LoanwatchError, NotFound, UsageError
from models.wording import Language
from monitoring.database import Unavailable
from monitoring.decisions.entry import Conflict, Erased
from monitoring.decisions.proposals import NotTheirs, Settled

JSON = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its HTTP status and title in both languages; ``retry_after`` in seconds where trying again can help."""

    status: int
    en: str
    zh: str
    retry_after: int | None = None


KINDS = {
    "malformed": Kind(400, "The body cannot be read", "请求体无法解析"),
    "unauthenticated": Kind(401, "No valid key", "缺少有效密钥"),
    "forbidden": Kind(403, "This caller may not do this", "无此权限"),
    "not-found": Kind(404, "There is no such thing", "未找到"),
    "method": Kind(405, "The path does not know this method", "该路径不支持此方法"),
    "not-acceptable": Kind(406, "No such representation", "无此表示形式"),
    "slow": Kind(408, "The body did not arrive in time", "请求体未及时到达"),
    "conflict": Kind(409, "It contradicts what is recorded", "与已有记录冲突"),
    "erased": Kind(410, "Erased", "已删除"),
    "too-large": Kind(413, "The body is too large", "请求体过大"),
    "media": Kind(415, "Not a media type that is read here", "不支持的媒体类型"),
    "contract": Kind(422, "The request breaks the contract", "请求不符合契约"),
    "refused": Kind(422, "The data cannot be used", "数据无法使用"),
    "busy": Kind(429, "At capacity", "已达处理上限", retry_after=1),
    "header": Kind(400, "A header is too large or badly written", "请求头过大或格式错误"),
    "internal": Kind(500, "An error of the service", "服务内部错误"),
    "integrity": Kind(500, "Stored bytes are not what was written", "存储内容与写入不符"),
    "unavailable": Kind(503, "Not available now", "暂不可用", retry_after=2),
}
MEANT: tuple[tuple[type[LoanwatchError], str], ...] = (
    (Unavailable, "unavailable"), (Conflict, "conflict"), (Settled, "conflict"), (NotTheirs, "forbidden"), (Erased, "erased"),
    (NotFound, "not-found"), (IntegrityFailed, "integrity"), (DataRefused, "refused"), (UsageError, "contract"),
    (LoanwatchError, "internal"),
)  # fmt: skip
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
UNREAD = (408, 413)
"""After these the rest of a body is not waited for."""
BY_STATUS = {404: "not-found", 405: "method", 413: "too-large", 415: "media", 400: "malformed", 406: "not-acceptable"}
INTERNAL = (
    "An unexpected error; nothing was decided. Ask the operator to look up the request id in the log",
    "发生意外错误,未作出任何决定;请运维人员按请求编号查询日志",
)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request: where (a JSON pointer, RFC 6901), what was seen, what was expected, the way out."""

    pointer: str
    en: str
    zh: str
    seen: str | None = None
    expected: str | None = None

    def said(self, language: Language) -> dict[str, str | None]:
        return {"pointer": self.pointer, "detail": getattr(self, language), "seen": self.seen, "expected": self.expected}


class Problem(LoanwatchError):
    """An error of a request, of one of ``KINDS``; ``faults`` name the fields."""

    def __init__(self, kind: str, en: str, zh: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(en, zh)
        self.kind = kind
        self.faults = tuple(faults)


def kind_of(error: LoanwatchError) -> str:
    """Which of ``KINDS`` an error is."""
    return error.kind if isinstance(error, Problem) else next(kind for family, kind in MEANT if isinstance(error, family))


def broken(faults: Sequence[Fault]) -> Problem:
    """A request that breaks the contract in the places named."""
    first, more = faults[0], len(faults) - 1
    en, zh = (f"{first.pointer}: {first.en}", f"{first.pointer}:{first.zh}")
    return Problem("contract", en + (f" (and {more} more)" if more else ""), zh + (f"(另有{more}处)" if more else ""), faults)


def document(error: LoanwatchError, language: Language, request_id: str | None = None) -> dict[str, Any]:
    """An error as RFC 9457 has it. What is stored wrongly, or is our own fault, is told without its details."""
    kind = kind_of(error)
    said = KINDS[kind]
    detail = INTERNAL[language == "zh"] if kind == "internal" else getattr(error, language)
    found = {
        "type": f"/problems/{kind}", "title": getattr(said, language), "status": said.status, "detail": detail,
        "request_id": request_id,
    }  # fmt: skip
    faults = error.faults if isinstance(error, Problem) else ()
    return {**found, "errors": [fault.said(language) for fault in faults]} if faults else found


def answer(error: LoanwatchError, scope: MutableMapping[str, Any]) -> Response:
    """The response to the request of an ASGI scope, which learns the kind of problem for its line in the log."""
    chosen = language(Headers(scope=scope).get("accept-language"))
    said = document(error, chosen, scope.get("request_id"))
    scope["problem"] = kind_of(error)
    extra: dict[str, str] = {"content-language": chosen}
    if (retry := KINDS[kind_of(error)].retry_after) is not None:
        extra["retry-after"] = str(retry)
    if said["status"] in UNREAD:
        extra["connection"] = "close"
    if said["status"] == 401:
        extra["www-authenticate"] = 'Bearer realm="loanwatch"'
    return Response(orjson.dumps(said), said["status"], extra, JSON)


@lru_cache(maxsize=256)
def language(accept: str | None) -> Language:
    """The language that an Accept-Language header prefers (RFC 9110, 12.5.4); English where it names neither."""
    best: tuple[float, Language] = (0.0, "en")
    for name, q in preferred(accept or ""):
        short = name.partition("-")[0]
        asked: Language | None = "zh" if short == "zh" else "en" if short in ("en", "*") else None
        if asked is not None and q > best[0]:
            best = (q, asked)
    return best[1]


def preferred(header: str) -> list[tuple[str, float]]:
    """What a header of preferences names, in lower case, each with its weight (RFC 9110, 12.4.2).

    Without a weight it is 1; one that is badly written is 0: what cannot be read is not wished for.
    """
    parts = (part.split(";") for part in header[:1_000].lower().split(","))
    return [(name.strip(), _weight(parameters)) for name, *parameters in parts]


def _weight(parameters: list[str]) -> float:
    weights = [value for name, _, value in (p.strip().partition("=") for p in parameters) if name == "q"]
    if not weights:
        return 1.0
    return float(weights[0]) if _WEIGHT.fullmatch(weights[0]) else 0.0


def install(app: FastAPI) -> None:
    """One tree of handlers, for our errors, FastAPI's, Starlette's, and what nobody foresaw."""
    app.add_exception_handler(LoanwatchError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, LoanwatchError)
    return answer(error, request.scope)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = BY_STATUS.get(error.status_code, "internal")
    en, zh = WORDS.get(kind, (KINDS[kind].en, KINDS[kind].zh))
    found = answer(Problem(kind, en, zh), request.scope)
    if error.status_code == 405:
        found.headers["allow"] = ", ".join(sorted(_methods(request)))
    return found


def _methods(request: Request) -> set[str]:
    """The methods of all routes of a path."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE]
    return {method for route in routes for method in route.methods}


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        Fault(f"/{e['loc'][-1]}", f"{e['msg']}; see /v1/openapi.json", f"取值无效({e['type']}),见 /v1/openapi.json")
        for e in error.errors()
    ]
    return answer(broken(faults), request.scope)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return answer(Problem("internal", *INTERNAL), request.scope)


WORDS = {
    "not-found": ("no such path; /v1/openapi.json lists them all", "路径不存在;全部路径见 /v1/openapi.json"),
    "method": ("this path does not know the method; see the Allow header", "该路径不支持此方法,见 Allow 响应头"),
}
