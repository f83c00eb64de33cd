// Predicted and measured firings: a lane for each stream, the prediction above, the measurement
// below it. A span is [lane, task, firing, begin µs, duration µs].
const LANE_LABEL = 170, ROW = 15, LANE_GAP = 6, AXIS = 18;

class Timeline {
  constructor() {
    this.rows = [data.predicted, data.measured].filter((r) => r);
    this.rows.forEach((row, r) => row.spans.forEach((s) => { s.row = r; }));
    this.lanes = data.lanes.map((lane, l) => this.rows.map((row) => row.spans.filter((s) => s[0] === l)));
    this.time = new TimeView(byId("timeline"), LANE_LABEL, this);
    this.time.setFull(0, Math.max(...this.rows.map((row) => row.end_us)));
  }
  get laneHeight() { return ROW * this.rows.length + LANE_GAP; }
  height() { return AXIS + this.lanes.length * this.laneHeight; }
  draw(g, v) {
    this.lanes.forEach((lane, l) => {
      const y = AXIS + l * this.laneHeight, info = data.lanes[l];
      g.fillStyle = "#1c2330";
      g.fillText(`${info.device} ${info.stream} (${info.node})`.slice(0, 28), 2, y + ROW * this.rows.length / 2);
      lane.forEach((spans, r) => {
        g.fillStyle = "#f2f4f8";
        g.fillRect(v.left, y + r * ROW, v.width, ROW - 1);
        for (const s of spans)
          drawSpan(g, v, s[3], s[3] + s[4], y + r * ROW, ROW - 1, this.colour(info, s, r), nameOf(s[1]), s[1] === selection.task);
      });
    });
  }
  /// Neighbours differ in tone, so that a boundary is seen; the measurement is paler.
  colour(info, span, row) {
    const tone = (span[1] * 7 + span[2] * 3) % 5 * 6;
    return `color-mix(in srgb, ${COLOURS[info.kind]}, ${row ? "white" : "black"} ${row ? 14 + tone : tone}%)`;
  }
  at(x, y) {
    const l = Math.floor((y - AXIS) / this.laneHeight), r = Math.floor((y - AXIS - l * this.laneHeight) / ROW);
    const spans = this.lanes[l] && this.lanes[l][r];
    if (!spans || x < LANE_LABEL) return null;
    const t = this.time.timeOf(x), slack = this.time.timeOf(x + 1) - t;
    const s = spans.find((span) => span[3] - slack <= t && t <= span[3] + span[4] + slack);
    if (!s) return null;
    const task = data.tasks[s[1]];
    return { task: s[1], text: `${task.name}, firing ${s[2]}\n${r ? "measured" : "predicted"} ${timeText(s[4])}, from ${timeText(s[3])}\n${task.location}` };
  }
}

function timelineNote() {
  const shown = new Set(data.lanes.map((lane) => lane.device)).size;
  const parts = [`Program ${data.program}, ${data.window_steps} steps.`];
  if (shown < data.devices) parts.push(`${shown} of ${data.devices} devices; --devices shows more.`);
  parts.push(data.measured ? "Above: predicted; below: measured." : "Predicted; with --trace the measured run stands below it.");
  parts.push("Wheel zooms, drag moves, a double click shows all.");
  byId("timeline-note").textContent = parts.join(" ");
  for (const kind in COLOURS) {
    const item = element("span", undefined, byId("legend"));
    element("i", "", item).style.background = COLOURS[kind];
    item.append(kind);
  }
}
