// Since when the document is quiet, in milliseconds: nothing in it was changed, scrolled or resized.
globalThis.shopperQuiet = (() => {
  let last = performance.now();
  const changed = () => { last = performance.now(); };
  new MutationObserver(changed)
    .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  for (const event of ['scroll', 'resize', 'load', 'toggle', 'fullscreenchange']) {
    addEventListener(event, changed, { capture: true, passive: true });
  }
  return () => performance.now() - last;
})();
