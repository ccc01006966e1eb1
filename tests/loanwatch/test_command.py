"""The command: help for every verb, one clear message and the right exit code for every mistake, one JSON document when asked."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
from books import Book
from commands import Run
from desk import receive, signals
from stores import copied, rows, trained_like, variant
from tasking import nightly

from loanwatch import command
from models.registry import Registry
from monitoring.database import database
from monitoring.decisions.place import Place
from monitoring.decisions.place import opened as recorded
from serving.callers import Callers
from serving.key_table import KeyTable

VERBS = [
    (), ("events",), ("simulate",), ("ingest",), ("map",), ("quarantine",), ("train",), ("promote",), ("nightly",),
    ("worklist",), ("shock",), ("backtest-schedule",), ("learn-beliefs",), ("learn-lateness",), ("reminders",),
    ("score",), ("features",), ("features", "list"), ("features", "describe"),
    ("features", "sql"), ("features", "trace"), ("triggers",), ("triggers", "list"), ("triggers", "describe"),
    ("triggers", "backtest"), ("triggers", "fit"), ("doctor",), ("demo",), ("dossier",), ("explain",),
    ("verify",), ("rekey",), ("export",), ("prove",), ("replay",), ("erase",),
    ("proposals",), ("proposals", "add"), ("proposals", "decide"), ("proposals", "list"),
    ("checks",), ("checks", "templates"), ("checks", "import"), ("checks", "list"), ("checks", "show"), ("checks", "look"),
    ("cases",), ("cases", "list"), ("cases", "show"), ("cases", "act"), ("cases", "report"), ("cases", "rebuild"),
    ("tasks",), ("tasks", "list"), ("tasks", "show"), ("tasks", "act"), ("tasks", "rebuild"),
    ("webhooks",), ("webhooks", "list"), ("webhooks", "deliver"), ("webhooks", "enable"),
    ("serve",), ("keys",), ("keys", "add"), ("keys", "rotate"), ("keys", "revoke"), ("keys", "list"),
]  # fmt: skip


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def flowing(text: str) -> str:
    """Text as it reads, without the line breaks of a narrow terminal."""
    return " ".join(text.split())


@pytest.mark.parametrize("verb", VERBS, ids=lambda v: " ".join(v) or "loanwatch")
def test_every_verb_has_help_in_both_languages(run: Run, verb: tuple[str, ...]) -> None:
    code, out, _ = run(*verb, "--help")
    assert code == 0
    assert "Usage:" in out
    assert any("\u4e00" <= c <= "\u9fff" for c in out)


def test_every_verb_of_the_app_is_tried_here() -> None:
    def walk(group: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        inside = getattr(group, "commands", {})
        return [path, *(p for name, sub in inside.items() for p in walk(sub, (*path, name)))]

    assert sorted(walk(typer.main.get_command(command.app), ())) == sorted(VERBS)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nightly", "--as-of", "2024-13-01"), 2, "not a date; write it as 2024-12-31"),
        (("nightly", "--as-of", "yesterday"), 2, "not a date"),
        (("score",), 2, "name either --loan or --borrower"),
        (("score", "--loan", "L1", "--borrower", "B1"), 2, "name either --loan or --borrower"),
        (("train", "--book", "nowhere", "--profile", "card"), 2, "did you mean cards"),
        (("train", "--book", "nowhere", "--target", "default_12"), 2, "did you mean default_12m"),
        (("train", "--book", "nowhere", "--search-minutes", "5"), 2, "name its trials too"),
        (("train", "--book", "nowhere", "--search", "0"), 2, "--search"),
        (("train", "--book", "nowhere", "--search", "5", "--search-minutes", "0"), 2, "more than none"),
        (("promote",), 2, "name a VERSION"),
        (("promote", "2", "--approve", "--withdraw"), 2, "exclude each other"),
        (("promote", "--list", "--mlruns", "nowhere"), 4, "no model store there"),
        (("promote", "2", "--reason", "r", "--book", "nowhere"), 4, "no ledger there yet"),
        (("proposals", "decide", "ab", "perhaps", "--reason", "r"), 2, "say approved, rejected, withdrawn"),
        (("proposals", "list", "--state", "open"), 2, "open: say waiting, lapsed, approved"),
        (("cases", "list", "--state", "done"), 2, "done: say open, snoozed, closed"),
        (("cases", "list", "--due-before", "soon"), 2, "--due-before soon: not a date"),
        (("cases", "list", "--after", "x"), 2, "not a place that a list ended with"),
        (("tasks", "list", "--state", "closed"), 2, "closed: say open, done, declined, lapsed"),
        (("tasks", "list", "--action", "limit_cutt"), 2, "limit_cutt: say contingency_plan"),
        (("tasks", "list", "--side", "both"), 2, "both: say risk, reward"),
        (("tasks", "list", "--after", "x"), 2, "not a place that a list ended with"),
        (("ingest", "simulatd", "--from", "."), 2, "did you mean simulated"),
        (("simulate", "--book", "b", "--borrowers", "5"), 2, "--borrowers"),
        (("nightly", "--as-off", "2024-12-31"), 2, "--as-of"),
        (("nightlyy",), 2, "nightlyy"),
        (("nightly", "--book", "nowhere", "--as-of", "2024-12-31"), 4, "no ledger there yet"),
        (("nightly", "--book", "nowhere"), 4, "no ledger there yet; run `loanwatch ingest"),
        (("train", "--book", "nowhere", "--walk-forward", "-1"), 2, "--walk-forward"),
        (("train", "--book", "nowhere"), 4, "no ledger there yet"),
        (("quarantine", "--book", "nowhere"), 4, "no ledger there yet"),
        (("score", "--book", "nowhere", "--loan", "L1"), 4, "no ledger there yet"),
        (("explain", "--loan", "L1", "--borrower", "B1"), 2, "not both"),
        (("explain", "--book", "nowhere"), 4, "no ledger there yet"),
        (("webhooks", "list", "--book", "nowhere"), 4, "no ledger there yet"),
        (("webhooks", "deliver", "--book", "nowhere"), 4, "no ledger there yet"),
        (("verify", "--book", "nowhere"), 4, "no ledger there yet"),
        (("export", "--book", "nowhere", "--out", "x"), 4, "no ledger there yet"),
        (("prove", "--book", "nowhere", "--loan", "L1"), 4, "no ledger there yet"),
        (("replay", "--book", "nowhere"), 4, "no ledger there yet"),
        (("replay", "--loan", "L1"), 2, "--loan goes with --as-of"),
        (("erase", "--book", "nowhere", "--borrower", "B", "--by", "a", "--authority", "b"), 4, "no ledger there yet"),
        (("prove", "--loan", "L1", "--borrower", "B1"), 2, "name either --loan or --borrower"),
        (("features", "describe", "worst_dpd_9"), 4, "did you mean worst_dpd_90"),
        (("features", "sql", "dpdd"), 4, "did you mean dpd"),
        (("features", "trace", "L1", "2024-12-31", "dpdd"), 4, "did you mean dpd"),
        (("features", "trace", "L1", "2024-12", "dpd"), 2, "AS_OF 2024-12: not a date"),
        (("features", "trace", "L1", "2024-12-31", "dpd", "--known-by", "now"), 2, "--known-by now: not a date"),
        (("features", "trace", "L1", "2024-12-31", "dpd", "--book", "nowhere"), 4, "no ledger there yet"),
        (("ingest", "simulated", "--from", "nowhere", "--book", "new"), 3, "nowhere"),
        (("ingest", "card_status", "--from", "nowhere", "--book", "new"), 3, "nowhere"),
        (("ingest", "tables", "--from", "."), 2, "--mapping FILE.toml goes with the source 'tables'"),
        (("ingest", "card_status", "--from", ".", "--mapping", "x.toml"), 2, "and only with it"),
        (("ingest", "tables", "--from", ".", "--mapping", "x.toml"), 2, "no such mapping file"),
        (("map", "x.toml"), 2, "either --draft FILES..., or one mapping with --from"),
        (("map", "x.toml", "--from", "."), 2, "no such mapping file"),
        (("map", "--draft", "x.csv"), 3, "no such file"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else None,
)
def test_a_mistake_is_one_message_with_the_way_out_and_its_exit_code(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, out, err = run(*arguments)
    assert found == code, err
    assert words in flowing(err)
    assert "Traceback" not in err
    assert out == ""


def test_a_mapping_is_drafted_finished_tried_and_used(run: Run, tmp_path: Path) -> None:
    lines = "loan_id,customer_id,start_date,amount\nL1,K1,2024-01-01,5\nL2,K1,2024-02-01,6\nL3,K2,2024-03-01,7\n"
    (tmp_path / "loans.csv").write_text(lines)
    code, out, err = run("map", "--draft", "loans.csv", "--out", "made.toml")
    assert (code, out) == (0, ""), err
    assert "2 places wait for you" in flowing(err)
    assert run("map", "--draft", "loans.csv", "--out", "made.toml")[0] == 2
    assert run("map", "made.toml", "--from", ".")[0] == 2
    text = (tmp_path / "made.toml").read_text().replace('product = "?"', 'product = { value = "other" }')
    (tmp_path / "made.toml").write_text(text.replace('kind = "?"', 'kind = { value = "person" }'))
    code, out, err = run("map", "made.toml", "--from", ".", "--json")
    assert code == 0, err
    assert strict(out)["seen"] == {"borrowers": 2, "loans": 3}
    code, out, err = run("ingest", "tables", "--mapping", "made.toml", "--from", ".", "--book", "b", "--json")
    assert code == 0, err
    assert [(t["table"], t["used"]) for t in strict(out)["tallies"]] == [("borrowers", 2), ("loans", 3)]


def test_a_refused_delivery_leaves_no_ledger_behind(run: Run, tmp_path: Path) -> None:
    run("ingest", "simulated", "--from", "nowhere", "--book", "new")
    assert not (tmp_path / "new" / "ledger" / "manifest.json").exists()


def test_features_can_be_listed_described_and_read_as_sql(run: Run) -> None:
    code, out, _ = run("features", "list")
    assert code == 0
    assert "worst_dpd_90" in out
    code, out, _ = run("features", "describe", "worst_dpd_90")
    assert code == 0
    assert "more means more risk" in out
    assert "天" in out
    code, out, err = run("features", "sql", "inflow_90")
    assert (code, err) == (0, "")
    assert out.strip().upper().startswith(("SELECT", "WITH"))


def test_sql_printed_is_sql_that_duckdb_can_read(run: Run) -> None:
    import duckdb

    from features.catalogue import CATALOGUE

    for name in list(CATALOGUE)[::7]:
        _, out, _ = run("features", "sql", name)
        assert duckdb.extract_statements(out)


def test_a_traced_value_is_a_table_of_its_records_or_one_json_document(run: Run, book: Book) -> None:
    loan = next(iter(book.rows["loan_id"]))
    asked = ("features", "trace", loan, book.day, "paid_share_90", "--book", book.path)
    code, out, err = run(*asked, "--json")
    assert code == 0, err
    found = strict(out)
    assert (found["feature"], found["loan_id"], found["as_of"]) == ("paid_share_90", loan, str(book.day))
    paid, due = found["parts"]
    assert found["value"] == paid["value"] / due["value"]
    assert due["value"] == sum(record["value"] for record in due["records"])
    assert {"record_id", "event_on", "known_on", "superseded_on", "ledger_version"} <= set(due["records"][0])
    code, out, _ = run(*asked)
    assert code == 0
    assert all(record["record_id"] in out for record in due["records"])
    assert "of what fell due in the last 90 days was paid" in flowing(out) and "还款为应还的" in out


def test_a_long_trace_shows_the_latest_and_an_unheard_source_is_said_to_be_so(run: Run, book: Book) -> None:
    loan = book.sample.people.spine.loan_id[int(book.sample.x["instalments_settled"].argmax())]
    _, out, _ = run("features", "trace", loan, book.day, "dpd", "--book", book.path)
    assert "earlier ones: --json" in out and "instalments: " in out and "principal" in out
    silent = next(iter(book.sample.people.spine.borrower_id[book.sample.x["promises_365"].isna()]))
    _, out, _ = run("features", "trace", silent, book.day, "promises_365", "--book", book.path)
    assert "nothing was heard of this source" in flowing(out)


def test_an_explanation_is_a_document_a_page_and_a_picture(run: Run, book: Book, tmp_path: Path) -> None:
    where = ("--book", book.path, "--mlruns", book.mlruns, "--html", tmp_path / "why.html", "--svg", tmp_path / "why.svg")
    loan = book.scores.rows["loan_id"].iloc[3]
    code, out, err = run("explain", *where, "--loan", loan, "--since", "2024-06-30", "--json")
    assert (code, strict(out)["checked"]["additive"]) == (0, True)
    assert loan in err and "log-odds" in err
    assert loan in (tmp_path / "why.html").read_text("utf-8")
    assert (tmp_path / "why.svg").read_text("utf-8").startswith("<svg")
    code, out, err = run("explain", *where, "--json")
    assert (code, strict(out)["loans"]) == (0, len(book.scores.rows))
    assert "bureau score" in err
    assert (tmp_path / "why.svg").read_text("utf-8").startswith("<?xml")


def test_a_score_is_one_json_document_on_stdout_and_a_table_on_stderr(run: Run, book: Book) -> None:
    loan = str(book.rows["loan_id"].iloc[3])
    code, out, err = run("score", "--book", book.path, "--mlruns", book.mlruns, "--loan", loan, "--json")
    assert code == 0, err
    said = strict(out)
    row = book.rows.iloc[3]
    assert (said["loan_id"], said["log_odds"], said["pd_12m"]) == (loan, row["log_odds"], row["pd_12m"])
    assert {"official_tier", "indicative_tier", "points", "grade", "reasons", "missing", "bundle", "as_of"} <= set(said)
    assert all(r["en"] and r["zh"] for r in said["reasons"])
    assert loan in err


def test_a_dossier_is_one_json_document_on_stdout_and_warns_of_personal_data(run: Run, book: Book, tmp_path: Path) -> None:
    row = book.rows.iloc[4]
    where = ("--book", book.path, "--mlruns", book.mlruns, "--loan", row["loan_id"], "--out", tmp_path / "dossier")
    code, out, err = run("dossier", *where, "--json")
    assert code == 0, err
    said = strict(out)
    assert (said["loan"], said["as_of"], said["known_by"]) == (row["loan_id"], str(book.day), str(book.day))
    assert said["scored_by"] is not None or (said["log_odds"], said["pd_12m"]) == (row["log_odds"], row["pd_12m"])
    assert (tmp_path / "dossier" / "recompute.py").is_file() and said["digest"] in err
    assert "personal data" in err and "个人" in err
    code, _, err = run("dossier", *where)
    assert (code, "is there already" in flowing(err)) == (2, True)


def test_a_night_is_one_json_document_on_stdout(run: Run, book: Book, own: Path) -> None:
    code, out, err = run("nightly", "--book", own, "--mlruns", book.mlruns, "--as-of", book.day, "--json")
    assert code == 0, err
    said = strict(out)
    assert (said["loans"], said["kind"], said["as_of"]) == (len(book.rows), "nightly", str(book.day))
    assert sum(said["tiers"].values()) == said["borrowers"]
    assert Path(said["folder"]).is_dir()
    assert "The book on" in err


def test_a_night_by_an_index_that_learned_nothing_warns_on_the_terminal(run: Run, book: Book, own: Path) -> None:
    text = files("monitoring.policy").joinpath("lender.toml").read_text("utf-8")
    (own / "lender.toml").write_text(text.replace('calendar = "CN"', 'calendar = "CN"\npriority = "index"'), "utf-8")
    where = ("--book", own, "--mlruns", book.mlruns, "--as-of", book.day)
    code, out, err = run("nightly", *where, "--dry-run", "--json")
    assert code == 0, err
    (said,) = strict(out)["warnings"]
    assert "loanwatch learn-beliefs" in flowing(err) and "十二分之一" in err and "learn-beliefs" in said["en"]


def test_a_dry_night_writes_nothing(run: Run, book: Book, own: Path) -> None:
    code, out, _ = run("nightly", "--book", own, "--mlruns", book.mlruns, "--as-of", book.day, "--dry-run")
    assert code == 0
    assert "dry run: nothing written" in out
    assert not (own / "runs").exists()


def test_a_day_not_known_yet_is_refused_with_3_and_an_unknown_loan_with_4(run: Run, book: Book) -> None:
    where = ("--book", book.path, "--mlruns", book.mlruns)
    code, _, err = run("nightly", *where, "--as-of", "2031-01-01")
    assert code == 3
    assert "choose an earlier --as-of" in flowing(err)
    code, _, err = run("score", *where, "--loan", "L9999999")
    assert code == 4
    assert "no loan L9999999" in flowing(err)


def test_a_harmed_model_ends_with_6(run: Run, book: Book, own: Path) -> None:
    (own / "bundles").unlink()
    folder = own / "bundles" / book.bundle.digest
    folder.mkdir(parents=True)
    for file in (book.path / "bundles" / book.bundle.digest).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.txt").write_text(book.bundle.model + "\n", "utf-8")
    code, _, err = run("nightly", "--book", own, "--mlruns", book.mlruns, "--as-of", book.day)
    assert code == 6
    assert "not the bytes that were written" in flowing(err)


@pytest.fixture
def person(own: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Act as a person, with a key of his own."""
    callers = Callers(KeyTable(database(own)))
    known: dict[str, str] = {}

    def act(name: str) -> None:
        key = known.setdefault(name, callers.make(name, ["decide", "read"], "the administrator")[1])
        monkeypatch.setenv("LOANWATCH_KEY", key)

    return act


