// A look at a page for its own sake: whether it stands still, and its document with every link.

/** What is compared from one look to the next: the words without their numbers (clocks tick), and the links. */
function standing() {
  const text = pageText();
  const words = text.replace(/\d+/g, '0');
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words.charCodeAt(i), 0x01000193);
  const links = select(document, '[href], [src]').length;
  const acts = document.scripts.length > 0 || document.querySelector('meta[http-equiv=refresh i]');
  return { state: acts ? 'acts' : 'plain', note: `${hash} ${words.length} ${links}`, count: fold(text).length, names: challenges() };
}

/** A copy in a document without a window, with what open shadow trees hold as children of their hosts. */
function unfolded(node, into) {
  const copy = into.importNode(node, true);
  const all = (root) => (root.querySelectorAll ? [root, ...root.querySelectorAll('*')] : []);
  const there = all(copy);
  all(node).forEach((el, at) => {
    for (const child of el.shadowRoot?.childNodes || []) there[at].append(unfolded(child, into));
  });
  return copy;
}

/**
 * The document as it stands, as HTML. Nothing is taken out of it but long `data:` addresses: whoever looks for
 * links wants handlers, refreshes and `<base>` as they are.
 */
function whole(most) {
  const root = document.documentElement;
  if (!root) return '';
  const shadows = [...document.querySelectorAll('*')].some((el) => el.shadowRoot);
  const from = shadows ? unfolded(root, document.implementation.createHTMLDocument('')) : root;
  return from.outerHTML.replace(/data:[^"'\s>]{1000,}/g, 'data:,').slice(0, most);
}
