"""Beliefs learned from history: the hidden Markov model of ``belief`` by expectation-maximisation, and its lines to default."""

from dataclasses import dataclass, replace

import numpy as np

from features.arrays import Float, Int, Mask
from features.errors import DataRefused
from monitoring.belief import LATE_FROM, NOTICES, TROUBLE, Beliefs, advance, bands, checks_of, lateness

QUANTILES = (0.25, 0.5, 0.65, 0.75, 0.83, 0.88, 0.92, 0.95, 0.97, 0.985, 0.995)
"""Where scores are parted into bands: narrow where it matters."""
ROUNDS = 40
START, STAYS, DEFAULTS = (0.8, 0.1, 0.1), 0.92, (0.0005, 0.004, 0.04)
"""Where learning begins."""
FEWEST, RARE = 5.0, 0.01
"""What is added to each count, in borrower-months, and the share of it to defaults, so that nothing is impossible."""


@dataclass(frozen=True)
class History:
    """Scores and days past due of n borrowers at m month ends (n, m), NaN where unknown; the month of default (n,), m or more for
    none.

    A default in month k has happened by month end k, so scores from then on are not looked at.
    """

    log_odds: Float
    dpd: Float
    default: Int

    def sorted(self) -> "History":
        """In an order that does not depend on who stands where."""
        keys = (*np.nan_to_num(self.dpd, nan=-1.0).T, *np.nan_to_num(self.log_odds, nan=np.inf).T, self.default)
        return self.take(np.lexsort(keys))

    def take(self, rows: Int) -> "History":
        return History(self.log_odds[rows], self.dpd[rows], self.default[rows])

    def before_default(self) -> Float:
        """The scores, NaN from the default on."""
        return np.where(np.arange(self.log_odds.shape[1]) < self.default[:, None], self.log_odds, np.nan)


