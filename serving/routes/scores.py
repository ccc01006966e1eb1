"""Scores: one, or many as lines. Each is recorded before it is told, and changes neither tier nor state."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import orjson
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from features.errors import LoanwatchError
from models.wording import Language
from serving.bodies import parse
from serving.cases import case_of
from serving.decided import SHADOW, Case, Decision, answer, decide
from serving.explanation import Before
from serving.observe import LOG
from serving.problems import Problem, document, language
from serving.ready import Ready
from serving.routes import documents
from serving.routes.guard import needs, router, service_of
from serving.service import Service

routes = router()
LINES = "application/x-ndjson"
TOGETHER = 32
"""Lines of a batch that are scored before others get their turn, and recorded together."""
_KEY = re.compile(r"[!-~]{1,200}")


@routes.post("/v1/scores", **documents.SCORE)
@needs("score")
async def score(request: Request) -> Response:
    """Score one loan, borrower or row of features; recorded when it is answered."""
    service, body = service_of(request), await read(request, "application/json")
    ready, spoken, key = service.models.champion, language(request.headers.get("accept-language")), asked_before(request)
    caller = request.scope["caller_id"]
    if key is not None and (before := await service.before(caller, key, body)) is not None:
        return await _answered(service, before, again=True)
    await service.turns.mine()
    case = await case_of(parse(body), ready, service.book)
    with service.telemetry.span("score"):
        draft = decide(case, ready, service.book, caller, spoken, None if key is None else (key, body))
    decision, again = await service.recorded(draft)
    service.meters.scores.labels(case.by).inc()
    if not again:
        _shadow(service, case, caller, spoken, decision.recorded.id)
    return await _answered(service, decision, again)


async def _answered(service: Service, decision: Decision, again: bool) -> Response:
    headers = {"idempotent-replay": "true"} if again else None
    return Response(await _told(service, decision), headers=headers, media_type="application/json")


async def read(request: Request, media: str) -> bytes:
    """The body; raises Problem ``media`` if it is said to be something else."""
    said = request.headers.get("content-type", media).partition(";")[0].strip().lower()
    if said != media:
        raise Problem(
            "media", f"the body is said to be {said[:60]!r}; send {media}", f"请求体类型为 {said[:60]!r};请使用 {media}"
        )
    return await request.body()


@routes.post("/v1/scores/batch", **documents.BATCH)
@needs("score")
async def batch(request: Request) -> Response:
    """Score many: a request a line, an answer or a problem a line, in the same order."""
    service, body = service_of(request), await read(request, LINES)
    spoken, key = language(request.headers.get("accept-language")), asked_before(request)
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise Problem("malformed", "no line; send a request a line", "没有内容;请每行发送一个请求")
    return StreamingResponse(_lines(service, lines, request.scope["caller_id"], spoken, key), media_type=LINES)


async def _lines(service: Service, lines: list[bytes], caller: str, spoken: Language, key: str | None) -> AsyncIterator[bytes]:
    """Answers, some at a time."""
    for first in range(0, len(lines), TOGETHER):
        some = enumerate(lines[first : first + TOGETHER], first)
        keys = [(number, line, None if key is None else f"{key}/{number}") for number, line in some]
        answers = await asyncio.gather(*(_line(service, line, caller, spoken, own) for _, line, own in keys))
        yield b"".join(answers)


async def _line(service: Service, line: bytes, caller: str, spoken: Language, key: str | None) -> bytes:
    ready = service.models.champion
    try:
        _short(line, service.limits.single)
        if key is not None and (before := await service.before(caller, key, line)) is not None:
            return await _told(service, before) + b"\n"
        await service.turns.mine()
        case = await case_of(parse(line), ready, service.book)
        with service.telemetry.span("score"):
            draft = decide(case, ready, service.book, caller, spoken, None if key is None else (key, line))
        decision, _ = await service.recorded(draft)
        service.meters.scores.labels(case.by).inc()
        return await _told(service, decision) + b"\n"
    except LoanwatchError as error:
        said = document(error, spoken)
        service.meters.refusals.labels(said["type"].rpartition("/")[2]).inc()
        return orjson.dumps(said) + b"\n"


def _short(line: bytes, most: int) -> None:
    if len(line) > most:
        raise Problem(
            "too-large", f"a line of more than {most:,} bytes; send it by itself in parts", f"单行超过 {most:,} 字节,请拆分"
        )


async def _told(service: Service, decision: Decision) -> bytes:
    digest, champion = decision.said["bundle"], service.models.champion
    ready = champion if champion.digest == digest else await asyncio.to_thread(service.models.of, digest)
    return answer(decision, ready.features)


def asked_before(request: Request) -> str | None:
    """The key by which a request may come again; raises Problem ``header``."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(
            "header", "Idempotency-Key has 1 to 200 visible ASCII characters; a UUID does well",
            "Idempotency-Key 须为1至200个可见 ASCII 字符,建议使用 UUID",
        )  # fmt: skip
    return key


def _shadow(service: Service, case: Case, caller: str, spoken: Language, decision: str) -> None:
    """Let the challenger score the same row once the answer is on its way, and record it."""
    challenger = service.models.challenger
    if challenger is not None:
        champion = service.models.champion
        asyncio.get_running_loop().call_soon(_score_in_shadow, service, challenger, champion, case, caller, spoken, decision)


def _score_in_shadow(
    service: Service, challenger: Ready, champion: Ready, case: Case, caller: str, spoken: Language, decision: str
) -> None:
    outcomes = service.meters.shadows
    if set(challenger.features) - set(champion.features) or len(case.values) != len(champion.features):
        outcomes.labels("other features").inc()
        return
    places = [champion.features.index(name) for name in challenger.features]
    try:
        draft = decide(_for(challenger, case, places), challenger, service.book, caller, spoken, None)
    except LoanwatchError as error:
        LOG.warning("challenger cannot score", extra={"error": type(error).__name__})
        outcomes.labels("failed").inc()
        return
    if draft.reference is not None:
        service.record.submit(draft.reference)  # goes before, as the record keeps its order
    done = service.record.submit(replace(draft.entry, kind=SHADOW, said={**draft.entry.said, "of": decision}))
    done.add_done_callback(lambda found: outcomes.labels("failed" if found.exception() else "recorded").inc())


def _for(challenger: Ready, case: Case, places: list[int]) -> Case:
    """The same rows as the challenger reads them."""
    before = case.before
    if before is not None:
        values = before.values[places]
        before = Before(before.day, values, float(challenger.scorer.log_odds_of(values[np.newaxis])[0]))
    return replace(case, values=case.values[places], before=before)
