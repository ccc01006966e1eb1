"""A feature as SQL over the canonical tables: what an auditor runs, and the oracle the engine is tested against.

The query reads ``spine(row_id, borrower_id, loan_id, as_of, known_by)``, one view per canonical table with the clocks, and for
features of the fold the published ``arrears`` table. Written for DuckDB 2.
"""

from collections.abc import Iterable, Sequence

from features import terms
from features.feature import Feature
from features.measure import AsOf, Fold, FoldOthers, Leaf, Records, Reduce, Whose

ORDER = "row(e.event_on, e.known_on, e.{entity}, e.record_id)"
OTHER_LOANS = "e.borrower_id = s.borrower_id AND e.loan_id IS DISTINCT FROM s.loan_id"
MATCH = {"own": "e.{0} = s.{0}", "borrower": "e.borrower_id = s.borrower_id", "others": OTHER_LOANS}
VISIBLE = "e.event_on <= s.as_of AND e.known_on <= s.known_by AND (e.superseded_on IS NULL OR e.superseded_on > s.known_by)"


def query(features: Sequence[Feature]) -> str:
    """One row per row of the spine, one column per feature; unknown is NULL."""
    leaves = {leaf.name: leaf for feature in features for leaf in feature.measure.leaves()}
    groups = _groups(leaves.values())
    steps = [_link(entity) for entity in sorted({r.table.entity for r, _ in groups} & {"industry", "region"})]
    steps += [_each(f"read_{i}", r[0]) if r[0].item else _group(f"read_{i}", s, r) for i, (s, r) in enumerate(groups)]
    joins = "".join(f"\nLEFT JOIN read_{i} USING (row_id)" for i in range(len(groups)))
    if any(isinstance(leaf, Fold) for leaf in leaves.values()):
        steps.append(_published(leaf.column for leaf in leaves.values() if isinstance(leaf, Fold)))
        joins += "\nLEFT JOIN fold USING (row_id)"
    if any(isinstance(leaf, FoldOthers) for leaf in leaves.values()):
        steps.append(_published_others(leaf for leaf in leaves.values() if isinstance(leaf, FoldOthers)))
        joins += "\nLEFT JOIN fold_others USING (row_id)"
    if any(isinstance(leaf, AsOf) for leaf in leaves.values()):
        steps.append(_day())
        joins += "\nLEFT JOIN day USING (row_id)"
    values = ",\n  ".join(f"CAST({f.measure.formula().sql} AS DOUBLE) AS {f.name}" for f in features)
    with_steps = "WITH " + ",\n".join(steps) + "\n" if steps else ""
    return f"{with_steps}SELECT s.row_id,\n  {values}\nFROM spine s{joins}\nORDER BY s.row_id"


def _groups(leaves: Iterable[Leaf]) -> list[tuple[Records, list[Reduce]]]:
    """Leaves that read the same table from the same side, so that each table is joined once; one by item stands alone."""
    found: dict[tuple[str, Whose, str], list[Reduce]] = {}
    for leaf in leaves:
        if isinstance(leaf, Reduce):
            found.setdefault((leaf.records.table.name, leaf.records.whose, leaf.name if leaf.item else ""), []).append(leaf)
    return [(reduces[0].records, reduces) for reduces in found.values()]


def _group(name: str, source: Records, reduces: list[Reduce]) -> str:
    values = ",\n    ".join(f'{_aggregate(reduce)} AS "{reduce.name}"' for reduce in reduces)
    return f"{name} AS (\n  SELECT s.row_id,\n    {values}\n  FROM {_joined(source)}\n  GROUP BY s.row_id, s.as_of\n)"


def _joined(source: Records) -> str:
    """The rows with all records of a source that are visible to them."""
    table = source.table
    match = MATCH[source.whose].format(table.entity_column)
    spine = f"(SELECT s.*, {table.entity} FROM spine s JOIN link_{table.entity} USING (row_id))"
    rows = "spine" if table.partitioned else spine
    return f"{rows} s\n  LEFT JOIN {table.name} e ON {match} AND {VISIBLE}"


def _each(name: str, leaf: Reduce) -> str:
    """The last value of each item, and their total."""
    assert leaf.item
    heard = f"count(*) FILTER (WHERE {within(leaf, leaf.observed_days)}) AS heard"
    last = f"arg_max({leaf.of.sql}, {_order(leaf)}) FILTER (WHERE {counts(leaf)}) AS last"
    items = f"SELECT s.row_id, {heard}, {last}\n  FROM {_joined(leaf.records)}\n  GROUP BY s.row_id, s.as_of, {leaf.item.sql}"
    total = f'CASE WHEN sum(heard) > 0 THEN coalesce(sum(last), 0) END AS "{leaf.name}"'
    return f"{name} AS (\n  SELECT row_id,\n    {total}\n  FROM ({items})\n  GROUP BY row_id\n)"


