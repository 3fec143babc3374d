
"use strict";
(() => {
const EVERY = 1000, PATIENCE = 4000;       // Milliseconds between two looks, and until one has failed.
const KEPT = 300;                          // Looks that the charts show.
const SINGLE = 512, BLOCKS = 256;          // Slots up to which each has its cell, and the most cells beyond.
const EVENTS = 60, NOTES = 40, ENDED = 3;  // Rows of events; what the page itself noted; seconds that an end is shown.

const $ = id => document.getElementById(id);
const el = (tag, name, text) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(document.createTextNode(text ?? ""));
  return node;
};
/// Changes the one text node of `node`, and only if it says something else: no nodes come or go.
const say = (node, text) => {
  let inner = node.firstChild;
  if (!inner) node.append(inner = document.createTextNode(""));
  text = String(text);
  if (inner.nodeValue !== text) inner.nodeValue = text;
};
const set = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value); };
const focusable = (node, is) => set(node, "tabindex", is ? "0" : "-1");
const dress = (node, name) => { if (node.className !== name) node.className = name; };
/// The first `many` children are shown, made when they are first needed; the others wait hidden.
const rows = (parent, many, make) => {
  while (parent.children.length < many) parent.append(make(parent.children.length));
  for (let at = 0; at < parent.children.length; at++) if (parent.children[at].hidden !== at >= many) parent.children[at].hidden = at >= many;
  return parent.children;
};

const count = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const whole = n => n >= 1e6 ? short.format(n) : count.format(Math.round(n));
const rate = n => n >= 100 ? whole(n) : n === 0 ? "0" : String(Number(n.toPrecision(2)));
const percent = share => Math.round(share * 100) + " %";
const span = s => {
  if (!Number.isFinite(s)) return "–";
  if (s === 0) return "0";
  const of = (n, unit) => (n < 9.95 ? n.toFixed(1) : Math.round(n)) + " " + unit;
  if (s < 1e-6) return of(s * 1e9, "ns");
  if (s < 1e-3) return of(s * 1e6, "µs");
  if (s < 1) return of(s * 1e3, "ms");
  if (s < 60) return of(s, "s");
  if (s < 3600) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
};
const two = n => String(n).padStart(2, "0");
const clock = ms => { const t = new Date(ms); return two(t.getHours()) + ":" + two(t.getMinutes()) + ":" + two(t.getSeconds()); };

const SIGN = { healthy: "✓", degraded: "!", unhealthy: "!!", critical: "✕" };
const STATES = [
  ["busy", "B", "busy"], ["long", "L", "held too long"], ["ready", "R", "ready"], ["degraded", "D", "degraded"],
  ["initializing", "+", "being made"], ["terminating", "×", "ending"], ["ended", "×", "just ended"], ["vacant", "", "empty"],
  ["fresh", "", "just replaced"],          // Not a state: a mark on one.
];
const LETTER = Object.fromEntries(STATES.map(([name, letter]) => [name, letter]));
const SAID = Object.fromEntries(STATES.map(([name, , said]) => [name, said]));
/// Which state a cell of many slots shows: the one most worth seeing.
const WORST = ["long", "degraded", "ended", "terminating", "initializing", "busy", "ready", "vacant"];

/// The last KEPT numbers, in one array of fixed size.
class Ring {
  constructor() { this.values = new Float64Array(KEPT).fill(NaN); this.next = 0; }
  push(value) { this.values[this.next] = value; this.next = (this.next + 1) % KEPT; }
  /// The oldest first.
  at(place) { return this.values[(this.next + place) % KEPT]; }
}

/// What is remembered of a pool from look to look.
class Memory {
  constructor(index) {
    this.index = index;
    this.pool = null;
    this.rings = {};
    for (const name of ["when", "share", "waiting", "uses", "errors", "p50", "p99", "p999"]) this.rings[name] = new Ring();
    this.notes = [];               // Changes that only the page can see: at most NOTES.
    this.ends = new Map();         // Slot to the last end in it, as long as it is shown.
    this.uses = this.errors = this.at = NaN;
    this.looks = 0;
    this.told = -1;                // The time of the newest step that was looked at.
    this.perSecond = { uses: 0, errors: 0 };
  }

