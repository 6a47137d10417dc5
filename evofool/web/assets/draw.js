// The pad: the classifier answers while one draws.
"use strict";

(async () => {
  const { element } = evofool;
  const by = (id) => document.getElementById(id);
  const pad = by("pad"), context = pad.getContext("2d", { willReadFrequently: true });
  const facts = await evofool.ask("/api/draw");
  const ground = `rgb(${facts.ground}, ${facts.ground}, ${facts.ground})`;
  const ink = facts.ground > 127 ? "#1d1d1b" : "#ffffff";
  by("ink").value = ink;
  by("ink-label").hidden = facts.grey;
  by("asked").textContent = facts.digits
    ? `Draw a digit, or drop a photograph of one: ${facts.classifier} says what it sees.`
    : `Draw something, or drop a photograph: ${facts.classifier} says what it sees.`;

  let strokes = []; // [{ width, color, points }]
  let cursor = null; // where the keyboard's pen is: { x, y, isDown }
  let photograph = null;
  let dirty = false, busy = false;

  function paint() {
    context.fillStyle = ground;
    context.fillRect(0, 0, pad.width, pad.height);
    context.lineCap = context.lineJoin = "round";
    for (const { width, color, points } of strokes) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point);
      context.stroke();
    }
    by("cursor").hidden = !cursor;
    if (!cursor) return;
    by("cursor").style.left = `${(100 * cursor.x) / pad.width}%`;
    by("cursor").style.top = `${(100 * cursor.y) / pad.height}%`;
    by("cursor").classList.toggle("down", cursor.isDown);
  }

  function changed() {
    paint();
    dirty = true;
    answer();
  }

  // One question at a time: the newest state of the pad, as soon as the last answer is here.
  async function answer() {
    if (busy || !dirty) return;
    busy = true;
    dirty = false;
    try {
      if (photograph) show(await evofool.ask("/api/draw/photograph", photograph));
      else if (!strokes.length) empty();
      else {
        const blob = await new Promise((resolve) => pad.toBlob(resolve, "image/png"));
        show(await evofool.ask("/api/draw/drawing", blob));
      }
      evofool.warn(null);
    } catch (error) {
      evofool.warn(error);
      photograph = null;
    }
    busy = false;
    answer();
  }

  function empty() {
    by("guesses").replaceChildren();
    by("seen-figure").hidden = true;
  }

  function show({ guesses, actions, seen }) {
    by("guesses").replaceChildren(...guesses.map((guess) => element("li", {},
      element("span", { className: "label", title: guess.label }, guess.label.split(",")[0]),
      element("meter", { min: 0, max: 1, value: guess.confidence }),
      element("span", { className: "share" }, evofool.percent(guess.confidence)))));
    by("seen").src = seen;
    by("actions").textContent = ["as the classifier gets it", ...actions].join("; ");
    by("seen-figure").hidden = false;
  }

  const place = (event) => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
  };
  function begin(point) {
    photograph = null;
    strokes.push({ width: Number(by("pen").value), color: facts.grey ? ink : by("ink").value, points: [point] });
    changed();
  }
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    try {
      pad.setPointerCapture(event.pointerId);
    } catch { /* a pointer that is gone already */ }
    cursor = null;
    begin(place(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (!event.buttons || !strokes.length || photograph) return;
    // a browser that is busy tells of several moves at once; without them corners are cut
    const moves = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).points.push(...(moves.length ? moves : [event]).map(place));
    changed();
  });
  // By keyboard: arrows move a pen, in small steps with Shift; Space or Enter sets it down and lifts it.
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  pad.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    cursor ??= { x: pad.width / 2, y: pad.height / 2, isDown: false };
    const step = event.shiftKey ? 2 : 10;
    if (arrow) {
      cursor.x = Math.min(Math.max(cursor.x + step * arrow[0], 0), pad.width);
      cursor.y = Math.min(Math.max(cursor.y + step * arrow[1], 0), pad.height);
    } else if (!event.repeat) cursor.isDown = !cursor.isDown;
    const point = [cursor.x, cursor.y];
    if (!arrow && cursor.isDown) begin(point);
    else if (arrow && cursor.isDown && strokes.length) {
      strokes.at(-1).points.push(point);
      changed();
    } else paint();
  });
  pad.addEventListener("blur", () => { cursor = null; paint(); });

  by("undo").addEventListener("click", () => { photograph = null; strokes.pop(); changed(); });
  by("clear").addEventListener("click", () => { photograph = null; strokes = []; changed(); });

  function drop(file) {
    if (!file) return;
    strokes = [];
    paint();
    photograph = file;
    dirty = true;
    answer();
    createImageBitmap(file).then((image) => {
      if (photograph !== file) return;
      const scale = Math.min(pad.width / image.width, pad.height / image.height);
      const [width, height] = [image.width * scale, image.height * scale];
      context.drawImage(image, (pad.width - width) / 2, (pad.height - height) / 2, width, height);
    }).catch(() => { /* a format that only the server reads */ });
  }
  by("photograph").addEventListener("change", (event) => { drop(event.target.files[0]); event.target.value = ""; });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      pad.classList.toggle("over", name === "dragover");
      if (name === "drop") drop(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => drop(event.clipboardData.files[0]));
  paint();
  pad.dataset.ready = "yes";
})();
