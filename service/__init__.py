"""The room that knows all others: settings, wiring, the loop, the wall clock, telemetry, commands."""

import os

# Small matrices gain nothing from many threads and lose much when a second process wants the cores: the same
# forecast took 3 to 40 s instead of 2 to 3. Set before numpy is loaded; an owner's own setting stays.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
