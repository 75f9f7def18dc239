// What must not be seen on a picture: filled fields, and text that can be somebody's. Nothing of the
// page is changed; ranges and rectangles leave no trace that its scripts could see.

const VEIL = { nodes: 20000, text: 400000, ms: 60, boxes: 2000 };
const UNTYPED = ['button', 'submit', 'reset', 'image', 'checkbox', 'radio', 'file', 'hidden', 'range', 'color'];
const INLINE = new Set(['a', 'abbr', 'b', 'bdi', 'bdo', 'code', 'em', 'font', 'i', 'label', 'mark', 'small', 'span', 'strong', 'sub', 'sup', 'u']);
/** What stands between letters and counts for nothing. The same as in `domain/masks.rs`. */
const BETWEEN = /[\s\u0000-\u001f\u007f-\u009f\u0085\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u2010-\u2015\u2212-]+/g;
/** Enough digits for a number of somebody, or a sign of a mail address. The caller knows which are. */
const SUSPECT = /[0-9０-９](?:[ \u00a0\u3000\u2010-\u2015\u2212－-]?[0-9０-９]){10,}(?:[ \u00a0\u3000－-]?[xXｘＸ])?|[\w.%+-]+[@＠][\w.-]+/g;

const narrow = (text) => text.replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0));
const bare = (text) => narrow(text).replace(BETWEEN, '').toLowerCase();

const box = (r) => [r.left, r.top, r.width, r.height];

/** Whether a field holds what somebody put there, other than words that are public. */
function holds(el, values, open) {
  if (el.localName === 'select') {
    const chosen = [...el.options];
    if (el.multiple) return chosen.some((o) => o.selected !== o.defaultSelected);
    const usual = Math.max(chosen.findLastIndex((o) => o.defaultSelected), 0);
    return el.selectedIndex >= 0 && el.selectedIndex !== usual;
  }
  if (el.localName === 'input' && UNTYPED.includes(el.type)) return false;
  const text = 'value' in el ? el.value : el.textContent;
  const plain = bare(text || '');
  return Boolean(text) && (plain.length < 2 || values.includes(plain) || !open.some((known) => known.includes(plain)));
}

/** Text nodes one behind the other, with where each begins. Blocks are kept apart. */
function textsOf(started) {
  const nodes = [];
  let all = '';
  for (const root of roots(document)) {
    const top = root.nodeType === 9 ? root.body : root;
    if (!top) continue;
    const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(), last = null; node; node = walker.nextNode()) {
      const parent = node.parentNode;
      if (!node.data || UNREADABLE.has(parent.localName)) continue;
      if (nodes.length >= VEIL.nodes || all.length > VEIL.text
        || (nodes.length % 500 === 0 && performance.now() - started > VEIL.ms)) return { nodes, all, partial: true };
      // <b>张</b>三 is one word; <td>张</td><td>三</td> are two.
      const joined = last && (parent === last.parentNode
        ? (!node.previousElementSibling || INLINE.has(node.previousElementSibling.localName))
        : INLINE.has(parent.localName) || INLINE.has(last.parentNode.localName));
      if (nodes.length && !joined) all += '\n';
      nodes.push({ node, at: all.length });
      all += node.data;
      last = node;
    }
  }
  return { nodes, all, partial: false };
}

/** Where values stand in a text, as pairs of its places. */
function valuesIn(text, values) {
  const plain = bare(text);
  const hit = values.filter((value) => plain.includes(value));
  if (!hit.length) return [];
  const back = [];
  let folded = '';
  for (let i = 0; i < text.length; i++) {
    const c = bare(text[i]);
    for (let n = 0; n < c.length; n++) back.push(i);
    folded += c;
  }
  const word = (c) => c !== undefined && /[0-9a-z]/i.test(c);
  const found = [];
  for (const value of hit) {
    const ascii = /^[\x00-\x7f]*$/.test(value);
    for (let at = folded.indexOf(value); at >= 0; at = folded.indexOf(value, at + 1)) {
      const from = back[at];
      const to = back[at + value.length - 1] + 1;
      if (!ascii || (!word(text[from - 1]) && !word(text[to]))) found.push([from, to]);
      if (found.length > VEIL.boxes) return found;
    }
  }
  return found;
}