def test_two_persons_promote_a_version_and_the_list_shows_it(
    run: Run, book: Book, own: Path, tmp_path: Path, person: Callable[[str], None]
) -> None:
    store = copied(book.mlruns, tmp_path / "store")
    made = variant(trained_like(book.path / "bundles" / book.bundle.digest), tmp_path / "bundles", 1)
    registry = Registry(store)
    with registry.opened("a run", {}) as opened:
        registry.publish(opened, made, tmp_path / "bundles" / made.digest, {}, {}, {"loanwatch.not_met": "holds_champion"})
    where = ("--book", own, "--mlruns", store)
    code, _, err = run("promote", 2, "--reason", "newer data", *where)
    assert code == 2
    assert "who acts? Set LOANWATCH_KEY" in flowing(err)
    person("Wang [Li]")
    code, out, err = run("promote", 2, "--reason", "newer data", *where)
    assert code == 0, err
    assert "version 2 proposed by Wang [Li]: newer data; not met: holds_champion" in flowing(out)
    assert "loanwatch promote 2 --approve" in flowing(out)
    person("wang [li]")
    code, _, err = run("promote", 2, "--approve", *where)
    assert code == 2
    assert "another person must" in flowing(err)
    code, out, _ = run("promote", "--list", "--mlruns", store)
    assert code == 0
    assert "proposed by Wang [Li], waits for another person" in flowing(out)
    person("赵敏")
    code, out, err = run("promote", 2, "--approve", *where, "--json")
    assert code == 0, err
    assert strict(out)["by"] == ["Wang [Li]", "赵敏"]
    code, out, err = run("promote", "--list", "--mlruns", store, "--json")
    said = strict(out)
    assert {v["version"]: v["aliases"] for v in said["versions"]} == {1: [], 2: ["challenger", "champion"]}
    assert said["versions"][1]["not_met"] == ["holds_champion"]
    assert [step["what"] for step in said["history"]] == ["promoted", "proposed", "promoted"]
    assert "promoted by Wang [Li] and 赵敏" in flowing(err)
    with recorded(Place(own)) as record:
        found = [decision.said for decision in record.of_kind("promotion")]
    assert [(step["what"], step["persons"]) for step in found] == [("promoted", 0), ("proposed", 1), ("promoted", 2)]
    assert "Wang" not in str(found)


