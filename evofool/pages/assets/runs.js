// What the site shows: runs, their elites, their networks and ancestors.
"use strict";

evofool.runs = (() => {
  const PER_FILE = 250; // networks in a data file, as evofool/pages/packing.py writes them
  let site = null;

  async function open() {
    site = await evofool.load("site");
    await Promise.all(site.runs.map(async (run, number) => {
      const columns = await evofool.load(`${run.folder}/elites`);
      run.number = number;
      run.elites = columns.class.map((_, i) => eliteAt(run, columns, i));
    }));
    return site;
  }

  // One elite from the columns of its run; confidence comes from the log-odds, which never saturate.
  function eliteAt(run, columns, i) {
    const elite = { run, number: i };
    for (const [name, values] of Object.entries(columns)) elite[name] = values[i];
    [elite.label, elite.id, elite.group] = run.classes[elite.class];
    elite.confidence = 1 / (1 + Math.exp(-elite.logOdds));
    elite.name = elite.label.split(",")[0];
    elite.seed = run.seed + elite.index;
    elite.words = `${elite.class} ${elite.id ?? ""} ${elite.label} ${elite.group ?? ""}`.toLowerCase();
    return elite;
  }

  const all = () => site.runs.flatMap((run) => run.elites);

  const unpacked = new Map(); // name of a data file -> promise of its networks

  // Returns one of the networks that data files of a kind hold.
  async function numbered(run, kind, number) {
    const name = `${run.folder}/${kind}-${Math.floor(number / PER_FILE)}`;
    const packed = await evofool.load(name);
    if (!unpacked.has(name)) unpacked.set(name, evofool.genome.unpack(packed, run.look));
    return (await unpacked.get(name))[number % PER_FILE];
  }

  const network = (elite) => numbered(elite.run, "networks", elite.number);
  const ancestor = (elite, number) => numbered(elite.run, "ancestors", number);

  // The ancestors of an elite that the site holds, the oldest first: generation and class of each.
  async function line(elite) {
    const lines = await evofool.load(`${elite.run.folder}/lines`);
    return lines.members[elite.number].map(([number, held]) => ({
      number,
      generation: lines.generations[number],
      class: held,
      name: elite.run.classes[held][0].split(",")[0],
    }));
  }

  // As few decimals as tell confidences apart, never rounded up to certainty.
  function percent(share) {
    if (share >= 0.99999949) return "> 99.9999 %";
    if (share >= 0.9999) return `${(Math.floor(share * 1e6) / 1e4).toFixed(4)} %`;
    if (share >= 0.99) return `${(Math.floor(share * 1e4) / 1e2).toFixed(2)} %`;
    return share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`;
  }

  // Shows the thumbnail of an elite in an element, once that comes near the window.
  const nearby = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        paint(entry.target, entry.target.elite);
        nearby.unobserve(entry.target);
      }
    }
  }, { rootMargin: "600px" });

  function paint(box, elite) {
    const { sprites, folder } = elite.run;
    const perSheet = sprites.columns * sprites.columns;
    const at = elite.number % perSheet;
    const [column, row] = [at % sprites.columns, Math.floor(at / sprites.columns)];
    const number = Math.floor(elite.number / perSheet);
    const left = elite.run.elites.length - number * perSheet;
    const rows = Math.ceil(Math.min(perSheet, left) / sprites.columns);
    const place = (index, count) => (count > 1 ? (100 * index) / (count - 1) : 0);
    box.style.backgroundImage = `url("data/${folder}/sprite-${number}.${sprites.suffix}")`;
    box.style.backgroundSize = `${100 * sprites.columns}% ${100 * rows}%`;
    box.style.backgroundPosition = `${place(column, sprites.columns)}% ${place(row, rows)}%`;
  }

  function thumbnail(elite) {
    const box = evofool.element("span", { className: "thumbnail" });
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `image that the classifier takes for ${elite.name}`);
    const [height, width] = elite.run.shape;
    box.style.aspectRatio = `${width} / ${height}`;
    if (elite.run.sprites.pixelated) box.classList.add("pixelated");
    box.elite = elite;
    nearby.observe(box);
    return box;
  }

  return { open, all, site: () => site, network, line, ancestor, percent, thumbnail };
})();
