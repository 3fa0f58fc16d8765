// The page of keras-sr: one file, no framework. It speaks to the server that it came from, to nobody else.

const $ = (id) => document.getElementById(id);
const ENDED = new Set(["done", "failed", "cancelled"]);
const UPLOADS_AT_ONCE = 2;
// What names of pictures that the server reads end with.
const PICTURES = (
  ".apng .avif .avifs .bmp .dib .gif .heic .heics .heif .heifs .hif .icb .j2k .jfif " +
  ".jp2 .jpe .jpeg .jpf .jpg .jpx .jxl .pbm .pfm .pgm .png .pnm .ppm .qoi .tga .tif " +
  ".tiff .vda .vst .webp"
).split(" ");
const isPicture = (name) => !name.startsWith(".") && PICTURES.some((one) => name.toLowerCase().endsWith(one));

const kept = {
  get(name, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      /* a private window keeps nothing */
    }
  },
};

// --- words -------------------------------------------------------------------------------------------------

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

function duration(seconds) {
  if (seconds < 1.5) return "a moment";
  if (seconds < 90) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`;
  return `${(seconds / 3600).toFixed(1)}\u00a0h`;
}

const took = (seconds) => (seconds < 10 ? `${seconds.toFixed(1)}\u00a0s` : duration(seconds));

function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))}\u00a0kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)}\u00a0MB` : `${(count / 1e9).toFixed(2)}\u00a0GB`;
}

const size = (picture) => `${picture.width}\u00a0×\u00a0${picture.height}`;

let spoken = [];
function announce(text) {
  spoken.push(text);
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => {
    $("live").textContent = spoken.slice(-3).join(". ");
    spoken = [];
  }, 700);
}

// --- the server --------------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, text, wait) {
    super(text);
    this.status = status;
    this.wait = wait;
  }
}

