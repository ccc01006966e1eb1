"""What a lender would send of a borrower with a request."""

from typing import Any

import pyarrow.compute as pc
from books import Book

from features.ledger import partition_of
from serving.judged import OWN


def records(book: Book, borrower: str) -> dict[str, list[dict[str, Any]]]:
    """The rows by table that are known of a borrower on the book's last day."""
    number, found = partition_of(borrower, book.ledger.manifest.partitions), {}
    for name, table in OWN.items():
        mine = book.ledger.read(name, number)
        mine = mine.filter(pc.equal(mine["borrower_id"], borrower))
        visible = [
            r
            for r in mine.to_pylist()
            if r["known_on"] <= book.day and not (r["superseded_on"] and r["superseded_on"] <= book.day)
        ]
        if visible:
            found[name] = [{c.name: r[c.name] for c in table.all_columns if r[c.name] is not None} for r in visible]
    return found
