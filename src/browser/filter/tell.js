// Takes the rules of a journey, and remembers what the filter refused until it is asked.
// Rules of the extension itself all stop something; those of a journey may allow.
const told = [];
const net = chrome.declarativeNetRequest;
const stopping = new Set();
net.onRuleMatchedDebug.addListener(({ request, rule }) => {
  const stops = rule.rulesetId === 'guard' || stopping.has(rule.ruleId);
  if (stops && told.length < 1000) told.push({ method: request.method, url: request.url.slice(0, 2000) });
});
globalThis.take = () => JSON.stringify(told.splice(0));
globalThis.obey = async (rules) => {
  const before = await net.getSessionRules();
  await net.updateSessionRules({ removeRuleIds: before.map((rule) => rule.id), addRules: rules });
  stopping.clear();
  for (const rule of rules) if (rule.action.type !== 'allow') stopping.add(rule.id);
};
