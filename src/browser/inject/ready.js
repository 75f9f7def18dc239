// Actionability: attached, visible, stable for two frames, enabled, receives events.

/** The next animation frame, or a quarter of a second where none is painted. */
const frame = () => new Promise((go) => {
  let timer = setTimeout(go, 250);
  requestAnimationFrame(() => { clearTimeout(timer); go(); });
});

const same = (a, b) => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;

/** Whether an element will stay where it is, as far as the page's own stillness tells. */
const rests = (el) => el.getRootNode() === document && Boolean(globalThis.shopperRest?.is()) && !el.closest('marquee');

/** Stays where it is: the page has been at rest, or two frames have shown it there. */
async function stable(el, doubt) {
  if (!doubt && rests(el)) return true;
  let last = el.getBoundingClientRect();
  for (let quiet = 0, looks = 0; quiet < 2; looks++) {
    if (looks > 6) return false;
    await frame();
    if (!el.isConnected) return false;
    const box = el.getBoundingClientRect();
    quiet = same(last, box) ? quiet + 1 : 0;
    if (quiet && !doubt && rests(el)) return true;
    last = box;
  }
  return true;
}

/** The middle of the first box of the element that lies in the window. */
function middle(el) {
  const boxes = [...el.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
  if (!boxes.length) {
    for (const child of el.children) {
      const point = middle(child);
      if (point) return point;
    }
    return null;
  }
  for (const box of boxes) {
    const left = Math.max(0, box.left);
    const right = Math.min(innerWidth, box.right);
    const top = Math.max(0, box.top);
    const bottom = Math.min(innerHeight, box.bottom);
    if (right - left >= 1 && bottom - top >= 1) {
      return { x: (left + right) / 2, y: (top + bottom) / 2 };
    }
  }
  return null;
}

function inView(el) {
  const box = el.getBoundingClientRect();
  return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
}

/** Brings it into view; further tries use other edges, away from bars that stay in place. */
function bring(el, turn) {
  if (turn === 0 && inView(el)) return;
  const block = ['center', 'end', 'start', 'nearest'][turn % 4];
  el.scrollIntoView({ block, inline: 'nearest', behavior: 'instant' });
  globalThis.shopperRest?.scrolled();
}

function hit(x, y) {
  let at = document.elementFromPoint(x, y);
  while (at && at.shadowRoot) {
    const inner = at.shadowRoot.elementFromPoint(x, y);
    if (!inner || inner === at) break;
    at = inner;
  }
  return at;
}

/** Whether an event at the point reaches the element: itself, inside it, or by its label. */
function reaches(el, at) {
  for (let node = at; node; node = parentOf(node)) {
    if (node === el) return true;
    if (node.localName === 'label' && node.control && (node.control === el || el.contains(node.control))) return true;
  }
  return el.localName === 'label' && el.control === at;
}

/**
 * Looks for a point that can be clicked. `guarded`: a press there that would miss is caught, so that a
 * page that was at rest need not show first what our own scrolling does to it.
 */
async function point(el, turn, { mustBeEnabled = true, doubt = turn > 0, guarded = false } = {}) {
  if (mustBeEnabled && disabled(el)) return { state: 'disabled', note: describe(el) };
  const still = guarded && !doubt && rests(el);
  bring(el, turn);
  if (!still && !await stable(el, doubt)) return el.isConnected ? { state: 'moving', note: describe(el) } : { state: 'none' };
  let last = null;
  for (let more = 0; more < 2; more++) {
    const spot = middle(el);
    if (!spot) last = { state: 'outside', note: describe(el) };
    else {
      const at = hit(spot.x, spot.y);
      if (at && reaches(el, at)) return { state: 'ok', x: spot.x, y: spot.y, about: describe(el) };
      last = { state: 'covered', note: at ? describe(at) : 'nothing' };
    }
    bring(el, turn + more + 1);
    await frame();
  }
  return last;
}

/** A point to press; the press is kept from whatever else lies there by then. `done` says whether it did what it was for. */
async function press(el, turn, doubt, done) {
  // The browser knows where a frame lies from the last picture of the page: a press could go into one that has scrolled on.
  const guarded = Boolean(globalThis.shopperAim) && window.length === 0;
  const found = await point(el, turn, { doubt: doubt || turn > 0, guarded });
  if (found.state === 'ok') globalThis.shopperAim?.at((target) => reaches(el, target), done);
  return found;
}

/** The one element that an action means, or why there is none. */
function one(alternatives, hiddenToo = false) {
  const { seen, all } = pick(alternatives);
  if (!all.length) return { fault: { state: 'none' } };
  if (all.length > 1) {
    if (seen || hiddenToo) return { fault: many(all) };
    return { fault: { state: 'hidden', note: `${all.length} elements, none of them visible` } };
  }
  if (!seen && !hiddenToo) return { fault: { state: 'hidden', note: describe(all[0]) }, el: all[0] };
  return { el: all[0] };
}