async function ask(method, path, form) {
  let answer;
  try {
    answer = await fetch(path, { method, body: form });
  } catch {
    offline(true);
    throw new Refused(0, "The server does not answer. It may have been stopped.");
  }
  offline(false);
  const body = (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : null;
  if (answer.status === 401) {
    await login();
    return ask(method, path, form);
  }
  if (!answer.ok) throw new Refused(answer.status, body?.error || `The server said ${answer.status}.`);
  return body;
}

function offline(is) {
  $("offline").hidden = !is;
  if (is)
    $("offline").textContent =
      "The server does not answer. If it was stopped, start it again: keras-sr serve";
}

let asking = null;
function login() {
  asking ??= new Promise((resolve) => {
    $("login").showModal();
    $("login").addEventListener("cancel", (event) => event.preventDefault());
    $("login-form").onsubmit = async (event) => {
      event.preventDefault();
      const wrong = await tryToken($("token").value);
      $("login-error").hidden = !wrong;
      $("login-error").textContent = wrong;
      if (!wrong) {
        $("login").close();
        asking = null;
        resolve();
      }
    };
  });
  return asking;
}

async function tryToken(token) {
  const form = new FormData();
  form.append("token", token);
  const answer = await fetch("/login", { method: "POST", body: form });
  return answer.ok ? "" : "That is not the token.";
}

// --- settings ----------------------------------------------------------------------------------------------

let known = { purposes: [], networks: [], default: "" };
const wishes = {
  purpose: "",
  size: "4",
  width: "3840",
  format: "auto",
  network: "",
  consistent: false,
  dials: {},
  ...kept.get("keras-sr-settings", {}),
};

function showSettings() {
  if (!known.purposes.some((one) => one.name === wishes.purpose)) wishes.purpose = known.default;
  if (!known.networks.some((one) => one.name === wishes.network)) wishes.network = "";
  $("purposes").replaceChildren(...known.purposes.map(card));
  $("network").append(...known.networks.map((one) => new Option(`${one.name} (${one.scale}×)`, one.name)));
  const form = $("settings");
  for (const name of ["format", "network", "width", "size", "purpose"])
    form.elements[name].value = wishes[name];
  form.elements.consistent.checked = wishes.consistent;
  $("more").open = Boolean(wishes.network || wishes.consistent || wishes.format !== "auto");
  form.addEventListener("input", readSettings);
  form.addEventListener("submit", (event) => event.preventDefault());
  // On a phone the list comes first; what is chosen stands in one line above it.
  $("box").open = matchMedia("(min-width: 56rem)").matches;
  matchMedia("(min-width: 56rem)").addEventListener("change", (event) => {
    $("box").open = event.matches || $("box").open;
  });
  showDials();
}

function card(purpose) {
  const label = document.createElement("label");
  label.className = "card";
  const input = Object.assign(document.createElement("input"), {
    type: "radio",
    name: "purpose",
    value: purpose.name,
  });
  const title = Object.assign(document.createElement("b"), { textContent: purpose.title });
  const text = Object.assign(document.createElement("span"), { textContent: purpose.text });
  label.append(input, title, text);
  return label;
}

function readSettings(event) {
  const form = $("settings");
  for (const name of ["format", "network", "width", "size", "purpose"])
    wishes[name] = form.elements[name].value;
  wishes.consistent = form.elements.consistent.checked;
  if (event.target.name === "purpose") form.elements.network.value = wishes.network = "";
  if (event.target.dataset.dial) {
    wishes.dials[event.target.dataset.dial] = Number(event.target.value);
    event.target.parentElement.querySelector("output").textContent = percent(event.target.value);
  } else {
    showDials();
  }
  kept.set("keras-sr-settings", wishes);
}

const percent = (value) => `${Math.round(value * 100)}\u00a0%`;

function currentNetwork() {
  if (wishes.network) return known.networks.find((one) => one.name === wishes.network);
  const purpose = known.purposes.find((one) => one.name === wishes.purpose);
  const members = (purpose?.networks || []).map((name) => known.networks.find((one) => one.name === name));
  return members.find((one) => one.scale >= (Number(wishes.size) || 4)) || members.at(-1);
}

function showDials() {
  const purpose = known.purposes.find((one) => one.name === wishes.purpose);
  const large = wishes.size === "width" ? `${$("width").value || "3840"} pixels wide` : `${wishes.size}×`;
  $("chosen").textContent = `${wishes.network || purpose?.title}, ${large}`;
  $("width-line").hidden = wishes.size !== "width";
  const dials = currentNetwork()?.dials || [];
  const names = dials.map((dial) => dial.name).join();
  if ($("dials").dataset.names === names) return;
  $("dials").dataset.names = names;
  $("dials").replaceChildren(
    ...dials.map((dial) => {
      const value = wishes.dials[dial.name] ?? dial.default;
      const label = document.createElement("label");
      label.className = "dial";
      label.innerHTML =
        '<span></span><output></output><input type="range" min="0" max="1" step="0.05">' +
        "<small></small><small></small>";
      const [title, shown, input, low, high] = label.children;
      title.textContent = dial.title;
      shown.textContent = percent(value);
      input.dataset.dial = dial.name;
      input.value = value;
      low.textContent = dial.low;
      high.textContent = dial.high;
      return label;
    }),
  );
}

function wished(form = new FormData()) {
  form.append("network", wishes.network || wishes.purpose);
  if (wishes.size === "width") form.append("width", $("width").value || "3840");
  else form.append("scale", wishes.size);
  for (const dial of currentNetwork()?.dials || []) {
    const value = wishes.dials[dial.name] ?? dial.default;
    if (value !== dial.default) form.append(dial.name, value);
  }
  if (wishes.consistent) form.append("consistent", "true");
  form.append("format", wishes.format);
  return form;
}

// --- pictures ----------------------------------------------------------------------------------------------

/** What the list shows: a picture that is on its way to the server, or a job there. */
const rows = new Map();
let batch = null;
let uploading = 0;
let waiting = [];

class Row {
  constructor(file, folder, job) {
    this.file = file;
    this.folder = folder;
    this.job = job;
    this.phase = job ? "job" : "waiting";
    this.share = 0;
    this.heard = 0;
    this.error = "";
    this.element = $("row").content.firstElementChild.cloneNode(true);
    const on = (name, act) => this.part(name).addEventListener("click", () => act.call(this));
    on("look", this.look);
    on("thumb", this.look);
    on("retry", this.retry);
    on("cancel", this.cancel);
    on("remove", this.remove);
    $("jobs").append(this.element);
    this.show();
  }

  part(name) {
    return this.element.querySelector(`.${name}`);
  }
  get name() {
    return this.job?.name ?? this.file?.name ?? "";
  }
  get ended() {
    return this.phase === "refused" || (this.phase === "job" && ENDED.has(this.job.state));
  }
  get done() {
    return this.phase === "job" && this.job.state === "done";
  }
  get busy() {
    return !this.ended;
  }

  update(job) {
    const before = this.job?.state;
    const shared =
      job.progress < (this.job?.progress ?? 0) && job.state === "running" && before === "running";
    this.job = shared ? { ...job, progress: this.job.progress } : job;
    this.phase = "job";
    this.show();
    if (before && before !== job.state) {
      if (job.state === "done") announce(`${job.name} is done`);
      if (job.state === "failed") announce(`${job.name} failed: ${job.error}`);
      if (job.state === "cancelled") announce(`${job.name} is cancelled`);
    }
  }

  /** Returns the line about where it is, and the share that is done. */
  status() {
    const job = this.job;
    const left = (before, after) => (job?.seconds_left ? `${before}${duration(job.seconds_left)}${after}` : "");
    if (this.phase === "waiting") return ["Waiting to be sent", 0];
    if (this.phase === "sending") return [`Sending, ${percent(this.share)}`, null];
    if (this.phase === "refused") return [this.error, null];
    if (job.state === "queued") {
      const ahead = job.position
        ? `Waiting, ${plural(job.position, "picture", "pictures")} before it`
        : "Next";
      return [
        `${size(job.picture)} · ${ahead}${left(" · about ", "")}`,
        null,
      ];
    }
    if (job.state === "running") {
      // Before the first tile is done, what others have taken says how long it will be.
      const share = job.progress > 0 ? `, ${percent(job.progress)}` : "";
      return [`${size(job.picture)} · Enlarging${share}${left(share ? " · " : " · about ", " left")}`, job.progress || null];
    }
    if (job.state === "done")
      return [
        [`${size(job.picture)} → ${size(job.result)}`, bytes(job.result.bytes), took(job.result.seconds)].join(" · "),
        null,
      ];
    if (job.state === "cancelled") return [`${size(job.picture)} · Cancelled`, null];
    return [job.error, null];
  }

  show() {
    const job = this.phase === "job" ? this.job : null;
    const [text, share] = this.status();
    const failed = this.phase === "refused" || job?.state === "failed";
    this.element.className = `job ${failed ? "failed" : (job?.state ?? this.phase)}`;
    this.part("name").textContent = this.name;
    this.part("name").title = this.name;
    if (this.part("text").textContent !== text) this.part("text").textContent = text;
    const bar = this.element.querySelector("progress");
    bar.hidden = !(this.phase === "sending" || job?.state === "running");
    const value = this.phase === "sending" ? this.share : share;
    if (value === null) bar.removeAttribute("value");
    else bar.value = value;
    bar.setAttribute("aria-label", `Progress of ${this.name}`);
    const note =
      job?.state === "done" && job.result.lost.length ? `Not kept: ${job.result.lost.join(", ")}` : "";
    this.part("note").textContent = note;
    this.part("note").hidden = !note;
    const shown = {
      look: this.done,
      save: this.done,
      cancel: this.busy,
      remove: this.ended,
      retry: this.phase === "refused" ? Boolean(this.file) : ["failed", "cancelled"].includes(job?.state),
    };
    for (const [name, is] of Object.entries(shown)) this.part(name).hidden = !is;
    const labels = {
      look: "Compare",
      save: "Download",
      cancel: "Cancel",
      retry: "Try again",
      remove: "Remove",
    };
    for (const [name, label] of Object.entries(labels))
      this.part(name).setAttribute("aria-label", `${label} ${this.name}`);
    this.part("thumb").disabled = !this.done;
    this.part("thumb").setAttribute("aria-label", `Look at ${this.name}`);
    if (job) {
      this.part("save").href = `/v1/jobs/${job.id}/result`;
      const image = this.part("thumb").firstElementChild;
      if (!image.getAttribute("src")) {
        image.onload = () => {
          image.hidden = false;
        };
        image.src = `/v1/jobs/${job.id}/thumbnail`;
      }
    }
    summarize();
  }

  look() {
    if (this.done) viewer.open(this);
  }

  async retry() {
    if (this.phase === "refused") {
      this.phase = "waiting";
      waiting.push(this);
      this.show();
      send();
      return;
    }
    await this.attempt(() => this.tell("POST", `/v1/jobs/${this.job.id}/retry`, wished()));
  }

  /* The answer may come later than events that are newer: then it is out of date. */
  async tell(...request) {
    const heard = this.heard;
    const job = await ask(...request);
    if (this.heard === heard) this.update(job);
  }

  async cancel() {
    this.part("remove").focus();
    if (this.phase === "job") {
      await this.attempt(() => this.tell("DELETE", `/v1/jobs/${this.job.id}`));
      return;
    }
    waiting = waiting.filter((row) => row !== this);
    this.request?.abort();
    this.refuse("Cancelled");
  }

  async remove() {
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    if (this.phase === "job") await this.attempt(() => ask("DELETE", `/v1/jobs/${this.job.id}`));
    this.vanish();
    (next?.querySelector(".buttons > :not([hidden])") ?? $("files")).focus();
  }

  vanish() {
    this.element.remove();
    for (const [key, row] of rows) if (row === this) rows.delete(key);
    summarize();
  }

  async attempt(act) {
    try {
      await act();
    } catch (error) {
      if (error.status === 404) this.lost();
      else if (error.status !== 0) {
        this.part("text").textContent = error.message;
        announce(error.message);
      }
    }
  }

  lost() {
    this.job = null;
    this.refuse("The server no longer has this picture: it was restarted, or time ran out.");
  }

  refuse(error) {
    this.phase = "refused";
    this.error = error;
    this.show();
    announce(`${this.name}: ${error}`);
  }
}

let keys = 0;
function add(files) {
  const taken = files.filter(({ file }) => file.size >= 0);
  if (!taken.length) return;
  for (const { file, folder } of taken) {
    const row = new Row(file, folder, null);
    rows.set(`upload ${(keys += 1)}`, row);
    waiting.push(row);
  }
  announce(`${plural(taken.length, "picture", "pictures")} added`);
  summarize();
  send();
}

/** Send what waits, a few at a time; a server that is full is asked again when it says so. */
async function send() {
  while (uploading < UPLOADS_AT_ONCE && waiting.length) {
    const row = waiting.shift();
    uploading += 1;
    upload(row).finally(() => {
      uploading -= 1;
      send();
    });
  }
}

async function upload(row) {
  row.phase = "sending";
  row.share = 0;
  row.show();
  try {
    await ready();
    const job = await post(row);
    for (const [key, one] of rows) if (one === row) rows.delete(key);
    rows.get(job.id)?.vanish();
    rows.set(job.id, row);
    row.update(job);
  } catch (error) {
    if (error.status === 429) {
      row.phase = "waiting";
      row.show();
      await new Promise((resolve) => setTimeout(resolve, (error.wait || 2) * 1000));
      if (row.phase === "waiting") waiting.unshift(row);
    } else if (error.status === 404) {
      batch = null;
      waiting.unshift(row);
    } else if (row.phase === "sending") {
      row.refuse(error.message);
    }
  }
}

function post(row) {
  return new Promise((resolve, reject) => {
    const form = wished();
    form.append("batch", batch);
    if (row.folder) form.append("folder", row.folder);
    form.append("file", row.file, row.file.name);
    const request = (row.request = new XMLHttpRequest());
    request.open("POST", "/v1/jobs");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      row.share = event.loaded / (event.total || 1);
      row.show();
    };
    request.onload = () => {
      if (request.status === 202) resolve(request.response);
      else
        reject(
          new Refused(
            request.status,
            request.response?.error || `The server said ${request.status}.`,
            Number(request.getResponseHeader("Retry-After")),
          ),
        );
    };
    request.onerror = () => reject(new Refused(0, "The connection broke off. Try again."));
    request.onabort = () => reject(new Refused(0, "Cancelled"));
    request.send(form);
  });
}

