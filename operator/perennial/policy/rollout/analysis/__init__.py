"""What counters of both arms and Prometheus say about a rollout's step. What follows is `stepping`'s decision."""

from perennial.policy.rollout.analysis.baking import watch
from perennial.policy.rollout.analysis.gross import gross
from perennial.policy.rollout.analysis.judging import analyse
from perennial.policy.rollout.analysis.mirroring import mirror_share
from perennial.policy.rollout.analysis.prometheus import SUSTAINED_POINTS, Reading, filled, queries, read_answer
from perennial.policy.rollout.analysis.shift import score_edges

__all__ = [
    "SUSTAINED_POINTS",
    "Reading",
    "analyse",
    "filled",
    "gross",
    "mirror_share",
    "queries",
    "read_answer",
    "score_edges",
    "watch",
]
