"""How a version comes into use: by the criteria alone, or by two persons.

A decision is written to the journal first and is then done: the champion alias follows, and a tag on the version repeats the
step for readers of MLflow. A crash in between is finished by ``reconcile``. Who acts is known by
his key where a command asks for one; here names are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from features.errors import DataRefused, GateNotPassed, NotFound, UsageError
from models import persons
from models.bundle import load
from models.journal import JOURNAL, PROMOTED, PROPOSED, WITHDRAWN, Journal, Step, open_proposal
from models.registry import CHAMPION, CRITERIA_TAG, NOT_MET_TAG, Registry, Version

Texts = tuple[str, str]


@dataclass(frozen=True)
class Decision:
    """Who says what about a version, and when (ISO 8601); ``made_by`` is who gave him the key that he acts with."""

    version: int
    by: str
    reason: str
    at: str
    made_by: str = ""


class Promotions:
    """The journal of a store and the acts it records; each act holds the store's lock."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.journal = Journal(registry.folder / JOURNAL)

    def by_criteria(self, version: int, beside: str | None, at: str) -> None:
        """Make a version that met every criterion champion; ``beside`` is the champion's bundle that it was judged against.

        Raises GateNotPassed if another version has become champion since.
        """
        with self.registry.locked():
            chosen, now = self._sound(version), self._champion()
            if now is not None and now.number == version:
                return
            if (now and now.digest) != beside:
                raise GateNotPassed(
                    f"the champion has changed since version {version} was judged against it: it stays challenger."
                    " Train again to judge it against the present one",
                    f"评判版本{version}之后冠军模型已更换:该版本仍为挑战者,请重新训练以便与现任冠军比较",
                )
            self.crown(Step(PROMOTED, version, chosen.digest, at, instead_of=beside, criteria=_criteria(chosen)))

    def propose(self, said: Decision, overruled: Mapping[str, bool]) -> Step:
        """Record that a person wants a version in use; a second one has to agree.

        ``overruled`` says of each criterion by name whether persons may overrule it. Raises UsageError for an act that
        cannot be, DataRefused or GateNotPassed for a version that may not be used.
        """
        with self.registry.locked():
            chosen, now, steps = self._usable(said.version, overruled), self._champion(), self.journal.steps()
            if now is not None and now.number == said.version:
                raise UsageError(f"version {said.version} is the champion already", f"版本{said.version}已是冠军模型")
            waiting = open_proposal(steps, said.version)
            if waiting is not None:
                raise UsageError(
                    f"version {said.version} was proposed by {waiting.by[0]}; another person may --approve or --withdraw it",
                    f"版本{said.version}已由{waiting.by[0]}提议;请由他人 --approve 批准,或 --withdraw 撤回",
                )
            beside = now.digest if now is not None else None
            by, reasons = (persons.named(said.by),), (persons.reason(said.reason),)
            return self._note(
                Step(PROPOSED, said.version, chosen.digest, said.at, by, reasons, beside, _criteria(chosen), not_met(chosen))
            )

    def approve(self, said: Decision, overruled: Mapping[str, bool]) -> Step:
        """Complete a proposal by a second person: the version becomes champion.

        Raises NotFound without an open proposal, UsageError for the same person or if the champion has changed since.
        """
        with self.registry.locked():
            proposal = self._proposal(said.version)
            chosen, now, person = self._usable(said.version, overruled), self._champion(), persons.named(said.by)
            if any(persons.same(name, proposal.by[0]) for name in (person, said.made_by)):
                raise UsageError(
                    f"version {said.version} was proposed by {proposal.by[0]}, who cannot approve it too, nor with a key that he"
                    " made: another person must",
                    f"版本{said.version}由{proposal.by[0]}提议,本人及其签发的密钥均不能批准,须由他人批准",
                )
            if (now and now.digest) != proposal.instead_of:
                raise UsageError(
                    f"the champion has changed since version {said.version} was proposed: withdraw it and propose again",
                    f"提议版本{said.version}之后冠军模型已更换:请撤回后重新提议",
                )
            step = Step(
                PROMOTED, said.version, chosen.digest, said.at, (proposal.by[0], person),
                (proposal.reasons[0], *_perhaps(said.reason)), proposal.instead_of, _criteria(chosen),
                not_met(chosen),
            )  # fmt: skip
            return self.crown(step)

    def withdraw(self, said: Decision) -> Step:
        """Take back a proposal; raises NotFound if none is open."""
        with self.registry.locked():
            open_one = self._proposal(said.version)
            person, reasons = persons.named(said.by), _perhaps(said.reason)
            return self._note(Step(WITHDRAWN, said.version, open_one.bundle, said.at, (person,), reasons))

    def crown(self, step: Step) -> Step:
        """Journal, alias, tag, in this order. The caller holds the store's lock."""
        written = self.journal.append(step)
        self.follow(written)
        return written

    def follow(self, step: Step) -> None:
        """Carry out a step of the journal that makes its version champion."""
        self.registry.crown(step.version)
        self.repeat(step)

    def repeat(self, step: Step) -> None:
        """Say a step of the journal on its version, for readers of MLflow."""
        self.registry.say_of_version(step.version, **{_name(step): step.line().strip()})

    def _note(self, step: Step) -> Step:
        written = self.journal.append(step)
        self.repeat(written)
        return written

    def _champion(self) -> Version | None:
        return next((v for v in self.registry.versions() if CHAMPION in v.aliases), None)

    def _sound(self, version: int) -> Version:
        versions = {v.number: v for v in self.registry.versions()}
        if version not in versions:
            known = ", ".join(map(str, versions)) or "none"
            raise NotFound(
                f"{self.registry.folder}: no version {version}; there are {known}",
                f"{self.registry.folder}:没有版本{version};现有:{known}",
            )
        chosen = versions[version]
        if chosen.fault is not None:
            en, zh = chosen.fault
            raise DataRefused(f"version {version} cannot be used: {en}", f"版本{version}不可用:{zh}")
        return chosen

    def _usable(self, version: int, overruled: Mapping[str, bool]) -> Version:
        """A sound version whose features still mean what it learned, and that fails no criterion that nobody may overrule."""
        chosen = self._sound(version)
        fault = load(chosen.bundle, chosen.trusted).other_meaning()
        if fault is not None:
            raise DataRefused(f"version {version} cannot be used: {fault[0]}", f"版本{version}不可用:{fault[1]}")
        hard = [name for name in not_met(chosen) if not overruled.get(name, True)]
        if hard:
            raise GateNotPassed(
                f"version {version} does not meet {', '.join(hard)}, which models/gate.toml lets nobody overrule",
                f"版本{version}未满足 {', '.join(hard)},models/gate.toml 规定该标准不可由人工推翻",
            )
        return chosen

    def _proposal(self, version: int) -> Step:
        self._sound(version)
        found = open_proposal(self.journal.steps(), version)
        if found is None:
            raise NotFound(
                f"version {version} has no open proposal; make one with `loanwatch promote {version} --reason TEXT`",
                f"版本{version}没有待批准的提议;请先运行 `loanwatch promote {version} --reason 理由`",
            )
        return found


def not_met(version: Version) -> tuple[str, ...]:
    """Names of the criteria that a version did not meet when it was judged."""
    return tuple(name for name in version.tags.get(NOT_MET_TAG, "").split(",") if name)


def _criteria(version: Version) -> str:
    return version.tags.get(CRITERIA_TAG, "")


def _name(step: Step) -> str:
    return f"promotion.{step.number:04d}"


def repeated(step: Step, version: Version) -> bool:
    """Whether a step already stands on its version: the last thing an act does."""
    return f"loanwatch.{_name(step)}" in version.tags


def _perhaps(reason: str) -> tuple[str, ...]:
    return (persons.reason(reason),) if reason.strip() else ()
