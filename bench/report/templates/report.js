
"use strict";
const read = (row, column) => {
  const field = row.cells[column];
  return field.dataset.value === undefined ? field.textContent.trim() : Number(field.dataset.value);
};
const compare = (left, right) => {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left).localeCompare(String(right), "en", { numeric: true });
};
const sort = (header) => {
  const body = header.closest("table").tBodies[0];
  const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const isMissing = (value) => value === "" || value === "–";
  const rows = [...body.rows].map((row) => [read(row, header.cellIndex), row]);
  rows.sort(([left], [right]) => isMissing(left) - isMissing(right) || sign * compare(left, right));
  body.append(...rows.map(([, row]) => row));
};
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sort(button.parentNode));
}
const asFile = (figure) => {
  const copy = figure.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const page = getComputedStyle(document.documentElement);
  const text = new XMLSerializer().serializeToString(copy);
  return text.replace(/var\((--\w+)\)/g, (_, name) => page.getPropertyValue(name).trim());
};
for (const link of document.querySelectorAll("a[data-figure]")) {
  link.addEventListener("click", () => {
    const text = asFile(document.getElementById(link.dataset.figure));
    link.href = `data:image/svg+xml,${encodeURIComponent(text)}`;
  });
}
