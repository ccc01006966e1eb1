"""The declaration of a feature: a measure with a name, and what it means to a person."""

from dataclasses import dataclass
from typing import Literal

from features.measure import Measure

Unit = Literal["money", "days", "count", "share", "ratio", "points", "per year", "months", "index", "yes/no", "grade"]


@dataclass(frozen=True)
class Feature:
    """One declaration: what it is called, what it measures, how risk moves with it, and what its absence means.

    ``risk`` is +1 if more of it means more risk, -1 if less, 0 if neither is known; the default model may not contradict it.
    ``en`` and ``zh`` name it; ``en_text`` and ``zh_text`` are sentences with ``{value}``.
    """

    name: str
    measure: Measure
    unit: Unit
    risk: Literal[-1, 0, 1]
    en: str
    zh: str
    en_text: str
    zh_text: str
    unknown: str
    unknown_zh: str
    source: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables the value is read from."""
        return tuple(dict.fromkeys(name for leaf in self.measure.leaves() for name in leaf.tables))


def fact(name: str, measure: Measure) -> Feature:
    """A value that decides something about a row and is named to nobody; read like any feature."""
    nothing = ("", "")
    (found,) = declare(name, measure, "days", 0, nothing, nothing, nothing)
    return found


def declare(
    name: str,
    measure: Measure,
    unit: Unit,
    risk: Literal[-1, 0, 1],
    en: tuple[str, str],
    zh: tuple[str, str],
    unknown: tuple[str, str],
    days: tuple[int | None, ...] = (None,),
    lag: int = 0,
    source: str = "",
) -> list[Feature]:
    """One feature per window: ``en`` and ``zh`` are (name, sentence), ``unknown`` what absence means in both languages.

    ``{days}`` in a text becomes the window; a window in days is added to the name. Raises ValueError where a text speaks of
    days and the window is all of history.
    """
    if None in days and "{days}" in "".join([*en, *zh]):
        raise ValueError(f"{name}: a window over all of history has no days to name; declare it apart with texts of its own")
    return [
        Feature(
            name=f"{name}_{window}" if window else name,
            measure=measure.within(window, lag),
            unit=unit,
            risk=risk,
            en=en[0].replace("{days}", str(window)),
            zh=zh[0].replace("{days}", str(window)),
            en_text=en[1].replace("{days}", str(window)),
            zh_text=zh[1].replace("{days}", str(window)),
            unknown=unknown[0],
            unknown_zh=unknown[1],
            source=source,
        )
        for window in days
    ]
