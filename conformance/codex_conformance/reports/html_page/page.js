"use strict";
// Filtering, and nothing else: without this script everything is shown.
(() => {
  const form = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const rows = [...document.querySelectorAll("[data-filter]")];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  const checked = (name) =>
    [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);
  const anyOf = (wanted, words) =>
    wanted.length === 0 || words.split(" ").some((word) => wanted.includes(word));
  const counted = (name, every) => {
    const visible = every.filter((row) => !row.hidden).length;
    return `${visible} of ${every.length} ${name}`;
  };

  const apply = () => {
    const area = form.elements.area.value;
    const text = form.elements.text.value.trim().toLowerCase();
    const levels = checked("level");
    const verdicts = checked("verdict");
    for (const row of rows) {
      row.hidden = !(
        (area === "" || row.dataset.area === area) &&
        anyOf(levels, row.dataset.levels) &&
        anyOf(verdicts, row.dataset.verdicts) &&
        texts.get(row).includes(text)
      );
    }
    for (const group of document.querySelectorAll("tbody[data-area]")) {
      group.hidden = group.querySelector("tr.clause:not([hidden])") === null;
    }
    const cases = rows.filter((row) => "case" in row.dataset);
    const clauses = rows.filter((row) => !("case" in row.dataset));
    shown.value = `Shown: ${counted("clauses", clauses)}, ${counted("cases", cases)}`;
  };

  // A link leads to what it names, whatever is filtered.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.hidden) {
      form.reset();
      target.scrollIntoView();
    }
  };

  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  window.addEventListener("hashchange", follow);
  apply();
})();
