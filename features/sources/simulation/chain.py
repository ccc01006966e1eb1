"""The latent process and its exact probability of default.

Each month a borrower's health moves by itself; then the number of instalments unpaid at the month's end moves given
the new health. Both together are one Markov chain per product, whose matrix changes with the calendar regime. The true
PD is therefore a product of matrices and not an estimate. A loan whose last instalment is paid leaves the chain: ``k``
months after the last due month all is paid unless more than ``k`` instalments would be unpaid had the schedule gone on.
"""

import numpy as np

from .draw import Floats, Ints, scaled_odds
from .parameters import HEALTH_LEVELS, ArrearsParameters, HealthParameters

ARREARS_STATES = 5
DEFAULT = 4
HORIZON = 12
LONGEST_TAIL = 3
REMAINING = LONGEST_TAIL + HORIZON + 1


def health_step(health: HealthParameters, deterioration: float) -> Floats:
    """Monthly matrix of health, (from, to), rows adding up to 1."""
    step = np.zeros((HEALTH_LEVELS, HEALTH_LEVELS))
    worsen, shock = (scaled_odds(np.array(p), deterioration) for p in (health.worsen, health.shock))
    for level in range(HEALTH_LEVELS):
        step[level, min(level + 1, HEALTH_LEVELS - 1)] += worsen[level]
        step[level, min(level + 2, HEALTH_LEVELS - 1)] += shock[level]
        step[level, max(level - 1, 0)] += health.improve[level]
        step[level, level] += 1 - worsen[level] - shock[level] - health.improve[level]
    return step


def arrears_step(arrears: ArrearsParameters, weight: float) -> Floats:
    """Monthly matrix of unpaid instalments, (health, from, to), rows adding up to 1."""
    step = np.zeros((HEALTH_LEVELS, ARREARS_STATES, ARREARS_STATES))
    miss, roll = (scaled_odds(np.array(p), weight) for p in (arrears.miss, arrears.roll))
    cure, ahead = np.array(arrears.cure), np.array(arrears.step)
    step[:, 0, 1], step[:, 0, 0] = miss, 1 - miss
    for behind in range(1, DEFAULT):
        step[:, behind, behind + 1] = roll
        step[:, behind, behind] = (1 - roll) * (1 - cure - ahead)
        step[:, behind, behind - 1] += (1 - roll) * ahead
        step[:, behind, 0] += (1 - roll) * cure
    step[:, DEFAULT, DEFAULT] = 1
    return step


def joint_step(health: Floats, arrears: Floats) -> Floats:
    """Monthly matrix over (health, unpaid) pairs, flattened: health moves first, arrears see the new health."""
    joint = health[:, None, :, None] * arrears.transpose(1, 0, 2)[None]
    size = HEALTH_LEVELS * ARREARS_STATES
    return np.asarray(joint.reshape(size, size))


def pd_table(steps: list[Floats], months: int) -> Floats:
    """True PD over the next 12 months, shape (months, REMAINING, health, unpaid).

    ``steps[m]`` leads into month ``m`` and must reach 12 months beyond ``months``. The second axis is the number of
    months to the last due month, from -LONGEST_TAIL to HORIZON, which stands for everything longer.
    """
    table = np.empty((months, REMAINING, HEALTH_LEVELS, ARREARS_STATES))
    for month in range(months):
        table[month] = _pd_at(steps[month + 1 : month + 1 + HORIZON])
    return table


def _pd_at(steps: list[Floats]) -> Floats:
    unpaid = np.arange(HEALTH_LEVELS * ARREARS_STATES) % ARREARS_STATES
    remaining = np.arange(-LONGEST_TAIL, HORIZON + 1)
    value = np.broadcast_to(unpaid == DEFAULT, (REMAINING, unpaid.size)).astype(float)
    for ahead in range(HORIZON, 0, -1):
        closed = (unpaid <= ahead - remaining[:, None]) & (unpaid < DEFAULT)
        value = np.where(closed, 0.0, value) @ steps[ahead - 1].T
    return np.asarray(value.reshape(REMAINING, HEALTH_LEVELS, ARREARS_STATES))


def walk(steps: list[Floats], start: Ints, opened: Ints, uniform: Floats, given: Ints) -> Ints:
    """States by month, shape (rows, months): ``start`` up to the month ``opened``, the chain from then on.

    ``steps[m]`` is (given, from, to) and ``given``, shape (rows, months), says which of its matrices holds.
    """
    path = np.empty(uniform.shape, dtype=np.int64)
    state = start
    for month in range(uniform.shape[1]):
        rows = np.cumsum(steps[month], axis=-1)[given[:, month], state]
        moved = (uniform[:, month, None] >= rows[:, :-1]).sum(axis=1)
        state = np.where(month > opened, moved, state)
        path[:, month] = state
    return path
