"""The sums of ``models.shapley``, compiled: what parts of trees say of rows that go left or right at their splits.

The compiler's cache does not notice a change in another file, so these loops call nothing outside of this one. The inner ones run
along rows and hold no branch. Every row gets its sums in one order, whatever rows stand beside it.
"""

from typing import NamedTuple

import numpy as np

from features.arrays import Float, Int
from features.kernels import kernel
from models.forest import Bits, Place


class Parts(NamedTuple):
    """Parts of trees, one after the other, their splits parents first.

    ``at`` and ``columns`` are where a part's splits and features begin. Of each split: its position in the forest, whether it is
    the part's own or on the way to it, and within the part the positions of its parent, of the split before it on the same
    feature, and of its feature. ``feature`` counts among the used ones. ``table`` is where the part's table begins, or -1.
    """

    at: Place
    columns: Place
    split: Place
    own: Place
    parent: Place
    before: Place
    column: Place
    feature: Place
    table: Int


class Terms(NamedTuple):
    """What a split multiplies and adds, by case and point of the sum; ``side`` is left 0 or right 1.

    ``pass_on`` (splits, side, case, points) goes down to a child, ``credit`` is the feature's share of what comes up from it;
    ``leaf`` and ``leaf_credit`` (splits, case, points) are the same of the leaves right below. ``came`` is the side on which a
    split lies below its parent, ``before_side`` below the split before it on the same feature.
    """

    came: Int
    before_side: Int
    pass_on: Float
    credit: Float
    leaf: Float
    leaf_credit: Float


@kernel
def ways(feature: Int, parent: Int, came: Int, share: Float) -> tuple[Int, Int, Int, Int, Float]:
    """Of each split: how many stand above it, how many features are on the way down to it and itself, the nearest split above on
    the same feature and the side of it, and the share that the feature's splits above leave."""
    depth, distinct = np.zeros_like(parent), np.ones_like(parent)
    before, side, known = np.full_like(parent, -1), np.zeros_like(parent), np.ones(len(parent))
    for split in range(len(parent)):
        if parent[split] < 0:
            continue
        above, below = parent[split], split
        depth[split] = depth[above] + 1
        while above >= 0 and feature[above] != feature[split]:
            above, below = parent[above], above
        distinct[split] = distinct[parent[split]] + (above < 0)
        if above >= 0:
            before[split], side[split] = above, came[below]
            known[split] = known[above] * share[above, came[below]]
    return depth, distinct, before, side, known


@kernel
def _cases(lefts: Bits, where: Place, part: int, parts: Parts, terms: Terms, case: Bits) -> None:
    """Which of the three cases each row is in at each split: left 0, right 1, nothing more to tell 2."""
    first = parts.at[part]
    for i in range(parts.at[part + 1] - first):
        before, side = parts.before[first + i], terms.before_side[parts.split[first + i]]
        for row in range(lefts.shape[1]):
            case[i, row] = 1 - lefts[where[first + i], row]
        if before >= 0:
            for row in range(lefts.shape[1]):
                case[i, row] = case[i, row] if case[before, row] == side else 2


@kernel
def _down(rows: int, part: int, parts: Parts, terms: Terms, case: Bits, down: Float) -> None:
    """The products of what is passed on along the way to each split."""
    first, points = parts.at[part], down.shape[1]
    down[0, :, :rows] = 1.0
    for i in range(1, parts.at[part + 1] - first):
        above, side = parts.parent[first + i], terms.came[parts.split[first + i]]
        over = parts.split[first + above]
        for t in range(points):
            a, b, c = terms.pass_on[over, side, 0, t], terms.pass_on[over, side, 1, t], terms.pass_on[over, side, 2, t]
            for row in range(rows):
                k = case[above, row]
                down[i, t, row] = down[above, t, row] * (a if k == 0 else (b if k == 1 else c))


@kernel
def _leaves(rows: int, part: int, parts: Parts, terms: Terms, case: Bits, down: Float, up: Float, out: Float) -> None:
    """What the leaves right below each split of the part's own send up, and credit its feature with."""
    first, points = parts.at[part], down.shape[1]
    for i in range(parts.at[part + 1] - first):
        split, mine = parts.split[first + i], parts.column[first + i]
        if not parts.own[first + i]:
            up[i, :, :rows] = 0.0
            continue
        for t in range(points):
            a, b, c = terms.leaf[split, 0, t], terms.leaf[split, 1, t], terms.leaf[split, 2, t]
            for row in range(rows):
                k = case[i, row]
                up[i, t, row] = down[i, t, row] * (a if k == 0 else (b if k == 1 else c))
            a, b, c = terms.leaf_credit[split, 0, t], terms.leaf_credit[split, 1, t], terms.leaf_credit[split, 2, t]
            for row in range(rows):
                k = case[i, row]
                out[mine, row] += down[i, t, row] * (a if k == 0 else (b if k == 1 else c))


