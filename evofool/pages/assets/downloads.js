// What can be taken away of an elite: the picture at any size, the graph, the network, the shader.
"use strict";

evofool.downloads = (() => {
  const { element } = evofool;
  const MOST = 8192; // pixels of a side; `evofool render` draws larger ones

  function create({ elite, name, network, view }) {
    const size = element("input", { type: "number", min: 1, max: MOST, value: 1024, id: "size" });
    const part = element("select", { "aria-label": "part of the picture" },
      element("option", { value: "whole" }, "whole image"), element("option", { value: "view" }, "this view"));
    const status = element("span", { role: "status" });
    const button = (text, action) => element("button", { type: "button", onclick: action }, text);

    async function png() {
      const side = Math.round(Number(size.value));
      if (!(side >= 1 && side <= MOST)) {
        status.textContent = `choose a size from 1 to ${MOST} pixels`;
        return;
      }
      status.textContent = "drawing ...";
      const { width, height } = network().look;
      const scale = side / Math.max(width, height);
      const canvas = element("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
      await evofool.painter.draw(canvas, network(), part.value === "whole" ? evofool.plane.whole : view());
      canvas.toBlob((blob) => {
        status.textContent = blob ? "" : "the browser has no room for a picture of that size";
        if (blob) evofool.download(blob, `${name}.png`);
      }, "image/png");
    }

    const json = () => JSON.stringify(evofool.genome.toJson(network()), null, 1) + "\n";
    const title = `${elite.label}, ${evofool.runs.percent(elite.confidence)}, ${elite.run.name}`;
    return element("div", { className: "downloads" },
      element("label", { htmlFor: "size" }, "PNG, pixels:"), size, part, button("PNG", png),
      button("SVG of the network", () => evofool.download(evofool.graph.toText(network()), `${name}.svg`, "image/svg+xml")),
      button("JSON", () => evofool.download(json(), `${name}.json`, "application/json")),
      button("GLSL", () => evofool.download(evofool.shader.shadertoy(network(), title), `${name}.glsl`, "text/plain")),
      status);
  }

  return { create };
})();
