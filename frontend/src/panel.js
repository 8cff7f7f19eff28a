import { css, html, LitElement, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { icon, ICONS } from "./icons.js";
import { TonightSource } from "./source.js";
import { alerts, base, card } from "./styles.js";
import { household, instead, lostBanner, viewStyles, weekOfDoors } from "./tonight-view.js";

/** @import { Hass } from "./snapshot.js" */

/** Tonight, in the sidebar. */
export class NightlatchPanel extends LitElement {
  static properties = {
    hass: { attribute: false },
    narrow: { type: Boolean },
    route: { attribute: false },
    panel: { attribute: false },
  };

  static styles = [
    base,
    card,
    alerts,
    viewStyles,
    css`
      :host {
        min-height: 100vh;
        background: var(--primary-background-color, #fafafa);
      }
      .bar {
        position: sticky;
        z-index: 4;
        top: 0;
        display: flex;
        align-items: center;
        gap: 8px;
        height: calc(var(--header-height, 56px) + env(safe-area-inset-top, 0px));
        padding: env(safe-area-inset-top, 0px) 16px 0;
        background: var(--app-header-background-color, var(--nl-card));
        color: var(--app-header-text-color, var(--nl-ink));
        border-bottom: var(--app-header-border-bottom, 1px solid var(--nl-line));
      }
      .bar h1 {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        font-size: var(--ha-font-size-xl, 20px);
      }
      .menu {
        display: grid;
        place-items: center;
        width: 48px;
        height: 48px;
        margin-inline-start: -12px;
        border: none;
        border-radius: 50%;
        background: none;
        cursor: pointer;
      }
      .menu .icon {
        width: 24px;
        height: 24px;
      }
      main {
        display: grid;
        gap: 16px;
        max-width: 1040px;
        margin: 0 auto;
        padding: 24px 16px calc(32px + env(safe-area-inset-bottom, 0px));
      }
      .night {
        padding: 24px;
      }
      .night h2 {
        font-size: var(--ha-font-size-2xl, 24px);
        line-height: 1.3;
      }
      .night .quiet {
        margin-bottom: 20px;
      }
      .locks {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(400px, 100%), 1fr));
        align-items: start;
        gap: 16px;
      }
      .locks .card {
        display: grid;
      }
      .behind {
        padding: 20px 24px;
      }
      @media (max-width: 600px) {
        main {
          padding: 8px 8px 24px;
          gap: 8px;
        }
        .locks {
          gap: 8px;
        }
        .night,
        .behind {
          padding: 16px;
        }
      }
    `,
  ];

  constructor() {
    super();
    /** @type {Hass|undefined} */
    this.hass = undefined;
    this.narrow = false;
    this.route = undefined;
    this.panel = undefined;
    this._source = new TonightSource(this);
  }

  willUpdate() {
    this._source.hass = this.hass;
  }

  render() {
    const { hass, _source: source } = this;
    if (!hass) return nothing;
    const without = instead(hass, source);
    return html`
      <div class="bar">
        ${this.narrow || hass.dockedSidebar === "always_hidden"
          ? html`<button
              class="menu"
              aria-label=${hass.localize("ui.sidebar.sidebar_toggle") || "Menu"}
              @click=${this.#toggleMenu}
            >
              ${icon(ICONS.menu)}
            </button>`
          : nothing}
        <h1>Nightlatch</h1>
      </div>
      <main>
        ${lostBanner(hass, source)}
        ${without ? html`<div class="card">${without}</div>` : this.#tonight()}
      </main>
    `;
  }

  #tonight() {
    const { hass, _source: source } = this;
    const { text, snapshot, now } = source;
    return html`
      <section class="card night" aria-labelledby="tonight">
        <h2 id="tonight">${text("tonight.title")}</h2>
        <p class="quiet">${snapshot.summary}</p>
        <nightlatch-night-bar
          .hass=${hass}
          .text=${text}
          .snapshot=${snapshot}
          .now=${now}
        ></nightlatch-night-bar>
      </section>
      <section class="locks" aria-label=${text("tonight.locks")}>
        ${repeat(
          snapshot.locks,
          (lock) => lock.lock_id,
          (lock) => html`<div class="card">
            <nightlatch-lock
              .hass=${hass}
              .text=${text}
              .lock=${lock}
              .now=${now}
              .connected=${source.connected}
            ></nightlatch-lock>
          </div>`,
        )}
      </section>
      <section class="card behind" aria-label=${text("household.label")}>
        ${household(hass, text, snapshot)} ${weekOfDoors(hass, snapshot)}
      </section>
    `;
  }

  #toggleMenu() {
    this.dispatchEvent(
      new CustomEvent("hass-toggle-menu", { bubbles: true, composed: true }),
    );
  }
}
