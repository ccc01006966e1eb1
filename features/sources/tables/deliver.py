"""A mapping and a folder to a delivery: for each canonical table the SQL of its rows."""

from pathlib import Path

import duckdb

from features.errors import DataRefused, UsageError
from features.sources.files import Delivery
from features.sources.tables import notation
from features.sources.tables.opening import Opening
from features.sources.tables.raw import open_file
from features.sources.tables.reading import Mapping
from features.sources.tables.relations import Shaper
from features.sources.tables.targets import Targets


def deliver(con: duckdb.DuckDBPyConnection, mapping: Mapping, folder: Path, today: str | None = None) -> Delivery:
    """Read the files under ``folder`` as the mapping says; ``today`` is when a record without a date of its own became known.

    Raises UsageError for a mapping that cannot be meant, DataRefused for files that are not as it says; both name the line.
    """
    content, document = mapping.content, mapping.document
    if mapping.dated_by_ingest and today is None:
        raise document.fault((), 'known_on = "ingest" needs to be told the day', 'known_on = "ingest" 需要给出导入日期')
    if not folder.exists():
        raise DataRefused(f"{folder}: no such folder or file; name it with --from", f"{folder}:没有该目录或文件;请用 --from 指定")
    con.execute(notation.macros(content.numbers))
    shaper = Shaper(con, document)
    made: list[str] = []
    for name, file in content.files.items():
        open_file(Opening(con, document, name, file, content.numbers), folder)
        made.append(name)
    for name, relation in content.relations.items():
        if name in made:
            raise document.fault(("relations", name), f"{name} is a file already; choose another name",
                                 f"{name} 已是文件名;请另取名称", UsageError)  # fmt: skip
        shaper.shape(name, relation, made)
        made.append(name)
    targets = Targets(mapping, shaper, today or "", made)
    delivery = Delivery()
    for name in content.tables:
        for position in range(len(content.tables[name])):
            delivery.add(name, targets.taken(name, position))
    for name in content.files:
        delivery.left_out |= shaper.left_out(name, targets.used)
    delivery.passed_over = shaper.passed_over
    return delivery
