// All elites of the site as tiles: searched, sorted, and with several runs side by side.
"use strict";

evofool.gallery = (() => {
  const { element } = evofool;
  const SORTS = {
    class: ["class", (a, b) => a.class - b.class],
    confidence: ["confidence", (a, b) => b.logOdds - a.logOdds],
    least: ["confidence, lowest first", (a, b) => a.logOdds - b.logOdds],
    group: ["group", (a, b) => (a.group ?? "").localeCompare(b.group ?? "") || b.logOdds - a.logOdds],
    born: ["born, oldest first", (a, b) => a.born[0] - b.born[0]],
    youngest: ["born, youngest first", (a, b) => b.born[0] - a.born[0]],
    complexity: ["complexity, smallest first", (a, b) => a.connections - b.connections],
    complex: ["complexity, largest first", (a, b) => b.connections - a.connections],
  };

  // The elites that a state of the page asks for, in its order.
  function chosen(state) {
    const words = (state.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const isAsked = (elite) =>
      (state.run === undefined || state.compare || String(elite.run.number) === state.run) &&
      (!state.favourites || evofool.favourites.has(elite)) &&
      (!state.group || elite.group === state.group) &&
      words.every((word) => matches(elite, word));
    const order = (SORTS[state.sort] ?? SORTS[usual()])[1];
    return evofool.runs.all().filter(isAsked).sort(order);
  }

  // A number is the index of a class, or a word of its label; anything else a part of the words.
  function matches(elite, word) {
    return /^\d+$/.test(word)
      ? String(elite.class) === word || elite.label.toLowerCase().split(/\W+/).includes(word)
      : elite.words.includes(word);
  }

  const usual = () => (evofool.runs.all().length > 30 ? "confidence" : "class");

  function tile(elite) {
    const link = element(
      "a",
      { href: evofool.address.ofElite(elite), className: "tile-link", title: elite.label },
      evofool.runs.thumbnail(elite),
      element("span", { className: "name" }, elite.name),
      element("span", { className: "below" }, evofool.runs.percent(elite.confidence)),
    );
    return element("li", { className: "tile" }, link, evofool.favourites.button(elite));
  }

  function tiles(elites) {
    return element("ul", { className: "tiles" }, ...elites.map(tile));
  }

  function grouped(elites) {
    const groups = new Map();
    for (const elite of elites) {
      if (!groups.has(elite.group)) groups.set(elite.group, []);
      groups.get(elite.group).push(elite);
    }
    return [...groups].map(([group, members]) => element(
      "section", {}, element("h2", {}, `${group ?? "no group"} (${members.length})`), tiles(members),
    ));
  }

  // A row for each class, a column for each run (and each of its independent runs).
  function compared(elites) {
    const columns = evofool.runs.site().runs.flatMap((run) =>
      Array.from({ length: run.runs }, (_, index) => ({ run, index })));
    const rows = new Map(); // label -> elites by column
    for (const elite of elites) {
      if (!rows.has(elite.label)) rows.set(elite.label, []);
      const at = columns.findIndex(({ run, index }) => run === elite.run && index === elite.index);
      rows.get(elite.label)[at] = elite;
    }
    const heading = ({ run, index }) => element(
      "th", { scope: "col" }, run.runs > 1 ? `${run.name}, seed ${run.seed + index}` : run.name,
    );
    const cell = (elite) => element("td", {}, elite ? tile(elite) : "");
    const body = [...rows].map(([label, members]) => element(
      "tr", {},
      element("th", { scope: "row" }, label.split(",")[0]),
      ...columns.map((_, i) => cell(members[i])),
    ));
    return element(
      "div", { className: "wide" },
      element("table", { className: "compare" },
        element("thead", {}, element("tr", {}, element("td"), ...columns.map(heading))),
        element("tbody", {}, ...body)),
    );
  }

  function show(main, state) {
    const elites = chosen(state);
    const sort = state.sort ?? usual();
    const content = state.compare ? [compared(elites)]
      : sort === "group" ? grouped(elites) : [tiles(elites)];
    const found = `${elites.length} of ${evofool.runs.all().length} images`;
    main.replaceChildren(
      element("p", { className: "count", role: "status" }, elites.length ? found : "nothing found"),
      ...content,
    );
  }

  return { SORTS, usual, chosen, show };
})();
