// Asking the server: every answer is JSON, and what went wrong is a text to show.
"use strict";

evofool.ask = async (address, sent) => {
  const options = sent === undefined ? {}
    : sent instanceof Blob ? { method: "POST", body: sent }
    : { method: "POST", body: JSON.stringify(sent), headers: { "Content-Type": "application/json" } };
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Error("the server does not answer; is evofool serve still running?");
  }
  const text = await answer.text();
  let value = null;
  try {
    value = JSON.parse(text);
  } catch { /* a refusal, as plain text */ }
  if (!answer.ok) {
    const error = new Error(value?.error ?? text.trim());
    error.status = answer.status;
    throw error;
  }
  return value;
};

// Shows what went wrong, or hides it again.
evofool.warn = (error) => {
  const box = document.getElementById("warning");
  box.hidden = !error;
  box.textContent = error ? error.message : "";
};

// As few decimals as tell confidences apart, never rounded up to certainty.
evofool.percent = (share) => {
  if (share >= 0.99999949) return "> 99.9999 %";
  if (share >= 0.9999) return `${(Math.floor(share * 1e6) / 1e4).toFixed(4)} %`;
  if (share >= 0.99) return `${(Math.floor(share * 1e4) / 1e2).toFixed(2)} %`;
  return share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`;
};
