// Charts to zoom into and point at, drawn by Vega when a reader asks for it; the still drawing stays what it is without.
// Vega interprets its expressions (`ast`) and adds no style, so the policy of the page holds.
const texts = document.getElementById("chart-texts")?.dataset;

const make = (tag, values = {}, ...inside) => {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...inside);
  return element;
};

const command = (label, act) => {
  const button = make("button", { type: "button", textContent: label });
  button.addEventListener("click", act);
  return button;
};

const draw = async (host, given, label) => {
  await import(texts.bundle);
  given.spec.width = Math.max(host.clientWidth, 280);
  const { view } = await window.vegaEmbed(host, given.spec, {
    actions: false,
    ast: true,
    defaultStyle: false,
    formatLocale: given.formatLocale,
    mode: "vega-lite",
    renderer: "svg",
    timeFormatLocale: given.timeFormatLocale,
    tooltip: false,
  });
  const svg = host.querySelector("svg");
  svg.setAttribute("aria-hidden", "true");
  const { tips } = given;
  const xs = tips.map((tip) => (typeof tip.x === "string" ? Date.parse(tip.x) : tip.x));
  const whole = view.scale("x").domain().map(Number);
  const bubble = make("div", { className: "tip" });
  bubble.setAttribute("aria-hidden", "true");
  host.append(bubble);
  const slider = make("input", { className: "along", type: "range", min: 0, max: tips.length - 1, value: tips.length - 1 });
  slider.setAttribute("aria-label", `${label}: ${texts.along}`);
  let shown = whole;

  const place = () => {
    const tip = tips[slider.value];
    const [left, top] = view.origin();
    const x = view.scale("x")(xs[slider.value]) + left;
    const y = tip.y === undefined ? top : view.scale("y")(tip.y) + top;
    bubble.style.left = 0; // measured where it has room
    const room = host.clientWidth - bubble.offsetWidth;
    bubble.style.left = `${Math.max(0, Math.min(x - bubble.offsetWidth / 2, room))}px`;
    bubble.style.top = `${tip.y === undefined ? 0 : Math.max(0, y - bubble.offsetHeight - 14)}px`;
  };

  const show = async (from, to) => {
    const size = Math.min(to - from, whole[1] - whole[0]);
    const start = Math.max(whole[0], Math.min(from, whole[1] - size));
    shown = [start, start + size];
    await view.signal("shown", size < whole[1] - whole[0] ? shown : null).runAsync();
    place();
  };

  const choose = async (number) => {
    const tip = tips[number];
    slider.value = number;
    slider.setAttribute("aria-valuetext", tip.text);
    bubble.textContent = tip.text;
    await view.data("cursor", [{ x: xs[number], y: tip.y }]).runAsync();
    const size = shown[1] - shown[0];
    if (xs[number] < shown[0] || xs[number] > shown[1]) await show(xs[number] - size / 2, xs[number] + size / 2);
    place();
  };

  const zoom = (factor) => {
    const size = (shown[1] - shown[0]) * factor;
    const middle = xs[slider.value];
    return show(middle - size / 2, middle + size / 2);
  };

  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const [left, top] = view.origin();
    const x = event.clientX - box.left - left;
    const y = event.clientY - box.top - top;
    const far = tips.map((tip, number) => {
      const across = view.scale("x")(xs[number]) - x;
      return tip.y === undefined ? Math.abs(across) : Math.hypot(across, view.scale("y")(tip.y) - y);
    });
    return far.indexOf(Math.min(...far));
  };

  host.addEventListener("pointermove", (event) => {
    if (event.buttons !== 1) {
      choose(nearest(event));
      return;
    }
    const perPixel = (shown[1] - shown[0]) / view.width();
    show(shown[0] - event.movementX * perPixel, shown[1] - event.movementX * perPixel);
  });
  slider.addEventListener("input", () => choose(Number(slider.value)));
  await choose(tips.length - 1);
  return [
    slider,
    make(
      "div",
      { className: "zoom" },
      command(texts.zoomIn, () => zoom(0.5)),
      command(texts.zoomOut, () => zoom(2)),
      command(texts.zoomAll, () => show(...whole)),
    ),
  ];
};

const offer = (figure) => {
  const still = figure.querySelector(".drawing");
  const label = still.getAttribute("aria-label");
  const said = make("p", { className: "note" });
  said.setAttribute("role", "status");
  const row = make("div", { className: "offer" });
  let parts = [];

  const close = () => {
    for (const part of parts) part.remove();
    parts = [];
    still.hidden = false;
  };

  const open = async () => {
    const host = make("div", { className: "drawing live" });
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", label);
    parts = [host];
    said.textContent = texts.loading;
    still.before(host);
    try {
      const answer = await fetch(texts.address.replace("_", figure.dataset.chart));
      if (!answer.ok) throw new Error(answer.statusText);
      const [slider, zoom] = await draw(host, await answer.json(), figure.dataset.title);
      parts.push(slider, zoom);
      host.after(slider);
      row.append(zoom);
      still.hidden = true;
      said.textContent = "";
    } catch {
      close();
      said.textContent = texts.failed;
    }
  };

  const toggle = command(texts.interactive, async () => {
    toggle.disabled = true;
    if (parts.length) close();
    else await open();
    toggle.disabled = false;
    toggle.setAttribute("aria-pressed", String(parts.length > 0));
    toggle.focus();
  });
  toggle.className = "toggle";
  toggle.setAttribute("aria-pressed", "false");
  toggle.append(make("span", { className: "hidden", textContent: `: ${figure.dataset.title}` }));
  row.append(toggle, said);
  still.after(row);
};

if (texts) {
  for (const figure of document.querySelectorAll("figure[data-chart]")) if (figure.querySelector(".drawing")) offer(figure);
}
