"""Which triggers fire: from what is known of the loans on a day to signals, one row per borrower and trigger.

A signal depends on the borrower's own rows alone, so one borrower gives the same signals as the whole book. What is unknown never
fires. Triggers on the night's scores are in :mod:`monitoring.score_signals`.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.catalogue import feature
from features.feature import Feature
from features.labels import Population
from models.wording import Language, in_unit
from monitoring.policy.trigger import Trigger, TriggerPolicy

COLUMNS = ["borrower_id", "trigger", "severity", "value", "threshold"]


def needed(policy: TriggerPolicy) -> list[Feature]:
    """The features that ``signals`` reads, in the order in which the triggers name them."""
    return read_by(policy.triggers)


def read_by(triggers: Iterable[Trigger]) -> list[Feature]:
    """The features that some triggers read."""
    return [feature(name) for name in dict.fromkeys(name for trigger in triggers for name in trigger.reads)]


def signals(people: Population, values: pd.DataFrame, policy: TriggerPolicy, as_of: date) -> pd.DataFrame:
    """What fires on a day, columns COLUMNS, in order of borrower and then of the table.

    ``people`` are the loans to look at (n rows, usually the live ones of the day), ``values`` their ``needed`` features (n, k).
    Of a borrower's loans on which a trigger fires the worst value is told.
    """
    company = people.facts["company"].to_numpy(dtype=bool)
    triggers = [trigger for trigger in policy.on(as_of) if trigger.subject != "model"]
    return raised(people.spine.borrower_id, company, values, triggers)


def raised(borrower_id: pd.Index, company: Mask, values: pd.DataFrame, triggers: Sequence[Trigger]) -> pd.DataFrame:
    """The signals of some triggers over rows of borrowers; n ids, company (n,), values (n, k)."""
    borrower, names = pd.factorize(borrower_id, sort=True)
    found = [_worst(trigger, borrower, fires(trigger, company, values), values) for trigger in triggers]
    place = np.repeat(np.arange(len(found)), [len(who) for who, _ in found])
    who, value = (np.concatenate([np.empty(0), *parts]) for parts in zip(*found, strict=True)) if found else np.empty((2, 0))
    order = np.lexsort((place, who))
    who, place = who[order].astype(np.int64), place[order]
    told = {
        "trigger": np.array([trigger.id for trigger in triggers], dtype=object),
        "severity": np.array([trigger.severity for trigger in triggers], dtype=object),
    }
    columns = {name: pd.array(words[place], dtype="str") for name, words in told.items()}
    threshold = np.array([trigger.first.threshold for trigger in triggers], dtype=np.float64)[place]
    ids = pd.array(np.asarray(names, dtype=object)[who], dtype="str")
    return pd.DataFrame({"borrower_id": ids, **columns, "value": value[order], "threshold": threshold}, columns=COLUMNS)


def concerned(trigger: Trigger, company: Mask, values: pd.DataFrame) -> Mask:
    """The rows of borrowers and loans that a trigger applies to; (n,)."""
    found = {"all": np.ones(len(company), dtype=bool), "company": company, "person": ~company}[trigger.applies]
    return found & (values[list(trigger.products)] == 1).any(axis=1).to_numpy() if trigger.products else found


def fires(trigger: Trigger, company: Mask, values: pd.DataFrame) -> Mask:
    """On which rows a trigger fires; (n,)."""
    fired = concerned(trigger, company, values)
    for condition in trigger.when:
        fired = fired & condition.holds(values[condition.name].to_numpy())
    return fired


def _worst(trigger: Trigger, borrower: Int, fired: Mask, values: pd.DataFrame) -> tuple[Int, Float]:
    """The borrowers with a row that fired, in their order, and the worst value of each."""
    rows = np.flatnonzero(fired)
    who, value = borrower[rows], values[trigger.first.name].to_numpy()[rows]
    order = np.lexsort((trigger.first.worse * value, who))
    last = order[np.flatnonzero(np.diff(who[order], append=-1))]
    return who[last], value[last]


def texts(signals: pd.DataFrame, policy: TriggerPolicy, language: Language) -> list[str]:
    """What each signal says, in its order."""
    columns = (signals[name] for name in ("trigger", "value", "threshold"))
    return [text(policy[name], value, threshold, language) for name, value, threshold in zip(*columns, strict=True)]


def text(trigger: Trigger, value: float, threshold: float, language: Language) -> str:
    """One signal in words; the value and threshold are rounded as their unit is written."""
    said = {"value": value, "threshold": threshold}
    words = {name: in_unit(trigger.first.unit, number, language) for name, number in said.items()}
    return (trigger.en if language == "en" else trigger.zh).format(**words)
