// What the scripts `bench-*` share: arguments, the demo's portal, measuring whole trees of processes,
// numbers, tables between markers.
"use strict";
const { spawn, execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const crypto = require("node:crypto");

const root = path.dirname(path.dirname(__dirname));
process.chdir(root);
const target = path.resolve(process.env.CARGO_TARGET_DIR || "target");
const home = path.join(root, "target", "bench");
const chromium = process.env.CHROMIUM || "/usr/bin/chromium";
const PLAYWRIGHT = "1.65.1";
const MARK = "SHOPPER_BENCH_ROUND";
const script = path.basename(process.argv[1]);
const say = (text) => console.error(`${script}: ${text}`);
const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** Reads `--name value` pairs over what is given; every name has a default. */
function options(defaults) {
  const found = { write: "", ...defaults };
  for (let i = 2; i < process.argv.length; i += 2) {
    const name = process.argv[i].replace(/^--/, "");
    if (!(name in found) || i + 1 >= process.argv.length) {
      console.error(`${script}: unknown or incomplete argument ${process.argv[i]}; the head of this script lists them`);
      process.exit(2);
    }
    found[name] = typeof found[name] === "number" ? Number(process.argv[i + 1]) : process.argv[i + 1];
  }
  return found;
}

/** Runs a script's main function; a fault ends it with its words and code 2, a missed limit with 1. */
function run(main) {
  main().then((code) => { process.exitCode = code ?? 0; }, (error) => {
    say(error.message);
    process.exit(2);
  });
}

// ---- the browser --------------------------------------------------------------------------------

// What both sides add to what they themselves give the browser.
const flags = [
  "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-back-forward-cache", "--disable-extensions",
  ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
];

/** What we have found out about switches, for sides that are given it. Chromium obeys only the last
 * list, so those of Playwright's that matter here go in too. */
function switches() {
  const off = fs.readFileSync("src/browser/session.rs", "utf8").match(/const OFF[^=]*= \[([^\]]*)\]/);
  if (!off) throw new Error("src/browser/session.rs has no list OFF any more; script/lib/bench.js reads it");
  return `--disable-features=PaintHolding,ThirdPartyStoragePartitioning,LensOverlay,${off[1].match(/\w+/g).join(",")}`;
}

/** A package of npm below target/bench; answers where it is. */
function npm(name, version, folder = home) {
  const place = path.join(folder, "node_modules", name);
  let there = "";
  try { there = JSON.parse(fs.readFileSync(path.join(place, "package.json"), "utf8")).version; } catch { /* not yet */ }
  if (there !== version) {
    say(`installing ${name} ${version}`);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "package.json"), '{ "private": true }');
    const env = { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: "1" };
    execFileSync("npm", ["install", "--no-fund", "--no-audit", "--prefix", folder, `${name}@${version}`], { env, stdio: ["ignore", "ignore", "inherit"] });
  }
  return place;
}
const playwright = () => npm("playwright-core", PLAYWRIGHT);

// ---- our programs -------------------------------------------------------------------------------

function shopper() {
  const file = process.env.SHOPPER || path.join(target, "release", "shopper");
  if (!fs.existsSync(file)) throw new Error(`there is no ${file}; build it with: cargo build --release --locked`);
  return file;
}

/** A bench program, `benches/browser` unless another is named; built unless a variable names it:
 * $SHOPPER_BENCH, $SHOPPER_BENCH_LINKSITE. */
function program(bench = "browser") {
  const named = process.env[bench === "browser" ? "SHOPPER_BENCH" : `SHOPPER_BENCH_${bench.toUpperCase()}`];
  if (named) return named;
  say(`building benches/${bench}`);
  const args = ["bench", "--bench", bench, "--no-run", "--locked", "--message-format", "json"];
  const out = String(execFileSync("cargo", args, { stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 }));
  for (const line of out.split("\n").reverse()) {
    if (line.includes('"executable"') && JSON.parse(line).target?.name === bench) return JSON.parse(line).executable;
  }
  throw new Error(`cargo built no program for the bench \`${bench}\``);
}

