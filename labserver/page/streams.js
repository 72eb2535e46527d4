"use strict";
// What the buttons do: both streams started, stopped, cut; and whether the server is there.
const SOURCES = { // the paths, how many events are due, what to know
  lines: ["plain-stream", "sse", (n) => n, "The same text twice: as lines, and as events."],
  csv: ["export", "export", null, "Thousands of rows. EventSource refuses them: text/csv is no stream of events."],
  jsonl: ["export.jsonl", "export.jsonl", null, "Thousands of rows, a line each. EventSource refuses them."],
  progress: ["progress", "progress", () => 5, "fetch shows the text of the events. The last one is named done."],
  log: ["logs", "logs", (n) => n, "Every fourth entry has two lines and is one event. There is no end event."],
};
const NAMES = ["message", "progress", "done", "info", "warning", "end"];
const HELD = "HTTP is held back: what you see comes over a WebSocket.";
const LIMIT = "no answer for 3 s. A browser opens six connections to a server; other tabs may hold them.";
const AGAIN = framed ? "Run this notebook's cells from the top down to this one." : "Start it again, then press Start.";
const own = Object.fromEntries(new URLSearchParams(location.search)); // what lets it through a proxy
let run = null; // what Start started last
let relayed = null; // whether HTTP is held back; null: not known yet

const address = (path, query) => `${path}?${new URLSearchParams({ ...query, ...own })}`;
const ask = (path, query, options) =>
  fetch(address(path, query), { headers: { Accept: "text/event-stream" }, cache: "no-store", ...options });
const askToCut = ({ name }) => ask("cut", { name }, { method: "POST", keepalive: true }); // also when left

// ---- Start, stop, cut ----

function showRunning(on) {
  document.body.classList.toggle("running", on);
  for (const id of ["stop", "cut"]) $(id).setAttribute("aria-disabled", !on);
}

async function start() {
  finish();
  const [path, other, due] = SOURCES[$("source").value];
  const count = +$("count").value, every = $("every").value, last = $("finish").value;
  const query = !due ? { rows: count * 1000 } : path === "progress" ? { every } : { count, every };
  const queries = [query, last && other === "sse" ? { ...query, end: true } : query];
  const random = crypto.getRandomValues(new Uint32Array(4)).join("-").slice(0, 40);
  const mine = { name: random, abort: new AbortController(), start: performance.now(), cuts: 0, events: due?.(count) };
  run = mine;
  [span, x] = [1.01 * (mine.events * every || 0.05), null];
  panes.forEach((pane, i) => pane.reset(`${[path, other][i]}?${new URLSearchParams(queries[i])}`));
  showRunning(true);
  $("status").textContent = "";
  const pixels = Math.min(1000, Math.max(200, (3000 * span) / width)); // ms for three of them
  mine.timers = [setInterval(refresh, pixels), setInterval(() => announce(""), 5000),
    setTimeout(() => { mine.late = true; }, 3000)];
  if (!(await ready()) || mine.over) return;
  Object.assign(mine, { asked: true, start: performance.now() });
  announce("Started.");
  const urls = queries.map((one, i) => address([path, other][i], { ...one, name: mine.name }));
  const close = last && (path === "progress" ? "done" : "end");
  mine.source = readEvents(urls[1], (...seen) => mine.over || right.done || showEvent(close, ...seen),
    NAMES, close, relayed ? RelayedEventSource : EventSource);
  showStream(mine, urls[0]);
}

async function showStream(mine, url) {
  let status;
  const show = (kind, value) => {
    if (mine.over) return;
    const visible = (text) => text.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
    if (kind === "chunk") return left.row(value.length, visible(value.slice(0, 201)));
    status = value;
    left.say("Reading.", "open", "headers");
  };
  try {
    await readStream(url, show, mine.abort.signal, relayed ? relayFetch : fetch);
    if (mine.over) return;
    if (status !== 200) left.end(`Refused: ${status}.`, "cut", "refused");
    else if (!mine.cuts) left.end("The body ended without an error.", "end", "end");
    else left.end("It ended without an error: something in between hides that it was cut.", "cut", "cut");
  } catch (error) {
    if (mine.over || !(await isThere(mine))) return;
    const reason = error.message.replace(/\.?$/, "."); // not every browser ends it with one
    left.end(`Error: ${reason} What came stays; fetch does not ask again.`, "cut", "cut");
  }
}

