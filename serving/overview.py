"""The book as a whole explained on a day: which groups move scores, one dot a loan, and how the leading features do it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from features.arrays import spaced
from features.ledger import Ledger
from models.explain import Against, night
from models.overview import dependences, group_chart, importance, svg
from models.plots import beeswarm
from models.score import Scored, Scorer
from models.wording import named
from monitoring.night import score_book
from serving.page import templates

DOTS = 2_000
"""Loans in a beeswarm, evenly spaced."""


@dataclass(frozen=True)
class Overview:
    """All live loans on a day: their scores, what they are measured against, and the groups by what they add."""

    as_of: date
    bundle: str
    scored: Scored
    against: Against
    groups: pd.DataFrame

    def as_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of, "bundle": self.bundle, "loans": len(self.scored),
            "reference": {"kind": self.against.kind, "day": self.against.day},
            "groups": self.groups.to_dict("records"),
        }  # fmt: skip


def look(book: Path, scorer: Scorer, as_of: date) -> Overview:
    """Score and explain every live loan; raises DataRefused as a night does."""
    scores = score_book(Ledger(book), scorer, as_of)
    scored = scorer.score(scores.values)
    against = night(scorer.bundle, as_of, scores.contributed / max(1, len(scored)))
    return Overview(as_of, scorer.bundle.digest, scored, against, importance(scored, against))


def picture(found: Overview) -> str:
    """The groups as SVG."""
    return svg(group_chart(found.groups))


def html(found: Overview) -> str:
    """One page with groups, beeswarm and dependence."""
    pictures = {"groups": picture(found)}
    if len(found.scored):
        pictures["beeswarm"] = svg(beeswarm(_some(found.scored)))
    drawn = [Markup(svg(figure)) for figure in dependences(found.scored).values()]
    page = templates().get_template("overview.html")
    return page.render(
        o=found,
        reference=named(found.against),
        pictures={name: Markup(text) for name, text in pictures.items()},
        dependences=drawn,
    )


def _some(scored: Scored) -> Scored:
    rows = spaced(np.arange(len(scored)), DOTS)
    return Scored(scored.features, scored.values[rows], scored.log_odds[rows], scored.base, scored.contributions[rows])
