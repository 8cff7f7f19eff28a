// Web Bluetooth for web-bluetooth-dfu, with a lock that is reached over stdin and stdout:
// a line of JSON for each request of ours, and one for each answer and notification.
const fs = require("fs");
const readline = require("readline");
const zlib = require("zlib");
const SecureDfu = require("web-bluetooth-dfu");

const waiting = new Map();
let asked = 0;

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function ask(what, fields = {}) {
  asked += 1;
  say({ id: asked, do: what, ...fields });
  return new Promise((resolve, reject) => waiting.set(asked, { resolve, reject }));
}

class Target {
  #listeners = {};

  addEventListener(type, listener) {
    (this.#listeners[type] ??= []).push(listener);
  }

  tell(type) {
    for (const listener of this.#listeners[type] ?? []) listener({ type, target: this });
  }
}

class Characteristic extends Target {
  constructor({ uuid, properties }) {
    super();
    this.uuid = uuid;
    this.properties = Object.fromEntries(properties.map((name) => [name, true]));
  }

  async startNotifications() {
    await ask("notify", { uuid: this.uuid });
    return this;
  }

  async writeValue(value) {
    const bytes = Buffer.from(value instanceof ArrayBuffer ? new Uint8Array(value) : value);
    const told = { uuid: this.uuid, data: bytes.toString("hex") };
    // A packet is done for a page once it is handed on; the radio sends it when it can.
    if (this.properties.write) await ask("write", told);
    else say({ do: "send", ...told });
  }
}

const device = new Target();
let characteristics = [];
device.gatt = {
  connected: false,
  async connect() {
    characteristics = (await ask("connect")).map((told) => new Characteristic(told));
    this.connected = true;
    return this;
  },
  async getPrimaryService() {
    return { getCharacteristics: async () => characteristics };
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  if (told.gone) {
    device.gatt.connected = false;
    device.tell("gattserverdisconnected");
  } else if (told.notified) {
    const bytes = Buffer.from(told.data, "hex");
    const found = characteristics.find(({ uuid }) => uuid === told.notified);
    found.value = new DataView(new Uint8Array(bytes).buffer);
    found.tell("characteristicvaluechanged");
  } else {
    const { resolve, reject } = waiting.get(told.id);
    waiting.delete(told.id);
    if (told.error) reject(new Error(told.error));
    else resolve(told.answer);
  }
});

function file(path) {
  return new Uint8Array(fs.readFileSync(path)).buffer;
}

const dfu = new SecureDfu((data) => zlib.crc32(data) | 0, {});
dfu.addEventListener("log", ({ message }) => say({ log: String(message) }));
dfu.update(device, file(process.argv[2]), file(process.argv[3])).then(
  () => say({ ended: "updated" }),
  (error) => say({ ended: String(error) }),
);
