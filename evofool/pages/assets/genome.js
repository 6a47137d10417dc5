// Networks: read from the data, written as JSON and as formulas.
// Node 0..3 are x, y, d (the distance from the centre) and 1; then the outputs; then hidden nodes in
// the order of evaluation. Connections stand by ascending target.
"use strict";

evofool.genome = (() => {
  const INPUTS = ["x", "y", "d", "bias"];

  // Unpacks networks, which stand one after the other, compressed by zlib, as base64. Of each,
  // little-endian: counts (2 x uint16), activations, sources, targets (uint16 each), weights
  // (float32). `look` is what the run says of all its networks.
  async function unpack(text, look) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const view = new DataView(await new Response(stream).arrayBuffer());
    let at = 0;
    const shorts = (count) => Array.from({ length: count }, () => {
      at += 2;
      return view.getUint16(at - 2, true);
    });
    const networks = [];
    while (at < view.byteLength) {
      const [nodes, connections] = shorts(2);
      const [activation, source, target] = [nodes - INPUTS.length, connections, connections].map(shorts);
      const weight = Float32Array.from({ length: connections }, (_, i) => view.getFloat32(at + 4 * i, true));
      at += 4 * connections;
      networks.push({ activation, source, target, weight, look });
    }
    return networks;
  }

  function names(network) {
    const { outputs } = network.look;
    const ends = outputs === 1 ? ["out"] : ["out1", "out2", "out3"];
    const hidden = network.activation.slice(outputs).map((_, i) => `h${i + 1}`);
    return [...INPUTS, ...ends, ...hidden];
  }

  // Nodes in the order of evaluation: hidden ones, then outputs, which feed nothing.
  function order(network) {
    const nodes = network.activation.map((_, i) => i + INPUTS.length);
    const { outputs } = network.look;
    return [...nodes.slice(outputs), ...nodes.slice(0, outputs)];
  }

  function activationOf(network, node) {
    return network.look.activations[network.activation[node - INPUTS.length]];
  }

  // The indices of the connections into each node.
  function incoming(network) {
    const lists = Array.from({ length: INPUTS.length + network.activation.length }, () => []);
    network.target.forEach((target, i) => lists[target].push(i));
    return lists;
  }

  function formulas(network) {
    const called = names(network);
    const into = incoming(network);
    return order(network).map((node) => {
      const terms = into[node].map((i) => {
        const weight = network.weight[i];
        return `${weight < 0 ? "- " : "+ "}${Math.abs(weight).toFixed(3)} ${called[network.source[i]]}`;
      });
      const total = terms.join(" ").replace(/^\+ /, "") || "0";
      return `${called[node]} = ${activationOf(network, node)}(${total})`;
    });
  }

  // What `cppn.to_json` writes and `cppn.from_json` reads.
  function toJson(network) {
    const { look } = network;
    return {
      format: "cppn",
      version: 1,
      inputs: INPUTS,
      outputs: look.outputs,
      activations: look.activations,
      nodes: network.activation.map((code) => look.activations[code]),
      connections: network.source.map((source, i) => [source, network.target[i], network.weight[i]]),
      drawing: look.style,
    };
  }

  // The same network with weights of its own, to turn at.
  function copy(network) {
    return { ...network, weight: Float32Array.from(network.weight) };
  }

  return { INPUTS, unpack, names, order, activationOf, incoming, formulas, toJson, copy };
})();
