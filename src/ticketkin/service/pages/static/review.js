// The keys of a review: j and k move, letters answer, z takes back.
const cards = () => [...document.querySelectorAll("[data-card]")];
const current = () => document.activeElement.closest("[data-card]");

const move = (by) => {
  const all = cards();
  const next = all[all.indexOf(current()) + by];
  (next ?? (by > 0 ? document.querySelector("#next") : all[0]))?.focus();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "z") document.querySelector("#undo").requestSubmit();
  else current()?.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
});

// After an answer the next pair without one is looked at.
document.addEventListener("htmx:after:swap", () => {
  const waiting = cards().find((card) => !card.querySelector("[data-answered]"));
  (waiting ?? document.querySelector("#next"))?.focus();
});

cards().find((card) => !card.querySelector("[data-answered]"))?.focus();
