// Zoom of the drawing: by buttons, by + and - on the keyboard, by the wheel with Ctrl.
const canvas = document.querySelector("#canvas");
const drawing = canvas?.querySelector("svg");
if (drawing) {
  const whole = { width: drawing.viewBox.baseVal.width, height: drawing.viewBox.baseVal.height };
  const fit = () => Math.min(1, canvas.clientWidth / whole.width);
  let scale = 1;
  const zoom = (to) => {
    scale = Math.min(4, Math.max(0.2, to));
    drawing.setAttribute("width", whole.width * scale);
    drawing.setAttribute("height", whole.height * scale);
  };
  const by = (factor) => zoom(factor ? scale * factor : fit());
  const buttons = document.querySelector("[data-zoom]");
  buttons.hidden = false;
  buttons.addEventListener("click", (event) => {
    const factor = event.target.closest("button")?.dataset.by;
    if (factor !== undefined) by(Number(factor));
  });
  canvas.addEventListener("keydown", (event) => {
    const factor = { "+": 1.25, "-": 0.8, 0: 0 }[event.key];
    if (factor === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    by(factor);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    by(event.deltaY < 0 ? 1.1 : 0.9);
  }, { passive: false });
}
