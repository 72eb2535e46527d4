settings = """
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_buffering off;
gzip off;
proxy_read_timeout 60s;
"""