let making = null;
function ready() {
  if (batch) return Promise.resolve();
  making ??= ask("POST", "/v1/batches")
    .then((made) => {
      batch = made.id;
      kept.set("keras-sr-batch", batch);
      listen();
    })
    .finally(() => {
      making = null;
    });
  return making;
}

let stream = null;
function listen() {
  stream?.close();
  stream = new EventSource(`/v1/batches/${batch}/events`);
  stream.onopen = () => offline(false);
  stream.addEventListener("job", (event) => take(JSON.parse(event.data)));
  stream.addEventListener("gone", (event) => rows.get(JSON.parse(event.data).id)?.vanish());
  stream.onerror = async () => {
    if (stream.readyState !== EventSource.CLOSED) {
      setTimeout(() => offline(stream.readyState !== EventSource.OPEN), 2500);
      return;
    }
    // The server answers and no longer knows the batch: it was started anew.
    batch = null;
    for (const row of [...rows.values()]) if (row.phase === "job") row.lost();
  };
}

function take(job) {
  const row = rows.get(job.id);
  if (row) {
    row.heard += 1;
    row.update(job);
  }
  // One that is just being sent is about to be told of by its own answer.
  else if (!uploading) rows.set(job.id, new Row(null, job.folder, job));
  else setTimeout(() => rows.has(job.id) || take(job), 400);
}

