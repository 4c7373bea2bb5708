// The page: a picture, a sentence, and the search that answers it. What is drawn is what the
// server's JSON says, in the picture's own pixels; nothing is computed anew.

const CLOSE_UP = 2.6; // sides of a close-up in sides of the box, as Grounding.plot() has it
const CLOSE_UP_PX = 48; // at least
const STEP_COLORS = 4;
const VIEW_WH = [296, 166]; // of a picture of the strip, CSS pixels
const ATTEMPTS = 60; // of a request that the server wants to get a little later: a minute of them

const at = (id) => document.getElementById(id);
const percent = (part, whole) => `${(100 * part) / whole}%`;
const wholeNumber = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

let picture = null; // {name, blob, image}
let answers = []; // about this picture, the newest first: {answer, ms}
let shown = null; // the one of them that is drawn
let threshold = null;

/** An element with attributes and children; texts are texts, whatever is in them. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function tell(message) {
  at("error").textContent = message ?? "";
  at("error").hidden = !message;
}

// --- the picture

async function choose(blob, name, refs = []) {
  const image = at("image");
  const url = URL.createObjectURL(blob);
  const trial = new Image();
  trial.src = url;
  try {
    await trial.decode();
  } catch {
    URL.revokeObjectURL(url);
    tell(`${name} is no picture that can be shown here: choose a JPEG, PNG or WebP file`);
    return;
  }
  URL.revokeObjectURL(image.src);
  image.src = url;
  image.alt = `The picture that is asked about: ${name}`;
  image.hidden = false;
  picture = { name, blob, image: trial };
  answers = [];
  shown = null;
  tell();
  delete at("stage").dataset.empty;
  for (const button of at("scenes").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.file === name));
  }
  at("suggestions").replaceChildren(
    ...refs.map((ref) => {
      const button = make("button", { type: "button" }, ref);
      button.addEventListener("click", () => {
        at("ref").value = ref;
        ask(ref);
      });
      return make("li", {}, button);
    }),
  );
  draw();
}

async function chooseScene(scene) {
  const name = `${scene.name}.jpg`;
  const response = await fetch(`static/scenes/${name}`);
  await choose(await response.blob(), name, scene.refs);
}

async function listScenes() {
  const scenes = await (await fetch("static/scenes/scenes.json")).json();
  for (const scene of scenes) {
    const file = `${scene.name}.jpg`;
    const button = make(
      "button",
      { type: "button", "aria-pressed": "false", "data-file": file },
      make("img", { src: `static/scenes/${file}`, alt: "" }),
      make("span", {}, scene.name),
    );
    button.addEventListener("click", () => chooseScene(scene));
    at("scenes").append(make("li", {}, button));
  }
}

// --- the question

const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

/** The answer of the server, which may want to be asked again a little later. */
async function locate(ref) {
  const form = new FormData();
  form.append("file", picture.blob, picture.name);
  form.append("ref", ref);
  for (let attempt = 1; ; attempt += 1) {
    let response;
    try {
      response = await fetch("locate", { method: "POST", body: form });
    } catch {
      throw new Error("the server does not answer: is it still running?");
    }
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    const detail = problem.detail ?? `the server answers ${response.status}`;
    const later = response.headers.get("Retry-After");
    if (later === null || attempt === ATTEMPTS) throw new Error(detail);
    tell(`${detail} …`);
    await wait(Number(later));
  }
}

async function ask(ref) {
  if (picture === null) {
    tell("Choose a picture first: a file of yours, or a rendered scene.");
    return;
  }
  const asked = picture;
  at("ask").setAttribute("aria-busy", "true");
  const begin = performance.now();
  try {
    const answer = await locate(ref);
    tell();
    if (asked !== picture) return; // another one was chosen meanwhile
    shown = { answer, ms: performance.now() - begin };
    answers.unshift(shown);
    at("news").textContent = `${answer.ref}: ${verdict(answer)}, score ${answer.score.toFixed(2)}`;
    draw();
    at("stage").scrollIntoView({ block: "nearest" }); // on a phone it is above the question
  } catch (error) {
    if (asked === picture) tell(error.message);
  } finally {
    at("ask").removeAttribute("aria-busy");
  }
}

// --- the answer

const verdict = (answer) =>
  answer.found ? "found" : answer.complete ? "not found" : "stopped by the time limit";
const color = (answer) => (answer.found ? "found" : "missed");
const stepColor = (step) => (step % STEP_COLORS) + 1;
const isWhole = (box, [w, h]) => box[0] <= 0 && box[1] <= 0 && box[2] >= w && box[3] >= h;
const size = (box) =>
  `${wholeNumber.format(box[2] - box[0])} × ${wholeNumber.format(box[3] - box[1])} px`;

function draw() {
  drawBoxes();
  drawAnswers();
  at("search").hidden = shown === null;
  if (shown !== null) {
    drawStrip(shown.answer);
    drawScores(shown.answer);
    drawTimes(shown);
    at("command").textContent = command(shown.answer.ref);
    at("json").textContent = JSON.stringify(shown.answer, null, 2);
  }
}

