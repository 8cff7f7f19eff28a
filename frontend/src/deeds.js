/** @import { Hass, Lock } from "./snapshot.js" */

const CONNECTION_LOST = 3;

/**
 * What a person may do with a lock; each is one of Home Assistant's actions.
 *
 * @typedef {"install"|"tomorrow"|"skip"|"approve"|"cancel"|"go_back"} Deed
 *
 * @type {Record<Deed, (lock: Lock, code: string|null) => [string, string, object]>}
 */
const ACTIONS = {
  install: () => ["update", "install", {}],
  tomorrow: () => ["nightlatch", "postpone", {}],
  skip: () => ["update", "skip", {}],
  approve: (lock, code) => [
    "nightlatch",
    "approve",
    { version: lock.offered, ...(code ? { code } : {}) },
  ],
  cancel: () => ["nightlatch", "cancel", {}],
  go_back: (_, code) => ["nightlatch", "rollback", { code }],
};

/** In the order in which they are shown. */
export const DEEDS = /** @type {Deed[]} */ ([
  "install",
  "approve",
  "tomorrow",
  "skip",
  "cancel",
  "go_back",
]);

/** Which deeds ask before they are done. @param {Lock} lock @param {Deed} deed */
export function asksFirst(lock, deed) {
  return (
    deed === "install" ||
    deed === "go_back" ||
    (deed === "approve" && lock.may.approve_needs_code)
  );
}

/** Which deeds need a one-time code. @param {Lock} lock @param {Deed} deed */
export function needsCode(lock, deed) {
  return (
    deed === "go_back" || (deed === "approve" && lock.may.approve_needs_code === true)
  );
}

/**
 * Whether a deed would do what was asked about: its action names no version.
 *
 * What may not be done any more the server refuses, and says why.
 *
 * @param {Lock} asked @param {Lock} now @param {Deed} deed
 */
export function isAsAsked(asked, now, deed) {
  if (now?.lock_id !== asked.lock_id || !now.may[deed]) return true;
  return (
    deed === "approve" ||
    (asked.installed === now.installed &&
      (deed === "go_back" || asked.offered === now.offered))
  );
}

/**
 * Do it; return why it was refused, or nothing.
 *
 * An installation is answered when it has ended. Where the connection is lost meanwhile,
 * nobody has refused anything.
 *
 * @param {Hass} hass
 * @param {Lock} lock
 * @param {Deed} deed
 * @param {string|null} code
 * @returns {Promise<string|null>}
 */
export async function act(hass, lock, deed, code) {
  const [domain, action, data] = ACTIONS[deed](lock, code);
  try {
    await hass.callService(domain, action, data, { entity_id: lock.update_entity }, false);
    return null;
  } catch (err) {
    if (err?.code === CONNECTION_LOST || err?.error?.code === CONNECTION_LOST) return null;
    return reasonOf(hass, err);
  }
}

/** @param {Hass} hass @param {any} err @returns {Promise<string>} */
async function reasonOf(hass, err) {
  const { translation_domain: domain, translation_key: key } = err ?? {};
  if (domain && key) {
    try {
      const localize = await hass.loadBackendTranslation("exceptions", domain);
      const sentence = localize(
        `component.${domain}.exceptions.${key}.message`,
        err.translation_placeholders,
      );
      if (sentence) return sentence;
    } catch {
      // The sentence that came with it is good enough.
    }
  }
  return err?.message || err?.body?.message || String(err);
}
