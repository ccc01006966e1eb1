"""The record for third parties: its open texts and links, a signed checkpoint, the public key, and a script that checks them.

    decisions.txt     one line each: link, space, entry        checkpoint.json    how many, the last link; signed
    public.pem        the key that signed                      verify.py          checks all of it without loanwatch

Nothing in it is personal: what is sealed is named by its digest.
"""

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from features import durable
from features.errors import UsageError
from models import keys
from monitoring.decisions.chain import Checkpoint
from monitoring.decisions.record import Record


def export(record: Record, to: Path) -> Checkpoint:
    """Make the folder ``to`` and return the checkpoint it ends with; raises UsageError if it is there already."""
    if to.exists():
        raise UsageError(f"{to} exists; name a folder that does not", f"{to} 已存在,请指定新的目录")
    signed = record.checkpoint()
    draft = to.with_name(f".{to.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    with (draft / "decisions.txt").open("w", encoding="utf-8", newline="\n") as file:
        for row in record.rows():
            if row.count <= signed.count:
                file.write(f"{row.link.hex()} {row.entry}\n")
    (draft / "checkpoint.json").write_text(as_text(signed), "utf-8")
    (draft / "public.pem").write_text(keys.text_of(record.signer.key.public_key()), "ascii")
    (draft / "verify.py").write_text(files("monitoring.decisions.kit").joinpath("verify.py").read_text("utf-8"), "utf-8")
    for path in draft.iterdir():
        durable.sync(path)
    durable.put(draft, to)
    return signed


def as_text(signed: Checkpoint) -> str:
    """A checkpoint as a file that a third party keeps."""
    said: dict[str, Any] = json.loads(signed.signature)
    return json.dumps({"text": signed.text, **said}, indent=1) + "\n"
