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
  const { stats, resources = [], mode } = memory.pool;
  const last = resources.length ? resources.at(-1).slot + 1 : 0;
  const slots = stats ? Math.max(stats.max_size, last) : 0;
  block = slots <= SINGLE ? 1 : Math.ceil(slots / BLOCKS);
  const many = Math.ceil(slots / block);
  dress(cells, many <= 24 ? "large" : many <= 128 ? "middle" : "small");
  const cellsAre = block === 1 ? slots + (slots === 1 ? " slot" : " slots") : whole(slots) + " slots, " + block + " to a cell; a cell shows the worst of its own";
  say($("slots-note"), cellsAre + (mode && mode !== "pooled" ? "; " + mode : ""));
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

