// Metrics by step: one chart for each name, one line for each program that reports it.
const CHART = { width: 600, height: 230, left: 60, bottom: 24, top: 8 };
const LINES = ["#3d6fa5", "#d9822b", "#4d9a52", "#8a4f9e"];

function chart(name, series) {
  const figure = element("figure", undefined, byId("curves"));
  element("figcaption", name + " ", figure);
  const svg = svgElement("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, width: "100%" }, figure);
  const points = series.flatMap((s) => s.points);
  const range = (i) => [Math.min(...points.map((p) => p[i])), Math.max(...points.map((p) => p[i]))];
  const steps = range(0), values = range(1);
  if (steps[0] === steps[1]) steps[1] += 1;
  if (values[0] === values[1]) { values[0] -= 0.5; values[1] += 0.5; }
  const x = (step) => CHART.left + (step - steps[0]) / (steps[1] - steps[0]) * (CHART.width - CHART.left - 8);
  const y = (value) => CHART.top + (values[1] - value) / (values[1] - values[0]) * (CHART.height - CHART.top - CHART.bottom);
  for (const t of ticks(values[0], values[1], 5)) {
    svgElement("line", { class: "grid", x1: CHART.left, x2: CHART.width, y1: y(t), y2: y(t) }, svg);
    svgElement("text", { x: CHART.left - 6, y: y(t) + 4, "text-anchor": "end" }, svg).textContent = short(t);
  }
  for (const t of ticks(steps[0], steps[1], 6))
    svgElement("text", { x: x(t), y: CHART.height - 6, "text-anchor": "middle" }, svg).textContent = short(t);
  series.forEach((s, i) => {
    const text = s.points.map((p, k) => `${k ? "L" : "M"}${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join("");
    svgElement("path", { d: text, stroke: LINES[i % LINES.length] }, svg);
    if (s.points.length < 60)
      for (const p of s.points) svgElement("circle", { cx: x(p[0]), cy: y(p[1]), r: 2.5, fill: LINES[i % LINES.length] }, svg);
    const label = element("span", `— ${s.program} `, figure.firstChild);
    label.style.color = LINES[i % LINES.length];
  });
  svg.addEventListener("pointermove", (event) => {
    const at = event.offsetX / svg.clientWidth * CHART.width;
    const near = (s) => s.points.reduce((best, p) => (Math.abs(x(p[0]) - at) < Math.abs(x(best[0]) - at) ? p : best));
    showTip(event, series.map((s) => { const p = near(s); return `${s.program}: step ${p[0]}, ${name} ${short(p[1])}`; }).join("\n"));
  });
  svg.addEventListener("pointerleave", (event) => showTip(event, ""));
}

function curves() {
  const rank = (name) => ["loss", "accuracy"].indexOf(name) >>> 0; // those first
  const names = [...new Set(data.metrics.map((s) => s.name))].sort((a, b) => rank(a) - rank(b));
  for (const name of names) chart(name, data.metrics.filter((s) => s.name === name));
  byId("curves-section").hidden = names.length === 0;
}
