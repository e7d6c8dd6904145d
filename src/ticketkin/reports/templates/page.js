"use strict";
// Tables that can be sorted and commands that can be copied. Without this script the page says the same.
const numberIn = (text) => {
  const first = text.replace(/,/g, "").match(/[-+−]?(\d+\.?\d*|\.\d+)/);
  return first ? parseFloat(first[0].replace("−", "-")) : NaN;
};
const valueOf = (row, column) => {
  const cell = row.cells[column];
  return cell ? cell.dataset.sort || cell.innerText.trim() : "";
};
for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
      const isNumeric = column > 0 && rows.some(([text]) => !Number.isNaN(numberIn(text)));
      rows.sort(([one], [other]) => {
        if (!isNumeric) return one.localeCompare(other) * (falling ? -1 : 1);
        const [a, b] = [numberIn(one), numberIn(other)];
        if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
        return falling ? b - a : a - b;
      });
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      body.append(...rows.map(([, row]) => row));
    });
  });
}
for (const command of document.querySelectorAll("pre > code")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy the command ${command.textContent}`);
  command.parentNode.append(button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
    } catch {
      // The browser does not allow it: the command is marked, so that one key copies it.
      getSelection().selectAllChildren(command);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2500);
  });
}
