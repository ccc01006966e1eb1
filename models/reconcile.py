"""What dead processes left in a model store, put right at the next start; what living ones hold is not touched."""

from collections.abc import Mapping

from models.journal import CROWNING, FELL_BACK, REMOVED, Step, last_crowning
from models.promotions import Promotions, Texts, repeated
from models.registry import CHAMPION, Registry, Version


def reconcile(registry: Registry, at: str) -> list[Texts]:
    """Close runs of dead processes, remove what was never registered whole, and see that the champion can be used.

    Returns what was done, in English and Chinese; nothing, nearly always. A decision that was written before a crash is carried
    out; a champion that is lost is replaced by the last good one that was promoted. Raises IntegrityFailed if the store was
    moved or the journal was changed.
    """
    with registry.locked():
        promotions, versions = Promotions(registry), registry.versions()
        registry.check_place(versions)
        told = [_close(registry, run_id) for run_id in registry.abandoned()]
        told += _right_champion(promotions, versions, at)
        told += [_remove(promotions, version, at) for version in versions if version.fault is not None and not version.foreign]
        left = registry.versions()
        told += [_remove_stray(registry, model_id) for model_id in registry.strays(left)]
        registry.sweep()
        _repeat(promotions, left)
    return told


def _right_champion(promotions: Promotions, versions: list[Version], at: str) -> list[Texts]:
    good, foreign = {v.number: v for v in versions if v.fault is None}, {v.number for v in versions if v.foreign}
    now, last = promotions.registry.aliases().get(CHAMPION), last_crowning(promotions.journal.steps())
    if last is not None and last.version in good and not repeated(last, good[last.version]):
        promotions.follow(last)
        return [(f"finished the promotion of version {last.version}", f"已完成版本{last.version}的晋升")]
    wanted = now or (last.version if last is not None else None)  # removing a version takes its alias along
    if wanted is not None and wanted not in good and wanted not in foreign:
        return [_fall_back(promotions, wanted, good, at)]
    if last is not None and now is not None and now != last.version:
        return [
            (f"version {now} is champion but the last recorded promotion is of version {last.version}: nobody approved it here",
             f"冠军为版本{now},而最后记录的晋升为版本{last.version}:该更换无审批记录")
        ]  # fmt: skip
    return []


def _fall_back(promotions: Promotions, lost: int, good: Mapping[int, Version], at: str) -> Texts:
    before = [s for s in reversed(promotions.journal.steps()) if s.what in CROWNING and s.version in good]
    if not before:
        if CHAMPION in promotions.registry.aliases():
            promotions.registry.uncrown()
        return (
            f"THE CHAMPION IS LOST: version {lost} cannot be used and no other was ever promoted. Run `loanwatch train`",
            f"冠军模型丢失:版本{lost}不可用,且无其他曾晋升的版本。请运行 `loanwatch train`",
        )
    step = before[0]
    why = (f"version {lost} cannot be used",)
    promotions.crown(Step(FELL_BACK, step.version, step.bundle, at, reasons=why, criteria=step.criteria, not_met=step.not_met))
    return (
        f"THE CHAMPION FELL BACK to version {step.version}: version {lost} cannot be used. Look into it before the next night",
        f"冠军模型已回退至版本{step.version}:版本{lost}不可用。请在下次夜间运行前查明原因",
    )


def _close(registry: Registry, run_id: str) -> Texts:
    registry.end(run_id, "KILLED", "killed")
    return f"closed run {run_id}: its process is dead", f"已关闭运行 {run_id}:其进程已终止"


def _remove(promotions: Promotions, version: Version, at: str) -> Texts:
    en, zh = version.fault or ("", "")
    promotions.journal.append(Step(REMOVED, version.number, version.digest, at, reasons=(en,)))
    promotions.registry.remove(version)
    return f"removed version {version.number}: {en}", f"已删除版本{version.number}:{zh}"


def _remove_stray(registry: Registry, model_id: str) -> Texts:
    registry.remove_stray(model_id)
    return f"removed {model_id}, logged but never registered", f"已删除未完成登记的模型 {model_id}"


def _repeat(promotions: Promotions, versions: list[Version]) -> None:
    """Say on the versions what a crash kept from being said."""
    by_number = {v.number: v for v in versions}
    for step in promotions.journal.steps():
        version = by_number.get(step.version)
        if version is not None and not repeated(step, version):
            promotions.repeat(step)
