// Favourites: kept by the browser, and as a file that `evofool breed RUN --favourites F` reads. An elite is named by its run, its class and when it was born.
"use strict";

evofool.favourites = (() => {
  const KEY = "evofool-favourites";
  const FORMAT = { format: "evofool-favourites", version: 1 };
  let kept = new Map(); // name -> entry
  const watchers = new Set();

  function entryOf(elite) {
    return {
      run: elite.run.name,
      seed: elite.seed,
      run_index: elite.index,
      class_index: elite.class,
      label: elite.label,
      born: elite.born,
    };
  }

  const nameOf = (entry) => JSON.stringify([entry.run, entry.seed, entry.class_index, entry.born]);

  // Checks what the browser or a file holds: anything may stand there.
  function read(text) {
    const data = JSON.parse(text);
    const isEntry = (entry) =>
      entry && typeof entry.run === "string" && Number.isInteger(entry.seed) &&
      Number.isInteger(entry.class_index) && Number.isInteger(entry.run_index) &&
      Array.isArray(entry.born);
    if (data?.format !== FORMAT.format || !Array.isArray(data.favourites)) {
      throw new Error("not a file of favourites");
    }
    return data.favourites.filter(isEntry);
  }

  function open() {
    try {
      const text = localStorage.getItem(KEY);
      if (text) kept = new Map(read(text).map((entry) => [nameOf(entry), entry]));
    } catch {
      kept = new Map(); // no storage, or something else in it
    }
  }

  function changed() {
    try {
      localStorage.setItem(KEY, toText());
    } catch {
      // a private window: they stay until it is closed, and can be exported
    }
    for (const watcher of watchers) watcher();
  }

  const has = (elite) => kept.has(nameOf(entryOf(elite)));

  function toggle(elite) {
    const entry = entryOf(elite);
    if (!kept.delete(nameOf(entry))) kept.set(nameOf(entry), entry);
    changed();
  }

  function toText() {
    return JSON.stringify({ ...FORMAT, favourites: [...kept.values()] }, null, 2) + "\n";
  }

  function add(text) {
    for (const entry of read(text)) kept.set(nameOf(entry), entry);
    changed();
  }

  // A button that shows whether an elite is a favourite, and changes it.
  function button(elite) {
    const star = evofool.element("button", { className: "star", type: "button" });
    const show = () => {
      star.textContent = has(elite) ? "★" : "☆";
      star.setAttribute("aria-pressed", String(has(elite)));
    };
    star.setAttribute("aria-label", `favourite: ${elite.name}`);
    star.title = "favourite (f)";
    star.addEventListener("click", () => {
      toggle(elite);
      show();
    });
    show();
    return star;
  }

  function clear() {
    kept.clear();
    changed();
  }

  return {
    open, has, toggle, toText, add, clear, button,
    count: () => kept.size,
    watch: (watcher) => watchers.add(watcher),
  };
})();
