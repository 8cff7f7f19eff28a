/** What the card can show. */
export const PARTS = ["hours", "locks", "history", "household"];

const KNOWN = new Set(["type", "title", "locks", "show"]);
/** What Home Assistant itself keeps with a card. */
const OF_DASHBOARDS = new Set(["grid_options", "layout_options", "view_layout", "visibility", "card_mod"]);

/**
 * @typedef {object} CardConfig
 * @property {string} type
 * @property {string} [title]
 * @property {string[]} [locks] update entities, or ids of locks
 * @property {string[]} [show]
 */

/**
 * Refuse what cannot be shown, in a sentence; as Home Assistant's own cards in English.
 *
 * @param {any} config
 * @returns {CardConfig}
 */
export function checked(config) {
  if (!config || typeof config !== "object" || Array.isArray(config)) {
    throw new Error("The card must be a mapping.");
  }
  for (const key of Object.keys(config)) {
    if (!KNOWN.has(key) && !OF_DASHBOARDS.has(key)) {
      throw new Error(`Unknown option "${key}". The card knows title, locks and show.`);
    }
  }
  if (config.title !== undefined && typeof config.title !== "string") {
    throw new Error('"title" must be a text.');
  }
  listOfTexts(config, "locks", "update entities of locks");
  listOfTexts(config, "show", PARTS.join(", "));
  for (const part of config.show ?? []) {
    if (!PARTS.includes(part)) {
      throw new Error(
        `"show" does not know "${part}". It knows ${PARTS.join(", ")}.`,
      );
    }
  }
  return config;
}

function listOfTexts(config, key, what) {
  const value = config[key];
  if (value === undefined) return;
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    value.some((each) => typeof each !== "string")
  ) {
    throw new Error(`"${key}" must be a list with at least one of: ${what}.`);
  }
}
