import { css } from "lit";

/** Colours and type of Home Assistant's themes. */
export const base = css`
  :host {
    --nl-ink: var(--primary-text-color, #141414);
    --nl-faint: var(--secondary-text-color, #5e5e5e);
    --nl-line: var(--divider-color, #0000001f);
    --nl-accent: var(--primary-color, #009ac7);
    --nl-accent-ink: color-mix(in srgb, var(--nl-accent) 55%, var(--nl-ink));
    --nl-accent-fill: var(--ha-color-fill-primary-normal-resting);
    --nl-card: var(--ha-card-background, var(--card-background-color, #fff));
    --nl-good: var(--ha-color-on-success-normal);
    --nl-good-fill: var(--ha-color-fill-success-normal-resting);
    --nl-waits: var(--ha-color-on-warning-normal);
    --nl-waits-fill: var(--ha-color-fill-warning-normal-resting);
    --nl-stopped: var(--ha-color-on-danger-normal);
    --nl-stopped-fill: var(--ha-color-fill-danger-normal-resting);
    --nl-idle-fill: color-mix(in srgb, var(--nl-ink) 8%, var(--nl-card));
    --nl-small: var(--ha-font-size-s, 12px);
    display: block;
    color: var(--nl-ink);
    font-family: var(--ha-font-family-body, Roboto, Noto, sans-serif);
    font-size: var(--ha-font-size-m, 14px);
    line-height: var(--ha-line-height-normal, 1.6);
    -webkit-font-smoothing: antialiased;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol {
    margin: 0;
    padding: 0;
    font-weight: 400;
  }
  ul,
  ol {
    list-style: none;
  }
  p,
  li,
  h2,
  h3 {
    overflow-wrap: anywhere;
  }
  strong {
    font-weight: 500;
  }
  .icon {
    flex: none;
    width: 20px;
    height: 20px;
    fill: currentColor;
  }
  .quiet {
    color: var(--nl-faint);
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .tone-good {
    --tone: var(--nl-good);
    --tone-fill: var(--nl-good-fill);
  }
  .tone-waits {
    --tone: var(--nl-waits);
    --tone-fill: var(--nl-waits-fill);
  }
  .tone-stopped {
    --tone: var(--nl-stopped);
    --tone-fill: var(--nl-stopped-fill);
  }
  .tone-idle {
    --tone: var(--nl-faint);
    --tone-fill: var(--nl-idle-fill);
  }
  .tone-running {
    --tone: var(--nl-accent-ink);
    --tone-fill: var(--nl-accent-fill);
  }
  button,
  a {
    font: inherit;
    color: inherit;
  }
  :is(button, a, input, summary):focus-visible {
    outline: 2px solid var(--nl-accent-ink);
    outline-offset: 2px;
  }
  @keyframes turn {
    to {
      rotate: -360deg;
    }
  }
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    min-height: 40px;
    padding: 0 16px;
    border: none;
    border-radius: var(--ha-border-radius-pill, 9999px);
    background: var(--nl-accent-fill);
    color: var(--nl-accent-ink);
    font-weight: 500;
    text-decoration: none;
    cursor: pointer;
    transition: background 120ms;
  }
  .button:hover {
    background: color-mix(in srgb, var(--nl-accent-ink) 14%, var(--nl-accent-fill));
  }
  .button.plain {
    background: none;
    color: var(--nl-accent-ink);
  }
  .button.plain:hover {
    background: color-mix(in srgb, var(--nl-accent-ink) 8%, transparent);
  }
  .button.other {
    background: var(--nl-idle-fill);
    color: var(--nl-ink);
  }
  .button.other:hover {
    background: color-mix(in srgb, var(--nl-ink) 14%, var(--nl-card));
  }
  .button.loud {
    background: var(--nl-accent-ink);
    color: var(--nl-card);
  }
  .button.loud:hover {
    background: color-mix(in srgb, var(--nl-accent-ink) 88%, var(--nl-ink));
  }
  .button[aria-disabled="true"] {
    cursor: default;
    opacity: 0.6;
  }
  .button .icon {
    width: 18px;
    height: 18px;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;

/** A card as Home Assistant draws it; also where its own element is not there. */
export const card = css`
  .card,
  ha-card {
    display: block;
    position: relative;
    min-width: 0;
    background: var(--nl-card);
    border: var(--ha-card-border-width, 1px) solid
      var(--ha-card-border-color, var(--nl-line));
    border-radius: var(--ha-card-border-radius, var(--ha-border-radius-lg, 12px));
    box-shadow: var(--ha-card-box-shadow, none);
    color: var(--nl-ink);
  }
`;

/** A sentence that wants to be seen. */
export const alerts = css`
  .alert {
    display: flex;
    gap: 12px;
    align-items: flex-start;
    padding: 10px 12px;
    border-radius: 8px;
    background: var(--tone-fill);
    color: var(--nl-ink);
  }
  .alert > .icon {
    margin-top: 1px;
    color: var(--tone);
  }
  .alert > div {
    flex: 1;
    min-width: 0;
  }
  .alert .to-do {
    color: var(--nl-ink);
    opacity: 0.9;
  }
  .alert button.close {
    display: grid;
    place-items: center;
    width: 32px;
    height: 32px;
    margin: -5px -6px -5px 0;
    border: none;
    border-radius: 50%;
    background: none;
    cursor: pointer;
  }
`;
