"""The auditor: a log re-checked with no trust in the node that made it (design §5, `coopnode audit`).

    report = audit(open_source("https://coop.example"), expect=cooperative_id)

It knows nothing of the node's database; `coopnode.inspect` adds that for one's own data directory.
"""

from __future__ import annotations

from coopnode.audit.checkers import CheckerDied
from coopnode.audit.pipeline import audit
from coopnode.audit.replay import Replayer, RulesFailed, replaying
from coopnode.audit.report import Problem, Report
from coopnode.audit.sources import Directory, Missing, Source, SourceError, Url, open_source

__all__ = [
    "CheckerDied",
    "Directory",
    "Missing",
    "Problem",
    "Replayer",
    "Report",
    "RulesFailed",
    "Source",
    "SourceError",
    "Url",
    "audit",
    "open_source",
    "replaying",
]
