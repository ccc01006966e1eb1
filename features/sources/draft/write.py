"""A proposal as TOML that a person can finish: what is sure is written, what is not is ``?`` below a line of candidates."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from features.schema import TABLES, Column, Table
from features.sources.draft.guess import Guess, counts, guesses, keys_between, possible, running, wide_groups, words
from features.sources.draft.look import ISO, Looked, Seen

OPEN = '"?"'
IDS = ("borrower_id", "loan_id", "event_on", "currency", "product")
HEAD = """# Proposed from the files alone. Every "?" waits for you: put a column, a value or a rule, or take the line out
# (docs/mapping.md). Check also what is not marked: names can mislead.
# 根据文件自动起草。每个 "?" 都须由人决定:填列名、取值或规则,或删去该行(见 docs/mapping.md)。未标记处也请核对。
"""
NOTHING = """#
# No table was recognised: no file has columns named or filled like those of a canonical table. Write [tables.*] yourself:
# docs/tables.md says what each table and column means, docs/mapping.md has a worked example and recipes. Or give the columns the
# names that docs/tables.md uses (names = [...] under [files.*]) and draft again.
# 未识别出任何标准表。请对照 docs/tables.md 与 docs/mapping.md 自行编写 [tables.*],或用 names 改列名后重新起草。
"""


@dataclass(frozen=True)
class Draft:
    """A proposed mapping; ``unknown`` are the files that look like no canonical table."""

    text: str
    tables: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def waiting(self) -> int:
        """Places that a person must decide."""
        return sum(line.count(OPEN) for line in self.text.splitlines() if not line.startswith("#"))


def written(files: list[Looked]) -> Draft:
    """The mapping of the files, ready to be finished."""
    chosen = [guess for file in files for guess in _with_day(_chosen(file))]
    tables = tuple(dict.fromkeys(guess.table for guess in chosen))
    unknown = tuple(file.name for file in files if file.name not in {guess.file for guess in chosen})
    return Draft(_text(files, chosen), tables, unknown)


def _text(files: list[Looked], chosen: list[Guess]) -> str:
    by_name = {file.name: file for file in files}
    lines = [HEAD + ("" if chosen else NOTHING), 'name = "draft"', 'en = "Draft"', 'zh = "草稿"', *_numbers(files)]
    for file in files:
        lines += ["", f"[files.{file.name}]", *_file(file)]
        used = {name for guess in chosen if guess.file == file.name for into in guess.columns for name in _raw(guess, into)}
        rest = [seen.name for seen in file.columns if seen.name not in used]
        lines += [f"# {file.rows:,} rows; in no table: {', '.join(rest) or 'nothing'}".replace("\n", " ")]
    lines += [f"# key: {a}.{x} = {b}.{y} ({share:.0%} of the values found)" for a, x, b, y, share in keys_between(files)]
    many = {guess.table for guess in chosen if sum(other.table == guess.table for other in chosen) > 1}
    for guess in chosen:
        lines += _table(guess, by_name[guess.file], guess.table in many)
    for file in files:
        taken = {base for guess in chosen if guess.file == file.name for base in guess.columns.values()}
        lines += _loose(file, {base: names for base, names in wide_groups(file).items() if base not in taken})
    return "\n".join([*lines, *_missing(chosen, by_name)]) + "\n"


def _chosen(file: Looked) -> list[Guess]:
    """Tables that a file feeds: each must say something that those before it do not."""
    taken: set[str] = set()
    found = []
    for guess in guesses(file):
        says = {name for into, name in guess.columns.items() if into not in IDS or into == "bad"}
        if says - taken:
            found.append(guess)
            taken |= says
    return found


def _with_day(chosen: list[Guess]) -> list[Guess]:
    """Tables of one file without a day of their own take that of the first that has one."""
    days = [guess.columns["event_on"] for guess in chosen if "event_on" in guess.columns and "event_on" not in guess.wide]
    if not days:
        return chosen
    return [guess if guess.wide else replace(guess, columns={"event_on": days[0]} | guess.columns) for guess in chosen]


def _raw(guess: Guess, into: str) -> tuple[str, ...]:
    return guess.wide.get(into) or (guess.columns[into],)


def _numbers(files: list[Looked]) -> list[str]:
    numeric = [seen for file in files for seen in file.columns if seen.kind == "number"]
    comma = any(seen.comma for seen in numeric)
    groups = any(seen.thousands for seen in numeric)
    lines = ['decimal = ","'] if comma else []
    lines += [f"thousands = {_toml('.' if comma else ',')}"] if groups or comma else []
    return ["", "[numbers]", *lines] if lines else []


def _table(guess: Guess, file: Looked, several: bool) -> list[str]:
    table = TABLES[guess.table]
    source = f"{file.name}_long" if guess.wide else file.name
    header = f"[[tables.{table.name}]]" if several else f"[tables.{table.name}]"
    lines = [
        *(_long(file, guess.wide, guess.columns, f"{guess.table}_{source}") if guess.wide else []),
        "",
        f"# {table.en} | {table.zh}",
        header,
    ]
    lines += [f'from = "{table.name}_{source}"' if guess.wide else f'from = "{source}"', *_identity(guess, file, table)]
    sub = f"[tables.{table.name}.columns]"
    lines += ["", sub]
    for column in table.all_columns:
        if column.name in ("record_id", "known_on"):
            continue
        if column.name in guess.columns:
            lines += _rule(column, guess, file)
        elif column.name == "event_on" and guess.wide:
            lines += _counted_day(file)
        elif column.required and not _looked_up(column, table):
            lines += [_candidates(column, file), f"{column.name} = {OPEN}"]
    return lines


def _looked_up(column: Column, table: Table) -> bool:
    """A loan's record need not name the borrower: the loans do."""
    return column.name == "borrower_id" and table.entity == "loan" and table.name != "loans"


