import { css, html, LitElement, nothing } from "lit";
import { act, asksFirst, DEEDS, isAsAsked, needsCode } from "./deeds.js";
import { historyStrip, historyStyles } from "./history-strip.js";
import { DEED_ICONS, icon, ICONS, TONES, toneOf } from "./icons.js";
import { alerts, base } from "./styles.js";
import { stepText } from "./texts.js";
import { moment, share } from "./formats.js";

/** @import { Deed } from "./deeds.js" */
/** @import { Hass, Lock, Translate } from "./snapshot.js" */

/** One lock: how it stands, what is in the way, what may be done, what was. */
export class LockView extends LitElement {
  static properties = {
    hass: { attribute: false },
    text: { attribute: false },
    lock: { attribute: false },
    now: { attribute: false },
    connected: { attribute: false },
    withHistory: { attribute: false },
    _refusal: { state: true },
    _busy: { state: true },
    _told: { state: true },
  };

  static styles = [
    base,
    alerts,
    historyStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 12px;
        padding: 16px;
        container-type: inline-size;
      }
      header {
        display: flex;
        gap: 12px;
        align-items: flex-start;
      }
      .badge {
        display: grid;
        place-items: center;
        flex: none;
        width: 40px;
        height: 40px;
        border-radius: 50%;
        background: var(--tone-fill);
        color: var(--tone);
      }
      .badge .icon {
        width: 22px;
        height: 22px;
      }
      .tone-running .badge .icon {
        animation: turn 2.4s linear infinite;
      }
      .title {
        flex: 1;
        min-width: 0;
      }
      h3 {
        line-height: 1.35;
      }
      .name {
        max-width: 100%;
        margin: 0 -6px;
        padding: 0 6px;
        border: none;
        border-radius: 6px;
        background: none;
        font-size: var(--ha-font-size-l, 16px);
        font-weight: 500;
        text-align: start;
        overflow-wrap: anywhere;
        cursor: pointer;
      }
      button.name:hover {
        text-decoration: underline;
        text-underline-offset: 3px;
      }
      .versions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 8px;
        color: var(--nl-faint);
      }
      .versions bdi {
        overflow-wrap: anywhere;
      }
      .versions .to {
        color: var(--nl-ink);
        font-weight: 500;
      }
      .chip {
        flex: none;
        max-width: 46%;
        padding: 3px 10px;
        border-radius: 12px;
        background: var(--tone-fill);
        color: var(--tone);
        font-size: var(--nl-small);
        font-weight: 500;
        line-height: 18px;
        text-align: center;
      }
      @container (max-width: 340px) {
        .chip {
          max-width: 40%;
        }
      }
      .none {
        margin-bottom: -12px;
      }
      nightlatch-question {
        display: contents;
      }
      .alert + .alert {
        margin-top: 8px;
      }
      .waiting li {
        display: flex;
        gap: 8px;
        color: var(--nl-faint);
      }
      .waiting .icon {
        width: 18px;
        height: 18px;
        margin-top: 2px;
      }
      .progress p {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        margin-bottom: 6px;
      }
      .track {
        position: relative;
        height: 8px;
        overflow: hidden;
        border-radius: 4px;
        background: var(--nl-accent-fill);
      }
      .track div {
        height: 100%;
        border-radius: 4px;
        background: var(--nl-accent-ink);
        transition: width 400ms;
      }
      .track .unknown {
        width: 30%;
        animation: slide 1.8s ease-in-out infinite alternate;
      }
      @keyframes slide {
        to {
          margin-left: 70%;
        }
      }
      .deeds {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .more {
        display: grid;
        gap: 10px;
        margin-top: auto;
      }
      details {
        color: var(--nl-faint);
      }
      summary {
        width: fit-content;
        border-radius: 6px;
        cursor: pointer;
        color: var(--nl-faint);
        font-weight: 500;
      }
      .facts {
        display: grid;
        gap: 8px;
        margin-top: 8px;
      }
      .facts li {
        display: flex;
        gap: 10px;
      }
      .facts .icon {
        width: 18px;
        height: 18px;
        margin-top: 2px;
      }
      .facts a {
        color: var(--nl-accent-ink);
        border-radius: 4px;
      }
    `,
  ];

  constructor() {
    super();
    /** @type {Hass} */
    this.hass = /** @type {any} */ (undefined);
    /** @type {Translate} */
    this.text = (key) => key;
    /** @type {Lock} */
    this.lock = /** @type {any} */ (undefined);
    this.now = 0;
    this.connected = true;
    this.withHistory = true;
    this._refusal = "";
    /** @type {Set<Deed>} */
    this._busy = new Set();
    this._told = "";
  }

  willUpdate(changed) {
    if (!changed.has("lock")) return;
    const before = /** @type {Lock|undefined} */ (changed.get("lock"));
    const { lock } = this;
    const phase = lock.progress?.phase;
    // A phase is said once, and how it ended; each percent would be noise.
    if (phase && phase !== before?.progress?.phase) {
      this._told = `${lock.name}: ${lock.progress.phase_text}`;
    } else if (!phase && before?.progress) {
      this._told = `${lock.name}: ${lock.summary}`;
    }
  }

  render() {
    const { lock, text } = this;
    const tone = toneOf(lock);
    return html`
      <header class="tone-${tone}">
        <span class="badge">${icon(TONES[tone])}</span>
        <div class="title">
          <h3>${this.#name()}</h3>
          ${this.#versions()}
        </div>
        <span class="chip">${stepText(this.hass, text, lock)}</span>
      </header>
      ${lock.summary ? html`<p class="summary">${lock.summary}</p>` : nothing}
      ${this.#progress()} ${this.#inTheWay()} ${this.#refused()} ${this.#deeds()}
      <div class="more">
        ${this.withHistory ? historyStrip(this.hass, text, lock) : nothing}
        ${this.#facts()}
      </div>
      <div class="unseen" role="status" aria-live="polite">${this._told}</div>
      <nightlatch-question .text=${text}></nightlatch-question>
    `;
  }

  #name() {
    const { lock } = this;
    if (!lock.update_entity) return html`<span class="name" dir="auto">${lock.name}</span>`;
    return html`<button class="name" dir="auto" @click=${this.#moreInfo}>${lock.name}</button>`;
  }

  #versions() {
    const { lock, text } = this;
    const installed = lock.installed
      ? html`<bdi>${lock.installed}</bdi>`
      : html`<span>${text("lock.unknown_version")}</span>`;
    if (!lock.offered || lock.offered === lock.installed) {
      return html`<p class="versions">${installed}</p>`;
    }
    return html`<p class="versions">
      <span class="unseen">${text("lock.runs")}</span>${installed}
      <span aria-hidden="true">→</span><span class="unseen">${text("lock.offered")}</span>
      <bdi class="to">${lock.offered}</bdi>
    </p>`;
  }

  #progress() {
    const { progress, name } = this.lock;
    if (!progress) return nothing;
    const known = typeof progress.percent === "number";
    const percent = known ? Math.round(Math.min(100, Math.max(0, progress.percent))) : 0;
    const since = Date.parse(progress.since);
    return html`<div class="progress">
      <p>
        <strong>${progress.phase_text}</strong>
        <span class="quiet">
          ${known
            ? share(this.hass, percent)
            : Number.isNaN(since)
              ? nothing
              : this.text("progress.since", { time: moment(this.hass, since, this.now) })}
        </span>
      </p>
      <div
        class="track"
        role="progressbar"
        aria-label="${name}: ${progress.phase_text}"
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${known ? percent : nothing}
      >
        ${known
          ? html`<div style="width: ${percent}%"></div>`
          : html`<div class="unknown"></div>`}
      </div>
    </div>`;
  }

  #inTheWay() {
    const { blockers, waiting_for: waiting } = this.lock;
    return html`${blockers?.length
      ? html`<ul aria-label=${this.text("lock.in_the_way")}>
          ${blockers.map(
            (blocker) =>
              html`<li class="alert tone-stopped">
                ${icon(ICONS.alert)}
                <div>
                  <p>${blocker.text}</p>
                  ${blocker.what_to_do
                    ? html`<p class="to-do">${blocker.what_to_do}</p>`
                    : nothing}
                </div>
              </li>`,
          )}
        </ul>`
      : nothing}
    ${waiting?.length
      ? html`<ul class="waiting" aria-label=${this.text("lock.waits_for")}>
          ${waiting.map((each) => html`<li>${icon(TONES.waits)}<span>${each}</span></li>`)}
        </ul>`
      : nothing}`;
  }

  #refused() {
    return html`<div role="alert" class=${this._refusal ? "" : "none"}>
      ${this._refusal
        ? html`<div class="alert tone-stopped">
            ${icon(ICONS.alert)}
            <div>${this._refusal}</div>
            <button
              class="close"
              aria-label=${this.text("lock.dismiss")}
              @click=${this.#dismiss}
            >
              ${icon(ICONS.close)}
            </button>
          </div>`
        : nothing}
    </div>`;
  }

  #deeds() {
    const deeds = DEEDS.filter((deed) => this.lock.may?.[deed] === true);
    if (!deeds.length || !this.lock.update_entity) return nothing;
    return html`<div
      class="deeds"
      role="group"
      aria-label=${this.text("lock.deeds", { lock: this.lock.name })}
    >
      ${deeds.map((deed) => {
        const off = !this.connected || this._busy.has(deed);
        return html`<button
          class="button ${deed === "install" || deed === "approve" ? "" : "other"}"
          data-deed=${deed}
          aria-disabled=${off ? "true" : nothing}
          aria-busy=${this._busy.has(deed) ? "true" : nothing}
          @click=${() => this.#pressed(deed)}
        >
          ${icon(DEED_ICONS[deed])}${this.text(`deed.${deed}`)}
        </button>`;
      })}
    </div>`;
  }

  #facts() {
    const { lock, text } = this;
    const page =
      lock.device_id && this.hass.user?.is_admin
        ? `/config/devices/device/${encodeURIComponent(lock.device_id)}`
        : null;
    if (!lock.evidence && !lock.way_back && !page) return nothing;
    return html`<details>
      <summary>${text("lock.more")}<span class="unseen">: ${lock.name}</span></summary>
      <ul class="facts">
        ${lock.evidence
          ? html`<li>${icon(ICONS.evidence)}<span>${lock.evidence}</span></li>`
          : nothing}
        ${lock.way_back
          ? html`<li>${icon(ICONS.way_back)}<span>${lock.way_back}</span></li>`
          : nothing}
        ${page
          ? html`<li>
              ${icon(ICONS.device)}<a href=${page}>${text("lock.device_page")}</a>
            </li>`
          : nothing}
      </ul>
    </details>`;
  }

  #moreInfo() {
    this.dispatchEvent(
      new CustomEvent("hass-more-info", {
        bubbles: true,
        composed: true,
        detail: { entityId: this.lock.update_entity },
      }),
    );
  }

  async #dismiss() {
    this._refusal = "";
    await this.updateComplete;
    const next = this.renderRoot.querySelector(".deeds button, .name");
    /** @type {HTMLElement|null} */ (next)?.focus();
  }

  /** @param {Deed} deed */
  async #pressed(deed) {
    if (!this.connected || this._busy.has(deed)) return;
    this._refusal = "";
    let { lock } = this;
    let code = null;
    if (asksFirst(lock, deed)) {
      let asked = null;
      // What was asked about is what is done: where it is not that any more, ask again.
      while (!asked || !isAsAsked(asked, this.lock, deed)) {
        asked = lock = this.lock;
        const answer = await this.#question.ask(this.#asked(lock, deed));
        if (!answer) return;
        code = answer.code;
      }
    }
    this._busy = new Set(this._busy).add(deed);
    const refusal = await act(this.hass, lock, deed, code);
    const busy = new Set(this._busy);
    busy.delete(deed);
    this._busy = busy;
    if (refusal) this._refusal = refusal;
  }

  /** @returns {import("./question.js").Question} */
  get #question() {
    return /** @type {any} */ (this.renderRoot.querySelector("nightlatch-question"));
  }

  /** @param {Lock} lock @param {Deed} deed */
  #asked(lock, deed) {
    const { text } = this;
    const names = {
      lock: lock.name,
      installed: lock.installed ?? text("lock.unknown_version"),
      offered: lock.offered ?? text("lock.unknown_version"),
      minutes: lock.expected_minutes ?? "",
    };
    const meaning = [text(`ask.${deed}_means`, names)];
    if (deed === "install" && lock.expected_minutes) {
      meaning.push(text("ask.takes", names));
    }
    if (deed !== "approve") meaning.push(text("ask.way_in"));
    if (deed === "install" && lock.way_back) meaning.push(lock.way_back);
    return {
      heading: text(`ask.${deed}`, names),
      meaning,
      against: deed === "install" ? lock.blockers.map((blocker) => blocker.text) : [],
      yes: text(`ask.${deed}_yes`),
      code: needsCode(lock, deed),
    };
  }
}
