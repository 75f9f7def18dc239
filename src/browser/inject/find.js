// Finding elements: every kind of locator, chains, alternatives. Runs in a sandbox of the page,
// so that a page that redefines its own prototypes changes nothing here.

const fold = (text) => (text || '').replace(/[\s\u00a0\u200b\u3000]+/g, ' ').trim();

/** Compares a text as a locator says. */
function fits(match, text) {
  const have = fold(text);
  if (match.op === 'regex') return new RegExp(match.value, 'u').test(have);
  const want = fold(match.value);
  if (match.op === 'exact') return have === want;
  const a = have.toLowerCase();
  const b = want.toLowerCase();
  if (match.op === 'prefix') return a.startsWith(b);
  if (match.op === 'suffix') return a.endsWith(b);
  return a.includes(b);
}

const parentOf = (el) => el.assignedSlot || el.parentElement || (el.getRootNode() instanceof ShadowRoot ? el.getRootNode().host : null);

/** The scope itself and every open shadow root below it. */
function roots(scope) {
  const found = [scope];
  for (let i = 0; i < found.length; i++) {
    const at = found[i];
    if (at.shadowRoot && !found.includes(at.shadowRoot)) found.push(at.shadowRoot);
    for (const el of at.querySelectorAll('*')) if (el.shadowRoot) found.push(el.shadowRoot);
  }
  return found;
}

const select = (scope, css) => roots(scope).flatMap((root) => [...root.querySelectorAll(css)]);

/** Whether a person could see it: rendered, not `visibility: hidden`, with an area. */
function visible(el) {
  if (el.localName === 'option' || el.localName === 'optgroup') {
    const list = el.closest('select');
    if (list) return visible(list);
  }
  if (!el.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })) {
    if (getComputedStyle(el).display !== 'contents') return false;
    return [...el.childNodes].some((node) =>
      node.nodeType === 1 ? visible(node) : node.nodeType === 3 && textBox(node));
  }
  const box = el.getBoundingClientRect();
  if (box.width > 0 && box.height > 0) return true;
  if (getComputedStyle(el).display === 'contents' || box.width > 0 || box.height > 0) {
    return [...el.children].some(visible);
  }
  return false;
}

function textBox(node) {
  const range = document.createRange();
  range.selectNode(node);
  const box = range.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
}

/** Whether assistive technology is told to leave it out. */
function silent(el) {
  for (let at = el; at; at = parentOf(at)) {
    if (at.getAttribute('aria-hidden') === 'true') return true;
  }
  if (el.localName === 'option') return false;
  return !el.checkVisibility({ visibilityProperty: true }) && getComputedStyle(el).display !== 'contents';
}

const INPUT_ROLES = {
  button: 'button', submit: 'button', reset: 'button', image: 'button', file: 'button',
  checkbox: 'checkbox', radio: 'radio', range: 'slider', number: 'spinbutton', hidden: null,
};
const ROLES = {
  article: 'article', aside: 'complementary', blockquote: 'blockquote', button: 'button',
  caption: 'caption', code: 'code', datalist: 'listbox', dd: 'definition', del: 'deletion',
  details: 'group', dfn: 'term', dialog: 'dialog', dt: 'term', em: 'emphasis', fieldset: 'group',
  figure: 'figure', form: 'form', h1: 'heading', h2: 'heading', h3: 'heading', h4: 'heading',
  h5: 'heading', h6: 'heading', hr: 'separator', html: 'document', ins: 'insertion', li: 'listitem',
  main: 'main', math: 'math', menu: 'list', meter: 'meter', nav: 'navigation', ol: 'list',
  optgroup: 'group', option: 'option', output: 'status', p: 'paragraph', progress: 'progressbar',
  search: 'search', strong: 'strong', sub: 'subscript', sup: 'superscript', svg: 'img',
  table: 'table', tbody: 'rowgroup', textarea: 'textbox', tfoot: 'rowgroup', thead: 'rowgroup',
  time: 'time', tr: 'row', ul: 'list',
};
const SECTIONING = 'article, aside, main, nav, section, [role=article], [role=complementary], [role=main], [role=navigation], [role=region]';

