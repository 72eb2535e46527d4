"use strict";
// Over a WebSocket, where HTTP is held back: the same request, made beside the server.

function relayFetch(url, { headers, signal }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(new URL(address("relay", {}), location.href.replace(/^http/, "ws")));
    let body;
    const stream = new ReadableStream({ start: (controller) => { body = controller; } });
    const fail = (reason) => { // what has ended already stays as it is
      body.error(new TypeError(reason));
      reject(new TypeError(reason));
      socket.onmessage = null;
      socket.close();
    };
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ method: "GET", path: `/${url}`, headers }));
    socket.onclose = () => fail("The connection was lost.");
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return body.enqueue(new Uint8Array(data));
      const { status, headers, end, reason } = JSON.parse(data);
      if (status) resolve(new Response(status === 204 ? null : stream, { status, headers }));
      else if (end === "cut") fail(reason);
      else body.close();
    };
    signal.addEventListener("abort", () => fail("stopped"));
  });
}

class RelayedEventSource extends EventTarget { // HTML standard, 9.2
  static CLOSED = 2;
  constructor(url) {
    super();
    Object.assign(this, { url, readyState: 0, retry: 3000, last: "", abort: new AbortController() });
    this.ask();
  }
  close() {
    this.readyState = 2;
    this.abort.abort();
  }
  async ask() {
    if (this.readyState === 2) return;
    const headers = { Accept: "text/event-stream", ...(this.last && { "Last-Event-ID": this.last }) };
    this.refusal = ""; // why the relay did not answer at all
    try {
      const response = await relayFetch(this.url, { headers, signal: this.abort.signal })
        .catch((error) => { this.refusal = error.message; throw error; });
      const type = response.headers.get("content-type") ?? "";
      if (response.status !== 200 || !/^text\/event-stream *(;|$)/i.test(type)) return this.close(); // a 204 too
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
      await this.read(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch { /* cut: what follows is the same as after an end */ } finally {
      if (this.readyState !== 2) this.readyState = 0;
      setTimeout(() => this.ask(), this.retry);
      this.dispatchEvent(new Event("error"));
    }
  }
  async read(reader) {
    let rest = "", half = false, type = "", data = [], id = this.last;
    for (let piece; !(piece = await reader.read()).done;) {
      const text = half ? piece.value.replace(/^\n/, "") : piece.value; // of a CR LF that was torn
      half = piece.value.endsWith("\r");
      const lines = (rest + text).split(/\r\n|\n|\r/);
      rest = lines.pop();
      for (const line of lines) {
        const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
        if (name === "data") data.push(value);
        if (name === "event") type = value;
        if (name === "id" && !value.includes("\0")) id = value;
        if (name === "retry" && /^[0-9]+$/.test(value)) this.retry = +value;
        if (line || this.readyState === 2) continue;
        this.last = id;
        const event = { data: data.join("\n"), lastEventId: id };
        if (data.length) this.dispatchEvent(new MessageEvent(type || "message", event));
        [type, data] = ["", []];
      }
    }
  }
}
