"""A night partition by partition: memory is bounded by a partition, and a night that was killed goes on where it was.

Beside the folders of finished runs ``.parts-as_of=YYYY-MM-DD/`` holds for each partition ``scored-N.parquet``: the scores, what
the model read, and what each feature contributes to all of its rows together; and ``signals-N.parquet``: the triggers that fire.
When all are there the mean contributions of the book are known, against which reasons are told: ``loans-N.parquet`` and
``borrowers-N.parquet``. ``signals.parquet`` and ``standing.parquet`` then say where all of the book stand. Every file appears in
one step. All of it belongs to one job: ledger, bundle, catalogue, policies, code, lender, day, kind, overrides, and the official
run before; another job begins anew.
"""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features import durable
from features.arrays import Float
from features.jobs import results
from features.ledger import Ledger
from models.bundle import Bundle
from models.explain import REASONS, Against, night, training
from models.score import Scorer
from monitoring import code, runs, score_signals, warning
from monitoring.belief import Beliefs
from monitoring.decisions.overrides import Override
from monitoring.decisions.vault import Vault
from monitoring.night import Progress, Scores, borrowers_of, explain, score_book
from monitoring.policy.lender import Lender, lender
from monitoring.policy.priorities import priorities_digest
from monitoring.policy.schedule import schedule_policy
from monitoring.policy.triggers import trigger_policy
from monitoring.remembered import beliefs, warnings
from monitoring.runs import BACKFILL, NIGHTLY, Night
from monitoring.schedule import PLAN
from monitoring.standing import Circumstances, looked_at_first, settle, shadow

WORKERS = 2
LOANS = ["borrower_id", "loan_id", "log_odds", "dpd", "company", "silent", "product", "paid_out", "matures_on"]
BORROWERS = ["borrower_id", "log_odds", "pd_12m", "dpd", "exposure", "bundle", *(f"reason_{k}" for k in range(1, REASONS + 1))]
"""What is read of the whole book at once."""
READ, CONTRIBUTED = "read ", b"contributed"
"""Before the name of a value that the model read; where a file says what its rows contribute."""


