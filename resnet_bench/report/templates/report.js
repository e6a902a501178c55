"use strict";
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const remember = (name) => { try { localStorage.setItem("resnet-bench-theme", name); } catch { /* a file may not */ } };
  const remembered = () => { try { return localStorage.getItem("resnet-bench-theme"); } catch { return null; } };
  const show = (name) => { root.dataset.theme = name; button.textContent = `Theme: ${name}`; };
  show(themes.includes(remembered()) ? remembered() : "auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    show(next);
    remember(next);
  });

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
  };
  const order = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    return typeof b === "number" ? 1 : a.localeCompare(b, "en", { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.textContent = head.textContent;
      head.replaceChildren(sorter);
      sorter.addEventListener("click", () => {
        const ascending = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => (ascending ? 1 : -1) * order(value(a, column), value(b, column)));
        table.tBodies[0].append(...rows);
      });
    });
  }

  const chapters = [...document.querySelectorAll("details.chapter")];
  for (const [name, open] of [["open-all", true], ["close-all", false]]) {
    const all = document.getElementById(name);
    if (!all) continue;
    all.parentElement.hidden = false;
    all.addEventListener("click", () => chapters.forEach((each) => { each.open = open; }));
  }
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const chapter = target && target.closest("details.chapter");
    if (chapter && !chapter.open) { chapter.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
