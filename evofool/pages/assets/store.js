// The one global name, and how data comes in: as scripts, because a page that was opened from a file
// may not fetch. Each data file calls `evofool.receive(name, value)`.
"use strict";

const evofool = (() => {
  const arrived = new Map();
  const awaited = new Map(); // name -> promise

  function receive(name, value) {
    arrived.set(name, value);
  }

  // Returns a promise of the value that data/NAME.js brings.
  function load(name) {
    if (arrived.has(name)) return Promise.resolve(arrived.get(name));
    if (!awaited.has(name)) {
      awaited.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `data/${name}.js`;
        script.onload = () => resolve(arrived.get(name));
        script.onerror = () => {
          awaited.delete(name);
          reject(new Error(`data/${name}.js is missing`));
        };
        document.head.append(script);
      }));
    }
    return awaited.get(name);
  }

  // Makes an element. Text is always text: nothing here takes markup.
  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name in made && name !== "list") made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  // Hands a file to whoever looks at the page.
  function download(content, name, type) {
    const blob = content instanceof Blob ? content : new Blob([content], { type });
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  return { receive, load, element, download };
})();
