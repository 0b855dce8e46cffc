"""`python3 -m labkubeflow.login dex` or `... gatekeeper`: the program of the pod."""

from __future__ import annotations

import sys
from pathlib import Path

from labkubeflow.common import web
from labkubeflow.common.options import OptionError, Options
from labkubeflow.login.store import Store

DATA = Path("/data/login.db")


def main() -> None:
    """Serve until the pod is stopped."""
    web.log_to_stderr()
    try:
        options = Options.read()
        if sys.argv[1:] == ["dex"]:
            from labkubeflow.login import dex

            web.serve(dex.Dex(dex.Account.from_options(options), Store(DATA)).application(), dex.PORT)
        elif sys.argv[1:] == ["gatekeeper"]:
            from labkubeflow.common.kube import Kube
            from labkubeflow.common.service import Service
            from labkubeflow.login import gatekeeper
            from labkubeflow.login.identity import DexProvider

            settings = gatekeeper.Settings.from_options(options)
            provider = DexProvider(Service("Dex", "http://dex-auth:5556"))
            keeper = gatekeeper.Gatekeeper(settings, Store(DATA), provider, Kube.in_pod())
            web.serve(keeper.application(), gatekeeper.PORT)
        else:
            sys.exit("usage: python3 -m labkubeflow.login dex|gatekeeper")
    except OptionError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
