import { css, html, nothing } from "lit";
import { icon, ICONS } from "./icons.js";
import { away, moment } from "./formats.js";

/** @import { Hass, Translate, Snapshot } from "./snapshot.js" */
/** @import { TonightSource } from "./source.js" */

const ADD_A_LOCK = "/config/integrations/integration/nightlatch";

export const viewStyles = css`
  .state {
    display: grid;
    justify-items: center;
    gap: 12px;
    padding: 40px 24px;
    text-align: center;
  }
  .state > .icon {
    width: 48px;
    height: 48px;
    color: var(--nl-faint);
  }
  .state h2 {
    font-size: var(--ha-font-size-xl, 20px);
    line-height: 1.3;
  }
  .state p {
    max-width: 48ch;
  }
  .skeleton {
    display: grid;
    gap: 12px;
    padding: 24px 16px;
  }
  .skeleton div {
    height: 20px;
    border-radius: 6px;
    background: color-mix(in srgb, var(--nl-ink) 8%, transparent);
    animation: breathe 1.4s ease-in-out infinite alternate;
  }
  .skeleton div:first-child {
    width: 45%;
  }
  .skeleton div:nth-child(2) {
    height: 64px;
  }
  @keyframes breathe {
    to {
      opacity: 0.4;
    }
  }
  .household {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(240px, 100%), 1fr));
    gap: 12px 24px;
  }
  .household li {
    display: flex;
    gap: 12px;
    color: var(--nl-faint);
  }
  .household .icon {
    margin-top: 1px;
    color: var(--nl-accent-ink);
  }
  .link {
    display: block;
    padding: 4px 0;
    border: none;
    background: none;
    color: var(--nl-accent-ink);
    text-decoration: underline;
    cursor: pointer;
  }
  figure {
    margin: 24px 0 0;
  }
  figure img {
    display: block;
    width: 100%;
    height: auto;
    margin-top: 12px;
  }
  .household strong {
    display: block;
    color: var(--nl-ink);
    font-weight: 500;
  }
`;

/** That the connection is lost, and how old is what is shown. @param {Hass} hass @param {TonightSource} source */
export function lostBanner(hass, source) {
  if (source.connected || !source.text || !source.snapshot) return nothing;
  const { text, heardAt } = source;
  return html`<div class="alert tone-waits" role="status">
    ${icon(ICONS.alert)}
    <div>
      ${text("state.lost", {
        time: moment(hass, heardAt, Date.now()),
        away: away(hass, heardAt, Date.now()),
      })}
    </div>
  </div>`;
}

/** What is shown where there is nothing to show yet. @param {Hass} hass @param {TonightSource} source */
export function instead(hass, source) {
  const { text, state, snapshot } = source;
  if (!text || (state === "loading" && source.connected)) {
    return html`<div class="skeleton" role="status" aria-busy="true">
      <span class="unseen">${text ? text("state.loading") : hass.localize("ui.common.loading") || "Loading"}</span>
      <div></div>
      <div></div>
      <div></div>
    </div>`;
  }
  if (state === "not_loaded") {
    return message(ICONS.info, text("state.not_loaded"), source.message || text("state.not_loaded_hint"));
  }
  if (state === "failed") {
    return message(ICONS.alert, text("state.failed"), source.message);
  }
  if (!snapshot) {
    return message(ICONS.alert, text("state.no_connection"), text("state.no_connection_hint"));
  }
  if (!snapshot.locks.length) {
    return message(
      ICONS.add,
      text("state.empty"),
      text("state.empty_hint"),
      hass.user?.is_admin
        ? html`<a class="button" href=${ADD_A_LOCK}>${text("state.add")}</a>`
        : nothing,
    );
  }
  return null;
}

function message(path, heading, hint, more = nothing) {
  return html`<div class="state" role="status">
    ${icon(path)}
    <h2>${heading}</h2>
    ${hint ? html`<p class="quiet">${hint}</p>` : nothing} ${more}
  </div>`;
}

/**
 * What is behind all of it.
 *
 * @param {Hass} hass @param {Translate} text @param {Snapshot} snapshot
 */
export function household(hass, text, snapshot) {
  const { evidence, way_back: wayBack, report } = snapshot.household ?? {};
  if (!evidence && !wayBack) return nothing;
  const fact = (path, name, told, more = nothing) =>
    told
      ? html`<li>
          ${icon(path)}
          <div><strong>${name}</strong>${told}${more}</div>
        </li>`
      : nothing;
  return html`<ul class="household">
    ${fact(ICONS.evidence, text("household.evidence"), evidence)}
    ${fact(ICONS.way_back, text("household.way_back"), wayBack)}
    ${fact(
      ICONS.info,
      text("household.report"),
      report?.text,
      html`<button class="link" @click=${() => openReport(hass, report.path)}>
        ${text("household.open")}
      </button>`,
    )}
  </ul>`;
}

/**
 * When the doors are used, as the server has drawn it.
 *
 * @param {Hass} hass @param {Snapshot} snapshot
 */
export function weekOfDoors(hass, snapshot) {
  const { week } = snapshot.household ?? {};
  const picture = week && hass.states?.[week.entity]?.attributes.entity_picture;
  // A picture is light or dark as its place is, which need not be as the browser is.
  return picture
    ? html`<figure>
        <figcaption>${week.title}</figcaption>
        <img
          src=${picture}
          alt=${week.text}
          style=${`color-scheme:${hass.themes?.darkMode ? "dark" : "light"}`}
        />
      </figure>`
    : nothing;
}

/** Open it beside the panel, with a link that runs out. @param {Hass} hass @param {string} path */
async function openReport(hass, path) {
  const signed = await hass.callWS({ type: "auth/sign_path", path }).catch(() => null);
  if (!signed) return;
  const link = document.createElement("a");
  link.href = signed.path;
  link.target = "_blank";
  link.rel = "noopener";
  link.click();
}
