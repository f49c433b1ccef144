// Enhancement only: every page works without it.

// A deadline that passes while the page is open says so, instead of letting somebody fill in a form for nothing.
for (const mark of document.querySelectorAll("[data-until]")) {
  const left = Number(mark.dataset.until) * 1000 - Date.now();
  if (left > 0 && left < 2 ** 31) setTimeout(() => mark.classList.add("over"), left);
}

// The first wrong field of a refused form gets the focus, for keyboards and screen readers.
document.querySelector("#errors, [aria-invalid=true]")?.focus();

// What a form sends once, it sends once.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());
