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
# %% Text instead of numbers => body_bytes is not '60' (text, expected: a number without quotes)
predictions = {
    "first_event": "0.5 s",
    "events": "three",
    "body_bytes": "60",
    "has_cache_control": "no",
    "first_id_after_2": "1",
}


# %% the length of one event => body_bytes is not 20
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_bytes": 20,
    "has_cache_control": False,
    "first_id_after_2": "1",
}


# %% no dict => predictions is a dict
predictions = [0.5, 3, 60, False, "1"]


# %% milliseconds => first_event is not 500
predictions = {
    "first_event": 500,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": False,
    "first_id_after_2": "1",
}


# %% the row is misspelt => still without a prediction: body_bytes
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_size": 60,
    "has_cache_control": False,
    "first_id_after_2": "1",
}


# %% yes and no as text => expected: True or False without quotes
predictions = {
    "first_event": 0.5,
    "events": 3,
    "body_bytes": 60,
    "has_cache_control": "False",
    "first_id_after_2": "1",
}
