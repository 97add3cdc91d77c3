"""What helps against a kind of cause: commands for people, and the one of them that a program may propose."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.agent.acts import Words
from orchestration.triage.kinds import Kind

# what the same command may do without, next time: the machine was the matter, and not what it was given
_MAY_END_WELL = (Kind.KILLED, Kind.DISK_FULL, Kind.NO_RAY)
TRAIN = "train_"  # what jobs of trainings begin with


@dataclass(frozen=True)
class Stopped:
    """What did not come to its end: the job, its session ("" for none) and the assets that it was to make."""

    job: str = ""
    session: str = ""
    assets: tuple[str, ...] = ()

    @property
    def again(self) -> Words:
        """The words of the verb that makes them; none where no verb does."""
        if self.job.startswith(TRAIN):
            return ("train", self.job.removeprefix(TRAIN))
        if not self.assets:
            return ()
        sessions = (f"--sessions={self.session}",) if self.session else ()
        return ("backfill", f"--select={','.join(self.assets)}", *sessions)


def list_remedies(
    kind: Kind, stopped: Stopped, said: Sequence[str] = ()
) -> tuple[str, ...]:
    """Commands, and words where no command helps, in the order in which they are done. `said`: what the cause itself
    says that helps."""
    session = stopped.session
    again = [f"daguerre {' '.join(stopped.again)}"] * bool(stopped.again)
    of_kind: dict[Kind, list[str]] = {
        Kind.BAD_FILE: [
            f"daguerre quarantine list {session}".strip(),
            f"copy the files again, then daguerre quarantine retry {session}".strip(),
            f"or daguerre quarantine drop {session}, which acknowledges them".strip(),
        ],
        Kind.FAILED_GATE: [f"daguerre report {session}"] * bool(session)
        + _after("mend the data, as the same rows fail the same claim", again),
        Kind.NO_CALIBRATION: [
            f"daguerre calibrate {session or 'SESSION'} --board ...",
            *again,
        ],
        Kind.DISK_FULL: [
            "daguerre status",
            "daguerre maintain, or make room on the disk",
            *again,
        ],
        Kind.NO_MEMORY: _after(
            "give the machine fewer workers or more memory, or a training a smaller batch",
            again,
        ),
        Kind.NO_RAY: [
            "daguerre status --health",
            "start the cluster, or unset DAGUERRE_RAY to work on this machine",
            *again,
        ],
        Kind.KILLED: again,
        Kind.DIVERGED: [
            f"{again[0] if again else 'daguerre train TASK'} with --set lr=... lower, or without the frames that the "
            "error names: the same ends the same"
        ],
        Kind.REFUSED: _after("do what it says first, as the same ends the same", again),
        Kind.CODE_ERROR: ["report the place in the code with the lines of the log"],
        Kind.UNKNOWN: [],
    }
    return tuple(dict.fromkeys([*said, *of_kind[kind]]))


def choose_proposal(kind: Kind, stopped: Stopped) -> Words:
    """The verb that a person may be asked for; none against what has to be mended first by hand, nor where the same
    would end the same."""
    if kind is Kind.BAD_FILE and stopped.session:
        return ("quarantine", "retry", stopped.session)
    return stopped.again if kind in _MAY_END_WELL else ()


def _after(first: str, again: Sequence[str]) -> list[str]:
    """What is to be done before the same again."""
    return [f"{first}; then {command}" for command in again] or [first]
