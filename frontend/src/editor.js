import { css, html, LitElement, nothing } from "lit";
import { PARTS } from "./card-config.js";
import { TonightSource } from "./source.js";
import { base } from "./styles.js";

/** @import { CardConfig } from "./card-config.js" */
/** @import { Hass } from "./snapshot.js" */

/** The card's visual editor. */
export class NightlatchCardEditor extends LitElement {
  static properties = {
    hass: { attribute: false },
    _config: { state: true },
  };

  static styles = [
    base,
    css`
      .fields {
        display: grid;
        gap: 20px;
      }
      .label,
      legend {
        display: block;
        padding: 0;
        margin-bottom: 6px;
        font-weight: 500;
      }
      fieldset {
        min-width: 0;
        margin: 0;
        padding: 0;
        border: none;
      }
      input[type="text"] {
        width: 100%;
        padding: 12px 16px;
        border: 1px solid var(--nl-faint);
        border-radius: 8px;
        background: none;
        color: inherit;
        font: inherit;
      }
      .choice {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 40px;
        cursor: pointer;
      }
      .choice input {
        flex: none;
        width: 18px;
        height: 18px;
        margin: 0;
        accent-color: var(--nl-accent);
      }
    `,
  ];

  constructor() {
    super();
    /** @type {Hass|undefined} */
    this.hass = undefined;
    /** @type {CardConfig|null} */
    this._config = null;
    this._source = new TonightSource(this);
  }

  /** @param {CardConfig} config */
  setConfig(config) {
    this._config = config;
  }

  willUpdate() {
    this._source.hass = this.hass;
  }

  render() {
    const { _config: config } = this;
    const { text, snapshot } = this._source;
    if (!config || !text) return nothing;
    const locks = (snapshot?.locks ?? []).map((lock) => ({
      value: lock.update_entity ?? lock.lock_id,
      label: lock.name,
    }));
    const parts = PARTS.map((part) => ({ value: part, label: text(`editor.${part}`) }));
    return html`<div class="fields">
      <label>
        <span class="label">${text("editor.title")}</span>
        <input
          type="text"
          .value=${config.title ?? ""}
          placeholder=${text("tonight.title")}
          @input=${(event) => this.#set("title", event.target.value || undefined)}
        />
      </label>
      ${locks.length ? this.#choices("locks", text("editor.which"), locks) : nothing}
      ${this.#choices("show", text("editor.show"), parts)}
    </div>`;
  }

  /** @param {"locks"|"show"} key @param {string} legend @param {{value: string, label: string}[]} choices */
  #choices(key, legend, choices) {
    const all = choices.map(({ value }) => value);
    const chosen = this._config[key] ?? all;
    return html`<fieldset>
      <legend>${legend}</legend>
      ${choices.map(
        ({ value, label }) => html`<label class="choice">
          <input
            type="checkbox"
            .checked=${chosen.includes(value)}
            @change=${(event) => {
              const now = all.filter((each) =>
                each === value ? event.target.checked : chosen.includes(each),
              );
              // All is what is meant by saying nothing; none of them can be shown, so
              // that all are ticked again, this one too.
              if (!now.length) event.target.checked = true;
              this.#set(key, now.length && now.length < all.length ? now : undefined);
            }}
          />
          <span dir="auto">${label}</span>
        </label>`,
      )}
    </fieldset>`;
  }

  /** @param {string} key @param {unknown} value */
  #set(key, value) {
    const config = { ...this._config, [key]: value };
    if (value === undefined) delete config[key];
    this._config = config;
    this.dispatchEvent(
      new CustomEvent("config-changed", {
        bubbles: true,
        composed: true,
        detail: { config },
      }),
    );
  }
}
