// The graph of a network as SVG: inputs on the left, outputs on the right, hidden nodes by depth.
// Positive connections are blue and negative ones red, the thicker the larger their weight.
"use strict";

evofool.graph = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const [COLUMN, ROW, MARGIN] = [130, 58, 45];

  function part(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Where each node goes: a column by its longest path from an input, a row in the column.
  function places(network) {
    const count = 4 + network.activation.length;
    const firstHidden = 4 + network.look.outputs;
    const depth = Array.from({ length: count }, (_, node) => (node < 4 ? 0 : 1));
    network.target.forEach((target, i) => {
      if (target >= firstHidden) depth[target] = Math.max(depth[target], depth[network.source[i]] + 1);
    });
    const last = Math.max(1, ...depth.filter((_, node) => node < 4 || node >= firstHidden)) + 1;
    for (let node = 4; node < firstHidden; node++) depth[node] = last;
    const columns = Array.from({ length: last + 1 }, () => []);
    depth.forEach((column, node) => columns[column].push(node));
    const tallest = Math.max(...columns.map((column) => column.length));
    const found = [];
    columns.forEach((column, at) => column.forEach((node, row) => {
      found[node] = [MARGIN + COLUMN * at, MARGIN + ROW * (row + (tallest - column.length) / 2)];
    }));
    return { found, width: MARGIN * 2 + COLUMN * last, height: MARGIN * 2 + ROW * (tallest - 1) };
  }

  // Draws the graph; `onselect(i)` is called with the connection that was clicked.
  function draw(network, onselect = () => {}) {
    const names = evofool.genome.names(network);
    const { found, width, height } = places(network);
    const svg = part("svg", {
      xmlns: SVG, viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "font-family": "sans-serif", "text-anchor": "middle", "aria-label": "the network as a graph",
    });
    svg.append(part("rect", { width, height, fill: "white" }));
    network.source.forEach((source, i) => {
      const target = network.target[i];
      const [[x1, y1], [x2, y2]] = [found[source], found[target]];
      const middle = (x1 + x2) / 2;
      const weight = network.weight[i];
      const path = part("path", {
        d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
        fill: "none", stroke: weight > 0 ? "#2b6cb0" : "#c53030", "stroke-opacity": 0.7,
        "stroke-width": (0.5 + 0.35 * Math.abs(weight)).toFixed(2),
      });
      path.append(part("title", {}, `${names[source]} to ${names[target]}: ${weight.toFixed(3)}`));
      path.addEventListener("click", () => onselect(i));
      svg.append(path);
    });
    found.forEach(([x, y], node) => {
      const label = node < 4 ? "" : evofool.genome.activationOf(network, node);
      svg.append(
        part("circle", { cx: x, cy: y, r: 16, fill: "#f7f7f2", stroke: "#333" }),
        part("text", { x, y: y + 4, "font-size": 11, fill: "#111" }, names[node]),
        part("text", { x, y: y + 28, "font-size": 9, fill: "#555" }, label),
      );
    });
    return svg;
  }

  return { draw, toText: (network) => new XMLSerializer().serializeToString(draw(network)) };
})();
