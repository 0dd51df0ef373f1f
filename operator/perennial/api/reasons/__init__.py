"""All reasons of conditions, events and failures as constants, each documented with what a person does about it.

`REASONS` is the same as data: reference page, command line and web page read it.
"""

from perennial.api.reasons.entry import NOTHING, REASONS, Reason
from perennial.api.reasons.platform import *  # noqa: F403 - the constants are the point
from perennial.api.reasons.retraining import *  # noqa: F403
from perennial.api.reasons.serving import *  # noqa: F403
from perennial.api.reasons.training import *  # noqa: F403

__all__ = ["NOTHING", "REASONS", "Reason"]
