import { css, html, LitElement, nothing } from "lit";
import { icon, ICONS, TONES, toneOf } from "./icons.js";
import { scaleOf } from "./scale.js";
import { base } from "./styles.js";
import { stepText } from "./texts.js";
import { away, clock, moment } from "./formats.js";

/** @import { Hass, Snapshot, Translate } from "./snapshot.js" */

/** How far from now an hour is shown on ever narrower bars, in percent. */
const ROOM = [26, 31, 44];

/** The quiet hours with the hours around them, and what happens in them. */
export class NightBar extends LitElement {
  static properties = {
    hass: { attribute: false },
    text: { attribute: false },
    snapshot: { attribute: false },
    now: { attribute: false },
  };

  static styles = [
    base,
    css`
      :host {
        container-type: inline-size;
      }
      .hours {
        display: flex;
        align-items: center;
        gap: 12px;
        margin-bottom: 20px;
      }
      .moon {
        display: grid;
        place-items: center;
        flex: none;
        width: 40px;
        height: 40px;
        border-radius: 50%;
        background: var(--nl-accent-fill);
        color: var(--nl-accent-ink);
      }
      .hours .when {
        font-size: var(--ha-font-size-l, 16px);
        font-weight: 500;
        line-height: 1.4;
      }
      .chart {
        display: grid;
        grid-template-columns: minmax(96px, 24%) minmax(0, 1fr);
        column-gap: 16px;
      }
      .axis,
      .lane,
      .backdrop {
        grid-column: 2;
      }
      .axis {
        position: relative;
        height: 22px;
        font-size: var(--nl-small);
        color: var(--nl-faint);
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .axis span {
        position: absolute;
        bottom: 2px;
        transform: translateX(-50%);
      }
      .axis span.first {
        transform: none;
      }
      .axis span.last {
        transform: translateX(-100%);
      }
      .axis .now {
        z-index: 2;
        padding: 0 8px;
        border-radius: 9px;
        background: var(--nl-ink);
        color: var(--nl-card);
        line-height: 18px;
        font-weight: 500;
      }
      .backdrop {
        position: relative;
        overflow: hidden;
        min-height: 28px;
        border-radius: 8px;
        background: color-mix(in srgb, var(--nl-ink) 4%, var(--nl-card));
      }
      .night {
        position: absolute;
        inset-block: 0;
        background: color-mix(in srgb, var(--nl-accent) 16%, var(--nl-card));
        border-inline: 2px solid color-mix(in srgb, var(--nl-accent) 55%, transparent);
      }
      .tick {
        position: absolute;
        inset-block: 0;
        width: 1px;
        background: color-mix(in srgb, var(--nl-ink) 8%, transparent);
      }
      .line {
        position: absolute;
        z-index: 1;
        inset-block: 0;
        width: 2px;
        margin-inline-start: -1px;
        background: var(--nl-ink);
      }
      .who,
      .lane {
        min-height: 44px;
        align-self: center;
      }
      .who {
        grid-area: var(--row) / 1;
        display: flex;
        align-items: center;
        min-width: 0;
        font-weight: 500;
      }
      .who span {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .lane {
        grid-row: var(--row) / span 2;
        position: relative;
        z-index: 1;
      }
      .block {
        position: absolute;
        top: 8px;
        display: flex;
        align-items: center;
        height: 28px;
        min-width: 28px;
        padding: 0 5px;
        overflow: hidden;
        border: 1.5px solid var(--tone);
        border-radius: 8px;
        background: var(--tone-fill);
        color: var(--tone);
      }
      .block .icon {
        position: relative;
        width: 16px;
        height: 16px;
      }
      .block .done {
        position: absolute;
        inset-block: 0;
        inset-inline-start: 0;
        background: color-mix(in srgb, var(--tone) 30%, transparent);
        transition: width 400ms;
      }
      .tone-running .block .icon {
        animation: turn 2.4s linear infinite;
      }
      .beside,
      .who span {
        padding-inline: 6px;
        border-radius: 6px;
      }
      .beside {
        position: absolute;
        top: 12px;
        margin-inline: 4px;
        line-height: 20px;
        background: color-mix(in srgb, var(--nl-card) 80%, transparent);
        font-size: var(--nl-small);
        white-space: nowrap;
        font-variant-numeric: tabular-nums;
      }
      .beside.before {
        transform: translateX(calc(-100% - 8px));
      }
      .nothing {
        grid-row: 3;
        display: grid;
        place-items: center;
        text-align: center;
        line-height: 1.3;
        padding-inline: 12px;
      }
      @container (max-width: 520px) {
        .chart {
          grid-template-columns: minmax(0, 1fr);
        }
        .axis,
        .lane,
        .backdrop,
        .who {
          grid-column: 1;
        }
        .who {
          z-index: 1;
          min-height: 28px;
          padding: 6px 6px 0;
        }
        .lane {
          grid-row: calc(var(--row) + 1);
          min-height: 40px;
        }
        .who span {
          background: color-mix(in srgb, var(--nl-card) 80%, transparent);
        }
        .block {
          top: 4px;
        }
        .beside {
          top: 8px;
        }
        .axis :is(.minor, .by1) {
          display: none;
        }
      }
      @container (max-width: 760px) {
        .axis .by0 {
          display: none;
        }
      }
      @container (max-width: 320px) {
        .axis .by2 {
          display: none;
        }
      }
    `,
  ];

