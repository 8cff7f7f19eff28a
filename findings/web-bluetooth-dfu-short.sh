#!/usr/bin/env bash
# web-bluetooth-dfu 1.2.1 takes an object for good when the checksum that the lock tells
# fits what the lock says it has of it, however little that is: it compares no lengths. So
# it sends EXECUTE for an object of which the lock has dropped the end, and only the lock's
# refusal ends the update. Where the last object does not fit its checksum, it sends no
# EXECUTE, says "transfer complete" all the same, and waits for ever for the lock to
# restart.
#
# So a bootloader must refuse to execute what is not complete, and a test that waits for
# this client to give up waits in vain.
#
# Seen: end dropped: written 340 bytes; EXECUTE sent; refused
#       last object spoilt: object failed to validate; EXECUTE not sent; transfer complete; no end
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund web-bluetooth-dfu@1.2.1 >/dev/null
cat >run.cjs <<'JAVASCRIPT'
const zlib = require("zlib");
const SecureDfu = require("web-bluetooth-dfu");

const [CONTROL, PACKET] = ["01", "02"].map((id) => `8ec900${id}-f315-4f60-9fb8-838830daea50`);
const firmware = new Uint8Array(1000).map((_, index) => index % 251);

function crc(data) {
  return zlib.crc32(Buffer.from(data)) | 0;
}

// A bootloader that has the init packet already; it does to the firmware's one object
// what it is told, and refuses an EXECUTE of what is not complete.
function lock(init, treat) {
  let [data, got, executed] = [false, [], false];
  const control = new EventTarget();
  function answer(operation, ...fields) {
    const view = new DataView(new ArrayBuffer(3 + 4 * fields.length));
    [0x60, operation, 0x01].forEach((byte, index) => view.setUint8(index, byte));
    fields.forEach((field, index) => view.setInt32(3 + 4 * index, field, true));
    return view;
  }
  function state() {
    return data ? [got.length, crc(got)] : [init.length, crc(init)];
  }
  function reply(value) {
    if (value[0] === 0x06) {
      data = value[1] === 2;
      return answer(0x06, 4096, ...state());
    }
    if (value[0] === 0x03) return answer(0x03, ...state());
    if (value[0] === 0x04) {
      executed = true;
      if (got.length < firmware.length) {
        return new DataView(new Uint8Array([0x60, 0x04, 0x08]).buffer);
      }
    }
    return answer(value[0]);
  }
  Object.assign(control, {
    uuid: CONTROL,
    properties: { notify: true },
    async startNotifications() {},
    async writeValue(value) {
      control.value = reply(new Uint8Array(value));
      setTimeout(() => control.dispatchEvent(new Event("characteristicvaluechanged")));
    },
  });
  const packet = {
    uuid: PACKET,
    properties: {},
    async writeValue(value) {
      got.push(...treat(new Uint8Array(value), got.length));
    },
  };
  const device = new EventTarget();
  const service = { getCharacteristics: async () => [control, packet] };
  device.gatt = {
    connected: true,
    getPrimaryService: async () => service,
  };
  return { device, executed: () => executed };
}

async function update(treat) {
  const init = new Uint8Array(100);
  const { device, executed } = lock(init, treat);
  const dfu = new SecureDfu(crc, {});
  const log = [];
  dfu.addEventListener("log", ({ message }) => log.push(message));
  const ended = await Promise.race([
    dfu.update(device, init.buffer, firmware.buffer).then(() => "updated", () => "refused"),
    new Promise((resolve) => setTimeout(resolve, 3000, "no end")),
  ]);
  return { log, executed: executed(), ended };
}

async function main() {
  const short = await update((piece, length) => (length < 340 ? piece : []));
  const spoilt = await update((piece, length) => (length ? piece : piece.map((b) => b ^ 1)));
  const sent = ({ executed }) => (executed ? "EXECUTE sent" : "EXECUTE not sent");
  const said = ({ log }, text) => (log.includes(text) ? text : `no "${text}"`);
  const seen = [
    `end dropped: ${said(short, "written 340 bytes")}; ${sent(short)}; ${short.ended}`,
    `last object spoilt: ${said(spoilt, "object failed to validate")}; ${sent(spoilt)}; ` +
      `${said(spoilt, "transfer complete")}; ${spoilt.ended}`,
  ];
  console.log(seen.join("\n"));
  const wanted = [
    "end dropped: written 340 bytes; EXECUTE sent; refused",
    "last object spoilt: object failed to validate; EXECUTE not sent; transfer complete; no end",
  ];
  process.exit(seen.join() === wanted.join() ? 0 : 1);
}

main();
JAVASCRIPT
node run.cjs
