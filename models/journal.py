"""Who let which model into use, and why: one JSON line for each step, only ever appended, each chained to the one before.

The chain shows a line that was changed or taken out of the middle. It cannot show that lines at the end are gone; the tags of the
versions in MLflow repeat them.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from features.errors import IntegrityFailed

PROPOSED, WITHDRAWN, PROMOTED, FELL_BACK, REMOVED = "proposed", "withdrawn", "promoted", "fell back", "removed"
CROWNING = (PROMOTED, FELL_BACK)
"""Steps that make their version champion."""
START = "0" * 64
JOURNAL = "promotions.jsonl"
"""Its file, beside the store's database."""


@dataclass(frozen=True)
class Step:
    """One step on the way of a version into use.

    ``by`` holds the persons: one who proposes or withdraws, two who promote, none where the criteria alone decided.
    ``instead_of`` is the bundle of the champion that the step was decided against.
    """

    what: str
    version: int
    bundle: str
    at: str
    by: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    instead_of: str | None = None
    criteria: str = ""
    not_met: tuple[str, ...] = ()
    number: int = 0
    before: str = START

    def line(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False) + "\n"

    def digest(self) -> str:
        """sha256 of the line."""
        return hashlib.sha256(self.line().encode()).hexdigest()


class Journal:
    """The steps in a file; a last line without its end was never promised to anyone and is not read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def steps(self) -> list[Step]:
        """All steps, oldest first; raises IntegrityFailed if a line is not what was written."""
        steps, before = [], START
        for number, text in enumerate(self._whole().split("\n")[:-1], start=1):
            step = _step(text + "\n")
            if step is None or (step.before, step.number) != (before, number):
                raise IntegrityFailed(
                    f"{self.path}, line {number}: not what was written; somebody changed the record of promotions. Restore it"
                    " from backup: who approved the champion is not known without it",
                    f"{self.path} 第{number}行:与写入时不符,晋升记录被改动;请从备份恢复,否则无从得知冠军模型由谁批准",
                )
            steps.append(step)
            before = step.digest()
        return steps

    def append(self, step: Step) -> Step:
        """Add a step, numbered and chained, durable when this returns. The caller holds the store's lock."""
        steps, whole = self.steps(), self._whole().encode()
        before = steps[-1].digest() if steps else START
        written = Step(**{**asdict(step), "number": len(steps) + 1, "before": before})
        with self.path.open("ab") as file:
            file.truncate(len(whole))
            file.write(written.line().encode())
            file.flush()
            os.fsync(file.fileno())
        return written

    def _whole(self) -> str:
        text = self.path.read_bytes().decode("utf-8", errors="replace") if self.path.is_file() else ""
        return text[: text.rfind("\n") + 1]


def open_proposal(steps: Sequence[Step], version: int) -> Step | None:
    """The proposal of a version that still waits for its second person."""
    last = [step for step in steps if step.version == version][-1:]
    return last[0] if last and last[0].what == PROPOSED else None


def last_crowning(steps: Sequence[Step]) -> Step | None:
    """The step that made the present champion."""
    return next((step for step in reversed(steps) if step.what in CROWNING), None)


def _step(line: str) -> Step | None:
    try:
        said = json.loads(line).items()
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said}
        step = Step(**values)
    except (ValueError, TypeError, AttributeError):
        return None
    return step if step.line() == line else None