@dataclass(frozen=True)
class Work:
    """The parts of one night, in ``folder``, of a lender; ``overrides`` are the tiers that two persons agreed on.

    ``ahead`` is the last day that the book's beliefs were learned from, where that is after the night, which goes without them.

    ``recorded`` is the night as it was, where borrowers were erased since: what its reasons are told against, who stood out among
    peers, and who has room in the plan follow from them too.
    """

    folder: Path
    book: Path
    as_of: date
    kind: str
    lender: Lender
    overrides: tuple[Override, ...] = ()
    beliefs: Beliefs | None = None
    ahead: date | None = None
    recorded: Night | None = None

    def said(self, bundle: Bundle) -> dict[str, Any]:
        """What the run's manifest says beside its files and what its reasons are told against."""
        return {
            **runs.said(self.as_of, self.kind, Ledger(self.book), bundle),
            "overrides": [override.verdict for override in self.overrides],
            "lender": self.lender.said,
            "beliefs": self.beliefs and self.beliefs.as_json(),
            "schedule": schedule_policy(self.as_of).digest,
            "triggers": trigger_policy(self.as_of).digest,
            "priorities": priorities_digest(self.as_of),
            "warnings": self._warnings(),
            "code": code.here(),
        }

    def _warnings(self) -> list[dict[str, str]]:
        """What a night has to tell beside its rows; a back-fill plans no visits."""
        first = looked_at_first(self.lender, self.as_of)
        return [] if self.kind == BACKFILL else warnings(self.beliefs, self.ahead, first)

    def path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number}.parquet"

    def unscored(self, ledger: Ledger) -> list[int]:
        """The partitions that no try has scored yet."""
        return [number for number in ledger.partitions if not self.path("scored", number).is_file()]

    def keep(self, number: int, scores: Scores) -> None:
        """The scores and signals of a partition, durable when this returns."""
        if scores.signals is not None and not self.path("signals", number).is_file():
            signals = pa.Table.from_pandas(scores.signals, preserve_index=False)
            durable.appear(self.path("signals", number), partial(pq.write_table, signals, compression="lz4"))
        table = pa.Table.from_pandas(pd.concat([scores.rows, scores.values.add_prefix(READ)], axis=1), preserve_index=False)
        said = {**table.schema.metadata, CONTRIBUTED: json.dumps(scores.contributed.tolist())}
        table = table.replace_schema_metadata(said)
        durable.appear(self.path("scored", number), partial(pq.write_table, table, compression="lz4"))

    def kept(self, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of a partition, and the values that the model read."""
        frame = pq.read_table(self.path("scored", number)).to_pandas()
        read = frame.columns.str.startswith(READ)
        return frame.loc[:, ~read], frame.loc[:, read].rename(columns=lambda name: name.removeprefix(READ))

    def mean(self, partitions: range) -> Float | None:
        """Mean contribution of each feature over the rows of all partitions, added up in their order; None without a row."""
        files = [pq.read_metadata(self.path("scored", number)) for number in partitions]
        rows = sum(file.num_rows for file in files)
        return np.array([json.loads(file.metadata[CONTRIBUTED]) for file in files]).sum(axis=0) / rows if rows else None


def begin(
    book: Path, bundle: Bundle, as_of: date, kind: str, home: Path | None = None, overrides: tuple[Override, ...] = (),
    by: tuple[Lender, Beliefs | None] | None = None,
) -> Work:  # fmt: skip
    """The parts of a night as far as they are finished; ``home`` is where they lie if not in the book, ``by`` the lender and what
    is believed, if not as the book says now.

    Raises UsageError where a back-fill would stand in the place of an official run, an official one would come before a later
    one, or the book's lender.toml is wrong.
    """
    runs.check(book, as_of, kind, aside=home is not None)
    folder = (home or book / "runs") / f".parts-as_of={as_of}"
    whose, believed, ahead = (*by, None) if by else (lender(book), *beliefs(book, as_of))
    work = Work(folder, book, as_of, kind, whose, overrides, believed, ahead)
    eve = runs.last_folder(book, as_of - timedelta(days=1))
    before = None if eve is None else (eve / "manifest.json").read_text("utf-8")
    job = json.dumps([work.said(bundle), before], default=str)
    known = folder / "job.json"
    if not known.is_file() or known.read_text("utf-8") != job:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        durable.appear(known, lambda draft: draft.write_text(job, "utf-8"))
    return work


def score(work: Work, bundle: Bundle, done: Progress = lambda *_: None, executor: Executor | None = None) -> None:
    """Score every partition that is not yet scored; an ``executor`` does it elsewhere, with the same bits."""
    ledger = Ledger(work.book)
    calls = ((number, (ledger, bundle, work.as_of, number, work.kind)) for number in work.unscored(ledger))
    for number, scores in results(score_part, calls, executor, WORKERS):
        work.keep(number, scores)
        done("scores", len(scores.rows))


def score_part(ledger: Ledger, bundle: Bundle, as_of: date, number: int, kind: str) -> Scores:
    """The live loans of one partition, scored, and for a night their signals; what is handed over can be pickled."""
    triggers = trigger_policy(as_of) if kind == NIGHTLY else None
    return score_book(ledger, Scorer(bundle), as_of, [number], triggers=triggers)


def place(work: Work, bundle: Bundle) -> None:
    """Reasons of every partition that does not have them yet, then where all borrowers of the book stand."""
    ledger, scorer, against = Ledger(work.book), Scorer(bundle), compared(work, bundle)
    stamps = runs.stamps(work.as_of, bundle)

    def one(number: int) -> None:
        loans = explain(*work.kept(number), scorer, against)
        for name, rows in (("loans", loans), ("borrowers", borrowers_of(loans))):
            if not work.path(name, number).is_file():
                table = runs.arrow(rows.assign(**stamps), runs.COLUMNS[name])
                durable.appear(work.path(name, number), partial(pq.write_table, table, compression="lz4"))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, (n for n in ledger.partitions if not work.path("borrowers", n).is_file())))
    for name, rows in _settled(work, ledger, against).items():
        table = runs.arrow(rows.assign(**stamps), runs.COLUMNS[name])
        durable.appear(work.folder / f"{name}.parquet", partial(pq.write_table, table, compression="lz4"))


def _settled(work: Work, ledger: Ledger, against: Against) -> dict[str, pd.DataFrame]:
    """Where every borrower of the book stands; of a night also the signals that are on."""
    loans = _all(work, ledger, "scored", LOANS)
    borrowers = by_all_loans(_all(work, ledger, "borrowers", BORROWERS), loans)
    if work.kind == BACKFILL:
        return {"standing": shadow(borrowers, loans, work.as_of, work.lender)}
    before = night_before(work.book, work.as_of)
    night = Night(work.as_of, work.kind, loans, borrowers, against)
    raised = _raised(work, night, before, ledger) if work.recorded is None else _as_recorded(work.recorded)
    under = circumstances(work.book, work.as_of, work.lender, work.overrides, before, borrowers)
    found = settle(borrowers, loans, raised, ledger, work.as_of, replace(under, beliefs=work.beliefs))
    rows = found.rows if work.recorded is None else _as_planned(found.rows, work.recorded)
    ids = found.signals["borrower_id"] + " " + found.signals["trigger"]
    return {"standing": rows, "signals": found.signals.assign(signal_id=ids)}


def by_all_loans(borrowers: pd.DataFrame, loans: pd.DataFrame) -> pd.DataFrame:
    """The borrowers with what all their live loans say together: ``silent`` if one is; nothing past due only if none is unknown,
    for one loan alone does not show it.
    """
    who, by = borrowers["borrower_id"], loans["borrower_id"]
    silent = loans["silent"].groupby(by).any().reindex(who).to_numpy(dtype=bool)
    unseen = loans["dpd"].isna().groupby(by).any().reindex(who).to_numpy(dtype=bool)
    return borrowers.assign(silent=silent, dpd=borrowers["dpd"].where((borrowers["dpd"] > 0) | ~unseen))


def circumstances(
    book: Path, as_of: date, by: Lender, overrides: tuple[Override, ...], before: Night | None, borrowers: pd.DataFrame
) -> Circumstances:
    """What borrowers are settled under on a night, ``before`` being the last official run before it."""
    agreed = {override.borrower: override.tier for override in overrides}
    standing, on = (None, None) if before is None else (_stood(book, as_of, before, borrowers), before.signals)
    return Circumstances(by, standing, on, agreed)


def _stood(book: Path, as_of: date, before: Night, borrowers: pd.DataFrame) -> pd.DataFrame:
    """How borrowers stood before: in the last official run, or, where they were not in it, in the last one that had them. Who is
    out of sight for some nights does not come back as a stranger.
    """
    assert before.standing is not None
    absent = set(borrowers["borrower_id"]) - set(before.standing["borrower_id"])
    earlier = runs.missing_before(book, as_of, absent, runs.LOOK_BACK)
    return before.standing if earlier.empty else pd.concat([before.standing, earlier], ignore_index=True)


def _raised(work: Work, night: Night, before: Night | None, ledger: Ledger) -> pd.DataFrame:
    """All signals of a night, those of its scores among them."""
    of_scores = score_signals.signals(night, before, trigger_policy(work.as_of), ledger)
    return pd.concat([_all(work, ledger, "signals"), of_scores], ignore_index=True)


def _as_recorded(night: Night) -> pd.DataFrame:
    assert night.signals is not None
    return night.signals.loc[night.signals["raised_on"] == night.as_of, warning.COLUMNS]


def _as_planned(rows: pd.DataFrame, night: Night) -> pd.DataFrame:
    assert night.standing is not None
    then = night.standing.set_index("borrower_id")[PLAN].reindex(rows["borrower_id"]).reset_index(drop=True)
    return rows.drop(columns=PLAN).join(then)


def _all(work: Work, ledger: Ledger, name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of all parts of a file."""
    parts = (pq.read_table(work.path(name, number), columns=columns).to_pandas() for number in ledger.partitions)
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found


def night_before(book: Path, as_of: date) -> Night | None:
    """The last official run before a night, without its loans."""
    folder = runs.last_folder(book, as_of - timedelta(days=1))
    return None if folder is None else runs.read(folder, {"loans": ["loan_id"], "borrowers": BORROWERS})


def compared(work: Work, bundle: Bundle) -> Against:
    """What the reasons of the night are measured against: its own book, or without a loan what the model learned from."""
    if work.recorded is not None:
        return work.recorded.against
    mean = work.mean(Ledger(work.book).partitions)
    return training(bundle) if mean is None else night(bundle, work.as_of, mean)


def publish(work: Work, bundle: Bundle, vault: Vault) -> Path:
    """The finished parts as the run's folder beside them, in one step; the parts are gone then."""
    ledger = Ledger(work.book)
    said = {**work.said(bundle), "against": compared(work, bundle).as_json()}
    standing = pd.read_parquet(work.folder / "standing.parquet").set_index("borrower_id")

    def read(name: str) -> Iterator[pa.Table]:
        if (whole := work.folder / f"{name}.parquet").is_file():
            return iter([pq.read_table(whole)])
        return (_placed(pq.read_table(work.path(name, number)), standing) for number in ledger.partitions)

    home = runs.publish(work.folder.parent, said, read, vault)
    shutil.rmtree(work.folder)
    return home


def _placed(table: pa.Table, standing: pd.DataFrame) -> pa.Table:
    """Rows with the tier and the next review of their borrowers."""
    found = standing.reindex(table["borrower_id"].to_pandas())
    for name in ("tier", "next_review_on"):
        field = table.schema.field(name)
        table = table.set_column(table.column_names.index(name), field, pa.Array.from_pandas(found[name]).cast(field.type))
    return table
