"""A process that takes a bundle at its word: it verifies it and lets it score its golden rows, and says whether that went well.

python -m serving.proof BOOK DIGEST
"""

import json
import os
import sys
from pathlib import Path

from features.errors import LoanwatchError
from models import keys
from models.bundle import load
from models.score import Scorer
from serving.ready import Ready


def main(book: Path, digest: str) -> int:
    """0 if a bundle may be used; else its reason on stdout, and the exit code of the error."""
    os.nice(5)  # requests go first
    try:
        Ready(Scorer(load(book / "bundles" / digest, keys.of_book(book))))
    except LoanwatchError as error:
        sys.stdout.write(json.dumps({"en": error.en, "zh": error.zh}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
