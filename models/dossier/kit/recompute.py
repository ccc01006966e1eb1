"""Recompute one score from its records, and say whether everything is equal.

    python recompute.py [--anyway]

Needs Python 3.11 or later and DuckDB (pip install duckdb), and nothing of those who made the score. Exit code 0 if all is equal,
1 if something is not: then each difference is named. It stops at a file that is not as it was written; ``--anyway`` goes on.
README.md says what each file is.
"""

import csv
import hashlib
import io
import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

HERE = Path(__file__).resolve().parent
SUMS = "SHA256SUMS"
CSV = "HEADER, AUTO_DETECT false, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '', ALLOW_QUOTED_NULLS false"
ARREARS = ("loans", "instalments", "payments", "reschedules", "statuses")
"""Tables that the arrears of a loan are walked from."""
Row = dict[str, Any]


@dataclass
class Part:
    """What was compared: how many, how many are equal to the last bit, and each that is not equal."""

    name: str
    n: int = 0
    bits: int = 0
    wrong: list[str] = field(default_factory=list)

    def same(self, where: str, found: object, expected: object, what: str) -> None:
        self.n, self.bits = self.n + 1, self.bits + (found == expected)
        if found != expected:
            self.wrong.append(f"{where}: {what}")

    def near(self, where: str, found: float, expected: float, tolerance: float) -> None:
        """Equal where the difference is at most tolerance * (1 + |expected|); NaN, unknown, equals itself alone."""
        same = found == expected or (math.isnan(found) and math.isnan(expected))
        self.n, self.bits = self.n + 1, self.bits + same
        if not same and not abs(found - expected) <= tolerance * (1 + abs(expected)):
            self.wrong.append(f"{where}: recomputed {found!r}, expected {expected!r}")

    def __str__(self) -> str:
        return columns(self.name, f"{self.n}", "all" if not self.wrong else f"{len(self.wrong)} not", f"{self.bits}")


def columns(*words: str) -> str:
    """Words in columns; a Chinese character is two wide."""
    return "".join(word + " " * (24 - sum(1 + (c > "\u2e80") for c in word)) for word in words).rstrip()


def text(name: str) -> str:
    return (HERE / name).read_text("utf-8")


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(name), newline="")))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def number(part: Part, where: str, readable: str, bits: str) -> float:
    """A number that is written twice: for people, and to the last bit. Nothing is unknown."""
    value = float.fromhex(bits) if bits else math.nan
    if readable != (repr(value) if bits else ""):
        part.wrong.append(f"{where}: expected {readable or 'unknown'} for people, {bits or 'unknown'} to the last bit")
    return value


def files() -> Part:
    """Every file is the one that was written, and there is no other."""
    part = Part("files 文件")
    listed = {name: digest for digest, _, name in (row.partition("  ") for row in text(SUMS).splitlines())}
    there = {path.relative_to(HERE).as_posix() for path in HERE.rglob("*") if not path.is_dir()} - {SUMS}
    for name in sorted(there | set(listed)):
        digest = sha256((HERE / name).read_bytes()) if name in there else "no such file"
        part.same(name, digest, listed.get(name), f"not as it was written: {SUMS} says {listed.get(name)}, here is {digest}")
    return part


def model(said: Row) -> Part:
    """From the model's digest to its files, and from these to trees, calibration, the SQL of features, the terms of arrears."""
    import arrears
    import forest

    part, other = Part("model 模型"), "not what the model was trained with"
    part.same("bundle/manifest.json", sha256((HERE / "bundle/manifest.json").read_bytes()), said["bundle"], other)
    for name, digest in json.loads(text("bundle/manifest.json")).items():
        part.same(f"bundle/{name}", sha256((HERE / "bundle" / name).read_bytes()), digest, other)
    learned = json.loads(text("bundle/bundle.json"))
    sql = [[f["name"], f["unit"], f["risk"], text(f"features/{f['name']}.sql").removesuffix("\n")] for f in learned["features"]]
    part.same("features/*.sql", sha256(json.dumps(sql).encode()), learned["catalogue"], other)
    part.same("manifest.json catalogue", said["catalogue"], learned["catalogue"], other)
    part.same("calibration.json", json.loads(text("calibration.json")), learned["calibration"], other)
    nodes, grown = forest.of_table(text("forest.csv").splitlines()), forest.of_model(text("bundle/model.txt"))
    for tree, at in sorted(nodes.keys() | grown.keys()):
        part.same(f"forest.csv tree {tree} node {at}", nodes.get((tree, at)), grown.get((tree, at)), other)
    named = {words.split(" ", 1)[0] for *_, query in sql for words in query.split("/* by terms ")[1:]}
    part.same("terms.toml", arrears.digest(text("terms.toml")), said["terms"], "not the terms that manifest.json names")
    part.same("manifest.json terms", named or {said["terms"][:12]}, {said["terms"][:12]}, other)
    return part


