predictions = {
    "first_event": 0.5,  # the generator waits before it yields
    "events": 3,  # the format makes an event, whichever class sends it
    "body_bytes": 60,  # three times 20: "id: 1\n", "data: Step 1\n", "\n"
    "has_cache_control": False,  # StreamingResponse adds no such header
    "first_id_after_2": "1",  # the route never reads Last-Event-ID
}
