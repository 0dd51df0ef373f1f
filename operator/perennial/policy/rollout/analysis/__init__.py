"""What the counters of both arms say about a rollout's step: statistics only. What follows is `stepping`'s decision."""

from perennial.policy.rollout.analysis.baking import watch
from perennial.policy.rollout.analysis.gross import gross
from perennial.policy.rollout.analysis.judging import analyse
from perennial.policy.rollout.analysis.mirroring import mirror_share
from perennial.policy.rollout.analysis.shift import score_edges

__all__ = ["analyse", "gross", "mirror_share", "score_edges", "watch"]