/** Every window but the whole picture, the runner-up, and the answer over all of them. */
function drawBoxes() {
  at("boxes").replaceChildren();
  if (shown === null) return;
  const { answer } = shown;
  const [width, height] = answer.frame_wh;
  const add = (kind, box, text, colorName, extra = {}) => {
    const [x1, y1, x2, y2] = box;
    const element = make(
      "div",
      {
        class: "box",
        "data-kind": kind,
        "data-color": colorName,
        "data-xyxy": box.join(" "),
        "data-below": kind === "rival" ? y2 < 0.92 * height : y1 < 0.08 * height,
        "data-left": x1 > 0.8 * width,
        ...extra,
      },
      make("span", {}, text),
    );
    element.style.left = percent(x1, width);
    element.style.top = percent(y1, height);
    element.style.width = percent(x2 - x1, width);
    element.style.height = percent(y2 - y1, height);
    at("boxes").append(element);
  };
  answer.zooms.forEach((zoom, step) => {
    if (!isWhole(zoom.window_xyxy, answer.frame_wh)) {
      add("window", zoom.window_xyxy, `${step + 1}`, stepColor(step), { "data-step": step });
    }
  });
  if (answer.rival) add("rival", answer.rival.xyxy, answer.rival.score.toFixed(2), "rival");
  if (answer.xyxy) {
    add(answer.found ? "found" : "missed", answer.xyxy, answer.score.toFixed(2), color(answer));
  }
}

function drawAnswers() {
  at("answers").replaceChildren(
    ...answers.map((each) => {
      const { answer } = each;
      const button = make(
        "button",
        { type: "button", "aria-pressed": String(each === shown), "data-color": color(answer) },
        make("span", {}, answer.ref),
        make("span", { class: "verdict" }, verdict(answer)),
        make("span", { class: "score" }, answer.score.toFixed(2)),
      );
      button.addEventListener("click", () => {
        shown = each;
        draw();
        at("answers").querySelector('[aria-pressed="true"]').focus();
      });
      return make("li", {}, button);
    }),
  );
}

/** A part of the picture, scaled to a view, with boxes in it: [box, color name, dashed]. */
function view(region, boxes, frameWh) {
  const [x1, y1, x2, y2] = region;
  const scale = Math.min(VIEW_WH[0] / (x2 - x1), VIEW_WH[1] / (y2 - y1));
  const sharp = scale * Math.min(window.devicePixelRatio || 1, 2);
  const canvas = make("canvas", {
    width: Math.max(1, Math.round((x2 - x1) * sharp)),
    height: Math.max(1, Math.round((y2 - y1) * sharp)),
  });
  canvas.style.width = `${(x2 - x1) * scale}px`;
  const context = canvas.getContext("2d");
  const styles = getComputedStyle(document.documentElement);
  context.setTransform(sharp, 0, 0, sharp, -x1 * sharp, -y1 * sharp);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture.image, 0, 0, ...frameWh);
  for (const [box, name, dashed] of boxes) {
    const property = Number.isInteger(name) ? `--step-${name}` : `--${name}`;
    context.strokeStyle = styles.getPropertyValue(property);
    context.lineWidth = (2.5 * (window.devicePixelRatio || 1)) / sharp;
    context.setLineDash(dashed ? [3 * context.lineWidth, 2 * context.lineWidth] : []);
    context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
  }
  return make("div", { class: "view" }, canvas);
}

function closeUp(box, [width, height]) {
  const w = Math.max(CLOSE_UP * (box[2] - box[0]), CLOSE_UP_PX);
  const h = Math.max(CLOSE_UP * (box[3] - box[1]), CLOSE_UP_PX);
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  return [x - w / 2, y - h / 2, x + w / 2, y + h / 2].map((value, k) =>
    Math.min(Math.max(value, 0), k % 2 ? height : width),
  );
}