  constructor() {
    super();
    /** @type {Hass} */
    this.hass = /** @type {any} */ (undefined);
    /** @type {Translate} */
    this.text = (key) => key;
    /** @type {Snapshot|undefined} */
    this.snapshot = undefined;
    this.now = 0;
  }

  render() {
    if (!this.snapshot) return nothing;
    const scale = scaleOf(this.hass, this.snapshot, this.now);
    return html`
      ${this.#hours(scale.quiet)}
      <div class="chart" role="group" aria-label=${this.text("hours.bar")}>
        ${this.#axis(scale)} ${this.#backdrop(scale)}
        ${scale.lanes.map((lane, index) => this.#lane(scale, lane, index))}
        ${scale.lanes.length ? nothing : this.#empty()}
      </div>
    `;
  }

  #hours(quiet) {
    const { text, hass, now } = this;
    if (!quiet) {
      return this.#headline(text("hours.none"), text("hours.none_hint"));
    }
    const { open, paused } = this.snapshot.quiet_hours;
    const between = text("hours.between", {
      start: moment(hass, quiet.start, now),
      end: clock(hass, quiet.end),
    });
    let hint = text("hours.opens", { away: away(hass, quiet.start, now) });
    if (paused) hint = text("hours.paused");
    else if (open) hint = text("hours.closes", { away: away(hass, quiet.end, now) });
    return this.#headline(between, hint);
  }

  #headline(when, hint) {
    return html`<div class="hours">
      <span class="moon">${icon(ICONS.night)}</span>
      <div>
        <p class="when">${when}</p>
        <p class="quiet">${hint}</p>
      </div>
    </div>`;
  }

  #axis({ from, to, ticks, place }) {
    const here = place(this.now);
    const now = this.text("hours.now", { time: moment(this.hass, this.now, this.now) });
    // What stands under the sign of now would not be read. At an end it reaches further.
    const far = (at) => Math.abs(place(at) - here) / (edge(here, 9) ? 1.6 : 1);
    const free = ticks.filter(({ at }) => far(at) > 18);
    return html`<div class="axis" style="grid-row: 1">
      ${free.map(
        ({ at, minor }) =>
          html`<span
            aria-hidden="true"
            class="${edge(place(at))} ${minor ? "minor" : ""} by${ROOM.findIndex((each) => far(at) < each)}"
            style=${left(place(at))}
            >${clock(this.hass, at)}</span
          >`,
      )}
      <span class="now ${edge(here, 9)}" style=${left(here)}>
        ${this.now < from ? "‹ " : ""}${now}${this.now > to ? " ›" : ""}
      </span>
    </div>`;
  }

  #backdrop({ from, to, quiet, ticks, lanes, place }) {
    const rows = this.#rows(lanes.length);
    return html`<div class="backdrop" style="grid-row: 2 / span ${rows}" aria-hidden="true">
      ${quiet
        ? html`<div
            class="night"
            style="left: ${place(quiet.start)}%; width: ${place(quiet.end) - place(quiet.start)}%"
          ></div>`
        : nothing}
      ${ticks.map(({ at }) => html`<div class="tick" style=${left(place(at))}></div>`)}
      ${this.now >= from && this.now <= to
        ? html`<div class="line" style=${left(place(this.now))}></div>`
        : nothing}
    </div>`;
  }

  /** On a phone a name stands above its lane, so there are two rows each. */
  #rows(lanes) {
    return Math.max(1, 2 * lanes);
  }

  #lane({ place }, lane, index) {
    const { lock, start, end, later } = lane;
    const { hass, now } = this;
    const tone = toneOf(lock);
    const from = place(start);
    const width = Math.max(0, place(end) - from);
    const when = later ? moment(hass, start, now) : clock(hass, start);
    const minutes = lock.expected_minutes;
    const label =
      minutes === null || minutes === undefined
        ? when
        : this.text("hours.at_for", { time: when, minutes });
    // Where there is more room: right of the block, or left of it.
    const before = later || from + width > 55;
    const at = `min(${from}%, 100% - 28px)`;
    const row = 2 + 2 * index;
    return html`
      <div class="who" style="--row: ${row}"><span dir="auto">${lock.name}</span></div>
      <div class="lane tone-${tone}" style="--row: ${row}">
        ${later
          ? html`<span class="beside before" style=${left(100)}>${label} ›</span>`
          : html`<div
                class="block"
                style="left: ${at}; width: ${width}%"
              >
                ${lock.progress
                  ? html`<div
                      class="done"
                      style="width: ${lock.progress.percent ?? 0}%"
                    ></div>`
                  : nothing}
                ${icon(TONES[tone])}
              </div>
              <span
                class="beside ${before ? "before" : ""}"
                style="left: ${before ? at : `calc(${from}% + max(28px, ${width}%))`}"
                >${label}</span
              >`}
        <span class="unseen">${stepText(hass, this.text, lock)}</span>
      </div>
    `;
  }

  /** Under the hours, whose lines would cross it. */
  #empty() {
    return html`<div class="lane nothing quiet" style="--row: 2">
      ${this.text("hours.nothing")}
    </div>`;
  }
}

/** @param {number} percent */
const left = (percent) => `left: ${percent}%`;

/** @param {number} percent @param {number} [margin] */
const edge = (percent, margin = 5) =>
  percent < margin ? "first" : percent > 100 - margin ? "last" : "";
