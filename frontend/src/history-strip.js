import { css, html, nothing } from "lit";
import { icon, OUTCOMES } from "./icons.js";
import { date } from "./formats.js";

/** @import { Hass, Lock, Translate } from "./snapshot.js" */

const SHOWN = 6;
const TONE_OF = {
  succeeded: "good",
  failed: "stopped",
  needs_hand: "stopped",
  rolled_back: "waits",
};

export const historyStyles = css`
  .history {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 0;
    font-size: var(--nl-small);
  }
  .history li {
    display: inline-flex;
    align-items: center;
    max-width: 100%;
  }
  .history li + li::before {
    content: "";
    flex: none;
    width: 14px;
    height: 2px;
    background: var(--nl-line);
  }
  .history .past {
    display: inline-flex;
    align-items: center;
    gap: 4px;
    min-width: 0;
    padding: 2px 8px 2px 4px;
    border-radius: 999px;
    background: var(--tone-fill);
    color: var(--nl-ink);
    line-height: 1.5;
  }
  .history .icon {
    width: 16px;
    height: 16px;
    color: var(--tone);
  }
`;

/**
 * The last versions of a lock and how each ended, newest last.
 *
 * @param {Hass} hass
 * @param {Translate} text
 * @param {Lock} lock
 */
export function historyStrip(hass, text, lock) {
  if (!lock.history?.length) return nothing;
  return html`<ol class="history" aria-label=${text("history.of", { lock: lock.name })}>
    ${lock.history.slice(-SHOWN).map((past) => {
      const tone = Object.hasOwn(TONE_OF, past.outcome) ? TONE_OF[past.outcome] : "idle";
      const path = Object.hasOwn(OUTCOMES, past.outcome)
        ? OUTCOMES[past.outcome]
        : OUTCOMES.postponed;
      const at = Date.parse(past.at);
      const when = Number.isNaN(at) ? "" : date(hass, at);
      return html`<li class="tone-${tone}" title="${past.text} ${when}">
        <span class="past">
          ${icon(path)}<bdi>${past.version}</bdi>
          ${past.outcome === "succeeded"
            ? html`<span class="unseen">${past.text}</span>`
            : html`<span>${past.text}</span>`}
          <span class="unseen">${when}</span>
        </span>
      </li>`;
    })}
  </ol>`;
}