  look(pool, now) {
    const before = this.pool, { stats } = pool;
    this.pool = pool;
    this.looks++;
    if (before) {
      if (before.health.level !== pool.health.level) this.note(now, pool.health.level, "health: " + before.health.level + " → " + pool.health.level);
      if (before.state !== pool.state) this.note(now, "critical", "the pool is " + pool.state);
      const [was, is] = [before.breaker?.state, pool.breaker?.state];
      if (was && is && was !== is) this.note(now, is === "closed" ? "healthy" : "unhealthy", "breaker: " + was + " → " + is);
    }
    const rings = this.rings;
    rings.when.push(now);
    if (!stats) { for (const name in rings) if (name !== "when") rings[name].push(NaN); return; }
    const errors = stats.timeouts + stats.rejected, passed = pool.at_seconds - this.at;
    if (passed > 0) this.perSecond = { uses: Math.max(0, stats.checkouts - this.uses) / passed, errors: Math.max(0, errors - this.errors) / passed };
    if (!(passed === 0)) [this.uses, this.errors, this.at] = [stats.checkouts, errors, pool.at_seconds];
    const wait = pool.interval.latencies.wait, some = wait.count > 0;
    rings.share.push(stats.utilisation);
    rings.waiting.push(stats.waiting);
    rings.uses.push(before ? this.perSecond.uses : NaN);
    rings.errors.push(before ? this.perSecond.errors : NaN);
    rings.p50.push(some ? wait.p50_seconds : NaN);
    rings.p99.push(some ? wait.p99_seconds : NaN);
    rings.p999.push(some ? wait.p999_seconds : NaN);
    for (const [slot, end] of this.ends) if (pool.at_seconds - end.at_seconds > ENDED) this.ends.delete(slot);
    // Those that were there when the page came are history.
    const first = this.told < 0;
    for (const step of pool.transitions) {
      if (step.at_seconds <= this.told) continue;
      if (step.to === "terminated" && step.reason !== "could not be created" && !first) this.ends.set(step.slot, step);
    }
    const last = pool.transitions.at(-1);
    this.told = Math.max(this.told, last ? last.at_seconds : 0);
  }

  note(now, mood, text) {
    this.notes.push({ now, mood, text });
    if (this.notes.length > NOTES) this.notes.shift();
  }

  /// Time passed without looks.
  gap(now) {
    this.looks++;
    for (const name in this.rings) this.rings[name].push(name === "when" ? now : NaN);
  }
}

const memories = [];
let chosen = 0, latest = null, view = "interval";

/* ---- tabs ---- */

