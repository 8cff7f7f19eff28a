// A Z-Wave controller with locks, on a port of this machine.
//
// The mock-server that comes with zwave-js would do, but for two things: it announces
// itself to the whole network by mDNS, and it cannot be spoken to while it runs.
"use strict";

const readline = require("node:readline");

// Has to be in place before the server is loaded, which looks the function up by name.
const service = {
  advertise: async () => {},
  end: async () => {},
  destroy: async () => {},
};
require("@homebridge/ciao").getResponder = () => ({
  createService: () => service,
  shutdown: async () => {},
});

// Before the server is loaded, too.
require("./frames.js");
const { MockServer } = require("zwave-js/Testing");
const { nodes } = require("./config.js");
const { say } = require("./events.js");
const { settings, change } = require("./settings.js");

new MockServer({ interface: "127.0.0.1", port: 0, config: { nodes } }).start();

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  change(JSON.parse(line));
  say("settings", settings);
});
// Whoever started us is gone; nobody else would end us.
process.stdin.on("end", () => process.exit(0));
