"""Facts → pages for people: self-contained HTML, no scripts, no requests. Pure; nothing is measured here."""

from perennial.reports.drift import drift_report
from perennial.reports.drift_page import drift_page

__all__ = ["drift_page", "drift_report"]
