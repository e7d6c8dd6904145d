// What plain HTML and htmx leave open; every page works without it.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// The answer gets the focus, so that it is read out and the keyboard goes on from there.
document.addEventListener("htmx:after:swap", () => {
  document.querySelector("[data-focus]")?.focus();
});

// htmx answers nothing where the service can't be reached.
document.addEventListener("htmx:error", (event) => {
  const target = document.querySelector("#answer-body");
  if (!target || !event.detail?.ctx) return;
  const message = document.createElement("p");
  message.className = "refusal";
  message.textContent = "The service can't be reached. Check that it still runs, then try again.";
  target.replaceChildren(message);
});