function drawStrip(answer) {
  const frameWh = answer.frame_wh;
  const final = answer.found ? "found" : "rejected";
  const last = answer.zooms.length - 1;
  const panels = answer.zooms.map((zoom, step) => {
    const chosen = step === last ? final : stepColor(step + 1);
    const said = [`raw score ${zoom.raw_score.toFixed(2)}`];
    if (zoom.progress !== null) said.push(`progress ${zoom.progress.toFixed(2)}`);
    if (zoom.stop_probability !== null) said.push(`stop ${zoom.stop_probability.toFixed(2)}`);
    const whole = isWhole(zoom.window_xyxy, frameWh) ? "the whole picture, " : "window ";
    return {
      color: stepColor(step),
      step,
      follows: step > 0,
      view: view(zoom.window_xyxy, [[zoom.xyxy, chosen, step === last && !answer.found]], frameWh),
      title: `${step + 1}`,
      text: `${whole}${size(zoom.window_xyxy)}`,
      said,
    };
  });
  const object = (box, name, title, score) => ({
    color: name === "rejected" ? "missed" : name,
    view: view(closeUp(box, frameWh), [[box, name, name === "rejected"]], frameWh),
    title,
    text: size(box),
    said: [`score ${score.toFixed(2)}`, `at ${box.map((v) => v.toFixed(1)).join(", ")}`],
  });
  if (answer.xyxy) {
    const title = answer.found ? "found" : "best guess";
    panels.push({ ...object(answer.xyxy, final, title, answer.score), follows: true });
  }
  if (answer.rival) {
    panels.push(object(answer.rival.xyxy, "rival", "runner-up", answer.rival.score));
  }
  at("strip").replaceChildren(
    ...panels.map((panel) => {
      const item = make(
        "li",
        { "data-color": panel.color, "data-follows": panel.follows },
        panel.view,
        make("p", {}, make("b", {}, panel.title), " ", panel.text),
        make("small", {}, panel.said.join(" · ")),
      );
      if (panel.step !== undefined) {
        item.addEventListener("pointerenter", () => light(panel.step));
        item.addEventListener("pointerleave", () => light(null));
      }
      return item;
    }),
  );
}

function light(step) {
  for (const box of at("boxes").querySelectorAll("[data-step]")) {
    box.toggleAttribute("data-lit", Number(box.dataset.step) === step);
  }
}

/** Bars of what may be the object: the answer and the runner-up, and the threshold across. */
function drawScores(answer) {
  const rows = [[answer.found ? "Answer" : "Best guess", answer.score, color(answer)]];
  if (answer.rival) rows.push(["Runner-up", answer.rival.score, "rival"]);
  for (const each of answer.considered.slice(1, 4)) rows.push([each.label, each.score, "1"]);
  at("scores").replaceChildren(
    ...rows.flatMap(([name, score, colorName]) => {
      const bar = make("i", { "data-color": colorName });
      bar.style.width = percent(score, 1);
      const gauge = make("dd", { class: "gauge", "aria-hidden": "true" }, bar);
      if (threshold !== null) {
        const mark = make("u");
        mark.style.left = percent(threshold, 1);
        gauge.append(mark);
      }
      return [make("dt", {}, name), gauge, make("dd", {}, score.toFixed(3))];
    }),
  );
  const said = [];
  if (answer.reason) said.push(answer.reason);
  if (answer.rival) said.push("a second place is nearly as good");
  if (answer.unknown_words.length) {
    said.push(`the engine does not know ${answer.unknown_words.join(", ")}`);
  }
  if (threshold !== null) said.push(`the line is the threshold, ${threshold.toFixed(3)}`);
  at("reason").textContent = `${said.join("; ")}.`;
}

function drawTimes({ answer, ms }) {
  const { total, ...stages } = answer.timing_ms;
  const colored = Object.entries(stages).map(([name, value], k) => {
    return [name, value, k < STEP_COLORS ? k + 1 : "rest"];
  });
  const bars = colored.map(([, value, colorName]) => {
    const bar = make("i", { "data-color": colorName });
    bar.style.width = percent(Math.max(value, 0), total);
    return bar;
  });
  at("timing").replaceChildren(...bars);
  const told = [
    ...colored,
    ["search", total, null],
    ["with upload and decoding", ms, null],
  ];
  at("times").replaceChildren(
    ...told.map(([name, value, colorName]) =>
      make(
        "div",
        {},
        ...(colorName ? [make("i", { "data-color": colorName, "aria-hidden": "true" })] : []),
        make("dt", {}, name),
        make("dd", {}, `${value.toFixed(1)} ms`),
      ),
    ),
  );
}

function command(ref) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const address = new URL("locate", document.baseURI);
  return `curl -F ${quoted(`file=@${picture.name}`)} -F ${quoted(`ref=${ref}`)} ${address}`;
}

// --- what the server says of itself

async function watch() {
  for (;;) {
    let health = { status: "failing", detail: "the server does not answer" };
    try {
      health = await (await fetch("healthz")).json();
    } catch {
      // said above
    }
    const texts = { ok: health.engine, loading: "the engine is loading …" };
    const text = texts[health.status] ?? health.detail;
    if (at("engine").textContent !== text) at("engine").textContent = text;
    at("engine").dataset.state = health.status;
    threshold = health.threshold ?? threshold;
    await wait(health.status === "ok" ? 15 : 1);
  }
}

// --- what people do

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const ref = at("ref").value.trim();
  if (ref) ask(ref);
});
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  if (file) choose(file, file.name);
  at("file").value = ""; // the same file may be chosen again
});
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files][0];
  if (file) choose(file, file.name);
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  at("stage").dataset.over = "";
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) delete at("stage").dataset.over;
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  delete at("stage").dataset.over;
  const [file] = event.dataTransfer.files;
  if (file) choose(file, file.name);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    at("ref").focus();
  }
});

listScenes();
watch();
