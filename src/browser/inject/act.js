// What one call does: looks for the element and acts on it, or says what is in the way.

const tell = (target, kind, make) => target.dispatchEvent(make || new Event(kind, { bubbles: true, composed: true }));

const TEXTLESS = ['button', 'submit', 'reset', 'image', 'checkbox', 'radio', 'file', 'hidden'];

/** The field that a locator means when it hits a label or a wrapper around one field. */
function fieldOf(el) {
  const usable = (f) => f.localName === 'textarea' || f.isContentEditable
    || (f.localName === 'input' && !TEXTLESS.includes(f.type));
  if (usable(el)) return el;
  if (el.localName === 'label' && el.control && usable(el.control)) return el.control;
  const inner = select(el, 'input, textarea, [contenteditable]').filter((f) => usable(f) && visible(f));
  return inner.length === 1 ? inner[0] : null;
}

function editable(found) {
  const field = fieldOf(found);
  if (!field) return { fault: { state: 'no field', note: describe(found) } };
  if (disabled(field)) return { fault: { state: 'disabled', note: describe(field) } };
  if (field.readOnly || field.getAttribute('aria-readonly') === 'true') {
    return { fault: { state: 'read-only', note: describe(field) } };
  }
  return { field };
}

function setValue(field, value) {
  const kind = field.localName === 'textarea' ? HTMLTextAreaElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(field, value);
}

/** A task of the page's own event loop, at once: a timer would wait longer each time. */
const task = () => new Promise((go) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { port1.close(); go(); };
  port2.postMessage(0);
});

