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