function summarize() {
  const all = [...rows.values()];
  const done = all.filter((row) => row.done);
  const busy = all.filter((row) => row.busy);
  const failed = all.filter((row) => row.element.classList.contains("failed"));
  const left = Math.max(0, ...all.map((row) => (row.phase === "job" && row.job.seconds_left) || 0));
  $("queue").hidden = !all.length;
  document.querySelector("main").classList.toggle("filled", all.length > 0);
  const parts = [`${done.length} of ${all.length} done`];
  if (failed.length) parts.push(`${failed.length} failed`);
  if (busy.length && left) parts.push(`about ${duration(left)} left`);
  $("summary").textContent = parts.join(" · ");
  $("zip").hidden = !done.length || !batch;
  $("zip").textContent = done.length === 1 ? "Download" : `Download all ${done.length}`;
  $("zip").href =
    done.length === 1 ? `/v1/jobs/${done[0].job.id}/result` : `/v1/batches/${batch}/results.zip`;
  $("cancel-all").hidden = busy.length < 2;
  $("clear").hidden = busy.length > 0 || all.length < 2;
  document.title = busy.length ? `${done.length}/${all.length} · keras-sr` : "keras-sr";
}

async function cancelAll() {
  for (const row of [...waiting, ...[...rows.values()].filter((row) => row.phase === "sending")])
    row.cancel();
  if (batch) {
    const { jobs } = await ask("DELETE", `/v1/batches/${batch}`);
    jobs.forEach(take);
  }
  $("files").focus();
}

