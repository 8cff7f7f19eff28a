// A lock on the radio, with an update over the air as the Zigbee cluster library has it.
"use strict";

const Zcl = require("zigbee-herdsman/dist/zspec/zcl");

const STRING = Zcl.DataType.CHAR_STR;
const LOCKED = 1;
const UNLOCKED = 2;

class Lock {
  // `settings` may be changed while it runs:
  //   version       what it runs
  //   build         its build id, as the vendor writes versions
  //   locked        where the bolt is
  //   battery       percent
  //   deaf          hears nothing of updates
  //   gives_up_at   the share of an image at which it gives up, or null
  //   silent_at     the share of an image after which it asks for nothing more, or null
  //   block_pause   milliseconds between blocks
  //   falls_back    starts its old firmware after an update
  //   restart       milliseconds until it is back
  //   patience      milliseconds after which the radio gives it up
  constructor({ ieee, nwk, manufacturer, imageType, ...settings }, say) {
    Object.assign(this, { ieee, nwk, manufacturer, imageType, settings, say });
    this.image = undefined;
    this.at = 0;
  }

  join(radio) {
    this.radio = radio;
    radio.lock = this;
  }

  // What the rig orders.

  tell() {
    const { locked, battery } = this.settings;
    this.#report("closuresDoorLock", 0x0000, Zcl.DataType.ENUM8, locked ? LOCKED : UNLOCKED);
    this.#report("genPowerCfg", 0x0021, Zcl.DataType.UINT8, 2 * battery);
  }

  // As it does by itself once in a while.
  ask() {
    const fileVersion = this.settings.version;
    this.#ota("queryNextImageRequest", { fieldControl: 0, ...this.#kind(), fileVersion });
  }

  // What it hears.

  describe(question, _payload) {
    switch (question) {
      case "NODE_DESCRIPTOR_REQUEST":
        return {
          logicalType: 2,
          manufacturerCode: this.manufacturer,
          serverMask: { stackComplianceRevision: 22 },
        };
      case "ACTIVE_ENDPOINTS_REQUEST":
        return { endpointList: [1] };
      case "SIMPLE_DESCRIPTOR_REQUEST":
        return { profileId: 0x0104, deviceId: 10, inClusterList: [0, 1, 257], outClusterList: [25] };
      case "BIND_REQUEST":
        return {};
    }
    return undefined;
  }

  hear(cluster, command, payload, number) {
    if (cluster === "genOta") {
      this.#hearOfUpdate(command, payload, number);
    } else if (command === "read") {
      const answers = payload.map(({ attrId }) => this.#read(cluster, attrId));
      this.#answer(cluster, "readRsp", answers, number);
    } else if (command === "configReport") {
      this.#answer(cluster, "configReportRsp", [{ status: Zcl.Status.SUCCESS }], number);
    } else if (command === "lockDoor" || command === "unlockDoor") {
      this.settings.locked = command === "lockDoor";
      this.say({ event: "bolt", locked: this.settings.locked });
      this.radio.receive(cluster, `${command}Rsp`, { status: 0 }, { number });
      this.tell();
    }
  }

  #read(cluster, attrId) {
    const known = {
      genBasic: {
        0x0004: [STRING, "Danalock"],
        0x0005: [STRING, "V3-BTZB"],
        0x0006: [STRING, "20260101"],
        0x4000: [STRING, this.settings.build],
      },
      closuresDoorLock: { 0x0000: [Zcl.DataType.ENUM8, this.settings.locked ? LOCKED : UNLOCKED] },
      genPowerCfg: { 0x0021: [Zcl.DataType.UINT8, 2 * this.settings.battery] },
    }[cluster]?.[attrId];
    return known === undefined
      ? { attrId, status: Zcl.Status.UNSUPPORTED_ATTRIBUTE }
      : { attrId, status: Zcl.Status.SUCCESS, dataType: known[0], attrData: known[1] };
  }

  #report(cluster, attrId, dataType, attrData) {
    const payload = [{ attrId, dataType, attrData }];
    this.radio.receive(cluster, "report", payload, { general: true });
  }

  #answer(cluster, command, payload, number) {
    this.radio.receive(cluster, command, payload, { number, general: true });
  }

  // Updates over the air: here the lock is the client, and asks for everything.

  #kind() {
    return { manufacturerCode: this.manufacturer, imageType: this.imageType };
  }

  #ota(command, payload, number) {
    this.radio.receive("genOta", command, payload, { number, fromServer: false });
  }

  #hearOfUpdate(command, payload) {
    const { deaf, block_pause, restart } = this.settings;
    if (deaf) return;
    switch (command) {
      case "imageNotify":
        this.ask();
        break;
      case "queryNextImageResponse":
        this.say({ event: "answered", status: payload.status });
        if (payload.status !== Zcl.Status.SUCCESS) break;
        this.image = payload;
        this.at = 0;
        this.#next();
        break;
      case "imageBlockResponse":
        if (payload.status === Zcl.Status.ABORT) {
          this.say({ event: "aborted", at: this.at });
          this.image = undefined;
          break;
        }
        this.at = payload.fileOffset + payload.dataSize;
        setTimeout(() => this.#next(), block_pause);
        break;
      case "upgradeEndResponse":
        this.say({ event: "restarts", version: payload.fileVersion });
        setTimeout(() => this.#restart(), restart);
        break;
    }
  }

  #next() {
    const { imageSize, fileVersion } = this.image;
    const { gives_up_at, silent_at } = this.settings;
    const share = this.at / imageSize;
    const asked = { ...this.#kind(), fileVersion };
    const end = (status) => this.#ota("upgradeEndRequest", { status, ...asked });
    if (gives_up_at !== null && share >= gives_up_at) {
      end(share < 1 ? Zcl.Status.ABORT : Zcl.Status.INVALID_IMAGE);
    } else if (silent_at !== null && share >= silent_at) {
      this.say({ event: "silent", at: this.at });
    } else if (share >= 1) {
      end(Zcl.Status.SUCCESS);
    } else {
      if (this.at === 0) this.say({ event: "begun", version: fileVersion });
      const block = { fieldControl: 0, fileOffset: this.at, maximumDataSize: 50 };
      this.#ota("imageBlockRequest", { ...block, ...asked });
    }
  }

  #restart() {
    const { falls_back } = this.settings;
    if (!falls_back) this.settings.version = this.image.fileVersion;
    this.say({ event: "restarted", version: this.settings.version });
    this.radio.announce();
    this.tell();
  }
}

module.exports = { Lock };
