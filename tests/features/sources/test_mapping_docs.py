"""docs/mapping.md says what the code does: every key, every function, every recipe, and the worked example as a whole."""

import re
from datetime import date
from pathlib import Path

import pytest
import worlds
from mappings import delivered, ingested, refused

from features.sources.tables import expression, mapping
from loanwatch.reference import DOCS

PAGE = (DOCS / "mapping.md").read_text("utf-8")
FILE = re.compile(r"^`([\w.]+)`:\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS: dict[str, type[mapping.Part]] = {
    "The document": mapping.Content, "money": mapping.Money, "numbers": mapping.Notation, "files": mapping.File,
    "relations": mapping.Relation, "join": mapping.Join, "unpivot": mapping.Unpivot, "repeat": mapping.Repeat,
    "keep": mapping.Keep, "group": mapping.Group, "tables": mapping.Target, "columns": mapping.Rule, "currency": mapping.Currency,
    "known_on": mapping.KnownOn,
}  # fmt: skip
RECIPES = PAGE.partition("## Recipes")[2].partition("\n## ")[0].split("\n### ")[1:]
EXAMPLE = PAGE.partition("## A worked example")[2].partition("\n## ")[0]


@pytest.mark.parametrize("heading", PARTS)
def test_every_key_is_in_the_reference(heading: str) -> None:
    said = PAGE.partition("## Reference")[2].partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    keys = {field.alias or name for name, field in PARTS[heading].model_fields.items()}
    if heading == "known_on":
        keys -= set(mapping.Rule.model_fields)
    assert set(re.findall(r"^\| `(\w+)` \|", said, re.MULTILINE)) == keys


@pytest.mark.parametrize(("mark", "words"), [("functions", expression.FUNCTIONS), ("aggregates", expression.AGGREGATES)])
def test_every_function_is_in_the_vocabulary(mark: str, words: frozenset[str]) -> None:
    listed = PAGE.partition(f"<!-- {mark} -->\n```text\n")[2].partition("```")[0].split()
    assert sorted(listed) == sorted(words)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda text: text.partition("\n")[0])
def test_a_recipe_gives_what_it_says(tmp_path: Path, recipe: str) -> None:
    files: dict[str, str | bytes] = dict(FILE.findall(recipe))
    blocks = FENCED.findall(recipe)
    (text,) = (body for kind, body in blocks if kind == "toml")
    found = delivered(tmp_path / "from", text, files)
    outcomes = [body for kind, body in blocks[[kind for kind, _ in blocks].index("toml") + 1 :] if kind == "text"]
    assert outcomes
    for body in outcomes:
        head, *lines = body.splitlines()
        table, *columns = head.split()
        assert {" ".join(_shown(row[c]) for c in columns) for row in found[table]} == set(lines)


def _shown(value: object) -> str:
    return re.sub(r"^(-?\d+)\.0+$", r"\1", str(value))


def test_the_worked_example_comes_into_a_book(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = dict(FILE.findall(EXAMPLE))
    (text,) = (body for kind, body in FENCED.findall(EXAMPLE) if kind == "toml")
    receipt = ingested(tmp_path / "from", text, files)
    assert {t.table: (t.rows_in, t.used) for t in receipt.tallies} == {
        "borrowers": (2, 2), "loans": (2, 2), "instalments": (36, 36), "payments": (3, 3),
    }  # fmt: skip
    assert (refused(receipt), receipt.left_out) == (set(), {})
    book = tmp_path / "book"
    (first,) = (row for row in worlds.stored(book, "loans") if row["loan_id"] == "V1")
    assert (first["principal"], first["rate"], first["event_on"]) == (1_200_000, 0.059, date(2023, 1, 15))
    assert {row["borrower_id"] for row in worlds.stored(book, "payments")} == {"K1", "K2"}
    assert {row["income"] for row in worlds.stored(book, "borrowers")} == {2_850_000, 4_120_050}
