"""Gates: is a run good enough to become an approved version? Pure; the measurements come from run.json."""

from perennial.policy.gates.judge import judge
from perennial.policy.gates.verdict import Verdict, verdict_of

__all__ = ["Verdict", "judge", "verdict_of"]
