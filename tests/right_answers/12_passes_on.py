# %% Packing stays on: without buffering, nginx flushes after each piece
settings = """
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_buffering off;
gzip on;
gzip_types text/plain;
gzip_min_length 0;
proxy_read_timeout 60s;
"""


# %% Three lines in one
settings = "proxy_http_version 1.1; proxy_buffering off; gzip off;"


# %% The twelve lines of the lesson
settings = r"""
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_buffering off;
gzip off;
proxy_read_timeout 60s;
proxy_ignore_client_abort off;
error_page 502 = @down;
location @down {
    if ($http_accept != "text/event-stream") { return 502; }
    default_type text/event-stream;
    return 200 "retry: 2000\n\n";
}
"""


# %% Packs another type alone, with comments
settings = """
# towards the app
proxy_http_version 1.1;
proxy_buffering off;  # nothing is held back
# towards the client
gzip on;
gzip_types application/json;
"""


# %% A keep-alive towards the app as older manuals write it
settings = """
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_buffering off;
proxy_cache off;
"""
