// The other side of the benches: the form journey as a user of playwright-core writes it. A program of
// its own, started by the scripts bench-*:
//
//   playwright-side.js '{"mode": "warm", "side": "bare", "url": URL, "walks": N}'   walks in one browser, a fresh context each
//   playwright-side.js '{"mode": "cold", …}'                                        one walk and the end
//   playwright-side.js '{"mode": "load", "contexts": K, "seconds": S, …}'           K contexts at once in one browser
//
// Sides: bare (as it comes) · switches (with our switches for the browser) · shots (and a JPEG after each step).
"use strict";
const path = require("node:path");
const { chromium, flags, playwright, root, switches } = require("./bench.js");

async function journey(page, entry, shot) {
  const files = path.join(root, "scenarios", "files");
  const next = () => page.getByRole("button", { name: "下一步" }).click();
  await page.goto(new URL("apply/drug-licence/applicant", entry).href);
  await page.getByLabel("企业名称").waitFor();
  await shot();
  await page.getByLabel("企业名称").fill("示范大药房有限公司");
  await page.getByLabel("统一社会信用代码").fill("91000000MA00000000");
  await page.getByLabel("法定代表人").fill("张示范");
  await page.getByLabel("证件号码").fill("000000190001010004");
  await page.getByLabel("联系电话").fill("0800-0000000");
  await page.getByLabel("申请类型").selectOption("首次申请");
  await next();
  await page.getByLabel("经营场所地址").waitFor();
  await shot();
  await page.getByLabel("经营场所地址").fill("示范市文化路 100 号 1 层");
  await page.getByLabel("建筑面积").fill("120");
  await page.getByLabel("场所权属").selectOption("租赁");
  await page.getByRole("radio", { name: "零售（单体）" }).check();
  await page.getByRole("checkbox", { name: "中成药" }).check();
  await page.getByRole("checkbox", { name: "化学药制剂" }).check();
  await next();
  await page.getByLabel("执业药师姓名").waitFor();
  await shot();
  await page.getByLabel("执业药师姓名").fill("李示范");
  await page.getByLabel("注册证编号").fill("YS000000");
  await page.getByLabel("执业类别").selectOption("药学");
  await page.getByLabel("从业年限").fill("8");
  await page.getByLabel("在职在岗").check();
  await next();
  await page.getByRole("heading", { name: "上传材料" }).waitFor();
  await shot();
  await page.getByLabel("营业执照").setInputFiles(path.join(files, "business-licence.pdf"));
  await page.getByLabel("经营场所平面布局图").setInputFiles(path.join(files, "premises-plan.png"));
  await page.getByLabel("执业药师注册证").setInputFiles(path.join(files, "pharmacist-certificate.png"));
  await next();
  await page.getByRole("heading", { name: "核对确认" }).waitFor();
  await shot();
  await page.getByLabel("我已阅读并承诺").check();
  await page.getByRole("button", { name: "提交申请" }).click();
  await page.getByRole("heading", { name: "提交成功" }).waitFor();
  await shot();
}

/** One walk in a fresh context, with the events that we record. */
async function walk(browser, { url, side }) {
  const began = performance.now();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "zh-CN" });
  const page = await context.newPage();
  let seen = 0;
  for (const event of ["request", "response", "requestfinished", "requestfailed", "console", "pageerror"]) {
    page.on(event, () => { seen += 1; });
  }
  const shot = side === "shots" ? () => page.screenshot({ type: "jpeg" }) : async () => {};
  const first = performance.now();
  await journey(page, url, shot);
  const steps = performance.now() - first;
  await context.close();
  return { steps, whole: performance.now() - began, seen };
}

async function main(options) {
  const { chromium: engine } = require(playwright());
  const browser = await engine.launch({ executablePath: chromium, args: options.side === "bare" ? flags : [...flags, switches()] });
  if (options.mode === "load") {
    const first = Array.from({ length: options.contexts }, () => walk(browser, options));
    await Promise.all(first);
    // Everybody has a warm browser before the time begins.
    console.log("ready");
    await new Promise((go) => { process.stdin.once("data", go); });
    process.stdin.pause();
    const one = async () => {
      const began = performance.now();
      const walks = [];
      while (performance.now() - began < options.seconds * 1000) walks.push((await walk(browser, options)).whole);
      return { walks, rate: (walks.length * 60_000) / (performance.now() - began) };
    };
    const done = await Promise.all(Array.from({ length: options.contexts }, one));
    console.log(JSON.stringify({ perMinute: done.reduce((sum, { rate }) => sum + rate, 0), ms: done.flatMap(({ walks }) => walks) }));
  } else {
    const walks = [];
    for (let i = 0; i <= (options.walks || 0); i += 1) walks.push(await walk(browser, options));
    console.log(JSON.stringify(walks));
  }
  await browser.close();
}

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});