const tabs = $("tabs");
const choose = (index, focus) => {
  chosen = index;
  if (focus) tabs.children[index].focus();
  hovered = -1;
  current = 0;
  draw();
};
const drawTabs = () => {
  const all = rows(tabs, memories.length, index => {
    const tab = el("button");
    tab.type = "button";
    tab.id = "tab-" + index;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "panel");
    tab.append(el("i"), el("span"));
    tab.children[0].setAttribute("aria-hidden", "true");
    tab.addEventListener("click", () => choose(index, false));
    return tab;
  });
  memories.forEach((memory, index) => {
    const tab = all[index], level = memory.pool.health.level;
    dress(tab, level);
    set(tab, "aria-selected", String(index === chosen));
    focusable(tab, index === chosen);
    say(tab.children[0], SIGN[level] ?? "?");
    tab.children[0].style.color = "var(--mood)";
    say(tab.children[1], nameOf(memory));
    set(tab, "aria-label", nameOf(memory) + ": " + level);
  });
  set($("panel"), "aria-labelledby", "tab-" + chosen);
};
tabs.addEventListener("keydown", event => {
  const many = memories.length;
  const to = { ArrowRight: (chosen + 1) % many, ArrowLeft: (chosen + many - 1) % many, Home: 0, End: many - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(to, true);
});
const nameOf = memory => memory.pool.name ?? "pool " + (memory.index + 1);

/* ---- health and tiles ---- */

const tiles = ["In use", "Waiting", "Checkouts a second", "Wait, p99", "Errors", "Breaker"].map(what => {
  const tile = el("div");
  tile.append(el("div", "what", what), el("div", "value"), el("div", "note"));
  $("tiles").append(tile);
  return (value, note, mood) => {
    say(tile.children[1], value);
    dress(tile.children[1], "value" + (mood ? " " + mood : ""));
    say(tile.children[2], note);
  };
});
const drawHealth = memory => {
  const { health, state, last_create_error: failed, stopped_by: stopped } = memory.pool;
  dress($("health"), health.level);
  say($("pool-name"), nameOf(memory));
  say($("level-sign"), SIGN[health.level] ?? "?");
  say($("level"), state === "open" ? health.level : state);
  say($("score"), state === "open" ? health.score + " of 100" : "");
  const all = rows($("reasons"), health.reasons.length + (stopped ? 1 : 0) + (failed ? 1 : 0), () => el("li"));
  let at = 0;
  for (const reason of health.reasons) { dress(all[at], reason.level); say(all[at++], reason.text); }
  for (const [what, error] of [["stopped by", stopped], ["the last creation failed", failed]]) {
    if (error) { dress(all[at], health.level); say(all[at++], what + ": " + error); }
  }
};
const drawTiles = memory => {
  const { stats, breaker, interval, oldest_wait_seconds: oldest, checkout_timeout_seconds: patience } = memory.pool;
  if (!stats) { tiles.forEach(tile => tile("–", "", "")); return; }
  tiles[0](whole(stats.in_use) + " / " + whole(stats.max_size), percent(stats.utilisation) + (stats.overflow ? ", " + stats.overflow + " overflow" : ""), "");
  tiles[1](whole(stats.waiting), oldest === undefined ? "nobody" : "the first for " + span(oldest), oldest > patience / 2 ? "care" : "");
  tiles[2](rate(memory.perSecond.uses), whole(stats.checkouts) + " in all", "");
  const wait = interval.latencies.wait;
  tiles[3](wait.count ? span(wait.p99_seconds) : "–", wait.count ? "p50 " + span(wait.p50_seconds) + ", max " + span(wait.max_seconds) : "no checkouts lately", "");
  tiles[4](whole(stats.timeouts + stats.rejected), rate(memory.perSecond.errors) + " a second; " + whole(stats.timeouts) + " timeouts", memory.perSecond.errors > 0 ? "alert" : "");
  const is = breaker?.state ?? "none";
  tiles[5](is, is === "open" ? "again in " + span(breaker.retry_after_seconds) : whole(stats.create_failures) + " failed creations", is === "open" ? "alert" : is === "half-open" ? "care" : "");
};

/* ---- slots ---- */

const cells = $("cells");
let hovered = -1, current = 0, shown = [], block = 1;
STATES.forEach(([name, letter, said]) => {
  const item = el("li"), cell = el("span", "cell " + name, letter);
  cell.setAttribute("aria-hidden", "true");
  item.append(cell, el("span", "", said), el("b", "", "0"));
  $("legend").append(item);
});
const stateOf = (resource, slot, memory) => {
  if (!resource) return memory.ends.has(slot) ? "ended" : "vacant";
  if (resource.state !== "busy") return resource.state;
  return resource.holder?.held_seconds > memory.pool.max_hold_seconds ? "long" : "busy";
};
const drawSlots = memory => {
  const { stats, resources = [] } = memory.pool;
  const last = resources.length ? resources.at(-1).slot + 1 : 0;
  const slots = stats ? Math.max(stats.max_size, last) : 0;
  block = slots <= SINGLE ? 1 : Math.ceil(slots / BLOCKS);
  const many = Math.ceil(slots / block);
  dress(cells, many <= 24 ? "large" : many <= 128 ? "middle" : "small");
  say($("slots-note"), block === 1 ? slots + (slots === 1 ? " slot" : " slots") : whole(slots) + " slots, " + block + " to a cell; a cell shows the worst of its own");
  shown.length = many;
  for (let at = 0; at < many; at++) {
    const seen = shown[at] ??= { first: 0, end: 0, state: "", busy: 0, resources: [] };
    seen.first = at * block;
    seen.end = Math.min(slots, seen.first + block);
    seen.resources.length = 0;
  }
  for (const resource of resources) shown[Math.floor(resource.slot / block)].resources.push(resource);
  const counts = Object.fromEntries(STATES.map(([name]) => [name, 0]));
  const all = rows(cells, many, at => {
    const cell = el("button", "cell");
    cell.type = "button";
    cell.append(el("small"));
    cell.dataset.at = at;
    return cell;
  });
  current = Math.max(0, Math.min(current, many - 1));
  for (let at = 0; at < many; at++) {
    const seen = shown[at], cell = all[at];
    let worst = WORST.length - 1, next = 0, fresh = false;
    seen.busy = 0;
    for (let slot = seen.first; slot < seen.end; slot++) {
      const resource = seen.resources[next]?.slot === slot ? seen.resources[next++] : null;
      const state = stateOf(resource, slot, memory);
      counts[state]++;
      if (state === "busy" || state === "long") seen.busy++;
      if (resource && memory.ends.has(slot)) { fresh = true; counts.fresh++; }
      worst = Math.min(worst, WORST.indexOf(state));
    }
    seen.state = WORST[worst];
    dress(cell, "cell " + seen.state + (fresh ? " fresh" : ""));
    say(cell, block === 1 ? LETTER[seen.state] : seen.busy || LETTER[seen.state]);
    const held = block === 1 ? seen.resources[0]?.holder?.held_seconds : undefined;
    say(cell.lastChild, many > 24 ? "" : held === undefined ? "slot " + seen.first : span(held));
    set(cell, "aria-label", label(seen, memory));
    focusable(cell, at === current);
  }
  [...$("legend").children].forEach((item, at) => {
    const [name] = STATES[at];
    say(item.children[2], whole(counts[name]));
    item.hidden = counts[name] === 0 && !["busy", "ready", "vacant"].includes(name);
  });
  drawDetail(memory);
};
const heldBy = holder => "held for " + span(holder.held_seconds) + " by thread " +
  (holder.thread_name === undefined ? holder.thread : "“" + holder.thread_name + "”") + " at " + holder.file + ":" + holder.line;
const label = (seen, memory) => {
  if (block > 1) return "slots " + seen.first + " to " + (seen.end - 1) + ": " + seen.busy + " busy, the worst is " + SAID[seen.state];
  const resource = seen.resources[0], end = memory.ends.get(seen.first);
  return "slot " + seen.first + ": " + SAID[seen.state] + (resource?.holder ? ", " + heldBy(resource.holder) : "") + (end ? ", the last one ended: " + end.reason : "");
};
const drawDetail = memory => {
  const at = hovered >= 0 ? hovered : cells.contains(document.activeElement) ? current : -1;
  const seen = shown[at], lines = ["Point at a slot, or move among them with the arrow keys, to see who holds it.", "", ""];
  if (seen && block === 1) {
    const resource = seen.resources[0], end = memory.ends.get(seen.first);
    lines[0] = "Slot " + seen.first + (resource ? ", resource " + resource.slot + "#" + resource.generation : "") + ": " + SAID[seen.state];
    if (resource) {
      lines[1] = resource.holder ? heldBy(resource.holder) : resource.idle_seconds > 0 ? "free for " + span(resource.idle_seconds) : "";
      lines[2] = span(resource.age_seconds) + " old, used " + whole(resource.uses) + " times, " + resource.errors + " errors" + (resource.weight ? ", weighs " + whole(resource.weight) : "");
    }
    if (end) lines[resource ? 2 : 1] += (resource ? "; " : "") + "the last one ended " + span(memory.pool.at_seconds - end.at_seconds) + " ago: " + end.reason;
  } else if (seen) {
    const held = seen.resources.filter(each => each.holder).sort((a, b) => b.holder.held_seconds - a.holder.held_seconds);
    lines[0] = "Slots " + seen.first + " to " + (seen.end - 1) + ": " + seen.resources.length + " alive, " + held.length + " held";
    lines[1] = held[0] ? "Slot " + held[0].slot + " " + heldBy(held[0].holder) : "";
    lines[2] = held[1] ? "Slot " + held[1].slot + " " + heldBy(held[1].holder) + (held.length > 2 ? ", and " + (held.length - 2) + " more" : "") : "";
  }
  lines.forEach((line, which) => say($("detail-" + (which + 1)), line));
};
const cellAt = event => Number(event.target.closest?.("#cells > .cell")?.dataset.at ?? -1);
cells.addEventListener("pointerover", event => { hovered = cellAt(event); redetail(); });
cells.addEventListener("pointerleave", () => { hovered = -1; redetail(); });
cells.addEventListener("focusin", event => { current = cellAt(event); hovered = -1; retab(); redetail(); });
cells.addEventListener("focusout", () => queueMicrotask(redetail));
cells.addEventListener("keydown", event => {
  const columns = getComputedStyle(cells).gridTemplateColumns.split(" ").length, last = shown.length - 1;
  const to = { ArrowRight: current + 1, ArrowLeft: current - 1, ArrowDown: current + columns, ArrowUp: current - columns, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to >= 0 && to <= last) cells.children[to].focus();
});
const redetail = () => { if (memories[chosen]) drawDetail(memories[chosen]); };
const retab = () => { for (let at = 0; at < shown.length; at++) focusable(cells.children[at], at === current); };

/* ---- charts ---- */

const CHARTS = [
  { title: "Utilisation", lines: [["share", "in use", "--busy", []]], show: percent, least: 1, fill: true },
  { title: "Checkout wait", lines: [["p50", "p50", "--p50", []], ["p99", "p99", "--p99", [6, 4]], ["p999", "p99.9", "--p999", [2, 3]]], show: span, log: true },
  { title: "Threads waiting", lines: [["waiting", "waiting", "--p99", []]], show: whole, least: 4, fill: true },
  { title: "Checkouts a second", lines: [["uses", "checkouts", "--ready", []], ["errors", "errors", "--p999", [2, 3]]], show: rate, least: 1 },
];
const FLOOR = 1e-6;                        // Where the logarithm of a wait ends.
let pointed = -1;
for (const chart of CHARTS) {
  const figure = el("figure"), caption = el("figcaption"), values = el("span");
  chart.canvas = el("canvas");
  chart.across = chart.height = 0;
  chart.canvas.setAttribute("role", "img");
  chart.outs = chart.lines.map(([, , ink, dash]) => {
    const out = el("span", dash.length ? dash[0] > 3 ? "dashed" : "dotted" : "");
    out.style.setProperty("--ink", "var(" + ink + ")");
    values.append(out);
    return out;
  });
  caption.append(el("h3", "", chart.title), values);
  figure.append(caption, chart.canvas);
  $("charts").append(figure);
  chart.canvas.addEventListener("pointermove", event => {
    const box = chart.canvas.getBoundingClientRect();
    const wide = width();
    pointed = KEPT - wide + Math.max(0, Math.min(wide - 1, Math.round((event.clientX - box.left) / box.width * (wide - 1))));
    drawCharts();
  });
  chart.canvas.addEventListener("pointerleave", () => { pointed = -1; drawCharts(); });
}
let inks = {};
const readInks = () => {
  const style = getComputedStyle(document.documentElement);
  for (const ink of ["--busy", "--p50", "--p99", "--p999", "--ready", "--card", "--grid", "--soft", "--text"]) inks[ink] = style.getPropertyValue(ink).trim();
};
/// The next of 1, 2, 4, 6, 10, 20, ... that is no less: half of it is a whole number too.
const nice = most => {
  const power = 10 ** Math.floor(Math.log10(most)), step = most / power;
  return (step <= 1 ? 1 : step <= 2 ? 2 : step <= 4 ? 4 : step <= 6 ? 6 : 10) * power;
};
/// How many of the last looks a chart shows: all there are, and at least a minute's.
const width = () => Math.max(60, Math.min(KEPT, memories[chosen]?.looks ?? 0));
let frame = 0;
/// Once for each frame that is seen, however often it is asked for.
const drawCharts = () => {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    const memory = memories[chosen];
    if (memory) CHARTS.forEach(chart => drawChart(chart, memory.rings));
  });
};
const drawChart = ({ canvas, across, height, lines, outs, show, least, log, fill, title }, rings) => {
  const scale = devicePixelRatio || 1;
  const [w, h] = [Math.round(across * scale), Math.round(height * scale)], wide = width(), begin = KEPT - wide;
  if (!w || !h) return;                    // Not laid out yet.
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d"), foot = 16, tall = height - foot - 8;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, across, height);
  let most = 0;
  for (const [name] of lines) for (let at = begin; at < KEPT; at++) most = Math.max(most, rings[name].at(at) || 0);
  let place, marks;
  if (log) {
    const top = Math.max(3, Math.ceil(Math.log10(Math.max(most, FLOOR) / FLOOR) - 1e-9));
    place = value => Math.max(0, Math.log10(Math.max(value, FLOOR) / FLOOR)) / top;
    const step = Math.ceil(top / 4);
    marks = [];
    for (let power = 0; power <= top; power += step) marks.push(FLOOR * 10 ** power);
  } else {
    const top = nice(Math.max(most, least));
    place = value => value / top;
    marks = [0, top / 2, top];
  }
  const x = at => (at - begin) / (wide - 1) * across, y = value => 8 + tall * (1 - place(value));
  pen.font = "11px system-ui, sans-serif";
  pen.lineWidth = 1;
  for (const mark of marks) {
    pen.strokeStyle = inks["--grid"];
    pen.beginPath();
    pen.moveTo(0, Math.round(y(mark)) + .5);
    pen.lineTo(across, Math.round(y(mark)) + .5);
    pen.stroke();
  }
  for (const [name, , ink, dash] of lines) {
    const ring = rings[name];
    pen.strokeStyle = inks[ink];
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.setLineDash(dash);
    let from = -1;
    const run = (first, end) => {
      pen.beginPath();
      for (let at = first; at < end; at++) pen.lineTo(x(at), y(ring.at(at)));
      if (end - first === 1) pen.lineTo(x(first) + 1.5, y(ring.at(first)));
      pen.stroke();
      if (!fill) return;
      pen.lineTo(x(end - 1), 8 + tall);
      pen.lineTo(x(first), 8 + tall);
      pen.globalAlpha = .16;
      pen.fillStyle = inks[ink];
      pen.fill();
      pen.globalAlpha = 1;
    };
    for (let at = begin; at <= KEPT; at++) {
      const is = at < KEPT && !Number.isNaN(ring.at(at));
      if (is && from < 0) from = at;
      if (!is && from >= 0) { run(from, at); from = -1; }
    }
    pen.setLineDash([]);
  }
  // Words last, each on a plate of its own, so that no line runs through them.
  for (const mark of marks) {
    const word = log && mark <= FLOOR ? "≤ " + show(mark) : show(mark), foot = Math.max(10, y(mark) - 3);
    pen.fillStyle = inks["--card"];
    pen.globalAlpha = .8;
    pen.fillRect(0, foot - 10, pen.measureText(word).width + 5, 13);
    pen.globalAlpha = 1;
    pen.fillStyle = inks["--soft"];
    pen.fillText(word, 2, foot);
  }
  const since = rings.when.at(begin);
  pen.fillText(since > 0 ? clock(since) : "", 2, height - 3);
  pen.textAlign = "right";
  if (pointed < 0) pen.fillText("now", across - 2, height - 3);
  if (pointed >= 0) {
    pen.strokeStyle = inks["--text"];
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x(pointed), 4);
    pen.lineTo(x(pointed), 8 + tall);
    pen.stroke();
    const when = rings.when.at(pointed);
    pen.fillStyle = inks["--text"];
    pen.textAlign = x(pointed) > across / 2 ? "right" : "left";
    if (when > 0) pen.fillText(clock(when), x(pointed) + (x(pointed) > across / 2 ? -5 : 5), height - 3);
  }
  pen.textAlign = "left";
  const at = pointed >= 0 ? pointed : KEPT - 1;
  lines.forEach(([name, word], which) => {
    const value = rings[name].at(at);
    say(outs[which], word + " " + (Number.isNaN(value) ? "–" : show(value)));
  });
  set(canvas, "aria-label", title + ", the last " + span(wide) + "; " + outs.map(out => out.textContent).join(", "));
};

