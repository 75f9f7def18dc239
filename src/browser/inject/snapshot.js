// The page as it stands: what assistive technology is told of it, and its document.

const MOST_LINES = 3000;

/** Roles, names and states, a line each, indented by depth: "- button "提交申请" [disabled]". */
function outline(started = performance.now()) {
  const lines = [];
  const walk = (node, depth) => {
    if (lines.length >= MOST_LINES || performance.now() - started > 1000) return;
    if (node.nodeType === Node.TEXT_NODE) {
      const text = fold(node.data);
      if (text) lines.push(`${'  '.repeat(depth)}- text: ${text.slice(0, 300)}`);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || UNREADABLE.has(node.localName)) return;
    if (node.getAttribute('aria-hidden') === 'true') return;
    const style = getComputedStyle(node);
    if (style.display === 'none' || style.visibility === 'hidden') return;
    const kind = role(node);
    let inner = depth;
    let leaf = false;
    if (kind && kind !== 'generic' && kind !== 'presentation' && kind !== 'none') {
      const called = name(node).slice(0, 200);
      const states = ['checked', 'expanded', 'selected', 'pressed'].map((s) => [s, stateOf(node, s)])
        .filter(([, value]) => value && value !== 'false').map(([s, value]) => (value === 'true' ? s : `${s}=${value}`));
      if (disabled(node)) states.push('disabled');
      if (node.required || node.getAttribute('aria-required') === 'true') states.push('required');
      if (node.getAttribute('aria-invalid') === 'true') states.push('invalid');
      const said = called ? ` ${JSON.stringify(called)}` : '';
      lines.push(`${'  '.repeat(depth)}- ${kind}${said}${states.map((s) => ` [${s}]`).join('')}`);
      inner = depth + 1;
      // What these hold is their name, which has just been said; what stands in a field is masked elsewhere.
      leaf = ['button', 'link', 'checkbox', 'radio', 'option', 'textbox', 'searchbox', 'img', 'heading', 'tab', 'menuitem'].includes(kind);
    }
    if (leaf || depth > 60) return;
    for (const child of (node.shadowRoot || node).childNodes) walk(child, inner);
  };
  if (document.body) walk(document.body, 0);
  return lines.join('\n');
}

/**
 * The document as text that can do nothing: copied into a document without a window, so that no
 * script of the page notices, without scripts, handlers and refreshes, and with a policy that loads
 * nothing from anywhere.
 */
function inert() {
  const empty = document.implementation.createHTMLDocument('');
  const copy = empty.importNode(document.documentElement, true);
  for (const el of [...copy.querySelectorAll('script, noscript, object, embed, meta[http-equiv], base, link[rel~=preload], link[rel~=modulepreload]')]) el.remove();
  for (const el of [copy, ...copy.querySelectorAll('*')]) {
    for (const { name: key, value } of [...el.attributes]) {
      if (key.startsWith('on') || key === 'srcdoc' || /^\s*javascript:/i.test(value)) el.removeAttribute(key);
    }
  }
  const head = copy.querySelector('head') || copy.insertBefore(empty.createElement('head'), copy.firstChild);
  const policy = empty.createElement('meta');
  policy.setAttribute('http-equiv', 'Content-Security-Policy');
  policy.setAttribute('content', "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'");
  const charset = empty.createElement('meta');
  charset.setAttribute('charset', 'utf-8');
  head.prepend(charset, policy);
  return `<!DOCTYPE html>\n${copy.outerHTML}`;
}