def fit(history: History, sensitivity: float, specificity: float) -> Beliefs:
    """Beliefs from a history of months that are over, and from what the lender states of its checks.

    One thread: the products are of small matrices, and their sums have one order. Raises DataRefused for a history in which
    nobody, or nobody twice in a row, was scored, or nobody defaulted.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn, see _regression

    with threadpool_limits(limits=1):
        return _fit(history.sorted(), checks_of(sensitivity, specificity))


def _fit(history: History, finds: Float) -> Beliefs:
    history = history.take(np.flatnonzero((~np.isnan(history.before_default())).any(axis=1)))
    scores, default = history.before_default(), history.default
    seen = ~np.isnan(scores)
    if not (seen[:, 1:] & seen[:, :-1]).any() or not (default < scores.shape[1]).any():
        raise DataRefused(
            "the history has no default, or nobody was scored in two months in a row: bring more months, or more borrowers",
            "历史中无违约或无连续两月评分,无法学习借款人的变化",
        )
    edges = np.unique(np.quantile(scores[seen], QUANTILES))
    learned = _learned(np.where(seen, np.searchsorted(edges, scores, side="right"), -1), default, len(edges) + 1)
    beliefs = Beliefs(edges, *_named(*learned), finds, np.zeros((NOTICES, 6)))
    return replace(beliefs, lines=_lines(beliefs, history, seen))


Parameters = tuple[Float, Float, Float, Float]
"""Start, moves, shows, defaults."""


def _learned(band: Int, default: Int, bands_: int) -> Parameters:
    place = np.linspace(0, 1, bands_)
    shows = np.exp(np.array([[-4.0], [3.0], [4.0]]) * place)
    moves = np.full((3, 3), (1 - STAYS) / 2) + np.eye(3) * (1.5 * STAYS - 0.5)
    found: Parameters = np.array(START), moves, _rows(shows), np.array(DEFAULTS)
    spells = Spells.of(band, default)
    for _ in range(ROUNDS):
        found = _round(found, spells)
    return found


@dataclass(frozen=True)
class Spells:
    """Borrowers from their first score to their last: bands (n, m), -1 where there is none, and whether default follows the
    last.
    """

    band: Int
    first: Int
    last: Int
    bad: Mask

    @classmethod
    def of(cls, band: Int, default: Int) -> "Spells":
        seen = band >= 0
        last = band.shape[1] - 1 - seen[:, ::-1].argmax(axis=1)
        return cls(band, seen.argmax(axis=1), last, default == last + 1)


def _round(now: Parameters, spells: Spells) -> Parameters:
    """One round of expectation-maximisation over all borrowers at once."""
    start, moves, shows, defaults = now
    m, bands_, stays = spells.band.shape[1], shows.shape[1], (1 - defaults)[:, None] * moves
    shown = np.vstack([shows.T, np.ones(3)])  # the last row is read by band -1
    forward = _forward(start, stays, shown, spells)
    end, later = np.where(spells.bad[:, None], defaults, 1.0), np.ones_like(forward[0])
    began, went, showed = (np.full(shape, FEWEST) for shape in ((3,), (3, 3), (bands_ + 1, 3)))
    stayed, lost = np.full(3, FEWEST), np.full(3, FEWEST * RARE)
    for month in range(m - 1, -1, -1):
        inside, ends = (spells.first <= month) & (month <= spells.last), spells.last == month
        ahead = np.where(ends[:, None], end, later @ stays.T)
        state = _rows(forward[month] * ahead) * inside[:, None]
        goes = (inside & ~ends)[:, None] * forward[month] / ((forward[month] @ stays) * later).sum(axis=1, keepdims=True)
        pairs = stays * (goes.T @ later)
        went, stayed = went + pairs, stayed + pairs.sum(axis=1)
        began = began + state[spells.first == month].sum(axis=0)
        lost = lost + state[ends & spells.bad].sum(axis=0)
        band = spells.band[:, month]
        showed += np.column_stack([np.bincount(band % (bands_ + 1), state[:, k], bands_ + 1) for k in range(3)])
        later = _rows(shown[band] * ahead)
    return began / began.sum(), _rows(went), _rows(showed[:-1].T), lost / (stayed + lost)


def _forward(start: Float, stays: Float, shown: Float, spells: Spells) -> Float:
    """What is believed of each borrower by the scores so far, rows adding up to 1; (m, n, 3)."""
    n, m = spells.band.shape
    out = np.empty((m, n, 3))
    for month in range(m):
        came = out[month - 1] @ stays if month else np.broadcast_to(start, (n, 3))
        out[month] = _rows(np.where((month <= spells.first)[:, None], start, came) * shown[spells.band[:, month]])
    return out


def _rows(counts: Float) -> Float:
    """Rows that add up to 1."""
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _named(start: Float, moves: Float, shows: Float, defaults: Float) -> Parameters:
    """The states in their order: sound, looks bad, trouble."""
    trouble = int(defaults.argmax())
    others = [state for state in range(3) if state != trouble]
    worse = shows @ np.arange(shows.shape[1])
    order = [*sorted(others, key=lambda state: float(worse[state])), trouble]
    return start[order], moves[np.ix_(order, order)], shows[order], defaults[order]


def _lines(beliefs: Beliefs, history: History, seen: Mask) -> Float:
    """Logistic regressions of default in one month ahead, for each notice; (NOTICES, 6).

    Only months are asked about whose notice the history still holds. Weights of score and belief are not below 0: one that would
    be is left out, the belief first.
    """
    m, trouble = seen.shape[1], _alone(beliefs, history, seen)
    lines = []
    for notice in range(1, NOTICES + 1):
        rows = np.nonzero(seen[:, : m - notice])
        late = lateness(history.dpd[rows])
        x = np.column_stack([history.log_odds[rows], trouble[rows], *(late > k for k in range(len(LATE_FROM)))])
        lines.append(_regression(x, history.default[rows[0]] == rows[1] + notice))
    return np.array(lines)


def _regression(x: Float, bad: Mask) -> Float:
    """Intercept and weights; a month of notice in which nobody defaulted says nothing, which is an intercept of no chance."""
    from sklearn.linear_model import LogisticRegression  # learning takes the extra [training], using what was learned does not

    if not bad.any():
        return np.array([-np.log(len(bad) + 1.0), 0.0, 0.0, 0.0, 0.0, 0.0])
    weights = np.zeros(x.shape[1])
    for used in ([0, 1, 2, 3, 4], [0, 2, 3, 4], [2, 3, 4]):
        model = LogisticRegression(C=10.0, max_iter=1_000).fit(x[:, used], bad)
        weights[:] = 0.0
        weights[used] = model.coef_[0]
        if (weights[:2] >= 0).all():
            break
    return np.concatenate([model.intercept_, weights])


def _alone(beliefs: Beliefs, history: History, seen: Mask) -> Float:
    """Log-odds of trouble by scores alone at each month end, float64 (n, m)."""
    n, m = seen.shape
    state, begun, out = np.tile(beliefs.start, (n, 1)), np.zeros(n, dtype=np.int64), np.empty((n, m))
    nothing, unexplained = np.full(n, -1), np.zeros(n, dtype=bool)
    for month in range(m):
        here = seen[:, month]
        band = np.where(here, bands(beliefs, np.where(here, history.log_odds[:, month], 0.0)), -1)
        _, state = advance(beliefs, state, state, begun, band, nothing, unexplained)
        begun |= here
        out[:, month] = np.log(state[:, TROUBLE] / (1 - state[:, TROUBLE]))
    return out
