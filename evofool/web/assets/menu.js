// The way from page to page, and light or dark.
"use strict";

(async () => {
  const { element } = evofool;
  const about = await (await fetch("/api/about")).json();
  const links = about.pages.map(({ address, name }) => {
    const link = element("a", { href: address }, name);
    if (location.pathname === address) link.setAttribute("aria-current", "page");
    return link;
  });
  const menu = element("nav", { className: "menu" }, ...links,
    element("span", { className: "name", title: about.title }, about.title));
  menu.setAttribute("aria-label", "pages");
  const skip = document.querySelector(".skip");
  if (skip) skip.after(menu);
  else document.body.prepend(menu); // the gallery
  if (document.getElementById("theme")) return; // the gallery has its own button

  const button = element("button", { type: "button" });
  button.setAttribute("aria-label", "light or dark");
  menu.append(button);
  evofool.theme(button);
})();
