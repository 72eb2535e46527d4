# %% As if EventSourceResponse sent it: CR LF, its headers
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_bytes": 69,
    "has_cache_control": True,
    "first_id_after_2": "1",
}
# %% Ids alone make it resume
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": False,
    "first_id_after_2": "3",
}
# %% The first event comes at once
predictions = {
    "first_event": 0,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": False,
    "first_id_after_2": 1,
}
# %% The wait is counted over all events
predictions = {
    "first_event": 1.5,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": False,
    "first_id_after_2": "1",
}
# %% Four of five filled in
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_bytes": None,
    "has_cache_control": False,
    "first_id_after_2": "1",
}
# %% Text instead of numbers
predictions = {
    "first_event": "0.5 s",
    "events": "three",
    "body_bytes": "60",
    "has_cache_control": "no",
    "first_id_after_2": "1",
}
