"""``python -m lab.testing [pytest arguments]``: the acceptance suite on a lab."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from lab.testing.session import main


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # A job that is cancelled takes its lab down, as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main(sys.argv[1:], os.environ))
