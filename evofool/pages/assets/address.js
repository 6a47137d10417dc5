// The state of the page is its address: #class=327&run=0, so that every view can be linked to.
"use strict";

evofool.address = (() => {
  const KNOWN = ["class", "run", "index", "all", "q", "sort", "group", "compare", "favourites"];

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    return Object.fromEntries(KNOWN.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
  }

  function of(state) {
    const pairs = KNOWN.filter((name) => state[name] !== undefined && state[name] !== "");
    return `#${new URLSearchParams(pairs.map((name) => [name, state[name]]))}`;
  }

  // The address of an elite's page, which remembers what was searched for; `all` is the run that the
  // gallery was limited to.
  function ofElite(elite, asked = read()) {
    const { class: _, index: __, run, ...rest } = asked;
    const all = asked.class === undefined ? run : asked.all;
    const state = { ...rest, all, class: elite.class };
    if (elite.run.number) state.run = elite.run.number;
    if (elite.index) state.index = elite.index;
    return of(state);
  }

  return { read, of, ofElite };
})();
