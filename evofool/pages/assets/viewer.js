// A picture of a network that can be dragged, zoomed and walked through, without end.
"use strict";

evofool.viewer = (() => {
  const LEAST = 1e-12; // reach: below, double precision is at its end, too
  const MOST = 1e4; // above, sines are beyond what their arguments can say
  const MOST_PIXELS = 1024; // of a side: sharper pictures take longer than a finger moves

  // Makes a canvas that shows `show(network)`. `onchange` is told where the view is.
  function create({ onchange = () => {} } = {}) {
    const canvas = evofool.element("canvas", { className: "viewer", tabIndex: 0 });
    canvas.setAttribute("role", "img");
    let network = null;
    let view = { ...evofool.plane.whole };
    let asked = 0; // counts what was asked for, so that what is outdated ends

    function redraw() {
      const mine = ++asked;
      requestAnimationFrame(async () => {
        if (mine !== asked || !network) return;
        fit();
        await evofool.painter.draw(canvas, network, view, () => mine === asked);
        if (mine === asked) canvas.dataset.drawn = String(mine);
      });
      onchange(view);
    }

    // Gives the canvas as many pixels as it has on the screen.
    function fit() {
      const box = canvas.getBoundingClientRect();
      const dense = Math.min(devicePixelRatio || 1, MOST_PIXELS / Math.max(box.width, box.height, 1));
      const [width, height] = [box.width, box.height].map((side) => Math.max(1, Math.round(side * dense)));
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    }

    // Units of the plane for one pixel of the page.
    function unit() {
      const box = canvas.getBoundingClientRect();
      const { width, height } = network.look;
      const scale = Math.min(box.width / width, box.height / height);
      return { u: (2 * view.reach) / (width * scale), v: (2 * view.reach) / (height * scale), box };
    }

    function move(dx, dy) {
      const { u, v } = unit();
      view = { ...view, u: view.u - dx * u, v: view.v - dy * v };
      redraw();
    }

    // Zooms so that what is under a point of the page stays there.
    function zoom(factor, x, y) {
      const reach = Math.min(Math.max(view.reach / factor, LEAST), MOST);
      const { u, v, box } = unit();
      const [dx, dy] = [x - box.left - box.width / 2, y - box.top - box.height / 2];
      const kept = 1 - reach / view.reach;
      view = { u: view.u + dx * u * kept, v: view.v + dy * v * kept, reach };
      redraw();
    }

    function middle() {
      const box = canvas.getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    }

    function reset() {
      view = { ...evofool.plane.whole };
      redraw();
    }

    listen(canvas, { move, zoom, middle, reset });
    new ResizeObserver(redraw).observe(canvas);
    return {
      canvas,
      reset,
      zoom: (factor) => zoom(factor, ...middle()),
      view: () => view,
      show(next) {
        network = next;
        canvas.style.aspectRatio = `${network.look.width} / ${network.look.height}`;
        redraw();
      },
    };
  }

  // Mouse, fingers and keys.
  function listen(canvas, { move, zoom, middle, reset }) {
    const fingers = new Map(); // pointer -> [x, y]
    const spread = () => {
      const [[x1, y1], [x2, y2]] = [...fingers.values()];
      return [Math.hypot(x1 - x2, y1 - y2), (x1 + x2) / 2, (y1 + y2) / 2];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      if (fingers.size === 1) {
        fingers.set(event.pointerId, now);
        move(now[0] - before[0], now[1] - before[1]);
      } else if (fingers.size === 2) {
        const [old, oldX, oldY] = spread();
        fingers.set(event.pointerId, now);
        const [distance, x, y] = spread();
        move(x - oldX, y - oldY);
        if (old > 0 && distance > 0) zoom(distance / old, x, y);
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), event.clientX, event.clientY);
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => zoom(2, event.clientX, event.clientY));
    const keys = {
      ArrowLeft: () => move(40, 0),
      ArrowRight: () => move(-40, 0),
      ArrowUp: () => move(0, 40),
      ArrowDown: () => move(0, -40),
      "+": () => zoom(1.5, ...middle()),
      "=": () => zoom(1.5, ...middle()),
      "-": () => zoom(1 / 1.5, ...middle()),
      0: reset,
    };
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
      event.preventDefault();
      event.stopPropagation(); // arrows also turn the pages of elites
      keys[event.key]();
    });
  }

  return { create };
})();
