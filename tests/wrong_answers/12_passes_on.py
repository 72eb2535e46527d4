# %% The version alone => /rows came after 1.
settings = """
proxy_http_version 1.1;
gzip on;
gzip_types text/plain;
gzip_min_length 0;
"""


# %% Buffering off alone: all is live, and the cut is hidden => it ends well, with 2 rows of 5
settings = """
proxy_http_version 1.0;
proxy_buffering off;
gzip off;
"""


# %% A file of known size is still held back => rows of /sized
settings = """
proxy_http_version 1.1;
gzip off;
"""


# %% A word that nginx does not know => refuses line 3 of the settings, 'proxy_bufering off;'
settings = """
proxy_http_version 1.1;
proxy_bufering off;
"""


# %% A brace without its other half => nginx refuses the settings: unexpected
settings = """
proxy_http_version 1.1;
proxy_buffering off;
}
"""


# %% Waits for less than a row takes => did not come whole
settings = """
proxy_http_version 1.1;
proxy_buffering off;
gzip off;
proxy_read_timeout 100ms;
"""


# %% nginx answers by itself => the body of /rows
settings = """
return 200 "row 0";
"""


# %% Small buffers instead of none => rows of /sized
settings = """
proxy_http_version 1.1;
proxy_buffer_size 1k;
proxy_buffers 2 1k;
proxy_busy_buffers_size 1k;
gzip off;
"""


# %% The path of a file => nginx refuses
settings = "/etc/nginx/nginx.conf"