def features(said: Row) -> tuple[Part, dict[str, float]]:
    """Each feature from the records by its own SQL."""
    part, values = Part("features 特征"), {}
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("PRAGMA disable_optimizer")  # planning is nearly all the cost of these queries
        con.execute(text("schema.sql"))
        for path in sorted((HERE / "records").glob("*.csv")):
            con.execute(f"COPY {path.stem} FROM '{str(path).replace(chr(39), chr(39) * 2)}' ({CSV})")
        con.execute("INSERT INTO spine VALUES (0, ?, ?, ?, ?)", [said[k] for k in ("borrower", "loan", "as_of", "known_by")])
        publish_arrears(con)
        for row in table("features.csv"):
            name = row["feature"]
            ((_, found),) = con.execute(text(f"features/{name}.sql")).fetchall()
            values[name] = math.nan if found is None else found
            expected = number(part, f"feature {name}", row["value"], row["value_bits"])
            part.near(f"feature {name}", values[name], expected, float(row["tolerance"]))
    return part, values


def publish_arrears(con: duckdb.DuckDBPyConnection) -> None:
    """Walk each loan of the borrower day by day into the table ``arrears``, if the features read it."""
    tables = {name for (name,) in con.execute("SHOW TABLES").fetchall()}
    if "arrears" not in tables:
        return
    import arrears

    closed = {(row["calendar"], int(row["day"])) for row in table("closed_days.csv")}
    loans: dict[str, dict[str, list[Row]]] = {}
    for name in ARREARS:
        found = con.execute(f"SELECT * FROM {name} ORDER BY event_on, known_on, record_id")
        names = [name for name, *_ in found.description]
        for row in arrears.numbered(dict(zip(names, values, strict=True)) for values in found.fetchall()):
            loans.setdefault(row["loan_id"], {}).setdefault(name, []).append(row)
    ((_, borrower, _, *days),) = con.execute("SELECT * FROM spine").fetchall()
    for loan, records in loans.items():
        walked = arrears.columns(records, *map(arrears.day_number, days), text("terms.toml"), closed)
        known = {name: value for name, value in walked.items() if not math.isnan(value)}
        filled = ", ".join(("borrower_id", "loan_id", "as_of", "known_by", *known))
        values = [borrower, loan, *days, *known.values()]
        con.execute(f"INSERT INTO arrears ({filled}) VALUES ({', '.join('?' * len(values))})", values)


def score(values: dict[str, float]) -> list[Part]:
    """From features to log-odds, PD, and what each feature adds."""
    import forest

    names = ("log-odds 对数几率", "PD 违约概率", "contributions 贡献", "additivity 可加性")
    parts = odds, chance, each, sums = [Part(name) for name in names]
    nodes, line = forest.of_table(text("forest.csv").splitlines()), json.loads(text("calibration.json"))
    told = {row["what"]: number(odds, row["what"], row["value"], row["value_bits"]) for row in table("score.csv")}
    log_odds = line["intercept"] + line["slope"] * forest.margin(nodes, values)
    odds.near("log_odds", log_odds, told["log_odds"], 1e-12)
    chance.near("pd_12m", 1 / (1 + math.exp(-log_odds)), told["pd_12m"], 1e-12)
    base, added = forest.contributions(nodes, values)
    each.near("base", line["intercept"] + line["slope"] * base, told["base"], 1e-9)
    for row in table("features.csv"):
        where = f"contribution of {row['feature']}"
        stated = number(each, where, row["contribution"], row["contribution_bits"])
        each.near(where, line["slope"] * added[row["feature"]], stated, 1e-9)
        told["base"] += stated
    sums.near("base + contributions = log_odds", told["base"], told["log_odds"], 1e-9)
    return parts


def main() -> int:
    sys.dont_write_bytecode = True
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    said = json.loads(text("manifest.json"))
    print(f"loan 贷款 {said['loan']}  as of 截至 {said['as_of']}  known by 可知日 {said['known_by']}")
    print(f"digest of this dossier 本卷宗摘要 {sha256((HERE / SUMS).read_bytes())}\n")
    print(columns("what 项目", "compared 核对", "equal 一致", "to the last bit 逐位"))
    parts = [files()]
    if not parts[0].wrong or "--anyway" in sys.argv:
        made, values = features(said)
        parts += [model(said), made, *score(values)]
    print(*parts, sep="\n")
    wrong = [difference for part in parts for difference in part.wrong]
    print("", *wrong, "NOT EQUAL 不一致" if wrong else "EQUAL 一致", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