const DO = {
  /** A point to click. */
  async point({ locator, turn, doubt }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    const found = await press(el, turn, doubt);
    // What a citizen would press: the control around a word, by its name.
    found.text = name(el.closest('button, a, input, summary, [role=button], [role=link]') || el);
    return found;
  },

  async hover({ locator, turn }) {
    const { el, fault } = one(locator);
    return fault || point(el, turn, { mustBeEnabled: false });
  },

  fill({ locator, value }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    const { field, fault: wrong } = editable(el);
    if (wrong) return wrong;
    if (!inView(field)) bring(field, 0);
    field.focus();
    if (field.isContentEditable) {
      document.getSelection().selectAllChildren(field);
      document.execCommand(value ? 'insertText' : 'delete', false, value);
    } else {
      setValue(field, value);
      tell(field, 'input', new InputEvent('input', { bubbles: true, composed: true, inputType: 'insertText', data: value }));
      tell(field, 'change');
      const same = (text) => text.replace(/\r\n?/g, '\n');
      if (value && !field.value && same(field.value) !== same(value)) {
        return { state: 'not taken', note: describe(field) };
      }
    }
    return { state: 'ok' };
  },

  /** Fills one field after the other until one cannot be filled yet; says how many were. */
  async fills({ fields }) {
    let count = 0;
    for (const field of fields) {
      // What the page does about one is done before the next.
      if (count) await task();
      if (DO.fill(field).state !== 'ok') break;
      count += 1;
    }
    return { state: 'ok', count };
  },

  focus({ locator }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    const { field, fault: wrong } = editable(el);
    if (wrong) return wrong;
    if (!inView(field)) bring(field, 0);
    field.focus();
    try { field.setSelectionRange(field.value.length, field.value.length); } catch { /* number and date fields have no caret */ }
    return { state: 'ok' };
  },

  choose({ locator, option }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    const list = el.localName === 'select' ? el : el.localName === 'label' ? el.control : select(el, 'select')[0];
    if (!list || list.localName !== 'select') return { state: 'no field', note: describe(el) };
    if (disabled(list)) return { state: 'disabled', note: describe(list) };
    const all = [...list.options];
    const want = fold(option);
    const found = all.find((o) => fold(o.label) === want) || all.find((o) => fold(o.textContent) === want)
      || all.find((o) => o.value === option);
    if (!found) return { state: 'no option', note: all.slice(0, 10).map((o) => fold(o.label)).join(', ') };
    if (found.disabled) return { state: 'disabled', note: describe(found) };
    list.focus();
    if (!found.selected) {
      if (!list.multiple) list.value = found.value;
      found.selected = true;
      tell(list, 'input');
      tell(list, 'change');
    }
    return { state: 'ok' };
  },

  /** A point at which a checkbox, radio button or switch changes, unless it is right already. */
  async check({ locator, want, turn }) {
    const { el: found, fault } = one(locator);
    if (!found) return fault;
    let box = found.localName === 'label' && found.control ? found.control : found;
    const kind = role(box);
    if (!['checkbox', 'radio', 'switch', 'menuitemcheckbox', 'menuitemradio'].includes(kind)) {
      const inner = select(found, 'input[type=checkbox], input[type=radio], [role=checkbox], [role=switch], [role=radio]');
      if (inner.length !== 1) return { state: 'no field', note: describe(found) };
      box = inner[0];
    }
    const right = () => box.isConnected && (stateOf(box, 'checked') === 'true') === want;
    if (right()) return { state: 'already' };
    if (visible(box)) {
      const at = await press(box, turn, false, right);
      if (at.state !== 'covered' && at.state !== 'outside') return at;
    }
    const label = [...(box.labels || [])].find(visible);
    if (!label) return fault || { state: 'hidden', note: describe(box) };
    if (disabled(box)) return { state: 'disabled', note: describe(box) };
    return press(label, turn, false, right);
  },

  scroll({ locator }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    el.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
    return { state: 'ok' };
  },

  read({ locator, attribute }) {
    const { el, fault } = one(locator, Boolean(attribute));
    if (fault) return fault;
    if (attribute) {
      if (!el.hasAttribute(attribute)) return { state: 'no attribute', note: describe(el) };
      return { state: 'ok', text: el.getAttribute(attribute).slice(0, 10000) };
    }
    const field = ['input', 'textarea', 'select'].includes(el.localName);
    return { state: 'ok', text: (field ? el.value : fold(el.innerText)).slice(0, 10000) };
  },

  /** The file field, hidden or not, also when a button or label in front of it is named. */
  file({ locator }) {
    const { el, fault } = one(locator, true);
    if (!el) return fault;
    const is = (f) => f && f.localName === 'input' && f.type === 'file';
    let field = is(el) ? el : el.localName === 'label' && is(el.control) ? el.control : null;
    if (!field) {
      const inner = select(el, 'input[type=file]');
      const near = inner.length ? inner : [...(el.parentElement?.querySelectorAll('input[type=file]') || [])];
      if (near.length === 1) field = near[0];
    }
    if (!field) return { state: 'no field', note: describe(el) };
    if (disabled(field)) return { state: 'disabled', note: describe(field) };
    return [{ state: 'ok' }, field];
  },

  /** The window of an `<iframe>`. */
  frame({ locator }) {
    const { el, fault } = one(locator, true);
    if (!el) return fault;
    const inside = ['iframe', 'frame'].includes(el.localName) ? el : select(el, 'iframe, frame')[0];
    if (!inside || !inside.contentWindow) return { state: 'no frame', note: describe(el) };
    return [{ state: 'ok' }, inside.contentWindow];
  },

  visible({ locator }) {
    const { el, fault } = one(locator);
    return fault || { state: 'ok', text: describe(el) };
  },

  /** Any visible element of any alternative: for signs, which are not strict. */
  shown({ locator }) {
    const { seen, all } = pick(locator);
    if (seen) return { state: 'ok', text: fold(all[0].innerText ?? all[0].textContent).slice(0, 200) };
    return { state: all.length ? 'hidden' : 'none' };
  },

  hidden({ locator }) {
    const { seen, all } = pick(locator);
    return seen ? { state: 'visible', note: describe(all[0]) } : { state: 'ok' };
  },

  count({ locator, count }) {
    const all = locator.map(chain).find((found) => found.length) || [];
    return all.length === count ? { state: 'ok' } : { state: 'count', note: String(all.length) };
  },

  value({ locator, match }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    const field = 'value' in el ? el : fieldOf(el) || el;
    const have = field.localName === 'select' ? [field.value, ...[...field.selectedOptions].map((o) => o.label)]
      : [field.isContentEditable ? field.innerText : field.value ?? ''];
    if (have.some((text) => fits(match, text))) return { state: 'ok' };
    return { state: 'value', note: have[0].slice(0, 100) };
  },

  enabled({ locator }) {
    const { el, fault } = one(locator);
    if (fault) return fault;
    return disabled(el) ? { state: 'disabled', note: describe(el) } : { state: 'ok' };
  },

  /** Whether the visible text (of an element) fits. */
  text({ locator, match, absent }) {
    let text;
    if (locator) {
      const { el, fault } = one(locator);
      if (fault) return absent && ['none', 'hidden'].includes(fault.state) ? { state: 'ok' } : fault;
      text = el.innerText ?? el.textContent;
    } else text = pageText();
    const found = textFits(match, text);
    if (found !== Boolean(absent)) return { state: 'ok' };
    return { state: absent ? 'text' : 'no text', note: fold(text).slice(0, 80) };
  },

  title({ match }) {
    return fits(match, document.title) ? { state: 'ok' } : { state: 'title', note: document.title.slice(0, 200) };
  },

  url({ match }) {
    return fits(match, location.href) ? { state: 'ok' } : { state: 'url', note: location.href.slice(0, 500) };
  },

  page() {
    return { state: 'ok', ...about() };
  },

  /** What is judged by: the text without what is beside the matter, and marks of bot checks. */
  read_main() {
    return { state: 'ok', text: mainText().slice(0, 200000), names: challenges() };
  },

  said({ phrase }) {
    const area = whereSaid(phrase);
    return { state: area ? 'ok' : 'none', area };
  },

  tree() {
    return { state: 'ok', text: outline() };
  },

  dom() {
    return { state: 'ok', text: inert().slice(0, 3000000) };
  },

  read_page() {
    return { state: 'ok', text: pageText().slice(0, 200000) };
  },

  /** The whole text, and marks of bot checks. */
  read_all() {
    return { state: 'ok', text: pageText().slice(0, 200000), names: challenges() };
  },

  standing() {
    return standing();
  },

  whole({ most }) {
    return { state: 'ok', text: whole(most) };
  },

  veil,
  gate,

  /** Names of the fields of the forms that lead to an address: names only, never values. */
  fields({ url }) {
    const names = [...document.forms].filter((form) => form.action.split('?')[0] === url)
      .flatMap((form) => [...form.elements].map((el) => el.name).filter(Boolean));
    return { state: 'ok', names: [...new Set(names)].slice(0, 100) };
  },
};

