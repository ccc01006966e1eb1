"""The scorer that is written in an afternoon: FastAPI, pydantic, LightGBM with ``pred_contrib``, a row in SQLite.

python -m bench.serve_plain BOOK DIGEST DATABASE --port N
"""

import json
import sqlite3
import sys
from pathlib import Path

import lightgbm
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

book, digest, database, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[5])
booster = lightgbm.Booster(model_file=book / "bundles" / digest / "model.txt")
names = booster.feature_name()
line = json.loads((book / "bundles" / digest / "bundle.json").read_text("utf-8"))["calibration"]
connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=FULL")
connection.execute("CREATE TABLE IF NOT EXISTS scores (id INTEGER PRIMARY KEY, body TEXT, log_odds REAL, contributions TEXT)")
app = FastAPI()


class Asked(BaseModel):
    features: dict[str, float | None]


@app.post("/v1/scores")
def score(asked: Asked) -> dict[str, object]:
    row = np.array([[asked.features[name] for name in names]], dtype=np.float64)
    added = booster.predict(row, pred_contrib=True, num_threads=1)[0] * line["slope"]
    log_odds = float(added.sum() + line["intercept"])
    top = [{"feature": names[j], "log_odds": float(added[j])} for j in np.argsort(-added[:-1])[:5]]
    kept = json.dumps(asked.features), log_odds, json.dumps(added.tolist())
    id = connection.execute("INSERT INTO scores (body, log_odds, contributions) VALUES (?, ?, ?)", kept).lastrowid
    return {"decision": id, "log_odds": log_odds, "pd_12m": float(1 / (1 + np.exp(-log_odds))), "reasons": top}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
