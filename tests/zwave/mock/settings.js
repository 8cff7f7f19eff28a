// How the lock behaves: at first what the environment says, later what the rig says.
"use strict";

const DEFAULTS = {
  version: "1.0", // what it runs when it is first powered
  battery: 85, // percent
  nodes: 1, // how many locks there are; read once, when the network is powered
  mode: "secured", // where the bolt is when it is first powered, or "unsecured"
  refuse: "", // a name of REFUSALS in firmware.js: no update begins
  mute: false, // answers nothing that is asked of its firmware
  pause: 0, // milliseconds between two fragments
  fail_at: 0, // the fragment at which the lock gives up; 0 for never
  silent_at: 0, // the fragment after which the lock says nothing more; 0 for never
  status: "", // a name of FAILURES in firmware.js: what it says of a whole image
  lies: false, // says that all went well and starts the old version
  restart_seconds: 0, // how long it cannot be reached after an update
  forgets: false, // comes back from an update as it left the factory
};

function parse(name, text) {
  const like = DEFAULTS[name];
  if (typeof like === "number") return Number(text);
  if (typeof like === "boolean") return ["1", "true", "yes"].includes(text);
  return text;
}

const settings = { ...DEFAULTS };
for (const name of Object.keys(DEFAULTS)) {
  const text = process.env[`NIGHTLATCH_ZWAVE_${name.toUpperCase()}`];
  if (text !== undefined) settings[name] = parse(name, text);
}

function change(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (typeof value !== typeof DEFAULTS[name]) {
      throw new Error(`No setting takes this: ${name}=${JSON.stringify(value)}`);
    }
    settings[name] = value;
  }
}

module.exports = { settings, change };
