"""The tasks of a run, by their paths."""

from __future__ import annotations

from collections.abc import Callable

from labkubeflow.pipelines.engine import names
from labkubeflow.pipelines.model import RunRecord, State, StateChange, TaskDetail


class Tree:
    """Notes what happens to a run's tasks.

    Args:
        record: the run; its status is changed in place.
        clock: tells the time, in seconds since 1970.

    Attributes:
        changed: whether something is not saved yet.
    """

    def __init__(self, record: RunRecord, clock: Callable[[], float]) -> None:
        self.record = record
        self.changed = False
        self._clock = clock
        self._by_path = {task.path: task for task in record.status.tasks}

    def now(self) -> float:
        """Return the time."""
        return self._clock()

    def find(self, path: str) -> TaskDetail | None:
        """Return a task, None if it has not begun."""
        return self._by_path.get(path)

    def add(self, path: str, display_name: str, parent: TaskDetail | None) -> TaskDetail:
        """Add a task; return it."""
        task = TaskDetail(
            task_id=names.task_id(self.record.request.run_id, path),
            display_name=display_name,
            path=path,
            parent_task_id=parent.task_id if parent else "",
            created_at=self.now(),
        )
        task.state_history.append(StateChange(task.state, task.created_at))
        if parent is not None:
            parent.child_task_ids.append(task.task_id)
        self._by_path[path] = task
        self.record.status.tasks.append(task)
        self.changed = True
        return task

    def cause(self, task: TaskDetail) -> str:
        """Return why a task has failed: the words of the first failure below it, with its place."""
        for path, other in self._by_path.items():
            below = other.parent_task_id == task.task_id and other.state is State.FAILED
            if below and not path.endswith("/executor"):
                return self.cause(other)
        return f"task {task.path!r}: {task.error}"

    def move(self, task: TaskDetail, state: State, error: str = "") -> None:
        """Bring a task into a state; it may be in it already."""
        if task.state is state and task.error == error:
            return
        now = self.now()
        task.state, task.error = state, error
        task.state_history.append(StateChange(state, now, error))
        if state is State.RUNNING and not task.started_at:
            task.started_at = now
        if state.final:
            task.finished_at = now
        self.changed = True

    def move_run(self, state: State, error: str = "") -> None:
        """Bring the run itself into a state; it may be in it already."""
        status = self.record.status
        if status.state is state and status.error == error:
            return
        now = self.now()
        status.state, status.error = state, error
        status.state_history.append(StateChange(state, now, error))
        if state.final:
            status.finished_at = now
        self.changed = True