def test_a_withdrawn_proposal_is_shown_and_no_longer_open(
    run: Run, book: Book, own: Path, tmp_path: Path, person: Callable[[str], None]
) -> None:
    store = copied(book.mlruns, tmp_path / "store")
    Registry(store).uncrown()
    where = ("--book", own, "--mlruns", store)
    person("a")
    assert run("promote", 1, "--reason", "r", *where)[0] == 0
    person("b")
    assert run("promote", 1, "--withdraw", *where)[0] == 0
    code, _, err = run("promote", 1, "--approve", *where)
    assert code == 4
    assert "has no open proposal" in flowing(err)


def test_an_override_by_two_persons_is_in_the_next_night(
    run: Run, book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = Callers(KeyTable(database(decided)))
    keys = {name: callers.make(name, ["decide", "read"], "the administrator")[1] for name in ("Wang Li", "赵敏")}
    borrower = str(book.rows["borrower_id"].iloc[0])
    until = str(book.day + timedelta(days=90))
    monkeypatch.setenv("LOANWATCH_KEY", keys["Wang Li"])
    asked = (
        "override",
        "--borrower",
        borrower,
        "--tier",
        "high_risk",
        "--until",
        until,
        "--reason",
        "the plant stands still",
        "--day",
        "next",
    )
    code, out, err = run("proposals", "add", *asked, "--book", decided, "--json")
    assert code == 0, err
    made = strict(out)
    assert (made["state"], made["tier"], made["lapses_on"]) == ("waiting", "high_risk", str(book.day + timedelta(days=8)))
    verdict = ("proposals", "decide", made["proposal"], "approved", "--reason", "seen", "--day", "next", "--book", decided)
    code, _, err = run(*verdict)
    assert code == 2
    assert "a second person has to decide it" in flowing(err)
    monkeypatch.setenv("LOANWATCH_KEY", keys["赵敏"])
    code, out, err = run(*verdict, "--json")
    assert code == 0, err
    assert strict(out)["decided"]["since"] == str(book.day + timedelta(days=1))
    code, out, _ = run("proposals", "list", "--state", "approved", "--day", "next", "--book", decided)
    assert code == 0
    assert "Wang Li" in out and "赵敏" in out
    end = (
        "proposals",
        "add",
        "override",
        "--borrower",
        borrower,
        "--reason",
        "it runs again",
        "--day",
        "next",
        "--book",
        decided,
    )
    code, _, err = run(*end, "--until", until)
    assert (code, "override without tier ends the one before it" in flowing(err), "given: until." in flowing(err)) == (
        2,
        True,
        True,
    )
    code, out, err = run(*end, "--json")
    assert (code, strict(out)["state"], strict(out)["tier"]) == (0, "waiting", None), err


def test_a_case_is_listed_worked_on_and_reported(run: Run, book: Book, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recorded(Place(own)) as record:
        receive(record, signals(("B1", "bounced", "serious"), ("B[2]", "news", "critical")), book.day, "a night")
        key = Callers(KeyTable(record.engine)).make("Wang [Li]", ["work", "read"], "the administrator")[1]
    code, _, err = run("cases", "list", "--book", own)
    assert (code, "who acts? Set LOANWATCH_KEY" in flowing(err)) == (2, True)
    monkeypatch.setenv("LOANWATCH_KEY", key)
    code, out, err = run("cases", "list", "--most", 1, "--book", own, "--json")
    assert code == 0, err
    first = strict(out)
    assert [one["borrower_id"] for one in first["cases"]] == ["B[2]"] and "B[2]" in err
    code, out, _ = run(
        "cases", "list", "--after", first["next"], "--severity", "serious", "--state", "open", "--book", own, "--json"
    )
    [one] = strict(out)["cases"]
    asked = ("cases", "act", one["case"], "close", "--outcome", "confirmed", "--reason", "seen [on site]", "--book", own)
    code, _, err = run(*asked)
    assert (code, "--day next" in flowing(err)) == (3, True)
    code, out, err = run(*asked, "--day", "next")
    assert (code, "Wang [Li]" in out, "seen [on site]" in out) == (0, True, True), err
    code, _, err = run(*asked, "--day", "next")
    assert (code, "was closed on" in flowing(err)) == (2, True)
    code, out, _ = run("cases", "show", one["case"], "--book", own, "--json")
    assert (strict(out)["state"], strict(out)["acts"][0]["outcome"]) == ("closed", "confirmed")
    code, out, err = run("cases", "report", "--book", own, "--json")
    said = strict(out)
    assert (said["open"], said["closed"], said["all"]["confirmed"], said["signals_per_case"]) == (1, {"confirmed": 1}, 1, 1.0)
    assert {row["trigger"]: row["share"] for row in said["triggers"]} == {"bounced": 1.0, "news": None}
    assert "1 cases open" in flowing(err) and "100%" in err
    code, out, _ = run("cases", "rebuild", "--book", own, "--json")
    assert (code, strict(out)["differing"], strict(out)["complete"]) == (0, 0, True)


def test_a_task_is_listed_and_done_and_an_adverse_one_by_a_proposal(
    run: Run, book: Book, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    borrower = str(book.rows["borrower_id"].iloc[0])
    with recorded(Place(own)) as record:
        nightly(record, {borrower: "late", "B[2]": "watched"})
        callers, scopes = Callers(KeyTable(record.engine)), ["work", "read", "decide"]
        key, other = (
            callers.make(name, scopes, "the administrator", authorities=held)[1]
            for name, held in (("Wang [Li]", ["risk manager"]), ("赵敏", ["credit committee"]))
        )
    code, _, err = run("tasks", "list", "--book", own)
    assert (code, "who acts? Set LOANWATCH_KEY" in flowing(err)) == (2, True)
    monkeypatch.setenv("LOANWATCH_KEY", key)
    code, out, err = run("tasks", "list", "--most", 1, "--book", own, "--json")
    assert code == 0, err
    first = strict(out)
    assert [one["action"] for one in first["tasks"]] == ["line_freeze"]
    code, out, _ = run("tasks", "list", "--after", first["next"], "--action", "contingency_plan", "--book", own, "--json")
    [plan] = strict(out)["tasks"]
    code, out, err = run("tasks", "act", plan["task"], "done", "--reason", "in the file [7]", "--book", own)
    assert (code, "Wang [Li]" in out, "in the file [7]" in out) == (0, True, True), err
    asked = ("tasks", "act", first["tasks"][0]["task"], "done", "--reason", "seen", "--book", own)
    code, _, err = run(*asked)
    assert (code, "done by a proposal line_freeze" in flowing(err)) == (2, True)
    until = str(date.today() + timedelta(days=90))
    terms = ("line_freeze", "--borrower", borrower, "--until", until, "--reason", "seen")
    code, out, err = run("proposals", "add", *terms, "--book", own, "--json")
    assert code == 0, err
    proposal = strict(out)["proposal"]
    code, _, err = run(*asked, "--proposal", proposal)
    assert (code, "stays open until the second person has approved it" in flowing(err), "保持开立" in err) == (2, True, True)
    code, out, _ = run("tasks", "list", "--action", "limit_cut", "--book", own, "--json")
    declined = ("tasks", "act", strict(out)["tasks"][0]["task"], "declined", "--reason", "he has paid", "--book", own)
    code, _, err = run(*declined)
    assert (code, "limit_cut is for the credit committee to decide" in flowing(err), "须由" in err) == (2, True, True)
    monkeypatch.setenv("LOANWATCH_KEY", other)
    code, out, err = run(*declined)
    assert (code, "credit" in out) == (0, True), err
    code, out, err = run("proposals", "decide", proposal, "approved", "--reason", "seen too", "--book", own, "--json")
    assert (code, strict(out)["decided"]["authority"]) == (0, "credit committee"), err
    code, out, err = run(*asked, "--proposal", proposal, "--json")
    assert (code, strict(out)["state"], strict(out)["proposal"]) == (0, "done", proposal), err
    code, out, _ = run("tasks", "show", plan["task"], "--book", own, "--json")
    assert (strict(out)["state"], strict(out)["acts"][0]["reason"]) == ("done", "in the file [7]")
    code, out, _ = run("tasks", "rebuild", "--book", own, "--json")
    assert (code, strict(out)) == (0, {"differing": 0})


def test_a_night_puts_the_store_right_first_and_says_so(
    run: Run, book: Book, own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = copied(book.mlruns, tmp_path / "store")
    registry = Registry(store)
    registry._client.create_run(registry._experiment(), tags={"loanwatch.process": "gone"})
    assert run("nightly", "--book", own, "--mlruns", store, "--as-of", book.day)[0] == 0
    assert "its process is dead" in caplog.text
    assert rows(store, "SELECT count(*) FROM runs WHERE status = 'KILLED'") == [(1,)]


def test_simulate_then_ingest_and_ingest_again_counts_repeats(run: Run, tmp_path: Path) -> None:
    code, out, err = run("simulate", "--book", "small", "--borrowers", 40, "--months", 6, "--seed", 3)
    assert (code, out) == (0, ""), err
    code, _, err = run("simulate", "--book", "small", "--borrowers", 40)
    assert code == 2
    assert "is not empty" in flowing(err)
    receipts = []
    for _ in range(2):
        code, out, err = run("ingest", "simulated", "--from", "small/simulation", "--book", "small", "--json")
        assert code == 0, err
        receipts.append(strict(out))
    assert [r["ledger_version"] for r in receipts] == [1, 2]
    assert receipts[0]["digest"] != ""
    for tally in (t for r in receipts for t in r["tallies"]):
        assert tally["rows_in"] == tally["used"] + tally["repeats"] + tally["quarantined"]


def test_the_doctor_finds_a_sound_book_fit_and_a_missing_one_not(run: Run, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loanwatch.doctor.FREE_GB", 0)
    code, out, _ = run("doctor", "--book", book.path, "--mlruns", book.mlruns)
    assert "verified" in out
    assert code == 0
    assert run("doctor", "--book", "nowhere", "--mlruns", book.mlruns)[0] == 1


def test_the_installed_command_ends_with_the_exit_code_and_no_trace(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("loanwatch")
    done = subprocess.run([program, "features", "describe", "dpdd"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 4


def test_a_night_is_verified_exported_and_proven_and_a_change_is_found(run: Run, book: Book, own: Path, tmp_path: Path) -> None:
    asked = ("--book", str(own))
    code, _, err = run("nightly", *asked, "--mlruns", str(book.mlruns), "--json")
    assert code == 0, err
    code, out, _ = run("verify", *asked, "--json")
    said = strict(out)
    assert (code, said["nights"], said["damaged"]) == (0, [str(book.day)], [])
    assert said["decisions"] == said["tail_unproven"] > 3, "promotions, cases and the night"
    assert run("export", *asked, "--out", "given")[0] == 0
    code, out, _ = run("verify", *asked, "--checkpoint", "given/checkpoint.json", "--json")
    assert (code, strict(out)["tail_unproven"]) == (0, 0)
    loan = str(book.scores.rows["loan_id"].iloc[0])
    assert run("prove", *asked, "--loan", loan, "--out", "proof.json")[0] == 0
    assert strict((tmp_path / "proof.json").read_text("utf-8"))["as_of"] == str(book.day)
    assert run("prove", *asked, "--loan", loan, "--as-of", "2001-01-01")[0] == 4
    code, out, _ = run("replay", *asked, "--json")
    assert (code, strict(out)["nights"][0]["as_of"]) == (0, str(book.day))
    code, out, _ = run("replay", *asked, "--as-of", str(book.day), "--loan", loan, "--json")
    assert (code, strict(out)["then_and_now"]["differing"]) == (0, {})
    leaves = own / "runs" / f"as_of={book.day}" / "loans.leaves"
    leaves.write_bytes(leaves.read_bytes()[::-1])
    code, _, err = run("verify", *asked)
    assert code == 6
    assert "does not lead to the root" in flowing(err)


def test_a_night_that_does_not_come_out_keeps_no_other_from_being_worked_out(run: Run, book: Book, own: Path) -> None:
    bad, good = str(book.day - timedelta(days=31)), str(book.day)
    for day in (bad, good):
        assert run("nightly", "--book", own, "--mlruns", book.mlruns, "--as-of", day, "--only")[0] == 0
    leaves = own / "runs" / f"as_of={bad}" / "loans.leaves"
    leaves.write_bytes(leaves.read_bytes()[::-1])
    code, out, err = run("replay", "--book", own, "--json")
    said = strict(out)
    assert (code, [one["as_of"] for one in said["refused"]]) == (6, [bad])
    assert [one["as_of"] for one in said["nights"]] == [good] and said["scores"]["scores"] == 0
    assert bad in err and good in err and "nights" in err, "each is told, and how far it got"
