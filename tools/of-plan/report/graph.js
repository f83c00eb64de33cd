// The plan's tasks and what flows between them.
const BOX = { width: 150, height: 22, step: 46 };

function pathText(points) {
  const [first, ...rest] = points.map((p) => [p.x, p.y]);
  let out = `M${first[0]},${first[1] + (points[0].node < 0 ? 0 : BOX.height)}`, from = first[1] + BOX.height;
  rest.forEach(([x, y], i) => {
    const previous = i ? rest[i - 1] : first, middle = (y + (i ? previous[1] : from)) / 2;
    out += ` C${previous[0]},${middle} ${x},${middle} ${x},${y}`;
  });
  return out;
}

class Graph {
  constructor() {
    this.place = placeInLayers(data.tasks.length, data.edges, BOX);
    this.svg = svgElement("svg", { viewBox: `0 0 ${this.place.width} ${this.place.height}` }, byId("graph"));
    this.lines = this.place.paths.map(({ edge, points }) => {
      const line = svgElement("path", { class: "edge " + edge.kind, d: pathText(points) }, this.svg);
      line.addEventListener("pointermove", (e) => showTip(e, `${edge.name}\n${nameOf(edge.from)} → ${nameOf(edge.to)}`));
      line.addEventListener("pointerleave", (e) => showTip(e, ""));
      return line;
    });
    this.nodes = this.place.items.filter((item) => item.node >= 0).map((item) => this.node(item));
    for (const [id, factor] of [["larger", 1.25], ["smaller", 0.8]])
      byId(id).addEventListener("click", () => this.setZoom(this.zoom * factor));
    byId("fit").addEventListener("click", () => this.setZoom(Math.min(1, byId("graph").clientWidth / this.place.width)));
    byId("search").addEventListener("input", (e) => this.find(e.target.value));
    byId("search").addEventListener("keydown", (e) => { if (e.key === "Enter" && this.hits.length) select(this.hits[this.hit++ % this.hits.length]); });
    selection.listeners.push((task) => this.choose(task));
    this.setZoom(Math.max(0.35, Math.min(1, byId("graph").clientWidth / this.place.width)));
    const box = byId("graph");
    box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  }
  node(item) {
    const task = data.tasks[item.node];
    const g = svgElement("g", { class: "node", transform: `translate(${item.x - BOX.width / 2},${item.y})` }, this.svg);
    svgElement("rect", { width: BOX.width, height: BOX.height, rx: 4, fill: COLOURS[task.stream_kind] }, g);
    const label = svgElement("text", { x: 6, y: 15 }, g);
    label.textContent = task.name.length > 22 ? task.name.slice(0, 21) + "…" : task.name;
    g.addEventListener("click", () => select(item.node));
    g.addEventListener("pointermove", (e) => showTip(e, `${task.name} (${task.kind}, ${task.stream})\n${timeText(task.predicted_us)} × ${task.firings} a step\n${task.location}`));
    g.addEventListener("pointerleave", (e) => showTip(e, ""));
    return g;
  }
  setZoom(zoom) {
    this.zoom = zoom;
    this.svg.setAttribute("width", this.place.width * zoom);
    this.svg.setAttribute("height", this.place.height * zoom);
  }
  choose(task) {
    this.nodes.forEach((node, n) => node.classList.toggle("chosen", n === task));
    this.place.paths.forEach(({ edge }, i) => this.lines[i].classList.toggle("near", edge.from === task || edge.to === task));
    if (task < 0) return;
    const item = this.place.items[task], box = byId("graph");
    box.scrollTo({ left: item.x * this.zoom - box.clientWidth / 2, top: item.y * this.zoom - box.clientHeight / 2 });
    showDetails(task);
  }
  find(text) {
    const wanted = text.toLowerCase();
    const matches = (t) => [t.name, t.location, ...t.kernels.map((k) => k.name)].some((s) => s.toLowerCase().includes(wanted));
    this.hits = wanted ? data.tasks.flatMap((t, i) => (matches(t) ? [i] : [])) : [];
    this.hit = 0;
    this.nodes.forEach((node, n) => node.classList.toggle("dim", wanted !== "" && !this.hits.includes(n)));
    byId("found").textContent = wanted ? `${this.hits.length} of ${data.tasks.length}; Enter goes from one to the next` : "";
  }
}

function showDetails(index) {
  const task = data.tasks[index], box = byId("details");
  box.replaceChildren();
  element("h3", task.name, box);
  const list = element("dl", undefined, box);
  const fact = (name, value) => { element("dt", name, list); element("dd", value, list); };
  fact("kind", `${task.kind} on ${task.stream}, role ${task.role}`);
  if (task.location) fact("from", task.location);
  fact("firings", `${task.firings} a step`);
  fact("predicted", timeText(task.predicted_us));
  if (task.measured_us !== undefined) fact("measured", `${timeText(task.measured_us)} (median of ${task.measured_firings})`);
  const names = (title, texts) => {
    if (!texts.length) return;
    element("b", title, box);
    const items = element("ul", undefined, box);
    for (const text of texts) element("li", text, items);
  };
  names("reads", data.edges.filter((e) => e.to === index).map((e) => `${e.name} of ${nameOf(e.from)}`));
  names("writes", data.edges.filter((e) => e.from === index).map((e) => `${e.name} for ${nameOf(e.to)}`));
  names("kernels", task.kernels.map((k) => k.name + (k.location ? " — " + k.location : "")));
}
