// Whether the document is at rest, known before anybody asks: two frames were painted since the last
// change, and nothing moves by itself. Asking anew for every click would cost two frames each time.
//
// What it cannot see (style sheets changed by script, other shadow trees) is caught by `shopperAim`.
globalThis.shopperRest = (() => {
  let quiet = 0;
  let armed = false;
  const watched = document;
  const arm = () => {
    if (armed) return;
    armed = true;
    requestAnimationFrame(() => {
      armed = false;
      quiet += 1;
      if (quiet < 2) arm();
    });
  };
  /** Something changed: frames count anew from here. */
  const note = () => {
    quiet = 0;
    arm();
  };
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };
  const observer = new MutationObserver(note);
  observer.observe(watched, everything);
  const moves = ['scroll', 'load', 'error', 'transitionrun', 'animationstart', 'toggle', 'slotchange'];
  const happened = (event) => { if (event.target !== watched || event.type === 'scroll') note(); };
  for (const kind of moves) addEventListener(kind, happened, { capture: true, passive: true });
  addEventListener('resize', note);
  note();
  return {
    note,
    is() {
      // The observer may have been told and not have said so yet.
      if (observer.takeRecords().length) note();
      return quiet >= 2 && watched === document && !document.hidden
        && !document.getAnimations().some((one) => one.playState === 'running' || one.pending);
    },
  };
})();

// Where a press is meant to go. Between the look at an element and the press on it a page may move; a
// press that reaches something else is kept from the page and made again. Listens before the page does.
globalThis.shopperAim = (() => {
  let aim = null;
  const judge = (event) => {
    if (!aim || !event.isTrusted) return;
    // The first event of a press decides; what it does to the page is no reason to stop the others.
    if (event.type === 'pointerdown') aim.hit ??= aim.reaches(event.composedPath()[0]);
    if (aim.hit !== false) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const press = ['pointerdown', 'mousedown', 'touchstart', 'pointerup', 'mouseup', 'touchend', 'click', 'auxclick'];
  for (const kind of press) addEventListener(kind, judge, { capture: true, passive: false });
  return {
    at(reaches) { aim = { reaches }; },
    /** Whether the press missed. */
    missed() {
      const missed = aim?.hit === false;
      aim = null;
      return missed;
    },
  };
})();
