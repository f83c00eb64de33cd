// What lies where in a chunk, and when. A block is [begin µs, end µs, offset, bytes, kind, name,
// task]; one that lives through the whole run begins at 0 and ends at null.
const BLOCK_COLOURS = { variable: "#6b7280", register: "#3d6fa5", landing: "#d9822b", temporary: "#8fae4b" };
const OFFSET_LABEL = 90, MEMORY_HEIGHT = 420;

class MemoryMap {
  constructor() {
    const choice = byId("chunk");
    data.memory.forEach((chunk, i) => {
      element("option", `${chunk.memory} of device ${chunk.device} (role ${chunk.role}): ${bytesText(chunk.bytes)}`, choice).value = i;
    });
    choice.addEventListener("change", () => this.show(Number(choice.value)));
    this.time = new TimeView(byId("memory"), OFFSET_LABEL, this);
    this.show(0);
  }
  show(index) {
    this.chunk = data.memory[index];
    if (this.chunk) this.time.setFull(0, data.predicted.end_us);
  }
  all() { this.offsets = [0, this.chunk ? this.chunk.bytes : 1]; }
  height() { return this.chunk ? MEMORY_HEIGHT + AXIS : AXIS; }
  yOf(offset) { return AXIS + (offset - this.offsets[0]) / (this.offsets[1] - this.offsets[0]) * MEMORY_HEIGHT; }
  zoomDown(factor, y) {
    const at = this.offsets[0] + (y - AXIS) / MEMORY_HEIGHT * (this.offsets[1] - this.offsets[0]);
    this.offsets = this.offsets.map((end) => at + (end - at) * factor);
  }
  moveDown(dy) {
    const d = dy / MEMORY_HEIGHT * (this.offsets[1] - this.offsets[0]);
    this.offsets = this.offsets.map((end) => end - d);
  }
  draw(g, v) {
    if (!this.chunk) return;
    g.fillStyle = "#f2f4f8";
    g.fillRect(v.left, AXIS, v.width, MEMORY_HEIGHT);
    g.save();
    g.beginPath();
    g.rect(0, AXIS, v.left + v.width, MEMORY_HEIGHT);
    g.clip();
    for (const b of this.chunk.blocks) {
      const y = this.yOf(b[2]), height = Math.max(this.yOf(b[2] + b[3]) - y - 0.4, 0.5);
      drawSpan(g, v, b[0], b[1] === null ? data.predicted.end_us : b[1], y, height, BLOCK_COLOURS[b[4]], b[5], b[6] >= 0 && b[6] === selection.task);
    }
    g.restore();
    g.fillStyle = "#5d6778";
    for (let i = 0; i <= 6; ++i) {
      const offset = this.offsets[0] + (this.offsets[1] - this.offsets[0]) * i / 6;
      g.fillText(bytesText(offset), 2, Math.min(this.yOf(offset) + 6, AXIS + MEMORY_HEIGHT - 6));
    }
  }
  at(x, y) {
    if (!this.chunk || x < OFFSET_LABEL) return null;
    const t = this.time.timeOf(x), offset = this.offsets[0] + (y - AXIS) / MEMORY_HEIGHT * (this.offsets[1] - this.offsets[0]);
    const b = this.chunk.blocks.findLast((block) =>
      block[2] <= offset && offset < block[2] + block[3] && block[0] <= t && (block[1] === null || t < block[1]));
    if (!b) return null;
    const when = b[1] === null ? "always" : `${timeText(b[0])} to ${timeText(b[1])}`;
    return { task: b[6], text: `${b[4]} ${b[5]}\n${bytesText(b[3])} at offset ${b[2]}\n${when}` };
  }
}
