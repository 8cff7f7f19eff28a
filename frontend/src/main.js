import { NightlatchCard } from "./card.js";
import { NightlatchCardEditor } from "./editor.js";
import { LockView } from "./lock-view.js";
import { NightBar } from "./night-bar.js";
import { NightlatchPanel } from "./panel.js";
import { Question } from "./question.js";
import { suggested } from "./suggestion.js";

/** @type {Record<string, CustomElementConstructor>} */
const ELEMENTS = {
  "nightlatch-question": Question,
  "nightlatch-night-bar": NightBar,
  "nightlatch-lock": LockView,
  "nightlatch-card-editor": NightlatchCardEditor,
  "nightlatch-card": NightlatchCard,
  "nightlatch-panel": NightlatchPanel,
};

// Home Assistant starts beside us, and puts another registry in the place of the browser's
// first: there nobody would find what was defined before.
if (document.querySelector("home-assistant")) {
  await customElements.whenDefined("home-assistant");
}
for (const [name, element] of Object.entries(ELEMENTS)) {
  // After an update of Nightlatch a page may hold an earlier one already.
  if (!customElements.get(name)) customElements.define(name, element);
}

const all = /** @type {any} */ (window);
all.customCards ??= [];
if (!all.customCards.some(({ type }) => type === "nightlatch-card")) {
  all.customCards.push({
    type: "nightlatch-card",
    name: "Nightlatch",
    description: "What happens to your locks tonight",
    preview: true,
    documentationURL: "https://github.com/nightlatch/nightlatch",
    getEntitySuggestion: suggested,
  });
}