/** The boxes of a part of the text, as far as it can be seen. */
function boxesOf(nodes, from, to) {
  const out = [];
  let low = 0;
  for (let high = nodes.length; low < high;) {
    const middle = (low + high) >> 1;
    if (nodes[middle].at + nodes[middle].node.data.length <= from) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < nodes.length && nodes[i].at < to; i++) {
    const { node, at } = nodes[i];
    const range = document.createRange();
    range.setStart(node, Math.max(0, from - at));
    range.setEnd(node, Math.min(node.data.length, to - at));
    const parent = node.parentElement || node.parentNode.host;
    if (!parent || !parent.checkVisibility({ visibilityProperty: true })) continue;
    for (const rect of range.getClientRects()) if (rect.width > 0 && rect.height > 0) out.push(box(rect));
  }
  return out;
}

/**
 * The boxes that are to be painted over, in pixels of CSS from the window's upper left corner. What
 * only looks like a number of somebody comes with its text, for the caller to judge.
 */
function veil({ values, open, facts }) {
  const started = performance.now();
  const boxes = [];
  const suspects = [];
  for (const el of select(document, 'input, textarea, select, [contenteditable]')) {
    if (el.hasAttribute('contenteditable') && !el.isContentEditable) continue;
    if (holds(el, values, open)) {
      if (visible(el)) boxes.push(box(el.getBoundingClientRect()));
      continue;
    }
    const words = (el.localName === 'input' && ['button', 'submit', 'reset'].includes(el.type) ? el.value : '') || el.placeholder || '';
    const suspect = words.match(SUSPECT);
    if (words && visible(el) && (suspect || valuesIn(words, values).length)) {
      if (suspect) suspects.push({ text: words, boxes: [box(el.getBoundingClientRect())] });
      else boxes.push(box(el.getBoundingClientRect()));
    }
  }
  const { nodes, all, partial } = textsOf(started);
  for (const [from, to] of valuesIn(all, values)) boxes.push(...boxesOf(nodes, from, to));
  const suspect = (text, offset) => {
    for (const hit of text.matchAll(SUSPECT)) {
      if (suspects.length >= VEIL.boxes) return;
      const found = boxesOf(nodes, offset + hit.index, offset + hit.index + hit[0].length);
      if (found.length) suspects.push({ text: hit[0], boxes: found });
    }
  };
  suspect(all, 0);
  // Two numbers beside each other look like one.
  for (const { node, at } of nodes) if (node.data.length >= 11 && /\d{11}/.test(node.data)) suspect(node.data, at);
  const frames = [];
  const windows = [];
  for (const el of select(document, 'iframe, frame')) {
    if (!el.contentWindow || !visible(el)) continue;
    const outer = el.getBoundingClientRect();
    const style = getComputedStyle(el);
    const x = outer.width / (el.offsetWidth || outer.width);
    const y = outer.height / (el.offsetHeight || outer.height);
    frames.push({
      outer: box(outer),
      left: outer.left + (el.clientLeft + parseFloat(style.paddingLeft)) * x,
      top: outer.top + (el.clientTop + parseFloat(style.paddingTop)) * y,
      x,
      y,
    });
    windows.push(el.contentWindow);
    if (windows.length >= 30) break;
  }
  const view = window.visualViewport;
  const text = JSON.stringify({
    boxes: boxes.slice(0, VEIL.boxes),
    suspects,
    frames,
    partial: partial || boxes.length > VEIL.boxes || suspects.length >= VEIL.boxes,
    // A page that a phone shows smaller than it is comes at its own size on the picture.
    scale: devicePixelRatio,
    left: view.offsetLeft,
    top: view.offsetTop,
    scroll_x: scrollX,
    scroll_y: scrollY,
  });
  return [{ ...(facts ? about() : {}), state: 'ok', text }, ...windows];
}