/** What a page says of itself. */
function about() {
  return { url: location.href.slice(0, 2000), title: document.title.slice(0, 500), vitals: globalThis.shopperVitals?.() };
}

/** A page's text counts in whole, not from its first to its last letter. */
function textFits(match, text) {
  if (match.op === 'exact') {
    const want = fold(match.value);
    return fold(text) === want || text.split('\n').some((line) => fold(line) === want);
  }
  return fits(match, text);
}

/** What a person can read: rendered text, open shadow trees, words on buttons. */
function pageText() {
  if (!document.body) return '';
  const parts = [document.body.innerText];
  for (const root of roots(document).slice(1)) {
    for (const child of root.children || []) {
      if (!UNREADABLE.has(child.localName) && visible(child)) parts.push(child.innerText ?? '');
    }
  }
  for (const el of select(document, 'input[type=submit], input[type=button], input[type=reset]')) {
    if (el.value && visible(el)) parts.push(el.value);
  }
  return parts.join('\n');
}

const ask = JSON.parse(request);
let said;
try {
  said = await DO[ask.do](ask);
} catch (error) {
  if (!(error instanceof DOMException || error instanceof SyntaxError)) throw error;
  said = { state: 'bad', note: String(error.message).slice(0, 300) };
}
return Array.isArray(said) ? [JSON.stringify(said[0]), ...said.slice(1)] : JSON.stringify(said);
