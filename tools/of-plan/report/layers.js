// Places the nodes of a graph in layers: a node stands below all it follows, lines between far
// layers pass through points of those between, and neighbours are drawn together (Sugiyama).

/// Edges that close a circuit are left out: what is read was written an iteration earlier.
function withoutCircuits(count, edges) {
  const next = Array.from({ length: count }, () => []), state = new Uint8Array(count), kept = new Set();
  edges.forEach((e, i) => next[e.from].push([e.to, i]));
  for (let root = 0; root < count; ++root) {
    if (state[root]) continue;
    const stack = [[root, 0]];
    state[root] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1];
      if (top[1] === next[top[0]].length) { state[top[0]] = 2; stack.pop(); continue; }
      const [to, edge] = next[top[0]][top[1]++];
      if (state[to] === 1) continue;
      kept.add(edge);
      if (state[to] === 0) { state[to] = 1; stack.push([to, 0]); }
    }
  }
  return edges.filter((e, i) => kept.has(i));
}

/// By the longest path that leads to a node.
function layerNumbers(count, edges) {
  const next = Array.from({ length: count }, () => []), missing = new Uint32Array(count), layer = new Uint32Array(count);
  for (const e of edges) { next[e.from].push(e.to); ++missing[e.to]; }
  const ready = [...layer.keys()].filter((n) => missing[n] === 0);
  for (let i = 0; i < ready.length; ++i)
    for (const to of next[ready[i]]) {
      layer[to] = Math.max(layer[to], layer[ready[i]] + 1);
      if (--missing[to] === 0) ready.push(to);
    }
  return layer;
}

function sortLayers(layers, links) {
  const place = new Map();
  const number = (layer) => layer.forEach((item, i) => place.set(item, i - layer.length / 2));
  layers.forEach(number);
  const sweep = (layer, side) => {
    const weight = new Map(layer.map((item) => {
      const others = links.get(item)[side];
      return [item, others.length ? others.reduce((sum, o) => sum + place.get(o), 0) / others.length : place.get(item)];
    }));
    layer.sort((a, b) => weight.get(a) - weight.get(b));
    number(layer);
  };
  for (let round = 0; round < 6; ++round) {
    for (const layer of layers) sweep(layer, "above");
    for (const layer of [...layers].reverse()) sweep(layer, "below");
  }
}

/// {items: [{node, x, y}], paths: [{edge, points: [items]}], width, height}; an item without a node
/// (-1) is a point of a line.
function placeInLayers(count, edges, box) {
  const forward = withoutCircuits(count, edges), number = layerNumbers(count, forward);
  const layers = [], links = new Map(), items = [], paths = [];
  const add = (node, layer) => {
    const item = { node, x: 0, y: layer };
    items.push(item);
    links.set(item, { above: [], below: [] });
    (layers[layer] = layers[layer] || []).push(item);
    return item;
  };
  const connect = (a, b) => { links.get(a).below.push(b); links.get(b).above.push(a); };
  for (let n = 0; n < count; ++n) add(n, number[n]);
  for (const edge of edges) {
    const points = [items[edge.from]];
    for (let l = number[edge.from] + 1; l < number[edge.to]; ++l) points.push(add(-1, l));
    points.push(items[edge.to]);
    if (number[edge.from] < number[edge.to])
      for (let i = 1; i < points.length; ++i) connect(points[i - 1], points[i]);
    paths.push({ edge, points });
  }
  sortLayers(layers, links);
  let width = 0;
  const widthOf = (item) => (item.node < 0 ? 12 : box.width + 14);
  for (const layer of layers) width = Math.max(width, layer.reduce((sum, item) => sum + widthOf(item), 0));
  layers.forEach((layer, l) => {
    let x = (width - layer.reduce((sum, item) => sum + widthOf(item), 0)) / 2;
    for (const item of layer) {
      item.x = x + widthOf(item) / 2;
      item.y = 16 + l * box.step;
      x += widthOf(item);
    }
  });
  return { items, paths, width: width + 20, height: layers.length * box.step + 30 };
}
