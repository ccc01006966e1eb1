"""Models changed again and again under load, some of them not sound: no request fails, each PD is that of the model it names."""

import asyncio
import itertools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from asgi import Answer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from effort import RELEASE
from served import Served, served
from tiny import Tiny, body, rows

from models import keys
from models.bundle import FILES, MANIFEST, SIGNATURE, Bundle, load, write
from models.keys import Signer
from models.score import Scorer
from serving.current import _prove
from serving.ready import Ready

GOOD, BAD = (70, 30) if RELEASE else (7, 3)
CALLERS = 4
X = rows(32, seed=9)
BODIES = [body(X.iloc[n]) for n in range(len(X))]


def flipped(tiny: Tiny, made: Bundle, number: int) -> str:
    """A byte of one of its files is another."""
    path = tiny.book / "bundles" / made.digest / (*FILES, MANIFEST, SIGNATURE)[number % 7]
    content = bytearray(path.read_bytes())
    content[(number * 7_919) % len(content)] ^= 1 << number % 8
    path.write_bytes(bytes(content))
    return made.digest


def cut(tiny: Tiny, made: Bundle, number: int) -> str:
    """A file of it ends early, or is gone."""
    path = tiny.book / "bundles" / made.digest / FILES[number % 5]
    path.write_bytes(path.read_bytes()[: -1 - number]) if number % 2 else path.unlink()
    return made.digest


def of_a_stranger(tiny: Tiny, made: Bundle, number: int) -> str:
    """Somebody whom the book does not trust has signed it."""
    manifest = (tiny.book / "bundles" / made.digest / MANIFEST).read_bytes()
    (tiny.book / "bundles" / made.digest / SIGNATURE).write_bytes(Signer(Ed25519PrivateKey.generate()).sign(manifest))
    return made.digest


def elsewhere(tiny: Tiny, made: Bundle, number: int) -> str:
    """It is sound and called by another digest."""
    name = f"{number:064x}"
    shutil.copytree(tiny.book / "bundles" / made.digest, tiny.book / "bundles" / name)
    return name


def rewritten(tiny: Tiny, made: Bundle, **other: object) -> str:
    """Sound in itself and rightly signed, with something else in it."""
    draft = replace(made, digest="", **other)  # type: ignore[arg-type]
    return write(tiny.book / "bundles", draft, draft.reference, draft.golden, keys.signer(tiny.book)).digest


def other_scores(tiny: Tiny, made: Bundle, number: int) -> str:
    """It does not give its golden rows the scores that they had."""
    return rewritten(tiny, made, golden=replace(made.golden, log_odds=np.nextafter(made.golden.log_odds, np.inf)))


def other_meaning(tiny: Tiny, made: Bundle, number: int) -> str:
    """Its features meant something else when it learned them."""
    return rewritten(tiny, made, said={**made.said, "catalogue": f"{number:064x}"})


def no_model(tiny: Tiny, made: Bundle, number: int) -> str:
    """Its trees are none."""
    return rewritten(tiny, made, model=made.model.replace("num_leaves=", f"num_leaves={number}", 1))


def nowhere(tiny: Tiny, made: Bundle, number: int) -> str:
    """There is no such bundle."""
    return f"{number + 1_000:064x}"


SPOILS: tuple[Callable[[Tiny, Bundle, int], str], ...] = (
    flipped, other_scores, cut, of_a_stranger, elsewhere, other_meaning, no_model, nowhere,
)  # fmt: skip


async def in_process(book: Path, digest: str) -> None:
    """The proof without a process of its own, which costs seconds to start: in a release every tenth has one."""
    Ready(Scorer(load(book / "bundles" / digest, keys.of_book(book))))


async def swaps(api: Served, tiny: Tiny, expected: dict[str, list[tuple[float, float]]]) -> list[tuple[int, Answer]]:
    """Name one champion after the other while some callers ask; what they were told, by number of body."""
    told, stopped = list[tuple[int, Answer]](), asyncio.Event()

    async def ask(first: int) -> None:
        number = first
        while not stopped.is_set():
            at = number % len(BODIES)
            told.append((at, await api.client.ask("POST", "/v1/scores", api.headers(), BODIES[at])))
            number += 1
            await asyncio.sleep(0)

    asking = [asyncio.create_task(ask(n)) for n in range(CALLERS)]
    order = np.random.default_rng(5).permutation([True] * GOOD + [False] * BAD)
    bad = 0
    for number, good in enumerate(order.tolist()):
        made = await asyncio.to_thread(tiny.another, (number + 1) / 64)
        if good:
            expected[made.digest] = scores(made)
        before, digest = api.service.models.champion.digest, made.digest
        if not good:
            digest = SPOILS[bad % len(SPOILS)](tiny, made, bad)
            bad += 1
        tiny.crown(digest)
        await api.service.models.look()
        assert api.service.models.champion.digest == (digest if good else before)
        assert (digest in api.service.models.refused) != good
        answered = len(told)
        while len(told) <= answered + CALLERS:  # on a busy machine too somebody asks the model that is in use now
            await asyncio.sleep(0.001)
    stopped.set()
    await asyncio.gather(*asking)
    return told


def scores(bundle: Bundle) -> list[tuple[float, float]]:
    """Log-odds and PD of each row by a model."""
    scored = Scorer(bundle).score(X)
    return list(zip(scored.log_odds.tolist(), scored.pd_12m.tolist(), strict=True))


def test_no_request_fails_and_each_pd_is_of_the_model_that_it_names(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    own, number = _prove, itertools.count()

    async def prove(book: Path, digest: str) -> None:
        await (own if next(number) % 10 == 9 and RELEASE else in_process)(book, digest)

    monkeypatch.setattr("serving.current._prove", prove)
    expected = {tiny.bundle.digest: scores(tiny.bundle)}
    with served(tiny.book, tiny.mlruns) as api:
        told = api.client.run(swaps(api, tiny, expected), 3_600)
        shown = api.get("/metrics").text
    assert {found.status for _, found in told} == {200}
    said = [(at, json.loads(found.content)) for at, found in told]
    assert all((one["log_odds"], one["pd_12m"]) == expected[one["bundle"]][at] for at, one in said)
    assert len({one["bundle"] for _, one in said}) >= GOOD
    assert f"loanwatch_model_swaps_total {GOOD}.0" in shown and f"loanwatch_models_refused_total {BAD}.0" in shown
