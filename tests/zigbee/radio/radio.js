// A radio for zigbee-herdsman: what is sent goes to one lock, and comes from it.
"use strict";

const { Adapter } = require("zigbee-herdsman/dist/adapter/adapter.js");
const { Waitress } = require("zigbee-herdsman/dist/utils/waitress.js");
const Zcl = require("zigbee-herdsman/dist/zspec/zcl");
const Zdo = require("zigbee-herdsman/dist/zspec/zdo");

const COORDINATOR = "0x00124b0024c0ffee";
// Longer than that nobody waits for an answer; only for the end of a whole update.
const AN_HOUR = 3_600_000;

class Radio extends Adapter {
  constructor(...options) {
    super(...options);
    this.waiting = new Waitress(
      Adapter.zclWaitressValidator,
      Adapter.clusterWaitressTimeoutFormatter,
    );
    this.lock = undefined;
    this.number = 0;
  }

  // The stick.

  async start() {
    return "resumed";
  }
  async stop() {
    this.waiting.clear();
  }
  async reset() {}
  async permitJoin() {}
  async addInstallCode() {}
  async getCoordinatorIEEE() {
    return COORDINATOR;
  }
  async getCoordinatorVersion() {
    return { type: "virtual", meta: { revision: 1 } };
  }
  async supportsBackup() {
    return false;
  }
  async getNetworkParameters() {
    const { panID, extendedPanID, channelList } = this.networkOptions;
    return {
      panID,
      extendedPanID: `0x${Buffer.from(extendedPanID).toString("hex")}`,
      channel: channelList[0],
      nwkUpdateID: 0,
    };
  }

  // To the lock.

  async sendZdo(_ieee, nwk, cluster, payload, withoutAnswer) {
    if (withoutAnswer || nwk !== this.lock.nwk) return undefined;
    const answer = this.lock.describe(Zdo.ClusterId[cluster], payload);
    if (answer === undefined) throw new Error(`no answer to ${cluster}`);
    return [Zdo.Status.SUCCESS, answer];
  }

  async sendZclFrameToEndpoint(_ieee, _nwk, endpoint, frame, timeout, unanswered) {
    const { command, cluster, header } = frame;
    const number = header.transactionSequenceNumber;
    const reply = command.response;
    const answer =
      reply !== undefined && !unanswered
        ? this.waitFor(endpoint, cluster.ID, reply, number, timeout)
        : undefined;
    // As on the air: the answer never comes before it was sent.
    setImmediate(() => this.lock.hear(cluster.name, command.name, frame.payload, number));
    return await answer?.promise;
  }
  async sendZclFrameToGroup() {}
  async sendZclFrameToAll() {}

  #wait(endpoint, clusterId, commandId, number, timeout, refusedId) {
    const waiter = this.waiting.waitFor(
      {
        address: this.lock.nwk,
        endpoint,
        clusterId,
        commandId,
        transactionSequenceNumber: number,
        defaultRspCommandId: refusedId,
      },
      timeout < AN_HOUR ? Math.min(timeout, this.lock.settings.patience) : timeout,
    );
    const { promise } = waiter.start();
    return { promise, cancel: () => this.waiting.remove(waiter.ID) };
  }

  waitFor(...told) {
    // Ours, or herdsman's own, which names an address and a direction as well.
    if (told.length === 5) return this.#wait(...told);
    const [, endpoint, , , number, clusterId, commandId, refusedId, timeout] = told;
    return this.#wait(endpoint, clusterId, commandId, number, timeout, refusedId);
  }

  // From the lock.

  receive(cluster, command, payload, { number, general = false, fromServer = true } = {}) {
    this.number = (this.number + 1) % 256;
    const frame = Zcl.Frame.create(
      general ? Zcl.FrameType.GLOBAL : Zcl.FrameType.SPECIFIC,
      fromServer ? Zcl.Direction.SERVER_TO_CLIENT : Zcl.Direction.CLIENT_TO_SERVER,
      true,
      undefined,
      number ?? this.number,
      command,
      cluster,
      payload,
      {},
    );
    const data = frame.toBuffer();
    const heard = {
      clusterID: frame.cluster.ID,
      header: Zcl.Header.fromBuffer(data),
      data,
      address: this.lock.nwk,
      endpoint: 1,
      destinationEndpoint: 1,
      linkquality: 120,
      groupID: 0,
      wasBroadcast: false,
    };
    this.waiting.resolve(heard);
    this.emit("zclPayload", heard);
  }

  announce() {
    this.emit("zdoResponse", Zdo.ClusterId.END_DEVICE_ANNOUNCE, [
      Zdo.Status.SUCCESS,
      { nwkAddress: this.lock.nwk, eui64: this.lock.ieee, capabilities: {} },
    ]);
  }
}

module.exports = { Radio };