/* ---- times, weight, events, numbers ---- */

const STEPS = ["wait", "hold", "create", "check", "recycle", "destroy"];
const drawTimes = ({ latencies, interval }) => {
  const from = view === "interval" ? interval?.latencies : latencies;
  const all = rows($("times-rows"), STEPS.length, at => {
    const row = el("tr"), name = el("th", "", STEPS[at]);
    name.scope = "row";
    row.append(name, el("td"), el("td", "wide"), el("td"), el("td"), el("td", "wide"), el("td"));
    return row;
  });
  STEPS.forEach((step, at) => {
    const its = from?.[step], cell = all[at].children, of = name => its?.count ? span(its[name]) : "–";
    say(cell[1], its ? whole(its.count) : "–");
    ["mean_seconds", "p50_seconds", "p99_seconds", "p999_seconds", "max_seconds"].forEach((name, which) => say(cell[which + 2], of(name)));
  });
  say($("times-late"), interval ? "last " + span(interval.seconds) : "lately");
};
const watching = (id, other, which) => $(id).addEventListener("click", () => {
  view = which;
  $(id).setAttribute("aria-pressed", "true");
  $(other).setAttribute("aria-pressed", "false");
  draw();
});
watching("times-late", "times-all", "interval");
watching("times-all", "times-late", "all");

