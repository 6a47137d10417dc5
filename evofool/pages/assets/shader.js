// Networks as shaders: one for drawing here, its weights in a texture so that they can be turned
// while one looks, and one with everything written out, for Shadertoy.
"use strict";

evofool.shader = (() => {
  // The functions of cppn/functions.glsl that a text calls, and those that they call.
  function needed(text) {
    const chosen = [];
    for (const code of evofool.glsl.split("\n\n").slice(1).reverse()) {
      const name = /(\w+)\(/.exec(code.replace(/\/\/.*/g, ""))[1];
      if (new RegExp(`\\b${name}\\(`).test(text)) {
        chosen.unshift(code.trimEnd() + "\n");
        text += code;
      }
    }
    return chosen.join("\n");
  }

  // `vec3 network(x, y, d)`: sums in the order of the connections, as Python adds them.
  function body(network, weight) {
    const into = evofool.genome.incoming(network);
    const name = (node) => ["x", "y", "d", "1.0"][node] ?? `n${node}`;
    const lines = evofool.genome.order(network).map((node) => {
      const terms = into[node].map((i) => `${weight(i)} * ${name(network.source[i])}`);
      const activation = evofool.genome.activationOf(network, node);
      return `  float n${node} = f_${activation}(${terms.join(" + ") || "0.0"});`;
    });
    const last = network.look.outputs - 1;
    const outputs = [0, 1, 2].map((channel) => `n${4 + Math.min(channel, last)}`);
    return `vec3 network(float x, float y, float d) {\n${lines.join("\n")}\n` +
      `  return vec3(${outputs.join(", ")});\n}\n`;
  }

  function pixel({ color, rounding }) {
    const cut = rounding === "truncate";
    const drawn = `color_${color}(${cut ? "level_below(abs(values))" : "abs(values)"})`;
    const isFinal = cut && (color === "grey" || color === "rgb");
    return `vec3 pixel(vec3 values) { return ${isFinal ? drawn : `nearest_level(${drawn})`}; }\n`;
  }

  // A fragment shader that reads coordinates and weights from textures of one row.
  function live(network) {
    const text = body(network, (i) => `w(${i})`) + "\n" + pixel(network.look.style);
    return `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D columns, rows, weights;
uniform int bottom;
out vec4 color;

float w(int i) { return texelFetch(weights, ivec2(i, 0), 0).r; }

${needed(text)}
${text}
void main() {
  vec2 column = texelFetch(columns, ivec2(int(gl_FragCoord.x), 0), 0).rg;
  vec2 row = texelFetch(rows, ivec2(bottom - int(gl_FragCoord.y), 0), 0).rg;
  float d = sqrt(column.r * column.r + row.r * row.r);
  color = vec4(pixel(network(column.g, row.g, d)), 1.0);
}
`;
  }

  // The same in the conventions of Shadertoy, as `cppn.to_glsl` writes it.
  function shadertoy(network, title) {
    const { look } = network;
    const literal = (i) => {
      const digits = network.weight[i].toExponential(8);
      return network.weight[i] < 0 ? `(${digits})` : digits;
    };
    const text = body(network, literal) + "\n" + pixel(look.style);
    const at = look.style.coordinates === "pixels" ? "(uv + 1.0) * 0.5 * (evolved - 1.0)" : "uv";
    return `// ${title.replace(/[\\\u0000-\u001f\u2028\u2029]/g, "")}

${needed(text)}
${text}
void mainImage(out vec4 fragColor, in vec2 fragCoord) {
  vec2 evolved = vec2(${look.width.toFixed(1)}, ${look.height.toFixed(1)});
  vec2 scales = iResolution.xy / evolved;
  vec2 inner = evolved * min(scales.x, scales.y);
  vec2 uv = (2.0 * fragCoord - iResolution.xy) / max(inner - 1.0, 1.0);
  uv.y = -uv.y;
  vec2 at = ${at};
  fragColor = vec4(pixel(network(at.x, at.y, sqrt(uv.x * uv.x + uv.y * uv.y))), 1.0);
}
`;
  }

  return { live, shadertoy };
})();
