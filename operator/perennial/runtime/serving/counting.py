"""The shared cells of a pod: everything that its workers count, in one layout that no model changes."""

from perennial.runtime.serving import arms, metrics
from perennial.runtime.serving.cells import Cells, Layout


def cells_for(workers: int) -> Cells:
    """Cells for so many workers; make them before forking."""
    return Cells(Layout.of({**metrics.SECTIONS, **arms.sections()}), workers)
