import httpx


# Gives what came
def download(url):
    data = b""
    try:
        with httpx.stream("GET", url, trust_env=False) as response:
            for chunk in response.iter_raw():
                data += chunk
    except httpx.RemoteProtocolError:
        pass
    return data


# %% Starts over
def download(url):
    while True:
        try:
            return httpx.get(url, trust_env=False).content
        except httpx.RemoteProtocolError:
            pass


# %% Leaves out a byte
def download(url):
    data = b""
    while True:
        rest = {"Range": f"bytes={len(data) + 1}-"} if data else {}
        try:
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                if response.status_code == 200:
                    data = b""
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% Does not look at the status
def download(url):
    data = b""
    while True:
        try:
            rest = {"Range": f"bytes={len(data)}-"}
            with httpx.stream("GET", url, headers=rest, trust_env=False) as response:
                for chunk in response.iter_raw():
                    data += chunk
            return data
        except httpx.RemoteProtocolError:
            pass


# %% The first half, and not bytes
def download(url):
    with httpx.stream("GET", url, trust_env=False) as response:
        return response.iter_raw()
