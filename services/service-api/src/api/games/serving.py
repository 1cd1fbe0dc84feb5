"""What the routers of games share: the runs that are kept, and what was written of them for answers."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request

from api.games.column_texts import ColumnTexts
from api.games.players import CorrectedRuns
from api.games.runs import RunKey
from api.kept import Kept
from api.site import Here
from shared_libs.common.stored_files import StoredFiles

_TEXTS_KEPT: Final = 500
_BYTES_KEPT: Final = 16 << 20


class ServedRuns(CorrectedRuns):
    """columns: boxes as JSON. players: as JSON, by the run, its ETag, and whether seconds are the film's own."""

    def __init__(self, files: StoredFiles) -> None:
        super().__init__(files)
        self.columns = ColumnTexts()
        self.players: Kept[tuple[RunKey, str, bool], bytes] = Kept(_TEXTS_KEPT, _BYTES_KEPT, len)


async def served_runs(request: Request, here: Here) -> ServedRuns:
    """The runs of this app."""
    state = request.app.state
    if not hasattr(state, "served_runs"):
        state.served_runs = ServedRuns(here.files)
    runs: ServedRuns = state.served_runs
    return runs


Runs = Annotated[ServedRuns, Depends(served_runs)]
