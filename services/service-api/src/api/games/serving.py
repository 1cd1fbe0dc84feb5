"""What the routers of games share: the runs that are kept, and when their frames are shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.games.players import CorrectedRuns
from api.site import Here


async def corrected_runs(request: Request, here: Here) -> CorrectedRuns:
    """The runs of this app."""
    state = request.app.state
    if not hasattr(state, "corrected_runs"):
        state.corrected_runs = CorrectedRuns(here.files)
    runs: CorrectedRuns = state.corrected_runs
    return runs


Runs = Annotated[CorrectedRuns, Depends(corrected_runs)]
