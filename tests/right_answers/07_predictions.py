# %% an id as a number
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": False,
    "first_id_after_2": 1,
}


# %% a little early
predictions = {
    "first_event": 0.4,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": 0,
    "first_id_after_2": "1",
}


# %% a little late, numbers of other types
from decimal import Decimal
from fractions import Fraction

import numpy as np

predictions = {
    "first_event": Decimal("0.6"),
    "events": Fraction(3),
    "body_bytes": np.int64(60),
    "has_cache_control": np.bool_(False),
    "first_id_after_2": "1",
}


# %% computed
first = "id: 1\ndata: Step 1\n\n"
predictions = dict(
    first_event=1 / 2,
    events=len(range(1, 4)),
    body_bytes=3 * len(first),
    has_cache_control="cache-control" in {},
    first_id_after_2=str(1),
)


# %% a row more, numbers with a point, and prints
predictions = {
    "first_event": 0.55,
    "events": 3.0,
    "body_bytes": 60.0,
    "has_cache_control": False,
    "first_id_after_2": "1",
}
predictions["why"] = "counted"
print(predictions)
