// A run as it evolves: elites appear as they are found.
"use strict";

(() => {
  const { element } = evofool;
  const by = (id) => document.getElementById(id);
  const PATIENCE = 4000; // ms after which the server is told again what is in view
  const PACE = 250; // ms between two paintings, at least
  const MOST_ASKED = 256; // images asked for at once
  const MOST_POINTS = 300; // of the curve
  const MOST = 25; // log-odds at which the curve ends
  const tiles = new Map(); // cell -> { item, canvas, below, born, logOdds, shown, visible }
  let curve = [];
  let classes = [];
  let shape = null; // height, width and channels of an image

  function tileOf(cell) {
    if (!tiles.has(cell)) {
      const [height, width] = shape;
      const canvas = element("canvas", { height, width });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `elite of ${classes[cell].name}`);
      const below = element("span", { className: "below" });
      const item = element("li", { className: "tile" }, canvas,
        element("span", { className: "name", title: classes[cell].name }, classes[cell].name), below);
      tiles.set(cell, { cell, item, canvas, below, born: null, shown: null, visible: false });
      item.cell = cell;
      const after = [...tiles.keys()].filter((other) => other > cell).sort((a, b) => a - b)[0];
      by("elites").insertBefore(item, after === undefined ? null : tiles.get(after).item);
      visible.observe(item);
    }
    return tiles.get(cell);
  }

  const visible = new IntersectionObserver((entries) => {
    for (const entry of entries) tiles.get(entry.target.cell).visible = entry.isIntersecting;
    refresh();
  }, { rootMargin: "100px" });

  // Notes what has changed; `refresh` shows it.
  function take(state) {
    if (state.classes) ({ classes, shape } = state);
    for (const point of state.curve ?? []) {
      if (!curve.length || point[0] > curve.at(-1)[0]) curve.push(point);
    }
    for (const [cell, generation, child, logOdds] of state.elites ?? []) {
      Object.assign(tileOf(cell), { born: `${generation}-${child}`, logOdds });
    }
    if (state.phase) status = { ...state, text: state.phase };
    if (state.message) status.text = state.message;
    isStale = true;
    refresh();
  }

  // Texts, curve and images of what has changed are painted together, and not while nobody looks: a
  // browser without a graphics card paints on the processors that evolve.
  let status = {}, isStale = false, isBusy = false, told = 0, painted = 0, marked = [];
  async function refresh() {
    if (isBusy) return;
    isBusy = true;
    while (!document.hidden && isBehind()) await update();
    isBusy = false;
  }
  setInterval(refresh, 1000);
  document.addEventListener("visibilitychange", refresh);

  const wait = (duration) => new Promise((done) => setTimeout(done, duration));
  const inView = () => [...tiles.values()].filter((tile) => tile.visible);
  const isOld = (tile) => tile.born !== tile.shown;
  const isToTell = (some) => some.length > 0 && performance.now() - told > PATIENCE;
  const isBehind = () => isStale || inView().some(isOld) || isToTell(inView());

  // Asks for the images in view that are out of date, in one request, which also says what is in
  // view: the server has those images ready when their elites change.
  async function update() {
    await wait(PACE + painted - performance.now());
    isStale = false;
    const seen = inView();
    const wanted = seen.filter(isOld).slice(0, MOST_ASKED);
    const born = wanted.map((tile) => tile.born);
    const levels = wanted.length || isToTell(seen) ? await imagesOf(wanted, seen) : null;
    await new Promise(requestAnimationFrame);
    painted = performance.now();
    showStatus();
    if (levels) {
      mark(wanted);
      const size = shape[0] * shape[1] * shape[2];
      wanted.forEach((tile, i) => paint(tile, born[i], levels.subarray(i * size, (i + 1) * size)));
    } else if (wanted.length) {
      await wait(1000); // where the connection is gone, the phase says so
    }
  }

  async function imagesOf(wanted, seen) {
    told = performance.now();
    const list = (some) => some.map((tile) => tile.cell).join(",");
    try {
      const answer = await fetch(`/api/live/images?cells=${list(wanted)}&in_view=${list(seen)}`);
      return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
    } catch {
      return null;
    }
  }

  function showStatus() {
    const { phase, text, generation, last } = status;
    put(by("phase"), text);
    by("phase").dataset.phase = phase;
    const rate = curve.length ? `, ${Math.round(curve.at(-1)[4]).toLocaleString("en")} evaluations/s` : "";
    put(by("figures"), last ? `generation ${generation} of ${last}, ${tiles.size} elites${rate}` : "");
    by("pause").disabled = phase !== "evolving";
    by("stop").disabled = !["evolving", "paused"].includes(phase);
    by("go-on").disabled = !["paused", "stopped"].includes(phase);
    for (const tile of tiles.values()) {
      put(tile.below, evofool.percent(1 / (1 + Math.exp(-tile.logOdds))));
    }
    drawCurve();
  }

  // What stays the same is not painted again.
  function put(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // Marks what is new, until something else is.
  function mark(fresh) {
    if (!fresh.length) return;
    for (const tile of marked) tile.item.classList.toggle("new", fresh.includes(tile));
    for (const tile of fresh) tile.item.classList.add("new");
    marked = fresh;
  }

  function paint(tile, born, levels) {
    const [height, width, channels] = shape;
    const image = new ImageData(width, height);
    for (let at = 0; at < height * width; at++) {
      for (let c = 0; c < 3; c++) image.data[4 * at + c] = levels[channels * at + (channels === 3 ? c : 0)];
      image.data[4 * at + 3] = 255;
    }
    tile.canvas.getContext("2d").putImageData(image, 0, 0);
    tile.shown = born;
    tile.item.dataset.shown = `${tile.cell}-${born}`;
  }

  const height = (share) => {
    const logit = Math.log(Math.max(share, 1e-12)) - Math.log(Math.max(1 - share, 1e-12));
    return 160 - (160 * (Math.max(-MOST, Math.min(MOST, logit)) + MOST)) / (2 * MOST);
  };

  function drawCurve() {
    const svg = by("curve"), first = curve[0]?.[0] ?? 0;
    const span = Math.max(1, (curve.at(-1)?.[0] ?? 1) - first);
    const step = Math.ceil(curve.length / MOST_POINTS);
    const rows = curve.filter((_, i) => (curve.length - 1 - i) % step === 0);
    const point = (row, column) => `${(600 * (row[0] - first)) / span},${height(row[column])}`;
    const make = (tag, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
      return made;
    };
    const levels = [0.5, 0.9999, 0.0001].map((share) =>
      make("line", { x1: 0, x2: 600, y1: height(share), y2: height(share) }));
    const area = [...rows.map((row) => point(row, 3)), ...[...rows].reverse().map((row) => point(row, 1))];
    svg.replaceChildren(...levels, make("polygon", { points: area.join(" ") }),
      make("polyline", { points: rows.map((row) => point(row, 2)).join(" ") }));
  }

  for (const share of [0.9999, 0.5, 0.0001]) {
    const mark = element("span", { className: "mark" }, `${share * 100} %`);
    mark.style.top = `${height(share)}px`;
    by("curve").parentElement.append(mark);
  }

  for (const id of ["pause", "stop", "go-on"]) {
    by(id).addEventListener("click", () => evofool.ask(`/api/live/${id}`, {}));
  }

  const source = new EventSource("/api/live/events");
  source.addEventListener("state", (event) => {
    curve = [];
    take(JSON.parse(event.data));
  });
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    by("phase").textContent = "no connection";
  });
})();
