"""How hypothesis runs in all tests of shared_libs: the same examples every time, and none timed.

With LAXAI_EXHAUSTIVE=1 (`--config=exhaustive`) it looks for new examples, and for many more.
"""

import os
from typing import Any

from hypothesis import HealthCheck, settings

_COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}

settings.register_profile("ordinary", max_examples=30, derandomize=True, **_COMMON)
settings.register_profile("exhaustive", max_examples=3000, print_blob=True, **_COMMON)
settings.load_profile("exhaustive" if os.environ.get("LAXAI_EXHAUSTIVE") == "1" else "ordinary")
