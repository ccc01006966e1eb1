"""Room for visits, working day by working day."""

import numpy as np

from features.arrays import Int
from monitoring.workdays import Workdays


def capacity(days: Workdays, month: int) -> Int:
    """How many visits each working day has room for if a month has room for ``month``: spread evenly, and no more in all."""
    _, first, length = np.unique(days.days_of_month(), return_index=True, return_counts=True)
    length, place = np.repeat(length, length), np.arange(len(days.days)) - np.repeat(first, length)
    found: Int = (place + 1) * month // length - place * month // length
    return found


class Room:
    """Places of working days with room left; those before ``first`` have none.

    Finding a day costs next to nothing: full days are skipped by the paths of a disjoint-set forest, one for each direction.
    """

    def __init__(self, left: Int, first: int) -> None:
        self._left = [0] * first + left[first:].tolist()
        self._before = [place if room else place - 1 for place, room in enumerate(self._left)]
        self._after = [place if room else place + 1 for place, room in enumerate(self._left)]

    def has(self, place: int) -> bool:
        return bool(self._left[place])

    def last_up_to(self, place: int, earliest: int = 0) -> int:
        """Take the last day with room up to ``place`` and not before ``earliest``; -1 where there is none."""
        found = _root(self._before, place)
        return -1 if found < earliest else self._taken(found)

    def first_from(self, place: int) -> int:
        """Take the first day with room from ``place`` on; -1 where there is none."""
        return self._taken(_root(self._after, place))

    def _taken(self, place: int) -> int:
        if not 0 <= place < len(self._left):
            return -1
        self._left[place] -= 1
        if not self._left[place]:
            self._before[place], self._after[place] = place - 1, place + 1
        return place


def _root(to: list[int], place: int) -> int:
    """Where the way from a place leads; the places on it are led there directly from now on."""
    way = []
    while 0 <= place < len(to) and to[place] != place:
        way.append(place)
        place = to[place]
    for passed in way:
        to[passed] = place
    return place
