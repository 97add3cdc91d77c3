"""The closed loop in one process: an object that the champion never saw, an alarm, labels, a training, a champion that
finds it.

Belongs here: the order of the steps, what is told of them, and whether the loop closed. Does not: any step; each is a
sensor, a job or an asset that the UI runs too. Nobody says what is wrong: the alarm does.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from assets.choice import Choice
from assets.loop import LoopLimits
from assets.monitoring.watch import predict_session
from assets.retrieval.lineage import trace
from assets.tables.catalog import Catalog, is_in
from assets.tables.champions import read_champion
from assets.tables.rows import AlarmRow, ChampionRow, ModelRef, ModelRow
from models.task_names import DETECTION
from orchestration.chosen import configure_dataset
from orchestration.console import RunConsole
from orchestration.demo import ingest
from orchestration.jobs import ask_for_labels, monitor_session, train_jobs
from orchestration.loop_canary import CanaryTrial, serve_canary
from orchestration.loop_world import (
    DAYS,
    EXAM,
    KNOWN,
    NEW_CLASS,
    Recall,
    World,
)
from orchestration.producing import Wave, land
from orchestration.profiles import Settings
from orchestration.resources import build_catalog
from orchestration.sensors.alarms import alarm_sensor
from orchestration.sensors.drift import drift_sensor
from orchestration.sensors.labelling import label_sensor
from orchestration.sensors.monitoring import unjudged_session_sensor
from orchestration.ticks import LocalEngine

MOST_LABELS = 60  # in all
SPOT_CHECK = 8  # frames a day
_QUEUE = 44  # and those of spot checks on two days
FALLS_BELOW = 0.3
REACHES = 0.8
TASK = DETECTION
_SESSIONS = "desk-*"
# pictures are small, so a few more epochs cost little
_SETTINGS = {"image_size_px": "192", "epochs": "6"}


@dataclass(frozen=True)
class Closing:
    """What the loop came to. Recalls are None where no alarm was raised."""

    before: Recall | None
    after: Recall | None
    num_asked: int
    is_promoted: bool
    num_named: int  # frames that the champion's lineage names as asked for by the alarm
    canary: CanaryTrial | None = None  # None where nothing was promoted

    @property
    def lacks(self) -> list[str]:
        """What keeps the loop from being closed, in words; nothing where it is."""
        found = [
            ("no alarm was raised", self.before is None),
            (
                f"the recall of {NEW_CLASS} before is not below {FALLS_BELOW}",
                self.before is not None and self.before.share >= FALLS_BELOW,
            ),
            (
                f"{self.num_asked} labels were asked for, {MOST_LABELS} at most are meant",
                self.num_asked > MOST_LABELS,
            ),
            ("the gate did not promote the new model", not self.is_promoted),
            (
                f"the new champion does not answer all requests: {self.canary and self.canary.line}",
                self.is_promoted and not (self.canary and self.canary.answers_all),
            ),
            (
                f"the recall of {NEW_CLASS} after does not reach {REACHES}",
                self.after is None or self.after.share < REACHES,
            ),
            ("its lineage names no frame that was asked for", not self.num_named),
        ]
        return [text for text, is_so in found if is_so]


def run_loop(
    settings: Settings, on_asked: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """Run it and return the summary, which is also written to `<home>/demo/loop.json`: `closed`, `lacks`, and figures.

    `on_asked` is called when the queue is made and nobody has answered yet.

    Raises ValueError for a home that has a champion of the task already, and when a run fails.
    """
    limits = settings.loop
    labels = min(limits.labels_a_day, _QUEUE)
    settings = replace(
        settings, partial_wait_s=0, loop=LoopLimits(labels, limits.cooldown_s)
    )
    console = RunConsole()
    with console.step("open the home"):
        engine = LocalEngine(settings)
    with engine:
        loop = Loop(engine, console, World(build_catalog(settings), ALL))
        loop.begin()
        summary = loop.close(on_asked)
    summary["seconds"] = round(sum(console.seconds.values()), 1)
    summary["seconds_per_stage"] = console.seconds
    path = settings.home / "demo" / "loop.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(summary, indent=2, default=str) + "\n")
    console.tell(f"summary {path}")
    return summary


ALL: tuple[Wave, ...] = (KNOWN, DAYS, EXAM)


class Loop:
    """One home in which the loop runs, step by step; sensors ask for every run."""

    def __init__(self, engine: LocalEngine, console: RunConsole, world: World) -> None:
        self.engine = engine
        self.console = console
        self.world = world
        self.catalog: Catalog = world.catalog
        self.num_checked = 0  # frames that somebody labelled who looks in each day
        self._done: set[str] = set()  # run keys: what the daemon remembers

    def begin(self) -> None:
        """Train the first champion on labelled recordings without the new object."""
        if read_champion(self.catalog, TASK) is not None:
            raise ValueError(
                f"{self.engine.settings.home} has a champion of {TASK}: set DAGUERRE_HOME to an empty folder"
            )
        self._take_in(KNOWN, "what is known")
        ops = {
            **configure_dataset(TASK, Choice((_SESSIONS,))),
            f"training__{TASK}": {
                "config": {"recipe": f"tiny_{TASK}", "settings": _SETTINGS}
            },
            f"registry__{TASK}_release": {"config": {"accept_thin_test": True}},
        }
        with self.console.step("train the first champion"):
            self._execute(train_jobs[TASK].name, ops=ops)

    def close(self, on_asked: Callable[[], object]) -> dict[str, Any]:
        """From the first day after it to the new champion; figures of each step."""
        old = self.champion()
        told = self.wait_for_alarm(old)
        if told is None:
            return self._sum_up(Closing(None, None, 0, False, 0), {})
        alarm, before = told
        on_asked()
        queue_id, num_asked, num_objects = self.label()
        new = self.retrain(old)
        champion = self.champion()
        is_promoted = champion["model_sha256"] == new["model_sha256"]
        exam_before, after = self.examine(old, new)
        canary = self.serve(old) if is_promoted else None
        asked = trace(self.catalog, "model", new["model_sha256"])["upstream"]["asked"]
        named = [f["frame_id"] for f in asked["frames"] if f["queue_id"] == queue_id]
        self._tell_lineage(new["model_sha256"], asked)
        num_labels = num_asked + self.num_checked
        closing = Closing(before, after, num_labels, is_promoted, len(named), canary)
        facts = {
            "alarm": alarm,
            "queue_id": queue_id,
            "labels_of_spot_checks": self.num_checked,
            "objects_labelled": num_objects,
            "champion_before": old,
            "champion_after": champion,
            "canary": canary and asdict(canary),
            "exam": {"before": _describe(exam_before), "after": _describe(after)},
            "lineage": {"queues": asked["queues"], "frame_ids": named},
        }
        return self._sum_up(closing, facts)

    def wait_for_alarm(self, old: ChampionRow) -> tuple[AlarmRow, Recall] | None:
        """Let days come until an alarm asks for labels; the alarm, and the champion's recall on its day."""
        for session, specs in DAYS.items():
            self._take_in({session: specs}, session)
            with self.console.step(f"watch {session}"):
                self._judge()
                recall = self.world.measure(old, session)
                if recall.total:
                    told = f"{NEW_CLASS}s (which nobody has told it): {recall.line}"
                    self.console.tell(f"version {old['model_version']} finds of {told}")
                self.num_checked += self.world.spot_check(old, session, SPOT_CHECK)
                self.engine.tick(alarm_sensor)
                if self._run_asked(label_sensor):
                    return self._read_alarm(), recall
                self.console.tell("no alarm that labels explain")
        return None

    def label(self) -> tuple[str, int, int]:
        """Answer the queue as the simulator knows it; the queue, its frames, and the objects that are labelled."""
        with self.console.step("label"):
            rows = self.catalog.read_latest("label_queue").to_pylist()
            queue_id = rows[0]["queue_id"]
            for row in sorted(rows, key=lambda r: r["rank"])[:3]:
                self.console.tell(
                    f"asked: frame {row['frame_id'][:12]} of {row['session']}, {row['sensor']}: {row['told']}"
                )
            num_objects = self.world.answer(queue_id)
            self.console.tell(
                f"queue {queue_id[:12]}: {len(rows)} frames asked for, {num_objects} objects labelled on them"
            )
        return queue_id, len(rows), num_objects

    def retrain(self, old: ChampionRow) -> ModelRow:
        """What the answered queue asks for: a release, a training, its exam, the gate; the model that it made."""
        with self.console.step("train what was labelled"):
            self.engine.tick(label_sensor)
            if not self._run_asked(drift_sensor):
                raise ValueError("the answered queue asked for no training")
            now = self.champion()
            self.console.tell(
                f"champion of {TASK}: version {old['model_version']} before, version {now['model_version']} now"
            )
        rows = self.catalog.read_latest("models").to_pylist()
        return next(r for r in rows if r["model_sha256"] != old["model_sha256"])

    def examine(self, old: ModelRef, new: ModelRef) -> tuple[Recall, Recall]:
        """Both on recordings that nobody labelled."""
        (session,) = EXAM
        self._take_in(EXAM, session)
        with self.console.step("ask both about new recordings"):
            workspace = self.engine.settings.workspace
            for model in (old, new):
                predict_session(self.catalog, workspace, model, session)
            found = []
            # the new one may know another camera, too
            for model, other in ((old, new), (new, old)):
                found.append(self.world.measure(model, session, other))
                self.console.tell(
                    f"model {model['model_sha256'][:12]} finds of {NEW_CLASS}s of {session}: {found[-1].line}"
                )
        return found[0], found[1]

    def serve(self, old: ChampionRow) -> CanaryTrial:
        """A server that the champion of before answers for takes the new one up, first as a canary."""
        (session,) = EXAM
        with self.console.step("serve the new champion, first as a canary"):
            images = self.world.read_images(session)
            trial = serve_canary(self.engine.settings, old, images)
            self.console.tell(f"answers of: {', then '.join(trial.roles)}")
            self.console.tell(trial.line)
        return trial

    def _take_in(self, wave: Wave, what: str) -> None:
        with self.console.step(f"simulate {what}"):
            land(Path(self.engine.settings.landing_uri), wave, self.console)
        with self.console.step(f"ingest {what}"):
            ingest(self.engine, self.console)

    def _judge(self) -> None:
        for request in self.engine.tick(unjudged_session_sensor):
            self._execute(monitor_session.name, request.partition_key)

    def _run_asked(self, sensor: Any) -> bool:
        """Run what a sensor asks for and has not had yet; whether there was something."""
        due = [r for r in self.engine.tick(sensor) if r.run_key not in self._done]
        for request in due:
            self._done.add(str(request.run_key))
            job = request.job_name or ask_for_labels.name
            self.console.tell(
                f"{sensor.name} asks for {job}: {request.tags['daguerre/reason']}"
            )
            self._execute(job, ops=request.run_config.get("ops"), tags=request.tags)
        return bool(due)

    def _execute(self, job: str, session: str | None = None, **more: Any) -> None:
        outcome = self.engine.execute(job, session, on_stage=self.console.enter, **more)
        self.console.report(outcome)
        if not outcome.success:
            raise ValueError(
                f"{outcome.job} failed ({outcome.error or ', '.join(outcome.failed_checks)}): see run {outcome.run_id}"
            )

    def champion(self) -> ChampionRow:
        found = read_champion(self.catalog, TASK)
        if found is None:
            raise ValueError(
                f"the gate let no first {TASK} become champion: registry/{TASK}_release says why"
            )
        return found

    def _read_alarm(self) -> AlarmRow:
        """The one that the queue answers."""
        asked = self.catalog.read_latest("label_queue", ["alarm_id"])["alarm_id"]
        rows = self.catalog.read_latest(
            "alarms", where=is_in("alarm_id", asked.unique().to_pylist())
        )
        return cast(AlarmRow, rows.to_pylist()[0])

    def _tell_lineage(self, model_sha256: str, asked: dict[str, Any]) -> None:
        for queue in asked["queues"]:
            self.console.tell(
                f"lineage of model {model_sha256[:12]}: {queue['num_frames']} frames of queue "
                f"{queue['queue_id'][:12]}, asked for by the alarm: {queue['alarm']}"
            )
        self.console.tell(
            f"    `daguerre lineage model {model_sha256[:16]}` names them"
        )

    def _sum_up(self, closing: Closing, facts: dict[str, Any]) -> dict[str, Any]:
        lacks = closing.lacks
        self.console.tell(
            "the loop is closed" if not lacks else f"not closed: {'; '.join(lacks)}"
        )
        return {
            "closed": not lacks,
            "lacks": lacks,
            "class": NEW_CLASS,
            "recall_before": closing.before and closing.before.share,
            "recall_after": closing.after and closing.after.share,
            "labels_asked": closing.num_asked,
            **facts,
        }


def _describe(recall: Recall) -> dict[str, Any]:
    return {**asdict(recall), "share": recall.share}


def tell(summary: dict[str, Any]) -> Iterable[str]:
    """The end of it in a few lines, for people."""
    if summary["recall_before"] is not None:
        yield (
            f"recall of {summary['class']}: {summary['recall_before']:.2f} before, {summary['recall_after']:.2f} after "
            f"{summary['labels_asked']} labels"
        )
    yield (
        "closed" if summary["closed"] else f"not closed: {'; '.join(summary['lacks'])}"
    )
