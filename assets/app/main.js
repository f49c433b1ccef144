// Enhancement only: every page works without it. It asks for nothing but the page itself, makes no markup from strings, keeps nothing
// beyond this tab.

const all = (selector) => document.querySelectorAll(selector);
const words = (template, name, value) => template.replace("{" + name + "}", value);
const locale = document.documentElement.lang || "ru";

// Deadlines: <p data-until="1768…" data-left="ещё {left}" data-over="срок прошёл" hidden>. The absolute time stands beside it.
const SIZES = [["day", 86400], ["hour", 3600], ["minute", 60]];
function left(seconds) {
  const [unit, size] = SIZES.find(([, size]) => seconds >= size) ?? SIZES[2];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(Math.max(1, Math.floor(seconds / size)));
}
function tick() {
  for (const mark of all("[data-until]")) {
    const seconds = Number(mark.dataset.until) - Date.now() / 1000;
    mark.classList.toggle("late", seconds < 86400);
    if (!mark.dataset.left) continue;
    const text = seconds > 0 ? words(mark.dataset.left, "left", left(seconds)) : mark.dataset.over;
    if (mark.textContent !== text) mark.textContent = text;
    mark.hidden = false;
  }
}
if (document.querySelector("[data-until]")) {
  tick();
  setInterval(tick, 20_000);
}

// A page that others change: <div data-live="votes"> is put in anew when the page, asked for again, says something else there. Only while
// somebody looks at it and for two hours at most; where the reader is at work nothing moves. data-live-at names the page: after a refused
// form the address is another.
const EVERY = 15_000, AT_MOST = 7_200_000;
function watch() {
  const parts = () => all("[data-live]");
  const known = new Map([...parts()].map((part) => [part.dataset.live, part.innerHTML]));
  const address = document.querySelector("[data-live-at]")?.dataset.liveAt;
  const until = Date.now() + AT_MOST;
  let asking = false;
  async function ask() {
    if (asking || document.hidden || Date.now() > until) return;
    asking = true;
    try {
      const answer = await fetch(address, { headers: { accept: "text/html" }, redirect: "error" });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // No network: what is shown says of when it is, and the next time comes.
    } finally {
      asking = false;
    }
  }
  function show(page) {
    for (const part of parts()) {
      const name = part.dataset.live;
      const found = page.querySelector(`[data-live="${name}"]`);
      if (!found && name === "time") part.remove();
      if (!found || found.innerHTML === known.get(name) || part.contains(document.activeElement)) continue;
      known.set(name, found.innerHTML);
      part.replaceChildren(...document.adoptNode(found).childNodes);
    }
  }
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
}
if (document.querySelector("[data-live-at]")) watch();

// Drafts: <form data-draft="name"> keeps what is typed in this tab (sessionStorage), never passwords, files or hidden fields,
// never what is marked data-private, and forgets it when the form is sent.
for (const form of all("form[data-draft]")) {
  const name = "draft:" + location.pathname + ":" + form.dataset.draft;
  const fields = () => [...form.elements].filter(
    (field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type) && !field.closest("[data-private]"));
  const boxed = (field) => field.type === "checkbox" || field.type === "radio";
  try {
    const kept = JSON.parse(sessionStorage.getItem(name) ?? "[]");
    if (!form.querySelector("[aria-invalid]")) {
      for (const [key, value, checked] of kept) {
        for (const field of fields()) {
          if (field.name !== key) continue;
          if (boxed(field)) field.checked = field.value === value ? checked : field.checked;
          else if (!field.value) field.value = value;
        }
      }
    }
    form.addEventListener("input", () => {
      sessionStorage.setItem(name, JSON.stringify(fields().map((field) => [field.name, field.value, boxed(field) && field.checked])));
    });
    form.addEventListener("submit", () => sessionStorage.removeItem(name));
  } catch {
    // A browser that keeps nothing: the server still gives back what was sent.
  }
}

// A refused form: its summary or first wrong field gets the focus.
document.querySelector("#errors, [aria-invalid=true]")?.focus();

// What is sent once is sent once, and says that it is under way.
for (const form of all("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    event.submitter?.setAttribute("aria-busy", "true");
  });
}
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) delete form.dataset.sent;
  for (const button of all("[aria-busy]")) button.removeAttribute("aria-busy");
});

// Buttons that only make sense with a script stay hidden without one.
for (const button of all("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
for (const button of all("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    if (button.dataset.done) button.textContent = button.dataset.done;
  });
}

// Being woken by a push service. [data-push] holds the node's public key and is there for whoever is signed in; the words for what can go wrong
// stand in the page.
const DEVICES = "/api/v1/inbox/devices";
function tell(path, found, more = {}) {
  const { endpoint, keys } = found.toJSON();
  const headers = { "content-type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify({ endpoint, keys, ...more }) });
}
async function subscription() {
  const worker = await navigator.serviceWorker?.getRegistration("/");
  return worker?.pushManager?.getSubscription() ?? null;
}

// Another session in the same browser: once a tab, so that signing out there ends it too.
const RENEWED = "push-renewed";
async function renew() {
  try {
    if (!document.body.classList.contains("with-nav")) return sessionStorage.removeItem(RENEWED);
    if (sessionStorage.getItem(RENEWED)) return;
    sessionStorage.setItem(RENEWED, "1");
    const found = await subscription();
    if (found) await tell(DEVICES, found, { renew: true });
  } catch {
    // No network or nothing may be kept here: it is tried again with the next tab.
  }
}
renew();

for (const button of all("[data-push]")) {
  const note = (name) => {
    for (const each of all("[data-push-note]")) each.hidden = each.dataset.pushNote !== name;
  };
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    note("unable");
    continue;
  }
  note("");
  const off = document.querySelector("[data-push-off]");
  const show = async () => {
    const found = await subscription();
    const known = found && (await (await tell(DEVICES, found, { renew: true })).json()).on;
    button.hidden = Boolean(known);
    off.hidden = !known;
  };
  const guarded = (work, otherwise) => async () => {
    try {
      await work();
    } catch {
      note(Notification.permission === "denied" ? "denied" : otherwise);
    }
  };
  button.addEventListener("click", guarded(async () => {
    await navigator.serviceWorker.register("/push-worker.js", { scope: "/" });
    const worker = await navigator.serviceWorker.ready;
    const options = { userVisibleOnly: true, applicationServerKey: button.dataset.push };
    const answer = await tell(DEVICES, await worker.pushManager.subscribe(options));
    if (!answer.ok) return note("refused");
    location.reload();
  }, "failed"));
  off.addEventListener("click", guarded(async () => {
    const found = await subscription();
    if (found) await Promise.all([tell(DEVICES + "/forget", found), found.unsubscribe()]);
    location.reload();
  }, "failed"));
  guarded(show, "failed")();
}
