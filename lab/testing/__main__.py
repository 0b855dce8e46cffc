"""``python -m lab.testing [pytest arguments]``: the acceptance suite on a lab."""

from __future__ import annotations

import os
import sys

from lab.testing.session import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
