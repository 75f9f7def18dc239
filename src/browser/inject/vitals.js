// How the page loads, by its own clock. Observers are set up when the document begins, because what
// they tell is gone soon after; `shopperVitals()` says what they have seen until now.
globalThis.shopperVitals = (() => {
  const seen = { lcp: null, cls: 0, burst: 0, first: 0, last: 0, long: [], longMs: 0, longs: 0 };
  const take = {
    'largest-contentful-paint': (entry) => { seen.lcp = entry.renderTime || entry.loadTime || entry.startTime; },
    // A burst of shifts ends after a second of rest, and after five at the latest (web.dev/cls).
    'layout-shift': (entry) => {
      if (entry.hadRecentInput) return;
      const on = seen.burst && entry.startTime - seen.last < 1000 && entry.startTime - seen.first < 5000;
      if (!on) { seen.burst = 0; seen.first = entry.startTime; }
      seen.burst += entry.value;
      seen.last = entry.startTime;
      seen.cls = Math.max(seen.cls, seen.burst);
    },
    longtask: (entry) => {
      seen.longs += 1;
      seen.longMs += entry.duration;
      if (seen.long.length < 100) seen.long.push([entry.startTime, entry.duration]);
    },
  };
  const observers = [];
  for (const type of Object.keys(take)) {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) continue;
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(take[type]));
    observer.observe({ type, buffered: true });
    observers.push([type, observer]);
  }
  return () => {
    for (const [type, observer] of observers) observer.takeRecords().forEach(take[type]);
    const has = (type) => observers.some(([name]) => name === type);
    const [load] = performance.getEntriesByType('navigation');
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const time = (ms) => (ms > 0 ? Math.round(ms * 10) / 10 : undefined);
    return {
      origin: performance.timeOrigin,
      now: performance.now(),
      ttfb_ms: time(load?.responseStart),
      interactive_ms: time(load?.domInteractive),
      content_loaded_ms: time(load?.domContentLoadedEventEnd),
      load_ms: time(load?.loadEventEnd),
      fcp_ms: time(paint?.startTime),
      lcp_ms: time(seen.lcp),
      cls: has('layout-shift') ? Math.round(seen.cls * 10000) / 10000 : undefined,
      long_tasks: seen.longs,
      long_task_ms: has('longtask') ? Math.round(seen.longMs) : undefined,
      long: seen.long,
    };
  };
})();
