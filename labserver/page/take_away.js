async function readStream(url, show, signal, get = fetch) {
  // Jupyter's proxy streams for exactly this Accept; all else it collects.
  const headers = { Accept: "text/event-stream" };
  const response = await get(url, { headers, signal, cache: "no-store" });
  show("open", response.status);
  const text = response.body.pipeThrough(new TextDecoderStream());
  const reader = text.getReader();
  while (true) {
    const { value, done } = await reader.read(); // throws if the line is cut
    if (done) return;
    show("chunk", value); // where a line ends is yours to find
  }
}

function readEvents(url, show, names, last, Source = EventSource) {
  const source = new Source(url);
  source.addEventListener("open", () => show("open"));
  for (const name of names) { // onmessage gets only those without a name
    source.addEventListener(name, (event) => {
      if (name === last) source.close(); // or it would ask again
      show(name, event.data, event.lastEventId);
    });
  }
  source.addEventListener("error", () => {
    // The line was cut, or the stream is done: it cannot tell, and asks again.
    // Closed: the answer was no stream of events, or 204, "do not come back".
    show(source.readyState === Source.CLOSED ? "closed" : "ended");
  });
  return source;
}
