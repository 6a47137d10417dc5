// Light or dark as the system has it, until one chooses by a button.
"use strict";

evofool.theme = (button) => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("evofool-theme");
  } catch { /* no storage */ }
  const apply = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.textContent = dark ? "light" : "dark";
  };
  system.addEventListener("change", apply);
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("evofool-theme", chosen);
    } catch { /* no storage */ }
    apply();
  });
  apply();
};
