"""How long each source has been silent: days since its last record, whatever it says, for every delivered table but the target's.

Of a source that reports at a rhythm of its own, longer silence may only mean more risk. Of one that speaks when something happens
(a promise, an enquiry, a new loan) silence may be good news as well.
"""

from features.feature import Feature, declare
from features.measure import records
from features.schema import DELIVERED

OUTSIDE = {
    "outcomes": "the target",
    "statements": "declared as statement_age",
    "transactions": "declared as days_since_flow",
}

AT_A_RHYTHM = ("card_cycles", "payments", "statuses", "collateral", "covenants", "industry", "macro")

FEATURES: list[Feature] = [
    feature
    for table in DELIVERED.values()
    if table.name not in OUTSIDE
    for feature in declare(
        f"silence_{table.name}", records(table.name).days_since(), "days", 1 if table.name in AT_A_RHYTHM else 0,
        (f"Days since the last record of: {table.en[0].lower()}{table.en[1:]}", f"{table.en}: the last record is {{value}} old"),
        (f"距上次{table.zh}记录天数", f"{table.zh}:最近记录距今{{value}}"), ("no record is known", "无记录"),
    )
]  # fmt: skip
