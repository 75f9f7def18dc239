// The server that script/bench-visit visits: /N answers after N milliseconds, plain and over TLS, on
// every address of this machine. Says its ports on one line.
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");

const [key, cert] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const page = Buffer.from(`<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>市政务服务网</title>${"<p>办事指南：请选择您要办理的事项，在线提交申请。</p>".repeat(200)}`);
const answer = (request, response) => {
  const send = () => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": page.length, connection: "close" });
    response.end(page);
  };
  const delay = Number(request.url.slice(1)) || 0;
  if (delay) setTimeout(send, delay);
  else send();
};
const plain = http.createServer(answer).listen(0, "0.0.0.0", 4096, () => {
  const secure = https.createServer({ key, cert }, answer).listen(0, "0.0.0.0", 4096, () => {
    console.log(`ports ${plain.address().port} ${secure.address().port}`);
  });
});
