// Tells the rig what happens, a line of JSON each.
"use strict";

function say(event, fields = {}) {
  process.stdout.write(`@${JSON.stringify({ ...fields, event })}\n`);
}

module.exports = { say };
