"""The exception tree, drawn once. Every error says in English and Chinese what was seen, what was expected and the way out.

LoanwatchError
  UsageError       2  a wrong argument or setting; Misstated: one field of what was asked for
  DataRefused      3  a file or record that cannot be used
  NotFound         4  no such book, loan, model, feature
  GateNotPassed    5  a model that does not meet its criteria
  IntegrityFailed  6  stored bytes are not what was written
"""

from collections.abc import Iterable
from difflib import get_close_matches


class LoanwatchError(Exception):
    """Base of all errors that a user can act on; ``exit_code`` is what the command ends with."""

    exit_code = 1

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en, zh)  # both, or an error could not come back from another process
        self.en = en
        self.zh = zh

    def __str__(self) -> str:
        return f"{self.en}\n{self.zh}"


class UsageError(LoanwatchError):
    exit_code = 2


class Misstated(UsageError):
    """One field of what was asked for is wrong: what is said of it in both languages, what was seen, and what was expected.

    ``told`` has neither the name of the field nor what was seen, for those who say the one elsewhere and the other nowhere.
    """

    def __init__(self, field: str, en: str, zh: str, seen: str | None = None, expected: str | None = None) -> None:
        shown, shown_zh = ("", "") if seen is None else (f"{seen}; ", f"{seen};")
        super().__init__(f"{field}: {shown}{en}", f"{field}:{shown_zh}{zh}")
        self.args = (field, en, zh, seen, expected)
        self.field, self.told, self.expected = field, (en, zh), expected


class DataRefused(LoanwatchError):
    exit_code = 3


class NotFound(LoanwatchError):
    exit_code = 4


class GateNotPassed(LoanwatchError):
    exit_code = 5


class IntegrityFailed(LoanwatchError):
    exit_code = 6


def nearest(name: str, known: Iterable[str]) -> tuple[str, str]:
    """The closing words of an error about an unknown name: its nearest neighbours, in both languages."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5) or names[:12]
    listed = ", ".join(close)
    return f"did you mean {listed}?", f"是否指 {listed}?"
