"""A shock step by step: the sector's borrowers scored in both worlds, partition by partition, and compared.

Plain functions that run anywhere; ``pipelines/flows.py`` gives them to Prefect. Nothing is written.
"""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from features.jobs import results
from models.score import Scorer
from monitoring.decisions.place import Place
from monitoring.night import score_book
from monitoring.policy.triggers import trigger_policy
from pipelines.shock.asked import Shock
from pipelines.shock.compare import Both, Found, compared
from pipelines.shock.work import Work, begin
from pipelines.shock.worlds import members

WORKERS = 2
Progress = Callable[[str, int], None]


def score_part(work: Work, number: int) -> Both:
    """The live loans of the sector's borrowers in one partition, scored in both worlds, with their signals."""
    scorer, triggers = Scorer(work.bundle), trigger_policy(work.as_of)
    who = members(work.worlds.before, work.asked, work.as_of, number)
    before, after = (
        score_book(world, scorer, work.as_of, [number], triggers=triggers, whose=who)
        for world in (work.worlds.before, work.worlds.after)
    )
    return Both(before, after)


def compare(work: Work, parts: Mapping[int, Both]) -> Found:
    """Where the sector's borrowers stand in both worlds; ``parts`` by the number of their partition."""
    return compared(work, [parts[number] for number in sorted(parts)])


def run(place: Place, mlruns: Path, asked: Shock, as_of: date | None = None, done: Progress = lambda *_: None) -> Found:
    """All of it, without Prefect. Raises as ``begin`` does, and DataRefused as ``score_book``."""
    work, parts = begin(place, mlruns, asked, as_of), {}
    calls = ((number, (work, number)) for number in work.worlds.before.partitions)
    for number, both in results(score_part, calls, workers=WORKERS):
        parts[number] = both
        done("scores", len(both.before.rows))
    return compare(work, parts)
