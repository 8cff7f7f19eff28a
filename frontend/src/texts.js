/** @import { Hass, Lock, Translate } from "./snapshot.js" */

const OURS = "component.nightlatch.config_panel.";

/**
 * Load our texts in the person's language.
 *
 * @param {Hass} hass
 * @returns {Promise<Translate>}
 */
export async function loadTexts(hass) {
  const localize = await hass.loadBackendTranslation("config_panel", "nightlatch");
  // Named by its last part, so that a text that is missing hides nothing.
  return (key, values) =>
    localize(OURS + key, values) || key.split(".").pop().replaceAll("_", " ");
}

/**
 * What comes next for a lock, in the words of its sensor.
 *
 * @param {Hass} hass
 * @param {Translate} text
 * @param {Lock} lock
 */
export function stepText(hass, text, lock) {
  return (
    hass.localize(
      `component.nightlatch.entity.sensor.next_step.state.${lock.next_step}`,
    ) || text(`tone.${lock.tone}`)
  );
}
