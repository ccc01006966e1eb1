"""The model in use, and its successor: verified, proven in another process, and put in its place between two requests.

Which version is champion stands in the tables of the model store, where an alias is a row; it is looked at every second without
loading MLflow. A new bundle is verified and scores its golden rows in a child process first, so that nothing it does can
harm the service; then it is loaded here. One that fails is refused and the old one goes on.
"""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from features.errors import IntegrityFailed, LoanwatchError, NotFound
from serving.bundles import Bundles
from serving.observe import LOG, Meters
from serving.ready import Ready

CHAMPION, CHALLENGER = "champion", "challenger"
ALIASES = """
SELECT a.alias, t.value FROM registered_model_aliases a
JOIN model_version_tags t ON t.name = a.name AND t.version = a.version AND t.key = 'loanwatch.bundle'
WHERE a.name = 'loanwatch' AND a.alias IN ('champion', 'challenger')
"""
RUN = """
SELECT v.run_id FROM model_versions v JOIN model_version_tags t ON t.name = v.name AND t.version = v.version
WHERE t.key = 'loanwatch.bundle' AND t.value = ? ORDER BY v.version DESC LIMIT 1
"""
CARD = "artifacts/{run}/artifacts/report/card.html"
"""Where the store keeps the card that training wrote."""
PROOF_SECONDS = 120.0


def aliases(mlruns: Path) -> dict[str, str]:
    """The bundle of the champion and of the challenger; raises NotFound where there is no store."""
    return {str(alias): str(digest) for alias, digest in _rows(mlruns, ALIASES)}


def _rows(mlruns: Path, sql: str, *parameters: str) -> list[Any]:
    """What the store's database says, without writing to it."""
    path = mlruns / "mlflow.db"
    if not path.is_file():
        raise NotFound(
            f"{mlruns}: no model store there; run `loanwatch train` first", f"{mlruns}:没有模型库;请先运行 `loanwatch train`"
        )
    with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro", uri=True, timeout=1.0)) as connection:
        return connection.execute(sql, parameters).fetchall()


class Models(Bundles):
    """The bundles of a book by digest, and which of them are in use. ``champion`` may change between two calls."""

    def __init__(self, book: Path, mlruns: Path, meters: Meters) -> None:
        super().__init__(book)
        self._mlruns, self._meters = mlruns, meters
        self._refused: dict[str, tuple[object, LoanwatchError]] = {}
        self.challenger: Ready | None = None
        self.champion = self.of(self._asked()[CHAMPION])
        self._tell()

    @property
    def refused(self) -> dict[str, LoanwatchError]:
        """Bundles that were not taken into use, and why."""
        return {digest: error for digest, (_, error) in self._refused.items()}

    def card(self) -> str:
        """The champion's model card as HTML; raises NotFound where the store does not hold it."""
        digest = self.champion.digest
        found = [self._mlruns / CARD.format(run=run) for (run,) in _rows(self._mlruns, RUN, digest)]
        if not found or not found[0].is_file():
            raise NotFound(
                f"the model store holds no card of {digest[:12]}; train again, or look at GET /v1/model",
                f"模型库中没有 {digest[:12]} 的模型卡;请重新训练,或查看 GET /v1/model",
            )
        return found[0].read_text("utf-8")

    async def watch(self, seconds: float = 1.0) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(seconds)
            await self.look()

    async def look(self) -> None:
        """Take what the store names into use, if it is another and stands its proof."""
        try:
            asked = await asyncio.to_thread(self._asked)
        except (LoanwatchError, sqlite3.Error) as error:
            LOG.warning("model store not readable", extra={"error": type(error).__name__})
            return
        if asked[CHAMPION] != self.champion.digest and (found := await self._proven(asked[CHAMPION])):
            self.champion = found
            self._meters.swaps.inc()
            LOG.info("model taken into use", extra={"bundle": found.digest})
            self._tell()
        await self._shadow(asked.get(CHALLENGER))

    async def _shadow(self, digest: str | None) -> None:
        wanted = None if digest == self.champion.digest else digest
        if wanted != (self.challenger and self.challenger.digest):
            self.challenger = None if wanted is None else await self._proven(wanted)
            self._tell()

    async def _proven(self, digest: str) -> Ready | None:
        """A bundle that stands its proof, else None; what failed is not tried again until its files change."""
        if digest in self._kept:  # it was proven before, and is whole in memory
            return self._kept[digest]
        stamp = _stamp(self._book / "bundles" / digest)
        if digest in self._refused and self._refused[digest][0] == stamp:
            return None
        try:
            await _prove(self._book, digest)
            return await asyncio.to_thread(self.of, digest)
        except LoanwatchError as error:
            self._refused[digest] = stamp, error
            self._meters.bad_models.inc()
            LOG.error("model refused", extra={"bundle": digest[:64], "why": error.en})
            return None

    def _asked(self) -> dict[str, str]:
        found = aliases(self._mlruns)
        if CHAMPION not in found:
            raise NotFound(
                f"{self._mlruns}: no champion there; promote a version with `loanwatch promote`",
                f"{self._mlruns}:尚无冠军模型;请用 `loanwatch promote` 晋升",
            )
        return found

    def _tell(self) -> None:
        roles = {CHAMPION: self.champion} | ({CHALLENGER: self.challenger} if self.challenger else {})
        self._meters.using({role: ready.digest for role, ready in roles.items()})


def _stamp(folder: Path) -> object:
    """Another as soon as a file of a folder is."""
    return sorted((entry.name, entry.stat().st_mtime_ns) for entry in folder.iterdir()) if folder.is_dir() else None


async def _prove(book: Path, digest: str) -> None:
    """Verify a bundle and score its golden rows in a process of its own; raises what it raises, or IntegrityFailed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "serving.proof", str(book), digest,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PROOF_SECONDS):
            out, _ = await child.communicate()
    except TimeoutError:
        out = b""
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode == 0:
        return
    try:
        said = json.loads(out)
    except ValueError:
        said = {
            "en": f"bundle {digest[:12]}: its proof ended without an answer",
            "zh": f"模型包 {digest[:12]}:校验进程未给出结果",
        }
    raise IntegrityFailed(said["en"], said["zh"])
