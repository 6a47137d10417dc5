// The plane on which a network is defined, and what of it is seen. The evolved image reaches from -1
// to 1 both ways; u and v are columns and rows in these units.
"use strict";

evofool.plane = (() => {
  // A view: its centre, and half of what it shows along the side in which the whole image just fits.
  const whole = { u: 0, v: 0, reach: 1 };

  // The coordinates of the columns and rows of a picture: for each [u, x] or [v, y], in double
  // precision. As in Python, distances count from the first pixel to the last.
  function grid(view, width, height, look) {
    const scale = Math.min(height / look.height, width / look.width);
    const axis = (size, evolved, centre) => {
      const inner = Math.max(1, Math.round(evolved * scale));
      const half = (view.reach * Math.max(1, size - 1)) / Math.max(1, inner - 1);
      return Array.from({ length: size }, (_, i) => {
        const at = size === 1 ? centre : centre - half + (2 * half * i) / (size - 1);
        const raw = look.style.coordinates === "pixels" ? ((at + 1) * (evolved - 1)) / 2 : at;
        return [at, raw];
      });
    };
    return { columns: axis(width, look.width, view.u), rows: axis(height, look.height, view.v) };
  }

  return { whole, grid };
})();
