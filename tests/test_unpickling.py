"""What scores loans unpickles nothing: a pickle runs whatever whoever wrote it wants."""

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
NIGHT = """
from loanwatch import command
book, mlruns, day, loan = sys.argv[1:5]
for words in (["score", "--loan", loan], ["nightly", "--as-of", day]):
    sys.argv = ["loanwatch", *words, "--book", book, "--mlruns", mlruns, "--json"]
    sys.stdout, there = open("/dev/null", "w"), sys.stdout
    command.main()
    sys.stdout = there
"""
SERVED = """
import numpy as np
import pandas as pd
from pathlib import Path
from models.registry import Registry
model = Registry(Path(sys.argv[2])).load_champion()
names = model.metadata.get_input_schema().input_names()
assert len(model.predict(pd.DataFrame(np.zeros((3, len(names))), columns=names))) == 3
"""
SAID = "\nprint(json.dumps(heard))"
CACHE = "numba.core.caching"
"""Compiled kernels are kept on disk beside the code, and their index is a pickle: code of ours, guarded as the code is."""


def heard(script: str, *arguments: object) -> list[tuple[str, list[str]]]:
    """Every class that a child process unpickled, and the modules on whose behalf."""
    ended = subprocess.run(
        [sys.executable, "-c", AUDITED + script + SAID, *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return [(name, modules) for name, modules in json.loads(ended.stdout.splitlines()[-1])]


@pytest.mark.parametrize("script", [NIGHT, SERVED], ids=["one loan and a night", "the registered model"])
def test_nothing_is_unpickled_but_the_index_of_compiled_kernels(book: Book, own: Path, script: str) -> None:
    found = heard(script, own, book.mlruns, book.day, book.rows["loan_id"].iloc[0])
    assert [(name, modules[:6]) for name, modules in found if CACHE not in modules] == []


def test_an_unpickling_is_heard() -> None:
    script = "import pickle, datetime\npickle.loads(pickle.dumps(datetime.date(2024, 1, 1)))"
    assert [name for name, _ in heard(script)] == ["datetime.date"]
