import { css, html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { checked, PARTS } from "./card-config.js";
import { icon, ICONS } from "./icons.js";
import { TonightSource } from "./source.js";
import { alerts, base, card } from "./styles.js";
import { household, instead, lostBanner, viewStyles } from "./tonight-view.js";

/** @import { CardConfig } from "./card-config.js" */
/** @import { Hass, Lock } from "./snapshot.js" */

/** Tonight, on a dashboard. */
export class NightlatchCard extends LitElement {
  static properties = {
    hass: { attribute: false },
    _config: { state: true },
  };

  static styles = [
    base,
    card,
    alerts,
    viewStyles,
    css`
      ha-card {
        overflow: hidden;
      }
      .head {
        padding: 16px 16px 0;
      }
      .head h2 {
        font-size: var(--ha-card-header-font-size, var(--ha-font-size-2xl, 24px));
        line-height: 1.3;
      }
      .part {
        padding: 16px;
      }
      nightlatch-lock,
      .line {
        border-top: 1px solid var(--nl-line);
      }
      .note {
        margin: 16px 16px 0;
      }
      .note + .note {
        margin-top: 8px;
      }
    `,
  ];

  static getConfigElement() {
    return document.createElement("nightlatch-card-editor");
  }

  static getStubConfig() {
    return {};
  }

  constructor() {
    super();
    /** @type {Hass|undefined} */
    this.hass = undefined;
    /** @type {CardConfig|null} */
    this._config = null;
    this._source = new TonightSource(this);
  }

  /** @param {unknown} config */
  setConfig(config) {
    this._config = checked(config);
  }

  getCardSize() {
    return 3 + 2 * this.#locks.length;
  }

  getGridOptions() {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  willUpdate() {
    this._source.hass = this.hass;
  }

  render() {
    const { hass, _config: config, _source: source } = this;
    if (!hass || !config) return nothing;
    const without = instead(hass, source);
    return html`<ha-card>
      ${this.#head()}
      <div class="note" ?hidden=${source.connected || !source.snapshot}>
        ${lostBanner(hass, source)}
      </div>
      ${without ?? this.#parts()}
    </ha-card>`;
  }

  get #shown() {
    return new Set(this._config?.show ?? PARTS);
  }

  /** @returns {Lock[]} */
  get #locks() {
    const all = this._source.snapshot?.locks ?? [];
    const wanted = this._config?.locks;
    return wanted
      ? all.filter((lock) => wanted.some((each) => isMeant(lock, each)))
      : all;
  }

  #head() {
    const { text, snapshot } = this._source;
    const title = this._config.title ?? text?.("tonight.title");
    if (!title && !snapshot) return nothing;
    // What is said of all locks is not said of some.
    return html`<div class="head">
      ${title ? html`<h2 dir="auto">${title}</h2>` : nothing}
      ${snapshot?.locks.length && !this._config.locks ? html`<p class="quiet">${snapshot.summary}</p>` : nothing}
    </div>`;
  }

  #parts() {
    const { _source: source, hass } = this;
    const { text, now } = source;
    const shown = this.#shown;
    const locks = this.#locks;
    const snapshot = { ...source.snapshot, locks };
    return html`
      ${this.#missing()}
      ${shown.has("hours")
        ? html`<div class="part">
            <nightlatch-night-bar
              .hass=${hass}
              .text=${text}
              .snapshot=${snapshot}
              .now=${now}
            ></nightlatch-night-bar>
          </div>`
        : nothing}
      ${shown.has("locks")
        ? repeat(
            locks,
            (lock) => lock.lock_id,
            (lock) => html`<nightlatch-lock
              .hass=${hass}
              .text=${text}
              .lock=${lock}
              .now=${now}
              .connected=${source.connected}
              .withHistory=${shown.has("history")}
            ></nightlatch-lock>`,
          )
        : nothing}
      ${shown.has("household")
        ? html`<div class="part line">${household(hass, text, snapshot)}</div>`
        : nothing}
    `;
  }

  /** Locks that the card names and nobody has. */
  #missing() {
    const { snapshot, text } = this._source;
    const missing = (this._config.locks ?? []).filter(
      (each) => !snapshot.locks.some((lock) => isMeant(lock, each)),
    );
    return missing.map(
      (each) => html`<div class="alert tone-waits note">
        ${icon(ICONS.alert)}
        <div>${text("card.no_such_lock", { lock: each })}</div>
      </div>`,
    );
  }
}

/** @param {Lock} lock @param {string} named */
const isMeant = (lock, named) => named === lock.update_entity || named === lock.lock_id;
