"""How many cases a property test tries: few by default, many under `make test-release`."""

import os

from hypothesis import settings

RELEASE = os.environ.get("LOANWATCH_TESTS") == "release"
TIMES = 25 if RELEASE else 1


def examples(usual: int, release: int | None = None) -> settings:
    """Settings of a property test that tries ``usual`` cases by default, and ``release`` or TIMES as many for a release."""
    return settings(max_examples=(release or usual * TIMES) if RELEASE else usual, deadline=None)
