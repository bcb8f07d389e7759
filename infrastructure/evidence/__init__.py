"""The log as evidence: what was changed, removed, inserted or reordered since it was recorded."""

from infrastructure.evidence.beyond import missing, verify_beyond
from infrastructure.evidence.findings import Finding, Kind, Report
from infrastructure.evidence.inspecting import CannotCheck
from infrastructure.evidence.verifying import verify

__all__ = ["CannotCheck", "Finding", "Kind", "Report", "missing", "verify", "verify_beyond"]
