// A canvas over a time axis: the wheel zooms, a drag moves, a double click shows all. `view` gives
// draw(context, area), at(x, y) and optionally zoomDown(factor, y), moveDown(dy), all().
class TimeView {
  constructor(canvas, left, view) {
    Object.assign(this, { canvas, left, view, range: [0, 1], full: [0, 1] });
    canvas.addEventListener("wheel", (e) => this.onWheel(e), { passive: false });
    canvas.addEventListener("pointerdown", (e) => { this.drag = [e.offsetX, e.offsetY]; this.moved = false; });
    addEventListener("pointerup", () => { this.drag = null; });
    canvas.addEventListener("pointermove", (e) => this.onMove(e));
    canvas.addEventListener("pointerleave", (e) => showTip(e, ""));
    canvas.addEventListener("dblclick", () => this.showAll());
    canvas.addEventListener("click", (e) => {
      const hit = !this.moved && view.at(e.offsetX, e.offsetY);
      if (hit && hit.task >= 0) select(hit.task);
    });
    addEventListener("resize", () => this.draw());
    selection.listeners.push(() => this.draw());
  }
  setFull(from, to) { this.full = [from, Math.max(to, from + 1e-3)]; this.showAll(); }
  showAll() {
    this.range = [...this.full];
    if (this.view.all) this.view.all();
    this.draw();
  }
  get width() { return this.canvas.clientWidth - this.left; }
  xOf(time) { return this.left + (time - this.range[0]) / (this.range[1] - this.range[0]) * this.width; }
  timeOf(x) { return this.range[0] + (x - this.left) / this.width * (this.range[1] - this.range[0]); }
  onWheel(event) {
    event.preventDefault();
    const factor = Math.exp((event.deltaY || event.deltaX) * 0.0015);
    if (event.shiftKey && this.view.zoomDown) this.view.zoomDown(factor, event.offsetY);
    else {
      const t = this.timeOf(event.offsetX);
      this.range = this.range.map((end) => t + (end - t) * factor);
    }
    this.draw();
  }
  onMove(event) {
    if (!this.drag) {
      const hit = this.view.at(event.offsetX, event.offsetY);
      return showTip(event, hit ? hit.text : "");
    }
    const dx = event.offsetX - this.drag[0], dy = event.offsetY - this.drag[1];
    this.moved = this.moved || Math.abs(dx) + Math.abs(dy) > 3;
    const dt = dx / this.width * (this.range[1] - this.range[0]);
    this.range = this.range.map((end) => end - dt);
    if (this.view.moveDown) this.view.moveDown(dy);
    this.drag = [event.offsetX, event.offsetY];
    this.draw();
  }
  draw() {
    const canvas = this.canvas, scale = devicePixelRatio || 1, height = this.view.height();
    canvas.style.height = height + "px";
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(height * scale);
    const g = canvas.getContext("2d");
    g.scale(scale, scale);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "middle";
    g.fillStyle = "#5d6778";
    for (const t of ticks(this.range[0], this.range[1], 10)) {
      const x = this.xOf(t);
      if (x < this.left) continue;
      g.fillRect(x, 14, 0.5, height);
      g.fillText(timeText(t), x + 3, 8);
    }
    this.view.draw(g, this);
  }
}

/// A rectangle between two times with a label where there is room; at least half a pixel wide.
function drawSpan(g, v, begin, end, y, height, colour, label, marked) {
  const x0 = Math.max(v.left, v.xOf(begin)), x1 = Math.min(v.left + v.width, v.xOf(end));
  if (x1 < v.left || x0 > v.left + v.width) return;
  g.fillStyle = colour;
  g.fillRect(x0, y, Math.max(x1 - x0 - 0.4, 0.5), height);
  if (marked) {
    g.strokeStyle = MARK;
    g.lineWidth = 2;
    g.strokeRect(x0, y + 1, Math.max(x1 - x0 - 0.4, 1), height - 2);
  }
  if (x1 - x0 < 28 || height < 9) return;
  g.save();
  g.beginPath();
  g.rect(x0, y, x1 - x0 - 2, height);
  g.clip();
  g.fillStyle = "#fff";
  g.fillText(label, x0 + 3, y + height / 2 + 0.5);
  g.restore();
}
