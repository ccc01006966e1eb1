"""The proof: is the record what was written, a row of a night shown to be of it, and the record for third parties."""

import json
import os
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from features.errors import UsageError
from loanwatch.commands.options import BOOK, Book, Day, Json, day_of, err, out, print_json, record_of

app = typer.Typer()


@app.command()
def verify(
    book: Book = BOOK,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that somebody else kept; may be repeated. 他方保存的检查点。")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the record of decisions, every night's folder, the ledger and the bundles. 校验。"""
    from loanwatch import doctor
    from models import keys
    from monitoring.decisions import verify as check

    with record_of(book) as record:
        heads = [check.head(path, keys.of_book(book)) for path in checkpoint or ()]
        found = check.verify(record, book, heads)
    damaged = [finding for finding in doctor.stored(book) if not finding.fit]
    target = err if as_json else out
    target.print(f"{found.walk.count:,} decisions, each linked to the one before; {len(found.nights)} nights as decided")
    if found.tail:
        target.print(
            f"tail unproven: no checkpoint that somebody else kept covers the last {found.tail:,} decisions |"
            f" 最后 {found.tail:,} 条决策没有他方保存的检查点可证"
        )
    for finding in damaged:
        target.print(f"[bold red]{finding.what}[/]: {finding.seen}", highlight=False)
    if as_json:
        chain = {"decisions": found.walk.count, "link": found.walk.link.hex()}
        proof = {"proven": found.proven, "tail_unproven": found.tail, "nights": found.nights}
        print_json({**chain, **proof, "damaged": [asdict(finding) for finding in damaged]})
    if damaged:
        raise typer.Exit(6)


@app.command()
def replay(
    book: Book = BOOK,
    as_of: Day = None,
    loan: Annotated[str | None, typer.Option(help="Then and now: one loan of the night. 单笔贷款的当时与现在。")] = None,
    as_json: Json = False,
) -> None:
    """Work decisions out again, to the last bit: all nights and scores, or the night of a day. 重算历史决策。"""
    from loanwatch.progress import steps
    from loanwatch.show import proof as show
    from monitoring.decisions import nights
    from pipelines import replay as again
    from serving.replaying import replay as scores_again

    day, target = day_of(as_of), err if as_json else out
    if loan is not None and day is None:
        raise UsageError("--loan goes with --as-of, the day of the night", "--loan 须与 --as-of 同时使用")
    with record_of(book) as record, steps(err) as done:
        found, refused = (
            ([again.replay(record, book, str(day))], [])
            if day
            else again.replay_all(record, book, sorted(nights.decided(record)), done)
        )
        show.refused(err, refused)
        scores = None if day else scores_again(record, book, partial(done, "scores"))
        both = again.then_and_now(record, book, loan, str(day)) if loan else None
    show.replayed(target, found, scores, both)
    if as_json:
        print_json(
            {
                "nights": [asdict(one) for one in found],
                "refused": [{"as_of": one.as_of, "en": one.error.en, "zh": one.error.zh} for one in refused],
                "scores": scores and asdict(scores), "then_and_now": both and asdict(both),
            }
        )  # fmt: skip
    if refused:
        raise typer.Exit(refused[0].error.exit_code)


@app.command()
def erase(
    borrower: Annotated[str, typer.Option(help="Borrower id. 借款人编号。")],
    by: Annotated[str, typer.Option(help="Who erases. 执行人。")],
    authority: Annotated[str, typer.Option(help="On what authority: the request, the rule. 依据。")],
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Erase a borrower once his records need not be kept any longer; the record's proofs stay valid. 删除借款人数据。"""
    from monitoring.decisions import erase as erasing

    with record_of(book) as record:
        done = erasing.erase(record, book, erasing.Erasure(borrower, by, authority, date.today()))
    (err if as_json else out).print(
        f"erased: {done.records:,} records of the ledger, {done.rows:,} rows of nights; decision {done.decision}. Raw files,"
        " backups and what others' records say of him are not touched | 已删除;原始文件、备份及他人记录中的提及不在其内",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if as_json:
        print_json(asdict(done))


@app.command()
def rekey(by: Annotated[str, typer.Option(help="Who changes it. 执行人。")], book: Book = BOOK, as_json: Json = False) -> None:
    """Put a new master key in the place of the old one; start services again afterwards. 更换主密钥。"""
    from monitoring.decisions import rekey as changing
    from monitoring.decisions.place import Place

    file = Place.of(book, os.environ).master_file
    with record_of(book) as record:
        done = changing.rekey(record, file, by)
    (err if as_json else out).print(
        f"{file} has a new master key; decision {done.id}. Start services again. Backups of before need the old key |"
        " 主密钥已更换,请重启服务;此前的备份仍需旧主密钥",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if as_json:
        print_json({"decision": done.id, "file": str(file)})


@app.command()
def export(
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder to make. 输出目录。")],
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """The record for third parties, without personal data, with a script that checks it. 导出决策记录。"""
    from monitoring.decisions import export as exporting

    with record_of(book) as record:
        signed = exporting.export(record, to)
    (err if as_json else out).print(
        f"{signed.count:,} decisions in {to}; check them: python {to / 'verify.py'}; give checkpoint.json to somebody who keeps"
        " it | 请将 checkpoint.json 交由第三方保存",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if as_json:
        print_json({"decisions": signed.count, "link": signed.link.hex(), "folder": str(to)})


@app.command()
def prove(
    book: Book = BOOK,
    loan: Annotated[str | None, typer.Option(help="Loan id. 贷款编号。")] = None,
    borrower: Annotated[str | None, typer.Option(help="Borrower id. 借款人编号。")] = None,
    as_of: Day = None,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write. 输出文件。")] = None,
) -> None:
    """The proof that a loan's or borrower's row is of a night: the row, and the path to the root. 夜间结果的包含证明。"""
    from features.ledger import Ledger
    from monitoring.decisions import nights

    if (loan is None) == (borrower is None):
        raise UsageError("name either --loan or --borrower", "请指定 --loan 或 --borrower 之一")
    day = day_of(as_of) or Ledger(book).known_through
    with record_of(book) as record:
        decision = nights.decision(record, str(day))
        name, who = ("loans", loan) if loan else ("borrowers", borrower)
        found = nights.prove(book / "runs" / f"as_of={day}", decision, name, str(who), record.vault)
    if to is None:
        print_json(found)
    else:
        to.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        out.print(f"written: {to}; check it: verify.py of an export, with --proof {to}", highlight=False, soft_wrap=True)
