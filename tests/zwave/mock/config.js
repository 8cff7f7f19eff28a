// What is in the virtual network: a lock in each of some doors.
"use strict";

const {
  BatteryCCGet,
  BatteryCCReport,
  DoorLockMode,
  DoorLockOperationType,
  KeypadMode,
  UserIDStatus,
} = require("@zwave-js/cc");
const { CommandClasses, ConfigValueFormat } = require("@zwave-js/core");
const { ccCaps } = require("@zwave-js/testing");
const { firmwareBehavior, restartBehavior } = require("./firmware.js");
const { settings } = require("./settings.js");

const FIRST_NODE_ID = 2;
// Of no maker, so that zwave-js has no device file that says more of it.
const MANUFACTURER_ID = 0x7fe1;
const PRODUCT_TYPE = 0x0003;
const PRODUCT_ID = 0x0001;

const ENTRY_CONTROL = 0x40;
const SECURE_KEYPAD_DOOR_LOCK = 0x03;
const ACCESS_CONTROL = 0x06;
// The bolt moved by hand, by radio, by keypad, in that order locked and unlocked; jam.
const ACCESS_CONTROL_EVENTS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0b];

// zwave-js has no such behaviour.
const batteryBehavior = {
  handleCC(controller, self, receivedCC) {
    if (receivedCC instanceof BatteryCCGet) {
      const cc = new BatteryCCReport({
        nodeId: controller.ownNodeId,
        level: settings.battery,
      });
      return { action: "sendCC", cc };
    }
  },
};

// Its own place for the bolt is not an option of the door lock that zwave-js has.
const bolt = {
  handleCC(controller, self) {
    if (!self.state.has("DoorLock_currentMode")) {
      self.state.set(
        "DoorLock_currentMode",
        settings.mode === "secured" ? DoorLockMode.Secured : DoorLockMode.Unsecured,
      );
    }
  },
};

// How its owner has set it; the keys are those of zwave-js. Codes it has none: zwave-js
// deletes those that it finds in a new lock.
const asItsOwnerWants = {
  handleCC(controller, self) {
    if (self.state.has("was_set")) return;
    self.state.set("was_set", true);
    self.state.set("Configuration_value_1", 45);
    self.state.set("Configuration_value_2", 3);
  },
};

const makeLock = (id) => ({
  id,
  capabilities: {
    manufacturerId: MANUFACTURER_ID,
    productType: PRODUCT_TYPE,
    productId: PRODUCT_ID,
    firmwareVersion: settings.version,
    genericDeviceClass: ENTRY_CONTROL,
    specificDeviceClass: SECURE_KEYPAD_DOOR_LOCK,
    commandClasses: [
      { ccId: CommandClasses["Z-Wave Plus Info"], version: 2 },
      { ccId: CommandClasses["Manufacturer Specific"], version: 2 },
      { ccId: CommandClasses.Version, version: 3 },
      { ccId: CommandClasses.Battery, version: 1 },
      { ccId: CommandClasses["Firmware Update Meta Data"], version: 5 },
      ccCaps({
        ccId: CommandClasses["Door Lock"],
        version: 4,
        supportedOperationTypes: [DoorLockOperationType.Constant],
        supportedDoorLockModes: [DoorLockMode.Unsecured, DoorLockMode.Secured],
        doorSupported: false,
        latchSupported: false,
        travelTime: 0,
      }),
      ccCaps({
        ccId: CommandClasses["User Code"],
        version: 2,
        numUsers: 3,
        supportedKeypadModes: [KeypadMode.Normal],
        supportedUserIDStatuses: [
          UserIDStatus.Available,
          UserIDStatus.Enabled,
          UserIDStatus.Disabled,
        ],
        supportedASCIIChars: "0123456789",
      }),
      ccCaps({
        ccId: CommandClasses.Configuration,
        version: 4,
        bulkSupport: false,
        parameters: [
          {
            "#": 1,
            name: "Auto-relock time",
            info: "Seconds until it locks by itself.",
            valueSize: 2,
            format: ConfigValueFormat.UnsignedInteger,
            minValue: 0,
            maxValue: 300,
            defaultValue: 30,
          },
          {
            "#": 2,
            name: "Volume",
            info: "How loud it beeps.",
            valueSize: 1,
            format: ConfigValueFormat.UnsignedInteger,
            minValue: 0,
            maxValue: 5,
            defaultValue: 1,
          },
          {
            "#": 3,
            name: "Reset to factory defaults",
            info: "Forgets everything.",
            valueSize: 1,
            format: ConfigValueFormat.UnsignedInteger,
            minValue: 0,
            maxValue: 1,
            defaultValue: 0,
          },
        ],
      }),
      ccCaps({
        ccId: CommandClasses.Notification,
        version: 8,
        supportsV1Alarm: false,
        notificationTypesAndEvents: { [ACCESS_CONTROL]: ACCESS_CONTROL_EVENTS },
      }),
    ],
  },
  // The first that answers wins: a lock that restarts answers nothing.
  behaviors: [
    restartBehavior,
    asItsOwnerWants,
    bolt,
    batteryBehavior,
    firmwareBehavior,
  ],
});

const nodes = Array.from({ length: settings.nodes }, (_, index) =>
  makeLock(FIRST_NODE_ID + index),
);

module.exports = { nodes };