async function clearList() {
  $("files").focus();
  await Promise.all([...rows.values()].filter((row) => row.ended).map((row) => row.remove()));
}

// --- ways in -----------------------------------------------------------------------------------------------

const plain = (list) => [...list].map((file) => ({ file, folder: "" }));

function fromFolder(list) {
  return [...list]
    .filter((file) => isPicture(file.name))
    .map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1).join("/") }));
}

async function fromDrop(items) {
  const entries = [...items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  for (const entry of entries) {
    if (entry instanceof File) found.push({ file: entry, folder: "" });
    else if (entry) await walk(entry, "", found, true);
  }
  return found;
}

async function walk(entry, folder, found, named) {
  if (entry.isFile) {
    if (!named && !isPicture(entry.name)) return;
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, folder ? `${folder}/${entry.name}` : entry.name, found, false);
  }
}

function waysIn() {
  const chosen = (id, how) =>
    $(id).addEventListener("change", () => {
      const found = how($(id).files);
      if (!found.length && $(id).files.length) announce("There is no picture in that folder");
      add(found);
      $(id).value = "";
    });
  $("files").accept += `,${PICTURES}`;
  chosen("files", plain);
  chosen("camera", plain);
  chosen("folder", fromFolder);
  let depth = 0;
  const over = (is) => $("drop").classList.toggle("over", is);
  document.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    over(true);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) {
      depth = 0;
      over(false);
    }
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    depth = 0;
    over(false);
    add(await fromDrop(event.dataTransfer.items));
  });
  document.addEventListener("paste", (event) => {
    const files = plain(event.clipboardData?.files ?? []);
    if (files.length) add(files);
  });
}