/** The ARIA role: the author's, or the one that HTML gives the element. */
function role(el) {
  const own = (el.getAttribute('role') || '').trim().toLowerCase().split(/\s+/)[0];
  if (own) return own;
  const tag = el.localName;
  switch (tag) {
    case 'a':
    case 'area':
      return el.hasAttribute('href') ? 'link' : null;
    case 'input': {
      const type = (el.getAttribute('type') || 'text').toLowerCase();
      if (type in INPUT_ROLES) return INPUT_ROLES[type];
      const listed = el.hasAttribute('list') && ['text', 'search', 'email', 'tel', 'url'].includes(type);
      if (listed) return 'combobox';
      return type === 'search' ? 'searchbox' : 'textbox';
    }
    case 'select':
      return el.multiple || el.size > 1 ? 'listbox' : 'combobox';
    case 'img':
      return el.getAttribute('alt') === '' && !el.title && !el.hasAttribute('aria-label') ? 'presentation' : 'img';
    case 'header':
      return el.closest(SECTIONING) ? null : 'banner';
    case 'footer':
      return el.closest(SECTIONING) ? null : 'contentinfo';
    case 'section':
      return el.hasAttribute('aria-label') || el.hasAttribute('aria-labelledby') || el.title ? 'region' : null;
    case 'td': {
      const table = el.closest('table');
      return table && ['grid', 'treegrid'].includes(table.getAttribute('role')) ? 'gridcell' : 'cell';
    }
    case 'th':
      if (el.scope === 'row' || el.scope === 'rowgroup') return 'rowheader';
      return el.scope || el.closest('thead') || !el.nextElementSibling || el.parentElement?.querySelector('td') === null ? 'columnheader' : 'rowheader';
    default:
      return ROLES[tag] || null;
  }
}

const NAMED_BY_CONTENT = new Set(['button', 'cell', 'checkbox', 'columnheader', 'gridcell', 'heading', 'link', 'menuitem',
  'menuitemcheckbox', 'menuitemradio', 'option', 'radio', 'row', 'rowheader', 'switch', 'tab', 'tooltip', 'treeitem']);

/** The accessible name, after the W3C's computation (accname 1.2), without generated content. */
function name(el) {
  return fold(nameOf(el, { seen: new Set(), referenced: false, inside: false }));
}

function byIds(el, attribute) {
  const root = el.getRootNode();
  return (el.getAttribute(attribute) || '').split(/\s+/).filter(Boolean)
    .map((id) => (root.getElementById ? root.getElementById(id) : null)).filter(Boolean);
}

function nameOf(el, how) {
  if (how.seen.has(el)) return '';
  how.seen.add(el);
  if (!how.referenced && how.inside && silent(el)) return '';
  if (!how.referenced) {
    const refs = byIds(el, 'aria-labelledby');
    if (refs.length) {
      return refs.map((ref) => nameOf(ref, { seen: new Set([el]), referenced: true, inside: false })).join(' ');
    }
  }
  const what = role(el);
  if (how.inside) {
    // A control inside a label speaks with its value.
    if (what === 'textbox' || what === 'searchbox') return el.value ?? el.textContent;
    if (el.localName === 'select') return [...el.selectedOptions].map((o) => o.textContent).join(' ');
    if (what === 'slider' || what === 'spinbutton') return el.getAttribute('aria-valuetext') || el.value || '';
  }
  const label = el.getAttribute('aria-label');
  if (label && label.trim()) return label;
  const native = nativeName(el, how);
  if (native) return native;
  if (NAMED_BY_CONTENT.has(what) || how.referenced || how.inside) {
    const text = contentName(el, how);
    if (text.trim()) return text;
  }
  return el.getAttribute('title') || el.getAttribute('placeholder') || '';
}

