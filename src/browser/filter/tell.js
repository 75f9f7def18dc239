// Remembers what the filter refused until it is asked. Rules behind the first STOPS allow.
const told = [];
chrome.declarativeNetRequest.onRuleMatchedDebug.addListener(({ request, rule }) => {
  if (rule.ruleId <= STOPS && told.length < 1000) told.push({ method: request.method, url: request.url.slice(0, 2000) });
});
globalThis.take = () => JSON.stringify(told.splice(0));
