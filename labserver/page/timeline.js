"use strict";
// What is shown of the run that streams.js starts: a row for each piece, a tick on the timeline.
const KEPT = 200; // rows a pane
const MARKS = { open: "m0 2l5 9h-10z", end: "m-4-4h9v9h-9z", cut: "m-6-6l12 12m0-12l-12 12" };
const $ = (id) => document.getElementById(id);

const now = () => (performance.now() - run.start) / 1000; // seconds since Start
const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const trace = (path, d) => { if (path.getAttribute("d") !== d) path.setAttribute("d", d); };

function shape(inside, tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  made.textContent = text;
  return inside.appendChild(made);
}

class Pane {
  constructor(id, name, noun, y) {
    Object.assign(this, { name, noun, rows: [], times: [], marks: [], paths: {} });
    [this.url, this.state, this.body] = [".url", ".state", "tbody"].map((part) => $(id).querySelector(part));
    this.text = this.state.textContent;
    const group = shape($("timeline"), "g", { transform: `translate(0 ${y})` });
    for (const kind of ["line", "away", "ticks", "open", "end", "cut"])
      this.paths[kind] = shape(group, "path", { class: kind });
    shape(group, "text", { x: 8, y: -33, "font-weight": 700 }, name);
    this.title = shape(group, "text", { x: 20 + 9 * name.length, y: -33 });
    this.words = shape(group, "g");
  }
  reset(url) {
    Object.assign(this, { rows: [], times: [], marks: [], ids: [], last: "", done: false, text: "Asking …" });
    this.body.replaceChildren();
    write(this.url, url);
  }
  row(...cells) {
    const at = now(), gap = at - (this.times.at(-1) ?? 0);
    this.times.push(at);
    const numbers = [this.times.length.toLocaleString("en"), at.toFixed(3), gap.toFixed(3)];
    this.rows.push([...numbers, ...cells.map((cell) => cell.toLocaleString("en"))]);
    this.rows.splice(0, this.rows.length - KEPT);
    refresh();
  }
  say(text, mark, word, done = false) { // with a mark on the timeline, and a word at the mark
    Object.assign(this, { text, done });
    this.marks.push({ mark, word, at: now() });
    refresh();
  }
  end(text, mark, word) {
    this.say(text, mark, word, true);
    if (panes.every((pane) => pane.done)) finish("Both have ended.");
  }
  get count() { return counted(this.times.length, this.noun); }
  get summary() {
    const gaps = this.times.slice(1).map((at, i) => at - this.times[i]).sort((a, b) => a - b);
    return this.count + (gaps.length ? `, gaps ${gaps[gaps.length >> 1].toFixed(3)} s median` : "");
  }
  get latest() { return Math.max(this.times.at(-1) ?? 0, this.marks.at(-1)?.at ?? 0); }
  update() {
    write(this.state, this.text);
    for (const cells of this.rows.splice(0)) {
      const row = this.body.insertRow();
      for (const cell of cells)
        row.insertCell().textContent = cell.length > 200 ? `${cell.slice(0, 200)} …` : cell;
    }
    while (this.body.rows.length > KEPT) this.body.deleteRow(0);
  }
  draw(afresh, clock) {
    write(this.title, run?.over ? this.summary : this.count);
    if (afresh) [this.drawn, this.ticks] = [0, ""];
    for (; this.drawn < this.times.length; this.drawn++) {
      const tick = `M${x(this.times[this.drawn])} -1v-24`;
      if (!this.ticks.endsWith(tick)) this.ticks += tick;
    }
    const paths = { ticks: this.ticks, line: "", away: "", open: "", end: "", cut: "" };
    let from = 0, kind = "line";
    for (const { mark, at } of [...this.marks, { at: this.done ? 0 : Math.max(clock, this.latest) }]) {
      if (at > from) paths[kind] += `M${x(from)} 0H${x(at)}`;
      if (mark) paths[mark] += `M${x(at)} 0${MARKS[mark]}`;
      [from, kind] = [Math.max(at, from), mark === "open" ? "line" : "away"];
    }
    for (const kind in paths) trace(this.paths[kind], paths[kind]);
    const named = this.marks.map(({ word }) => word).join();
    if (!afresh && named === this.named) return;
    this.named = named;
    this.words.replaceChildren();
    let free = 0;
    for (const { word, at } of this.marks) {
      const here = x(at), wide = 12 + 8 * word.length, before = here + wide > width; // no room after it
      if (here <= free + (before ? wide : 0)) continue; // no room at all
      const place = { x: here + (before ? -9 : 9), y: 15, "text-anchor": before ? "end" : "start" };
      shape(this.words, "text", place, word);
      free = here + wide;
    }
  }
}
const grid = shape($("timeline"), "g");
const left = new Pane("fetch", "fetch", "chunk", 46), right = new Pane("events", "EventSource", "event", 110);
const panes = [left, right];

let width = 0, span = 5, x = null; // pixels, seconds, from seconds to pixels; null: to be drawn afresh

function draw() {
  const grows = run?.asked && !run.over && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const clock = grows ? now() : 0;
  const latest = Math.max(clock, left.latest, right.latest);
  if (latest > span) [span, x] = [1.25 * latest, null];
  const afresh = !x;
  if (afresh) drawGrid();
  panes.forEach((pane) => pane.draw(afresh, clock));
}

function drawGrid() {
  x = (at) => Math.round(8 + (at / span) * (width - 28)) + 0.5;
  const rough = (span * 90) / width, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  grid.replaceChildren();
  for (let i = 0; i * step <= span; i++) {
    shape(grid, "path", { class: "grid", d: `M${x(i * step)} 0V128` });
    const text = +(i * step).toPrecision(4) + (i ? "" : " s");
    shape(grid, "text", { x: x(i * step), y: 144, "text-anchor": i ? "middle" : "start" }, text);
  }
}

let shown = 0, showing = null; // when it may be shown again, in ms; what waits for that
const refresh = () => { showing ??= setTimeout(update, shown - performance.now()); };
function update() {
  clearTimeout(showing);
  const much = panes.some((pane) => pane.rows.length > 2); // more than can be read
  [shown, showing] = [performance.now() + (much ? 250 : 100), null];
  const stuck = run?.late && !run.over && !relayed && panes.find((pane) => !pane.done && !pane.marks.length);
  write($("held"), stuck ? `${stuck.name}: ${LIMIT}` : relayed ? HELD : "");
  panes.forEach((pane) => pane.update());
  draw();
}

let spoken = -Infinity, speaking;
function announce(text) { // a screen reader, which hears more, has to keep up
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    spoken = performance.now();
    const told = panes.map((pane) => ` ${pane.name}: ${pane.summary}.`);
    $("status").replaceChildren(text, document.createElement("span"));
    $("status").lastChild.textContent = told.join("");
    const words = panes.map((pane, i) => `${told[i]} ${pane.text}`).join("");
    $("timeline").setAttribute("aria-label", `Timeline, seconds since Start.${words}`);
  }, spoken + 1000 - performance.now());
}
