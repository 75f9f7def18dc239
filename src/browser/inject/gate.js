// What stands at the submit gate: the button, and what the page itself says about the fields of its
// form. Labels and words of the page only, never values. Nothing is validated anew: `checkValidity()`
// would send events that the page hears; `validity` only reads.

const HOLDERS = 'input:not([type=hidden], [type=submit], [type=button], [type=reset], [type=image]), select, textarea, '
  + '[contenteditable=""], [contenteditable=true], [aria-required], [aria-invalid]';
const A_FILE = /[^\s/\\]+\.(?:pdf|jpe?g|png|bmp|gif|tiff?|docx?|xlsx?|pptx?|wps|et|ofd|zip|rar|7z)(?![a-z0-9])/i;
const A_SAMPLE = /模板|样表|样本|示例|示范文本|空白表|下载|支持|格式|template|sample|example|download|format/i;

const PRESSED = 'button, input[type=submit], input[type=button], input[type=image], [role=button]';
const FOLLOWED = 'a, [role=link]';

/** The form of a button: its owner, or the nearest ancestor with fields, or the page. */
function formOf(button) {
  if (button.form) return button.form;
  for (let at = parentOf(button); at; at = parentOf(at)) {
    if (at.localName === 'form' || select(at, HOLDERS).length) return at;
  }
  return document;
}

function fieldsOf(form) {
  const all = select(form, HOLDERS);
  if (form.localName === 'form') {
    const owned = [...form.elements].filter((el) => el.matches(HOLDERS));
    const foreign = (el) => 'form' in el && el.form && el.form !== form;
    return [...new Set([...all.filter((el) => !foreign(el)), ...owned])];
  }
  return all;
}

/** What people call a field. */
function labelOf(el) {
  const legend = el.type === 'radio' ? el.closest('fieldset, [role=radiogroup]') : null;
  const text = (legend && name(legend)) || name(el) || fold(el.closest('td, li, p, div')?.previousElementSibling?.innerText)
    || el.name || el.id || el.localName;
  return text.replace(/[\s*＊:：]+$/, '').slice(0, 60);
}

/** The page's own words about a field that it does not accept; what was typed is taken out. */
function complaint(el) {
  const refs = [...byIds(el, 'aria-errormessage'), ...byIds(el, 'aria-describedby')].filter(visible);
  const said = fold(refs.map((ref) => ref.innerText).join(' ')) || el.validationMessage || '';
  const value = 'value' in el ? String(el.value) : '';
  return (value ? said.split(value).join('███') : said).slice(0, 120);
}

/** Whether HTML's own constraints say anything about a field. */
const constrained = (el) => el.willValidate && (el.required || el.validity.customError || el.hasAttribute('pattern')
  || el.hasAttribute('minlength') || el.hasAttribute('min') || el.hasAttribute('max')
  || ['email', 'url', 'number', 'date', 'time', 'datetime-local', 'month', 'week'].includes(el.type));

/** Whether the page lists a file beside a file field that is empty again: how most portals upload. */
function listed(field, form) {
  let around = null;
  for (let at = parentOf(field), up = 0; at && at !== form && up < 5; at = parentOf(at), up++) {
    if (select(at, 'input[type=file]').length > 1) break;
    around = at;
  }
  if (!around) return false;
  return select(around, '*').some((el) => {
    if (el.children.length || !A_FILE.test(el.textContent) || !visible(el)) return false;
    return !A_SAMPLE.test(el.textContent) && !A_SAMPLE.test(el.closest('a')?.innerText || '') && !el.closest('label, [hidden], .error, [role=alert]');
  });
}

async function gate({ locators, turn }) {
  const meant = locators.map((locator) => pick(locator).all).filter((all) => all.length === 1).map((all) => all[0]);
  const nearest = (css) => meant.map((el) => el.closest(css)).find(Boolean);
  const button = nearest(PRESSED) || nearest(FOLLOWED);
  if (!button) return { state: 'none' };
  const form = formOf(button);
  const lax = Boolean(form.noValidate || button.formNoValidate);
  const at = await point(button, turn);
  const found = { button: name(button).slice(0, 60), enabled: at.state === 'ok', obstacle: '', required: 0, validated: 0, open: 0, invalid: [], pledges: [], materials: 0, missing: [] };
  if (at.state !== 'ok') found.obstacle = at.state;
  const groups = new Set();
  const refuse = (el) => {
    const words = complaint(el);
    found.invalid.push(words ? `${labelOf(el)}: ${words}` : labelOf(el));
  };
  for (const el of fieldsOf(form)) {
    if (el === button || disabled(el)) continue;
    const group = el.type === 'radio' && el.name ? `radio ${el.name}` : '';
    if (group && groups.has(group)) continue;
    if (group) groups.add(group);
    const native = 'validity' in el && 'willValidate' in el;
    const needed = Boolean(el.required || el.getAttribute('aria-required') === 'true'
      || (group && select(form, 'input[type=radio]').some((other) => other.name === el.name && other.required)));
    const doubted = !['', 'false', null].includes(el.getAttribute('aria-invalid'));
    if (needed) found.required++;
    if (el.type === 'file') {
      const holds = el.files.length > 0 || listed(el, form);
      if (holds) found.materials++;
      else if (needed) found.missing.push(labelOf(el));
      if (native && constrained(el) || doubted) found.validated++;
      if (holds && (doubted || el.validity.customError)) refuse(el);
      continue;
    }
    const empty = group ? !select(form, 'input[type=radio]').some((other) => other.name === el.name && other.checked)
      : ['checkbox', 'radio'].includes(el.type) ? !el.checked
        : native ? !el.value : ['checkbox', 'radio', 'switch'].includes(role(el)) ? stateOf(el, 'checked') !== 'true' : false;
    if (empty && visible(el)) found.open++;
    if (needed && empty && role(el) === 'checkbox' && !doubted) {
      found.validated++;
      found.pledges.push(labelOf(el));
      continue;
    }
    const looked = (native && constrained(el)) || el.hasAttribute('aria-invalid') || needed;
    if (looked) found.validated++;
    // A form that validates by itself still says by `required` what it needs.
    const wrong = native && el.willValidate && (lax ? el.validity.valueMissing || el.validity.customError : !el.validity.valid);
    if (wrong || doubted || (needed && empty && !native)) refuse(el);
  }
  found.invalid = found.invalid.slice(0, 20);
  found.pledges = found.pledges.slice(0, 20);
  found.missing = found.missing.slice(0, 20);
  return { state: 'ok', text: JSON.stringify(found) };
}