def counts(leaf: Reduce) -> str:
    """Whether a visible record counts: in the window, in force, kept by the condition, and with a value."""
    source = leaf.records
    since = f" AND coalesce(e.{source.since} <= s.as_of, true)" if source.since else ""
    until = f" AND coalesce(e.{source.until} > s.as_of, true)" if source.until else ""
    item = f" AND {leaf.item.sql} IS NOT NULL" if leaf.item else ""
    return f"{within(leaf, leaf.days)}{since}{until} AND {source.where.sql} AND {leaf.of.sql} IS NOT NULL{item}"


def _order(leaf: Reduce) -> str:
    return ORDER.format(entity=leaf.records.table.entity_column)


def _aggregate(leaf: Reduce) -> str:
    keep, x, order = f"FILTER (WHERE {counts(leaf)})", leaf.of.sql, _order(leaf)
    plain = {
        "mean": f"sum({x}) {keep} / nullif(count({x}) {keep}, 0)",
        "largest": f"max({x}) {keep}",
        "smallest": f"min({x}) {keep}",
        "latest": f"arg_max({x}, {order}) {keep}",
        "spread": f"stddev_samp({x}) {keep}",
        "slope": f"regr_slope({x}, date_diff('day', DATE '2000-01-01', e.event_on)) {keep}",
        "days_since": f"date_diff('day', max(e.event_on) {keep}, s.as_of) - {leaf.lag}",
        "days_since_first": f"date_diff('day', min(e.event_on) {keep}, s.as_of) - {leaf.lag}",
    }
    if leaf.how in plain:
        return plain[leaf.how]
    amount = {
        "count": f"count(*) {keep}",
        "total": f"coalesce(sum({x}) {keep}, 0)",
        "distinct": f"count(DISTINCT {x}) {keep}",
    }[leaf.how]
    return f"CASE WHEN count(*) FILTER (WHERE {within(leaf, leaf.observed_days)}) > 0 THEN {amount} END"


def within(leaf: Reduce, days: int | None) -> str:
    """Whether a record lies in a window of the leaf."""
    last = f"s.as_of - {leaf.lag}" if leaf.lag else "s.as_of"
    since = f" AND e.event_on > {last} - {days}" if days is not None else ""
    return f"e.event_on <= {last}{since}"


def _link(entity: str) -> str:
    order = ORDER.format(entity="borrower_id")
    return (
        f"link_{entity} AS (\n  SELECT s.row_id, arg_max(e.{entity}, {order}) FILTER (WHERE e.{entity} IS NOT NULL)"
        f" AS {entity}\n  FROM spine s LEFT JOIN borrowers e ON e.borrower_id = s.borrower_id AND {VISIBLE}\n"
        "  GROUP BY s.row_id\n)"
    )


def _published(columns: Iterable[str]) -> str:
    values = ", ".join(f'a.{column} AS "{Fold(column).name}"' for column in dict.fromkeys(columns))
    joined = f"spine s LEFT JOIN {_by_terms()} USING (loan_id, as_of, known_by)"
    return f"fold AS (\n  SELECT s.row_id, {values}\n  FROM {joined}\n)"


def _by_terms() -> str:
    """The published fold; other terms give other values, so they are part of what a feature means."""
    return f"arrears /* by terms {terms.digest()[:12]} */ a"


def _published_others(leaves: Iterable[FoldOthers]) -> str:
    aggregates = {
        "mean": "avg({0})", "largest": "max({0})", "smallest": "min({0})", "latest": "arg_max({0}, row(c.opened, c.loan_id))",
        "total": "sum({0})", "count": "nullif(count({0}), 0)",
    }  # fmt: skip
    values = ",\n    ".join(f'{aggregates[leaf.how].format(f"a.{leaf.column}")} AS "{leaf.name}"' for leaf in leaves)
    contract = (
        "SELECT s.row_id, e.loan_id, min(e.event_on) AS opened FROM spine s JOIN loans e ON e.borrower_id = s.borrower_id"
        f" AND {VISIBLE} GROUP BY s.row_id, e.loan_id"
    )
    return (
        f"fold_others AS (\n  SELECT s.row_id,\n    {values}\n  FROM spine s\n  JOIN ({contract}) c USING (row_id)\n"
        f"  JOIN {_by_terms()} ON a.loan_id = c.loan_id AND a.as_of = s.as_of AND a.known_by = s.known_by\n"
        "  WHERE c.loan_id IS DISTINCT FROM s.loan_id\n  GROUP BY s.row_id\n)"
    )


def _day() -> str:
    return f"day AS (\n  SELECT row_id, date_diff('day', DATE '1899-12-31', as_of) AS \"{AsOf().name}\" FROM spine\n)"
