// Keeps an open page up to date. Without it everything still works; figures are then those of the last load.
const texts = document.getElementById("live-texts")?.dataset;
const stale = document.getElementById("stale");
const fresh = document.getElementById("fresh");
const language = document.documentElement.lang;
const ago = new Intl.RelativeTimeFormat(language, { numeric: "always" });
const dirty = new WeakSet();
let waiting = false;
let missed = false;

document.addEventListener("input", (event) => {
  const form = event.target.closest("form");
  if (form) dirty.add(form);
});

const tellAge = () => {
  if (!fresh) return;
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(fresh.dateTime)) / 1000));
  const said = seconds < 60 ? ago.format(-seconds, "second") : ago.format(-Math.round(seconds / 60), "minute");
  fresh.textContent = texts.updated.replace("{ago}", said);
};

const warn = (message) => {
  stale.textContent = message;
  stale.hidden = message === "";
};

const isBusy = (region) => {
  const active = document.activeElement;
  if (region.contains(active) && active.matches("input, textarea, select")) return true;
  return [...region.querySelectorAll("form")].some((form) => dirty.has(form));
};

// What can have the focus or be scrolled in a region, and what names it there, before an update and after.
const HELD = "a[href], summary, [tabindex]";
const nameOf = (element) =>
  ["href", "aria-labelledby", "aria-label"].map((name) => element.getAttribute(name)).find(Boolean) ??
  element.closest("[data-key]")?.dataset.key;
const namedLike = (region, element) =>
  [...region.querySelectorAll(HELD)].filter((one) => one.tagName === element.tagName && nameOf(one) === nameOf(element));

const takeOver = (page) => {
  for (const region of document.querySelectorAll("[data-live]")) {
    const newer = page.querySelector(`[data-live="${region.dataset.live}"]`);
    if (!newer || newer.innerHTML === region.innerHTML || isBusy(region)) continue;
    const active = document.activeElement;
    const held = [...region.querySelectorAll(HELD)].filter((one) => one === active || one.scrollLeft || one.scrollTop);
    const places = held.map((one) => [one, namedLike(region, one).indexOf(one), one.scrollLeft, one.scrollTop]);
    const open = [...region.querySelectorAll("details[open]")].map((details) => details.dataset.key);
    region.className = newer.className;
    region.replaceChildren(...newer.childNodes);
    for (const details of region.querySelectorAll("details")) details.open = open.includes(details.dataset.key);
    for (const [old, place, left, top] of places) {
      const same = namedLike(region, old);
      const one = same[place] ?? same[0];
      if (!one) continue;
      if (old === active) one.focus({ preventScroll: true });
      one.scrollTo({ left, top, behavior: "instant" });
    }
  }
  const newest = page.getElementById("fresh");
  if (newest && fresh) {
    fresh.dateTime = newest.dateTime;
    document.getElementById("made").textContent = page.getElementById("made").textContent;
  }
  tellAge();
};

const refresh = async () => {
  if (document.hidden) {
    missed = true;
    return;
  }
  if (waiting) {
    missed = true;
    return;
  }
  waiting = true;
  missed = false;
  try {
    const answer = await fetch(texts.page ?? window.location.href, { headers: { Accept: "text/html" } });
    const isPage = answer.ok && !new URL(answer.url).pathname.startsWith("/login");
    if (isPage) takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
    warn(isPage ? "" : texts.away);
  } catch {
    warn(texts.away);
  }
  waiting = false;
  if (missed && !document.hidden) setTimeout(refresh, 300);
};

if (texts && stale && document.querySelector("[data-live]")) {
  let lost = 0;
  const stream = new EventSource(`/live?${new URLSearchParams({ seen: texts.seen })}`);
  stream.addEventListener("open", () => {
    if (lost) refresh();
    clearTimeout(lost);
    lost = 0;
  });
  stream.addEventListener("change", refresh);
  stream.addEventListener("error", () => {
    if (!lost) lost = setTimeout(() => warn(texts.away), 2500);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && missed) refresh();
  });
  window.addEventListener("pagehide", () => stream.close());
  tellAge();
  setInterval(tellAge, 5000);
}
