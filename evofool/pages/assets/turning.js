// Sliders for the weights of a network, with a way back.
"use strict";

evofool.turning = (() => {
  const { element } = evofool;

  // Makes the sliders. `onchange` is called after each move; `network.weight` has the numbers.
  function create(network, onchange) {
    const names = evofool.genome.names(network);
    const first = Float32Array.from(network.weight);
    const sliders = network.source.map((source, i) => {
      const value = element("output", {}, network.weight[i].toFixed(2));
      const slider = element("input", { type: "range", min: -10, max: 10, step: 0.01 });
      slider.value = network.weight[i];
      slider.addEventListener("input", () => {
        network.weight[i] = Number(slider.value);
        value.textContent = network.weight[i].toFixed(2);
        onchange(isChanged());
      });
      const title = `${names[source]} → ${names[network.target[i]]}`;
      return { slider, value, row: element("label", { className: "weight" }, element("span", {}, title), slider, value) };
    });
    const isChanged = () => network.weight.some((weight, i) => weight !== first[i]);

    function back() {
      network.weight.set(first);
      sliders.forEach(({ slider, value }, i) => {
        slider.value = first[i];
        value.textContent = first[i].toFixed(2);
      });
      onchange(false);
    }

    const button = element("button", { type: "button", onclick: back }, "back to the evolved weights");
    return {
      box: element("div", { className: "weights" }, button, ...sliders.map(({ row }) => row)),
      focus(i) {
        sliders[i].slider.focus();
        sliders[i].row.scrollIntoView({ block: "nearest" });
      },
    };
  }

  return { create };
})();