function nativeName(el, how) {
  const tag = el.localName;
  const type = tag === 'input' ? el.type : '';
  if (['button', 'submit', 'reset'].includes(type)) {
    return el.value || { submit: 'Submit', reset: 'Reset' }[type] || '';
  }
  if (type === 'image' || tag === 'img' || tag === 'area') {
    return el.getAttribute('alt') || '';
  }
  if (el.labels && el.labels.length) {
    return [...el.labels].map((l) => labelText(l, el, how)).join(' ');
  }
  const child = { fieldset: 'legend', figure: 'figcaption', table: 'caption', svg: 'title' }[tag];
  if (child) {
    const first = [...el.children].find((c) => c.localName === child);
    return first ? first.textContent : '';
  }
  return '';
}

function labelText(label, control, how) {
  const seen = how ? new Set(how.seen) : new Set();
  seen.add(control);
  return contentName(label, { seen, referenced: false, inside: true });
}

function contentName(el, how) {
  let text = '';
  const nodes = el.shadowRoot ? el.shadowRoot.childNodes
    : el.localName === 'slot' && el.assignedNodes().length ? el.assignedNodes() : el.childNodes;
  for (const node of nodes) {
    if (node.nodeType === 3) text += node.data;
    if (node.nodeType !== 1 || ['script', 'style', 'noscript'].includes(node.localName)) continue;
    const inner = nameOf(node, { seen: how.seen, referenced: false, inside: true });
    const inline = getComputedStyle(node).display.startsWith('inline') || node.localName === 'br';
    text += inline && node.localName !== 'br' ? inner : ` ${inner} `;
  }
  return text;
}

function stateOf(el, what) {
  switch (what) {
    case 'checked':
      if (el.localName === 'input') return el.indeterminate ? 'mixed' : String(el.checked);
      return el.getAttribute('aria-checked') || 'false';
    case 'disabled':
      return String(disabled(el));
    case 'selected':
      return el.localName === 'option' ? String(el.selected) : el.getAttribute('aria-selected') || 'false';
    case 'expanded':
      if (el.localName === 'details') return String(el.open);
      if (el.localName === 'summary') return String(Boolean(el.parentElement?.open));
      return el.getAttribute('aria-expanded') || 'false';
    case 'level':
      return el.getAttribute('aria-level') || (/^h[1-6]$/.test(el.localName) ? el.localName[1] : '');
    default:
      return el.getAttribute(`aria-${what}`) || 'false';
  }
}

function disabled(el) {
  if (el.matches(':disabled')) return true;
  for (let at = el; at; at = parentOf(at)) if (at.getAttribute('aria-disabled') === 'true') return true;
  return false;
}

const UNREADABLE = new Set(['script', 'style', 'noscript', 'template', 'head', 'title', 'meta', 'link']);

/** The innermost elements whose text fits. */
function byText(scope, match) {
  const texts = new Map();
  const textOf = (el) => {
    if (texts.has(el)) return texts.get(el);
    let text = '';
    if (el.localName === 'input' && ['button', 'submit', 'reset'].includes(el.type)) text = el.value;
    else {
      for (const node of [...el.childNodes, ...(el.shadowRoot ? el.shadowRoot.childNodes : [])]) {
        if (node.nodeType === 3) text += node.data;
        else if (node.nodeType === 1 && !UNREADABLE.has(node.localName)) {
          text += node.localName === 'br' ? '\n' : textOf(node);
        }
      }
    }
    texts.set(el, text);
    return text;
  };
  const out = [];
  const contains = match.op === 'contains';
  const walk = (el) => {
    if (UNREADABLE.has(el.localName)) return false;
    const own = fits(match, textOf(el));
    if (contains && !own) return false;
    let inner = false;
    for (const child of [...el.children, ...(el.shadowRoot ? el.shadowRoot.children : [])]) {
      if (walk(child)) inner = true;
    }
    if (own && !inner) out.push(el);
    return own || inner;
  };
  const start = scope.nodeType === 9 ? [scope.documentElement]
    : [...scope.children, ...(scope.shadowRoot ? scope.shadowRoot.children : [])];
  start.forEach((el) => el && walk(el));
  if (scope.nodeType === 1 && !out.length && fits(match, textOf(scope))) out.push(scope);
  return out.filter((el) => el.localName !== 'html' && el.localName !== 'body' || out.length === 1);
}