// --- before and after --------------------------------------------------------------------------------------

/** Two pictures over each other, at any zoom, in tiles: only what is seen is fetched, whatever their size. */
class Viewer {
  constructor() {
    this.scale = 1; // CSS pixels for a pixel of the result
    this.x = this.y = 0; // where its upper left corner is
    this.tiles = { before: new Map(), after: new Map() };
    this.pointers = new Map();
    this.dialog = $("viewer");
    this.stage = $("stage");
    const click = (id, act) => $(id).addEventListener("click", act);
    click("close", () => this.dialog.close());
    click("fit", () => this.fit());
    click("full", () => this.zoomTo(1 / devicePixelRatio));
    click("in", () => this.zoomTo(this.scale * 1.5));
    click("out", () => this.zoomTo(this.scale / 1.5));
    click("previous", () => this.step(-1));
    click("next", () => this.step(1));
    $("split").addEventListener("input", () => this.draw());
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
      this.stage.addEventListener(kind, (event) => this.pointer(kind, event));
    this.stage.addEventListener("dblclick", (event) =>
      this.fitted ? this.zoomTo(1 / devicePixelRatio, event.clientX, event.clientY) : this.fit(),
    );
    new ResizeObserver(() => this.views && (this.fitted ? this.fit() : this.draw())).observe(this.stage);
  }

  async open(row) {
    this.row = row;
    const { job } = row;
    this.views = null;
    this.clear();
    $("viewer-name").textContent = job.name;
    $("viewer-size").textContent = `${size(job.picture)} → ${size(job.result)}`;
    const lost = job.result.lost.length
      ? `not kept: ${job.result.lost.join(", ")}`
      : "everything in the file was kept";
    $("viewer-facts").textContent =
      `${bytes(job.result.bytes)} · ${lost} · network ${job.result.network} · ${took(job.result.seconds)}`;
    $("viewer-facts").title = job.command;
    $("viewer-save").href = `/v1/jobs/${job.id}/result`;
    const others = this.others();
    $("previous").hidden = $("next").hidden = others.length < 2;
    $("busy").hidden = false;
    $("busy").textContent = "Getting both pictures ready …";
    if (!this.dialog.open) {
      this.opener = document.activeElement;
      this.dialog.showModal();
    }
    $("split").focus({ preventScroll: true });
    try {
      const views = await ask("GET", `/v1/jobs/${job.id}/view`);
      if (this.row !== row) return;
      this.views = views;
      $("busy").hidden = true;
      this.fit();
    } catch (error) {
      $("busy").textContent = error.message;
    }
  }

