// Lets the mock-server see one serial frame at a time.
//
// It takes each piece that arrives for one frame; TCP joins and cuts as it likes.
"use strict";

const net = require("node:net");

const SOF = 0x01;

/** Return the length of the frame at the start; undefined while that is not known. */
function frameLength(bytes) {
  if (bytes.length === 0) return undefined;
  // ACK, NAK and CAN are frames of one byte.
  if (bytes[0] !== SOF) return 1;
  return bytes.length < 2 ? undefined : bytes[1] + 2;
}

function oneByOne(handler) {
  let rest = Buffer.alloc(0);
  let last = Promise.resolve();
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (
      let length = frameLength(rest);
      length !== undefined && length <= rest.length;
      length = frameLength(rest)
    ) {
      const frame = rest.subarray(0, length);
      rest = rest.subarray(length);
      last = last.then(() => handler(frame));
    }
  };
}

const { createServer } = net;
net.createServer = (listener) =>
  createServer((socket) => {
    const on = socket.on.bind(socket);
    socket.on = (event, handler) =>
      on(event, event === "data" ? oneByOne(handler) : handler);
    listener(socket);
  });
