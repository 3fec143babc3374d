
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