function byLabel(scope, match) {
  const css = 'input, select, textarea, button, meter, output, progress, [aria-label], [aria-labelledby]';
  return select(scope, css).filter((el) => {
    if (el.localName === 'input' && el.type === 'hidden') return false;
    const aria = el.getAttribute('aria-label');
    if (aria && fits(match, aria)) return true;
    const refs = byIds(el, 'aria-labelledby');
    if (refs.length && fits(match, refs.map((ref) => ref.textContent).join(' '))) return true;
    return [...(el.labels || [])].some((label) => fits(match, labelText(label, el)) || fits(match, label.textContent));
  });
}

function byXPath(scope, path) {
  const result = document.evaluate(path, scope, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
  const out = [];
  for (let i = 0; i < result.snapshotLength; i++) {
    const node = result.snapshotItem(i);
    if (node.nodeType === 1) out.push(node);
  }
  return out;
}

function follow(link, scope) {
  switch (link.by) {
    case 'role':
      return select(scope, '*').filter((el) => role(el) === link.role
        && Object.entries(link.states).every(([what, want]) => stateOf(el, what) === want)
        && !silent(el) && (!link.name || fits(link.name, name(el))));
    case 'text': return byText(scope, link.text);
    case 'label': return byLabel(scope, link.text);
    case 'placeholder': return select(scope, '[placeholder]').filter((el) => fits(link.text, el.getAttribute('placeholder')));
    case 'alt': return select(scope, '[alt]').filter((el) => fits(link.text, el.getAttribute('alt')));
    case 'title': return select(scope, '[title]').filter((el) => fits(link.text, el.getAttribute('title')));
    case 'testid': return select(scope, '[data-testid]').filter((el) => el.getAttribute('data-testid') === link.text);
    case 'css': return select(scope, link.text);
    case 'xpath': return byXPath(scope, link.text);
    default: throw new Error(`unknown locator ${link.by}`);
  }
}

/** All elements that a chain means. */
function chain(links) {
  let scopes = [document];
  for (const link of links) {
    if (link.by === 'nth') {
      const at = link.n < 0 ? scopes.length + link.n : link.n;
      scopes = scopes[at] && scopes[at] !== document ? [scopes[at]] : [];
    } else if (scopes.length === 1) {
      scopes = [...new Set(follow(link, scopes[0]))];
    } else {
      const found = [...new Set(scopes.flatMap((scope) => follow(link, scope)))];
      found.sort((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
      scopes = found;
    }
    if (!scopes.length) return [];
  }
  return scopes;
}

/** `<button id=go class="a b">提交</button>`, shortened. */
function describe(el) {
  const cut = (text, n) => (text.length > n ? `${text.slice(0, n)}…` : text);
  let out = `<${el.localName}`;
  for (const key of ['id', 'class', 'name', 'type', 'href']) {
    const value = el.getAttribute(key);
    if (value) out += ` ${key}="${cut(value, 40)}"`;
  }
  const text = cut(fold(el.innerText ?? el.textContent), 40);
  return `${out}>${text}`;
}

/**
 * The elements of the first alternative that fits. One that can be seen is preferred to one that
 * is only there; among seen ones the unseen do not count.
 */
function pick(alternatives) {
  let there = null;
  for (const links of alternatives) {
    const all = chain(links);
    const seen = all.filter(visible);
    if (seen.length) return { seen: true, all: seen };
    if (all.length && !there) there = all;
  }
  return { seen: false, all: there || [] };
}

const many = (all) => ({ state: 'many', count: all.length, elements: all.slice(0, 10).map(describe) });