const drawMemory = ({ memory }) => {
  const there = memory && (memory.budget !== undefined || memory.peak > 0);
  $("memory").hidden = !there;
  if (!there) return;
  const { total, in_use: used, peak, budget, threshold, gc_count: runs } = memory, meter = $("memory-meter");
  say($("memory-text"), (budget === undefined ? "all together " : "") + whole(total) + (budget === undefined ? "" : " of " + whole(budget)) + ", " + whole(used) + " in use, at most " + whole(peak) + (runs ? ", shed " + runs + " times" : ""));
  meter.hidden = budget === undefined;
  meter.max = budget ?? 1;
  meter.high = threshold ?? meter.max;
  meter.value = total;
};

const TROUBLE = new Set(["broken", "discarded", "holder panicked", "check failed", "callback panicked", "warm-up failed", "could not be created", "failed", "held too long", "grown"]);
const events = [];
const drawEvents = memory => {
  const { transitions = [], at_seconds: at } = memory.pool;
  const began = memory.rings.when.at(KEPT - 1) - at * 1000;
  events.length = 0;
  for (let which = transitions.length - 1; which >= 0 && events.length < EVENTS; which--) events.push(transitions[which]);
  const when = event => event.now ?? began + event.at_seconds * 1000;
  if (memory.notes.length) {
    events.push(...memory.notes);
    events.sort((a, b) => when(b) - when(a));
  }
  const many = Math.max(1, Math.min(EVENTS, events.length));
  const all = rows($("events-rows"), many, () => { const row = el("li"); row.append(el("time"), el("span")); return row; });
  if (!events.length) { say(all[0].children[0], ""); say(all[0].children[1], "nothing yet"); return; }
  for (let which = 0; which < many; which++) {
    const event = events[which], [time, text] = all[which].children;
    say(time, clock(when(event)));
    if (event.now) { say(text, event.text); dress(text, "mood " + event.mood); text.style.color = "var(--mood)"; continue; }
    say(text, event.slot + "#" + event.generation + " " + event.reason + ": " + event.from + " → " + event.to + " after " + span(event.after_seconds));
    dress(text, TROUBLE.has(event.reason) ? "trouble" : "");
    text.style.color = "";
  }
};

