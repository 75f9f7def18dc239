// Whether the document is at rest, known before anybody asks: a frame was begun and painted after the
// last change, nothing changed in it, and nothing moves by itself. A page that moves by script changes
// with every frame. Asking anew for every click would cost two frames each time.
//
// What it cannot see (style sheets changed by script, other shadow trees) is caught by `shopperAim`.
globalThis.shopperRest = (() => {
  const watched = document;
  let changed = 0;
  let calm = false;
  let armed = false;
  /** Whether the next scrolling is ours: it is over at once. */
  let ours = false;
  const arm = () => {
    if (armed) return;
    armed = true;
    requestAnimationFrame((begun) => {
      armed = false;
      ours = false;
      calm = changed < begun;
      if (!calm) arm();
    });
  };
  const note = () => {
    changed = performance.now();
    calm = false;
    arm();
  };
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };
  const observer = new MutationObserver(note);
  observer.observe(watched, everything);
  for (const kind of ['load', 'error', 'transitionrun', 'animationstart', 'toggle', 'slotchange']) {
    addEventListener(kind, (event) => { if (event.target !== watched) note(); }, { capture: true, passive: true });
  }
  addEventListener('scroll', () => { if (!ours) note(); }, { capture: true, passive: true });
  addEventListener('resize', note);
  note();
  return {
    /** We have scrolled; what follows it (a bar that shrinks) comes with the next frame. */
    scrolled() {
      note();
      ours = true;
    },
    is() {
      // The observer may have been told and not have said so yet.
      if (observer.takeRecords().length) note();
      return calm && watched === document && !document.hidden
        && !document.getAnimations().some((one) => one.playState === 'running' || one.pending);
    },
  };
})();

// Where a press is meant to go, and what it sets off. Between the look at an element and the press on it a
// page may move; a press that reaches something else is kept from the page and made again. Whether the
// document is being left is known here before the browser tells of it. Listens before the page does.
globalThis.shopperAim = (() => {
  let aim = null;
  let leaves = false;
  let sent = null;
  const judge = (event) => {
    if (!aim || !event.isTrusted) return;
    // The first event of a press decides; what it does to the page is no reason to stop the others.
    if (event.type === 'pointerdown') aim.hit ??= aim.reaches(event.composedPath()[0]);
    if (event.type === 'pointerup') turns().then(aim.over);
    if (aim.hit !== false) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const press = ['pointerdown', 'mousedown', 'touchstart', 'pointerup', 'mouseup', 'touchend', 'click', 'auxclick'];
  for (const kind of press) addEventListener(kind, judge, { capture: true, passive: false });
  addEventListener('submit', (event) => { sent = event; }, { capture: true });
  globalThis.navigation?.addEventListener('navigate', (event) => {
    if (!event.destination.sameDocument) leaves = true;
  });
  /** What was set off by script has begun in the first task, what the browser does itself (a form) in the second. */
  const turns = () => new Promise((go) => { setTimeout(() => setTimeout(go, 0), 0); });
  const report = () => {
    const missed = aim?.hit === false;
    const left = leaves || Boolean(sent && !sent.defaultPrevented);
    const done = aim?.done?.();
    [aim, leaves, sent] = [null, false, null];
    return missed ? 'missed' : left ? 'leaves' : done ? 'done' : 'stays';
  };
  return {
    at(reaches, done) {
      [aim, leaves, sent] = [{ reaches, done }, false, null];
      aim.end = new Promise((go) => { aim.over = go; });
    },
    /** What became of the press, when it is over; nothing when it does not come soon. */
    async over() {
      if (!aim) return null;
      const soon = new Promise((go) => { setTimeout(() => go(false), 100); });
      const came = await Promise.race([aim.end.then(() => true), soon]);
      return came ? report() : null;
    },
    /** What became of an action that is over. */
    async after() {
      await turns();
      return report();
    },
  };
})();
