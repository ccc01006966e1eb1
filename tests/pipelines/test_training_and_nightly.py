"""Training and the night on the small book: what the contract names is there, and the score is near the truth."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from features.arrays import Float
from features.errors import DataRefused, NotFound
from features.labels import population
from features.window import to_date
from models import keys
from models.baselines import BASELINES
from models.evaluate import judge
from models.explain import REASONS, told
from models.explain import training as learned_from
from models.keys import Untrusted
from models.wording import sentence
from monitoring.night import score_book
from monitoring.policy import tier_policy
from pipelines import nightly, package, training
from pipelines.numbers import verdicts_json

METRICS = (
    "auc", "ks", "pr_auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "ece",
    "capture_1", "capture_5", "capture_10",
)  # fmt: skip


def test_the_training_document_has_every_name_of_the_contract(book: Book) -> None:
    document = book.trained
    for who in ("model", *BASELINES):
        assert {"n", "bad", *METRICS, "auc_low", "auc_high"} <= set(document[who]), who
    for baseline in BASELINES:
        assert {f"auc_minus_{baseline}{end}" for end in ("", "_low", "_high")} <= set(document["model"])
    assert {"bundle", "data", "run_id"} <= set(document)


def test_a_run_of_an_outcome_looks_as_far_ahead_as_its_profile_states() -> None:
    assert training.choose(None, "companies")[0].months == 12
    assert training.choose("outcome", "instalment_loans")[0].months == 0
    assert training.choose("default_12m", "companies")[0].name == "default_12m"


def test_the_training_document_is_json_that_any_reader_can_read(book: Book) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    json.loads(json.dumps(book.trained), parse_constant=refuse)


def test_the_training_document_has_the_judgement_in_full(book: Book) -> None:
    found = book.trained["validation"]
    assert set(found["parts"]) == {"month", "product", "vintage", "segment"}
    assert set(found["groups"]) == set(book.bundle.said["profile"]["prohibited"])
    assert set(found["stability"]["features"]) == set(found["leaks"]["features"]) == set(book.bundle.features)
    assert set(found["by_horizon"]) == {"1", "3", "6", "12", "24"}
    assert found["walk"] is None
    for named in found["parts"].values():
        assert sum(part["bad"] for part in named.values()) == book.trained["model"]["bad"]


def test_a_present_champion_stands_beside_the_model_under_a_name_of_its_own() -> None:
    rng = np.random.default_rng(1)
    bad = (rng.random(300) < 0.3).astype(np.float64)
    scores = {name: bad + rng.normal(0, 1, 300) for name in ("model", "held_out", *BASELINES, "champion")}
    found = verdicts_json(judge(scores, bad, np.arange(300), 20))
    assert "champion" not in found
    assert found["model"]["auc_minus_champion"] == found["model"]["auc"] - found["present_champion"]["auc"]
    assert found["model"]["auc_minus_champion_low"] < found["model"]["auc_minus_champion"]


def test_who_is_flagged_is_who_the_tier_policy_watches(book: Book) -> None:
    assert package.watch_from(book.ledger) == tier_policy(book.day).general["standard"].pd_below == 0.05


def test_all_scores_are_judged_on_the_same_rows(book: Book) -> None:
    assert len({(book.trained[who]["n"], book.trained[who]["bad"]) for who in ("model", "held_out", *BASELINES)}) == 1
    model = book.trained["model"]
    assert model["auc_minus_logistic"] == pytest.approx(model["auc"] - book.trained["logistic"]["auc"], abs=1e-12)
    assert model["n"] == int(book.sample.test.sum())
    assert model["bad"] == int(book.sample.y[book.sample.test].sum())


@pytest.fixture(scope="module")
def against_truth(book: Book) -> pd.DataFrame:
    """The test rows with the model's log-odds, the simulation's exact PD and what happened."""
    tested = book.sample.test
    spine = book.sample.people.spine.take(np.flatnonzero(tested))
    rows = pd.DataFrame(
        {
            "loan_id": spine.loan_id,
            "as_of": [to_date(day) for day in spine.as_of],
            "score": book.scorer.score(book.sample.x[tested]).log_odds,
            "bad": book.sample.y[tested],
        }
    )
    truth = pd.read_parquet(book.path / "simulation" / "truth.parquet")
    return rows.merge(truth, on=["loan_id", "as_of"], validate="one_to_one")


def logit(p: Float) -> Float:
    return np.log(p / (1 - p))


def test_the_model_ranks_almost_as_well_as_the_true_pd(book: Book, against_truth: pd.DataFrame) -> None:
    """On 1,500 borrowers; the margin is what a leak, a broken feature or a lost direction would break."""
    found = roc_auc_score(against_truth["bad"], against_truth["score"])
    best = roc_auc_score(against_truth["bad"], against_truth["pd_12m"])
    assert len(against_truth) > 0.9 * book.trained["model"]["n"]
    assert best - 0.15 < found < best + 0.05
    assert spearmanr(against_truth["score"], against_truth["pd_12m"]).statistic > 0.5


def test_the_model_is_not_too_good_to_be_true_on_borrowers_it_has_never_seen(book: Book) -> None:
    assert abs(book.trained["model"]["auc"] - book.trained["held_out"]["auc"]) < 0.06


def test_a_night_has_every_live_loan_once_in_order(book: Book) -> None:
    people = population(book.ledger, [book.day])
    live = people.facts["live"].to_numpy(dtype=bool)
    assert list(book.rows["loan_id"]) == list(people.spine.loan_id[live])
    assert book.rows["loan_id"].is_unique
    assert book.rows[["borrower_id", "loan_id"]].apply(tuple, axis=1).is_monotonic_increasing


def test_the_live_loans_are_those_the_simulation_holds_open(book: Book) -> None:
    """But for late records, gaps in reporting and loans in default, which the truth does not list."""
    truth = pd.read_parquet(book.path / "simulation" / "truth.parquet")
    open_now = set(truth.loc[(truth["as_of"] == book.day) & truth["performing"], "loan_id"])
    scored = set(book.rows["loan_id"])
    assert len(open_now - scored) <= 0.03 * len(open_now)
    assert len(scored - open_now) <= 0.15 * len(scored)


def test_all_loans_of_a_company_carry_the_score_and_reasons_of_its_worst(book: Book) -> None:
    people = population(book.ledger, [book.day])
    company = {b for b, c in zip(people.spine.borrower_id, people.facts["company"], strict=True) if c}
    shared = [n for n in book.rows.columns if n in ("log_odds", "pd_12m", "points", "grade") or n.startswith("reason_")]
    several = [g for b, g in book.rows.groupby("borrower_id") if b in company and len(g) > 1]
    assert several
    for group in several:
        assert (group[shared].nunique(dropna=False) == 1).all()


def test_loans_of_a_person_have_scores_of_their_own(book: Book) -> None:
    people = population(book.ledger, [book.day])
    person = {b for b, c in zip(people.spine.borrower_id, people.facts["company"], strict=True) if not c}
    several = [g for b, g in book.rows.groupby("borrower_id") if b in person and len(g) > 1]
    assert not several or any(g["log_odds"].nunique() > 1 for g in several)


def test_a_night_of_some_partitions_is_that_part_of_the_night(book: Book) -> None:
    parts = [score_book(book.ledger, book.scorer, book.day, [p]) for p in (0, 1)]
    whole = book.scores.rows.set_index("loan_id")
    for part in (scores.rows for scores in parts):
        expected = whole.loc[part["loan_id"]].reset_index()[list(part.columns)]
        pd.testing.assert_frame_equal(part, expected, check_exact=True)


def test_the_night_is_that_of_the_whole_book_part_by_part_also_on_an_executor(book: Book, own: Path) -> None:
    told: list[tuple[str, int]] = []
    with ThreadPoolExecutor(1) as pool:
        found = nightly.run(own, book.mlruns, book.day, dry=True, done=lambda *said: told.append(said), executor=pool)
    here = nightly.run(own, book.mlruns, book.day, dry=True)
    pd.testing.assert_frame_equal(found.night.loans, here.night.loans, check_exact=True)
    assert len(told) == len(book.ledger.partitions) and sum(n for _, n in told) == len(book.rows)
    columns, whole = ["loan_id", "log_odds", "exposure", "dpd"], book.rows.sort_values("loan_id")
    rows = found.night.loans.sort_values("loan_id")[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, whole[columns].reset_index(drop=True), check_exact=True, check_dtype=False)


def test_a_night_without_a_live_loan_is_a_run_of_no_rows(book: Book, own: Path) -> None:
    run = nightly.run(own, book.mlruns, book.day - timedelta(days=365 * 15))
    assert run.folder is not None
    assert len(run.night.loans) == len(run.night.borrowers) == 0


def test_every_reason_of_the_night_can_be_said_in_both_languages(book: Book) -> None:
    against = learned_from(book.bundle)
    for _, row in book.rows.iloc[:100].iterrows():
        said = told(row, against)
        assert len(said) <= REASONS
        assert all(sentence(r, against, "en") and sentence(r, against, "zh") for r in said)
        assert [r.log_odds for r in said] == sorted((r.log_odds for r in said), reverse=True)


def test_a_day_after_the_last_known_one_is_refused_and_an_empty_day_is_an_empty_night(book: Book) -> None:
    with pytest.raises(DataRefused, match="after the last day the ledger knows of"):
        score_book(book.ledger, book.scorer, book.day + timedelta(days=1))
    assert len(score_book(book.ledger, book.scorer, book.day - timedelta(days=365 * 15)).rows) == 0


def test_a_dry_run_writes_nothing_and_a_run_writes_one_folder(book: Book, own: Path) -> None:
    dry = nightly.run(own, book.mlruns, book.day, dry=True)
    assert dry.folder is None
    assert not (own / "runs").exists()
    real = nightly.run(own, book.mlruns, book.day)
    assert real.folder is not None
    pd.testing.assert_frame_equal(real.night.borrowers, dry.night.borrowers)
    assert [p.name for p in (own / "runs").iterdir()] == [f"as_of={book.day}"]


def test_a_champion_of_another_book_is_not_used(book: Book, own: Path) -> None:
    (own / "bundles").unlink()
    with pytest.raises(NotFound, match="was not trained on this book"):
        nightly.champion(own, book.mlruns)


def test_a_champion_signed_with_a_key_that_the_book_no_longer_trusts_is_not_used(book: Book, own: Path) -> None:
    (own / "keys").unlink()
    with pytest.raises(Untrusted, match="which is not trusted here"):
        nightly.run(own, book.mlruns, book.day, dry=True)
    assert keys.signer(own).trusted.keys() != keys.of_book(book.path).keys()
    with pytest.raises(Untrusted):
        nightly.champion(own, book.mlruns)


def test_a_key_that_may_not_sign_is_refused_before_anything_is_trained(own: Path, tmp_path: Path) -> None:
    goal, how = training.choose(None, "default")
    with (
        pytest.raises(NotFound, match="no signing key there"),
        training.begun(own, tmp_path / "mlruns", goal, how, tmp_path / "k"),
    ):
        raise AssertionError
    assert not (tmp_path / "mlruns").exists()
