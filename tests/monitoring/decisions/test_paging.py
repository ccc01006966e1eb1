"""Decisions about somebody can be read from a place in the record on."""

from pathlib import Path

from records import on_sqlite, score


def test_a_page_is_what_lies_past_a_place(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        receipts = [record.add(score(n, f"B{n % 2}")) for n in range(9)]
        mine = [receipt.entry.count for receipt in receipts[1::2]]
        assert [f.count for f in record.of_borrower("B1")] == mine
        for after in (0, mine[0] - 1, mine[0], mine[-1]):
            for most in (None, 1, 3, 100):
                found = [f.count for f in record.of_borrower("B1", after, most)]
                assert found == [count for count in mine if count > after][:most]
        assert [f.count for f in record.of_loan("L3", receipts[3].entry.count - 1, 1)] == [receipts[3].entry.count]
        assert record.of_loan("L3", receipts[3].entry.count) == []
