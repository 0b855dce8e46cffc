"""The program in the pod controller-0."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path

from kubernetes import config
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from .charmhub import CharmHub
from .cluster import KubernetesCluster
from .keeper import Keeper
from .logbook import Logbook
from .report import Place
from .server import make_server

_PORT = 17070
_LONGEST_SLEEP = 30.0
_RETRY_SECONDS = 2.0
_LOG = logging.getLogger("juju_controller")


def main() -> None:
    """Serve requests and move the applications on until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    environ = os.environ
    if environ.get("KUBECONFIG"):
        config.load_kube_config()
    else:
        config.load_incluster_config()
    work = threading.Event()
    cluster = KubernetesCluster(environ["CONTROLLER_NAMESPACE"], environ["CONTROLLER_UUID"], work.set)
    cluster.start()
    keeper = Keeper(
        cluster,
        CharmHub.load(Path(__file__).with_name("bundle")),
        Place(environ["CONTROLLER_CLOUD"]),
        Logbook(Path(environ["CONTROLLER_DATA"]) / "logsink.jsonl"),
        model_uuid=environ["CONTROLLER_MODEL_UUID"],
        now_work=work.set,
    )
    server = make_server(_PORT, keeper, environ["CONTROLLER_PASSWORD"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _LOG.info("controller %s is ready", environ["CONTROLLER_NAME"])
    while True:
        work.clear()
        try:
            wake = keeper.tick()
        except (ApiException, HTTPError, OSError) as error:
            # The API server may be restarting; nothing is lost, the next look repeats it.
            _LOG.warning("the cluster did not answer: %s", str(error).splitlines()[0])
            wake = time.time() + _RETRY_SECONDS
        pause = _LONGEST_SLEEP if wake is None else min(max(wake - time.time(), 0.0), _LONGEST_SLEEP)
        work.wait(pause)


if __name__ == "__main__":
    main()
