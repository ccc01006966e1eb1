"""The record of promotions: only appended, chained, and honest about a line that was cut off or changed."""

from dataclasses import replace
from pathlib import Path

import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.errors import IntegrityFailed
from models.journal import FELL_BACK, PROMOTED, PROPOSED, REMOVED, WITHDRAWN, Journal, Step, last_crowning, open_proposal

texts = st.text(max_size=20)
steps = st.builds(
    Step, what=st.sampled_from([PROPOSED, WITHDRAWN, PROMOTED, FELL_BACK, REMOVED]), version=st.integers(1, 9), bundle=texts,
    at=texts, by=st.tuples(texts), reasons=st.tuples(texts, texts), instead_of=st.none() | texts, criteria=texts,
    not_met=st.tuples(texts),
)  # fmt: skip


def journal(folder: Path, *written: Step) -> Journal:
    made = Journal(folder / "j.jsonl")
    made.path.unlink(missing_ok=True)
    for step in written:
        made.append(step)
    return made


@given(written=st.lists(steps, max_size=6))
@examples(30)
def test_what_is_appended_is_read_back_in_order_and_chained(
    written: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = journal(tmp_path_factory.getbasetemp(), *written).steps()
    assert [replace(step, number=0, before=Step.before) for step in found] == written
    assert [step.number for step in found] == list(range(1, len(written) + 1))


@given(written=st.lists(steps, min_size=1, max_size=4), where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@examples(60)
def test_a_changed_byte_is_found_unless_it_cuts_off_the_last_line(
    written: list[Step], where: float, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = journal(tmp_path_factory.getbasetemp(), *written)
    before, content = made.steps(), bytearray(made.path.read_bytes())
    at = int(where * len(content))
    content[at] ^= flip
    made.path.write_bytes(content)
    if at == len(content) - 1:
        assert made.steps() == before[:-1]
    elif at >= content.rfind(b"\n", 0, len(content) - 1) and _still_a_line(made):
        return  # the last line has nobody after it to vouch for it
    else:
        with pytest.raises(IntegrityFailed, match="not what was written"):
            made.steps()


def _still_a_line(made: Journal) -> bool:
    try:
        made.steps()
    except IntegrityFailed:
        return False
    return True


def test_a_line_cut_off_by_a_crash_is_not_read_and_does_not_stop_the_next(tmp_path: Path) -> None:
    made = journal(tmp_path, Step(PROPOSED, 1, "b", "t", ("甲",)), Step(PROMOTED, 1, "b", "t", ("甲", "乙")))
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[:-7])
    assert [step.what for step in made.steps()] == [PROPOSED]
    assert made.append(Step(WITHDRAWN, 1, "b", "t", ("甲",))).number == 2
    assert [step.what for step in made.steps()] == [PROPOSED, WITHDRAWN]


def test_a_line_taken_out_of_the_middle_is_missed(tmp_path: Path) -> None:
    made = journal(tmp_path, *(Step(PROMOTED, n, "b", "t") for n in (1, 2, 3)))
    lines = made.path.read_text("utf-8").splitlines(keepends=True)
    made.path.write_text("".join([lines[0], lines[2]]), "utf-8")
    with pytest.raises(IntegrityFailed, match="line 2"):
        made.steps()
    with pytest.raises(IntegrityFailed):
        made.append(Step(PROMOTED, 4, "b", "t"))


def test_no_journal_is_no_steps(tmp_path: Path) -> None:
    made = Journal(tmp_path / "none.jsonl")
    assert made.steps() == []
    assert last_crowning(made.steps()) is None
    assert open_proposal(made.steps(), 1) is None


def test_a_proposal_is_open_until_something_else_happens_to_its_version() -> None:
    proposed = Step(PROPOSED, 1, "b", "t", ("a",))
    assert open_proposal([proposed, Step(PROPOSED, 2, "c", "t", ("a",))], 1) == proposed
    for what in (WITHDRAWN, PROMOTED, REMOVED):
        assert open_proposal([proposed, Step(what, 1, "b", "t")], 1) is None


def test_the_present_champion_is_the_last_that_was_promoted_or_fallen_back_to() -> None:
    first, back = Step(PROMOTED, 1, "b", "t"), Step(FELL_BACK, 1, "b", "t")
    second = Step(PROMOTED, 2, "c", "t")
    assert last_crowning([first, second, Step(PROPOSED, 3, "d", "t")]) == second
    assert last_crowning([first, second, Step(REMOVED, 2, "c", "t"), back]) == back
