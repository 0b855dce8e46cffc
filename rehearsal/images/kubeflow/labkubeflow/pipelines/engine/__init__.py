"""The engine: runs compiled pipelines (IR YAML), one pod a step.

`Engine` is what others use: `validate`, `submit`, `terminate`, `resume` and `stop`.
"""

from labkubeflow.pipelines.engine.engine import Engine

__all__ = ["Engine"]
