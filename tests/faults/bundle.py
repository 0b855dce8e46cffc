"""A bundle of a few bytes: whole as far as the host can tell, enough for what fails without a machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

FILES = {
    "box": "box/rehearsal.box",
    "iso": "bundle.iso",
    "snap": "snaps/microk8s.snap",
    "image": "images/rehearsal.tar",
}


def make_bundle(root: Path) -> Path:
    """Write the bundle and return its directory."""
    for name in FILES.values():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}")

    def entry(kind: str) -> dict[str, object]:
        content = (root / FILES[kind]).read_bytes()
        return {"file": FILES[kind], "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}

    manifest = {
        "schema": 1,
        "edition": "rehearsal",
        "box": {"name": "lab/rehearsal-fault", **entry("box")},
        "iso": {"label": "LAB_BUNDLE", **entry("iso")},
        "snaps": [{"name": "microk8s", "version": "1", **entry("snap")}],
        "images": [{"refs": ["a"], **entry("image")}],
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    return root
