// The quiz: an image, four choices, and at the end a score and the answers as a file.
"use strict";

(() => {
  const { element } = evofool;
  const by = (id) => document.getElementById(id);
  const KEY = "evofool-quiz";

  async function begin() {
    try {
      const state = await evofool.ask("/api/quiz", {});
      sessionStorage.setItem(KEY, state.id);
      show(state);
    } catch (error) {
      evofool.warn(error);
    }
  }

  async function resume() {
    const id = sessionStorage.getItem(KEY);
    if (!id) return;
    try {
      show(await evofool.ask(`/api/quiz/${encodeURIComponent(id)}`));
    } catch {
      sessionStorage.removeItem(KEY); // the server has begun anew
    }
  }

  async function answer(state, choice) {
    for (const button of document.querySelectorAll(".choices button")) button.disabled = true;
    try {
      show(await evofool.ask(`/api/quiz/${state.id}/answers`, { number: state.answers.length, choice }));
      evofool.warn(null);
    } catch (error) {
      evofool.warn(error);
      resume();
    }
  }

  function verdict(last) {
    if (!last) return element("p", { className: "verdict" });
    const what = last.kind === "real" ? "a real image" : `evolved; the classifier says ${evofool.percent(last.confidence)}`;
    const text = last.right ? `Right: ${last.label} (${what}).` : `No: ${last.label} (${what}).`;
    return element("p", { className: `verdict ${last.right ? "good" : "bad"}`, role: "status" }, text);
  }

  function show(state) {
    const done = state.answers.length;
    const right = state.answers.filter((one) => one.right).length;
    by("progress").textContent = state.choices
      ? `Question ${done + 1} of ${state.questions}; ${right} right so far.`
      : `${right} of ${state.questions} right.`;
    by("quiz").replaceChildren(state.choices ? question(state, done) : result(state));
    document.querySelector("#quiz button")?.focus();
  }

  function question(state, number) {
    const image = element("img", { src: `/api/quiz/${state.id}/${number}.png`, alt: "the image in question" });
    const buttons = state.choices.map(({ index, label }, i) => element(
      "button", { type: "button", onclick: () => answer(state, index) }, element("kbd", {}, String(i + 1)), label));
    return element("div", { className: "question" },
      element("div", {}, image),
      element("div", {}, verdict(state.answers.at(-1)), element("div", { className: "choices" }, ...buttons)));
  }

  function result(state) {
    const row = (kind, name) => {
      const mine = state.answers.filter((one) => one.kind === kind);
      if (!mine.length) return null;
      const right = mine.filter((one) => one.right).length;
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, `${right} of ${mine.length}`));
    };
    return element("div", {},
      verdict(state.answers.at(-1)),
      element("table", { className: "answers" }, element("tbody", {},
        ...[row("real", "real images"), row("elite", "evolved images")].filter(Boolean))),
      element("p", {}, "By chance, one in four would be right."),
      element("p", { className: "controls start" },
        element("a", { href: `/api/quiz/${state.id}/answers.csv`, download: "quiz.csv" }, "the answers as CSV"),
        element("button", { type: "button", onclick: begin }, "another quiz")));
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const number = Number(event.key);
    if (number >= 1) document.querySelectorAll(".choices button")[number - 1]?.click();
  });
  by("begin").addEventListener("click", begin);
  resume();
})();
