"""Makes the keys of the object store before it starts: the application's init container."""

from __future__ import annotations

from labkubeflow.common.kube import ACCOUNT, Kube
from labkubeflow.common.options import Options
from labkubeflow.objectstore.keys import ensure_keys


def main() -> None:
    """Write the Secret that the server takes its keys from."""
    namespace = (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    ensure_keys(Kube.in_pod(), namespace, Options.read())


if __name__ == "__main__":
    main()
