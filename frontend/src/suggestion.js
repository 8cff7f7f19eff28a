/** @import { Hass } from "./snapshot.js" */

/**
 * What the card picker suggests for an entity: the card of that one lock, where it is ours.
 *
 * @param {Hass} hass
 * @param {string} entityId an update of ours, or a lock that has one on its device
 */
export function suggested({ entities = {} }, entityId) {
  const { device_id: device } = entities[entityId] ?? {};
  const update = Object.keys(entities).find(
    (each) =>
      each.startsWith("update.") &&
      entities[each].platform === "nightlatch" &&
      (each === entityId ||
        (device && entities[each].device_id === device && entityId.startsWith("lock."))),
  );
  return update
    ? {
        config: {
          type: "custom:nightlatch-card",
          locks: [update],
          show: ["hours", "locks", "history"],
        },
      }
    : null;
}
