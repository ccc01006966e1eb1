"""Persons who answer for an act: their names, their reasons, and whether two of them are one."""

import unicodedata

from features.errors import UsageError

LONGEST = 1_000
"""Characters of a name or a reason."""


def named(name: str) -> str:
    """A name on one line; raises UsageError for none."""
    return _stated(" ".join(name.split()), "--by", "姓名")


def reason(text: str) -> str:
    """Why somebody acts; raises UsageError for nothing, or for too much."""
    return _stated(text.strip(), "--reason", "理由")


def same(one: str, other: str) -> bool:
    """Whether two names are one person's: capitals, widths and spaces aside."""
    plain = [unicodedata.normalize("NFKC", name).casefold().replace(" ", "") for name in (one, other)]
    return plain[0] == plain[1]


def _stated(text: str, option: str, zh: str) -> str:
    if not 0 < len(text) <= LONGEST:
        raise UsageError(
            f"{option} has {len(text)} characters, expected 1 to {LONGEST}: say it for those who will ask later",
            f"{option} 有{len(text)}个字符,应为1至{LONGEST}个:请填写{zh},以备日后查问",
        )
    return text
