"""What scores loans unpickles nothing but compiled code of its own: a pickle does whatever whoever wrote it wants."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from books import Book

AUDITED = """
import json
import sys
heard = []

def hear(event, arguments):
    if event == "pickle.find_class":
        frame, modules = sys._getframe(1), []
        while frame is not None:
            modules.append(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        heard.append([".".join(map(str, arguments[-2:])), modules])

sys.addaudithook(hear)
"""
SCORES = """
from pathlib import Path
import numpy as np
import pandas as pd
from loanwatch import command
from models.registry import Registry
book, mlruns, day, loan = sys.argv[1:5]
for words in (["score", "--loan", loan], ["nightly", "--as-of", day]):
    sys.argv = ["loanwatch", *words, "--book", book, "--mlruns", mlruns, "--json"]
    try:
        command.main()
    except SystemExit as ended:
        assert not ended.code
model = Registry(Path(mlruns)).load_champion()
names = model.metadata.get_input_schema().input_names()
assert len(model.predict(pd.DataFrame(np.zeros((3, len(names))), columns=names))) == 3
"""
SAID = "\nprint(json.dumps(heard))"
Heard = list[tuple[str, list[str]]]


def heard(script: str, *arguments: object) -> Heard:
    """Every class that a child process unpickled, and the modules on whose behalf, innermost first."""
    asked = [sys.executable, "-c", AUDITED + script + SAID, *map(str, arguments)]
    ended = subprocess.run(asked, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return [(name, modules) for name, modules in json.loads(ended.stdout.splitlines()[-1])]


def kernels(name: str, modules: list[str]) -> bool:
    """Whether it is numba's: the index of compiled kernels, or the class of arrays that a kernel returns, kept in its code."""
    return "numba.core.caching" in modules or (name, modules[0]) == ("numpy.ndarray", "numba.core.serialize")


def test_a_loan_a_night_and_the_registered_model_unpickle_nothing_but_compiled_kernels(
    book: Book, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    found = heard(SCORES, own, book.mlruns, book.day, book.rows["loan_id"].iloc[0])
    assert [(name, modules[:6]) for name, modules in found if not kernels(name, modules)] == []
    assert found, "kernels are read from disk, so something is always heard"
    assert (own / "runs" / f"as_of={book.day}").is_dir()


def test_an_unpickling_is_heard() -> None:
    ((name, modules),) = heard("import pickle, datetime\npickle.loads(pickle.dumps(datetime.date(2024, 1, 1)))")
    assert name == "datetime.date"
    assert not kernels(name, modules)
