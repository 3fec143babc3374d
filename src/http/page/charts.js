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

