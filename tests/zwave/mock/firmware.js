// The lock's side of the Firmware Update Meta Data command class, version 5.
//
// zwave-js has only the controller's side: it cannot even read a fragment, which no
// controller ever receives.
"use strict";

const {
  FirmwareUpdateMetaDataCCGet: FragmentGet,
  FirmwareUpdateMetaDataCCMetaDataGet: MetaDataGet,
  FirmwareUpdateMetaDataCCMetaDataReport: MetaDataReport,
  FirmwareUpdateMetaDataCCReport: FragmentReport,
  FirmwareUpdateMetaDataCCRequestGet: RequestGet,
  FirmwareUpdateMetaDataCCRequestReport: RequestReport,
  FirmwareUpdateMetaDataCCStatusReport: StatusReport,
  FirmwareUpdateRequestStatus: RequestStatus,
  FirmwareUpdateStatus: Status,
} = require("@zwave-js/cc");
const { CRC16_CCITT } = require("@zwave-js/core");
const { createMockZWaveRequestFrame } = require("@zwave-js/testing");
const { say } = require("./events.js");
const { settings } = require("./settings.js");

const FIRMWARE_ID = 0x0101;
const HARDWARE_VERSION = 3;
const MAX_FRAGMENT_SIZE = 40;
// Every image begins with this, its version and a zero byte.
const MAGIC = "KESTREL-ZW ";

const REFUSALS = {
  battery_low: RequestStatus.Error_BatteryLow,
  authentication: RequestStatus.Error_AuthenticationExpected,
  hardware: RequestStatus.Error_InvalidHardwareVersion,
};
const FAILURES = {
  checksum: Status.Error_Checksum,
  transmission: Status.Error_TransmissionFailed,
  header: Status.Error_InvalidHeaderFormat,
  hardware: Status.Error_InvalidHardwareVersion,
  memory: Status.Error_InsufficientMemory,
};

function lookUp(table, name) {
  if (!(name in table)) throw new Error(`None of ${Object.keys(table)}: ${name}`);
  return table[name];
}

FragmentReport.from = function readFragment(raw, ctx) {
  const { payload } = raw;
  const body = payload.subarray(0, payload.length - 2);
  // The command class and the command count too; the parser has taken them off.
  const header = Uint8Array.from([0x7a, 0x06]);
  const crc = CRC16_CCITT(body, CRC16_CCITT(header));
  const fragment = new FragmentReport({
    nodeId: ctx.sourceNodeId,
    reportNumber: payload.readUInt16BE(0) & 0x7fff,
    isLast: (payload[0] & 0x80) !== 0,
    firmwareData: body.subarray(2),
  });
  fragment.isIntact = crc === payload.readUInt16BE(payload.length - 2);
  return fragment;
};

function imageVersion(image) {
  const end = image.indexOf(0);
  const start = Buffer.from(image.subarray(0, Math.max(end, 0))).toString("latin1");
  return start.startsWith(MAGIC) ? start.slice(MAGIC.length) : undefined;
}

/** What becomes of an image that has arrived whole. */
function judge(image, announced) {
  if (settings.status) return lookUp(FAILURES, settings.status);
  if (CRC16_CCITT(image) !== announced) return Status.Error_Checksum;
  if (imageVersion(image) === undefined) return Status.Error_InvalidHeaderFormat;
  return Status.OK_RestartPending;
}

/** Of each lock the update that is running: what has arrived, and what was announced. */
const updates = new Map();
const restarting = new Set();

function send(controller, self, cc) {
  return self.sendToController(
    createMockZWaveRequestFrame(cc, { ackRequested: false }),
  );
}

function ask(controller, self) {
  const update = updates.get(self.id);
  // One that was ended in the pause.
  if (update === undefined) return;
  const reportNumber = update.fragments.length + 1;
  const cc = new FragmentGet({
    nodeId: controller.ownNodeId,
    numReports: 1,
    reportNumber,
  });
  return send(controller, self, cc);
}

async function end(controller, self, status) {
  const image = Buffer.concat(updates.get(self.id).fragments);
  updates.delete(self.id);
  const good = status === Status.OK_RestartPending;
  say("update ended", {
    node: self.id,
    status: Status[status],
    size: image.length,
  });
  const cc = new StatusReport({
    nodeId: controller.ownNodeId,
    status,
    waitTime: good ? settings.restart_seconds : 0,
  });
  await send(controller, self, cc);
  if (good) restart(self, settings.lies ? undefined : imageVersion(image));
}

