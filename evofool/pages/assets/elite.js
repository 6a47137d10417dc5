// The page of one elite: its image without end, what is known of it, its network and its ancestors.
"use strict";

evofool.elitePage = (() => {
  const { element } = evofool;

  function find(state) {
    const run = evofool.runs.site().runs[Number(state.run ?? 0)];
    const index = Number(state.index ?? 0);
    return run?.elites.find((elite) => String(elite.class) === state.class && elite.index === index);
  }

  async function show(main, state) {
    const elite = find(state);
    if (!elite) {
      main.replaceChildren(element("p", { role: "status" }, `there is no elite of class ${state.class} here`));
      return;
    }
    const heading = element("h1", { tabIndex: -1 }, elite.name, " ", evofool.favourites.button(elite));
    const parts = elite.run.look ? await ofNetwork(elite) : ofPixels(elite);
    main.replaceChildren(
      neighbours(elite, state),
      element("div", { className: "elite" },
        element("div", { className: "picture" }, ...parts.picture),
        element("div", { className: "about" }, heading, parts.warning ?? "", facts(elite), ...parts.about)),
    );
  }

  // Links to the elites before and after, in the order of the gallery that one came from.
  function neighbours(elite, state) {
    const { class: _, run: __, index: ___, ...asked } = state;
    const elites = evofool.gallery.chosen(asked);
    const at = elites.indexOf(elite);
    const link = (other, text, id) => other
      ? element("a", { href: evofool.address.ofElite(other, asked), id }, text) : "";
    return element("nav", { className: "neighbours", "aria-label": "other images" },
      element("a", { href: evofool.address.of({ ...asked, run: state.all }), id: "up" }, "← all images"),
      link(elites[at - 1], "previous", "previous"), link(elites[at + 1], "next", "next"));
  }

  function facts(elite) {
    const { run } = elite;
    const rows = [
      ["confidence", evofool.runs.percent(elite.confidence)],
      ["runner-up", elite.runnerUp],
      ["label", elite.label],
      ["class", elite.id ? `${elite.class}, ${elite.id}` : String(elite.class)],
      ["group", elite.group],
      ["born", `generation ${elite.born[0]}, after ${elite.ancestors} ancestors and ${elite.changes} changes of class`],
      ["network", run.look ? `${elite.nodes} nodes, ${elite.connections} connections` : null],
      ["run", `${run.name}: ${run.classifier}, seed ${elite.seed}`],
    ].filter(([, text]) => text);
    return element("dl", {}, ...rows.flatMap(([name, text]) => [
      element("dt", {}, name), element("dd", {}, text)]));
  }

  function ofPixels(elite) {
    const image = element("img", {
      className: "pixels", src: `data/${elite.run.folder}/images/${elite.number}.png`,
      alt: `image that the classifier takes for ${elite.name}`,
    });
    const link = element("a", { href: image.src, download: `${fileName(elite)}.png` }, "PNG");
    return { picture: [image], about: [element("p", { className: "downloads" }, "Download: ", link)] };
  }

  const fileName = (elite) => `${elite.class}-${elite.name.replace(/[^\p{L}\p{N}]+/gu, "-")}`;

  async function ofNetwork(elite) {
    const first = await evofool.runs.network(elite);
    const viewer = evofool.viewer.create({ onchange: ({ reach }) => { scale.textContent = `${format(1 / reach)} ×`; } });
    const scale = element("output", { "aria-label": "magnification" });
    const warning = element("p", { className: "warning", hidden: true });
    const details = element("div", {});
    let shown = first;

    // Shows a network: the elite's, an ancestor's, or one with other weights.
    function present(network, note = "") {
      shown = evofool.genome.copy(network);
      warning.textContent = note;
      warning.hidden = !note;
      details.replaceChildren(...describe(note));
      viewer.show(shown);
    }

    function describe(note) {
      const graph = element("div", { className: "wide graph" });
      const formulas = element("pre", { className: "formulas" });
      const redescribe = () => {
        graph.replaceChildren(evofool.graph.draw(shown, (i) => turning.focus(i)));
        formulas.textContent = evofool.genome.formulas(shown).join("\n");
      };
      const turning = evofool.turning.create(shown, (isChanged) => {
        warning.textContent = isChanged ? "Weights were changed: the figures are of the image as it was evolved." : note;
        warning.hidden = !warning.textContent;
        viewer.show(shown);
        redescribe();
      });
      redescribe();
      return [folded("Weights", turning.box), folded("Network", graph, true), folded("Formula", formulas)];
    }

    const descent = await lineSlider(elite, first, present);
    present(first);
    const title = `image that the classifier takes for ${elite.name}; drag, turn the wheel or use the arrows, + and - to move`;
    viewer.canvas.setAttribute("aria-label", title);
    const button = (text, label, action) =>
      element("button", { type: "button", "aria-label": label, onclick: action }, text);
    const controls = element("div", { className: "controls" },
      button("−", "zoom out", () => viewer.zoom(1 / 1.5)), button("+", "zoom in", () => viewer.zoom(1.5)),
      button("whole image", "whole image", viewer.reset), scale);
    return {
      picture: [viewer.canvas, controls, descent],
      about: [evofool.downloads.create({ elite, name: fileName(elite), network: () => shown, view: viewer.view }), details],
      warning,
    };
  }

  const format = (number) => (number >= 1e5 || number < 0.01 ? number.toExponential(1) : String(Number(number.toPrecision(3))));

  function folded(title, content, open = false) {
    return element("details", { open }, element("summary", {}, title), content);
  }

  // A slider through the line of descent; its right end is the elite itself.
  async function lineSlider(elite, network, present) {
    const line = await evofool.runs.line(elite);
    if (!line.length) return "";
    const caption = element("output", {});
    const slider = element("input", { type: "range", min: 0, max: line.length, step: 1, id: "descent" });
    slider.value = line.length;
    let asked = 0;
    const tell = (text) => { caption.textContent = text; };
    const itself = `generation ${elite.born[0]}: ${elite.name} (the elite)`;
    tell(itself);
    slider.addEventListener("input", async () => {
      const mine = ++asked;
      const step = line[Number(slider.value)];
      if (!step) {
        tell(itself);
        present(network);
        return;
      }
      tell(`generation ${step.generation}: the best ${step.name}`);
      const older = await evofool.runs.ancestor(elite, step.number);
      if (mine === asked) present(older, `An ancestor, of generation ${step.generation}: the figures are of the elite.`);
    });
    const held = line.length < elite.ancestors ? `, ${line.length} of ${elite.ancestors}` : "";
    return element("div", { className: "descent" },
      element("label", { htmlFor: "descent" }, `Ancestors${held}`), slider, caption);
  }

  return { show };
})();
