// The real Zigbee2MQTT on a radio of ours, with one lock.
//
// Nothing of it is touched but two things: where it would open a stick it gets our radio,
// and what it would ask the internet for cannot be had.
"use strict";

const path = require("node:path");
const readline = require("node:readline");

// As they are installed beside one another; Zigbee2MQTT must get the same module.
const { Adapter } = require("zigbee-herdsman/dist/adapter/adapter.js");
const { Lock } = require("./lock.js");
const { Radio } = require("./radio.js");

const say = (event) => console.log(`@${JSON.stringify(event)}`);

globalThis.fetch = async (url) => {
  throw new Error(`there is no internet here: ${url}`);
};

const lock = new Lock(JSON.parse(process.env.NIGHTLATCH_ZIGBEE_LOCK), say);
const ready = new Promise((resolve) => {
  Adapter.create = async (...options) => {
    const radio = new Radio(...options);
    lock.join(radio);
    resolve();
    return radio;
  };
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { order, ...changes } = JSON.parse(line);
  Object.assign(lock.settings, changes);
  if (order !== undefined) lock[order]();
});
// Whoever started us is gone; nobody else would end us.
process.stdin.on("end", () => process.exit(0));

const root = path.dirname(require.resolve("zigbee2mqtt/package.json"));
Promise.all([require(path.join(root, "index.js")).start(), ready]).then(() =>
  say({ event: "ready" }),
);