/** Starts the demo's portal; answers its address and how to end it. */
async function portal() {
  const child = spawn(shopper(), ["demo", "portal", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"] });
  const stop = () => child.kill("SIGTERM");
  process.on("exit", stop);
  const url = await said(child, /http:\/\/127\.0\.0\.1:\d+\//, "the demo's portal");
  return { url: url[0], stop };
}

/** Waits until a program has written something that fits. */
function said(child, what, name, seconds = 20) {
  return new Promise((resolve, reject) => {
    let text = "";
    const look = (data) => {
      text += data;
      const found = text.match(what);
      if (found) resolve(found);
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${name} ended with ${code}: ${text.slice(-2000)}`)));
    setTimeout(() => reject(new Error(`${name} did not say ${what} within ${seconds} s: ${text.slice(-2000)}`)), seconds * 1000).unref();
  });
}

// ---- measuring ----------------------------------------------------------------------------------

const tick = 1000 / Number(execFileSync("getconf", ["CLK_TCK"]));
const roles = ["client", "driver", "browser", "drawing", "pages"];
const pids = () => fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);

/** What /proc says of a process: its parent, its group, its start and its CPU time in ms. */
function stat(pid) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { pid, parent: Number(fields[1]), group: Number(fields[2]), key: `${pid}.${fields[19]}`, cpu: (Number(fields[11]) + Number(fields[12])) * tick };
  } catch {
    return null; // It ended meanwhile.
  }
}

/** What a process does in the browser's house: the client, the driver, or a kind of browser process. */
function roleOf(pid) {
  let words = [""];
  try { words = fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").split(/[\0 ]+/); } catch { /* It ended meanwhile. */ }
  if (!words[0]) return "";
  const name = path.basename(words[0]);
  if (name === "shopper" || name === "node") return "client";
  if (name === "chromedriver") return "driver";
  const type = words.find((word) => word.startsWith("--type="));
  if (type) return { "--type=renderer": "pages", "--type=gpu-process": "drawing" }[type] || "browser";
  return name.startsWith("chrom") ? "browser" : "client";
}

/** The share of memory that is a process's own (PSS) in MiB, or what of it is mapped from files
 * (`Pss_File`); 0 when it ended. */
function pss(pid, which = "Pss") {
  try {
    const found = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "latin1").match(new RegExp(`^${which}:\\s+(\\d+)`, "m"));
    return found ? Number(found[1]) / 1024 : 0;
  } catch {
    return 0;
  }
}

/** Every process below one, itself included. */
function below(pid) {
  const all = pids().map(stat).filter(Boolean);
  const found = new Set([pid]);
  for (let grew = true; grew;) {
    grew = false;
    for (const one of all) {
      if (!found.has(one.pid) && found.has(one.parent)) {
        found.add(one.pid);
        grew = true;
      }
    }
  }
  return [...found];
}

/** Follows every process that belongs to a round, by its parents and by a mark in its environment. */
class Meter {
  constructor(pid, mark) {
    this.mark = `${MARK}=${mark}`;
    this.members = new Set([pid]);
    this.strangers = new Set();
    this.cpu = new Map();
    this.roles = new Map();
    this.timer = setInterval(() => this.look(), 40);
  }

  look() {
    const all = pids().map(stat).filter(Boolean);
    for (let grew = true; grew;) {
      grew = false;
      for (const one of all) {
        if (!this.members.has(one.pid) && this.members.has(one.parent)) {
          this.members.add(one.pid);
          grew = true;
        }
      }
    }
    for (const one of all) {
      // Processes that left their parents are known by the mark; the others are asked only once.
      if (!this.members.has(one.pid) && !this.strangers.has(one.key)) {
        let environment = "";
        try { environment = fs.readFileSync(`/proc/${one.pid}/environ`, "latin1"); } catch { /* gone, or not ours */ }
        if (environment.includes(this.mark)) this.members.add(one.pid);
        else this.strangers.add(one.key);
      }
      if (!this.members.has(one.pid)) continue;
      this.cpu.set(one.key, one.cpu);
      // A child is its parent's copy until it has become what it is.
      const known = this.roles.get(one.key);
      if (!known || known.looks < 5) this.roles.set(one.key, { role: roleOf(one.pid) || known?.role || "client", looks: (known?.looks || 0) + 1 });
    }
  }

  stop() {
    this.look();
    clearInterval(this.timer);
    const sums = {};
    for (const [key, ms] of this.cpu) {
      const { role } = this.roles.get(key);
      sums[role] = (sums[role] || 0) + ms;
    }
    return { total: [...this.cpu.values()].reduce((sum, ms) => sum + ms, 0), roles: sums };
  }
}

/** Runs a program to its end; answers what it printed, its wall time, and the CPU time of all its
 * processes unless `meter` is off. */
function measured(command, args, { meter = true, input, good = [0], env = {}, cwd = root, limit = 600 } = {}) {
  return new Promise((resolve, reject) => {
    const mark = crypto.randomUUID();
    const began = performance.now();
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env, [MARK]: mark }, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGTERM"), limit * 1000);
    const counting = meter ? new Meter(child.pid, mark) : null;
    let [out, err, wall] = ["", "", 0];
    if (input !== undefined) child.stdin.end(input);
    child.stdout.on("data", (data) => { out += data; });
    child.stderr.on("data", (data) => { err += data; });
    child.on("error", (error) => { counting?.stop(); reject(error); });
    child.on("exit", () => { wall = performance.now() - began; counting?.look(); });
    child.on("close", (code) => {
      clearTimeout(timer);
      const cpu = counting?.stop();
      if (good.includes(code)) resolve({ out, err, wall, cpu, code });
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${err.slice(-3000)}\n${out.slice(0, 3000)}`));
    });
  });
}