/** Be set as on the first day: without parameters that somebody has set, without codes. */
function forget(self) {
  for (const key of [...self.state.keys()]) {
    if (/^(Configuration|UserCode)_/.test(key)) self.state.delete(key);
  }
}

function restart(self, version) {
  const start = () => {
    if (version !== undefined) self.capabilities.firmwareVersion = version;
    if (settings.forgets) forget(self);
    restarting.delete(self.id);
    self.autoAckControllerFrames = true;
    say("started", {
      node: self.id,
      version: self.capabilities.firmwareVersion,
    });
  };
  // The answer that it restarts still has to be on the air.
  setTimeout(() => {
    restarting.add(self.id);
    self.autoAckControllerFrames = false;
    setTimeout(start, settings.restart_seconds * 1000);
  }, 100);
}

async function takeFragment(controller, self, fragment) {
  const update = updates.get(self.id);
  const number = fragment.reportNumber;
  // One that was sent twice, or that nobody asked for.
  if (update === undefined || number !== update.fragments.length + 1) return;
  if (!fragment.isIntact) {
    // A broken fragment is how zwave-js tells a device that its user has given up.
    await end(controller, self, Status.Error_TransmissionFailed);
    return;
  }
  if (number === settings.fail_at) {
    await end(controller, self, Status.Error_TransmissionFailed);
    return;
  }
  update.fragments.push(fragment.firmwareData);
  say("fragment", { node: self.id, number });
  if (number === settings.silent_at) {
    updates.delete(self.id);
    return;
  }
  if (!fragment.isLast) {
    // Not waited for: the controller is to be heard meanwhile.
    if (settings.pause > 0) setTimeout(() => void ask(controller, self), settings.pause);
    else await ask(controller, self);
    return;
  }
  const image = Buffer.concat(update.fragments);
  await end(controller, self, judge(image, update.checksum));
}

function requestStatus(request, self) {
  if (settings.refuse) return lookUp(REFUSALS, settings.refuse);
  if (updates.has(self.id)) return RequestStatus.Error_FirmwareUpgradeInProgress;
  if (
    request.manufacturerId !== self.capabilities.manufacturerId ||
    request.firmwareId !== FIRMWARE_ID
  ) {
    return RequestStatus.Error_InvalidManufacturerOrFirmwareID;
  }
  if (request.firmwareTarget) return RequestStatus.Error_NotUpgradable;
  if (request.fragmentSize > MAX_FRAGMENT_SIZE) {
    return RequestStatus.Error_FragmentSizeTooLarge;
  }
  if (
    request.hardwareVersion !== undefined &&
    request.hardwareVersion !== HARDWARE_VERSION
  ) {
    return RequestStatus.Error_InvalidHardwareVersion;
  }
  return RequestStatus.OK;
}

const restartBehavior = {
  handleCC(controller, self) {
    if (restarting.has(self.id)) return { action: "stop" };
  },
};

const firmwareBehavior = {
  async handleCC(controller, self, receivedCC) {
    const nodeId = controller.ownNodeId;
    const isQuestion =
      receivedCC instanceof MetaDataGet || receivedCC instanceof RequestGet;
    if (isQuestion && settings.mute) {
      say("not answered", { node: self.id });
      return { action: "stop" };
    }
    if (receivedCC instanceof MetaDataGet) {
      const cc = new MetaDataReport({
        nodeId,
        manufacturerId: self.capabilities.manufacturerId,
        firmwareId: FIRMWARE_ID,
        firmwareUpgradable: true,
        maxFragmentSize: MAX_FRAGMENT_SIZE,
        hardwareVersion: HARDWARE_VERSION,
        continuesToFunction: false,
      });
      return { action: "sendCC", cc };
    }
    if (receivedCC instanceof RequestGet) {
      const status = requestStatus(receivedCC, self);
      say("update requested", { node: self.id, status: RequestStatus[status] });
      if (status === RequestStatus.OK) {
        updates.set(self.id, { fragments: [], checksum: receivedCC.checksum });
        // Only after the controller has heard that it may begin.
        setTimeout(() => void ask(controller, self), 100);
      }
      const cc = new RequestReport({ nodeId, status });
      return { action: "sendCC", cc };
    }
    if (receivedCC instanceof FragmentReport) {
      await takeFragment(controller, self, receivedCC);
      return { action: "stop" };
    }
  },
};

module.exports = { firmwareBehavior, restartBehavior };