  others() {
    return [...rows.values()].filter((row) => row.done);
  }

  step(by) {
    const all = this.others();
    this.open(all[(all.indexOf(this.row) + by + all.length) % all.length]);
  }

  closed() {
    this.views = null;
    this.clear();
    this.opener?.focus();
  }

  clear() {
    for (const side of ["before", "after"]) {
      this.tiles[side].clear();
      $(side).replaceChildren();
    }
  }

  fit() {
    if (!this.views) return;
    const { width, height } = this.views.after;
    const box = this.stage.getBoundingClientRect();
    // Small ones are not blown up beyond their pixels.
    this.scale = Math.min(box.width / width, box.height / height, Math.max(1, 4 / devicePixelRatio));
    this.x = (box.width - width * this.scale) / 2;
    this.y = (box.height - height * this.scale) / 2;
    this.fitted = true;
    this.draw();
  }

  zoomTo(scale, clientX, clientY) {
    if (!this.views) return;
    const box = this.stage.getBoundingClientRect();
    const px = clientX === undefined ? box.width / 2 : clientX - box.left;
    const py = clientY === undefined ? box.height / 2 : clientY - box.top;
    const { width, height } = this.views.after;
    const least = Math.min(1 / devicePixelRatio, box.width / width, box.height / height) / 2;
    const wanted = Math.min(Math.max(scale, least), 16);
    this.x = px - ((px - this.x) * wanted) / this.scale;
    this.y = py - ((py - this.y) * wanted) / this.scale;
    this.scale = wanted;
    this.fitted = false;
    this.draw();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.draw();
  }