@kernel
def _up(rows: int, part: int, parts: Parts, terms: Terms, case: Bits, up: Float, out: Float) -> None:
    """Send up what came up, and credit with it the feature of the split above."""
    first, points = parts.at[part], up.shape[1]
    for i in range(parts.at[part + 1] - first - 1, 0, -1):
        above, side = parts.parent[first + i], terms.came[parts.split[first + i]]
        over, theirs = parts.split[first + above], parts.column[first + above]
        for t in range(points):
            a, b, c = terms.credit[over, side, 0, t], terms.credit[over, side, 1, t], terms.credit[over, side, 2, t]
            for row in range(rows):
                up[above, t, row] += up[i, t, row]
            for row in range(rows):
                k = case[above, row]
                out[theirs, row] += up[i, t, row] * (a if k == 0 else (b if k == 1 else c))


@kernel
def _spread(
    lefts: Bits, where: Place, part: int, parts: Parts, terms: Terms, case: Bits, down: Float, up: Float, out: Float
) -> None:
    """Add to ``out`` (features of the part, n) what one part says of rows that go left where ``lefts[where]`` is 1.

    ``case``, ``down`` and ``up`` are room to work in: (splits, n), and twice (splits, points, n).
    """
    rows = lefts.shape[1]
    _cases(lefts, where, part, parts, terms, case)
    _down(rows, part, parts, terms, case, down)
    _leaves(rows, part, parts, terms, case, down, up, out)
    _up(rows, part, parts, terms, case, up, out)


@kernel
def tables(parts: Parts, terms: Terms, patterns: Bits) -> Float:
    """What each part with a table says of each pattern: number ``table + pattern * features + feature``.

    ``patterns`` (splits, ways) are all ways through the largest such part.
    """
    points, (bits, most), size = terms.leaf.shape[2], patterns.shape, 0
    where = np.arange(len(parts.split)).astype(np.int32)
    for part in range(len(parts.table)):
        where[parts.at[part] : parts.at[part + 1]] -= parts.at[part]
        if parts.table[part] >= 0:
            features = parts.columns[part + 1] - parts.columns[part]
            size = parts.table[part] + (features << (parts.at[part + 1] - parts.at[part]))
    found, case = np.empty(size), np.empty((bits, most), dtype=np.uint8)
    down, up, out = np.empty((bits, points, most)), np.empty((bits, points, most)), np.empty((bits, most))
    for part in range(len(parts.table)):
        if parts.table[part] < 0:
            continue
        features, ways = parts.columns[part + 1] - parts.columns[part], 1 << (parts.at[part + 1] - parts.at[part])
        out[:] = 0.0
        _spread(patterns[:, :ways], where, part, parts, terms, case, down, up, out)
        for pattern in range(ways):
            for j in range(features):
                found[parts.table[part] + pattern * features + j] = out[j, pattern]
    return found


@kernel
def explain(lefts: Bits, tables: Float, used: int, deep: int, parts: Parts, terms: Terms) -> Float:
    """Contributions of the used features to a block of rows, (used, n); the largest part without a table has ``deep`` splits."""
    rows, points = lefts.shape[1], terms.leaf.shape[2]
    case, said = np.empty((deep, rows), dtype=np.uint8), np.empty((deep, rows))
    down, up = np.empty((deep, points, rows)), np.empty((deep, points, rows))
    out, pattern, place = np.zeros((used, rows)), np.empty(rows, dtype=np.uint8), np.empty(rows, dtype=np.int64)
    for part in range(len(parts.table)):
        first, last, begin, end = parts.at[part], parts.at[part + 1], parts.columns[part], parts.columns[part + 1]
        if parts.table[part] < 0:
            said[:] = 0.0
            _spread(lefts, parts.split, part, parts, terms, case, down, up, said)
            for j in range(begin, end):
                for row in range(rows):
                    out[parts.feature[j], row] += said[j - begin, row]
            continue
        pattern[:] = 0
        for i in range(first, last):
            shift, split = np.uint8(i - first), parts.split[i]
            for row in range(rows):
                pattern[row] |= lefts[split, row] << shift
        for row in range(rows):
            place[row] = parts.table[part] + np.int64(pattern[row]) * (end - begin)
        for j in range(begin, end):
            feature, offset = parts.feature[j], j - begin
            for row in range(rows):
                out[feature, row] += tables[place[row] + offset]
    return out


@kernel
def explain_row(
    left: Bits, tables: Float, used: int, at: Place, columns: Place, split: Place, feature: Place, table: Int
) -> Float:  # fmt: skip
    """Contributions of the used features to one row, (used,), where all parts have tables: the sums of ``explain`` in order."""
    out = np.zeros(used)
    for part in range(len(table)):
        first, last, begin, end = at[part], at[part + 1], columns[part], columns[part + 1]
        pattern = np.uint32(0)  # as an index, a number without a sign needs no look at its sign
        for i in range(first, last):
            pattern |= np.uint32(left[np.uint32(split[i])]) << np.uint32(i - first)
        place = table[part] + np.int64(pattern) * (end - begin)
        for j in range(begin, end):
            out[np.uint32(feature[j])] += tables[np.uint64(place + j - begin)]
    return out


@kernel
def write(said: Float, used: Int, out: Float) -> None:
    """Put (used, n) into the used columns of rows; eight rows at a time, as what the processor fetches together."""
    for first in range(0, len(out), 8):
        for j in range(len(used)):
            for row in range(first, min(first + 8, len(out))):
                out[row, used[j]] = said[j, row]
