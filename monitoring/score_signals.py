"""Triggers on the night's own scores: a PD that jumps, that stands out among peers, a guarantor's, and reasons that change.

They need the whole night (who the peers are) and the last official run, so they come after scoring. Scores of two models are not
compared: after a change of model nothing is known of a jump or of new reasons until the next night.
"""

from datetime import date

import numpy as np
import pandas as pd

from features import window
from features.arrays import Float, Int, Mask
from features.build import compute
from features.events import Partition, day_number
from features.guarantees import Words, graph, in_force
from features.labels import COMPANY
from features.ledger import Ledger
from features.spine import Spine
from features.window import Moment
from models.explain import REASONS
from models.groups import place
from monitoring.policy.trigger import TriggerPolicy
from monitoring.runs import Night
from monitoring.warning import raised

LEADING = 3
"""Reasons that count as leading."""
FEWEST_PEERS = 30
"""Borrowers below which nobody stands out among peers."""


def signals(night: Night, before: Night | None, policy: TriggerPolicy, ledger: Ledger) -> pd.DataFrame:
    """What fires on a night's scores, columns and order as of ``warning.signals``.

    ``before`` is the last official run before it, None without one; both as ``runs.read`` gives them.
    """
    worst = night.loans.loc[night.loans.groupby("borrower_id")["log_odds"].idxmax()].set_index("borrower_id")
    ids = pd.Index(night.borrowers["borrower_id"], dtype="str")
    day = np.full(len(ids), day_number(night.as_of))
    spine = Spine(ids, pd.Index(worst["loan_id"].reindex(ids), dtype="str"), day, day)
    company = (compute(spine, ledger, [COMPANY])["company"] == 1).to_numpy()
    peers = peer_groups(spine, company, ledger)
    values = quantities(night.borrowers, None if before is None else before.borrowers, peers, guarantors(ledger, night.as_of))
    triggers = [trigger for trigger in policy.on(night.as_of) if trigger.subject == "model"]
    return raised(ids, company, values, triggers)


def of_borrower(
    own: pd.DataFrame, company: bool, before: pd.DataFrame | None, guarantors: pd.DataFrame, policy: TriggerPolicy, as_of: date
) -> pd.DataFrame:
    """What fires on the scores of one borrower between two nights: ``own`` is his row now, ``before`` has that of the last
    official run and those of his ``guarantors``. Who stands out among peers is left to the night, which scores all of them.
    """
    others = own.iloc[:0] if before is None else before[before["borrower_id"] != own["borrower_id"].iloc[0]]
    known = pd.concat([own, others[own.columns]], ignore_index=True) if len(others) else own.reset_index(drop=True)
    values = quantities(known, before, pd.Series([None] * len(known), dtype="str"), guarantors).iloc[:1]
    triggers = [trigger for trigger in policy.on(as_of) if trigger.subject == "model"]
    return raised(pd.Index(own["borrower_id"], dtype="str"), np.array([company]), values, triggers)


def quantities(borrowers: pd.DataFrame, before: pd.DataFrame | None, peers: pd.Series, guarantors: pd.DataFrame) -> pd.DataFrame:
    """The quantities of ``trigger.SCORES`` for each borrower of a night, float64 (n, 5), NaN where unknown.

    ``borrowers`` have borrower_id, log_odds, pd_12m, bundle and reason_1 to reason_5; ``before`` the same of the last official
    run, None without one. ``peers`` names each borrower's group, missing where unknown (n), ``guarantors`` says who stands in
    for whom (columns borrower_id, guarantor_id).
    """
    then = _then(borrowers, before)
    return pd.DataFrame(
        {
            "log_odds_change": borrowers["log_odds"].to_numpy() - then["log_odds"].to_numpy(dtype=np.float64),
            "pd": borrowers["pd_12m"].to_numpy(),
            "peer_quantile": _lower(borrowers["log_odds"], peers),
            "guarantor_pd": _of_guarantors(borrowers, guarantors),
            "new_reasons": _new_reasons(borrowers, then),
        }
    )