  /** Keep some of the picture in sight: all of it where it is smaller than the stage. */
  hold(box) {
    const { width, height } = this.views.after;
    const held = (at, length, room) =>
      length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at));
    this.x = held(this.x, width * this.scale, box.width);
    this.y = held(this.y, height * this.scale, box.height);
  }

  splitAt(box) {
    return 22 + (Number($("split").value) / 100) * (box.width - 44);
  }

  draw() {
    const box = this.stage.getBoundingClientRect();
    this.stage.style.setProperty("--x", `${this.splitAt(box)}px`);
    if (!this.views) return;
    this.hold(box);
    $("zoom").textContent = `${Math.round(this.scale * devicePixelRatio * 100)} %`;
    for (const side of ["before", "after"]) this.lay(side, box);
  }

  lay(side, box) {
    const view = this.views[side];
    const whole = {
      width: this.views.after.width * this.scale,
      height: this.views.after.height * this.scale,
    };
    const across = whole.width / view.width,
      down = whole.height / view.height;
    const last = view.levels - 1;
    const wanted = last + Math.ceil(Math.log2(Math.min(1, across * devicePixelRatio)) - 0.001);
    const level = Math.max(0, Math.min(last, wanted));
    $(side).classList.toggle("sharp", this.scale * devicePixelRatio > 4);
    const needed = new Set();
    // The smallest level lies below as long as the tiles of a larger one are on their way.
    for (const one of level ? [0, level] : [0]) {
      const step = view.tile * 2 ** (last - one);
      const columns = Math.ceil(view.width / step),
        lines = Math.ceil(view.height / step);
      const range = (from, to, length, count) => [
        Math.max(0, Math.floor(from / length)),
        Math.min(count - 1, Math.floor(to / length)),
      ];
      const [left, right] = range(-this.x, box.width - this.x, step * across, columns);
      const [top, bottom] = range(-this.y, box.height - this.y, step * down, lines);
      for (let row = top; row <= bottom; row += 1) {
        for (let column = left; column <= right; column += 1) {
          const key = `${one}/${column}_${row}`;
          needed.add(key);
          let image = this.tiles[side].get(key);
          if (!image) {
            image = new Image();
            image.alt = "";
            image.draggable = false;
            image.src = `/v1/jobs/${this.row.job.id}/view/${side}/${key}.${view.kind}`;
            this.tiles[side].set(key, image);
            $(side).append(image);
          }
          const edge = (at, start, ratio, limit) => Math.round(start + Math.min(at * step, limit) * ratio);
          const x0 = edge(column, this.x, across, view.width),
            x1 = edge(column + 1, this.x, across, view.width);
          const y0 = edge(row, this.y, down, view.height),
            y1 = edge(row + 1, this.y, down, view.height);
          Object.assign(image.style, {
            left: `${x0}px`,
            top: `${y0}px`,
            width: `${x1 - x0}px`,
            height: `${y1 - y0}px`,
            zIndex: one,
          });
        }
      }
    }
    for (const [key, image] of this.tiles[side])
      if (!needed.has(key)) {
        image.remove();
        this.tiles[side].delete(key);
      }
  }

  key(event) {
    const far = 80;
    const pans = { ArrowLeft: [far, 0], ArrowRight: [-far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in pans && (event.shiftKey || event.target !== $("split"))) this.pan(...pans[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomTo(this.scale * 1.5);
    else if (event.key === "-") this.zoomTo(this.scale / 1.5);
    else if (event.key === "0") this.fit();
    else if (event.key === "1") this.zoomTo(1 / devicePixelRatio);
    else return;
    event.preventDefault();
  }

  wheel(event) {
    event.preventDefault();
    this.zoomTo(
      this.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)),
      event.clientX,
      event.clientY,
    );
  }

  pointer(kind, event) {
    const box = this.stage.getBoundingClientRect();
    const near =
      Math.abs(event.clientX - box.left - this.splitAt(box)) < (event.pointerType === "mouse" ? 10 : 22);
    if (kind === "pointerdown") {
      if (event.target === $("split") || event.button > 0) return;
      this.stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      this.splitting = this.pointers.size === 1 && near;
      this.stage.classList.add(this.splitting ? "splitting" : "dragging");
    } else if (kind === "pointermove") {
      this.stage.classList.toggle("near", near);
      this.moved(event, box);
    } else {
      this.pointers.delete(event.pointerId);
      this.stage.classList.remove("splitting", "dragging");
    }
  }

  moved(event, box) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (this.splitting) {
      $("split").value = ((event.clientX - box.left - 22) / (box.width - 44)) * 100;
      this.draw();
    } else if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      this.zoomTo(
        (this.scale * apart(event)) / apart(before),
        (event.clientX + other.clientX) / 2,
        (event.clientY + other.clientY) / 2,
      );
      this.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    } else {
      this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    }
  }
}

// --- begin -------------------------------------------------------------------------------------------------

let viewer;

async function begin() {
  const own = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  if (!own) $("where").textContent = `Your pictures go to ${location.hostname} and nowhere else`;
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    history.replaceState(null, "", "/");
    await tryToken(token);
  }
  viewer = new Viewer();
  waysIn();
  $("cancel-all").addEventListener("click", cancelAll);
  $("clear").addEventListener("click", clearList);
  known = await ask("GET", "/v1/networks");
  showSettings();
  const limits = await ask("GET", "/v1/limits");
  $("takes").textContent += ` up to ${Math.round(limits.pixels / 1e6)} megapixels`;
  const last = kept.get("keras-sr-batch", null);
  if (!last) return;
  try {
    const found = await ask("GET", `/v1/batches/${last}`);
    batch = found.id;
    found.jobs.forEach(take);
    listen();
  } catch {
    kept.set("keras-sr-batch", null);
  }
}

begin();
