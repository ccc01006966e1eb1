"""The simulated book: Parquet files with canonical columns, one folder per delivery, later deliveries correcting earlier ones."""

from pathlib import Path

import duckdb

from features.errors import DataRefused
from features.sources.files import Delivery, canonical, table_of


def read(con: duckdb.DuckDBPyConnection, folder: Path) -> Delivery:
    """Relations over ``folder/records/<delivery>/<table>*.parquet``, deliveries in order of their names.

    Raises DataRefused if there is no such file, or one whose columns are not those of its table.
    """
    files = sorted((folder / "records").glob("*/*.parquet"))
    if not files:
        raise DataRefused(
            f"{folder}: no records/<delivery>/<table>.parquet there; run `loanwatch simulate` first",
            f"{folder}:没有 records/<批次>/<表>.parquet;请先运行 `loanwatch simulate`",
        )
    delivery = Delivery()
    for file in files:
        table = table_of(file)
        delivery.add(table.name, canonical(con, table, file))
    return delivery