def _file(file: Looked) -> Iterator[str]:
    """How a file is read; an encoding that was only tried is open."""
    for key, value in file.keys.items():
        if key == "encoding" and file.encodings:
            yield f"# not UTF-8; these can read it: {', '.join(file.encodings)}. Letters with accents tell which is right"
            yield f"encoding = {OPEN}"
        else:
            yield f"{key} = {_toml(value)}"


def _long(file: Looked, wide: Mapping[str, Sequence[str]], bases: Mapping[str, str], name: str) -> list[str]:
    """Columns side by side as rows: ``wide`` by canonical column, ``bases`` the pattern of each."""
    size = min(len(group) for group in wide.values())
    numbers = [running(bases[into], group)[:size] for into, group in wide.items()]
    values = numbers[0] if all(n == numbers[0] for n in numbers) else list(range(size))
    made = [f"columns.{_new(into, file)} = {_toml(list(group[:size]))}" for into, group in wide.items()]
    return ["", f"[relations.{name}]", f'from = "{file.name}"', "", f"[relations.{name}.unpivot]",
            f"name = {_toml(_new('position', file))}", f"values = {_toml(values)}", *made]  # fmt: skip


def _loose(file: Looked, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Columns side by side whose names tell no canonical column: as rows they may be used, by whoever knows what they are."""
    keys = {_key(base) + (f"_{i}" if i else ""): base for i, base in enumerate(groups)}
    for size in sorted({len(names) for names in groups.values()}):
        bases = {key: base for key, base in keys.items() if len(groups[base]) == size}
        yield "\n# columns with a running number, as rows: of statuses, card_cycles, payments, statements? (docs/tables.md)"
        yield from _long(file, {key: groups[base] for key, base in bases.items()}, bases, f"{file.name}_by_{size}")[1:]


def _counted_day(file: Looked) -> list[str]:
    position = _new("position", file)
    return [
        f"# {position} is the number in the columns' names: from which day does it count months? Values below 0 count back",
        f'event_on = {{ column = {_toml(position)}, months_from = {OPEN}, at = "month_end" }}',
    ]


def _new(name: str, file: Looked) -> str:
    """A name for a new column that no column of the file has."""
    taken = {seen.name.lower() for seen in file.columns}
    return next(n for i in range(len(taken) + 1) if (n := name + "_long" * i) not in taken)


def _key(base: str) -> str:
    """The new column of a wide group: names of the mapping's own are lower case."""
    made = re.sub(r"[^a-z0-9]+", "_", base.lower()).strip("_")
    return made if made and made[0].isalpha() else "value"


def _identity(guess: Guess, file: Looked, table: Table) -> Iterator[str]:
    own = {"borrowers": "borrower_id", "loans": "loan_id"}.get(table.name)
    if own is None:
        named = next((seen.name for seen in file.columns if _names_a_row(seen, guess)), None)
        parts = [guess.columns[key] for key in ("loan_id", "borrower_id", "event_on") if key in guess.columns]
        yield f"record_id = {_toml(named or [*dict.fromkeys(parts), *([_new('position', file)] if guess.wide else [])])}"
        if not named and not guess.wide:
            yield "numbered = true"
    if table.name in ("statements", "bureau"):
        yield '# when did the lender have it? a column, { event_plus_days = 90 } or "ingest"'
        yield f"known_on = {OPEN}"


def _names_a_row(seen: Seen, guess: Guess) -> bool:
    """Whether each row has another value, and it is not the loan or the borrower that the row is about."""
    of = {guess.columns.get("loan_id"), guess.columns.get("borrower_id")} if guess.table != "outcomes" else set()
    return seen.unique and seen.kind in ("text", "number") and not guess.wide and seen.name not in of


def _rule(column: Column, guess: Guess, file: Looked) -> list[str]:
    name = guess.columns[column.name]
    if name == "source_line":
        return ["# no column names the row: its line stands for it", f'{column.name} = "source_line"']
    seen = file[_raw(guess, column.name)[0]]
    rule = _Rule(column, seen, _new(column.name, file) if column.name in guess.wide else name)
    return [f"# {rule.note}", f"{column.name} = {rule.text()}"] if rule.note else [f"{column.name} = {rule.text()}"]


@dataclass
class _Rule:
    """What is proposed for one canonical column."""

    column: Column
    seen: Seen
    name: str

    @property
    def note(self) -> str:
        """What a person must know to decide; empty if it is decided."""
        name, seen = self.seen.name, self.seen
        if self.column.kind == "date" and self._day() == OPEN:
            if len(seen.formats) > 1:
                return f"{name}: several formats fit: {', '.join(seen.formats)}"
            return f"{name} is a number: perhaps {{ column = {_toml(name)}, months_from = DATE }} or days_from, or an expression"
        if self.column.kind in ("flag", "code") and OPEN in self.text():
            codes = " ".join(self.column.codes) or "true false"
            return f"say what each code of {name} is: {codes}"
        return ""

    def text(self) -> str:
        """The right side of the entry."""
        if self.column.kind == "date":
            return self._day()
        if self.column.kind in ("flag", "code") or (self.column.name == "dpd" and self.seen.kind != "number"):
            return self._coded()
        unit = self._unit()
        return f"{{ column = {_toml(self.name)}, unit = {unit} }}" if unit else _toml(self.name)

    def _unit(self) -> str:
        """The unit that the name or the size tells; empty for one."""
        name, kind = self.seen.name, self.column.kind
        if kind == "money":
            return next((unit for mark, unit in (("万", "10_000"), ("千元", "1000"), ("亿", "100_000_000")) if mark in name), "")
        return "0.01" if self.column.name == "rate" and (self.seen.high or 0) > 1 else ""

    def _day(self) -> str:
        formats, seen = self.seen.formats, self.seen
        if ISO in formats:
            return _toml(self.name)
        if len(formats) == 1:
            at = ', at = "month_end"' if "%d" not in formats[0] else ""
            return f"{{ column = {_toml(self.name)}, format = {_toml(formats[0])}{at} }}"
        return _counted(self.name, seen) if not formats and seen.whole else OPEN

    def _coded(self) -> str:
        if self.seen.kind == "number" and self.column.kind == "flag" and set(self.seen.codes) <= {"0", "1"}:
            return _toml(self.name)
        if not self.seen.codes:
            return OPEN
        pairs = ", ".join(f"{_toml(code)} = {self._meaning(code)}" for code in self.seen.codes)
        return f"{{ column = {_toml(self.name)}, codes = {{ {pairs} }} }}"

    def _meaning(self, code: str) -> str:
        said = code.lower()
        if self.column.kind == "flag":
            return "true" if said in words()["values"]["true"] else "false" if said in words()["values"]["false"] else OPEN
        return _toml(said) if said in self.column.codes else OPEN


def _counted(name: str, seen: Seen) -> str:
    """A whole number that stands for a day, where its name or size tells how."""
    what = counts(seen)
    if what == "years":
        return f"{{ expression = {_toml(f'make_date(CAST(number({_quoted(name)}) AS INTEGER), 12, 31)')} }}"
    if what in ("days", "months") and (seen.low or 0) < 0:
        return f"{{ column = {_toml(name)}, {what}_from = {OPEN} }}"
    return f"{{ column = {_toml(name)}, format = {_toml(what)} }}" if what.startswith("e") else OPEN


def _candidates(column: Column, file: Looked) -> str:
    can = [seen.name for seen in file.columns if possible(seen, column)][:8]
    wanted = " ".join(column.codes) if column.codes else column.kind
    note = f"# {column.en} ({wanted}); candidates: {', '.join(can) or 'none'}"
    return (note + ' or { value = "..." }').replace("\n", " ")


def _missing(chosen: list[Guess], by_name: dict[str, Looked]) -> Iterator[str]:
    """Every record belongs to a loan or a borrower: tables for them, from a file that names some."""
    there = {guess.table for guess in chosen}
    for name, key in (("borrowers", "borrower_id"), ("loans", "loan_id")):
        source = next((guess for guess in chosen if key in guess.columns), None)
        if name in there or source is None:
            continue
        table, by = TABLES[name], source.columns[key]
        order = f", order = {_toml(_quoted(source.columns['event_on']))}" if "event_on" in source.columns else ""
        yield f"\n# {table.en}: no file looks like them; one row for each {by} of {source.file}"
        yield f'[relations.{name}_named]\nfrom = "{source.file}"\nkeep = {{ which = "first", by = {_toml(by)}{order} }}'
        yield f'\n[tables.{name}]\nfrom = "{name}_named"\n\n[tables.{name}.columns]\n{key} = {_toml(by)}'
        if name == "loans":
            yield f"borrower_id = {_toml(source.columns['borrower_id']) if 'borrower_id' in source.columns else OPEN}"
        for column in table.all_columns:
            if column.name == "event_on" and "event_on" in source.columns and not source.wide:
                yield f"# {column.en}: the first of them\n" + _rule(column, source, by_name[source.file])[-1]
            elif column.required and column.name not in ("record_id", "known_on", "borrower_id", "loan_id"):
                yield f"# {column.en} ({' '.join(column.codes) or column.kind})\n{column.name} = {OPEN}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _toml(value: object) -> str:
    """A value as TOML: JSON's texts, numbers and lists are TOML too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