const drawNumbers = ({ stats = {}, advice }) => {
  const pairs = [];
  for (const name in stats) {
    const value = stats[name];
    if (typeof value !== "object") pairs.push([name.replaceAll("_", " "), typeof value === "number" ? Number.isInteger(value) ? count.format(value) : String(Number(value.toPrecision(3))) : value ? "yes" : "no"]);
    else for (const reason in value) pairs.push(["destroyed: " + reason, count.format(value[reason])]);
  }
  const all = rows($("numbers-rows"), pairs.length, () => { const row = el("div"); row.append(el("dt"), el("dd")); return row; });
  pairs.forEach(([name, value], at) => { say(all[at].children[0], name); say(all[at].children[1], value); });
  say($("advice"), advice ? "Advice: " + advice.text : "");
};

/* ---- all of it ---- */

const draw = () => {
  const memory = memories[chosen];
  drawTabs();
  if (!memory) { say($("pool-name"), "No pools are watched"); return; }
  drawHealth(memory);
  drawTiles(memory);
  drawSlots(memory);
  drawCharts();
  drawTimes(memory.pool);
  drawMemory(memory.pool);
  drawEvents(memory);
  if ($("numbers").open) drawNumbers(memory.pool);
  else say($("advice"), memory.pool.advice ? "Advice: " + memory.pool.advice.text : "");
  document.title = (SIGN[memory.pool.health.level] ?? "?") + " " + nameOf(memory) + " – slackwater";
};
$("numbers").addEventListener("toggle", () => { if (memories[chosen]) drawNumbers(memories[chosen].pool); });

