// Starts the page: search and sorting above, the gallery or an elite below, light or dark.
"use strict";

evofool.main = (() => {
  const { element } = evofool;
  const by = (id) => document.getElementById(id);

  async function start() {
    evofool.favourites.open();
    evofool.theme(by("theme"));
    try {
      await evofool.runs.open();
    } catch (error) {
      by("main").replaceChildren(element("p", { role: "alert" }, String(error.message)));
      return;
    }
    fillControls();
    addEventListener("hashchange", show);
    addEventListener("keydown", keys);
    evofool.favourites.watch(countFavourites);
    countFavourites();
    await show();
  }

  function fillControls() {
    const { runs, title } = evofool.runs.site();
    document.title = title;
    by("title").textContent = title;
    const several = runs.length > 1 || runs.some((run) => run.runs > 1);
    const groups = [...new Set(evofool.runs.all().map((elite) => elite.group))].filter(Boolean).sort();
    fill("sort", Object.entries(evofool.gallery.SORTS)
      .filter(([name]) => name !== "group" || groups.length)
      .map(([name, [text]]) => [name, text]));
    fill("group", [["", "all groups"], ...groups.map((group) => [group, group])], groups.length > 1);
    fill("run", [["", "all runs"], ...runs.map((run) => [run.number, run.name])], runs.length > 1);
    by("compare-label").hidden = !several;
    by("search").addEventListener("input", () => change({ q: by("search").value }));
    for (const name of ["sort", "group", "run"]) {
      by(name).addEventListener("change", () => change({ [name]: by(name).value }));
    }
    for (const name of ["compare", "favourites"]) {
      by(name).addEventListener("change", () => change({ [name]: by(name).checked ? "1" : "" }));
    }
    by("export").addEventListener("click", () =>
      evofool.download(evofool.favourites.toText(), "favourites.json", "application/json"));
    by("import").addEventListener("change", importFavourites);
  }

  function fill(id, options, isShown = true) {
    by(id).replaceChildren(...options.map(([value, text]) => element("option", { value }, String(text))));
    by(id).hidden = !isShown;
  }

  // Changes what is asked for; typing replaces the address, so that "back" leaves the search.
  function change(asked) {
    const { class: _, index: __, all, run, ...state } = evofool.address.read();
    const next = { ...state, run: _ === undefined ? run : all, ...asked };
    history.replaceState(null, "", evofool.address.of(next));
    show();
  }

  let shownClass = null;
  let left = 0; // how far the gallery was scrolled

  async function show() {
    const state = evofool.address.read();
    by("search").value = document.activeElement === by("search") ? by("search").value : state.q ?? "";
    by("sort").value = state.sort ?? evofool.gallery.usual();
    by("group").value = state.group ?? "";
    by("run").value = state.class === undefined ? state.run ?? "" : state.all ?? "";
    by("compare").checked = Boolean(state.compare);
    by("favourites").checked = Boolean(state.favourites);
    const main = by("main");
    if (shownClass === null && state.class !== undefined) left = scrollY;
    if (state.class !== undefined) await evofool.elitePage.show(main, state);
    else evofool.gallery.show(main, state);
    if (state.class !== undefined) scrollTo(0, 0);
    else if (shownClass !== null) scrollTo(0, left);
    shownClass = state.class ?? null;
    main.dataset.ready = location.hash || "#";
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const ids = { ArrowLeft: "previous", ArrowRight: "next", Escape: "up" };
    if (event.key === "/") {
      event.preventDefault();
      by("search").focus();
    } else if (event.key === "f") {
      document.querySelector("h1 .star")?.click();
    } else if (event.key in ids) {
      by(ids[event.key])?.click();
    }
  }

  function countFavourites() {
    const count = evofool.favourites.count();
    by("favourites-count").textContent = `favourites (${count})`;
    by("export").disabled = count === 0;
  }

  async function importFavourites(event) {
    const [file] = event.target.files;
    if (!file) return;
    try {
      evofool.favourites.add(await file.text());
      await show();
    } catch (error) {
      by("main").prepend(element("p", { role: "alert", className: "warning" }, `${file.name}: ${error.message}`));
    }
    event.target.value = "";
  }

  return { start };
})();

evofool.main.start();
