"""Whether this computer can run a lab: what `lab doctor` looks at, one module a subject."""

from __future__ import annotations

from lab.probes.host.finding import Finding, Level, Report, Subject

__all__ = ["Finding", "Level", "Report", "Subject"]