/// Takes in what the server said, whole, at `now` in milliseconds.
const update = (said, now = Date.now()) => {
  if (said.schema !== 1) throw new Error("the server speaks schema " + said.schema + ", this page 1: load it again");
  latest = now;
  said.pools.forEach((pool, index) => (memories[index] ??= new Memory(index)).look(pool, now));
  say($("version"), "slackwater " + said.version);
  draw();
};

/* ---- asking ---- */

let timer = 0, paused = false, failures = 0, lostSince = 0;
const live = (name, text) => { dress($("live"), name); say($("live-text"), text); };
const ask = async () => {
  clearTimeout(timer);
  try {
    const answer = await fetch("pools.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error("it answers " + answer.status);
    const said = await answer.json();
    if (paused || document.hidden) return;
    update(said);
    failures = 0;
    $("lost").hidden = true;
    document.body.classList.remove("stale");
    live("on", "live");
  } catch (error) {
    if (!failures++) lostSince = Date.now();
    const why = error instanceof TypeError ? "it cannot be reached" : error.name === "TimeoutError" ? "it takes too long" : error.message;
    say($("lost"), "The server has not answered since " + clock(lostSince) + " (" + why + "). What is shown is old; trying again.");
    $("lost").hidden = false;
    document.body.classList.add("stale");
    live("off", "no answer");
    memories.forEach(memory => memory.gap(Date.now()));
    drawCharts();
  }
  rest();
};
const rest = () => {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(ask, Math.min(EVERY * Math.max(1, failures), 5 * EVERY));
};
const pause = to => {
  paused = to;
  set($("pause"), "aria-pressed", String(to));
  say($("pause"), to ? "Go on" : "Pause");
  if (to) { clearTimeout(timer); live("", "paused"); } else ask();
};
$("pause").addEventListener("click", () => pause(!paused));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { clearTimeout(timer); return; }
  // A break in the lines, not a slope that never was.
  memories.forEach(memory => memory.gap(Date.now()));
  if (!paused) ask();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readInks(); drawCharts(); });
// Sizes are remembered: to ask for one after a change makes the browser lay out the whole page.
const sizes = new ResizeObserver(entries => {
  for (const { target, contentRect } of entries) {
    const chart = CHARTS.find(chart => chart.canvas === target);
    [chart.across, chart.height] = [contentRect.width, contentRect.height];
  }
  drawCharts();
});
CHARTS.forEach(chart => sizes.observe(chart.canvas));
readInks();
ask();

// For tests: what a poll does, without the poll.
window.slackwater = { update, pause, looks: () => latest };
})();
