// The worker of the pages' origin: it says that there is news. The message has the kind of news and how many there are; the words are here, and
// what it is about is read in the inbox, by whoever is signed in there.

const WORDS = {
  ru: {
    title: "Новости кооператива",
    votes: "Голосования и решения",
    membership: "Моё членство",
    desk: "Работа на столе",
    security: "Безопасность учётной записи",
    several: "Разное",
    any: "Откройте уведомления",
  },
  en: {
    title: "News of the cooperative",
    votes: "Votes and decisions",
    membership: "My membership",
    desk: "Work on the desk",
    security: "Security of the account",
    several: "Several things",
    any: "Open the notifications",
  },
};
const INBOX = "/inbox";

function said(event) {
  let found = {};
  try {
    found = event.data?.json() ?? {};
  } catch {
    // Not ours, or of a later version: that something came is still true.
  }
  // A push that cannot be read says no language: then the browser's. Everybody else's is English.
  const lang = String(found.locale ?? self.navigator.language).split("-")[0] === "ru" ? "ru" : "en";
  const words = WORDS[lang];
  const kind = Object.hasOwn(words, found.kind) ? words[found.kind] : null;
  const body = kind && Number.isInteger(found.count) && found.count > 0 ? `${kind}: ${found.count}` : words.any;
  return [words.title, { body, tag: "news", renotify: true, lang, data: INBOX }];
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(self.registration.showNotification(...said(event))));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open());
});

async function open() {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((page) => new URL(page.url).pathname === INBOX);
  return there ? there.focus() : self.clients.openWindow(INBOX);
}

// The service gives this browser another address. It takes the place of the old one, if that is still on the list of whoever is signed in.
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(again(event)));
async function again(event) {
  const old = event.oldSubscription;
  if (!old) return;
  const found = event.newSubscription ?? await self.registration.pushManager.subscribe(old.options);
  const { endpoint, keys } = found.toJSON();
  const headers = { "content-type": "application/json" };
  await fetch("/api/v1/inbox/devices", { method: "POST", headers, body: JSON.stringify({ endpoint, keys, replaces: old.endpoint }) });
}