// ---- numbers and tables -------------------------------------------------------------------------

const at = (values, share) => {
  const all = [...values].sort((a, b) => a - b);
  const place = (all.length - 1) * share;
  const low = all[Math.floor(place)];
  return low + (all[Math.ceil(place)] - low) * (place - Math.floor(place));
};
const median = (values) => at(values, 0.5);
const seconds = (ms) => (ms / 1000).toFixed(2);
/** "median (p90)" in seconds, in milliseconds. */
const inSeconds = (values) => `${seconds(median(values))} s (${seconds(at(values, 0.9))})`;
const inMs = (values) => `${median(values).toFixed(1)} ms (${at(values, 0.9).toFixed(1)})`;

/** Whether limits were held; `code` is the exit code. */
class Limits {
  constructor() { this.code = 0; }

  atMost(value, limit) { return this.judge(value <= limit); }

  atLeast(value, limit) { return this.judge(value >= limit); }

  judge(held) {
    if (!held) this.code = 1;
    return held ? "held" : "**missed**";
  }
}

/** The line above a table: when, where, with which programs. A busy machine makes preliminary figures. */
function headline(what, programs) {
  const cores = os.cpus().length;
  const busy = others > 0.1 ? "**Preliminary, on a machine that others were using.** " : "";
  return `${busy}${new Date().toISOString().slice(0, 10)}: ${what}; ${cores} cores, ${Math.round(others * 100)} % of them in use by others before; ${programs.join("; ")}.`;
}

const version = (program) => String(execFileSync(program, ["--version"], { stdio: ["ignore", "pipe", "ignore"] })).trim();

/** The same for walks: the browser, ours, and whatever else. */
function head(what, ...more) {
  return headline(what, [version(chromium).split(" ").slice(0, 2).join(" "), version(shopper()), ...more]);
}

/** The part of all cores that is in use during two seconds. The load average still has in it what was measured before. */
function inUse() {
  const read = () => fs.readFileSync("/proc/stat", "utf8").split("\n")[0].trim().split(/\s+/).slice(1, 9).map(Number);
  const before = read();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
  const spent = read().map((ticks, at) => ticks - before[at]);
  const idle = spent[3] + spent[4];
  return 1 - idle / spent.reduce((total, ticks) => total + ticks, 0);
}
const others = inUse();

/** Prints a text and puts it between the markers `name` of a file when one is given. */
function publish(file, name, text) {
  console.log(text);
  if (!file) return;
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const old = fs.readFileSync(file, "utf8");
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no ${begin} … ${end}`);
  fs.writeFileSync(file, `${old.slice(0, from + begin.length)}\n${text}\n${old.slice(to)}`);
}

module.exports = {
  PLAYWRIGHT, Limits, at, below, chromium, flags, head, headline, home, inMs, inSeconds, measured, median, npm, options, pids, playwright,
  portal, program, pss, publish, roles, root, run, said, say, seconds, shopper, stat, switches, version, wait,
};
