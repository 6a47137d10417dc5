// Breeding: choose, breed, choose again. The newest generation is above, those before it below.
"use strict";

(() => {
  const { element } = evofool;
  const by = (id) => document.getElementById(id);
  const chosen = new Set(); // of founders: classes; of children: numbers from 1
  let state = null;
  let fromFounders = true;

  const image = (born) => `/api/breed/children/${born[0]}/${born[1]}.png`;
  const nameOf = (born) => `${born[0]}/${born[1] + 1}`;

  function chooser(key, source, label, below) {
    const button = element("button", { type: "button", className: "chooser" },
      element("img", { src: source, alt: "", loading: "lazy" }),
      element("span", { className: "name" }, label), element("span", { className: "below" }, below));
    button.setAttribute("aria-label", `choose ${label}, ${below}`);
    const mark = () => button.setAttribute("aria-pressed", String(chosen.has(key)));
    button.addEventListener("click", () => {
      if (!chosen.delete(key)) chosen.add(key);
      mark();
      ready();
    });
    mark();
    return element("li", { className: "tile" }, button);
  }

  const short = (one) => one.label.split(",")[0];
  const parents = (child) => `from ${child.parents.map(nameOf).join(" × ")}`;

  function show() {
    const { founders, generations, session } = state;
    const newest = generations.at(-1);
    fromFounders = fromFounders || !newest;
    const tiles = fromFounders
      ? founders.map((one) => chooser(one.index, `/api/breed/founders/${one.index}.png`, short(one), evofool.percent(one.confidence)))
      : newest.map((one, i) => chooser(i + 1, image(one.born), `${i + 1}: ${short(one)}`, `${evofool.percent(one.confidence)}, ${parents(one)}`));
    by("grid").replaceChildren(element("ul", { className: "tiles" }, ...tiles));
    by("hint").textContent = fromFounders
      ? "Choose images to breed: with one, its children are mutants; with several, many are crosses."
      : `Generation ${newest[0].born[0]} of ${session}: choose again.`;
    const past = generations.slice(0, fromFounders ? generations.length : -1).reverse();
    by("past").replaceChildren(...past.map((some) => element("details", {},
      element("summary", {}, `generation ${some[0].born[0]}`),
      element("ul", { className: "tiles" }, ...some.map((one) => element("li", { className: "tile" },
        element("img", { src: image(one.born), alt: short(one), loading: "lazy" }),
        element("span", { className: "name" }, `${nameOf(one.born)}: ${short(one)}`),
        element("span", { className: "below" }, `${evofool.percent(one.confidence)}, ${parents(one)}`)))))));
    ready();
  }

  function ready() {
    by("breed").disabled = chosen.size === 0;
    by("breed").textContent = chosen.size ? `breed ${chosen.size} chosen` : "breed";
  }

  async function breed() {
    const keys = [...chosen];
    by("breed").disabled = true;
    by("hint").textContent = "breeding ...";
    try {
      state = await evofool.ask("/api/breed", {
        classes: fromFounders ? keys : [],
        numbers: fromFounders ? [] : keys,
        children: Number(by("children").value),
        generation: state.generations.at(-1)?.[0].born[0] ?? 0, // that the numbers are of
      });
      evofool.warn(null);
      fromFounders = false;
      chosen.clear();
    } catch (error) {
      evofool.warn(error);
    }
    show();
    scrollTo(0, 0);
  }

  by("breed").addEventListener("click", breed);
  by("none").addEventListener("click", () => { chosen.clear(); show(); });
  by("founders").addEventListener("click", () => { chosen.clear(); fromFounders = true; show(); });
  (async () => {
    try {
      state = await evofool.ask("/api/breed");
      fromFounders = !state.generations.length;
      show();
    } catch (error) {
      evofool.warn(error);
    }
  })();
})();
