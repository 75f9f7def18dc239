// Reading a page for judging: what it says to whoever stands before it, and whether a bot check is on it.

/** Scripts of captchas and firewalls, by what only they contain; `judge/firewall.rs` has the same list. The first six stand before a whole site. */
const CHALLENGES = [
  ['jsl', /__jsl_clearance|\('j'\)\+\('s'\)\+\('l'\)/],
  ['acw', /acw_sc__v[23]/],
  ['ruishu', /\$_ts\s*[=.\[]/],
  ['cloudflare', /challenges\.cloudflare\.com|cdn-cgi\/challenge-platform|_cf_chl_/],
  ['aliyun-waf', /_waf_[0-9a-z]{6,}/],
  ['client-check', /window\.__chl\b/],
  ['tencent-captcha', /TCaptcha|TencentCaptcha/],
  ['geetest', /initGeetest|gt4?\.js|geetest/i],
  ['netease-captcha', /initNECaptcha|NECaptcha/],
  ['aliyun-captcha', /AliyunCaptcha|AWSC\.use|noCaptcha/],
  ['recaptcha', /recaptcha\/api\.js|hcaptcha\.com/],
];

/** A login form: one password, and hardly a field besides. Who registers gives it twice. */
function asksToLogIn() {
  const fields = select(document, 'input, select, textarea').filter((el) => !['hidden', 'submit', 'button', 'checkbox', 'radio', 'image', 'reset'].includes(el.type) && visible(el));
  const secret = fields.filter((el) => el.type === 'password');
  return secret.length === 1 && fields.filter((el) => el.form === secret[0].form).length <= 4;
}

/** Marks of bot checks, by the page's scripts, and of a login form. */
function challenges() {
  const scripts = [...document.scripts].slice(0, 200).map((s) => (s.src || s.textContent).slice(0, 20000));
  const found = CHALLENGES.filter(([, mark]) => scripts.some((text) => mark.test(text))).map(([called]) => called);
  if (asksToLogIn()) found.push('login-form');
  return found;
}

/** What is beside the matter: the foot of the page, its menus, entries of lists that are links to something else. */
function asides() {
  const marks = 'footer, nav, aside, [role=contentinfo], [role=navigation], [role=complementary]';
  const parts = select(document, marks).filter((el) => !el.closest('dialog, [role=dialog], [role=alertdialog]'));
  for (const li of select(document, 'li, td, dd')) {
    const link = li.querySelector('a[href]');
    if (link && fold(li.innerText) === fold(link.innerText)) parts.push(li);
  }
  return parts.filter(visible).slice(0, 500);
}

/** The page's text without what is beside the matter. */
function mainText() {
  let text = pageText();
  // What cannot be found again in the whole text stays in it.
  for (const el of asides()) {
    const part = (el.innerText || '').trim();
    if (part.length < 2) continue;
    const at = text.lastIndexOf(part);
    if (at >= 0) text = `${text.slice(0, at)}\n${text.slice(at + part.length)}`;
  }
  return text;
}

/** The box of the smallest element that says a phrase, as far as it is on the screen. */
function whereSaid(phrase) {
  const parts = phrase.split('…').map((part) => fold(part).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).filter(Boolean);
  if (!parts.length || !document.body) return null;
  const wanted = new RegExp(parts.join('[^。；;！!？?]{0,20}?'), 'i');
  let el = document.body;
  if (!wanted.test(fold(el.innerText))) return null;
  for (;;) {
    const inner = [...(el.shadowRoot || el).children].find((child) => visible(child) && wanted.test(fold(child.innerText)));
    if (!inner) break;
    el = inner;
  }
  const box = el.getBoundingClientRect();
  const left = Math.max(0, box.left);
  const top = Math.max(0, box.top);
  const width = Math.min(innerWidth, box.right) - left;
  const height = Math.min(innerHeight, box.bottom) - top;
  if (width < 1 || height < 1) return null;
  return { x: Math.round(left), y: Math.round(top), width: Math.round(width), height: Math.round(height) };
}