def _then(borrowers: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """The same borrowers in the last official run, unknown where they were not in it or another model scored them."""
    before = borrowers.iloc[:0] if before is None else before
    then = before.set_index("borrower_id").reindex(borrowers["borrower_id"]).reset_index(drop=True)
    same = (then["bundle"] == borrowers["bundle"].reset_index(drop=True)).to_numpy(dtype=bool)
    return then.where(pd.Series(same))


def _lower(log_odds: pd.Series, peers: pd.Series) -> Float:
    """Share of each borrower's peers with lower log-odds; unknown without a group, or in one that is too small."""
    by = log_odds.reset_index(drop=True).groupby(peers.reset_index(drop=True))
    others = by.transform("size") - 1
    return np.asarray(((by.rank(method="min") - 1) / others).where(others >= FEWEST_PEERS), dtype=np.float64)


def _of_guarantors(borrowers: pd.DataFrame, guarantors: pd.DataFrame) -> Float:
    """The highest PD of those of a borrower's guarantors that were scored the same night."""
    own = borrowers.set_index("borrower_id")["pd_12m"]
    worst = guarantors.assign(pd=guarantors["guarantor_id"].map(own)).groupby("borrower_id")["pd"].max()
    return borrowers["borrower_id"].map(worst).to_numpy(dtype=np.float64)


def _new_reasons(borrowers: pd.DataFrame, then: pd.DataFrame) -> Float:
    """How many groups of the leading reasons were not among the reasons that were told before."""
    now = _groups(borrowers, LEADING)
    told = _groups(then, REASONS)
    new = (now >= 0) & ~(now[:, :, None] == told[:, None, :]).any(axis=2)
    return np.where(then["log_odds"].isna(), np.nan, new.sum(axis=1))


def _groups(borrowers: pd.DataFrame, most: int) -> Int:
    """The group of each of the first reasons, -1 for none; (n, most)."""
    names = borrowers[[f"reason_{k}" for k in range(1, most + 1)]]
    places = {name: place(name) for name in pd.unique(names.to_numpy().ravel()) if isinstance(name, str)}
    found: Int = names.apply(lambda column: column.map(places).fillna(-1)).to_numpy(dtype=np.int64)
    return found


def peer_groups(spine: Spine, company: Mask, ledger: Ledger) -> pd.Series:
    """Whom each row's borrower is compared with: companies of its industry, or loans of the product; missing where unknown."""
    found = np.empty(len(spine), dtype=object)
    for number, rows in spine.by_partition(ledger.manifest.partitions):
        partition = ledger.partition(number, ("borrowers", "loans"), {"borrowers": ("industry",), "loans": ("product",)})
        asked = spine.take(rows)
        industry = word_of(partition, "borrowers", "industry", asked.borrowers(partition))
        product = word_of(partition, "loans", "product", asked.loans(partition))
        found[rows] = np.where(company[rows], industry, product)
    return pd.Series(found, dtype="str")


def word_of(partition: Partition, table: str, column: str, moment: Moment) -> Words:
    """The latest visible text of each row, None where there is none."""
    events = partition.events(table)
    at = window.visible(events, moment, events.said(column)).latest
    words = np.array([*events.words(column)[1], None], dtype=object)
    found: Words = words[np.where(np.isnan(at), len(words) - 1, at).astype(np.int64)]
    return found


def guarantors(ledger: Ledger, as_of: date) -> pd.DataFrame:
    """Who stands in for whom at the end of a day, as known on it; columns borrower_id and guarantor_id."""
    found = graph(ledger.partition(number, ("borrowers", "guarantees")) for number in ledger.partitions)
    pairs = in_force(found, day_number(as_of))
    return pd.DataFrame({"borrower_id": found.names[pairs.borrower], "guarantor_id": found.names[pairs.guarantor]}, dtype="str")
