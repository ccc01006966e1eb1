"""Whatever a mapping says, it is read or refused with a line: no other exception leaves, and nothing is run but expressions."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from mappings import lay

import features.sources
from features.errors import LoanwatchError
from features.sources.tables.deliver import deliver
from features.sources.tables.document import Document
from features.sources.tables.reading import read_mapping

HOME = Path(features.sources.__file__).parent
MAPPINGS = sorted(HOME.glob("*.toml"))
WORDS = [
    "?", "", "x", "-1", "id", "from", "column", "number(x)", "DROP TABLE x",
    "a b", '"', "'", "%Y", "2024-01-01", "ingest", "*", "[", "1/0",
    "min(x)", "read_text('/etc/passwd')", "贷款", "\x00", "{}", "..", "/etc/passwd",
    "source_line", "loans", "excel", "utf-16", "f",
]  # fmt: skip
SCALARS = st.one_of(
    st.sampled_from(WORDS), st.integers(-10, 10**13), st.booleans(), st.floats(), st.dates(), st.text(max_size=5),
    st.lists(st.sampled_from(WORDS), max_size=2), st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=2),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


@st.composite
def edited(draw: st.DrawFn) -> dict[str, Any]:
    """A packaged mapping with one to three keys taken out, renamed, or given another value."""
    content = copy.deepcopy(Document.read(draw(st.sampled_from(MAPPINGS))).content)
    for _ in range(draw(st.integers(1, 3))):
        every = list(places(content))
        if not every:
            break
        *above, key = draw(st.sampled_from(every))
        holder = content
        for step in above:
            holder = holder[step]
        how = draw(st.sampled_from(["out", "rename", "value", "value"]))
        old = holder.pop(key) if how != "value" else None
        if how == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS))] = old
        elif how == "value":
            holder[key] = draw(SCALARS)
    return content


def toml(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            '"'
            + "".join(
                c if c >= " " and c not in '"\\\x7f' and not "\ud800" <= c <= "\udfff" else f"\\u{min(ord(c), 0xD7FF):04x}"
                for c in value
            )
            + '"'
        )
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(value)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files in the layouts of all packaged mappings, a line or two each."""
    from layouts import FILES

    return lay(tmp_path_factory.mktemp("fuzz") / "from", FILES)


@examples(25)
@given(content=edited())
def test_only_our_errors_come_out_and_they_name_a_line(data: Path, content: dict[str, Any]) -> None:
    path = data.parent / "edited.toml"
    path.write_text("".join(f"{toml(str(k))} = {toml(v)}\n" for k, v in content.items()), "utf-8")
    with duckdb.connect(config={"temp_directory": str(data.parent / "spill"), "memory_limit": "500MB"}) as con:
        try:
            delivery = deliver(con, read_mapping(path), data, "2024-06-30")
            for sql in [s for r in delivery.relations.values() for s in r]:
                con.execute(sql).fetchall()
        except LoanwatchError as error:
            assert re.match(r"edited\.toml line \d+|.*not TOML", error.en), error.en
            assert error.zh


@examples(25)
@given(
    text=st.one_of(
        st.text(max_size=30),
        st.lists(st.sampled_from([*WORDS, "(", ")", ",", "+", "sum", "id", "::INT", ";", "--", "AS"]), max_size=8).map(" ".join),
    )
)
def test_an_expression_is_judged_before_it_runs(text: str) -> None:
    from features.sources.tables import expression
    from features.sources.tables.document import Fault

    with duckdb.connect() as con:
        try:
            found = expression.check(con, text, ["id", "sum"])
        except Fault:
            return
        assert set(found.columns) <= {"id", "sum"}