async function showEvent(close, kind, data, id) {
  const mine = run, ids = right.ids;
  const came = () => new Set(ids).size;
  const sum = () => `${came()} of ${mine.events} came, ${ids.length - came() || "none"} twice.`;
  if (kind === "open") {
    const back = right.marks.length;
    const open = relayed ? "Open: a reader in this page stands in for EventSource." : "Open.";
    right.say(back ? "Back by itself." : open, "open", back ? "back" : "headers");
    mine.cut = false;
  } else if (kind === "ended") {
    const after = right.last ? ` with Last-Event-ID: ${right.last}` : "";
    const { refusal } = mine.source, mark = mine.cut || refusal ? "cut" : "end";
    const why = refusal ? `Refused: ${refusal} It` : "The line has ended; it";
    right.say(`${why} asks again${after} …`, mark, refusal ? "refused" : mark);
    isThere(mine);
  } else if (kind === "closed") {
    if (!(await isThere(mine))) return;
    if (!ids.length) right.end("Refused: the answer is no stream of events. It stays closed.", "cut", "refused");
    else if (came() < mine.events) right.end(`Asked again and refused: it stays closed. ${sum()}`, "cut", "refused");
    else right.end(`Asked again, and got a 204: it stays closed. ${sum()}`, "end", "204");
  } else {
    right.row(kind, id, data);
    right.last = id;
    if (kind !== "end") ids.push(id);
    if (kind === close) right.end(`Closed by the page at the event named ${kind}. ${sum()}`, "end", "closed");
  }
}

function finish(reason = "Stopped.", mark = "end", word = "stopped") {
  if (!run || run.over) return;
  run.over = true;
  run.abort.abort();
  run.source?.close();
  run.timers.forEach(clearInterval);
  const open = panes.filter((pane) => !pane.done);
  // The server ends both when we leave. A proxy may not tell it: so we do.
  if (open.length && word === "stopped") askToCut(run).catch(() => {});
  for (const pane of open) {
    if (word === "gone" && pane.marks.at(-1)?.mark !== "open") pane.marks.pop(); // why the line ended
    pane.say(reason, mark, word, true);
  }
  showRunning(false);
  update();
  announce(reason);
}

async function cut() {
  const mine = run;
  if (!mine || mine.over) return;
  mine.cut = true; // at once: the lines end before the server has answered
  mine.cuts += 1;
  const answer = await askToCut(mine).then((response) => response.json()).catch(() => null);
  if (!answer) return isThere(mine);
  if (!answer.cut) [mine.cut, mine.cuts] = [false, mine.cuts - 1];
  if (!mine.over) announce(`The server cut ${counted(answer.cut, "connection")}.`);
}

// ---- Is the server there? Does HTTP come through live? ----

let seeking = null, patience = 2000; // ms
async function isThere(mine) {
  const there = await (seeking ??= seek().finally(() => { seeking = null; }));
  return !mine.over && (there || gone());
}

async function seek() { // an app that is served again is back within half a second
  for (const start = performance.now(); ; await new Promise((wake) => setTimeout(wake, 200))) {
    const signal = AbortSignal.timeout(8000);
    const answer = await ask("probe", { n: 1, every: 0 }, { signal }).catch(() => null);
    if (answer?.status < 500) return true;
    if (performance.now() - start > patience) return false;
  }
}

function gone() {
  relayed = null; // to be probed again
  finish("The server is gone.", "cut", "gone");
  announce(`The server is gone. ${AGAIN}`);
  return false;
}

async function probe() {
  let held = true;
  for (const n of [5, 20]) { // a busy browser may read the first few at once
    const response = await ask("probe", { n, every: 0.1 });
    const times = [], reader = response.body.getReader();
    while (!(await reader.read()).done) times.push(performance.now());
    if (response.status >= 500) return false;
    held &&= response.status === 200 && !(times.at(-1) - times[0] > 100); // of 400 ms, of 1,900
    if (!held) break;
  }
  relayed = held;
  update();
  return true;
}

let probing = null;
async function ready() {
  if (relayed !== null) return true;
  probing ??= probe().catch(() => false).finally(() => { probing = null; });
  return (await probing) || gone();
}

$("shown").textContent = $("code").textContent.trim();
($("source").onchange = () => { $("hint").textContent = SOURCES[$("source").value][3]; })();
$("form").onsubmit = (event) => { event.preventDefault(); start(); };
$("stop").onclick = () => finish();
$("cut").onclick = cut;
addEventListener("pagehide", () => finish());
new ResizeObserver(([{ contentRect }]) => {
  [width, x] = [contentRect.width, null];
  draw();
}).observe($("timeline"));
ready();
