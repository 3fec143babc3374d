
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
