// Puts the page together.
function facts() {
  const plan = data.plan, box = byId("facts");
  byId("title").textContent = plan.job;
  document.title = plan.job + " — plan report";
  const fact = (name, value) => { const item = element("div", undefined, box); element("span", name, item); element("b", value, item); };
  fact("devices", `${data.devices} on ${plan.cluster.nodes.length} node${plan.cluster.nodes.length === 1 ? "" : "s"}`);
  fact("batch", plan.batch);
  fact("runs", plan.schedule);
  fact(`step of ${data.program}, predicted`, timeText(data.predicted.step_us));
  if (data.measured) fact("measured", timeText(data.measured.step_us));
  for (const chunk of data.memory) fact(`${chunk.memory} memory of role ${chunk.role}`, `${bytesText(chunk.bytes)}, live ${bytesText(chunk.max_live_bytes)} at most`);
  fact("compiler", plan.compiler);
  fact("digest", plan.digest.slice(0, 16) + "…");
}

/// Rows of tasks, sorted by the column that was clicked.
function table() {
  const measured = data.tasks.some((t) => t.measured_us !== undefined);
  const number = (us) => (us === undefined ? "" : timeText(us));
  const columns = [
    ["task", (t) => t.name], ["role", (t) => t.role], ["stream", (t) => t.stream], ["kind", (t) => t.kind],
    ["firings", (t) => t.firings, String], ["predicted", (t) => t.predicted_us, number], ["a step", (t) => t.predicted_us * t.firings, number],
    ...(measured ? [["measured", (t) => t.measured_us, number],
      ["measured / predicted", (t) => (t.measured_us === undefined || !t.predicted_us ? undefined : t.measured_us / t.predicted_us), (v) => (v === undefined ? "" : short(v))]] : []),
    ["from", (t) => t.location],
  ];
  const head = element("tr", undefined, element("thead", undefined, byId("tasks"))), body = element("tbody", undefined, byId("tasks"));
  const rows = data.tasks.map((task, i) => {
    const row = element("tr");
    for (const [, value, text] of columns) {
      const cell = element("td", text ? text(value(task)) : value(task), row);
      if (text) cell.className = "number";
    }
    row.addEventListener("click", () => select(i));
    return { task, row };
  });
  const sort = (value, down) => {
    const key = (r) => (value(r.task) === undefined ? -Infinity : value(r.task));
    rows.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * (down ? -1 : 1));
    body.replaceChildren(...rows.map((r) => r.row));
  };
  for (const [name, value, text] of columns) {
    let down = !text;
    element("th", name, head).addEventListener("click", () => sort(value, (down = !down)));
  }
  sort((t) => t.predicted_us * t.firings, true);
  byId("tasks-note").textContent = `${data.tasks.length} tasks of program ${data.program}; a click on a heading sorts.`;
  selection.listeners.push((index) => rows.forEach((r) => r.row.classList.toggle("chosen", r.task === data.tasks[index])));
}

/// The state of the page, for who looks at it by program.
function ready(views) {
  const state = document.body.dataset;
  state.tasks = views.graph.nodes.length;
  state.edges = views.graph.lines.length;
  state.spans = views.timeline.rows.map((row) => row.spans.length).join(" ");
  state.blocks = data.memory.reduce((sum, chunk) => sum + chunk.blocks.length, 0);
  state.curves = byId("curves").children.length;
  state.ready = "yes";
}

addEventListener("error", (event) => { document.body.dataset.error = event.message; });
facts();
curves();
timelineNote();
const views = { timeline: new Timeline(), memory: new MemoryMap(), graph: new Graph() };
table();
ready(views);
