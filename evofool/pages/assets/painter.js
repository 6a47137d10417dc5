// Draws networks with WebGL 2, in one hidden canvas for the whole page: browsers allow few of them.
// What it draws is copied to the canvases that are seen.
"use strict";

evofool.painter = (() => {
  const KEPT = 24; // compiled programs
  const SIDE = 2048; // of the hidden canvas; larger pictures are drawn in tiles
  let gl = null;
  let isTried = false;
  const programs = new Map(); // source -> program, the oldest first

  function context() {
    if (isTried) return gl;
    isTried = true;
    const canvas = document.createElement("canvas");
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      programs.clear();
      prepare();
    });
    gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (gl) prepare();
    return gl;
  }

  // One triangle that covers everything, and a texture for each of columns, rows and weights.
  function prepare() {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    for (let unit = 0; unit < 3; unit++) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
        gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
      }
    }
  }

  function compile(kind, source) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) {
      throw new Error(gl.getShaderInfoLog(shader));
    }
    return shader;
  }

  function programOf(source) {
    let program = programs.get(source);
    if (!program) {
      const corner = "#version 300 es\nin vec2 at; void main() { gl_Position = vec4(at, 0.0, 1.0); }";
      program = gl.createProgram();
      gl.attachShader(program, compile(gl.VERTEX_SHADER, corner));
      gl.attachShader(program, compile(gl.FRAGMENT_SHADER, source));
      gl.bindAttribLocation(program, 0, "at");
      gl.linkProgram(program);
    }
    programs.delete(source); // to the end of the map
    programs.set(source, program);
    const [oldest] = programs.keys();
    if (programs.size > KEPT) {
      gl.deleteProgram(programs.get(oldest));
      programs.delete(oldest);
    }
    return program;
  }

  // Puts numbers into the texture of a unit, one or two for each place.
  function upload(unit, numbers, channels) {
    const [inner, outer] = channels === 1 ? [gl.R32F, gl.RED] : [gl.RG32F, gl.RG];
    const count = Math.max(1, numbers.length / channels);
    const padded = numbers.length ? numbers : new Float32Array(channels);
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, count, 1, 0, outer, gl.FLOAT, padded);
  }

  // Draws one tile into the hidden canvas, whose size becomes that of the tile.
  function drawTile(network, columns, rows) {
    const { canvas } = gl;
    [canvas.width, canvas.height] = [columns.length, rows.length];
    gl.viewport(0, 0, columns.length, rows.length);
    const program = programOf(evofool.shader.live(network));
    gl.useProgram(program);
    upload(0, Float32Array.from(columns.flat()), 2);
    upload(1, Float32Array.from(rows.flat()), 2);
    upload(2, network.weight, 1);
    ["columns", "rows", "weights"].forEach((name, unit) => {
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
    });
    gl.uniform1i(gl.getUniformLocation(program, "bottom"), rows.length - 1);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return canvas;
  }

  // Draws what a view shows of a network into a canvas, at the size that the canvas has.
  // Resolves when it is there. `isWanted` says whether the picture is still asked for.
  async function draw(canvas, network, view, isWanted = () => true) {
    const { width, height } = canvas;
    const { columns, rows } = evofool.plane.grid(view, width, height, network.look);
    // neighbours must differ by several units in the last of 24 bits
    const farthest = Math.max(1, Math.abs(view.u) + view.reach, Math.abs(view.v) + view.reach);
    const isFine = columns.length < 2 || columns[1][0] - columns[0][0] < farthest * 2 ** -20;
    if (isFine || !context() || gl.isContextLost()) {
      await evofool.double.draw(canvas, network, { columns, rows }, isWanted);
      return;
    }
    const target = canvas.getContext("2d");
    for (let top = 0; top < height; top += SIDE) {
      for (let left = 0; left < width; left += SIDE) {
        const part = drawTile(network, columns.slice(left, left + SIDE), rows.slice(top, top + SIDE));
        target.drawImage(part, left, top);
      }
    }
  }

  return { draw, isFast: () => Boolean(context()) };
})();
