"""How often both versions answered the same rows differently: shadow mode's row for people. It fails nothing. Pure."""

from perennial.api.records.arms import ShadowCounts
from perennial.policy.rollout.analysis.finding import Finding


def disagreement(shadow: ShadowCounts) -> Finding:
    """The row on a shadow's pairs."""
    share = shadow.disagreements / shadow.rows if shadow.rows else None
    told = f"{shadow.disagreements} of {shadow.rows} rows were answered differently"
    if shadow.rows and shadow.absolute:  # answers of labels alone have no distance
        told += f"; scores differ by {shadow.absolute / shadow.rows:.3g} on average, {shadow.largest:.3g} at most"
    if shadow.incomparable:
        told += f"; {shadow.incomparable} pairs could not be compared"
    return Finding("disagreement", candidate=share, samples=shadow.pairs, blind=told)
