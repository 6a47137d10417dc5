// Draws in double precision, on the processor: where the view is so small that the numbers of a
// graphics card (24 bits) no longer tell its pixels apart, and where there is no WebGL.
"use strict";

evofool.double = (() => {
  const clamp = (p, least, most) => Math.min(Math.max(p, least), most);
  const ACTIVATIONS = {
    sine: Math.sin,
    cosine: Math.cos,
    sigmoid: (p) => Math.tanh(0.5 * p),
    tanh: Math.tanh,
    gaussian: (p) => Math.exp(-p * p),
    bipolar_gaussian: (p) => 2 * Math.exp(-p * p) - 1,
    linear: (p) => clamp(p, -3, 3) / 3,
    relu: (p) => clamp(p, 0, 3) / 3,
    abs: (p) => Math.min(Math.abs(p), 3) / 3,
    step: (p) => (p > 0 ? 1 : -1),
    square_wave: (p) => (Math.floor(p / Math.PI) % 2 === 0 ? 1 : -1),
    triangle_wave: (p) => (Math.asin(clamp(Math.sin(p), -1, 1)) * 2) / Math.PI,
  };
  const COLORS = {
    grey: (a) => [a, a, a],
    rgb: (a, b, c) => [a, b, c],
    hsv: (h, s, v) => [5, 3, 1].map((n) => {
      const k = (n + 6 * h) % 6;
      return v - v * s * clamp(Math.min(k, 4 - k), 0, 1);
    }),
    hls: (h, l, s) => [0, 8, 4].map((n) => {
      const k = (n + 17 * h) % 12;
      return l - s * Math.min(l, 1 - l) * clamp(Math.min(k - 3, 9 - k), -1, 1);
    }),
  };

  // Returns a function that draws one row of a picture into `pixels` (RGBA, one row).
  function rowPainter(network, columns) {
    const width = columns.length;
    const { look } = network;
    const into = evofool.genome.incoming(network);
    const order = evofool.genome.order(network);
    const values = into.map(() => new Float64Array(width));
    columns.forEach(([, x], i) => {
      values[0][i] = x;
      values[3][i] = 1;
    });
    const color = COLORS[look.style.color];
    const cut = look.style.rounding === "truncate" ? (a) => Math.floor(a * 255) / 255 : (a) => a;
    return ([v, y], pixels) => {
      values[1].fill(y);
      columns.forEach(([u], i) => { values[2][i] = Math.sqrt(u * u + v * v); });
      for (const node of order) {
        const sums = values[node].fill(0);
        for (const i of into[node]) {
          const from = values[network.source[i]];
          const weight = network.weight[i];
          for (let at = 0; at < width; at++) sums[at] += weight * from[at];
        }
        const activation = ACTIVATIONS[evofool.genome.activationOf(network, node)];
        for (let at = 0; at < width; at++) sums[at] = activation(sums[at]);
      }
      const outputs = [0, 1, 2].map((channel) => values[4 + Math.min(channel, look.outputs - 1)]);
      for (let at = 0; at < width; at++) {
        const levels = color(...outputs.map((output) => cut(Math.abs(output[at]))));
        for (let channel = 0; channel < 3; channel++) {
          pixels[4 * at + channel] = Math.round(levels[channel] * 255);
        }
        pixels[4 * at + 3] = 255;
      }
    };
  }

  // Draws a picture a few rows at a time, so that the page stays alive. `isWanted` may end it.
  async function draw(canvas, network, { columns, rows }, isWanted) {
    const context = canvas.getContext("2d");
    const paint = rowPainter(network, columns);
    const row = context.createImageData(columns.length, 1);
    let began = performance.now();
    for (let i = 0; i < rows.length; i++) {
      if (performance.now() - began > 20) {
        await new Promise((resolve) => setTimeout(resolve));
        if (!isWanted()) return;
        began = performance.now();
      }
      paint(rows[i], row.data);
      context.putImageData(row, 0, i);
    }
  }

  return { draw };
})();
