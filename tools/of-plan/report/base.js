// What all views share: the data, texts of times and bytes, the tip, the selected task.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const COLOURS = { compute: "#3d6fa5", transfer: "#d9822b", io: "#4d9a52", copy: "#8a5fb0" };
const MARK = "#d62f5b";

/// A new element; text is never taken for markup, as names come from models.
function element(name, text, parent) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.append(e);
  return e;
}
function svgElement(name, attributes, parent) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) e.setAttribute(key, attributes[key]);
  if (parent) parent.append(e);
  return e;
}

function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}
function timeText(us) {
  const size = Math.abs(us);
  if (size >= 1e6) return short(us / 1e6) + " s";
  if (size >= 1e3) return short(us / 1e3) + " ms";
  return short(us) + " µs";
}
function bytesText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (Math.abs(bytes) >= 1024 && unit < 4) { bytes /= 1024; ++unit; }
  return short(bytes) + " " + units[unit];
}

/// Round numbers that divide a range into about `count` parts.
function ticks(from, to, count) {
  const raw = (to - from) / count || 1, power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const out = [];
  for (let t = Math.ceil(from / step) * step; t <= to + step * 1e-9; t += step) out.push(t);
  return out;
}

function showTip(event, text) {
  const tip = byId("tip");
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = Math.max(4, Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8)) + "px";
}

/// The selected task, an index of data.tasks, or -1. Views that show it listen.
const selection = { task: -1, listeners: [] };
function select(task) {
  selection.task = task;
  for (const listener of selection.listeners) listener(task);
}
const nameOf = (task) => data.tasks[task].name;
